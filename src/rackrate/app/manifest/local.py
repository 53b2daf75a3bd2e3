"""The files of the site that is this machine: written once, from what was found on it."""

import re
from collections import Counter
from dataclasses import dataclass

from rackrate.core.ids import is_name

# What is sold of the machine beside its GPUs or cores; the rest is the operator's.
SHARE_OF_MEMORY = (3, 4)
SHARE_OF_DISK = (1, 2)
MOST_SLOTS = 1024


@dataclass(frozen=True, slots=True)
class DetectedGpu:
    """One GPU as its driver names it."""

    model: str
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Detected:
    """This machine: what its workloads may use. `disk_mib` is what is free for them."""

    host: str
    cpus: int
    memory_mib: int
    disk_mib: int
    gpus: tuple[DetectedGpu, ...] = ()


def local_site_manifest(
    found: Detected, entity: str = "example-compute", currency: str = "CNY"
) -> str:
    """YAML for site `local`: its GPUs, or else its cores, as slots in the driver's order."""
    if found.gpus:
        count, vendor = len(found.gpus), "NVIDIA"
        chip, model, memory = _gpu_chip(found.gpus)
        sku, what, rate = "gpu.1", "one GPU of this machine", "5.00"
        source = "the driver of this machine"
    else:
        count, chip, model, vendor = found.cpus, "cpu", "CPU core, no accelerator", "this machine"
        sku, what, rate = "cpu.1", "one CPU core of this machine, no GPU", "0.20"
        memory, source = "accelerator: false\n", "the operating system of this machine"
    slots = max(1, min(count, MOST_SLOTS))
    return (
        "# This machine as a site. Written at the first start from what was found; edit and apply\n"
        "# it as any other file. The price is a sample.\n"
        + _SITE.format(entity=entity, host=_host(found.host), chip=chip, slots=slots)
        + _limits(found, 1)
        + _CHIP.format(chip=chip, vendor=vendor, model=model, memory=memory, source=source)
        + _SKU.format(sku=sku, what=what, chip=chip)
        + _limits(found, slots)
        + _PRICE.format(currency=currency, sku=sku, rate=rate)
    )


def _gpu_chip(gpus: tuple[DetectedGpu, ...]) -> tuple[str, str, str]:
    """Name, model and memory. GPUs that differ are one chip that says so: a slot is any of them."""
    models = Counter(_line(gpu.model) for gpu in gpus)
    if len(models) > 1:
        listed = ", ".join(f"{count} x {model}" for model, count in models.items())
        return "mixed-gpus", f"mixed, a lease gets any of: {listed}"[:400], ""
    least = min(gpu.memory_mib for gpu in gpus)
    model = next(iter(models))
    return _slug(model), model, f"memory_gb: {_thousandths(least * 1024 * 1024, 1000**3)}\n"


def _limits(found: Detected, parts: int) -> str:
    """What one of `parts` equal parts of the machine has."""
    memory = found.memory_mib * SHARE_OF_MEMORY[0] // SHARE_OF_MEMORY[1] // parts
    disk = found.disk_mib * SHARE_OF_DISK[0] // SHARE_OF_DISK[1] // parts
    return (
        f"cpus: {_thousandths(max(found.cpus, 1), parts)}\n"
        f"memory_gib: {_thousandths(max(memory, 64), 1024)}\n"
        f"disk_gib: {_thousandths(max(disk, 1024), 1024)}\n"
    )


def _thousandths(number: int, divisor: int) -> str:
    """`number` / `divisor`, rounded down to three decimals."""
    whole, rest = divmod(number * 1000 // divisor, 1000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".")


def _slug(model: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")[:40].strip("-")
    return slug if is_name(slug) else "gpu"


def _host(host: str) -> str:
    slug = re.sub(r"[^a-z0-9-]+", "-", host.lower()).strip("-")[:40].strip("-")
    return slug if is_name(slug) else "this-machine"


def _line(model: str) -> str:
    """As it may stand between quotes in YAML."""
    return re.sub(r"[^A-Za-z0-9 ._()/+-]+", " ", model).strip()[:80] or "GPU"


_SITE = """kind: site
name: local
title: This machine
entity: {entity}
country: CN
time_zone: Asia/Shanghai
engine: local
---
kind: block
name: local-1
site: local
fabric: one machine
---
kind: node
name: local-{host}
site: local
block: local-1
chip: {chip}
gpus: {slots}
"""
_CHIP = """---
kind: chip
name: {chip}
vendor: {vendor}
model: "{model}"
{memory}source: {source}
confidence: operator
"""
_SKU = """---
kind: sku
name: {sku}
title: "Local: {what}"
site: local
chip: {chip}
slots: 1
"""
_PRICE = """---
kind: price_book
currency: {currency}
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
per_slot_hour:
  {sku}: {{on_demand: {rate}}}
"""
