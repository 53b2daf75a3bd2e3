"""What a pool has and has promised, against counting every second of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.calendar import PoolCalendar, Reservation, ReservationKind
from rackrate.core.ids import BlockId, ChipId, NodeId, PoolId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.inventory import ARRIVING, Node, NodeState
from rackrate.core.placement import OPEN, Pool
from rackrate.core.promise import Shortfall, Wish, assign
from rackrate.core.workload import Limits

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LAST = 60
LIMITS = Limits(1000, 1, 1)
PERCENTS = st.sampled_from([Decimal(0), Decimal(10), Decimal("33.3"), Decimal(100)])
MOMENTS = st.integers(0, LAST)


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def node(number: int, state: NodeState, ready: int | None, until: int | None) -> Node:
    return Node(
        NodeId(f"n{number}"),
        SiteId("s"),
        BlockId("b"),
        ChipId("c"),
        8,
        1,
        LIMITS,
        state,
        ready=None if ready is None else at(ready),
        until=None if until is None else at(until),
    )


def reserve(number: int, nodes: int, start: int, end: int, expires: int | None) -> Reservation:
    return Reservation(
        f"r{number}",
        SiteId("s"),
        PoolId("b/cx8"),
        nodes,
        Interval(at(start), at(end)),
        ReservationKind.CONTRACT if expires is None else ReservationKind.HOLD,
        f"holder-{number % 3}",
        expires=None if expires is None else at(expires),
    )


@st.composite
def some_node(draw: st.DrawFn) -> Node:
    state = draw(st.sampled_from(NodeState))
    ready = draw(MOMENTS) if state in ARRIVING else draw(st.none() | MOMENTS)
    until = draw(st.none() | st.integers((ready or 0) + 1, LAST + 1))
    row = node(draw(st.integers(0, 9)), state, ready, until)
    if state in ARRIVING or draw(st.booleans()):
        return row
    drained = draw(MOMENTS)
    back = draw(st.none() | st.integers(drained + 1, LAST + 1))
    return replace(row, drained=at(drained), back=None if back is None else at(back))


@st.composite
def some_promise(draw: st.DrawFn) -> Reservation:
    start = draw(st.integers(0, LAST - 1))
    end = draw(st.integers(start + 1, LAST + 20))
    number, nodes = draw(st.integers(0, 9)), draw(st.integers(1, 4))
    return reserve(number, nodes, start, end, draw(st.none() | MOMENTS))


WINDOWS = st.tuples(st.integers(0, LAST - 1), st.integers(1, 20)).map(
    lambda t: Interval(at(t[0]), at(t[0] + t[1]))
)
# A row written twice is the row as it was written last: the index is changed, and not made anew.
HISTORY = st.lists(some_node() | some_promise() | st.integers(0, 9), max_size=25)


class Counted:
    """The same pool by looking at every row for every second."""

    def __init__(self, history: list[Node | Reservation | int], now: datetime) -> None:
        self.now = now
        self.nodes = {row.id: row for row in history if isinstance(row, Node)}
        self.promises: dict[str, Reservation] = {}
        for row in history:
            if isinstance(row, int):
                self.promises.pop(f"r{row}", None)
            elif isinstance(row, Reservation):
                self.promises[row.id] = row

    def supply(self, second: datetime) -> int:
        return sum(self._there(one, second) for one in self.nodes.values())

    def _there(self, one: Node, second: datetime) -> bool:
        awaited = one.state in ARRIVING or one.state is NodeState.IN_REPAIR
        if one.state is NodeState.RETIRED or (one.until is not None and one.until <= second):
            return False
        if awaited:
            return one.ready is None or self.now < one.ready <= second
        if one.drained is None:
            return one.state is not NodeState.DRAINING
        if one.back is None:
            return second < one.drained
        return self.now < one.back and not one.drained <= second < one.back

    def promised(self, second: datetime) -> int:
        return sum(
            held.nodes
            for held in self.promises.values()
            if held.during.start <= second < held.during.end
            and (held.expires is None or self.now < held.expires)
        )

    def free(self, second: datetime, kept: Decimal) -> int:
        there = self.supply(second)
        return there - ceil(there * kept / 100) - self.promised(second)

    def least(self, window: Interval, kept: Decimal) -> int:
        span = range((window.end - window.start).seconds)
        return min(self.free(window.start + timedelta(seconds=s), kept) for s in span)


def indexed(history: list[Node | Reservation | int]) -> PoolCalendar:
    calendar = PoolCalendar()
    for row in history:
        if isinstance(row, Node):
            calendar.set_node(row)
        elif isinstance(row, Reservation):
            calendar.promise(row)
        else:
            calendar.withdraw(f"r{row}")
        calendar.free(NOON - timedelta(seconds=1))  # Whatever it keeps must not grow stale.
    return calendar


@settings(max_examples=400)
@given(HISTORY, WINDOWS, st.lists(MOMENTS, min_size=1, max_size=3), PERCENTS)
def test_what_is_available_agrees_with_counting_every_second(
    history: list[Node | Reservation | int], window: Interval, moments: list[int], kept: Decimal
) -> None:
    calendar = indexed(history)
    for moment in sorted(moments):
        now = at(moment)
        counted = Counted(history, now)
        assert calendar.available(window, now, kept) == counted.least(window, kept)
        assert calendar.supply(now) == counted.supply(now)
        assert sum(calendar.promised(now).values()) == counted.promised(now)


@given(HISTORY, st.integers(-3, 9), MOMENTS)
def test_the_first_shortage_is_the_first_second_with_too_few(
    history: list[Node | Reservation | int], level: int, since: int
) -> None:
    counted = Counted(history, at(since))
    seconds = range(since, LAST + 30)
    short = [at(s) for s in seconds if counted.free(at(s), Decimal(0)) < level]
    assert indexed(history).first_below(level, at(since)) == (short[0] if short else None)


@settings(max_examples=200)
@given(
    st.lists(HISTORY, min_size=1, max_size=3), WINDOWS, st.integers(1, 9), PERCENTS, st.booleans()
)
def test_the_earliest_date_is_the_first_second_at_which_it_fits(
    histories: list[list[Node | Reservation | int]],
    window: Interval,
    nodes: int,
    kept: Decimal,
    same_block: bool,
) -> None:
    pools = []
    for number, history in enumerate(histories):
        pool = Pool(PoolId(f"p{number}"), number, f"b{number}", ChipId("c"), 8)
        pool.calendar, pool.owned = indexed(history), {OPEN: number}
        pools.append(pool)
    notice = timedelta(seconds=10)
    wish = Wish(nodes, window, NOON, notice, kept, same_block)
    counted = [Counted(history, NOON) for history in histories]

    def possible(start: datetime) -> int:
        rooms = []
        for number, one in enumerate(counted):
            span = [start + timedelta(seconds=s) for s in range(window.seconds)]
            levels = [one.free(s, kept) - (number if s < NOON + notice else 0) for s in span]
            rooms.append(max(0, min(levels)))
        return max(rooms) if same_block else sum(rooms)

    answer = assign(pools, wish)
    if not isinstance(answer, Shortfall):
        assert sum(count for _, count in answer) == nodes <= possible(window.start)
        assert len(answer) == 1 or not same_block
        return
    assert answer.nodes == possible(window.start) < nodes
    seconds = range(int((window.start - NOON).total_seconds()) + 1, LAST + 90)
    later = (at(s) for s in seconds if possible(at(s)) >= nodes)
    assert answer.earliest == next(later, None)


def test_back_to_back_promises_share_a_node() -> None:
    pool = indexed([node(1, NodeState.IN_SERVICE, None, None)])
    pool.promise(reserve(1, 1, 0, 10, None))
    pool.promise(reserve(2, 1, 10, 20, None))
    assert pool.available(Interval(at(0), at(20)), NOON) == 0


def test_a_node_that_did_not_come_on_its_day_is_no_capacity_until_it_has_a_new_one() -> None:
    ordered = node(1, NodeState.ORDERED, 10, None)
    pool = indexed([ordered])
    assert pool.available(Interval(at(20), at(30)), at(9)) == 1
    assert pool.available(Interval(at(20), at(30)), at(10)) == 0
    pool.set_node(replace(ordered, ready=at(25)))
    assert pool.available(Interval(at(20), at(30)), at(11)) == 0
    assert pool.available(Interval(at(25), at(30)), at(11)) == 1


def test_a_wish_for_one_block_where_there_is_none_is_short_of_all_of_it() -> None:
    wish = Wish(2, Interval(NOON, NOON + timedelta(days=9)), NOON, timedelta(0), same_block=True)
    assert assign([], wish) == Shortfall(0, None)
