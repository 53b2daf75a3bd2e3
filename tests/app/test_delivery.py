"""Delivery in batches, acceptance and lateness: told as a salesperson would tell it."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import billing, books, delivery, fleet, leasing, loops, sales, upkeep
from rackrate.app.leasing import Ask
from rackrate.core.access import Actor, Role
from rackrate.core.contract import (
    Acceptance,
    Commitment,
    CommitmentKind,
    Contract,
    Damages,
    Delivery,
    Terms,
)
from rackrate.core.errors import Forbidden, Invalid, Missing, Reason, Refused
from rackrate.core.ids import ContractId, EntityId, NodeId, ProjectId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import LineKind
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from tests.build import CUSTOMERS, SMALL, Built, build

SHANGHAI = "Asia/Shanghai"
SELLER, TRAIN, K1 = EntityId("example"), ProjectId("robotics-train"), ContractId("k1")
NODE = SkuId("h100.node")
NOVEMBER = Month(2026, 11)
FIRST = NOVEMBER.interval(SHANGHAI).start
HALF_A_DAY = timedelta(hours=12)


def day(month: int) -> datetime:
    """The start of so many months after November 2026."""
    return NOVEMBER.plus(month).interval(SHANGHAI).start


def shop() -> Built:
    return build(SMALL, CUSTOMERS, now=FIRST)


def sign(
    built: Built,
    acceptance: Acceptance = Acceptance.CUSTOMER,
    batches: sales.Batches = (),
    percent: int = 0,
    damages: Damages | None = None,
) -> Contract:
    """Four nodes for ten months from December on, 4,000 a month."""
    wanted = Commitment(
        1,
        CommitmentKind.CAPACITY,
        "",
        Interval(day(1), day(11)),
        Money.parse("4000.00", "CNY"),
        NODE,
        None,
        4,
    )
    offer = sales.Offer(
        K1,
        TRAIN,
        (wanted,),
        Decimal(percent),
        terms=Terms(acceptance=acceptance, damages=damages),
        batches={1: batches} if batches else {},
    )
    return sales.sign(built.world, built.admin, offer)


def owner(built: Built) -> Actor:
    return built.actor("o@robotics.example", Role.OWNER, "robotics")


def deliver(built: Built, number: int = 1, *names: str) -> Delivery:
    given = [NodeId(name) for name in names]
    return delivery.deliver(built.world, built.admin, K1, 1, number, given)


def accept(built: Built, number: int = 1) -> Delivery:
    return delivery.accept(built.world, owner(built), K1, 1, number)


def close_until(built: Built, month: int) -> None:
    for number in range(month):
        last = NOVEMBER.plus(number)
        built.clock.instant = max(built.clock.instant, last.interval(SHANGHAI).end)
        billing.close(built.world, built.admin, SELLER, last)


def of_kind(built: Built, kind: LineKind) -> list[str]:
    issued = reversed(billing.find(built.world, built.admin))
    lines = [e.line for i in issued for e in billing.show(built.world, built.admin, i.id)[1]]
    return [f"{line.month} {line.net.amount}" for line in lines if line.kind is kind]


def balance(built: Built, account: Account) -> Decimal:
    found = books.balances(built.world, built.admin, SELLER)
    return sum((b.amount.amount for b in found if b.account is account), Decimal(0))


def settle(built: Built) -> None:
    leader = loops.lead(built.world, "test")
    assert leader is not None
    loops.provision(built.world, leader)


# -- handing over -------------------------------------------------------------------------------


def test_nodes_are_named_when_delivery_comes_near_and_not_before() -> None:
    built = shop()
    sign(built, batches=((4, day(5)),))
    with pytest.raises(Refused) as caught:
        deliver(built)
    assert caught.value.reason is Reason.TOO_EARLY
    assert caught.value.facts["earliest"] == (day(5) - timedelta(days=30)).isoformat()
    built.clock.instant = day(5) - timedelta(days=30)
    named = deliver(built)
    assert named.names == tuple(NodeId(f"h100-00{n}") for n in range(1, 5))


def test_one_batch_is_planned_at_the_start_unless_others_are_agreed() -> None:
    built = shop()
    sign(built)
    (one,) = sales.deliveries(built.world, built.admin, K1)
    assert (one.nodes, one.due, one.delivered) == (4, day(1), None)


def test_batches_come_to_the_nodes_of_their_commitment() -> None:
    built = shop()
    with pytest.raises(Invalid, match="batches of 3 nodes for a commitment of 4"):
        sign(built, batches=((1, day(1)), (2, day(2))))
    with pytest.raises(Invalid, match="after the commitment's end"):
        sign(built, batches=((4, day(12)),))


def test_only_nodes_in_service_that_nobody_else_has_are_handed_over() -> None:
    built = shop()
    sign(built)
    fleet.drain(built.world, built.admin, NodeId("h100-001"), "a fan")
    lease = leasing.start(built.world, built.admin, Ask(ProjectId("studio-render"), NODE))
    assert lease.members[0].node != "h100-001"
    with pytest.raises(Refused, match="2 of 4 nodes of k1/1/1 are in service and free") as caught:
        deliver(built)
    assert caught.value.facts["nodes"] == 2


def test_nodes_of_a_contract_that_is_over_are_handed_over_to_the_next() -> None:
    built = shop()
    sign(built)
    before = deliver(built).names
    built.clock.instant = day(11)
    after = Interval(day(11), day(20))
    whole = sales.capacity(1, NODE, 4, after, Money.parse("4000.00", "CNY"))
    next_one = sales.Offer(ContractId("k2"), TRAIN, (whole,), Decimal(0))
    sales.sign(built.world, built.admin, next_one)
    again = delivery.deliver(built.world, built.admin, ContractId("k2"), 1, 1)
    assert again.names == before


def test_a_node_is_named_for_one_batch_only() -> None:
    built = shop()
    sign(built, batches=((2, day(1)), (2, day(1))))
    deliver(built, 1, "h100-002", "h100-003")
    with pytest.raises(Refused, match="h100-002 is not in service and free"):
        deliver(built, 2, "h100-001", "h100-002")
    assert deliver(built, 2).names == ("h100-001", "h100-004")


def test_other_nodes_may_be_named_until_they_are_accepted() -> None:
    built = shop()
    sign(built, batches=((1, day(1)), (3, day(2))))
    first = deliver(built, 1, "h100-001")
    built.clock.advance(timedelta(days=1))
    again = deliver(built, 1, "h100-002")
    assert (again.names, again.delivered) == (("h100-002",), first.delivered)
    accept(built, 1)
    with pytest.raises(Refused, match="delivered and accepted"):
        deliver(built, 1, "h100-001")


# -- acceptance ---------------------------------------------------------------------------------


def test_billing_begins_when_the_customer_accepts() -> None:
    """Due and delivered on the first, accepted at noon of the sixteenth of a month of 31 days."""
    built = shop()
    sign(built)
    built.clock.instant = day(1)
    deliver(built)
    assert of_kind(built, LineKind.INSTALMENT) == []
    built.clock.instant = day(1) + timedelta(days=15, hours=12)
    accept(built)
    close_until(built, 11)
    lines = of_kind(built, LineKind.INSTALMENT)
    assert lines[:2] == ["2026-12 2000.00", "2027-01 4000.00"] and len(lines) == 10
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-38000.00")
    assert balance(built, Account.CONTRACT_LIABILITY) == 0


def test_each_batch_is_billed_from_its_own_acceptance() -> None:
    built = shop()
    sign(built, batches=((1, day(1)), (3, day(3))))
    for number, month in ((1, 1), (2, 4)):
        built.clock.instant = max(built.clock.instant, day(month))
        deliver(built, number)
        accept(built, number)
    close_until(built, 11)
    months = [f"{NOVEMBER.plus(n)} 1000.00" for n in (1, 2, 3)]
    months += [f"{NOVEMBER.plus(n)} 4000.00" for n in range(4, 11)]
    assert sorted(of_kind(built, LineKind.INSTALMENT)) == months


def test_what_was_prepaid_for_months_without_nodes_is_drawn_down_later() -> None:
    """8,000 was prepaid for ten months; two go by without nodes, and no cent is lost."""
    built = shop()
    sign(built, percent=20)
    for month in range(2):
        built.clock.instant = NOVEMBER.plus(month).interval(SHANGHAI).end
        billing.close(built.world, built.admin, SELLER, NOVEMBER.plus(month))
    built.clock.instant = day(3)
    billing.close(built.world, built.admin, SELLER, NOVEMBER.plus(2))
    deliver(built)
    accept(built)
    for month in range(3, 11):
        built.clock.instant = NOVEMBER.plus(month).interval(SHANGHAI).end
        billing.close(built.world, built.admin, SELLER, NOVEMBER.plus(month))
    instalments = of_kind(built, LineKind.INSTALMENT)
    # The first month takes its own 800 and the 1,600 that two others left.
    assert instalments[:2] == ["2027-02 1600.00", "2027-03 3200.00"]
    assert of_kind(built, LineKind.REFUND) == []
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-32000.00")
    assert balance(built, Account.CONTRACT_LIABILITY) == 0


def test_nothing_is_billed_that_was_never_delivered_and_the_prepayment_goes_back() -> None:
    built = shop()
    sign(built, percent=20)
    close_until(built, 11)
    assert of_kind(built, LineKind.INSTALMENT) == []
    assert of_kind(built, LineKind.REFUND) == ["2027-09 -8000.00"]
    assert balance(built, Account.CONTRACT_LIABILITY) == 0


def test_health_evidence_accepts_once_every_named_node_is_in_service() -> None:
    built = shop()
    sign(built, Acceptance.HEALTH)
    built.clock.instant = day(1)
    deliver(built)
    fleet.drain(built.world, built.admin, NodeId("h100-003"), "a fan")
    settle(built)
    (waiting,) = sales.deliveries(built.world, built.admin, K1)
    assert waiting.accepted is None
    built.clock.advance(timedelta(days=3))
    upkeep.return_node(built.world, built.admin, NodeId("h100-003"))
    settle(built)
    (taken,) = sales.deliveries(built.world, built.admin, K1)
    assert (taken.accepted, taken.by) == (day(1) + timedelta(days=3), "health")


def test_health_evidence_does_not_take_the_customer_s_word_from_it() -> None:
    built = shop()
    sign(built, Acceptance.CUSTOMER)
    built.clock.instant = day(1)
    deliver(built)
    settle(built)
    (waiting,) = sales.deliveries(built.world, built.admin, K1)
    assert waiting.accepted is None
    assert accept(built).by == "o@robotics.example"


def test_nothing_is_accepted_before_it_is_delivered_nor_twice() -> None:
    built = shop()
    sign(built)
    with pytest.raises(Refused, match="not delivered yet; due at 2026-11-30 16:00 UTC") as caught:
        accept(built)
    assert caught.value.reason is Reason.TOO_EARLY
    built.clock.instant = day(1)
    deliver(built)
    accept(built)
    with pytest.raises(Refused, match="was accepted at 2026-11-30 16:00 UTC"):
        accept(built)


def test_where_no_acceptance_is_agreed_billing_begins_with_the_term() -> None:
    built = shop()
    sign(built, Acceptance.NONE)
    close_until(built, 2)
    assert of_kind(built, LineKind.INSTALMENT)[:2] == ["2026-12 4000.00", "2027-01 4000.00"]


# -- late ---------------------------------------------------------------------------------------


def test_a_late_batch_earns_the_agreed_damages_on_the_next_invoice() -> None:
    """Three of four nodes, ten days and an hour late at half a percent a day: 5.5 % of 3,000."""
    built = shop()
    terms = Damages(Decimal("0.5"), Decimal(20))
    sign(built, Acceptance.CUSTOMER, ((1, day(1)), (3, day(1))), damages=terms)
    built.clock.instant = day(1)
    deliver(built, 1)
    built.clock.instant = day(1) + timedelta(days=10, hours=1)
    late = deliver(built, 2)
    assert late.days_late(built.clock.now()) == 11
    accept(built, 1)
    accept(built, 2)
    close_until(built, 3)
    assert of_kind(built, LineKind.DAMAGES) == ["2026-12 -165.00"]


def test_damages_stop_at_their_cap() -> None:
    built = shop()
    sign(built, Acceptance.NONE, damages=Damages(Decimal("0.5"), Decimal(20)))
    built.clock.instant = day(4)
    deliver(built)
    close_until(built, 11)
    assert of_kind(built, LineKind.DAMAGES) == ["2027-03 -800.00"]
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-39200.00")


def test_what_never_came_earns_its_damages_when_the_term_is_over() -> None:
    built = shop()
    sign(built, damages=Damages(Decimal("0.5"), Decimal(20)))
    close_until(built, 10)
    assert of_kind(built, LineKind.DAMAGES) == []
    built.clock.instant = day(11)
    billing.close(built.world, built.admin, SELLER, NOVEMBER.plus(10))
    assert of_kind(built, LineKind.DAMAGES) == ["2026-12 -800.00"]


def test_what_never_came_is_late_until_the_term_is_over_however_late_the_books_are_closed() -> None:
    """Due at the start of a term of 304 days, a hundredth of a percent of 4,000 for each."""
    built = shop()
    sign(built, damages=Damages(Decimal("0.01"), Decimal(20)))
    close_until(built, 10)
    built.clock.instant = day(11) + timedelta(days=40)
    billing.close(built.world, built.admin, SELLER, NOVEMBER.plus(10))
    assert of_kind(built, LineKind.DAMAGES) == ["2026-12 -121.60"]


def test_what_is_in_time_to_the_second_is_not_late() -> None:
    built = shop()
    sign(built, damages=Damages(Decimal("0.5")))
    built.clock.instant = day(1)
    assert deliver(built).days_late(built.clock.now()) == 0
    close_until(built, 2)
    assert of_kind(built, LineKind.DAMAGES) == []


# -- who may ------------------------------------------------------------------------------------


def test_fleet_hands_over_and_the_customer_s_owner_accepts() -> None:
    built = shop()
    sign(built)
    built.clock.instant = day(1)
    machines = built.actor("f@example.example", Role.FLEET)
    member = built.actor("m@robotics.example", Role.MEMBER, "robotics", "robotics-train")
    other = built.actor("o@studio.example", Role.OWNER, "studio")
    with pytest.raises(Missing):
        delivery.deliver(built.world, other, K1, 1, 2)
    delivery.deliver(built.world, machines, K1, 1, 1)
    with pytest.raises(Forbidden):
        delivery.accept(built.world, member, K1, 1, 1)
    with pytest.raises(Missing):
        delivery.accept(built.world, other, K1, 1, 1)
    accept(built)
