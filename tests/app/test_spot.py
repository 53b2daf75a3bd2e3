"""Spot on nodes that nobody uses: who it makes room for, when, and what it is billed for."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import catalogue, credit, leasing, sales
from rackrate.app.leasing import Ask
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import ContractId, CustomerId, LeaseId, ProjectId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState
from rackrate.core.lease import EventKind, Lease, LeaseClass, Phase, fold
from rackrate.core.money import Money
from rackrate.core.outbox import Notification, Topic
from rackrate.core.usage import billed_spans
from tests.app.test_giveway import DAY, EAST, POOLS, loop, shop
from tests.build import Built

TRAIN, RENDER = ProjectId("robotics-train"), ProjectId("studio-render")
GPU, NODE = SkuId("h100.1"), SkuId("h100.node")
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
NOTICE = 5 * MINUTE


def spot(built: Built, count: int = 8) -> LeaseId:
    wish = Ask(RENDER, GPU, count, klass=LeaseClass.SPOT)
    lease = leasing.start(built.world, built.admin, wish).id
    loop(built)
    return lease


def ask(built: Built, sku: SkuId = GPU, count: int = 1) -> Lease:
    lease = leasing.start(built.world, built.admin, Ask(TRAIN, sku, count))
    loop(built)
    return see(built, lease.id)


def see(built: Built, id: LeaseId) -> Lease:
    lease, events = leasing.show(built.world, built.admin, id)
    assert lease == fold(lease.terms, events), "the row is the fold of its log"
    return lease


def wait(built: Built, time: timedelta) -> None:
    built.clock.advance(time)
    loop(built)
    loop(built)


def reserve(built: Built, begins: timedelta, nodes: int = 2, holder: str = "k") -> datetime:
    """Nodes of both blocks are a contract's from then on, for 100 days."""
    start = built.clock.now() + begins
    with built.world.store.transaction() as tx:
        tx.fleet(EAST)
        for pool in POOLS:
            during = Interval(start, start + 100 * DAY)
            kind = ReservationKind.CONTRACT
            tx.add(Reservation(f"{holder}/{pool}", EAST, pool, nodes, during, kind, holder))
    return start


# -- where it goes ------------------------------------------------------------------------------


def test_spot_runs_on_nodes_of_its_own_and_is_never_said_to_be_safe() -> None:
    built = shop()
    first, second, other = spot(built, 3), spot(built, 5), ask(built)
    where = {member.node for id in (first, second) for member in see(built, id).members}
    assert len(where) == 1 and where.isdisjoint(member.node for member in other.members)
    shown = see(built, first)
    assert shown.phase is Phase.RUNNING and shown.safe_until == shown.created
    assert shown.until is None


def test_what_a_contract_reserves_and_does_not_use_is_lent_to_spot_and_not_sold_on_demand() -> None:
    built = shop()
    reserve(built, -2 * DAY)
    with pytest.raises(Refused) as refused:
        ask(built)
    assert refused.value.reason is Reason.NO_CAPACITY
    assert see(built, spot(built)).phase is Phase.RUNNING


def test_nodes_of_a_contract_that_begins_are_not_lent_for_a_day_and_spot_is_off_them_in_time() -> (
    None
):
    built = shop()
    lent = [spot(built) for _ in range(4)]
    begins = reserve(built, 2 * DAY)
    loop(built)
    assert not any(see(built, id).until for id in lent)
    wait(built, 2 * DAY - 30 * MINUTE)
    assert {see(built, id).until for id in lent} == {built.clock.now() + NOTICE}
    wait(built, NOTICE)
    assert {see(built, id).phase for id in lent} == {Phase.ENDED}
    assert built.clock.now() < begins
    wait(built, DAY)
    with pytest.raises(Refused, match="are free for spot"):
        spot(built)
    wait(built, 30 * MINUTE)
    spot(built)


def test_work_on_nodes_a_drain_and_spare_nodes_are_no_place_for_spot() -> None:
    built = shop()
    running = spot(built)
    with built.world.store.transaction() as tx:
        tx.fleet(EAST)
        node = tx.get(Node, see(built, running).members[0].node)
        tx.put(replace(node, state=NodeState.DRAINING))
    loop(built)
    assert see(built, running).until == built.clock.now() + NOTICE


# -- who it makes room for ----------------------------------------------------------------------


def test_on_demand_waits_for_the_notice_of_as_little_spot_as_makes_room_for_it() -> None:
    """Four nodes are spot's, of which two leases share one. One GPU on demand needs a node: the
    youngest that has one alone goes, with five minutes, and on demand runs after that.
    """
    built = shop()
    whole = [spot(built) for _ in range(3)]
    shared = [spot(built, 4), spot(built, 4)]
    waits = ask(built)
    assert waits.phase is Phase.QUEUED and waits.waits and waits.billed_since is None
    told = built.clock.now() + NOTICE
    going = {id: see(built, id).until for id in (*whole, *shared) if see(built, id).until}
    assert len(going) == 1 and set(going.values()) == {told}
    assert next(iter(going)) == whole[2]
    wait(built, NOTICE - SECOND)
    assert see(built, waits.id).waits
    wait(built, SECOND)
    after, (lease, events) = see(built, waits.id), leasing.show(built.world, built.admin, whole[2])
    assert lease.phase is Phase.ENDED and [s.end for s in billed_spans(events)] == [told]
    assert after.phase is Phase.RUNNING and after.billed_since == told
    assert after.members[0].node == events[0].members[0].node


def test_a_contract_s_lease_comes_before_on_demand_where_both_wait() -> None:
    built = shop()
    lent = [spot(built) for _ in range(4)]
    now = built.clock.now()
    offer = sales.Offer.of(
        ContractId("k1"), TRAIN, NODE, 1, Interval(now, now + 10 * DAY),
        Money.parse("1000.00", "CNY"), Decimal(0),
    )  # fmt: skip
    sales.sign(built.world, built.admin, offer)
    on_demand = ask(built, NODE)
    wish = Ask(TRAIN, NODE, 1, klass=LeaseClass.CONTRACT, contract=ContractId("k1"))
    mine = leasing.start(built.world, built.admin, wish)
    assert mine.waits and on_demand.waits
    loop(built)
    assert sum(see(built, id).until is not None for id in lent) == 2
    wait(built, NOTICE)
    assert see(built, mine.id).phase is see(built, on_demand.id).phase is Phase.RUNNING


def test_who_comes_later_takes_nothing_that_somebody_waits_for_and_spot_least_of_all() -> None:
    built = shop()
    for _ in range(4):
        spot(built)
    first = ask(built, NODE)
    with pytest.raises(Refused):
        spot(built, 1)
    wait(built, NOTICE)
    assert see(built, first.id).phase is Phase.RUNNING
    second, third = ask(built, NODE), ask(built, NODE, 2)
    assert second.waits and third.waits
    with pytest.raises(Refused, match="at most 0"):
        ask(built, NODE)
    wait(built, NOTICE)
    assert see(built, second.id).phase is see(built, third.id).phase is Phase.RUNNING


def test_a_free_node_on_which_somebody_counts_who_waits_is_neither_spot_s_nor_a_newcomer_s() -> (
    None
):
    """Of four nodes one is free. Two nodes on demand wait for a second one; who then asks for one
    GPU has it as soon as a third is to be free, and five minutes after the first all of them run.
    """
    built = shop()
    lent = [spot(built) for _ in range(3)]
    first = ask(built, NODE, 2)
    with pytest.raises(Refused, match="at most 0"):
        spot(built, 1)
    second = leasing.start(built.world, built.admin, Ask(TRAIN, GPU))
    assert first.waits and second.waits
    assert sum(see(built, id).until is not None for id in lent) == 2
    wait(built, NOTICE)
    assert see(built, first.id).phase is see(built, second.id).phase is Phase.RUNNING


def test_a_stopped_lease_that_starts_again_waits_as_a_new_one_does() -> None:
    built = shop()
    mine = ask(built, NODE)
    leasing.stop(built.world, built.admin, mine.id)
    loop(built)
    for _ in range(4):
        spot(built)
    leasing.resume(built.world, built.admin, mine.id)
    assert see(built, mine.id).waits
    wait(built, NOTICE)
    assert see(built, mine.id).phase is Phase.RUNNING


def test_who_waits_may_be_ended_and_who_finds_no_room_in_two_hours_ends_unbilled() -> None:
    built = shop()
    for _ in range(4):
        spot(built)
    first, second = ask(built, NODE), ask(built, NODE)
    leasing.end(built.world, built.admin, first.id)
    loop(built)
    assert see(built, first.id).phase is Phase.ENDED
    with built.world.store.transaction() as tx:
        tx.fleet(EAST)
        for node in tx.find(Node, site=EAST):
            tx.put(replace(node, state=NodeState.IN_REPAIR))
    wait(built, timedelta(hours=2))
    _, events = leasing.show(built.world, built.admin, second.id)
    assert see(built, second.id).phase is Phase.ENDED and not billed_spans(events)


def test_what_could_be_had_is_told_for_spot_and_for_who_would_wait_for_it() -> None:
    built = shop()
    reserve(built, -2 * DAY, nodes=1)
    found = {e.sku.id: e for e in catalogue.list_offerings(built.world, built.admin)}[GPU]
    assert found.spot is not None
    assert (found.stock.units, found.spot.units, found.after_spot) == (16, 32, 0)
    for _ in range(4):
        spot(built)
    found = {e.sku.id: e for e in catalogue.list_offerings(built.world, built.admin)}[GPU]
    assert found.spot is not None
    assert (found.stock.units, found.spot.units, found.after_spot) == (0, 0, 16)


# -- what it is told and billed -----------------------------------------------------------------


def test_its_notice_is_its_price_s_and_is_told_by_the_outbox() -> None:
    text = """
kind: price_book
currency: CNY
tax_included: false
effective: 2026-06-01
time_zone: Asia/Shanghai
notice: {spot: 20 minutes}
per_slot_hour: {h100.1: {spot: 8.00}}
"""
    built = shop(text)
    lent = [spot(built) for _ in range(4)]
    ask(built)
    going = next(id for id in lent if see(built, id).until)
    assert see(built, going).until == built.clock.now() + 20 * MINUTE
    with built.world.store.transaction() as tx:
        rows = [row for row in tx.find(Notification) if row.topic is Topic.LEASE_NOTICE]
    assert [(row.customer, row.facts["leases"]) for row in rows] == [("studio", going)]


def test_spot_without_a_price_is_refused() -> None:
    built = shop()
    with pytest.raises(Refused, match="no spot price"):
        leasing.start(built.world, built.admin, Ask(RENDER, NODE, 1, klass=LeaseClass.SPOT))


def test_spot_counts_against_a_credit_limit_as_on_demand_does() -> None:
    """Eight GPUs at 8.50 and 6 % are 72.08 an hour: one lease fits a limit of 100, two do not."""
    built = shop()
    limit = Money.parse("100.00", "CNY")
    credit.set_limit(built.world, built.admin, CustomerId("studio"), limit)
    spot(built)
    with pytest.raises(Refused) as refused:
        spot(built)
    assert refused.value.reason is Reason.CREDIT_LIMIT


def test_a_waiting_lease_is_in_the_log_as_waiting_and_then_placed() -> None:
    built = shop()
    for _ in range(4):
        spot(built)
    waits = ask(built)
    wait(built, NOTICE)
    _, events = leasing.show(built.world, built.admin, waits.id)
    assert [event.kind for event in events[:2]] == [EventKind.REQUESTED, EventKind.PLACED]
    assert events[0].cause == "waits for spot to make room"
