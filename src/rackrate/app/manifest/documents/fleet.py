"""Sites, racks, blocks and nodes as files declare them."""

from collections.abc import Mapping
from decimal import Decimal

from rackrate.app.manifest.documents.parts import Reader, limits, names, numbered, rows
from rackrate.app.manifest.fields import Fields
from rackrate.core.address import (
    MOST_KEPT,
    MOST_PER_PROJECT,
    MOST_RANGES,
    PER_PROJECT,
    QUARANTINE,
    AddressPool,
)
from rackrate.core.chips import Chip
from rackrate.core.ids import BlockId, ChipId, EntityId, NodeId, RackId, SiteId
from rackrate.core.inventory import Block, Entity, Node, Rack, Site

ENGINES = ("local", "sim", "slurm", "kubernetes")
NOTHING, WHOLE = Decimal(0), Decimal(100)
LEAST_KW, MOST_KW = Decimal("0.001"), Decimal(100_000)
LEAST_MW, MOST_MW = Decimal("0.001"), Decimal(100_000)


def _site(f: Fields) -> list[Site]:
    id, name = f.name("name"), f.text("title")
    entity, country = f.reference("entity", Entity), f.country("country")
    time_zone, engine = f.time_zone("time_zone"), f.one_of("engine", ENGINES)
    simulated = f.boolean("simulated", False)
    if engine and simulated != (engine == "sim"):
        f.wrong("simulated", "must be true with `engine: sim`, and false with any other")
    spare, moment, contract = (
        f.decimal(field, NOTHING, WHOLE, NOTHING)
        for field in ("spare_percent", "moment_percent", "contract_percent")
    )
    if spare + moment > WHOLE or spare + contract > WHOLE:
        f.wrong("spare_percent", "and what is kept beside it must not be more than 100 together")
    contracted = f.optional_decimal("contracted_mw", LEAST_MW, MOST_MW)
    active = f.optional_decimal("active_mw", LEAST_MW, MOST_MW)
    if contracted is not None and active is not None and active > contracted:
        f.wrong("active_mw", f"is {active}, and more than `contracted_mw`, {contracted}")
    pue = f.decimal("pue", Decimal(1), Decimal(10), Decimal(1))
    return rows(
        f,
        lambda: Site(
            SiteId(id),
            EntityId(entity),
            name,
            country,
            time_zone,
            engine,
            simulated,
            spare,
            moment,
            contract,
            contracted,
            active,
            pue,
        ),
    )


def _racks(f: Fields) -> list[Rack]:
    ids = names(f)
    site, kw = f.reference("site", Site), f.decimal("kw", LEAST_KW, MOST_KW)
    return f.build(lambda: [Rack(RackId(id), SiteId(site), kw) for id in ids]) or []


def _blocks(f: Fields) -> list[Block]:
    ids = names(f)
    site, fabric = f.reference("site", Site), f.text("fabric")
    return f.build(lambda: [Block(BlockId(id), SiteId(site), fabric) for id in ids]) or []


def _nodes(f: Fields) -> list[Node]:
    ids = names(f)
    site, chip = f.reference("site", Site), f.reference("chip", Chip)
    pattern, per_block = f.text("block"), f.whole("nodes_per_block", 1, 10_000, len(ids) or 1)
    gpus, parts = f.whole("gpus", 1, 1024), f.whole("parts", 1, 1000, 1)
    capacity, kw = limits(f), f.optional_decimal("kw", LEAST_KW, MOST_KW)
    blocks = [numbered(pattern, 1 + i // per_block) for i in range(len(ids))]
    for block in dict.fromkeys(blocks):
        f.refer("block", Block, block)
    if len(ids) > per_block and numbered(pattern, 1) == pattern:
        f.wrong("block", f"needs a number, as {pattern}-{{}}, to be filled by `nodes_per_block`")
    racks = _in_racks(f, len(ids))
    return (
        f.build(
            lambda: [
                Node(
                    NodeId(id),
                    SiteId(site),
                    BlockId(block),
                    ChipId(chip),
                    gpus,
                    parts,
                    capacity,
                    rack=RackId(rack) if rack else None,
                    kw=kw,
                )
                for id, block, rack in zip(ids, blocks, racks, strict=True)
            ]
        )
        or []
    )


def _in_racks(f: Fields, nodes: int) -> list[str]:
    """The rack of each node: one for all, or numbered, with so many nodes in each."""
    pattern, per_rack = f.text("rack", ""), f.whole("nodes_per_rack", 1, 10_000, nodes or 1)
    if not pattern:
        if f.has("nodes_per_rack"):
            f.wrong("nodes_per_rack", "needs a `rack` beside it")
        return [""] * nodes
    racks = [numbered(pattern, 1 + i // per_rack) for i in range(nodes)]
    for rack in dict.fromkeys(racks):
        f.refer("rack", Rack, rack)
    if nodes > per_rack and numbered(pattern, 1) == pattern:
        f.wrong("rack", f"needs a number, as {pattern}-{{}}, to be filled by `nodes_per_rack`")
    return racks


def _address_pool(f: Fields) -> list[AddressPool]:
    id, site = f.name("name"), f.reference("site", Site)
    ranges = f.lines("ranges", MOST_RANGES)
    kept_back = f.lines("kept_back", MOST_KEPT) if f.has("kept_back") else ()
    quarantine = f.duration("quarantine", QUARANTINE)
    most = f.whole("per_project", 1, MOST_PER_PROJECT, PER_PROJECT)
    return rows(f, lambda: AddressPool(id, SiteId(site), ranges, kept_back, quarantine, most))


READERS: Mapping[str, Reader] = {
    "site": Reader(Site, _site),
    "block": Reader(Block, _blocks),
    "node": Reader(Node, _nodes),
    "rack": Reader(Rack, _racks),
    "address_pool": Reader(AddressPool, _address_pool),
}
