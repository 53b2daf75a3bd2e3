"""Measured use: seconds of slots and of storage, from a lease's own events, never from sampling."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rackrate.core.ids import LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval, Span
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent
from rackrate.core.quick import quick

MILLI = 1000
_RUNNING = EventKind.RUNNING
_NOTICES = frozenset({EventKind.NOTICE, EventKind.NOTICE_WITHDRAWN})
_GOES_ON = _NOTICES | {EventKind.RUNNING, EventKind.STARTING, EventKind.TOLD}
_STOPS_BILLING = frozenset(EventKind) - _GOES_ON
_WANTED = {
    EventKind.STOP_REQUESTED: False,
    EventKind.END_REQUESTED: False,
    EventKind.START_REQUESTED: True,
}
_OVER = frozenset({EventKind.END_REQUESTED, EventKind.ENDED})


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


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of a project at a site, by its name."""

    project: ProjectId
    site: SiteId
    name: str

    def __str__(self) -> str:
        return f"{self.project}/{self.site}/{self.name}"


@quick
@dataclass(frozen=True, slots=True)
class Kept:
    """`gb` gigabytes of a volume, kept over `during` whether anything runs or not."""

    volume: Volume
    gb: int
    during: Interval


def billed_spans(events: Iterable[LeaseEvent]) -> list[Span]:
    """When the lease was billed: from running until told to stop, interrupted, or over.

    Never beyond the end of a notice to give way, however late that is carried out. The last may be
    open. A span of no length is dropped.
    """
    spans: list[Span] = []
    since = until = None
    wanted = True
    for event in events:
        kind = event.kind
        if kind is _RUNNING:
            if wanted and since is None:
                since = event.at
        elif kind in _STOPS_BILLING:
            if since is not None:
                spans += _up_to(since, event.at, until)
            since = None
            if kind in _WANTED:
                wanted = _WANTED[kind]
                until = None if wanted else until
        elif kind in _NOTICES:
            until = event.until
    if since is not None:
        spans += _up_to(since, None, until)
    return spans


def _up_to(since: datetime, end: datetime | None, until: datetime | None) -> tuple[Span, ...]:
    """The span from `since` to whichever end comes first, if it has a length."""
    if end is None or (until is not None and until < end):
        end = until
    return (Span(since, end),) if end is None or since < end else ()


def usage_of(lease: Lease, events: Iterable[LeaseEvent], window: Interval) -> list[Usage]:
    """What the lease used inside `window`, interval by interval."""
    terms = lease.terms
    slots = terms.slots * terms.nodes
    used: list[Usage] = []
    for span in billed_spans(events):
        part = span.within(window)
        if part is not None:
            used.append(Usage(lease.id, terms.sku, terms.klass, slots, part))
    return used


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
