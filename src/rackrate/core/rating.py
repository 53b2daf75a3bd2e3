"""From measured use to exact charges to lines: the only place where usage becomes money."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from rackrate.core.ids import LeaseId, ProjectId
from rackrate.core.interval import Interval, months_over, seconds_between
from rackrate.core.lease import Lease, LeaseClass, LeaseEvent
from rackrate.core.money import Money, total
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.quick import quick
from rackrate.core.usage import MILLI, Kept, Place, Used, Volume, uses_of

MILLI_SLOT_SECONDS_PER_HOUR = 3600 * MILLI


@quick
@dataclass(frozen=True, slots=True)
class Charge:
    """An exact quantity of a lease, a volume or a place, at a price: nothing is rounded yet.

    `quantity` is in thousandths of slot-seconds, GB-seconds, address-seconds or bytes.
    `month_seconds` is how long the month is, where the customer is: by it a price of a calendar
    month is cut into seconds.
    """

    price: Price
    quantity: int
    month_seconds: int
    lease: LeaseId | None = None
    volume: Volume | None = None
    place: Place | None = None

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
        """What it is a charge of: the lease, the volume, or the item of a project at a site."""
        return self.lease or (str(self.place) if self.place else f"volume/{self.volume}")

    @property
    def project(self) -> ProjectId | None:
        """Whose it is, where no lease says so."""
        kept = self.place or self.volume
        return None if kept is None else kept.project


def rate(used: Used, book: PriceBook, currency: str, month_seconds: int) -> tuple[Charge, ...]:
    """One exact charge for each price of a lease's use of a month, however often it was cut.

    A contract lease costs nothing more than its contract. Refused `not_priced` when the price book
    does not cover what was used.
    """
    if used.klass is LeaseClass.CONTRACT or not used.stretches:
        return ()
    known = book.steps(used.sku, used.klass, currency)
    price = known.throughout(used.stretches[0][0], used.stretches[-1][1])
    if price is not None:
        return (Charge(price, used.seconds * used.slots * MILLI, month_seconds, used.lease),)
    prices: dict[str, Price] = {}
    sums: dict[str, int] = {}
    for stretch in used.stretches:
        for price, start, end in book.pieces(used.sku, used.klass, currency, *stretch):
            prices[price.id] = price
            sums[price.id] = sums.get(price.id, 0) + seconds_between(start, end)
    return tuple(
        Charge(prices[id], seconds * used.slots * MILLI, month_seconds, used.lease)
        for id, seconds in sums.items()
    )


def rate_all(
    uses: Sequence[Used], book: PriceBook, currency: str, month_seconds: int
) -> tuple[Charge, ...]:
    """As `rate`, of a lease in all the shapes that it had: at one price they are one charge."""
    if len(uses) == 1:
        return rate(uses[0], book, currency, month_seconds)
    found: dict[str, Charge] = {}
    for used in uses:
        for charge in rate(used, book, currency, month_seconds):
            more = found.get(charge.price.id)
            quantity = charge.quantity + (0 if more is None else more.quantity)
            found[charge.price.id] = replace(charge, quantity=quantity)
    return tuple(found.values())


def rate_kept(
    kept: Iterable[Kept], book: PriceBook, currency: str, month_seconds: int
) -> tuple[Charge, ...]:
    """One exact charge per volume and price; what has no price is not charged."""
    prices: dict[str, Price] = {}
    sums: dict[tuple[Volume, str], int] = {}
    for each in kept:
        for price, part in book.storage(each.volume.site, currency, each.during):
            prices[price.id] = price
            key = (each.volume, price.id)
            sums[key] = sums.get(key, 0) + part.seconds * each.gb
    return tuple(
        Charge(prices[price], quantity * MILLI, month_seconds, volume=volume)
        for (volume, price), quantity in sums.items()
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
            seconds = month.interval(time_zone).seconds
            uses = uses_of(lease, events, part)
            amounts += map(amount, rate_all(uses, book, currency, seconds))
    return total(amounts, currency)
