"""From claim to running: how long does the local engine take, on each rung of isolation?

    python -m benchmarks.engine_start [1x] [10x]

Real processes on this machine: each lease is a supervisor and a member that is kept open. Once
one after the other (what a customer waits for), and once all at the same time (what the machine
bears). Needs what the rungs need: runc and root, bubblewrap.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import keep
from rackrate.core.errors import Unavailable
from rackrate.core.ids import CustomerId, LeaseId, NodeId, ProjectId
from rackrate.core.slots import Slots
from rackrate.core.workload import Deployment, Limits, Member, MemberPhase, Spec
from rackrate.engines.local.engine import LocalEngine
from rackrate.engines.local.ladder import RUNGS

LEASES = {"1x": 10, "10x": 100}
TARGET_P50_MS = {"runc": 150, "bubblewrap": 50, "plain": 50}
PATIENCE_S = 300.0


class KernelClock:
    """Reads the time from a file that the kernel makes anew at each look."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(int(Path("/proc/self/stat").stat().st_mtime), UTC)


def deployment(number: int, generation: int) -> Deployment:
    return Deployment(
        lease=LeaseId(f"lse_{number:06d}"),
        generation=generation,
        project=ProjectId("bench"),
        customer=CustomerId("bench"),
        spec=Spec(),
        limits=Limits(milli_cpus=1000, memory_mib=64, disk_mib=64),
        members=(Member(0, NodeId("here"), Slots.of([number % 2])),),
    )


def until(engine: LocalEngine, wanted: set[LeaseId], phase: MemberPhase | None) -> dict[str, float]:
    """When each lease was first seen in `phase`; None: when it was no longer there."""
    seen: dict[str, float] = {}
    deadline = time.perf_counter() + PATIENCE_S
    while left := wanted - seen.keys():
        found = engine.observe(left)
        now = time.perf_counter()
        for lease in left:
            if (found[lease].phase if lease in found else None) is phase:
                seen[lease] = now
        if now > deadline:
            raise SystemExit(f"still waiting for {sorted(left)[:3]}: {found}")
        time.sleep(0.001)
    return seen


def one_by_one(engine: LocalEngine, count: int) -> list[float]:
    took = []
    for number in range(count):
        wanted = deployment(number, 1)
        began = time.perf_counter()
        engine.ensure(wanted)
        took.append(until(engine, {wanted.lease}, MemberPhase.READY)[wanted.lease] - began)
    return sorted(took)


def at_once(engine: LocalEngine, count: int) -> float:
    wanted = [deployment(number, 2) for number in range(count)]
    began = time.perf_counter()
    for each in wanted:
        engine.ensure(each)
    return max(until(engine, {each.lease for each in wanted}, MemberPhase.READY).values()) - began


def release(engine: LocalEngine, count: int, generation: int) -> float:
    leases = {deployment(number, generation).lease for number in range(count)}
    began = time.perf_counter()
    for lease in leases:
        engine.release(lease, generation)
    return max(until(engine, leases, None).values()) - began


def stop(*_: object) -> None:
    """Leases outlive who started them: leave by the door, so that they are released."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit("stopped")


def measure(rung: str, size: str) -> Mapping[str, Any]:
    count = LEASES[size]
    root = Path(tempfile.mkdtemp(prefix="rackrate-bench-"))
    engine = LocalEngine(root, KernelClock(), isolation=rung)
    try:
        took = one_by_one(engine, count)
        began = time.perf_counter()
        engine.observe()
        looked = time.perf_counter() - began
        release(engine, count, 1)
        together = at_once(engine, count)
        gone = release(engine, count, 2)
    finally:
        release(engine, count, 2)
        shutil.rmtree(root, ignore_errors=True)
    return {
        "isolation": rung,
        "size": size,
        "leases": count,
        "p50_ms": round(1000 * took[len(took) // 2], 1),
        "p99_ms": round(1000 * took[len(took) * 99 // 100], 1),
        "at_once_s": round(together, 2),
        "observe_all_ms": round(1000 * looked, 1),
        "release_all_s": round(gone, 2),
        "load_before": round(os.getloadavg()[0], 1),
    }


def main(sizes: list[str]) -> None:
    signal.signal(signal.SIGTERM, stop)
    rows = []
    print(
        f"{'isolation':>11} {'leases':>6} {'p50 ms':>7} {'p99 ms':>7} {'all at once s':>13}", end=""
    )
    print(f" {'observe ms':>10} {'release s':>9}")
    for rung in RUNGS:
        for size in sizes or list(LEASES):
            try:
                row = measure(rung, size)
            except Unavailable as error:
                print(f"{rung:>11} {error.detail}")
                continue
            rows.append(row)
            print(
                f"{rung:>11} {row['leases']:>6} {row['p50_ms']:>7} {row['p99_ms']:>7} "
                f"{row['at_once_s']:>13} {row['observe_all_ms']:>10} {row['release_all_s']:>9}"
            )
    keep(
        "engine_start",
        "How long from claim to running on the local engine?",
        {"p50_ms": TARGET_P50_MS},
        rows,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
