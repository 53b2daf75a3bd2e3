"""From measured use to exact charges to lines: the only place where usage becomes money."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from rackrate.core.ids import LeaseId, SkuId
from rackrate.core.interval import Month
from rackrate.core.lease import LeaseClass
from rackrate.core.money import Money
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.quick import quick
from rackrate.core.usage import MILLI, Usage

MILLI_SLOT_SECONDS_PER_HOUR = 3600 * MILLI


@quick
@dataclass(frozen=True, slots=True)
class Charge:
    """An exact quantity at a price: no money yet, so nothing is rounded yet."""

    lease: LeaseId
    sku: SkuId
    klass: LeaseClass
    price: Price
    milli_slot_seconds: int

    @property
    def exact(self) -> Fraction:
        """In major units of the price's currency; with tax inside if the price has it."""
        return Fraction(self.price.per_hour) * self.milli_slot_seconds / MILLI_SLOT_SECONDS_PER_HOUR


def rate(used: Iterable[Usage], book: PriceBook, currency: str) -> tuple[Charge, ...]:
    """One exact charge per lease, SKU, class and price, however often the use was cut.

    Contract leases cost nothing more than their contract. Refused `not_priced` when the price
    book does not cover what was used.
    """
    sums: dict[tuple[LeaseId, str], Charge] = {}
    for usage in used:
        if usage.klass is LeaseClass.CONTRACT:
            continue
        for price, part in book.over(usage.sku, usage.klass, currency, usage.during):
            quantity = part.seconds * usage.slots * MILLI
            key = (usage.lease, price.id)
            before = sums.get(key)
            if before is not None:
                quantity += before.milli_slot_seconds
            sums[key] = Charge(usage.lease, usage.sku, usage.klass, price, quantity)
    return tuple(sums.values())


def amount(charge: Charge) -> Money:
    """The one rounding: half up, on the sum of a lease's exact quantities at one price."""
    top, bottom = charge.price.per_hour.as_integer_ratio()
    top *= charge.milli_slot_seconds
    return Money.quotient(top, bottom * MILLI_SLOT_SECONDS_PER_HOUR, charge.price.currency)


def source(charge: Charge, month: Month) -> str:
    """The cause of a line, by which it can be invoiced only once."""
    return f"usage/{charge.lease}/{charge.price.id}/{month}"
