"""Purchase orders as files declare them."""

from collections.abc import Mapping
from decimal import Decimal

from rackrate.app.manifest.documents.fleet import LEAST_KW, MOST_KW
from rackrate.app.manifest.documents.parts import Reader, limits, rows
from rackrate.app.manifest.fields import Fields
from rackrate.app.sales import Offer
from rackrate.core.chips import Chip
from rackrate.core.ids import BlockId, ChipId, ContractId, EntityId, PurchaseId, SiteId
from rackrate.core.inventory import Block, Entity, Site
from rackrate.core.money import Money
from rackrate.core.purchase import MOST_NODES, Batch, PurchaseOrder, Terms

MOST_BATCHES = 500


def _purchase_order(f: Fields) -> list[PurchaseOrder]:
    id, supplier = f.name("name"), f.text("supplier")
    entity, site = f.reference("entity", Entity), f.reference("site", Site)
    block, chip = f.reference("block", Block), f.reference("chip", Chip)
    terms, conditions = f.choice("terms", Terms), f.text("conditions", "")
    gpus, parts = f.whole("gpus", 1, 1024), f.whole("parts", 1, 1000, 1)
    capacity, kw = limits(f), f.optional_decimal("kw", LEAST_KW, MOST_KW)
    currency, zone = f.currency("currency"), f.time_zone("time_zone", "")
    price = f.decimal("price_per_node", Decimal(0), Decimal(10) ** 12)
    ordered = f.instant("ordered", zone)
    until = f.instant("until", zone) if f.has("until") else None
    batches = _batches(f, zone)
    serves = [ContractId(contract) for contract in f.words("serves")]
    for contract in serves:
        f.refer("serves", Offer, contract)
    names, first = f.text("node_names", ""), f.whole("first", 0, 10_000_000, 1)
    return rows(
        f,
        lambda: PurchaseOrder(
            PurchaseId(id),
            EntityId(entity),
            SiteId(site),
            supplier,
            terms,
            BlockId(block),
            ChipId(chip),
            gpus,
            parts,
            capacity,
            kw,
            Money.parse(str(price), currency),
            ordered,
            tuple(batches),
            tuple(serves),
            until,
            conditions,
            names,
            first,
        ),
    )


def _batches(f: Fields, zone: str) -> list[Batch]:
    """`batches: [{nodes: 8, expected: 2027-03-01}, …]`, numbered from 1."""
    found: list[Batch] = []
    for number, entry in enumerate(f.each("batches", MOST_BATCHES), 1):
        nodes = entry.whole("nodes", 1, MOST_NODES)
        expected = entry.instant("expected", zone)
        entry.refuse_unknown()
        found.append(Batch(number, nodes, expected))
    return found


READERS: Mapping[str, Reader] = {
    "purchase_order": Reader(PurchaseOrder, _purchase_order),
}
