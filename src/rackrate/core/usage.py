"""Measured use: seconds of slots and of storage, from a lease's own events, never from sampling."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rackrate.core.ids import LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval, Span, whole_seconds
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent, Shape
from rackrate.core.pricing import ADDRESS, EGRESS
from rackrate.core.quick import quick

MILLI = 1000
_RUNNING = EventKind.RUNNING
_NOTICE = EventKind.NOTICE
_NOTICES = frozenset({EventKind.NOTICE, EventKind.NOTICE_WITHDRAWN})
_SAYS_UNTIL = _NOTICES | {EventKind.START_REQUESTED}
_GOES_ON = _NOTICES | {EventKind.RUNNING, EventKind.STARTING, EventKind.TOLD, EventKind.PLACED}
_STOPS_BILLING = frozenset(EventKind) - _GOES_ON
_WANTED = {
    EventKind.STOP_REQUESTED: False,
    EventKind.END_REQUESTED: False,
    EventKind.START_REQUESTED: True,
}
_OVER = frozenset({EventKind.END_REQUESTED, EventKind.ENDED})
# From when to when; None: it goes on.
Stretch = tuple[datetime, datetime | None]


@quick
@dataclass(frozen=True, slots=True)
class Usage:
    """`slots` slots of a lease, in use over `during`."""

    lease: LeaseId
    sku: SkuId
    klass: LeaseClass
    slots: int
    during: Interval

    @property
    def milli_slot_seconds(self) -> int:
        return self.during.seconds * self.slots * MILLI


@quick
@dataclass(frozen=True, slots=True)
class Used:
    """All that a lease used: `slots` slots in `stretches` of time, from when to when, in order."""

    lease: LeaseId
    sku: SkuId
    klass: LeaseClass
    slots: int
    stretches: Sequence[tuple[datetime, datetime]]

    @property
    def seconds(self) -> int:
        return whole_seconds(end - start for start, end in self.stretches)


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of a project at a site, by its name."""

    project: ProjectId
    site: SiteId
    name: str

    def __str__(self) -> str:
        return f"{self.project}/{self.site}/{self.name}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is that no lease has: an address, or traffic, of a project at a site."""

    project: ProjectId
    site: SiteId
    item: str

    def __str__(self) -> str:
        return f"{self.item}/{self.project}/{self.site}"

    @classmethod
    def of(cls, source: str) -> "Place | None":
        """The place that the cause of a line names; None: it is of something else."""
        parts = source.split("/")
        if len(parts) < 4 or parts[1] not in (ADDRESS, EGRESS):
            return None
        return cls(ProjectId(parts[2]), SiteId(parts[3]), parts[1])


@quick
@dataclass(frozen=True, slots=True)
class Kept:
    """`gb` gigabytes of a volume, kept over `during` whether anything runs or not."""

    volume: Volume
    gb: int
    during: Interval


def billed_spans(events: Sequence[LeaseEvent]) -> list[Span]:
    """When the lease was billed: from running until told to stop, interrupted, or over.

    Never after the end of a notice to give way, however late that is carried out or withdrawn. The
    last may be open. A span of no length is dropped.
    """
    return [Span(start, end) for start, end in _billed(events)]


def _billed(events: Sequence[LeaseEvent]) -> list[Stretch]:
    found: list[Stretch] = []
    since = None
    wanted, noticed = True, False
    for event in events:
        kind = event.kind
        if kind is _RUNNING:
            if wanted and since is None:
                since = event.at
        elif kind in _STOPS_BILLING:
            if since is not None and since < event.at:
                found.append((since, event.at))
            since = None
            if kind in _WANTED:
                wanted = _WANTED[kind]
        elif kind is _NOTICE:
            noticed = True
    if since is not None:
        found.append((since, None))
    return [part for each in found for part in _without(each, events)] if noticed else found


def _without(stretch: Stretch, events: Iterable[LeaseEvent]) -> Iterator[Stretch]:
    """What is left of a stretch outside the time between a notice's end and what comes of it."""
    start, end = stretch
    until: datetime | None = None
    for event in events:
        if event.kind not in _SAYS_UNTIL:
            continue
        if end is not None and event.at >= end:
            break
        if until is not None and until < event.at and start < event.at:
            if start < until:
                yield start, until
            start = event.at
        until = event.until if event.kind is _NOTICE else None
    if until is not None and (end is None or until < end):
        end = until
    if end is None or start < end:
        yield start, end


def used_by(lease: Lease, events: Sequence[LeaseEvent], window: Interval) -> Used:
    """What the lease used inside `window`, as it is rated: without a value for each stretch."""
    terms, first, last = lease.terms, window.start, window.end
    stretches: list[tuple[datetime, datetime]] = []
    for since, until in _billed(events):
        start = max(first, since)
        end = until if until is not None and until < last else last
        if start < end:
            stretches.append((start, end))
    return Used(lease.id, terms.sku, terms.klass, terms.slots * terms.nodes, stretches)


def uses_of(lease: Lease, events: Sequence[LeaseEvent], window: Interval) -> tuple[Used, ...]:
    """As `used_by`, shape by shape: most leases have one, all their lives."""
    used = used_by(lease, events, window)
    if lease.asked is None:
        return (used,)
    found: dict[Shape, list[tuple[datetime, datetime]]] = {}
    for stretch in used.stretches:
        found.setdefault(_shape_at(lease.asked, events, stretch[0]), []).append(stretch)
    return tuple(
        Used(lease.id, shape.sku, used.klass, shape.slots * shape.nodes, stretches)
        for shape, stretches in found.items()
    )


def _shape_at(asked: Shape, events: Iterable[LeaseEvent], start: datetime) -> Shape:
    """The shape of what began to run then: it changes only while nothing runs."""
    shape = asked
    for event in events:
        if event.at > start:
            break
        shape = event.shape or shape
    return shape


def usage_of(lease: Lease, events: Sequence[LeaseEvent], window: Interval) -> list[Usage]:
    """What the lease used inside `window`, interval by interval."""
    found = [
        Usage(used.lease, used.sku, used.klass, used.slots, Interval(start, end))
        for used in uses_of(lease, events, window)
        for start, end in used.stretches
    ]
    return sorted(found, key=lambda usage: usage.during)


def volumes_of(lease: Lease) -> dict[Volume, int]:
    """The volumes whose size the lease declares, in GB: the larger where it says two."""
    terms, sizes = lease.terms, dict[Volume, int]()
    for mount in terms.spec.volumes:
        if mount.gb:
            volume = Volume(terms.project, terms.site, mount.name)
            sizes[volume] = max(mount.gb, sizes.get(volume, 0))
    return sizes


def kept_span(events: Iterable[LeaseEvent]) -> Span | None:
    """How long a lease keeps its volumes: from when it first ran until it is told to end."""
    since: datetime | None = None
    for event in events:
        if event.kind is _RUNNING and since is None:
            since = event.at
        elif event.kind in _OVER:
            return Span(since, event.at) if since is not None and since < event.at else None
    return None if since is None else Span(since)


def kept(leases: Iterable[tuple[Lease, Sequence[LeaseEvent]]], window: Interval) -> Iterator[Kept]:
    """What volumes kept inside `window`: of each the largest size that any lease declares then.

    So a volume that many leases share is kept once.
    """
    found: dict[Volume, list[tuple[Interval, int]]] = {}
    for lease, events in leases:
        sizes = volumes_of(lease)
        span = kept_span(events) if sizes else None
        part = None if span is None else span.within(window)
        if part is not None:
            for volume, gb in sizes.items():
                found.setdefault(volume, []).append((part, gb))
    for volume, parts in sorted(found.items(), key=lambda each: str(each[0])):
        yield from _largest(volume, parts)


def _largest(volume: Volume, parts: Sequence[tuple[Interval, int]]) -> Iterator[Kept]:
    changes = [(part.start, gb, 1) for part, gb in parts]
    changes += [(part.end, gb, -1) for part, gb in parts]
    held: Counter[int] = Counter()
    since, most = changes[0][0], 0
    for at, gb, more in sorted(changes):
        if most and since < at:
            yield Kept(volume, most, Interval(since, at))
        held[gb] += more
        if not held[gb]:
            del held[gb]
        since, most = at, max(held, default=0)
