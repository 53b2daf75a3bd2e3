"""All measurements, or those that are named: `python -m benchmarks [NAME…] [0.1x] [1x] [10x]`."""

import importlib
import os
import sys
from pathlib import Path

SHARED = {"__init__", "__main__", "measure", "synthetic"}
NAMES = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - SHARED)
SIZES = ("0.1x", "1x", "10x")


def main(words: list[str]) -> None:
    sizes = [word for word in words if word in SIZES]
    names = [word for word in words if word not in SIZES]
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        raise SystemExit(f"no measurement {unknown[0]}; there are {', '.join(NAMES)}")
    if os.getloadavg()[0] > 0.5:
        print(f"Other work is running here (load {os.getloadavg()[0]:.1f}): this will look slow.")
    for name in names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n{(module.__doc__ or name).splitlines()[0]}\n")
        fitting = [size for size in sizes if size in getattr(module, "SIZES", SIZES[1:])]
        if fitting or not sizes:
            module.main(fitting)


if __name__ == "__main__":
    main(sys.argv[1:])
