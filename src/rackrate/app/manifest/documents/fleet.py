"""Sites, blocks and nodes as files declare them."""

from collections.abc import Mapping

from rackrate.app.manifest.documents.parts import Reader, limits, names, numbered, rows
from rackrate.app.manifest.fields import Fields
from rackrate.core.chips import Chip
from rackrate.core.ids import BlockId, ChipId, EntityId, NodeId, SiteId
from rackrate.core.inventory import Block, Entity, Node, Site

ENGINES = ("local", "sim", "slurm", "kubernetes")


def _site(f: Fields) -> list[Site]:
    id, name = f.name("name"), f.text("title")
    entity, country = f.reference("entity", Entity), f.country("country")
    time_zone, engine = f.time_zone("time_zone"), f.one_of("engine", ENGINES)
    simulated = f.boolean("simulated", False)
    if engine and simulated != (engine == "sim"):
        f.wrong("simulated", "must be true with `engine: sim`, and false with any other")
    return rows(
        f,
        lambda: Site(SiteId(id), EntityId(entity), name, country, time_zone, engine, simulated),
    )


def _blocks(f: Fields) -> list[Block]:
    ids = names(f)
    site, fabric = f.reference("site", Site), f.text("fabric")
    return f.build(lambda: [Block(BlockId(id), SiteId(site), fabric) for id in ids]) or []


def _nodes(f: Fields) -> list[Node]:
    ids = names(f)
    site, chip = f.reference("site", Site), f.reference("chip", Chip)
    pattern, per_block = f.text("block"), f.whole("nodes_per_block", 1, 10_000, len(ids) or 1)
    gpus, parts = f.whole("gpus", 1, 1024), f.whole("parts", 1, 1000, 1)
    capacity = limits(f)
    blocks = [numbered(pattern, 1 + i // per_block) for i in range(len(ids))]
    for block in dict.fromkeys(blocks):
        f.refer("block", Block, block)
    if len(ids) > per_block and numbered(pattern, 1) == pattern:
        f.wrong("block", f"needs a number, as {pattern}-{{}}, to be filled by `nodes_per_block`")
    return (
        f.build(
            lambda: [
                Node(NodeId(id), SiteId(site), BlockId(block), ChipId(chip), gpus, parts, capacity)
                for id, block in zip(ids, blocks, strict=True)
            ]
        )
        or []
    )


READERS: Mapping[str, Reader] = {
    "site": Reader(Site, _site),
    "block": Reader(Block, _blocks),
    "node": Reader(Node, _nodes),
}
