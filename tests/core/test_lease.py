"""A lease is the fold of its events, and only legal moves exist."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.errors import Refused
from rackrate.core.ids import CustomerId, LeaseId, NodeId, ProjectId, SiteId, SkuId
from rackrate.core.lease import (
    MOVES,
    EventKind,
    Lease,
    LeaseClass,
    LeaseEvent,
    Phase,
    Terms,
    Wanted,
    ask,
    fold,
    requested,
)
from rackrate.core.reconcile import Act, step
from rackrate.core.slots import Slots
from rackrate.core.usage import billed_spans
from rackrate.core.workload import Found, FoundMember, Limits, Member, MemberPhase, Spec

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TERMS = Terms(
    LeaseId("lse_1"),
    CustomerId("acme"),
    ProjectId("train"),
    SiteId("east"),
    SkuId("h100.1"),
    LeaseClass.ON_DEMAND,
    None,
    2,
    1,
    2,
    Limits(1000, 1024, 1024),
    Spec(),
)
MEMBERS = (Member(0, NodeId("n0"), Slots(0b11)),)


def at(second: int) -> datetime:
    return NOW + timedelta(seconds=second)


def found(phase: MemberPhase, since: int, generation: int = 1, reason: str = "") -> Found:
    return Found(generation, (FoundMember(0, phase, at(since), reason),), at(since))


class Log:
    """A lease with its events, moved the way use cases and loops move it."""

    def __init__(self) -> None:
        self.lease, event = requested(TERMS, MEMBERS, NOW, None)
        self.events = [event]

    def ask(self, kind: EventKind, second: int, members: tuple[Member, ...] = ()) -> None:
        self.lease, event = ask(self.lease, kind, at(second), "", members)
        self.events.append(event)

    def look(self, seen: Found | None, second: int, last: int = 0) -> Act:
        decided = step(self.lease, seen, at(second), at(last))
        for event in decided.events:
            self.lease = self.lease.apply(event)
            self.events.append(event)
        return decided.act

    def billed(self) -> list[tuple[int, int | None]]:
        spans = billed_spans(self.events)
        return [
            (
                int((span.start - NOW).total_seconds()),
                None if span.end is None else int((span.end - NOW).total_seconds()),
            )
            for span in spans
        ]


def running() -> Log:
    log = Log()
    assert log.look(None, 1) is Act.ENSURE
    log.look(found(MemberPhase.STARTING, 1), 2)
    log.look(found(MemberPhase.READY, 5), 6)
    assert log.lease.phase == Phase.RUNNING
    return log


def test_billing_starts_when_the_health_check_has_passed_and_not_before() -> None:
    assert running().billed() == [(5, None)]


def test_stop_ends_billing_when_it_is_acknowledged_and_the_phase_when_the_engine_confirms() -> None:
    log = running()
    log.ask(EventKind.STOP_REQUESTED, 100)
    assert log.billed() == [(5, 100)]
    assert log.lease.phase == Phase.RUNNING
    assert log.look(found(MemberPhase.READY, 5), 101) is Act.RELEASE
    assert log.look(found(MemberPhase.READY, 5), 102) is Act.RELEASE
    log.look(None, 103)
    assert (log.lease.phase, log.lease.members) == (Phase.STOPPED, ())
    assert log.billed() == [(5, 100)]


def test_a_stopped_lease_starts_again_with_a_new_generation() -> None:
    log = running()
    log.ask(EventKind.STOP_REQUESTED, 100)
    log.look(None, 103)
    log.ask(EventKind.START_REQUESTED, 200, MEMBERS)
    assert (log.lease.generation, log.lease.phase) == (2, Phase.QUEUED)
    log.look(None, 201)
    log.look(found(MemberPhase.READY, 90, generation=1), 202)
    assert log.lease.phase == Phase.STARTING, "what an older generation shows does not count"
    log.look(found(MemberPhase.READY, 205, generation=2), 206)
    assert log.billed() == [(5, 100), (205, None)]


def test_an_end_while_it_starts_is_never_billed() -> None:
    log = Log()
    log.look(None, 1)
    log.ask(EventKind.END_REQUESTED, 2)
    assert log.look(found(MemberPhase.READY, 2), 3) is Act.RELEASE
    log.look(None, 4)
    assert log.lease.phase == Phase.ENDED
    assert log.billed() == []


def test_a_lost_workload_is_billed_to_the_last_time_it_was_seen() -> None:
    log = running()
    log.look(None, 500, last=440)
    assert log.lease.phase == Phase.INTERRUPTED
    assert log.billed() == [(5, 440)]


def test_a_lost_workload_is_never_silently_made_again() -> None:
    log = running()
    log.look(None, 500, last=440)
    assert log.look(None, 560, last=500) is Act.NOTHING
    assert log.lease.phase == Phase.INTERRUPTED


def test_a_failure_is_not_billed_and_a_recovery_is() -> None:
    log = running()
    log.look(found(MemberPhase.FAILED, 50, reason="GPU fell off the bus"), 60)
    log.look(found(MemberPhase.READY, 80), 90)
    assert log.billed() == [(5, 50), (80, None)]


def test_a_workload_that_is_over_ends_its_lease() -> None:
    log = running()
    assert log.look(found(MemberPhase.GONE, 70, reason="finished"), 75) is Act.RELEASE
    log.look(None, 76)
    assert (log.lease.phase, log.lease.live) == (Phase.ENDED, False)
    assert log.billed() == [(5, 70)]


def test_what_was_told_and_is_not_there_is_told_again() -> None:
    log = Log()
    log.look(None, 1)
    assert log.look(None, 2) is Act.ENSURE
    assert log.lease.phase == Phase.STARTING


@pytest.mark.parametrize("kind", [EventKind.STOP_REQUESTED, EventKind.END_REQUESTED])
def test_what_has_been_told_to_end_stays_told(kind: EventKind) -> None:
    log = running()
    log.ask(EventKind.END_REQUESTED, 100)
    with pytest.raises(Refused, match="told to end"):
        log.ask(kind, 101)


def test_only_a_stopped_lease_starts() -> None:
    with pytest.raises(Refused, match="only a stopped lease starts"):
        running().ask(EventKind.START_REQUESTED, 100)


@pytest.mark.parametrize("source", Phase)
@pytest.mark.parametrize("to", [kind for kind in EventKind if kind.value in set(Phase)])
def test_only_the_moves_of_the_table_are_made(source: Phase, to: EventKind) -> None:
    lease = Lease(
        TERMS.id,
        TERMS.customer,
        TERMS.project,
        TERMS,
        Wanted.RUNNING,
        source,
        1,
        1,
        NOW,
        NOW,
        MEMBERS,
    )
    event = LeaseEvent(TERMS.id, 2, NOW, NOW, to)
    if Phase(to.value) in MOVES[source]:
        assert lease.apply(event).phase == Phase(to.value)
    else:
        with pytest.raises(Refused, match="cannot go from"):
            lease.apply(event)


LOOKS = st.lists(
    st.one_of(
        st.tuples(
            st.just("look"),
            st.one_of(st.none(), st.sampled_from(MemberPhase)),
            st.integers(1, 3),
        ),
        st.tuples(
            st.just("ask"),
            st.sampled_from(
                [EventKind.STOP_REQUESTED, EventKind.START_REQUESTED, EventKind.END_REQUESTED]
            ),
            st.just(0),
        ),
    ),
    max_size=25,
)


@given(LOOKS)
def test_the_row_is_the_fold_of_its_log_and_time_never_goes_back(
    acts: list[tuple[str, MemberPhase | EventKind | None, int]],
) -> None:
    log = Log()
    for second, (act, what, generation) in enumerate(acts, 1):
        if act == "ask":
            assert isinstance(what, EventKind)
            try:
                log.ask(what, second, MEMBERS if what is EventKind.START_REQUESTED else ())
            except Refused:
                continue
        else:
            assert what is None or isinstance(what, MemberPhase)
            log.look(None if what is None else found(what, second - 1, generation), second)
    assert fold(TERMS, log.events) == log.lease
    assert [event.seq for event in log.events] == list(range(1, len(log.events) + 1))
    assert all(a.at <= b.at for a, b in zip(log.events, log.events[1:], strict=False))
    spans = billed_spans(log.events)
    assert (log.lease.billed_since is not None) == bool(spans and spans[-1].end is None)
