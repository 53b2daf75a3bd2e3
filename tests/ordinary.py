"""An ordinary user to run things as, even where only root can reach the checkout or Python."""

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]

# In a mount namespace of its own: each closed folder is covered by an empty one, in which the
# folders that are needed lie where they always lay. Outside of it nothing changes.
OPEN = """
IFS='
'
fd=3
for needed in $NEEDED; do eval "exec $fd< \\$needed"; fd=$((fd + 1)); done
for closed in $CLOSED; do mount -t tmpfs -o mode=755 opened "$closed"; done
fd=3
for needed in $NEEDED; do
    mkdir -p "$needed"
    mount --no-canonicalize --bind "/proc/self/fd/$fd" "$needed"
    eval "exec $fd<&-"
    fd=$((fd + 1))
done
unset NEEDED CLOSED IFS
cd /
exec "$@"
"""


def as_user(uid: int, command: Sequence[str]) -> list[str]:
    """The command as that user and group; as it stands when we are an ordinary user already."""
    if os.geteuid() != 0:
        return list(command)
    drop = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", *command]
    needed = {path.resolve() for path in (ROOT, Path(sys.prefix), Path(sys.base_prefix))}
    closed = {folder for path in needed for folder in _closed(path)}
    if not closed:
        return drop
    hidden = sorted(path for path in needed if any(path.is_relative_to(at) for at in closed))
    lists = {"NEEDED": hidden, "CLOSED": sorted(closed)}
    named = [f"{name}=" + "\n".join(map(str, paths)) for name, paths in lists.items()]
    return ["env", *named, "unshare", "--mount", "sh", "-ec", OPEN, "sh", *drop]


def _closed(path: Path) -> Iterator[Path]:
    """The topmost folder on the way there that others may not pass, if there is one."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            yield folder
            return
