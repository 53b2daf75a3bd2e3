"""A lease as a page shows it: what it is, its state in words, its price, cost and timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from rackrate.core.chips import Chip
from rackrate.core.errors import Refused
from rackrate.core.ids import SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Sku
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent, Phase, Wanted
from rackrate.core.money import Money
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.rating import owed
from rackrate.core.usage import billed_spans, usage_of
from rackrate.portal.messages import msg

CLASS_NAMES: Mapping[LeaseClass, str] = {
    LeaseClass.CONTRACT: msg("Contract"),
    LeaseClass.FLEX: msg("Flex"),
    LeaseClass.ON_DEMAND: msg("On demand"),
    LeaseClass.SPOT: msg("Spot"),
}
# Shape and colour of the pill, and its word.
PHASES: Mapping[Phase, tuple[str, str]] = {
    Phase.QUEUED: ("wait", msg("Waiting")),
    Phase.STARTING: ("wait info", msg("Health check")),
    Phase.RUNNING: ("ok", msg("Running")),
    Phase.INTERRUPTED: ("bad", msg("Interrupted")),
    Phase.STOPPING: ("warn", msg("Stopping")),
    Phase.STOPPED: ("", msg("Stopped")),
    Phase.ENDED: ("", msg("Ended")),
}
EVENTS: Mapping[EventKind, str] = {
    EventKind.REQUESTED: msg("Lease asked for"),
    EventKind.STOP_REQUESTED: msg("Told to stop"),
    EventKind.START_REQUESTED: msg("Told to start again"),
    EventKind.END_REQUESTED: msg("Told to end"),
    EventKind.RESHAPED: msg("Given another shape"),
    EventKind.PLACED: msg("Has its place"),
    EventKind.TOLD: msg("Told until when it is safe"),
    EventKind.NOTICE: msg("Notice to give way"),
    EventKind.NOTICE_WITHDRAWN: msg("Notice withdrawn"),
    EventKind.STARTING: msg("Starting"),
    EventKind.RUNNING: msg("Running, health check passed"),
    EventKind.INTERRUPTED: msg("Interrupted"),
    EventKind.STOPPING: msg("Stopping"),
    EventKind.STOPPED: msg("Stopped"),
    EventKind.ENDED: msg("Ended"),
}
SCALE = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """A lease in a table. `hourly` is before or with tax as its price says; None: no price."""

    lease: Lease
    sku: Sku | None
    hourly: Fraction | None
    month: Money | None

    @property
    def pill(self) -> tuple[str, str]:
        """A running lease that has been told to stop is stopping, whatever its machines do."""
        lease = self.lease
        leaving = lease.wanted != Wanted.RUNNING
        if leaving and lease.phase in (Phase.QUEUED, Phase.STARTING, Phase.RUNNING):
            return PHASES[Phase.STOPPING]
        return PHASES[lease.phase]

    @property
    def class_name(self) -> str:
        return CLASS_NAMES[self.lease.terms.klass]

    @property
    def slots(self) -> int:
        return self.lease.terms.slots * self.lease.terms.nodes

    @property
    def title(self) -> str:
        return self.lease.terms.sku if self.sku is None else self.sku.name

    @property
    def resting(self) -> bool:
        return self.lease.phase == Phase.STOPPED and self.lease.wanted == Wanted.STOPPED

    @property
    def stoppable(self) -> bool:
        return self.lease.wanted == Wanted.RUNNING and self.lease.phase != Phase.ENDED

    @property
    def endable(self) -> bool:
        return self.lease.wanted != Wanted.ENDED and self.lease.phase != Phase.ENDED


def hourly(lease: Lease, prices: Sequence[Price], currency: str) -> Fraction | None:
    """What the lease costs an hour at the prices in force; under a contract, its page says it."""
    if lease.terms.contract is not None:
        return None
    terms = lease.terms
    mine = [p for p in prices if (p.sku, p.klass, p.currency) == (terms.sku, terms.klass, currency)]
    mine = [price for price in mine if price.customer in (None, lease.customer)]
    best = max(mine, key=lambda p: (p.customer is not None, p.site is not None), default=None)
    return None if best is None else best.hourly * terms.slots * terms.nodes


def cost_so_far(
    lease: Lease,
    events: Sequence[LeaseEvent],
    book: PriceBook,
    now: datetime,
    customer: tuple[str, str],
) -> Money | None:
    """As invoices will have it, if it were rounded now; None where no price is known.

    `customer` is its currency and its time zone.
    """
    try:
        return owed(lease, events, book, customer, now)
    except Refused:
        return None


def billed_seconds(lease: Lease, events: Sequence[LeaseEvent], now: datetime) -> int:
    if not lease.created < now:
        return 0
    used = usage_of(lease, events, Interval(lease.created, now))
    return sum(usage.during.seconds for usage in used)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a lane, in thousandths of its width."""

    start: int
    width: int
    fill: str
    title: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Lanes of one axis: gaps in `billed` are the seconds that nobody pays."""

    start: datetime
    end: datetime
    states: tuple[Segment, ...]
    billed: tuple[Segment, ...]
    marks: tuple[int, ...]

    @property
    def middle(self) -> datetime:
        return (self.start + (self.end - self.start) / 2).replace(microsecond=0)


def timeline(lease: Lease, events: Sequence[LeaseEvent], now: datetime) -> Timeline | None:
    """The life of the lease so far; None while it has no length."""
    start, end = lease.created, lease.ended or now
    if end <= start:
        return None
    observed = [event for event in events if event.kind.value in frozenset(Phase)]
    changes = [(start, Phase.QUEUED), *((e.at, Phase(e.kind.value)) for e in observed)]
    ends = [at for at, _ in changes[1:]] + [end]
    states = tuple(
        _segment(start, end, at, until, _fill(phase, lease.terms.klass), PHASES[phase][1])
        for (at, phase), until in zip(changes, ends, strict=True)
        if at < until and phase is not Phase.ENDED
    )
    billed = tuple(
        _segment(start, end, span.start, span.end or end, "billed", msg("Billed"))
        for span in billed_spans(events)
    )
    marks = tuple(_at(start, end, event.at) for event in events)
    return Timeline(start, end, states, billed, marks)


def _at(start: datetime, end: datetime, instant: datetime) -> int:
    return round(SCALE * (min(instant, end) - start) / (end - start))


def _segment(
    start: datetime, end: datetime, since: datetime, until: datetime, fill: str, title: str
) -> Segment:
    left, right = _at(start, end, since), _at(start, end, until)
    return Segment(left, max(2, right - left), fill, title)


def _fill(phase: Phase, klass: LeaseClass) -> str:
    if phase is Phase.RUNNING:
        return f"fill-{klass}"
    if phase is Phase.INTERRUPTED:
        return "bad"
    return {Phase.STOPPING: "stop", Phase.STOPPED: "base"}.get(phase, "wait")


def rows(
    leases: Sequence[Lease],
    skus: Mapping[SkuId, Sku],
    prices: Sequence[Price],
    currency: str,
    months: Mapping[str, Money],
) -> list[Row]:
    return [
        Row(lease, skus.get(lease.terms.sku), hourly(lease, prices, currency), months.get(lease.id))
        for lease in leases
    ]


def per_slot(chip: Chip) -> str:
    """What one slot of the chip is called."""
    return msg("GPU") if chip.accelerator else msg("CPU slot")
