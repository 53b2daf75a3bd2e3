"""What is metered of a customer's projects beside leases and volumes: addresses, and readings."""

from collections.abc import Iterator
from datetime import datetime

from rackrate.app.ports import Tx
from rackrate.app.rows import Close
from rackrate.core.address import Address
from rackrate.core.ids import CustomerId
from rackrate.core.interval import Interval, Month, months_between, months_over
from rackrate.core.lease import Lease
from rackrate.core.pricing import ADDRESS, EGRESS, PriceBook
from rackrate.core.reading import Reading, months_of
from rackrate.core.site_use import known_at


def held_and_read(
    tx: Tx, customer: CustomerId, book: PriceBook, window: Interval, cut: datetime
) -> list[Address | Reading]:
    """What may cost something inside the window, as it was told before `cut`. Nothing is looked for
    that has no price.
    """
    found: list[Address | Reading] = []
    if book.knows(ADDRESS):
        found += tx.find(Address, customer=customer)
    if book.knows(EGRESS):
        found += known_at(readings_of(tx, customer, window), cut)
    return found


def readings_of(tx: Tx, customer: CustomerId, window: Interval) -> list[Reading]:
    """The customer's readings that touch the window."""
    begun = tx.find(Reading, customer=customer, begun=months_of(window))
    return [each for each in begun if each.during.intersect(window) is not None]


def told_late(
    tx: Tx, customer: CustomerId, last: Close, time_zone: str, cut: datetime
) -> Iterator[tuple[Month, list[Reading]]]:
    """Closed months of which readings were told from the last close on, each with all its readings
    that were told before `cut`.
    """
    closed = last.month.interval(time_zone).end
    told = tx.find(Reading, customer=customer, told=months_between(last.at, cut))
    months: set[Month] = set()
    for each in told:
        if last.at <= each.recorded_at and each.during.start < closed:
            late = Interval(each.during.start, min(each.during.end, closed))
            months.update(month for month, _ in months_over(late, time_zone))
    for month in sorted(months):
        yield month, known_at(readings_of(tx, customer, month.interval(time_zone)), cut)


def first_used(tx: Tx, customer: CustomerId) -> datetime | None:
    """When its first lease was asked for, its first address reserved, or a first reading began."""
    instants = [each.created for each in tx.find(Lease, customer=customer, limit=1)]
    instants += [each.during.start for each in tx.find(Address, customer=customer, limit=1)]
    instants += [each.during.start for each in tx.find(Reading, customer=customer)]
    return min(instants, default=None)
