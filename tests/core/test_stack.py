"""What nodes are for, against dealing out every node of every second one by one."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import ceil

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.calendar import PoolCalendar, Reservation, ReservationKind
from rackrate.core.calendars import FEW
from rackrate.core.ids import ChipId, PoolId
from rackrate.core.interval import Interval
from rackrate.core.inventory import ARRIVING, Node, NodeState
from rackrate.core.placement import OPEN, Fleet, Pool, Shape
from rackrate.core.pools import SPOT
from rackrate.core.promise import Wish, room_in, rooms
from rackrate.core.stack import (
    USES,
    Asked,
    Mark,
    MarkKind,
    Stack,
    changes,
    marks,
    most_in_one,
    stack_of,
    together,
)
from rackrate.core.timeline import seconds
from tests.core.test_calendar import (
    HISTORY,
    LAST,
    MOMENTS,
    NOON,
    WINDOWS,
    Counted,
    at,
    indexed,
    node,
    reserve,
)

PERCENTS = st.sampled_from([Decimal(0), Decimal(10), Decimal("33.3"), Decimal(60)])
KINDS = st.sampled_from(ReservationKind)
History = list[Node | Reservation | int]


@st.composite
def mixed(draw: st.DrawFn) -> History:
    """A history with promises of every kind."""
    rows: History = []
    for row in draw(HISTORY):
        if isinstance(row, Reservation) and row.expires is None:
            rows.append(replace(row, kind=draw(KINDS)))
        else:
            rows.append(row)
    return rows


def pool_of(history: History, running: int, number: int = 0, spot: int = 0) -> Pool:
    """A pool on which so many nodes run by the moment, of them `spot` spot."""
    pool = Pool(PoolId(f"p{number}"), number, f"b{number}", ChipId("c"), 8)
    pool.calendar, pool.owned = indexed(history), {OPEN: running - spot, SPOT: spot}
    return pool


def dealt(
    counted: Counted, second: datetime, asked: Asked, running: int, spot: int
) -> Counter[str]:
    """Every node of one second, handed out one by one in the order of who comes first."""
    there = counted.supply(second)
    promised = Counter[str]()
    for held in counted.promises.values():
        lives = held.expires is None or counted.now < held.expires
        if lives and held.during.start <= second < held.during.end:
            promised[held.kind.value] += held.nodes
    spare = ceil(there * asked.spare_percent / 100)
    kept = ceil(there * (asked.spare_percent + asked.moment_percent) / 100) - spare
    runs = running if second < asked.told else 0
    queue = ["spare"] * spare
    queue += ["on_demand"] * max(runs - spot, 0) + ["spot"] * min(runs, spot)
    queue += ["headroom"] * max(kept - runs, 0)
    left = max(there - promised.total(), 0)
    queue = (queue + ["free"] * left)[:left]
    return promised + Counter(queue)


@settings(max_examples=250, deadline=None)
@given(mixed(), WINDOWS, st.integers(0, 6), st.integers(0, 6), PERCENTS, PERCENTS)
def test_every_second_is_for_what_dealing_out_its_nodes_says(
    history: History,
    window: Interval,
    running: int,
    spot: int,
    spare: Decimal,
    moment: Decimal,
) -> None:
    asked = Asked(window, NOON, timedelta(seconds=10), spare, min(moment, 100 - spare))
    counted = Counted(history, NOON)
    # More may not run by the moment than there are nodes of their own.
    runs = [counted.supply(window.start + timedelta(seconds=s)) for s in range(window.seconds)]
    running = min(running, *runs)
    spot = min(spot, running)
    stack = stack_of(pool_of(history, running, spot=spot), asked)
    seen = stack.at(np.arange(seconds(window.start), seconds(window.end)))
    for i in range(window.seconds):
        second = window.start + timedelta(seconds=i)
        told = {use: int(levels[i]) for use, levels in seen.uses.items() if levels[i]}
        expected = dealt(counted, second, asked, running, spot)
        # Which of the two gives way first where there is not room for both is spot.
        assert told == dict(expected), second
        assert int(seen.supply[i]) == counted.supply(second)
        assert int(seen.short[i]) == max(sum(told.values()) - counted.supply(second), 0)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(mixed(), min_size=1, max_size=4),
    WINDOWS,
    st.integers(0, 4),
    PERCENTS,
    PERCENTS,
    st.sampled_from([1, 8, 72]),
)
def test_what_is_free_is_what_could_be_promised_in_every_unit(
    histories: list[History],
    window: Interval,
    running: int,
    spare: Decimal,
    moment: Decimal,
    gpus: int,
) -> None:
    moment = min(moment, 100 - spare)
    asked = Asked(window, NOON, timedelta(seconds=10), spare, moment)
    pools = [pool_of(history, running, i) for i, history in enumerate(histories)]
    stacks = [stack_of(pool, asked) for pool in pools]
    both = together([stack.scaled(gpus) for stack in stacks], window)
    most = most_in_one([stack.scaled(gpus) for stack in stacks], both.times)

    def wish(part: Interval) -> Wish:
        kept = spare + moment
        return Wish(1, part, NOON, asked.notice, kept, moment_percent=moment)

    for pool, stack in zip(pools, stacks, strict=True):
        assert stack.least == room_in(pool, wish(window))
    for i, (start, end) in enumerate(pairwise([*both.times.tolist(), both.end])):
        part = Interval(at(start - seconds(NOON)), at(end - seconds(NOON)))
        possible = [room_in(pool, wish(part)) for pool in pools]
        assert int(both.free[i]) == gpus * sum(possible)
        assert int(most[i]) == gpus * max(possible)
        assert int(sum(levels[i] for levels in both.uses.values())) == int(
            both.supply[i] + both.short[i]
        )


STEPS = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 3), st.integers(0, LAST), st.integers(1, 30)),
    max_size=30,
)


@settings(max_examples=80, deadline=None)
@given(STEPS, WINDOWS, PERCENTS, st.lists(MOMENTS, min_size=1, max_size=4))
def test_many_pools_asked_together_say_what_each_says_alone(
    steps: list[tuple[int, int, int, int]],
    window: Interval,
    kept: Decimal,
    moments: list[int],
) -> None:
    """They are asked again and again while promises come, go and expire under them."""
    assert FEW < 11, "there must be more pools than are mended one by one"
    shape = Shape()
    four: History = [node(100 + i, NodeState.IN_SERVICE, None, None) for i in range(4)]
    pools = [pool_of(four, i % 3, i) for i in range(12)]
    for pool in reversed(pools[:6]):
        shape.add(pool)
    clock = sorted(moments)
    for turn, (number, what, start, length) in enumerate(steps):
        pool = pools[number]
        if what == 0:
            pool.calendar.set_node(node(turn, NodeState.ORDERED, start, None))
        elif what == 1:
            pool.calendar.withdraw(f"r{turn - 1}")
        else:
            expires = start if what == 3 else None
            pool.calendar.promise(reserve(turn, 2, start, start + length, expires))
        shape.add(pool)
        now = at(clock[min(turn * len(clock) // len(steps), len(clock) - 1)])
        expected = [one.calendar.available(window, now, kept) for one in shape.pools]
        assert shape.calendars.least(window, now, kept).tolist() == expected
        wish = Wish(1, window, now, timedelta(seconds=15), kept, moment_percent=kept / 2)
        assert rooms(shape, wish).tolist() == [room_in(one, wish) for one in shape.pools]
    assert [pool.id for pool in shape.pools] == sorted(pool.id for pool in shape.pools)


def fleet(nodes: int = 4) -> Fleet:
    return Fleet(node(number, NodeState.IN_SERVICE, None, None) for number in range(nodes))


def test_uses_are_stacked_promised_first_then_the_moment_then_what_is_not_sold() -> None:
    assert USES[:3] == ("contract", "flex", "hold")
    assert USES.index("on_demand") < USES.index("spot") < USES.index("free")
    assert USES[-1] == "maintenance"
    assert set(map(str, ReservationKind)) <= set(USES)


def test_marks_sum_what_one_holder_has_in_several_pools_and_what_arrives_together() -> None:
    pools = [pool_of([], 0, i) for i in range(2)]
    for pool in pools:
        pool.calendar.promise(reserve(7, 3, 5, 20, None))
    order = [node(i, NodeState.IN_TRANSIT, 12, 30) for i in range(2)]
    asked = Asked(Interval(at(0), at(25)), at(1), timedelta(seconds=4))
    assert marks(pools, order, asked) == (
        Mark(at(5), MarkKind.STARTS, "holder-1", 6, None, ReservationKind.CONTRACT),
        Mark(at(12), MarkKind.DELIVERY, "", 2),
        Mark(at(20), MarkKind.ENDS, "holder-1", 6, None, ReservationKind.CONTRACT),
    )


def test_what_runs_by_the_moment_is_marked_where_its_notice_would_be_over() -> None:
    asked = Asked(Interval(at(0), at(25)), at(1), timedelta(seconds=4))
    assert marks([pool_of([], 3)], [], asked) == (Mark(at(5), MarkKind.NOTICE_OVER, "", 3),)


def test_a_stack_says_where_a_level_changes_and_nothing_of_where_it_does_not() -> None:
    pool = pool_of([node(1, NodeState.IN_SERVICE, None, None), reserve(1, 1, 3, 6, None)], 0)
    stack = stack_of(pool, Asked(Interval(at(0), at(9)), at(0), timedelta(seconds=1)))
    assert changes(stack.free, stack.times) == [(at(0), 1), (at(3), 0), (at(6), 1)]


def test_a_window_that_begins_after_every_change_has_one_level() -> None:
    pool = pool_of([node(1, NodeState.IN_SERVICE, None, None), reserve(1, 1, 3, 6, None)], 0)
    stack = stack_of(pool, Asked(Interval(at(30), at(40)), at(0), timedelta(seconds=1)))
    assert (stack.times.tolist(), stack.free.tolist()) == ([seconds(at(30))], [1])


def test_no_pools_at_all_are_nothing_at_every_instant() -> None:
    both: Stack = together([], Interval(at(0), at(9)))
    assert (both.least, both.supply.tolist()) == (0, [0])
    assert Shape().calendars.least(Interval(at(0), at(9)), NOON).tolist() == []


def test_pools_of_a_chip_are_found_by_the_size_of_their_nodes() -> None:
    made = fleet()
    assert [pool.id for pool in made.pools_of(ChipId("c"), 8)] == ["b/cx8"]
    assert made.pools_of(ChipId("c"), 4) == made.pools_of(ChipId("other")) == []
    assert made.pools_of(ChipId("c")) == made.pools_of(ChipId("c"), 8)


def test_arriving_states_are_supply_from_their_day() -> None:
    calendar = PoolCalendar()
    for number, state in enumerate(sorted(ARRIVING)):
        calendar.set_node(node(number, state, 10, None))
    line = calendar.there(NOON)
    assert line.at(np.array([seconds(at(9)), seconds(at(10))])).tolist() == [0, len(ARRIVING)]


def test_a_promise_after_the_notice_does_not_count_together_with_what_runs_before_it() -> None:
    """Two of four nodes run until second 15, and two are promised from second 18 on."""
    four: History = [node(i, NodeState.IN_SERVICE, None, None) for i in range(4)]
    pool = pool_of([*four, reserve(1, 2, 18, 30, None)], 2)
    shape = Shape()
    shape.add(pool)
    wish = Wish(1, Interval(at(0), at(25)), at(0), timedelta(seconds=15))
    assert rooms(shape, wish).tolist() == [room_in(pool, wish)] == [2]
