"""Where simulated years take place: two sites, three chips' worth of SKUs, three customers."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 16, tzinfo=UTC)  # Midnight in Shanghai.
NOTICES = {"east": timedelta(days=7), "west": timedelta(days=14)}
HEADROOM = {"east": (0, 0), "west": (20, 10)}  # All that is kept, and of that for the moment.
CUSTOMERS = ("robotics", "studio", "lab")
SKUS = {
    "east.h100": ("east", "h100"),
    "west.h100": ("west", "h100"),
    "west.h200": ("west", "h200"),
}
BLOCKS = {
    "east-1": ("east", "h100"),
    "east-2": ("east", "h100"),
    "west-1": ("west", "h100"),
    "west-2": ("west", "h200"),
}
# From so many months and nodes on, so much for a node and month.
TIERS = {
    "east.h100": [(1, 1, 70000), (1, 4, 68000), (12, 1, 60000), (12, 4, 55000)],
    "west.h100": [(1, 1, 71000), (1, 4, 69000), (12, 1, 61000), (12, 4, 56000)],
    "west.h200": [(1, 1, 90000), (1, 4, 88000), (12, 1, 80000), (12, 4, 75000)],
}
NODES_AT_FIRST = 5

_BEFORE = """
{kind: entity, name: example, title: Example Years (sample), country: CN,
 time_zone: Asia/Shanghai, currency: CNY, invoice_series: EX, output_tax: cn-service-6}
---
{kind: chip, name: h100, vendor: none, model: sample, source: sample, confidence: operator,
 bf16_dense_tflops: 989}
---
{kind: chip, name: h200, vendor: none, model: sample, source: sample, confidence: operator,
 bf16_dense_tflops: 1000}
"""
_SITE = """
kind: site
name: {site}
title: Site (simulated)
entity: example
country: CN
time_zone: Asia/Shanghai
engine: sim
simulated: true
spare_percent: {spare}
moment_percent: {moment}
contract_percent: {moment}
"""
_BLOCK = """
{{kind: block, name: {block}, site: {site}, fabric: simulated}}
---
{{kind: node, name: "{block}-{{:02}}", count: {count}, site: {site}, block: {block}, chip: {chip},
 gpus: 8, cpus: 64, memory_gib: 512, disk_gib: 1000}}
"""
_SKU = """
{{kind: sku, name: {sku}, title: A node, site: {site}, chip: {chip}, slots: 8, whole_node: true,
 cpus: 64, memory_gib: 512, disk_gib: 1000}}
---
{{kind: sku, name: {sku}.1, title: One GPU, site: {site}, chip: {chip}, slots: 1, cpus: 8,
 memory_gib: 64, disk_gib: 100}}
---
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: UTC
notice: {{on_demand: {days} days}}
per_slot_hour: {{{sku}: {{on_demand: 16.00}}, {sku}.1: {{on_demand: 17.00}}}}
---
kind: contract_price
sku: {sku}
currency: CNY
tax_included: false
basis: per node and calendar month, before VAT
floor_percent: 100
effective: 2026-01-01
time_zone: UTC
tiers: [{tiers}]
"""
_CUSTOMER = """
{{kind: customer, name: {name}, title: Example {name} (sample), entity: example, country: CN,
 time_zone: Asia/Shanghai, currency: CNY}}
---
{{kind: project, name: {name}-one, title: One, customer: {name}}}
"""


def ground() -> str:
    """Everything as files declare it."""
    documents = [_BEFORE]
    for site, (kept, moment) in HEADROOM.items():
        documents.append(_SITE.format(site=site, spare=kept - moment, moment=moment))
    for block, (site, chip) in BLOCKS.items():
        documents.append(_BLOCK.format(block=block, site=site, chip=chip, count=NODES_AT_FIRST))
    for sku, (site, chip) in SKUS.items():
        tiers = ", ".join(
            f"{{months: {months}, nodes: {nodes}, amount: {amount}.00}}"
            for months, nodes, amount in TIERS[sku]
        )
        days = NOTICES[site].days
        documents.append(_SKU.format(sku=sku, site=site, chip=chip, days=days, tiers=tiers))
    documents += [_CUSTOMER.format(name=name) for name in CUSTOMERS]
    return "\n---\n".join(documents)
