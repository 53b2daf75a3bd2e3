"""Where the tests' jobs run: a sample fleet, and the real trace if this machine has it."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLEET = """
{kind: entity, name: example, title: Example Replay (sample), country: CN, time_zone: UTC,
 currency: CNY, invoice_series: EX, output_tax: cn-service-6}
---
{kind: chip, name: gpu, vendor: none, model: sample, source: sample, confidence: operator}
---
{kind: site, name: site, title: Site (simulated), entity: example, country: CN, time_zone: UTC,
 engine: sim, simulated: true}
---
{kind: block, name: block, site: site, fabric: simulated}
---
{kind: node, name: "node-{:02}", count: NODES, site: site, block: block, chip: gpu, gpus: 8,
 cpus: 64, memory_gib: 512, disk_gib: 1000}
---
{kind: sku, name: gpu.1, title: One GPU, site: site, chip: gpu, slots: 1, cpus: 8, memory_gib: 64,
 disk_gib: 100}
---
kind: price_book
currency: CNY
tax_included: false
effective: 2017-01-01
time_zone: UTC
per_slot_hour: {gpu.1: {on_demand: 2.00}}
"""


def fleet(nodes: int) -> list[tuple[str, str]]:
    """One block of so many nodes with 8 GPUs each, at 2.00 CNY per GPU-hour."""
    return [("fleet.yaml", FLEET.replace("NODES", str(nodes)))]


def example(name: str) -> list[tuple[str, str]]:
    path = ROOT / "examples" / "fleets" / name
    return [(path.name, path.read_text())]


def philly() -> Path:
    """The real trace, from the folder that RACKRATE_TRACES names or beside the repository."""
    traces = Path(os.environ.get("RACKRATE_TRACES", ROOT.parent / "shared" / "traces"))
    trace = traces / "philly" / "philly_jobs.csv"
    if not trace.exists():
        pytest.skip("cannot run on this machine: no trace at hand; RACKRATE_TRACES says where")
    return trace
