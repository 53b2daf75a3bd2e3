"""Why an amount is what it is: measured, left out, priced, rounded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rackrate.core.interval import Interval, Span
from rackrate.core.invoice import InvoiceLine, Line, LineKind
from rackrate.core.lease import EventKind, Lease, LeaseEvent
from rackrate.core.money import Money
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.usage import MILLI, usage_of
from rackrate.portal.messages import msg

KINDS = {
    LineKind.USAGE: msg("On demand"),
    LineKind.CORRECTION: msg("Correction"),
    LineKind.PREPAYMENT: msg("Prepayment"),
    LineKind.INSTALMENT: msg("Instalment"),
    LineKind.FEE: msg("Fee for ending early"),
    LineKind.CREDIT: msg("Upgrade credit"),
    LineKind.DAMAGES: msg("Late delivery"),
    LineKind.REFUND: msg("Prepayment returned"),
    LineKind.OPENING: msg("From the books before"),
}
FILLS = {
    LineKind.USAGE: "on_demand",
    LineKind.CORRECTION: "repair",
    LineKind.PREPAYMENT: "flex",
    LineKind.INSTALMENT: "contract",
    LineKind.FEE: "contract",
    LineKind.CREDIT: "flex",
    LineKind.DAMAGES: "repair",
    LineKind.REFUND: "flex",
    LineKind.OPENING: "contract",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch that was measured at this price."""

    during: Interval
    slots: int
    exact: Fraction

    @property
    def slot_seconds(self) -> int:
        return self.during.seconds * self.slots


@dataclass(frozen=True, slots=True)
class Why:
    """The five steps of one usage line, as far as they can be seen now."""

    parts: tuple[Part, ...]
    left_out: tuple[Interval, ...]
    price: Price
    quantity: int
    exact: Fraction
    rounded: Money
    matches: bool

    @property
    def slot_seconds(self) -> Fraction:
        return Fraction(self.quantity, MILLI)


def why(
    line: Line,
    lease: Lease,
    events: Sequence[LeaseEvent],
    prices: Sequence[Price],
    time_zone: str,
) -> Why | None:
    """How a usage line came about; None for lines of another kind.

    `matches` says whether the log of now still gives the billed quantity: what was learnt later
    is on a correction line of a later invoice. `time_zone` is the customer's.
    """
    rated = next((price for price in prices if price.id == line.price), None)
    if line.kind is not LineKind.USAGE or line.klass is None or line.sku is None or rated is None:
        return None
    book, currency = PriceBook(prices).of(lease.customer), line.net.currency
    per_slot_second = Fraction(*rated.per_second(line.month.interval(time_zone).seconds))
    parts = tuple(
        Part(part, usage.slots, part.seconds * usage.slots * per_slot_second)
        for usage in usage_of(lease, events, line.during)
        for price, part in book.over(usage.sku, usage.klass, currency, usage.during)
        if price.id == line.price
    )
    measured = sum(part.slot_seconds for part in parts) * MILLI
    return Why(
        parts,
        tuple(interruptions(events, line.during)),
        rated,
        line.quantity,
        per_slot_second * line.quantity / MILLI,
        line.net if line.gross is None else line.gross,
        measured == line.quantity,
    )


def interruptions(events: Sequence[LeaseEvent], window: Interval) -> list[Interval]:
    """When it was there and not usable: those seconds are in no line."""
    found: list[Interval] = []
    since = None
    for event in events:
        if event.kind is EventKind.INTERRUPTED:
            since = since or event.at
        elif since is not None:
            part = Span(since, event.at).within(window) if since < event.at else None
            found += [] if part is None else [part]
            since = None
    if since is not None:
        part = Span(since).within(window)
        found += [] if part is None else [part]
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """How much more of one kind there is than on the invoice before, net of tax."""

    name: str
    fill: str
    now: Money
    before: Money

    @property
    def more(self) -> Money:
        return self.now - self.before


def compared(lines: Sequence[InvoiceLine], before: Sequence[InvoiceLine]) -> list[Change]:
    """Kind by kind, this invoice against the one before."""
    if not lines and not before:
        return []
    zero = Money.zero((lines or before)[0].line.net.currency)
    changes = []
    for kind in LineKind:
        now, then = zero, zero
        for line in lines:
            now = now + line.line.net if line.line.kind is kind else now
        for line in before:
            then = then + line.line.net if line.line.kind is kind else then
        if now or then:
            changes.append(Change(KINDS[kind], FILLS[kind], now, then))
    return changes
