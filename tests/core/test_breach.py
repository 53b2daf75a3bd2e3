"""Who goes short when the supply does not cover what is promised, and what would mend it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.breach import (
    Around,
    Arrival,
    Breach,
    Room,
    Short,
    Standing,
    at_stake,
    compared,
    is_short,
    mends,
    shorts,
)
from rackrate.core.calendar import PoolCalendar, Reservation, ReservationKind
from rackrate.core.ids import BlockId, ChipId, CustomerId, NodeId, PurchaseId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState, pool_of
from rackrate.core.placement import Fleet
from rackrate.core.workload import Limits

START = datetime(2027, 1, 1, tzinfo=UTC)
A_DAY = timedelta(days=1)
SITE, CHIP = SiteId("east"), ChipId("h100")
POOL = pool_of(BlockId("east-1"), CHIP, 8)
NOBODY = Standing({}, {})


def day(number: int) -> datetime:
    return START + number * A_DAY


def node(number: int, block: str = "east-1", ready: int | None = None) -> Node:
    return Node(
        NodeId(f"{block}-{number}"), SITE, BlockId(block), CHIP, 8, 1, Limits(1, 1, 1),
        NodeState.IN_SERVICE if ready is None else NodeState.ORDERED,
        ready=None if ready is None else day(ready),
        order=None if ready is None else PurchaseId("po-1"),
        batch=0 if ready is None else 1,
    )  # fmt: skip


def promise(
    id: str,
    nodes: int,
    start: int,
    end: int,
    kind: ReservationKind = ReservationKind.CONTRACT,
    pool: str = POOL,
) -> Reservation:
    return Reservation(
        id, SITE, pool_of(BlockId(pool.split("/")[0]), CHIP, 8), nodes,
        Interval(day(start), day(end)), kind, id, CustomerId("acme"),
    )  # fmt: skip


def calendar(nodes: Iterable[Node], promises: Iterable[Reservation]) -> PoolCalendar:
    made = PoolCalendar()
    for each in nodes:
        made.set_node(each)
    for held in promises:
        made.promise(held)
    return made


def told(
    nodes: Iterable[Node],
    promises: Iterable[Reservation],
    standing: Standing = NOBODY,
    now: int = 0,
) -> list[tuple[str, int, int, int]]:
    """(whose, nodes, first day, day after the last) of what is short."""
    line = calendar(nodes, promises)
    found = shorts(line, day(now), standing, at_stake(line, day(now)))
    assert is_short(line, day(now)) == bool(found)
    return [
        (
            short.reservation.id,
            short.nodes,
            (short.during.start - START) // A_DAY,
            (short.during.end - START) // A_DAY,
        )
        for short in found
    ]


def test_a_contract_is_short_from_its_start_until_the_late_nodes_come() -> None:
    promises = [promise("acme-2027", 4, 10, 100)]
    on_time = [node(1), node(2), node(3, ready=5), node(4, ready=5)]
    assert told(on_time, promises) == []
    late = [node(1), node(2), node(3, ready=25), node(4, ready=25)]
    assert told(late, promises) == [("acme-2027", 2, 10, 25)]


def test_nodes_whose_day_has_passed_are_missing_until_somebody_gives_them_another() -> None:
    promises = [promise("acme-2027", 2, 10, 100)]
    assert told([node(1), node(2, ready=5)], promises, now=4) == []
    assert told([node(1), node(2, ready=5)], promises, now=5) == [("acme-2027", 1, 10, 100)]
    assert told([node(1), node(2, ready=5)], promises, now=50) == [("acme-2027", 1, 50, 100)]


def test_the_contract_that_was_signed_last_goes_short_first() -> None:
    promises = [promise("old", 2, 0, 50), promise("new", 2, 0, 50)]
    signed = {"old": START - 30 * A_DAY, "new": START - A_DAY}
    standing = Standing({}, signed)
    assert told([node(1), node(2), node(3)], promises, standing) == [("new", 1, 0, 50)]
    assert told([node(1)], promises, standing) == [("new", 2, 0, 50), ("old", 1, 0, 50)]


def test_a_hold_that_nobody_signed_gives_way_before_maintenance_and_that_before_contracts() -> None:
    promises = [
        promise("a-contract", 1, 0, 9),
        promise("b-hold", 1, 0, 9, ReservationKind.HOLD),
        promise("c-maintenance", 1, 0, 9, ReservationKind.MAINTENANCE),
    ]
    standing = Standing({}, {"a-contract": START})
    assert told([node(1), node(2)], promises, standing) == [("b-hold", 1, 0, 9)]
    assert [id for id, *_ in told([node(1)], promises, standing)] == ["b-hold", "c-maintenance"]


def test_what_may_be_renewed_goes_short_after_what_is_quoted_and_before_what_is_signed() -> None:
    """It may lapse; but nobody can take it back, so it is no mend for another promise."""
    quoted = promise("quoted", 2, 10, 100, ReservationKind.HOLD)
    work = promise("work", 1, 10, 100, ReservationKind.MAINTENANCE)
    right = replace(promise("a right", 2, 10, 100, ReservationKind.HOLD), renews=1)
    signed = promise("a contract", 2, 10, 100)
    every, nodes = [quoted, work, right, signed], [node(n) for n in range(7)]
    assert told(nodes, every) == []
    assert told(nodes[:5], every) == [("quoted", 2, 10, 100)]
    assert [one for one, *_ in told(nodes[:4], every)] == ["quoted", "work"]
    assert told(nodes[:3], every)[0] == ("a right", 1, 10, 100)
    assert [one for one, *_ in told(nodes[:1], [right, signed])] == ["a contract", "a right"]


def test_for_whom_the_late_order_was_placed_goes_short_before_everybody_until_it_comes() -> None:
    promises = [
        promise("served", 1, 0, 40),
        promise("other", 1, 0, 40),
        promise("hold", 1, 0, 40, ReservationKind.HOLD),
    ]
    signed = {"served": START - 9 * A_DAY, "other": START - A_DAY}
    nodes = [node(1), node(2), node(3, ready=20)]
    standing = Standing({"served": day(20)}, signed)
    assert told(nodes, promises, standing) == [("served", 1, 0, 20)]
    # From day 20 on its order is there, and of three promises on two nodes the hold gives way.
    nodes = [node(1), node(2, ready=20)]
    assert told(nodes, promises, standing) == [
        ("hold", 1, 0, 40),
        ("served", 1, 0, 20),
    ]


def test_a_shortage_that_grows_is_told_in_its_steps() -> None:
    promises = [promise("a", 3, 0, 30)]
    nodes = [node(1), replace(node(2), until=day(10)), replace(node(3), until=day(20))]
    assert told(nodes, promises) == [("a", 1, 10, 20), ("a", 2, 20, 30)]


KINDS = st.sampled_from(list(ReservationKind))
PROMISES = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 28), st.integers(1, 14), KINDS), max_size=8
)
NODES = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(1, 25)), st.one_of(st.none(), st.integers(26, 40))),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(NODES, PROMISES, st.integers(0, 20), st.integers(0, 40), st.booleans())
def test_it_is_what_counting_every_day_says(
    given_nodes: list[tuple[int | None, int | None]],
    given_promises: list[tuple[int, int, int, ReservationKind]],
    now: int,
    served_until: int,
    ever: bool,
) -> None:
    nodes = [
        replace(node(i, ready=ready), until=None if until is None else day(until))
        for i, (ready, until) in enumerate(given_nodes)
    ]
    promises = [
        promise(f"p{i}", count, start, start + days, kind)
        for i, (count, start, days, kind) in enumerate(given_promises)
    ]
    signed = {held.holder: START - (i * 7 % 5) * A_DAY for i, held in enumerate(promises)}
    standing = Standing({"p0": day(served_until) if ever else None}, signed)
    found: dict[tuple[int, str], int] = {}
    for id, count, first, last in told(nodes, promises, standing, now):
        for each in range(first, last):
            assert (each, id) not in found
            found[each, id] = count
    assert found == counted(nodes, promises, standing, now)


def counted(
    nodes: list[Node], promises: list[Reservation], standing: Standing, now: int
) -> dict[tuple[int, str], int]:
    """The same by looking at each day by itself."""
    ranks = {ReservationKind.HOLD: 1, ReservationKind.MAINTENANCE: 2}
    lacking: dict[tuple[int, str], int] = {}
    for at in range(now, 60):
        there = 0
        for each in nodes:
            came = each.ready is None or (each.ready > day(now) and each.ready <= day(at))
            there += came and (each.until is None or day(at) < each.until)
        running = [held for held in promises if held.during.contains(day(at))]
        missing = sum(held.nodes for held in running) - there

        def turn(held: Reservation, at: int = at) -> tuple[int, float, str]:
            until = standing.served.get(held.holder, START)
            rank = ranks.get(held.kind, 3)
            if until is None or day(at) < until:
                rank = 0
            return rank, -standing.signed[held.holder].timestamp(), held.id

        for held in sorted(running, key=turn):
            taken = min(max(missing, 0), held.nodes)
            missing -= taken
            if taken:
                lacking[at, held.id] = taken
    return lacking


# -- written down -------------------------------------------------------------------------------


def row(short: Short, at: int) -> Breach:
    held = short.reservation
    return Breach(
        f"brc_{at}", day(at), SITE, POOL, held.id, held.kind, held.holder, held.customer,
        short.nodes, short.during, "a late truck",
    )  # fmt: skip


def test_what_is_written_down_is_not_news_again_because_time_has_passed() -> None:
    short = Short(promise("a", 3, 0, 30), 2, Interval(day(5), day(30)))
    later = replace(short, during=Interval(day(9), day(30)))
    difference = compared([row(short, 2)], [later], day(9))
    assert (difference.news, difference.mended) == ((), ())
    assert [told for _, told in difference.told] == [later]


def test_what_is_worse_is_news_and_takes_the_place_of_what_was_written() -> None:
    short = Short(promise("a", 3, 0, 30), 2, Interval(day(5), day(30)))
    worse = replace(short, nodes=3)
    difference = compared([row(short, 2)], [worse], day(3))
    assert difference.news == (worse,)
    assert [each.nodes for each in difference.mended] == [2]


def test_what_is_over_was_not_mended() -> None:
    short = Short(promise("a", 3, 0, 30), 2, Interval(day(5), day(30)))
    assert compared([row(short, 2)], [], day(30)).mended == ()
    assert len(compared([row(short, 2)], [], day(29)).mended) == 1


# -- what would mend it -------------------------------------------------------------------------


def around(*nodes: Node, promises: Iterable[Reservation] = (), now: int = 0) -> Around:
    fleet = Fleet(nodes)
    for held in promises:
        fleet.promise(held)
    arrivals = [
        Arrival(each.order, each.batch, each.pool, 1, each.ready, each.gpus)
        for each in nodes
        if each.ready is not None
    ]
    return Around(fleet.shape(CHIP), arrivals, day(now), 7 * A_DAY)


SHORT = Short(promise("a", 4, 10, 30), 2, Interval(day(10), day(30)))


def test_another_block_with_room_over_the_whole_time_would_mend_it() -> None:
    found = mends(SHORT, around(node(1), node(1, "east-2"), node(2, "east-2"), node(1, "east-3")))
    assert found.rooms == (
        Room(pool_of(BlockId("east-2"), CHIP, 8), 2, 0),
        Room(pool_of(BlockId("east-3"), CHIP, 8), 1, 0),
    )
    assert found.free_from is None


def test_where_no_block_has_room_it_is_said_from_when_one_has() -> None:
    busy = promise("b", 2, 0, 20, pool="east-2")
    found = mends(SHORT, around(node(1), node(1, "east-2"), node(2, "east-2"), promises=[busy]))
    assert found.rooms == ()
    assert found.free_from == (pool_of(BlockId("east-2"), CHIP, 8), day(20))


def test_holds_of_the_pool_could_be_withdrawn_and_arrivals_elsewhere_could_be_used() -> None:
    hold = promise("h", 1, 5, 15, ReservationKind.HOLD)
    right = replace(promise("right", 1, 5, 15, ReservationKind.HOLD), renews=1)
    found = mends(SHORT, around(node(1), node(1, "east-2", ready=12), promises=[hold, right]))
    assert [each.id for each in found.holds] == ["h"]
    assert [(each.order, each.nodes, each.expected) for each in found.arriving] == [
        ("po-1", 1, day(12))
    ]
