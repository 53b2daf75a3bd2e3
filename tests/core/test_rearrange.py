"""Promises may be laid on other blocks until they are delivered; what is moved is shown first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.ids import BlockId, ChipId, NodeId, PoolId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState, pool_of
from rackrate.core.placement import Fleet
from rackrate.core.promise import Wish, room_in
from rackrate.core.rearrange import Movable, Move, Rearranged, clear, mend, moved
from rackrate.core.workload import Limits

NOW = datetime(2027, 1, 1, tzinfo=UTC)
A_DAY = timedelta(days=1)
SITE, CHIP = SiteId("s"), ChipId("c")


def day(number: int) -> datetime:
    return NOW + number * A_DAY


def during(start: int, end: int) -> Interval:
    return Interval(day(start), day(end))


def pool(block: str) -> PoolId:
    return pool_of(BlockId(block), CHIP, 8)


def promise(id: str, block: str, nodes: int, start: int, end: int) -> Reservation:
    lasts, kind = during(start, end), ReservationKind.CONTRACT
    return Reservation(f"{id}/1/{pool(block)}", SITE, pool(block), nodes, lasts, kind, id)


def right(id: str, block: str, nodes: int, start: int, end: int) -> Reservation:
    """What that contract's right to renew holds."""
    lasts, kind = during(start, end), ReservationKind.HOLD
    name, where = f"{id}/renewal/1/{pool(block)}", pool(block)
    return Reservation(name, SITE, where, nodes, lasts, kind, id, expires=day(start), renews=1)


def fleet(blocks: dict[str, int], *held: Reservation, late: int = 0) -> Fleet:
    """So many nodes a block; of the first block `late` more are promised than have come."""
    made = Fleet(
        Node(NodeId(f"{block}-{n}"), SITE, BlockId(block), CHIP, 8, 1, Limits(1, 1, 1))
        for block, count in blocks.items()
        for n in range(count)
    )
    for number in range(late):
        first = next(iter(blocks))
        node = made.nodes[made.number[NodeId(f"{first}-{number}")]]
        made.set_node(replace(node, state=NodeState.ORDERED, ready=day(300)))
    for one in held:
        made.promise(one)
    return made


def asked(nodes: int = 1, start: int = 0, end: int = 1) -> Wish:
    return Wish(nodes, during(start, end), NOW, timedelta(0), same_block=True)


def free(*ids: Reservation, whole: bool = False) -> Movable:
    return {one.id: not whole for one in ids}


def test_what_a_late_order_breaks_goes_to_the_block_that_has_room_for_all_of_its_time() -> None:
    """Eight nodes of A come late. Of a promise of 10 there, four can be kept; B has six."""
    first = promise("con1", "a", 10, 30, 90)
    here = fleet({"a": 10, "b": 8}, first, promise("con2", "b", 2, 0, 90), late=6)
    done = mend(here.pools_of(CHIP), asked(), free(first))
    assert done == Rearranged((Move(first, 6, pool("b")),))


def test_a_promise_on_one_block_goes_as_a_whole_or_not_at_all() -> None:
    first = promise("con1", "a", 10, 30, 90)
    tight = fleet({"a": 10, "b": 8}, first, late=6)
    assert mend(tight.pools_of(CHIP), asked(), free(first, whole=True)).short == (pool("a"),)
    roomy = fleet({"a": 10, "b": 8, "d": 12}, first, late=6)
    done = mend(roomy.pools_of(CHIP), asked(), free(first, whole=True))
    assert done == Rearranged((Move(first, 10, pool("d")),))


def test_what_is_delivered_stays_and_others_make_way_for_it() -> None:
    delivered, later = promise("con1", "a", 4, 0, 90), promise("con2", "a", 4, 30, 90)
    here = fleet({"a": 8, "b": 8}, delivered, later, late=3)
    assert mend(here.pools_of(CHIP), asked(), free(later)).moves == (Move(later, 3, pool("b")),)


def test_the_least_is_moved_to_clear_a_block() -> None:
    """Eight on one fabric from day 60: on A five must go, on B three. B's move to A."""
    on_a, on_b = promise("con1", "a", 5, 30, 90), promise("con2", "b", 3, 30, 90)
    here = fleet({"a": 8, "b": 8}, on_a, on_b)
    found = clear(here.pools_of(CHIP), asked(8, 60, 80), free(on_a, on_b))
    assert found == Rearranged((Move(on_b, 3, pool("a")),))


def test_what_goes_along_needs_room_where_it_goes_too() -> None:
    """Six nodes of A come late. B has room for the term, and only D for what may follow it."""
    first, after = promise("con1", "a", 10, 30, 90), right("con1", "a", 10, 90, 120)
    others = promise("con2", "b", 2, 100, 110), promise("con3", "d", 1, 0, 20)
    along = {first.id: after.id}
    here = fleet({"a": 10, "b": 10}, first, after, others[0], late=6)
    assert mend(here.pools_of(CHIP), asked(), free(first, whole=True), along).moves == ()
    here = fleet({"a": 10, "b": 10, "d": 10}, first, after, *others, late=6)
    done = mend(here.pools_of(CHIP), asked(), free(first, whole=True), along)
    assert done == Rearranged((Move(first, 10, pool("d")), Move(after, 10, pool("d"))))
    applied(here, done.moves)
    assert all(least(here, each.id) >= 0 for each in here.pool_list if each.id != pool("a"))


def test_where_nothing_helps_nothing_is_moved() -> None:
    on_a, on_b = promise("con1", "a", 5, 30, 90), promise("con2", "b", 4, 30, 90)
    here = fleet({"a": 8, "b": 8}, on_a, on_b)
    assert clear(here.pools_of(CHIP), asked(8, 60, 80), free(on_a, on_b)) is None
    assert clear(here.pools_of(CHIP), asked(9, 60, 80), free(on_a, on_b)) is None


def applied(here: Fleet, moves: tuple[Move, ...]) -> None:
    """As somebody does it who follows the list, row by row."""
    rows = {id: one for each in here.pool_list for id, one in each.calendar.reservations.items()}
    for move in moves:
        before = rows[move.reservation.id]
        here.withdraw(before.id)
        if before.nodes > move.nodes:
            rows[before.id] = replace(before, nodes=before.nodes - move.nodes)
            here.promise(rows[before.id])
        gone = moved(before, move.nodes, move.to)
        if gone.id in rows and gone.id in here.pools[move.to].calendar.reservations:
            gone = replace(gone, nodes=gone.nodes + rows[gone.id].nodes)
        rows[gone.id] = gone
        here.promise(gone)


def totals(here: Fleet) -> dict[str, int]:
    """Nodes a second by holder."""
    found: dict[str, int] = {}
    for each in here.pool_list:
        for one in each.calendar.reservations.values():
            found[one.holder] = found.get(one.holder, 0) + one.nodes * one.during.seconds
    return found


def least(here: Fleet, each: PoolId) -> int:
    return here.pools[each].calendar.available(during(0, 400), NOW)


PROMISES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 6), st.integers(0, 80), st.integers(1, 60)),
    max_size=10,
)


@settings(max_examples=300)
@given(PROMISES, st.integers(0, 6), st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_a_move_breaks_nothing_and_loses_nothing(
    drawn: list[tuple[int, int, int, int]], late: int, fixed: set[int], whole: set[int]
) -> None:
    held = [
        promise(f"con{number}", "abd"[block], nodes, start, start + length)
        for number, (block, nodes, start, length) in enumerate(drawn)
    ]
    here = fleet({"a": 8, "b": 8, "d": 8}, *held, late=late)
    movable = {one.id: n not in whole for n, one in enumerate(held) if n not in fixed}
    before, levels = totals(here), {each.id: least(here, each.id) for each in here.pool_list}
    done = mend(here.pools_of(CHIP), asked(), movable)
    assert {each.id: least(here, each.id) for each in here.pool_list} == levels, "only a sketch"
    applied(here, done.moves)
    assert totals(here) == before
    for each, level in levels.items():
        assert least(here, each) >= min(level, 0)
        assert (least(here, each) < 0) is (each in done.short)
    for move in done.moves:
        assert move.reservation.id in movable
        assert movable[move.reservation.id] or move.nodes == move.reservation.nodes


@settings(max_examples=200)
@given(PROMISES, st.integers(1, 8), st.integers(0, 60), st.integers(1, 60))
def test_what_is_cleared_fits(
    drawn: list[tuple[int, int, int, int]], nodes: int, start: int, length: int
) -> None:
    held: list[Reservation] = []
    here = fleet({"a": 8, "b": 8, "d": 8})
    for number, (block, count, begins, lasts) in enumerate(drawn):
        one = promise(f"con{number}", "abd"[block], count, begins, begins + lasts)
        if here.pools[one.pool].calendar.available(one.during, NOW) >= count:
            here.promise(one)
            held.append(one)
    wish = asked(nodes, start, start + length)
    found = clear(here.pools_of(CHIP), wish, free(*held))
    if found is None:
        assert all(room_in(each, wish) < nodes for each in here.pool_list)
        return
    applied(here, found.moves)
    assert max(room_in(each, wish) for each in here.pool_list) >= nodes
    assert all(least(here, each.id) >= 0 for each in here.pool_list)
