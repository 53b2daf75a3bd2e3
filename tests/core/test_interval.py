"""Time: half-open whole seconds, months of a time zone, leap days and clock changes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.interval import (
    Interval,
    Month,
    Span,
    ceil_second,
    floor_second,
    months_over,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def during(start: int, end: int) -> Interval:
    return Interval(NOON + timedelta(seconds=start), NOON + timedelta(seconds=end))


INTERVALS = st.tuples(st.integers(0, 100), st.integers(1, 50)).map(
    lambda pair: during(pair[0], pair[0] + pair[1])
)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NOON, NOON),
        (NOON + timedelta(1), NOON),
        (NOON.replace(tzinfo=None), NOON.replace(tzinfo=None) + timedelta(1)),
        (NOON.replace(microsecond=1), NOON + timedelta(1)),
        (NOON.astimezone(timezone(timedelta(hours=8))), NOON + timedelta(1)),
    ],
)
def test_wrong_intervals_cannot_be_built(start: datetime, end: datetime) -> None:
    with pytest.raises((ValueError, TypeError)):
        Interval(start, end)


@given(INTERVALS, st.lists(INTERVALS, max_size=5))
def test_what_is_left_is_what_no_hole_covers(whole: Interval, holes: list[Interval]) -> None:
    left = whole.minus(holes)
    for second in range(160):
        instant = NOON + timedelta(seconds=second)
        expected = whole.contains(instant) and not any(hole.contains(instant) for hole in holes)
        assert any(part.contains(instant) for part in left) == expected


@given(INTERVALS, INTERVALS)
def test_an_intersection_is_what_both_contain(one: Interval, other: Interval) -> None:
    both = one.intersect(other)
    for second in range(160):
        instant = NOON + timedelta(seconds=second)
        expected = one.contains(instant) and other.contains(instant)
        assert (both is not None and both.contains(instant)) == expected


def test_an_open_span_goes_on_beyond_any_window() -> None:
    open_span = Span(NOON)
    assert open_span.within(during(10, 20)) == during(10, 20)
    assert open_span.within(during(-20, 0)) is None
    assert Span(NOON, NOON + timedelta(seconds=15)).within(during(10, 20)) == during(10, 15)


def test_a_month_begins_at_local_midnight() -> None:
    november = Month(2026, 11).interval("Asia/Shanghai")
    assert november.start == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert november.seconds == 30 * 86_400


def test_the_hours_of_a_month_change_with_the_clocks() -> None:
    assert Month(2026, 3).interval("Europe/Berlin").seconds == 31 * 86_400 - 3600
    assert Month(2026, 10).interval("Europe/Berlin").seconds == 31 * 86_400 + 3600


def test_a_leap_february_has_its_day() -> None:
    assert Month(2028, 2).interval("UTC").seconds == 29 * 86_400
    assert Month(2026, 2).interval("UTC").seconds == 28 * 86_400


@given(st.integers(-(10**8), 10**9), st.integers(1, 10**8))
def test_months_cut_an_interval_without_loss(start: int, length: int) -> None:
    whole = during(start, start + length)
    parts = list(months_over(whole, "America/New_York"))
    assert sum(part.seconds for _, part in parts) == whole.seconds
    assert parts[0][1].start == whole.start
    assert parts[-1][1].end == whole.end
    for month, part in parts:
        assert Month.of(part.start, "America/New_York") == month


def test_a_month_is_read_as_it_is_written() -> None:
    assert Month.parse("2026-11") == Month(2026, 11)
    assert str(Month(2026, 1)) == "2026-01"
    assert Month(2026, 12).plus(1) == Month(2027, 1)
    assert Month(2026, 1).plus(-1) == Month(2025, 12)


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-0", "26-xx", "²026-11", "-2026-11"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="month"):
        Month.parse(text)


def test_claims_end_at_the_ceiling_and_bills_at_the_floor() -> None:
    instant = NOON.replace(microsecond=1)
    assert floor_second(instant) == NOON
    assert ceil_second(instant) == NOON + timedelta(seconds=1)
    assert ceil_second(NOON) == NOON
