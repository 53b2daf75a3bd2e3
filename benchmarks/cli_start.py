"""How soon does the command line answer? Each run is a new process, on a server with its database.

    python -m benchmarks.cli_start [1x] [10x]

1x shows a page of 50 leases, 10x one of 500. Beside it, measured in the same run: what Python alone
takes, and what importing Typer takes. CPU time is told too, since other work delays the clock.
"""

import os
import pty
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.lease_start import client, server
from benchmarks.measure import keep

RUNS = 21
LEASES = {"1x": 50, "10x": 500}
TARGET = {"median_ms": 400}
PROGRAM = str(Path(sys.executable).parent / "rackrate")
Run = Callable[[Sequence[str], Mapping[str, str]], None]


def piped(command: Sequence[str], environment: Mapping[str, str]) -> None:
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


def on_terminal(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """As a person runs it: on a terminal of 120 columns, which is read to its end."""
    ours, theirs = pty.openpty()
    told = {**environment, "TERM": "xterm-256color", "COLUMNS": "120"}
    process = subprocess.Popen(command, env=told, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        while os.read(ours, 65536):
            pass
    except OSError:
        pass  # The program has ended: Linux says so with EIO.
    finally:
        os.close(ours)
    if process.wait():
        raise SystemExit(f"{command} failed")


def measure(name: str, run: Run, command: Sequence[str], environment: Mapping[str, str]) -> Any:
    """Its least, median and greatest time over many runs, after one that warms the caches."""
    run(command, environment)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run(command, environment)
        took.append(1000 * (time.perf_counter() - began))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took.sort()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "command": name,
        "min_ms": round(took[0]),
        "median_ms": round(took[RUNS // 2]),
        "max_ms": round(took[-1]),
        "cpu_ms": round(1000 * cpu / RUNS),
    }


def size_rows(size: str, leases: int) -> list[Any]:
    with server(leases) as at, tempfile.TemporaryDirectory() as home:
        client(at.port, at.token, 0, leases)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "RACKRATE_URL": f"http://127.0.0.1:{at.port}",
            "RACKRATE_TOKEN": at.token,
        }
        list_ = [PROGRAM, "lease", "list", "--limit", str(leases)]
        python = [sys.executable, "-c"]
        rows = [
            measure("python -c pass", piped, [*python, "pass"], environment),
            measure("python -c 'import typer'", piped, [*python, "import typer"], environment),
            measure("rackrate --help", piped, [PROGRAM, "--help"], environment),
            measure("rackrate lease list", piped, list_, environment),
            measure("rackrate lease list, on a terminal", on_terminal, list_, environment),
        ]
    return [{"size": size, "leases": leases, **row} for row in rows]


def main(sizes: list[str]) -> None:
    rows = []
    heads = f"{'min ms':>7} {'median ms':>10} {'max ms':>7} {'cpu ms':>7}"
    print(f"{'size':>5} {'command':<36} {heads}")
    for size in sizes or list(LEASES):
        for row in size_rows(size, LEASES[size]):
            rows.append(row)
            print(
                f"{size:>5} {row['command']:<36} {row['min_ms']:>7} {row['median_ms']:>10} "
                f"{row['max_ms']:>7} {row['cpu_ms']:>7}"
            )
    keep("cli_start", "How soon does the command line answer?", TARGET, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
