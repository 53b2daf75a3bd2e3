"""Metering: what leases used of a month, as lines; and what was learnt late, as corrections."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from rackrate.app.ports import Tx
from rackrate.app.rows import Close
from rackrate.core.interval import Interval, Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Line, LineKind, priced
from rackrate.core.lease import Lease, LeaseEvent
from rackrate.core.money import Money
from rackrate.core.parties import Customer
from rackrate.core.pricing import PriceBook
from rackrate.core.rating import Charge, amount, rate, source
from rackrate.core.tax import TaxRule, tax_rule
from rackrate.core.usage import usage_of


def usage_lines(
    tx: Tx, seller: Entity, customer: Customer, month: Month, book: PriceBook, now: datetime
) -> Iterator[Line]:
    """What the month's use costs, lease by lease, and what earlier months were billed wrongly."""
    window = month.interval(customer.time_zone)
    last = last_close(tx, seller)
    earlier = month.plus(-1).interval(customer.time_zone)
    rule = tax_rule(customer.tax_rule or seller.output_tax)
    if window.start < now < window.end:
        window = Interval(window.start, now)
    closed = None if last is None else last.month.interval(customer.time_zone).end
    for lease, events in tx.histories(customer.id, Interval(earlier.start, window.end)):
        for charge in rate(usage_of(lease, events, window), book, customer.currency):
            yield _usage_line(lease, charge, month, window, rule)
        if last is not None and closed is not None and _is_late(events, last.at, closed):
            yield from _corrections(lease, events, last, customer, book, rule, month)


def _usage_line(
    lease: Lease, charge: Charge, month: Month, window: Interval, rule: TaxRule
) -> Line:
    net, gross = priced(amount(charge), charge.price.tax_included, rule)
    return Line(
        source(charge, month),
        LineKind.USAGE,
        f"{lease.terms.slots * lease.terms.nodes} slots of {charge.sku}, {charge.klass}",
        month,
        window,
        net,
        gross,
        lease=lease.id,
        sku=charge.sku,
        klass=charge.klass,
        price=charge.price.id,
        per_hour=str(charge.price.per_hour),
        quantity=charge.milli_slot_seconds,
    )


def last_close(tx: Tx, seller: Entity) -> Close | None:
    """The last month that the seller has closed."""
    return max(tx.find(Close, entity=seller.id), key=lambda close: close.month, default=None)


def _is_late(events: Iterable[LeaseEvent], close: datetime, end: datetime) -> bool:
    """Whether something was learnt after the last close that was true before its month's end."""
    for event in events:  # noqa: SIM110 - any() takes three times as long
        if event.recorded_at >= close and event.at < end:
            return True
    return False


def _corrections(
    lease: Lease,
    events: Sequence[LeaseEvent],
    last: Close,
    customer: Customer,
    book: PriceBook,
    rule: TaxRule,
    month: Month,
) -> Iterator[Line]:
    """What closed months should have been billed, less what was known when they were closed."""
    known = [event for event in events if event.recorded_at < last.at]
    closed = Month.of(lease.created, customer.time_zone)
    while closed <= last.month:
        window = closed.interval(customer.time_zone)
        now = rate(usage_of(lease, events, window), book, customer.currency)
        then = rate(usage_of(lease, known, window), book, customer.currency)
        yield from _difference(lease, now, then, closed, window, rule, month)
        closed = closed.plus(1)


def _difference(
    lease: Lease,
    now: Sequence[Charge],
    then: Sequence[Charge],
    closed: Month,
    window: Interval,
    rule: TaxRule,
    month: Month,
) -> Iterator[Line]:
    before = {charge.price.id: charge for charge in then}
    after = {charge.price.id: charge for charge in now}
    for price in sorted(before.keys() | after.keys()):
        charge = after.get(price) or before[price]
        owed = amount(after[price]) if price in after else Money.zero(charge.price.currency)
        billed = amount(before[price]) if price in before else Money.zero(charge.price.currency)
        if owed == billed:
            continue
        net, gross = priced(owed - billed, charge.price.tax_included, rule)
        quantities = [
            side[price].milli_slot_seconds if price in side else 0 for side in (after, before)
        ]
        yield Line(
            f"correction/{lease.id}/{price}/{closed}/{month}",
            LineKind.CORRECTION,
            f"Correction of {closed}: {charge.sku}, {charge.klass}",
            closed,
            window,
            net,
            gross,
            lease=lease.id,
            sku=charge.sku,
            klass=charge.klass,
            price=price,
            per_hour=str(charge.price.per_hour),
            quantity=quantities[0] - quantities[1],
        )
