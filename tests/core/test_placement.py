"""Placement: nothing twice, promises kept, gangs whole, against a slow and separate count."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.calendar import Claim, HolderKind, Reservation, ReservationKind
from rackrate.core.ids import BlockId, ChipId, ContractId, NodeId, SiteId
from rackrate.core.interval import Interval, Span
from rackrate.core.inventory import Node, NodeState
from rackrate.core.placement import Fleet, NoFit, Request
from rackrate.core.slots import Slots
from rackrate.core.workload import Limits, Member

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIMITS = Limits(8000, 8192, 8192)
H100 = ChipId("h100")
SITE = SiteId("s")


def node(number: int, block: int = 0, state: NodeState = NodeState.IN_SERVICE) -> Node:
    return Node(NodeId(f"n{number}"), SITE, BlockId(f"b{block}"), H100, 8, 1, LIMITS, state)


def fleet(*blocks: int) -> Fleet:
    """A fleet with so many nodes in each block."""
    numbers = iter(range(1000))
    return Fleet(node(next(numbers), b) for b, count in enumerate(blocks) for _ in range(count))


def promise(nodes: int, block: int, holder: str, start: int = -1, days: int = 30) -> Reservation:
    during = Interval(NOW + timedelta(days=start), NOW + timedelta(days=start + days))
    pool = node(0, block).pool
    return Reservation(
        f"{holder}/{pool}", SITE, pool, nodes, during, ReservationKind.CONTRACT, holder
    )


def take(to: Fleet, members: tuple[Member, ...], lease: str, account: str = "") -> None:
    for member in members:
        to.hold(
            Claim(
                f"{lease}/{member.rank}",
                SITE,
                member.node,
                member.slots,
                Span(to.starts_at(members, NOW)),
                HolderKind.LEASE,
                lease,
                account,
            )
        )


def placed(in_: Fleet, request: Request) -> tuple[Member, ...]:
    members = in_.place(request, NOW)
    assert not isinstance(members, NoFit), members
    return members


def test_small_leases_share_a_node_so_that_large_holes_stay_whole() -> None:
    here = fleet(2)
    take(here, placed(here, Request(H100, 1, 2)), "one")
    take(here, placed(here, Request(H100, 1, 3)), "two")
    assert here.free_slots() == {"n0": 3, "n1": 8}


def test_a_gang_goes_into_the_tightest_block_that_holds_it_whole() -> None:
    here = fleet(4, 2, 3)
    members = placed(here, Request(H100, 2, 8))
    assert {member.node for member in members} == {"n4", "n5"}


def test_a_gang_that_no_block_holds_spreads_or_is_refused_as_asked() -> None:
    here = fleet(2, 2)
    assert len(placed(here, Request(H100, 3, 8))) == 3
    refused = here.place(Request(H100, 3, 8, same_block=True), NOW)
    assert refused == NoFit(slots_free=32, nodes_free=4, one_node=8, members_fit=2)


def test_a_refusal_says_what_would_fit() -> None:
    here = fleet(2)
    take(here, placed(here, Request(H100, 1, 5)), "one")
    assert here.place(Request(H100, 2, 8), NOW) == NoFit(11, 1, 8, 1)
    assert here.place(Request(ChipId("h800"), 1, 1), NOW) == NoFit(0, 0, 0, 0)


def test_promised_nodes_are_not_sold_by_the_moment() -> None:
    here = fleet(4)
    here.promise(promise(3, 0, "K1"))
    take(here, placed(here, Request(H100, 1, 8)), "one")
    assert here.place(Request(H100, 1, 1), NOW) == NoFit(0, 0, 0, 0)


def test_a_contract_gets_its_nodes_and_no_more() -> None:
    here = fleet(4)
    here.promise(promise(2, 0, "K1"))
    take(here, placed(here, Request(H100, 2, 8, whole_nodes=True, account="K1")), "k", "K1")
    assert isinstance(here.place(Request(H100, 1, 1, account="K1"), NOW), NoFit)
    assert len(placed(here, Request(H100, 2, 8))) == 2


def test_what_a_contract_leaves_of_a_node_is_its_own() -> None:
    here = fleet(1)
    here.promise(promise(1, 0, "K1"))
    take(here, placed(here, Request(H100, 1, 2, account="K1")), "k", "K1")
    assert isinstance(here.place(Request(H100, 1, 1), NOW), NoFit)
    assert placed(here, Request(H100, 1, 6, account="K1"))[0].node == "n0"


def test_on_demand_is_told_until_when_it_is_safe() -> None:
    here = fleet(3)
    here.promise(promise(2, 0, "K1", start=10))
    first = placed(here, Request(H100, 1, 8))
    take(here, first, "one")
    assert here.safe_until(first, NOW) is None
    second = placed(here, Request(H100, 1, 8))
    take(here, second, "two")
    assert here.safe_until(second, NOW) == NOW + timedelta(days=10)


def test_a_draining_node_is_not_offered_and_keeps_what_it_runs() -> None:
    here = fleet(2)
    members = placed(here, Request(H100, 1, 8))
    take(here, members, "one")
    here.set_node(node(0, state=NodeState.DRAINING))
    here.set_node(node(1, state=NodeState.DRAINING))
    assert isinstance(here.place(Request(H100, 1, 1), NOW), NoFit)
    here.free("one/0", NOW)
    here.set_node(node(0))
    assert placed(here, Request(H100, 1, 8))[0].node == "n0"


def named(here: Fleet, holder: str, *numbers: int) -> None:
    for number in numbers:
        row = here.nodes[here.number[NodeId(f"n{number}")]]
        here.set_node(replace(row, named_for=ContractId(holder)))


def test_a_contract_goes_to_the_nodes_that_were_named_for_it_and_others_leave_them() -> None:
    here = fleet(4, 2)
    here.promise(promise(3, 0, "K1"))
    named(here, "K1", 2, 3)
    named(here, "K2", 0)
    here.set_node(replace(node(0), named_for=None))
    whole = Request(H100, 1, 8, whole_nodes=True)
    assert placed(here, whole)[0].node == "n0"
    mine = replace(whole, account="K1")
    assert [m.node for m in placed(here, replace(mine, members=2))] == ["n2", "n3"]
    take(here, placed(here, mine), "k", "K1")
    take(here, placed(here, mine), "k2", "K1")
    assert placed(here, mine)[0].node == "n0"


def test_a_gang_goes_where_the_fewest_nodes_are_anothers() -> None:
    here = fleet(2, 3)
    named(here, "K1", 0)
    members = placed(here, Request(H100, 2, 8))
    assert {member.node for member in members} <= {"n2", "n3", "n4"}
    named(here, "K2", 2, 3, 4)
    assert {member.node for member in placed(here, Request(H100, 2, 8))} == {"n0", "n1"}


def test_what_is_to_be_drained_is_given_last_and_a_name_goes_with_its_row() -> None:
    here = fleet(2)
    here.set_node(replace(node(0), drained=NOW + timedelta(days=1)))
    assert placed(here, Request(H100, 1, 8))[0].node == "n1"
    named(here, "K1", 1)
    assert placed(here, Request(H100, 1, 8))[0].node == "n1"
    here.set_node(node(0))
    assert placed(here, Request(H100, 1, 8))[0].node == "n0"


def test_who_is_on_a_drained_node_takes_no_room_from_promises() -> None:
    here = fleet(3)
    members = placed(here, Request(H100, 1, 8))
    take(here, members, "one")
    (pool,) = here.pool_list
    assert pool.sold_by_the_moment == 1
    drained = replace(node(0), state=NodeState.DRAINING, drained=NOW)
    here.set_node(drained)
    here.set_node(drained)
    assert pool.sold_by_the_moment == 0
    here.set_node(node(0))
    assert pool.sold_by_the_moment == 1
    here.set_node(drained)
    here.free("one/0", NOW)
    assert (pool.sold_by_the_moment, pool.leaving) == (0, 0)


def test_no_part_of_a_node_is_given_for_longer_than_the_pool_can_spare() -> None:
    """Both nodes have something by the moment; in three days one of them is promised."""
    here = fleet(2)
    for name in ("one", "two"):
        take(here, placed(here, Request(H100, 1, 5)), name)
    short, long = timedelta(days=2), timedelta(days=7)
    here.promise(promise(1, 0, "K1", start=3))
    assert placed(here, Request(H100, 1, 1, lasting=short))
    assert here.place(Request(H100, 1, 1, lasting=long), NOW) == NoFit(6, 0, 3, 0)


def test_the_next_claim_starts_when_the_last_one_ended() -> None:
    here = fleet(1)
    members = placed(here, Request(H100, 1, 8))
    take(here, members, "one")
    here.free("one/0", NOW + timedelta(seconds=2))
    again = placed(here, Request(H100, 1, 8))
    assert here.starts_at(again, NOW) == NOW + timedelta(seconds=2)


def test_slots_that_are_held_cannot_be_held_again() -> None:
    here = fleet(1)
    take(here, (Member(0, NodeId("n0"), Slots(0b11)),), "one")
    with pytest.raises(AssertionError, match="sold twice"):
        take(here, (Member(0, NodeId("n0"), Slots(0b10)),), "two")


ACTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("take"), st.integers(1, 3), st.integers(1, 8), st.sampled_from(["", "K1"])
        ),
        st.tuples(st.just("free"), st.integers(0, 30), st.just(0), st.just("")),
    ),
    max_size=40,
)


@settings(max_examples=150)
@given(ACTS, st.integers(0, 4), st.lists(st.sampled_from(["", "K1", "K2"]), min_size=5))
def test_whatever_happens_nothing_is_sold_twice_and_promises_are_kept(
    acts: list[tuple[str, int, int, str]], promised: int, names: list[str]
) -> None:
    """The count of held slots is kept here on its own, and shares nothing with the index."""
    here = fleet(3, 2)
    whose = {f"n{number}": holder for number, holder in enumerate(names[:5]) if holder}
    for name, holder in whose.items():
        named(here, holder, int(name[1:]))
    if promised:
        here.promise(promise(min(promised, 3), 0, "K1"))
    held: dict[str, tuple[str, frozenset[int], str]] = {}
    for number, (act, one, other, account) in enumerate(acts):
        if act == "free" and held:
            id = sorted(held)[one % len(held)]
            here.free(id, NOW)
            del held[id]
            continue
        if act == "free":
            continue
        request = Request(H100, one, other, account=account)
        members = here.place(request, NOW)
        if isinstance(members, NoFit):
            continue
        if one == 1:
            _best(held, request, members[0].node, whose, min(promised, 3))
        take(here, members, f"l{number}", account)
        for member in members:
            held[f"l{number}/{member.rank}"] = (member.node, frozenset(member.slots), account)
        _audit(held, min(promised, 3))


def _best(
    held: dict[str, tuple[str, frozenset[int], str]],
    request: Request,
    chosen: str,
    whose: dict[str, str],
    promised: int,
) -> None:
    """No node that it could have had is more its own, or less another's, than the one it has."""
    owner = {name: account for name, _, account in held.values()}
    free = {f"n{i}": 8 for i in range(5)}
    for name, slots, _ in held.values():
        free[name] -= len(slots)
    blocks = {"n0": 0, "n1": 0, "n2": 0, "n3": 1, "n4": 1}
    has = sum(account == "K1" for account in owner.values())
    opens = {0: promised - has, 1: 0}
    if not request.account:
        untouched = [blocks[name] for name in blocks if name not in owner]
        opens = {0: untouched.count(0) - max(0, promised - has), 1: untouched.count(1)}
    could = {
        name
        for name in free
        if free[name] >= request.slots
        and (owner[name] == request.account if name in owner else opens[blocks[name]] > 0)
    }
    rank = {n: 1 if n not in whose else 0 if whose[n] == request.account else 2 for n in free}
    assert rank[chosen] == min(rank[name] for name in could)


def _audit(held: dict[str, tuple[str, frozenset[int], str]], promised: int) -> None:
    sold: set[tuple[str, int]] = set()
    owners: dict[str, set[str]] = {}
    for name, slots, account in held.values():
        for slot in slots:
            assert (name, slot) not in sold
            assert 0 <= slot < 8
            sold.add((name, slot))
        owners.setdefault(name, set()).add(account)
    assert all(len(accounts) == 1 for accounts in owners.values())
    in_block_0 = {name: accounts for name, accounts in owners.items() if name in {"n0", "n1", "n2"}}
    by_moment = sum(accounts == {""} for accounts in in_block_0.values())
    assert by_moment <= 3 - promised
    assert sum(accounts == {"K1"} for accounts in owners.values()) <= promised


STATES = st.sampled_from(
    [NodeState.IN_SERVICE, NodeState.DRAINING, NodeState.IN_REPAIR, NodeState.RETIRED]
)
TURNS = st.lists(st.tuples(st.integers(0, 4), st.none() | STATES, st.booleans()), max_size=30)


@settings(max_examples=150)
@given(TURNS)
def test_what_is_counted_of_a_pool_is_what_its_nodes_are(
    turns: list[tuple[int, NodeState | None, bool]],
) -> None:
    """Nodes are drained, repaired and returned while leases come and go."""
    here = fleet(3, 2)
    held: dict[str, str] = {}
    for turn, (number, state, flag) in enumerate(turns):
        row = here.nodes[number]
        if state is not None:
            day = NOW + timedelta(days=1) if flag else None
            empty = row.id not in held
            there = replace(row, state=state, ready=day, drained=day)
            if empty or state in (NodeState.IN_SERVICE, NodeState.DRAINING):
                here.set_node(there)
        elif row.id in held:
            here.free(held.pop(row.id), NOW)
        elif row.state is NodeState.IN_SERVICE:
            account = "K1" if flag else ""
            take(here, (Member(0, row.id, Slots.of(range(8))),), f"l{turn}", account)
            held[row.id] = f"l{turn}/0"
    for pool in here.pool_list:
        mine = [row for row in here.nodes if row.pool == pool.id]
        serving = [row for row in mine if row.state is NodeState.IN_SERVICE]
        assert pool.usable == len(serving)
        assert pool.untouched == sum(row.id not in held for row in serving)
        back = [row.ready if row.state is NodeState.IN_REPAIR else row.drained for row in mine]
        away = (NodeState.IN_REPAIR, NodeState.DRAINING)
        pairs = zip(mine, back, strict=True)
        assert pool.broken == sum(row.state in away and day is not None for row, day in pairs)
        lodged = [row for row in mine if row.id in held and not here.claims[held[row.id]].account]
        gone = sum(row.state is NodeState.DRAINING for row in lodged)
        assert (pool.leaving, pool.sold_by_the_moment) == (gone, len(lodged) - gone)
