"""From measured use to exact charges to lines: the only place where usage becomes money."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from rackrate.core.ids import LeaseId
from rackrate.core.interval import Interval, months_over
from rackrate.core.lease import Lease, LeaseClass, LeaseEvent
from rackrate.core.money import Money, total
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.quick import quick
from rackrate.core.usage import MILLI, Kept, Usage, Volume, usage_of

MILLI_SLOT_SECONDS_PER_HOUR = 3600 * MILLI


@quick
@dataclass(frozen=True, slots=True)
class Charge:
    """An exact quantity of a lease, or of a volume, at a price: nothing is rounded yet.

    `quantity` is in milli-slot-seconds, or in milli-GB-seconds. `month_seconds` is how long the
    month is, where the customer is: by it a price of a calendar month is cut into seconds.
    """

    price: Price
    quantity: int
    month_seconds: int
    lease: LeaseId | None = None
    volume: Volume | None = None

    @property
    def ratio(self) -> tuple[int, int]:
        """Top and bottom of what it costs, in major units of the price's currency."""
        top, bottom = self.price.per_second(self.month_seconds)
        return top * self.quantity, bottom * MILLI

    @property
    def exact(self) -> Fraction:
        """In major units of the price's currency; with tax inside if the price has it."""
        return Fraction(*self.ratio)

    @property
    def of(self) -> str:
        """What it is a charge of: the lease, or the volume."""
        return self.lease or f"volume/{self.volume}"


def rate(
    used: Iterable[Usage], book: PriceBook, currency: str, month_seconds: int
) -> tuple[Charge, ...]:
    """One exact charge per lease and price, however often the use of a month was cut.

    Contract leases cost nothing more than their contract. Refused `not_priced` when the price
    book does not cover what was used.
    """
    sums: dict[tuple[LeaseId, str], tuple[Price, int]] = {}
    for usage in used:
        if usage.klass is LeaseClass.CONTRACT:
            continue
        for price, part in book.over(usage.sku, usage.klass, currency, usage.during):
            key = (usage.lease, price.id)
            _, before = sums.get(key, (price, 0))
            sums[key] = (price, before + part.seconds * usage.slots * MILLI)
    return tuple(
        Charge(price, quantity, month_seconds, lease=lease)
        for (lease, _), (price, quantity) in sums.items()
    )


def rate_kept(
    kept: Iterable[Kept], book: PriceBook, currency: str, month_seconds: int
) -> tuple[Charge, ...]:
    """One exact charge per volume and price; what has no price is not charged."""
    sums: dict[tuple[Volume, str], tuple[Price, int]] = {}
    for each in kept:
        for price, part in book.storage(each.volume.site, currency, each.during):
            key = (each.volume, price.id)
            _, before = sums.get(key, (price, 0))
            sums[key] = (price, before + part.seconds * each.gb * MILLI)
    return tuple(
        Charge(price, quantity, month_seconds, volume=volume)
        for (volume, _), (price, quantity) in sums.items()
    )


def amount(charge: Charge) -> Money:
    """The one rounding: half up, on the sum of a lease's exact quantities at one price."""
    return Money.quotient(*charge.ratio, charge.price.currency)


def owed(
    lease: Lease,
    events: Sequence[LeaseEvent],
    book: PriceBook,
    customer: tuple[str, str],
    until: datetime,
) -> Money:
    """What a lease has cost until then, month by month as invoices have it.

    `customer` is its currency and its time zone.
    """
    currency, time_zone = customer
    amounts: list[Money] = []
    if lease.created < until:
        for month, part in months_over(Interval(lease.created, until), time_zone):
            used = usage_of(lease, events, part)
            seconds = month.interval(time_zone).seconds
            amounts += map(amount, rate(used, book, currency, seconds))
    return total(amounts, currency)
