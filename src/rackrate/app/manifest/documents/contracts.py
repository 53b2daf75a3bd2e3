"""Contracts as files declare them: an offer, which applying signs."""

from collections.abc import Mapping
from decimal import Decimal

from rackrate.app.manifest.documents.parts import Reader, rows
from rackrate.app.manifest.fields import Fields
from rackrate.app.sales import MOST_NODES, Offer
from rackrate.core.ids import ContractId, ProjectId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Sku
from rackrate.core.money import Money
from rackrate.core.parties import Project


def _contract(f: Fields) -> list[Offer]:
    id, name = f.name("name"), f.text("title", "")
    project, sku = f.reference("project", Project), f.reference("sku", Sku)
    nodes, time_zone = f.whole("nodes", 1, MOST_NODES), f.time_zone("time_zone", "")
    start, end = f.instant("start", time_zone), f.instant("end", time_zone)
    if f.ok and end <= start:
        f.wrong("end", f"must be after the start, {start:%Y-%m-%d %H:%M} UTC")
    currency = f.currency("currency")
    monthly = f.decimal("monthly", Decimal(0), Decimal(10) ** 12)
    percent = f.decimal("prepayment_percent", Decimal(0), Decimal(100))
    included = f.boolean("tax_included")
    return rows(
        f,
        lambda: Offer(
            ContractId(id),
            ProjectId(project),
            SkuId(sku),
            nodes,
            Interval(start, end),
            Money.parse(str(monthly), currency),
            percent,
            included,
            name,
        ),
    )


READERS: Mapping[str, Reader] = {
    "contract": Reader(Offer, _contract),
}
