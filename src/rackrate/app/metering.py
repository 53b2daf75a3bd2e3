"""Metering: what was used of a month, as lines; and what was learnt late, as corrections."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rackrate.app.committed import Under
from rackrate.app.ports import Tx
from rackrate.app.rows import Close
from rackrate.app.site_use import held_and_read, told_late
from rackrate.core.address import Address
from rackrate.core.ids import CustomerId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.inventory import Entity, Sku
from rackrate.core.invoice import InvoiceLine, Line, LineKind, priced
from rackrate.core.lease import Lease, LeaseClass, LeaseEvent
from rackrate.core.money import Money
from rackrate.core.parties import Customer
from rackrate.core.pricing import ADDRESS, EGRESS, HOURLY, Price, PriceBook
from rackrate.core.rating import Charge, amount, rate_all, rate_kept
from rackrate.core.reading import Reading
from rackrate.core.site_use import charges, counted, known_at
from rackrate.core.tax import TaxRule, tax_rule
from rackrate.core.treatment import Supply, TaxTable
from rackrate.core.usage import Volume, kept, uses_of, volumes_of

A_SECOND = timedelta(seconds=1)
History = tuple[Lease, Sequence[LeaseEvent]]


class Meter:
    """A seller's month, customer by customer. Prices and what was learnt late are read once."""

    def __init__(self, tx: Tx, seller: Entity, month: Month, now: datetime) -> None:
        self._tx, self._seller, self._month, self._now = tx, seller, month, now
        self._books: dict[str, PriceBook] = {}
        self._last = last_close(tx, seller)
        self._late: dict[str, dict[CustomerId, list[Lease]]] = {}
        self._skus: Mapping[SkuId, Supply] | None = None
        self.under: Under | None = None  # What the last customer used under contracts.

    def lines(self, customer: Customer) -> Iterator[Line]:
        """What the month's use costs, and what earlier months were billed wrongly."""
        book = self._book(customer)
        self.under = Under(self._tx, customer, book)
        meter = _Account(customer, book, self._taxes(customer), self._month, self.under)
        window = self._month.interval(customer.time_zone)
        if self._now <= window.start:
            return
        # Of a month that is over, what is written down in the second of its close is late.
        cut = self._now
        if self._now < window.end:
            window, cut = Interval(window.start, self._now), self._now + A_SECOND
        keeping: list[History] = []
        for lease, told in self._tx.histories(customer.id, window):
            events = told if told[-1].recorded_at < cut else _known(told, cut)
            yield from meter.of_lease(lease, events, window)
            if volumes_of(lease):
                keeping.append((lease, events))
        yield from meter.of_volumes(keeping, window)
        beside = held_and_read(self._tx, customer.id, book, window, cut)
        yield from meter.of_places(beside, window)
        if self._last is not None:
            yield from self._corrections(meter, customer, self._last, cut)
            if book.knows(EGRESS):
                late = told_late(self._tx, customer.id, self._last, customer.time_zone, cut)
                for month, read in late:
                    yield from meter.read_late(month, self._last.at, read)

    def _book(self, customer: Customer) -> PriceBook:
        book = self._books.get(customer.currency)
        if book is None:
            book = PriceBook(self._tx.find(Price, currency=customer.currency))
            self._books[customer.currency] = book
        return book.of(customer.id)

    def _taxes(self, customer: Customer) -> "_Taxes":
        if self._skus is None:
            self._skus = {sku.id: sku.supply for sku in self._tx.find(Sku)}
        return _Taxes(self._tx, self._seller.taxes(customer), self._skus)

    def _corrections(
        self, meter: "_Account", customer: Customer, last: Close, cut: datetime
    ) -> Iterator[Line]:
        """What closed months should have been billed, less what was known when they were closed."""
        learnt = self._learnt(last, customer.time_zone).get(customer.id)
        if learnt is None:
            return
        late = [(lease, _known(self._tx.history(lease.id), cut)) for lease in learnt]
        closed = last.month.interval(customer.time_zone).end
        first = Month.of(min(lease.created for lease in learnt), customer.time_zone)
        volumes = {volume for lease in learnt for volume in volumes_of(lease)}
        whole = Interval(first.interval(customer.time_zone).start, closed)
        keeping = [
            (lease, _known(events, cut))
            for lease, events in (self._tx.histories(customer.id, whole) if volumes else ())
            if volumes & volumes_of(lease).keys()
        ]
        while first <= last.month:
            yield from meter.corrections(first, last.at, late, keeping, volumes)
            first = first.plus(1)

    def _learnt(self, last: Close, time_zone: str) -> dict[CustomerId, list[Lease]]:
        """Leases, by customer, of which something was learnt late: true before the month's end."""
        found = self._late.get(time_zone)
        if found is None:
            found = self._late[time_zone] = {}
            customers = self._tx.find(Customer, entity=self._seller.id)
            here = [each.id for each in customers if each.time_zone == time_zone]
            end = last.month.interval(time_zone).end
            for lease in self._tx.learnt(here, last.at, end):
                found.setdefault(lease.customer, []).append(lease)
        return found


def last_close(tx: Tx, seller: Entity) -> Close | None:
    """The last month that the seller has closed."""
    return max(tx.find(Close, entity=seller.id), key=lambda close: close.month, default=None)


class _Taxes:
    """What a customer's use is to the tax law, and under which rule."""

    def __init__(self, tx: Tx, table: TaxTable, skus: Mapping[SkuId, Supply]) -> None:
        self._tx, self._table, self._skus = tx, table, skus
        self._month: Month | None = None
        self._rules: dict[SkuId | None, tuple[Supply, TaxRule]] = {}

    def of(
        self, sku: SkuId | None, month: Month, agreed: Supply | None = None
    ) -> tuple[Supply, TaxRule]:
        """Storage is a service, and what is used of a SKU what was `agreed`, or what the SKU is."""
        if agreed is not None:
            return agreed, self._table.rule(agreed, month)
        if self._month is not month:  # One month comes after the other; a value takes longer.
            self._month, self._rules = month, {}
        known = self._rules.get(sku)
        if known is None:
            supply = Supply.SERVICE if sku is None else self._skus.get(sku, Supply.SERVICE)
            known = self._rules[sku] = supply, self._table.rule(supply, month)
        return known

    def as_billed(self, source: str) -> tuple[Supply, TaxRule] | None:
        """As the line was billed that is to be corrected; None: there was none."""
        for row in self._tx.find(InvoiceLine, source=source):
            if row.line.tax_rule:
                return row.line.supply, tax_rule(row.line.tax_rule)
        return None


class _Account:
    """One customer's lines of one month: at which prices, under which tax rules."""

    def __init__(
        self, customer: Customer, book: PriceBook, taxes: _Taxes, month: Month, under: Under
    ) -> None:
        self._book, self._taxes, self._month, self._under = book, taxes, month, under
        self._currency, self._time_zone = customer.currency, customer.time_zone

    def of_lease(
        self, lease: Lease, events: Sequence[LeaseEvent], window: Interval
    ) -> Iterator[Line]:
        for charge in self._rated(lease, events, window, self._month):
            when = self._month, window
            yield self._line(LineKind.USAGE, charge, amount(charge), when, lease)

    def of_volumes(self, leases: Sequence[History], window: Interval) -> Iterator[Line]:
        for charge in self._stored(leases, window, self._month):
            yield self._line(LineKind.USAGE, charge, amount(charge), (self._month, window))

    def of_places(self, found: Sequence[Address | Reading], window: Interval) -> Iterator[Line]:
        for charge in self._placed(found, window, self._month):
            yield self._line(LineKind.USAGE, charge, amount(charge), (self._month, window))

    def read_late(self, closed: Month, known: datetime, found: Sequence[Reading]) -> Iterator[Line]:
        """As `corrections`, of what was read."""
        window = closed.interval(self._time_zone)
        now = self._placed(found, window, closed)
        then = self._placed(known_at(found, known), window, closed)
        yield from self._differences(now, then, closed, window)

    def corrections(
        self,
        closed: Month,
        known_at: datetime,
        late: Sequence[History],
        keeping: Sequence[History],
        volumes: set[Volume],
    ) -> Iterator[Line]:
        """What a closed month should have been, less what it was with what was known then."""
        window = closed.interval(self._time_zone)
        for lease, events in late:
            now = self._rated(lease, events, window, closed)
            then = self._rated(lease, _known(events, known_at), window, closed)
            yield from self._differences(now, then, closed, window, lease)
        kept_now = self._stored(keeping, window, closed)
        before = [(lease, _known(events, known_at)) for lease, events in keeping]
        kept_then = self._stored(before, window, closed)
        yield from self._differences(
            [each for each in kept_now if each.volume in volumes],
            [each for each in kept_then if each.volume in volumes],
            closed,
            window,
        )

    def _rated(
        self, lease: Lease, events: Sequence[LeaseEvent], window: Interval, month: Month
    ) -> tuple[Charge, ...]:
        uses, book, terms = uses_of(lease, events, window), self._book, lease.terms
        if terms.contract is not None and terms.klass is not LeaseClass.CONTRACT:
            book = self._under.book(terms.contract)
        return rate_all(uses, book, self._currency, self._seconds(month))

    def _stored(
        self, leases: Iterable[History], window: Interval, month: Month
    ) -> tuple[Charge, ...]:
        return rate_kept(kept(leases, window), self._book, self._currency, self._seconds(month))

    def _placed(
        self, found: Iterable[Address | Reading], window: Interval, month: Month
    ) -> tuple[Charge, ...]:
        parts = counted(found, self._book, self._currency, window)
        return charges(parts, self._seconds(month))

    def _seconds(self, month: Month) -> int:
        return month.interval(self._time_zone).seconds

    def _differences(
        self,
        now: Sequence[Charge],
        then: Sequence[Charge],
        closed: Month,
        window: Interval,
        lease: Lease | None = None,
    ) -> Iterator[Line]:
        """Where the amounts differ, the difference, as a line that names what it corrects."""
        before = {(charge.of, charge.price.id): charge for charge in then}
        after = {(charge.of, charge.price.id): charge for charge in now}
        for key in sorted(before.keys() | after.keys()):
            charge = after.get(key) or before[key]
            zero = Money.zero(self._currency)
            owed = amount(after[key]) if key in after else zero
            billed = amount(before[key]) if key in before else zero
            if owed != billed:
                more = after[key].quantity if key in after else 0
                less = before[key].quantity if key in before else 0
                changed, when = replace(charge, quantity=more - less), (closed, window)
                yield self._line(LineKind.CORRECTION, changed, owed - billed, when, lease)

    def _line(
        self,
        kind: LineKind,
        charge: Charge,
        money: Money,
        when: tuple[Month, Interval],
        lease: Lease | None = None,
    ) -> Line:
        """One line: of its own month, or on this month's invoice the correction of a closed one."""
        price, (month, window) = charge.price, when
        what, cause = _words(charge, lease), f"usage/{charge.of}/{price.id}/{month}"
        supply, rule = self._taxed(kind, price, (cause, month), lease)
        if kind is LineKind.CORRECTION:
            what = f"Correction of {month}: {what}"
            cause = f"correction/{charge.of}/{price.id}/{month}/{self._month}"
        net, gross = priced(money, price.tax_included, rule)
        line = Line(
            cause,
            kind,
            what,
            month,
            window,
            net,
            gross,
            lease=charge.lease,
            sku=price.sku,
            klass=price.klass,
            price=price.id,
            per_hour=str(price.amount) if price.unit in HOURLY else "",
            quantity=charge.quantity,
            rate=f"{price.amount:f}",
            unit=price.unit,
            month_hours=price.month_hours,
            project=charge.project,
            supply=supply,
            tax_rule=rule.id,
        )
        if lease is not None and lease.terms.contract is not None:
            return self._under.noted(lease.terms.contract, price, line)
        return line

    def _taxed(
        self, kind: LineKind, price: Price, of: tuple[str, Month], lease: Lease | None
    ) -> tuple[Supply, TaxRule]:
        """A correction is taxed as what it corrects; the rest as its contract, or its SKU."""
        source, month = of
        billed = self._taxes.as_billed(source) if kind is LineKind.CORRECTION else None
        if billed is not None:
            return billed
        agreed = None
        if lease is not None and lease.terms.contract is not None:
            agreed = self._under.supply(lease.terms.contract, price)
        return self._taxes.of(price.sku, month, agreed)


def _known(events: Sequence[LeaseEvent], at: datetime) -> list[LeaseEvent]:
    return [event for event in events if event.recorded_at < at]


def _words(charge: Charge, lease: Lease | None) -> str:
    """What is charged, and on what price basis."""
    price = charge.price
    if charge.volume is not None:
        said = f"Storage: volume {charge.volume.name} of {charge.volume.project}"
    elif charge.place is not None:
        what = "Public addresses" if charge.place.item == ADDRESS else "Egress"
        said = f"{what} of {charge.place.project} at {charge.place.site}"
    else:
        assert lease is not None
        slots = f"{lease.terms.slots * lease.terms.nodes} slots"
        size = slots if lease.asked is None else "Slots, in more than one shape,"
        said = f"{size} of {price.sku}, {price.klass}"
    return f"{said}; {price.basis}" if price.basis else said
