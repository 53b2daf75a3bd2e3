"""Charges of what is of a site and no lease's: addresses by the second, egress by the byte."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from rackrate.core.address import Address
from rackrate.core.interval import Interval
from rackrate.core.pricing import ADDRESS, EGRESS, Price, PriceBook
from rackrate.core.quick import quick
from rackrate.core.rating import Charge
from rackrate.core.reading import Reading
from rackrate.core.usage import MILLI, Place


@quick
@dataclass(frozen=True, slots=True)
class Counted:
    """A stretch of an address, or a reading, at one price: `quantity` seconds, or bytes."""

    of: Address | Reading
    price: Price
    during: Interval
    quantity: int

    @property
    def place(self) -> Place:
        return place_of(self.of)

    @property
    def name(self) -> str:
        """Which address, or reading of which meter."""
        one = self.of
        return f"{one.address} {one.id}" if isinstance(one, Address) else one.id


def place_of(one: Address | Reading) -> Place:
    item = ADDRESS if isinstance(one, Address) else EGRESS
    return Place(one.project, one.site, item)


def counted(
    found: Iterable[Address | Reading], book: PriceBook, currency: str, window: Interval
) -> Iterator[Counted]:
    """What each comes to inside `window`, price by price; what has no price is not charged."""
    for one in found:
        place = place_of(one)
        part = _within(one, window)
        if part is None:
            continue
        for price, piece in book.at_site(place.item, place.site, currency, part):
            quantity = piece.seconds if isinstance(one, Address) else one.within(piece)
            if quantity:
                yield Counted(one, price, piece, quantity)


def _within(one: Address | Reading, window: Interval) -> Interval | None:
    if isinstance(one, Address):
        return one.during.within(window)
    return one.during.intersect(window)


def charges(parts: Iterable[Counted], month_seconds: int) -> tuple[Charge, ...]:
    """One exact charge for each item, project, site and price."""
    prices: dict[str, Price] = {}
    sums: dict[tuple[Place, str], int] = {}
    for part in parts:
        prices[part.price.id] = part.price
        key = part.place, part.price.id
        sums[key] = sums.get(key, 0) + part.quantity
    return tuple(
        Charge(prices[price], quantity * MILLI, month_seconds, place=place)
        for (place, price), quantity in sorted(sums.items(), key=lambda each: str(each[0]))
    )


def known_at(readings: Iterable[Reading], at: datetime) -> list[Reading]:
    """Those that had been told before an instant."""
    return [reading for reading in readings if reading.recorded_at < at]
