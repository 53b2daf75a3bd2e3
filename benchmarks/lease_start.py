"""How fast do leases start? Over HTTP, with PostgreSQL, by four clients, at 1x and 10x.

    python -m benchmarks.lease_start [1x] [10x]

The server is the real control plane with its loops, in a process of its own, with its embedded
PostgreSQL (fsync on). The nodes are simulated; all else is as in production. Each client is a
process that starts one lease after the other, each under an idempotency key of its own.
"""

import contextlib
import http.client
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import keep

CLIENTS = 4
LEASES = {"1x": 2_000, "10x": 20_000}
WARM_UP = 50
TARGET = {"leases_per_s": 150, "p99_ms": 50}
READY_S, SETTLE_S = 60.0, 300.0
FLEET = """
kind: entity
name: example
title: Example Compute (sample)
country: CN
time_zone: Asia/Shanghai
currency: CNY
invoice_series: EX
output_tax: cn-service-6
---
{kind: chip, name: h100, vendor: NVIDIA, model: H100, source: benchmark, confidence: operator}
---
kind: site
name: site
title: Site (simulated)
entity: example
country: CN
time_zone: Asia/Shanghai
engine: sim
simulated: true
---
{kind: block, name: "block-{}", count: BLOCKS, site: site, fabric: simulated}
---
kind: node
name: node-{:05}
count: NODES
site: site
block: block-{}
nodes_per_block: 32
chip: h100
gpus: 8
cpus: 64
memory_gib: 512
disk_gib: 1000
---
kind: sku
name: h100.1
title: One GPU
site: site
chip: h100
slots: 1
cpus: 8
memory_gib: 64
disk_gib: 100
---
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
per_slot_hour: {h100.1: {on_demand: 17.00}}
---
kind: customer
name: example-buyer
title: Example Buyer (sample)
entity: example
country: CN
time_zone: Asia/Shanghai
currency: CNY
---
{kind: project, name: work, title: Work, customer: example-buyer}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A control plane in a process of its own."""

    port: int
    token: str
    pid: int

    def get(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer


def fleet(slots: int) -> str:
    """A site that has room for `slots` leases, and a few more."""
    nodes = -(-slots // 8) + 8
    return FLEET.replace("BLOCKS", str(-(-nodes // 32))).replace("NODES", str(nodes))


@contextmanager
def server(slots: int) -> Iterator[Server]:
    """The control plane over a new data folder, which is removed with it."""
    folder = Path(tempfile.mkdtemp(prefix="rackrate-bench-"))
    folder.chmod(0o711)
    command = [sys.executable, "-m", "benchmarks.lease_start", "--serve", str(folder), str(slots)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said:
            raise SystemExit("the server did not start")
        yield Server(**json.loads(said))
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.communicate("\n", timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def serve(folder: Path, slots: int) -> None:
    """Run the control plane until a line comes in."""
    from rackrate.wiring import Control, Options

    files = (("fleet.yaml", fleet(slots)),)
    options = Options(folder / "data", port=0, ssh_port=0, first_files=files)
    control = Control(options)
    try:
        control.start()
        assert control.first_token is not None
        told = {"port": control.port, "token": control.first_token.secret, "pid": os.getpid()}
        print(json.dumps(told), flush=True)
        sys.stdin.readline()
    finally:
        control.stop()


def client(port: int, token: str, first: int, count: int) -> list[float]:
    """Start `count` leases one after the other; how long each took, in seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"project": "work", "sku": "h100.1"})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    took: list[float] = []
    for number in range(first, first + count):
        began = time.perf_counter()
        connection.request(
            "POST", "/v1/leases", body, {**headers, "Idempotency-Key": f"bench-{number}"}
        )
        answer = connection.getresponse()
        text = answer.read()
        took.append(time.perf_counter() - began)
        if answer.status != 201:
            raise SystemExit(f"{answer.status}: {text.decode()[:300]}")
    return took


def measure(size: str, leases: int) -> Mapping[str, Any]:
    """One size: rate and latencies, and how long until the last lease runs."""
    load = round(os.getloadavg()[0], 1)
    with server(leases + WARM_UP) as at:
        client(at.port, at.token, -WARM_UP, WARM_UP)
        share = leases // CLIENTS
        shares = [(at.port, at.token, i * share, share) for i in range(CLIENTS)]
        with multiprocessing.get_context("spawn").Pool(CLIENTS) as pool:
            pool.map(abs, range(CLIENTS))
            began = time.perf_counter()
            took = sorted(each for part in pool.starmap(client, shares) for each in part)
            wall = time.perf_counter() - began
        last = settled(at)
        return {
            "size": size,
            "leases": leases,
            "clients": CLIENTS,
            "leases_per_s": round(leases / wall, 1),
            "p50_ms": round(1000 * took[len(took) // 2], 1),
            "p99_ms": round(1000 * took[len(took) * 99 // 100], 1),
            "max_ms": round(1000 * took[-1], 1),
            "all_running_after_s": None if last is None else round(last - began, 1),
            "server_rss_mib": resident_mib(at.pid),
            "load_before": load,
        }


def settled(at: Server) -> float | None:
    """When every lease had been seen to run; None if that took too long."""
    deadline = time.perf_counter() + SETTLE_S
    while time.perf_counter() < deadline:
        waiting = [f"/v1/leases?phase={phase}&limit=1" for phase in ("queued", "starting")]
        if not any(at.get(path)["items"] for path in waiting):
            return time.perf_counter()
        time.sleep(0.2)
    return None


def resident_mib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    return 0


def main(sizes: list[str]) -> None:
    rows = []
    print(f"{'size':>5} {'leases':>7} {'leases/s':>9} {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7}")
    for size in sizes or list(LEASES):
        row = measure(size, LEASES[size])
        rows.append(row)
        print(
            f"{size:>5} {row['leases']:>7} {row['leases_per_s']:>9} {row['p50_ms']:>7} "
            f"{row['p99_ms']:>7} {row['max_ms']:>7}   all run after {row['all_running_after_s']} s"
        )
    keep(
        "lease_start",
        "How fast do leases start over HTTP, with PostgreSQL and four clients?",
        TARGET,
        rows,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(sys.argv[1:])
