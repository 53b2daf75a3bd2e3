"""`make torture`: as many kills as asked, with a seed that is printed. ARGS="--kills 1000"."""

import argparse
import secrets
import tempfile
from pathlib import Path

from tests.torture.run import torture


def main() -> None:
    parser = argparse.ArgumentParser(prog="make torture")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    asked = parser.parse_args()
    print(f"{asked.kills} kills, seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="rackrate-torture-") as folder:
        story = torture(Path(folder), asked.kills, asked.seed)
    print(
        f"{sum(story.kills.values())} kills ({dict(story.kills)}), {story.asked} requests, "
        f"{len(story.started)} leases: nothing lost, nothing started or billed twice"
    )


if __name__ == "__main__":
    main()
