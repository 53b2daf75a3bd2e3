"""Make machines match promises: what to tell the engine, and what to write down, for one lease."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rackrate.core.lease import EventKind, Lease, LeaseEvent, Phase, Wanted
from rackrate.core.quick import quick
from rackrate.core.workload import Found, MemberPhase


class Act(StrEnum):
    """What the engine is to be told before anything is written."""

    NOTHING = "nothing"
    ENSURE = "ensure"
    RELEASE = "release"


@quick
@dataclass(frozen=True, slots=True)
class Step:
    """One pass over one lease. `vacated`: the engine has let go, so its claims end."""

    act: Act = Act.NOTHING
    events: tuple[LeaseEvent, ...] = ()
    vacated: bool = False


AS_IT_IS = Step()  # The lease is as it should be, or must be waited for.


def step(lease: Lease, found: Found | None, now: datetime, seen: datetime) -> Step:
    """The next step of a lease, given what the engine has of it. Pure, and safe to repeat.

    `seen` is the last instant before `now` at which the engine showed all that it should have:
    a lease that is lost since then counts as lost from then on.
    """
    if lease.wanted is Wanted.RUNNING and lease.phase is not Phase.STOPPING:
        return _towards_running(lease, found, now, seen)
    return _towards_rest(lease, found, now)


def _towards_running(lease: Lease, found: Found | None, now: datetime, seen: datetime) -> Step:
    if found is not None and found.generation < lease.generation:
        found = None
    phase = lease.phase
    if phase is Phase.QUEUED:
        if not lease.members:
            return AS_IT_IS  # It waits for a place that is being cleared for it.
        return Step(Act.ENSURE, (_event(lease, EventKind.STARTING, now, now, ""),))
    if phase is Phase.STARTING:
        return _starting(lease, found, now)
    if phase is Phase.RUNNING:
        return _running(lease, found, now, seen)
    if phase is Phase.INTERRUPTED and found is not None and _ready(found):
        return Step(events=(_event(lease, EventKind.RUNNING, _since(found), now, "healthy again"),))
    return AS_IT_IS


def _starting(lease: Lease, found: Found | None, now: datetime) -> Step:
    if found is None:
        # Told, and not there: the control plane died between writing and telling. Tell it again.
        return Step(Act.ENSURE)
    phase = found.phase
    if phase is MemberPhase.READY:
        cause = "health check passed"
        return Step(events=(_event(lease, EventKind.RUNNING, _since(found), now, cause),))
    if phase is MemberPhase.STARTING:
        return AS_IT_IS
    return _over(lease, found, now)


def _running(lease: Lease, found: Found | None, now: datetime, seen: datetime) -> Step:
    if found is None:
        # Never silently created again with an empty disk. Doubt favours the customer.
        cause = "lost by the engine"
        return Step(events=(_event(lease, EventKind.INTERRUPTED, seen, now, cause),))
    if found.phase in (MemberPhase.READY, MemberPhase.STARTING):
        return AS_IT_IS
    return _over(lease, found, now)


def _over(lease: Lease, found: Found, now: datetime) -> Step:
    """A workload that is over by itself ends its lease; one that failed is interrupted."""
    at, reason = _since(found), _reason(found)
    if found.phase == MemberPhase.GONE:
        ending = _event(lease, EventKind.STOPPING, at, now, reason)
        return Step(Act.RELEASE, (ending,))
    return Step(events=(_event(lease, EventKind.INTERRUPTED, at, now, reason),))


def _towards_rest(lease: Lease, found: Found | None, now: datetime) -> Step:
    phase = lease.phase
    if phase in (Phase.STOPPED, Phase.ENDED):
        if found is not None:
            return Step(Act.RELEASE)
        if phase is Phase.STOPPED and lease.wanted is Wanted.ENDED:
            return Step(events=(_event(lease, EventKind.ENDED, now, now, ""),), vacated=True)
        return AS_IT_IS
    if phase is not Phase.STOPPING:
        stopping = _event(lease, EventKind.STOPPING, now, now, "")
        if found is not None:
            return Step(Act.RELEASE, (stopping,))
        # Release even what is not seen: the engine must remember never to start it late.
        return Step(Act.RELEASE, (stopping, _rest(lease.apply(stopping), now)), vacated=True)
    if found is not None:
        return Step(Act.RELEASE)
    return Step(events=(_rest(lease, now),), vacated=True)


def _rest(lease: Lease, now: datetime) -> LeaseEvent:
    stopped = lease.wanted == Wanted.STOPPED
    return _event(lease, EventKind.STOPPED if stopped else EventKind.ENDED, now, now, "")


def _event(lease: Lease, kind: EventKind, at: datetime, now: datetime, cause: str) -> LeaseEvent:
    """`at` is held between the last event and now: time never goes back, and is not guessed."""
    return LeaseEvent(lease.id, lease.seq + 1, max(lease.since, min(at, now)), now, kind, cause)


def _ready(found: Found) -> bool:
    return found.phase == MemberPhase.READY


def _since(found: Found) -> datetime:
    """When the phase of the whole began: the last to be ready, or the first that was not."""
    if found.phase == MemberPhase.READY:
        return max(member.since for member in found.members)
    return min(member.since for member in found.members if member.phase == found.phase)


def _reason(found: Found) -> str:
    return "; ".join(
        f"member {member.rank}: {member.reason}" if len(found.members) > 1 else member.reason
        for member in found.members
        if member.phase == found.phase
    )
