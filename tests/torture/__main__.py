"""`make torture`: as many kills as asked, with a seed that is printed. ARGS="--kills 1000".

With ARGS="--years 30" it is years of simulated business instead, each three with a new seed.
"""

import argparse
import secrets
import tempfile
from pathlib import Path

from tests.sim.years_acts import years
from tests.torture.run import torture

YEARS_AT_ONCE, DAYS, MOST_SAID = 3, 365, 20


def main() -> None:
    parser = argparse.ArgumentParser(prog="make torture")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--years", type=int)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    asked = parser.parse_args()
    if asked.years is not None:
        simulate(asked.years, asked.seed)
        return
    print(f"{asked.kills} kills, seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="rackrate-torture-") as folder:
        story = torture(Path(folder), asked.kills, asked.seed)
    print(
        f"{sum(story.kills.values())} kills ({dict(story.kills)}), {story.asked} requests, "
        f"{len(story.started)} leases: nothing lost, nothing started or billed twice"
    )


def simulate(length: int, seed: int) -> None:
    """Years of business, which end at the first that breaks a promise without a word."""
    while length > 0:
        some = min(length, YEARS_AT_ONCE)
        print(f"{some} years, seed {seed}", flush=True)
        told = years(seed, some * DAYS)
        if told.findings:
            raise SystemExit("\n".join((f"seed {seed}, {some} years:", *told.findings[:MOST_SAID])))
        print(f"  {dict(told.done)}\n  refused: {dict(told.refused)}\n  {dict(told.seen)}")
        length, seed = length - some, seed + 1


if __name__ == "__main__":
    main()
