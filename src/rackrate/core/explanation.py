"""Why an amount is what it is: measured, left out, priced, rounded once, and where it is posted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from rackrate.core.address import Address
from rackrate.core.committed import Drawn, Owing
from rackrate.core.contract import Instalment, Schedule
from rackrate.core.draft import Draft
from rackrate.core.interval import Interval
from rackrate.core.invoice import Invoice, InvoiceLine, Line, LineKind
from rackrate.core.lease import EventKind, Lease, LeaseEvent
from rackrate.core.ledger import Entry
from rackrate.core.money import Money, total
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.reading import Reading
from rackrate.core.receivable import Run
from rackrate.core.site_use import Counted, counted
from rackrate.core.tax import TaxPart
from rackrate.core.usage import MILLI, Place, Volume, billed_spans, kept, usage_of

History = tuple[Lease, Sequence[LeaseEvent]]
# What was used of something while a price held, as it was known up to an instant.
Stretches = Callable[["Cut"], list[tuple[Interval, int]]]


@dataclass(frozen=True, slots=True)
class Cut:
    """Up to when events had been recorded: before `at`, or in that very second, too."""

    at: datetime
    inclusive: bool = False

    def of(self, events: Iterable[LeaseEvent]) -> list[LeaseEvent]:
        return [event for event in events if self.knew(event.recorded_at)]

    def knew(self, recorded_at: datetime) -> bool:
        return recorded_at <= self.at if self.inclusive else recorded_at < self.at


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch that was measured, of so many slots or GB: and which events began and ended it.

    Of what is of a site, `of` is which address or reading it is, `told` when that was told, and
    `counted` how many bytes it is.
    """

    during: Interval
    size: int
    exact: Fraction
    began: LeaseEvent | None = None
    ended: LeaseEvent | None = None
    of: str = ""
    told: datetime | None = None
    counted: int | None = None

    @property
    def quantity(self) -> int:
        """Slot-seconds, GB-seconds or address-seconds, or bytes."""
        return self.during.seconds * self.size if self.counted is None else self.counted


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A stretch of the lease's time that is in no line, and after which event."""

    during: Interval
    after: LeaseEvent | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What a line of use comes from: its leases (of storage, those that keep the volume).

    Of a correction, `before` is what was billed already, and `learnt` are the events that were not
    known then. `matches` says whether the log, as it was known when this was issued, gives just the
    billed quantity. Quantities are in thousandths.
    """

    leases: tuple[Lease, ...]
    parts: tuple[Part, ...]
    left_out: tuple[LeftOut, ...]
    learnt: tuple[LeaseEvent, ...]
    price: Price
    until: datetime | None
    per_second: Fraction
    quantity: int
    before: int
    matches: bool

    @property
    def size_seconds(self) -> Fraction:
        return Fraction(self.quantity, MILLI)

    @property
    def exact(self) -> Fraction:
        """All of it, with what was billed before."""
        return self.per_second * (self.quantity + self.before) / MILLI

    @property
    def exact_before(self) -> Fraction:
        return self.per_second * self.before / MILLI

    @property
    def rounded(self) -> Money:
        """Each sum is rounded once; of a correction, the line is the difference of two."""
        currency = self.price.currency
        return Money.rounded(self.exact, currency) - Money.rounded(self.exact_before, currency)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A contract line in its payment plan: value = drawdown + due, less what was invoiced before.

    `drawn` is what the months before this one drew down of the prepayment, `left` what is left of
    it after this one. `matches`: the plan as it is now comes to this line.
    """

    instalment: Instalment | None
    value: Money
    prepayment: Money
    drawn: Money
    left: Money
    before: tuple[InvoiceLine, ...]
    matches: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """One line of an invoice with all that it comes from. What does not apply is None or empty."""

    invoice: Invoice
    line: InvoiceLine
    measured: Measured | None = None
    scheduled: Scheduled | None = None
    credited: InvoiceLine | None = None
    late: tuple[Run, ...] = ()
    draft: Draft | None = None
    entries: tuple[Entry, ...] = ()
    owing: Owing | None = None
    drawn: Drawn | None = None

    @property
    def taxed(self) -> TaxPart:
        """What of its invoice is under the rule of this line."""
        rule = self.invoice.rule_of(self.line.line)
        return next(part for part in self.invoice.by_rule if part.rule == rule.id)


@dataclass(frozen=True, slots=True)
class Known:
    """What is needed to take a line of use apart: `closed` is when the month before its invoice
    was closed; what a correction says was learnt after that. `book` is the contract's, of what was
    used under one. `found` are addresses and readings of a `place`.
    """

    line: Line
    histories: Sequence[History]
    volume: Volume | None
    prices: Sequence[Price]
    month_seconds: int
    issued: datetime
    closed: datetime | None
    book: PriceBook | None = None
    place: Place | None = None
    found: Sequence[Address | Reading] = ()


def measured(known: Known) -> Measured | None:
    """How a line of use came about; None for lines of another kind."""
    line = known.line
    price = next((each for each in known.prices if each.id == line.price), None)
    if line.kind not in (LineKind.USAGE, LineKind.CORRECTION) or price is None:
        return None
    if known.place is not None:
        return _of_place(known, price)
    stretches = _of_volume(known, price) if known.volume else _of_lease(known, price)
    closed = known.closed if line.kind is LineKind.CORRECTION else None
    before = 0 if closed is None else _quantity(stretches(Cut(closed)))
    cut, matches = _cut(line, stretches, known.issued, before)
    per_second = Fraction(*price.per_second(known.month_seconds))
    events = [event for _, log in known.histories for event in cut.of(log)]
    one = known.histories[0] if known.histories and known.volume is None else None
    return Measured(
        tuple(lease for lease, _ in known.histories),
        tuple(
            _part(during, size, per_second, events if one else [])
            for during, size in stretches(cut)
        ),
        () if one is None else tuple(_left_out(line, one[0], events)),
        tuple(e for e in events if closed is not None and e.recorded_at >= closed),
        price,
        _until(price, known.prices),
        per_second,
        line.quantity,
        before,
        matches,
    )


def _of_place(known: Known, price: Price) -> Measured:
    """As `measured`, of addresses by the second, or of readings by the byte."""
    line, per_second = known.line, Fraction(*price.per_second(known.month_seconds))
    closed = known.closed if line.kind is LineKind.CORRECTION else None
    parts = _counted(known, price, Cut(known.issued))
    before = [] if closed is None else _counted(known, price, Cut(closed))
    billed, had = (sum(each.quantity for each in found) * MILLI for found in (parts, before))
    return Measured(
        (),
        tuple(
            Part(
                each.during,
                1,
                each.quantity * per_second,
                of=each.name,
                told=each.of.recorded_at if isinstance(each.of, Reading) else None,
                counted=each.quantity,
            )
            for each in parts
        ),
        (),
        (),
        price,
        _until(price, known.prices),
        per_second,
        line.quantity,
        had,
        billed - had == line.quantity,
    )


def _counted(known: Known, price: Price, cut: Cut) -> list[Counted]:
    found = [x for x in known.found if isinstance(x, Address) or cut.knew(x.recorded_at)]
    customer = found[0].customer if found else None
    book = PriceBook(known.prices).of(customer)
    parts = counted(found, book, price.currency, known.line.during)
    return [each for each in parts if (each.price.id, each.place) == (price.id, known.place)]


def _cut(line: Line, stretches: Stretches, issued: datetime, before: int) -> tuple[Cut, bool]:
    """What was known when the line was made: of that very second's events, as the quantity says."""
    for cut in (Cut(issued), Cut(issued, inclusive=True)):
        if _quantity(stretches(cut)) - before == line.quantity:
            return cut, True
    return Cut(issued, inclusive=True), False


def _quantity(stretches: Iterable[tuple[Interval, int]]) -> int:
    return sum(during.seconds * size * MILLI for during, size in stretches)


def _of_lease(known: Known, price: Price) -> Stretches:
    (lease, events), line = known.histories[0], known.line
    book = known.book or PriceBook(known.prices).of(lease.customer)

    def used(cut: Cut) -> list[tuple[Interval, int]]:
        return [
            (part, usage.slots)
            for usage in usage_of(lease, cut.of(events), line.during)
            for each, part in book.over(usage.sku, usage.klass, price.currency, usage.during)
            if each.id == price.id
        ]

    return used


def _of_volume(known: Known, price: Price) -> Stretches:
    volume, line = known.volume, known.line
    assert volume is not None
    book = PriceBook(known.prices).of(known.histories[0][0].customer if known.histories else None)

    def stored(cut: Cut) -> list[tuple[Interval, int]]:
        logs = [(lease, cut.of(events)) for lease, events in known.histories]
        return [
            (part, each.gb)
            for each in kept(logs, line.during)
            if each.volume == volume
            for held, part in book.storage(volume.site, price.currency, each.during)
            if held.id == price.id
        ]

    return stored


def _until(price: Price, prices: Iterable[Price]) -> datetime | None:
    """When the price ends, or the next one of its kind takes its place."""
    later = (
        each.effective
        for each in prices
        if each.series == price.series and each.effective > price.effective
    )
    ends = [*later, *([] if price.until is None else [price.until])]
    return min(ends, default=None)


def _part(during: Interval, size: int, per_second: Fraction, events: Sequence[LeaseEvent]) -> Part:
    began = (e for e in reversed(events) if e.at == during.start and e.kind is EventKind.RUNNING)
    ended = (e for e in events if e.at == during.end and e.kind is not EventKind.RUNNING)
    exact = during.seconds * size * per_second
    return Part(during, size, exact, next(began, None), next(ended, None))


def _left_out(line: Line, lease: Lease, events: Sequence[LeaseEvent]) -> list[LeftOut]:
    """The lease's own time inside the line's that nobody pays for."""
    end = line.during.end if lease.ended is None else min(line.during.end, lease.ended)
    start = max(line.during.start, lease.created)
    if end <= start:
        return []
    whole = Interval(start, end)
    billed = [part for span in billed_spans(events) if (part := span.within(whole)) is not None]
    return [
        LeftOut(gap, next((e for e in reversed(events) if e.at <= gap.start), None))
        for gap in whole.minus(billed)
    ]


def scheduled(
    row: InvoiceLine, plan: Schedule, billed: Iterable[InvoiceLine], tax_included: bool
) -> Scheduled | None:
    """How a line of a contract follows from its payment plan; None for lines of another kind."""
    line = row.line
    if line.kind not in (LineKind.INSTALMENT, LineKind.PREPAYMENT, LineKind.REFUND):
        return None
    before = _before(line, billed)
    currency = line.net.currency
    asked = next(
        (
            each
            for each in plan.instalments
            if line.kind is LineKind.INSTALMENT
            and (each.month, each.commitment) == (line.month, line.commitment)
        ),
        None,
    )
    earlier = (each.drawdown for each in plan.instalments if each.month < line.month)
    so_far = (each.drawdown for each in plan.instalments if each.month <= line.month)
    invoiced = total((_quoted(each.line, tax_included) for each in before), currency)
    return Scheduled(
        asked,
        plan.value,
        plan.prepayment,
        total(earlier, currency),
        plan.prepayment - total(so_far, currency),
        before,
        asked is not None and asked.due == invoiced + _quoted(line, tax_included),
    )


def _before(line: Line, billed: Iterable[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """What was invoiced of an instalment's month before this line."""
    if line.kind is not LineKind.INSTALMENT:
        return ()
    same = (line.kind, line.month, line.commitment)
    found = [
        each
        for each in billed
        if (each.line.kind, each.line.month, each.line.commitment) == same
        and not each.line.again
        and _order(each.line) < _order(line)
    ]
    return tuple(sorted(found, key=lambda each: _order(each.line)))


def _quoted(line: Line, tax_included: bool) -> Money:
    return line.asked if tax_included else line.net


def _order(line: Line) -> int:
    """Of several lines of one month the first has no number: `instalment/K/1/2027-01[/1]`."""
    source = line.source.partition("/again/")[0]
    tail = source.rpartition("/")[2]
    return int(tail) if tail.isdecimal() else 0
