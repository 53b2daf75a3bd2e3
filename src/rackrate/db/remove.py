"""`python -m rackrate.db.remove FOLDER`: stop the server of a data folder, and delete both."""

import shutil
import sys
from pathlib import Path

from rackrate.core.errors import RackrateError
from rackrate.db.embedded import Embedded


def remove(data: Path) -> None:
    """Refuses while a control plane runs there. A folder that is no data folder is left alone."""
    if not (data / "lock").exists():
        return
    server = Embedded(data)
    server.stop()
    home = (data / "postgres").resolve()
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(data)


if __name__ == "__main__":
    try:
        remove(Path(sys.argv[1]))
    except RackrateError as error:
        sys.exit(error.detail)
