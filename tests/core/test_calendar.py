"""Promises over time, against counting every instant."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.calendar import (
    Reservation,
    ReservationKind,
    available,
    first_excess,
    levels,
    peak,
    reserved_at,
)
from rackrate.core.ids import PoolId, SiteId
from rackrate.core.interval import Interval

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECONDS = range(130)


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def reserve(nodes: int, start: int, end: int) -> Reservation:
    during = Interval(at(start), at(end))
    id = f"{nodes}/{start}/{end}"
    return Reservation(
        id, SiteId("s"), PoolId("b/cx8"), nodes, during, ReservationKind.CONTRACT, id
    )


RESERVATIONS = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 90), st.integers(1, 30)).map(
        lambda t: reserve(t[0], t[1], t[1] + t[2])
    ),
    max_size=7,
)
WINDOWS = st.tuples(st.integers(0, 90), st.integers(1, 39)).map(
    lambda t: Interval(at(t[0]), at(t[0] + t[1]))
)


def counted(held: list[Reservation], instant: datetime) -> int:
    return sum(r.nodes for r in held if r.during.start <= instant < r.during.end)


def test_back_to_back_promises_share_a_node() -> None:
    assert peak([reserve(8, 0, 10), reserve(8, 10, 20)], Interval(at(0), at(20))) == 8


@given(RESERVATIONS, WINDOWS)
def test_the_peak_agrees_with_counting_every_second(
    held: list[Reservation], window: Interval
) -> None:
    inside = [counted(held, at(s)) for s in SECONDS if window.contains(at(s))]
    assert peak(held, window) == max(inside)
    assert available(12, held, window) == 12 - max(inside)


@given(RESERVATIONS, st.integers(0, 120))
def test_the_steps_agree_with_counting(held: list[Reservation], second: int) -> None:
    level = 0
    for instant, next_level in levels(held):
        if instant <= at(second):
            level = next_level
    assert level == counted(held, at(second)) == reserved_at(held, at(second))


@given(RESERVATIONS, st.integers(0, 20), st.integers(0, 100))
def test_the_first_excess_is_the_first_second_with_too_many(
    held: list[Reservation], limit: int, since: int
) -> None:
    expected = next((at(s) for s in SECONDS if s >= since and counted(held, at(s)) > limit), None)
    assert first_excess(held, limit, at(since)) == expected
