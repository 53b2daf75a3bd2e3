"""How long does the Philly trace take, with metering, rating, invoices and postings?

    python -m benchmarks.replay [1x] [10x]

Each run is a process of its own on one core: reading the file, 82,247 jobs through the use cases of
production on a virtual clock, and the report. 1x is its first tenth. Without the trace at hand as
many jobs are drawn from a seed, and the row says so.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, keep, show

JOBS = {"1x": 8_225, "10x": 82_247}
TARGET = {"10x": {"seconds": 20, "rss_mib": 512}}
TRACES = Path(os.environ.get("RACKRATE_TRACES", ROOT.parent / "shared" / "traces"))
TRACE = TRACES / "philly" / "philly_jobs.csv"


def one(jobs: int, fleet: str) -> None:
    """Run it here, and print what it took."""
    began = time.perf_counter()
    from rackrate.sim.replay import replay
    from rackrate.sim.traces import draw_jobs, read_jobs

    demand = read_jobs(TRACE)[:jobs] if TRACE.exists() else draw_jobs(jobs, 1)
    path = ROOT / "examples" / "fleets" / fleet
    report = replay(demand, [(fleet, path.read_text())])
    seconds = time.perf_counter() - began
    assert report.balanced
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    row = {
        "demand": "philly" if TRACE.exists() else "drawn",
        "fleet": fleet,
        "jobs": report.jobs,
        "refused": report.jobs - report.started,
        "seconds": round(seconds, 1),
        "cpu_s": round(cpu, 1),
        "cpu_us_a_job": round(1e6 * cpu / report.jobs),
        "rss_mib": used.ru_maxrss // 1024,
    }
    print(json.dumps(row))


def measure(size: str, fleet: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.replay", "--one", str(JOBS[size]), fleet]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {"size": size, **json.loads(out)}


def main(sizes: list[str]) -> None:
    fleets = ("philly-352.yaml", "philly-60.yaml")
    rows = [measure(size, fleet) for size in sizes or list(JOBS) for fleet in fleets]
    show(rows)
    keep("replay", "How long does the Philly trace take, all books included?", TARGET, rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(int(sys.argv[2]), sys.argv[3])
    else:
        main(sys.argv[1:])
