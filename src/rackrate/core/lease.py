"""A lease: what was asked, what is wanted, what was observed. The event log is the truth."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import ContractId, CustomerId, LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.quick import quick
from rackrate.core.workload import Deployment, Limits, Member, Spec


class LeaseClass(StrEnum):
    CONTRACT = "contract"
    FLEX = "flex"
    ON_DEMAND = "on_demand"
    SPOT = "spot"


# Those that run on nodes which their contract has reserved.
RESERVED = frozenset({LeaseClass.CONTRACT, LeaseClass.FLEX})


class Wanted(StrEnum):
    """Intent: written only by use cases."""

    RUNNING = "running"
    STOPPED = "stopped"
    ENDED = "ended"


class Phase(StrEnum):
    """Observation: written only by loops."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ENDED = "ended"


# The legal moves of the phase. Documentation, portal and property tests read this table.
MOVES: Mapping[Phase, frozenset[Phase]] = {
    Phase.QUEUED: frozenset({Phase.STARTING, Phase.STOPPING}),
    Phase.STARTING: frozenset({Phase.RUNNING, Phase.INTERRUPTED, Phase.STOPPING}),
    Phase.RUNNING: frozenset({Phase.INTERRUPTED, Phase.STOPPING}),
    Phase.INTERRUPTED: frozenset({Phase.RUNNING, Phase.STOPPING}),
    Phase.STOPPING: frozenset({Phase.STOPPED, Phase.ENDED}),
    Phase.STOPPED: frozenset({Phase.QUEUED, Phase.ENDED}),
    Phase.ENDED: frozenset(),
}


class EventKind(StrEnum):
    """What can happen to a lease. The first five are intents, the next four what it is told: first
    its place, where it had to wait for one; the others observations.
    """

    REQUESTED = "requested"
    STOP_REQUESTED = "stop_requested"
    START_REQUESTED = "start_requested"
    END_REQUESTED = "end_requested"
    RESHAPED = "reshaped"
    PLACED = "placed"
    TOLD = "told"
    NOTICE = "notice"
    NOTICE_WITHDRAWN = "notice_withdrawn"
    STARTING = "starting"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of which SKU: `count` units on each of `nodes` nodes, `slots` on each of them."""

    sku: SkuId
    count: int
    nodes: int
    slots: int
    limits: Limits


@quick
@dataclass(frozen=True, slots=True)
class LeaseEvent:
    """One fact about a lease. `at` is when it was true, `recorded_at` when we knew.

    `members` are given when the event places the lease. `until` is when a notice ends it, to give
    way; of what else it is told, until when it is safe. `cause` is a sentence for people. `shape`
    is what it has from its next start on, where that changes.
    """

    lease: LeaseId
    seq: int
    at: datetime
    recorded_at: datetime
    kind: EventKind
    cause: str = ""
    members: tuple[Member, ...] = ()
    until: datetime | None = None
    shape: Shape | None = None


@quick
@dataclass(frozen=True, slots=True)
class Terms:
    """What a lease was asked for: who, what, how many, under which promise.

    `count` units of the SKU on each of `nodes` nodes; `slots` is what that makes on each of them.
    Only this shape of it ever changes, while it is stopped.
    """

    id: LeaseId
    customer: CustomerId
    project: ProjectId
    site: SiteId
    sku: SkuId
    klass: LeaseClass
    contract: ContractId | None
    count: int
    nodes: int
    slots: int
    limits: Limits
    spec: Spec
    name: str = ""

    @property
    def account(self) -> str:
        """The contract on whose reserved nodes it runs; empty where it is sold by the moment, as it
        also can be under a contract.
        """
        return self.contract or "" if self.klass in RESERVED else ""

    @property
    def shape(self) -> Shape:
        return Shape(self.sku, self.count, self.nodes, self.slots, self.limits)

    def shaped(self, to: Shape) -> "Terms":
        made = replace(self, sku=to.sku, limits=to.limits, slots=to.slots)
        return replace(made, count=to.count, nodes=to.nodes)


@quick
@dataclass(frozen=True, slots=True)
class Lease:
    """The fold of its events over its terms; `apply` is the only way to change one.

    `billed_since` is set while its GPUs are billed. `safe_until` is the first instant at which
    promises to others may need its nodes, as it was last told; None: no such instant is known.
    `until` is when it ends to give way, once it has been given notice. `asked` is the shape that it
    was asked for, once it has another.
    """

    id: LeaseId
    customer: CustomerId
    project: ProjectId
    terms: Terms
    wanted: Wanted
    phase: Phase
    generation: int
    seq: int
    since: datetime
    created: datetime
    members: tuple[Member, ...]
    billed_since: datetime | None = None
    ended: datetime | None = None
    safe_until: datetime | None = None
    until: datetime | None = None
    asked: Shape | None = None

    @property
    def site(self) -> SiteId:
        return self.terms.site

    @property
    def asked_terms(self) -> Terms:
        """As it was asked for, before any change of its shape."""
        return self.terms if self.asked is None else self.terms.shaped(self.asked)

    @property
    def live(self) -> bool:
        """Whether loops still have work with it, or may have."""
        if self.phase == Phase.STOPPED:
            return self.wanted != Wanted.STOPPED
        return self.phase != Phase.ENDED

    @property
    def waits(self) -> bool:
        """Whether it has been promised a place that is still being cleared for it."""
        queued = self.phase is Phase.QUEUED and self.wanted is Wanted.RUNNING
        return queued and not self.members

    @property
    def deployment(self) -> Deployment:
        return Deployment(
            self.id,
            self.generation,
            self.project,
            self.customer,
            self.terms.spec,
            self.terms.limits,
            self.members,
        )

    def apply(self, event: LeaseEvent) -> "Lease":
        """The lease after `event`; Refused if the move is not legal."""
        assert event.lease == self.id and event.seq == self.seq + 1, f"out of order: {event}"
        assert event.at >= self.since, f"time goes back: {event}"
        if event.kind in _INTENTS:
            return _intend(self, event)
        if event.kind in _TOLD:
            return _told(self, event)
        if event.kind is EventKind.PLACED:
            return _placed(self, event)
        if event.kind is EventKind.RESHAPED:
            return _reshaped(self, event)
        return _observe(self, event)


_INTENTS: Mapping[EventKind, Wanted] = {
    EventKind.STOP_REQUESTED: Wanted.STOPPED,
    EventKind.START_REQUESTED: Wanted.RUNNING,
    EventKind.END_REQUESTED: Wanted.ENDED,
}
_OBSERVED: Mapping[EventKind, Phase] = {
    EventKind(phase.value): phase for phase in MOVES.keys() - {Phase.QUEUED}
}
_TOLD = frozenset({EventKind.TOLD, EventKind.NOTICE, EventKind.NOTICE_WITHDRAWN})
_AT_REST = frozenset({Phase.STOPPED, Phase.ENDED})
# A notice is about the nodes that a lease has: with them it goes, but is remembered at the end.
_WITHOUT_NOTICE = frozenset({Phase.STOPPED, Phase.QUEUED})


def requested(
    terms: Terms,
    members: tuple[Member, ...],
    now: datetime,
    safe_until: datetime | None,
) -> tuple[Lease, LeaseEvent]:
    """A new lease with its first event; the caller writes the claims of its members with it."""
    event = LeaseEvent(
        terms.id, 1, now, now, EventKind.REQUESTED, members=members, until=safe_until
    )
    return born(terms, event), event


def born(terms: Terms, event: LeaseEvent) -> Lease:
    """The lease as its first event makes it."""
    assert event.kind == EventKind.REQUESTED and event.seq == 1, event
    return Lease(
        terms.id,
        terms.customer,
        terms.project,
        terms,
        Wanted.RUNNING,
        Phase.QUEUED,
        generation=1,
        seq=1,
        since=event.at,
        created=event.at,
        members=event.members,
        safe_until=event.until,
    )


def fold(terms: Terms, events: Iterable[LeaseEvent]) -> Lease:
    """The lease that these events, all of them and in order, amount to."""
    log = iter(events)
    lease = born(terms, next(log))
    for event in log:
        lease = lease.apply(event)
    return lease


def ask(
    lease: Lease,
    kind: EventKind,
    now: datetime,
    cause: str,
    members: tuple[Member, ...] = (),
) -> tuple[Lease, LeaseEvent]:
    """The lease with a new intent; Refused if it cannot be wanted in its state."""
    at = max(now, lease.since)
    event = LeaseEvent(lease.id, lease.seq + 1, at, now, kind, cause, members)
    return lease.apply(event), event


def reshape(lease: Lease, shape: Shape, now: datetime, cause: str) -> tuple[Lease, LeaseEvent]:
    """The stopped lease with another shape from its next start on; Refused while it is not."""
    at, kind = max(now, lease.since), EventKind.RESHAPED
    event = LeaseEvent(lease.id, lease.seq + 1, at, now, kind, cause, shape=shape)
    return lease.apply(event), event


def _reshaped(lease: Lease, event: LeaseEvent) -> Lease:
    assert event.shape is not None, event
    if lease.wanted is Wanted.ENDED:
        raise Refused(Reason.WRONG_STATE, f"{lease.id} has been told to end, and only ends now")
    if lease.phase is not Phase.STOPPED:
        said = f"{lease.id} is {lease.phase}; its shape changes while it is stopped: stop it first"
        raise Refused(Reason.WRONG_STATE, said)
    told = replace(lease, seq=event.seq, since=event.at)
    asked = lease.asked or lease.terms.shape
    return replace(told, terms=lease.terms.shaped(event.shape), asked=asked)


def _intend(lease: Lease, event: LeaseEvent) -> Lease:
    wanted = _INTENTS[event.kind]
    if lease.wanted == Wanted.ENDED:
        raise Refused(Reason.WRONG_STATE, f"{lease.id} has been told to end, and only ends now")
    if wanted == Wanted.RUNNING:
        if lease.phase != Phase.STOPPED:
            raise Refused(
                Reason.WRONG_STATE,
                f"{lease.id} is {lease.phase}; only a stopped lease starts",
            )
        again = _after(lease, event, wanted, Phase.QUEUED, event.members, None)
        return replace(again, generation=lease.generation + 1, safe_until=event.until)
    if lease.wanted == wanted:
        raise Refused(Reason.WRONG_STATE, f"{lease.id} has already been told to stop")
    # Billing of GPUs ends when the request is acknowledged; the claim, when the engine confirms.
    return _after(lease, event, wanted, lease.phase, lease.members, None)


def _told(lease: Lease, event: LeaseEvent) -> Lease:
    """Told until when it is safe, when it ends to give way, or that it need not after all."""
    kind = event.kind
    if lease.wanted is not Wanted.RUNNING or lease.phase is Phase.STOPPING:
        raise Refused(Reason.WRONG_STATE, f"{lease.id} is on its way out, and gives way as it is")
    assert kind is EventKind.TOLD or (event.until is None) == (kind is not EventKind.NOTICE), event
    told = replace(lease, seq=event.seq, since=event.at)
    if kind is EventKind.NOTICE:
        return replace(told, safe_until=event.until, until=event.until)
    if kind is EventKind.TOLD:
        return replace(told, safe_until=event.until)
    return replace(told, until=None)


def _placed(lease: Lease, event: LeaseEvent) -> Lease:
    """It waited, and has its nodes now."""
    if not lease.waits:
        raise Refused(Reason.WRONG_STATE, f"{lease.id} does not wait for a place")
    told = replace(lease, seq=event.seq, since=event.at)
    return replace(told, members=event.members, safe_until=event.until)


def _observe(lease: Lease, event: LeaseEvent) -> Lease:
    to = _OBSERVED[event.kind]
    if to not in MOVES[lease.phase]:
        raise Refused(Reason.WRONG_STATE, f"{lease.id} cannot go from {lease.phase} to {to}")
    billed = lease.billed_since
    if to is not Phase.RUNNING:
        billed = None
    elif lease.wanted is Wanted.RUNNING:
        billed = event.at
    members = () if to in _AT_REST else lease.members
    return _after(lease, event, lease.wanted, to, members, billed)


def _after(
    lease: Lease,
    event: LeaseEvent,
    wanted: Wanted,
    phase: Phase,
    members: tuple[Member, ...],
    billed_since: datetime | None,
) -> Lease:
    """Field by field, since `replace` takes ten times as long, and this is made of every event."""
    return Lease(
        lease.id,
        lease.customer,
        lease.project,
        lease.terms,
        wanted,
        phase,
        lease.generation,
        event.seq,
        event.at,
        lease.created,
        members,
        billed_since,
        lease.ended or (event.at if phase is Phase.ENDED else None),
        lease.safe_until,
        None if phase in _WITHOUT_NOTICE else lease.until,
        lease.asked,
    )
