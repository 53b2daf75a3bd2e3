"""Measured use: seconds of slots, from a lease's own events and never from sampling."""

from collections.abc import Iterable
from dataclasses import dataclass

from rackrate.core.ids import LeaseId, SkuId
from rackrate.core.interval import Interval, Span
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent
from rackrate.core.quick import quick

MILLI = 1000
_RUNNING = EventKind.RUNNING
_STOPS_BILLING = frozenset(EventKind) - {
    EventKind.RUNNING,
    EventKind.STARTING,
    EventKind.TOLD,
    EventKind.NOTICE,
    EventKind.NOTICE_WITHDRAWN,
}
_UNWANTED = frozenset({EventKind.STOP_REQUESTED, EventKind.END_REQUESTED})


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


def billed_spans(events: Iterable[LeaseEvent]) -> list[Span]:
    """When the lease was billed: from running until told to stop, interrupted, or over.

    The last may be open. A span of no length is dropped.
    """
    spans: list[Span] = []
    since = None
    wanted = True
    for event in events:
        kind = event.kind
        if kind is _RUNNING:
            if wanted and since is None:
                since = event.at
        elif kind in _STOPS_BILLING:
            if since is not None and since < event.at:
                spans.append(Span(since, event.at))
            since = None
            if kind in _UNWANTED:
                wanted = False
            elif kind is EventKind.START_REQUESTED:
                wanted = True
    if since is not None:
        spans.append(Span(since))
    return spans


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
