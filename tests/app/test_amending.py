"""What was signed may change, by the terms: told as a salesperson would tell it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import billing, books, sales
from rackrate.app.amending import Change, End, Extend, Fewer, More, Renew, Swap, amend
from rackrate.core.access import Role
from rackrate.core.calendar import Reservation
from rackrate.core.contract import (
    Commitment,
    CommitmentKind,
    Contract,
    EarlyEnd,
    Renewal,
    Terms,
    UpgradeRight,
)
from rackrate.core.errors import Forbidden, Invalid, Reason, Refused
from rackrate.core.ids import ChipId, ContractId, EntityId, ProjectId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import Line, LineKind
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from tests.build import CUSTOMERS, SMALL, Built, build

SHANGHAI = "Asia/Shanghai"
SELLER, TRAIN, K1 = EntityId("example"), ProjectId("robotics-train"), ContractId("k1")
NODE, NEWER = SkuId("h100.node"), SkuId("b300.node")
NOVEMBER = Month(2026, 11)
FIRST = NOVEMBER.interval(SHANGHAI).start

# Two more nodes, of a newer chip, in a block of their own.
NEW_CHIP = """
kind: chip
name: b300
vendor: NVIDIA
model: B300
source: a test
confidence: secondary
---
kind: block
name: east-new
site: east
fabric: 800G
---
kind: node
name: b300-{:03}
count: 2
site: east
block: east-new
chip: b300
gpus: 8
cpus: 192
memory_gib: 2048
disk_gib: 28000
---
kind: sku
name: b300.node
title: B300, a whole node
site: east
chip: b300
slots: 8
whole_node: true
cpus: 192
memory_gib: 2048
disk_gib: 28000
"""


def day(month: int) -> datetime:
    """The start of so many months after November 2026."""
    return NOVEMBER.plus(month).interval(SHANGHAI).start


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


def nodes(count: int, start: int, end: int, monthly: str, same_block: bool = False) -> Commitment:
    during = Interval(day(start), day(end))
    amount = cny(monthly)
    return Commitment(1, CommitmentKind.CAPACITY, "", during, amount, NODE, None, count, same_block)


def shop() -> Built:
    return build(SMALL, CUSTOMERS, NEW_CHIP, now=FIRST)


def sign(
    built: Built, *wanted: Commitment, percent: int = 20, terms: Terms | None = None
) -> Contract:
    commitments = wanted or (nodes(2, 0, 36, "1000.00"),)
    offer = sales.Offer(K1, TRAIN, commitments, Decimal(percent), False, "", terms or Terms())
    return sales.sign(built.world, built.admin, offer)


def change(built: Built, asked: Change) -> Contract:
    return amend(built.world, built.admin, K1, asked, "agreed by letter")


def close(built: Built, month: Month) -> None:
    built.clock.instant = max(built.clock.instant, month.interval(SHANGHAI).end)
    billing.close(built.world, built.admin, SELLER, month)


def close_until(built: Built, month: int) -> None:
    for number in range(month):
        close(built, NOVEMBER.plus(number))


def invoiced(built: Built) -> list[Line]:
    issued = billing.find(built.world, built.admin)
    return [e.line for i in issued for e in billing.show(built.world, built.admin, i.id)[1]]


def of_kind(built: Built, kind: LineKind) -> list[str]:
    return [str(line.net.amount) for line in reversed(invoiced(built)) if line.kind is kind]


def balance(built: Built, account: Account) -> Decimal:
    found = books.balances(built.world, built.admin, SELLER)
    return sum((b.amount.amount for b in found if b.account is account), Decimal(0))


def reserved(built: Built, at: datetime) -> int:
    with built.world.store.transaction() as tx:
        held = tx.find(Reservation, holder="k1")
    return sum(each.nodes for each in held if each.during.contains(at))


def refusal(built: Built, asked: Change) -> Refused:
    before = sales.show(built.world, built.admin, K1)
    with pytest.raises(Refused) as caught:
        change(built, asked)
    assert sales.show(built.world, built.admin, K1) == before
    return caught.value


# -- several commitments ------------------------------------------------------------------------


def test_a_ramp_costs_what_is_in_force_in_each_month_and_reserves_just_that() -> None:
    """One node for three months, three from the fourth; support beside them, and set-up once."""
    built = shop()
    during = Interval(day(0), day(6))
    sign(
        built,
        nodes(1, 0, 3, "500.00"),
        nodes(3, 3, 6, "1500.00"),
        Commitment(3, CommitmentKind.SERVICE, "Support", during, cny("100.00")),
        Commitment(4, CommitmentKind.ONE_OFF, "Set-up", Interval(day(0), day(1)), cny("900.00")),
        percent=0,
    )
    _, plan = sales.show(built.world, built.admin, K1)
    assert [str(month.due.amount) for month in plan.by_month] == [
        "1500.00", "600.00", "600.00", "1600.00", "1600.00", "1600.00",
    ]  # fmt: skip
    assert [reserved(built, day(month)) for month in range(7)] == [1, 1, 1, 3, 3, 3, 0]


def test_each_month_of_each_commitment_is_invoiced_once_and_earned() -> None:
    built = shop()
    sign(built, nodes(1, 0, 3, "500.00"), nodes(3, 3, 6, "1500.00"))
    close_until(built, 6)
    assert len(of_kind(built, LineKind.INSTALMENT)) == 6
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-6000.00")
    assert balance(built, Account.CONTRACT_LIABILITY) == 0


# -- more and fewer -----------------------------------------------------------------------------


def test_more_nodes_are_reserved_prepaid_and_billed_from_their_own_start() -> None:
    built = shop()
    sign(built)
    change(built, More((nodes(2, 6, 36, "1200.00"),)))
    assert (reserved(built, day(5)), reserved(built, day(6))) == (2, 4)
    # 20 % of 36,000, and 20 % of thirty months at 1,200.
    assert of_kind(built, LineKind.PREPAYMENT) == ["7200.00", "7200.00"]
    close_until(built, 36)
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-72000.00")
    assert balance(built, Account.CONTRACT_LIABILITY) == 0


def test_more_than_there_are_is_refused_with_how_many_could_be_had() -> None:
    built = shop()
    sign(built)
    refused = refusal(built, More((nodes(3, 6, 36, "1200.00"),)))
    assert (refused.reason, refused.facts["nodes"]) == (Reason.NO_CAPACITY, 2)
    assert "all from 2029-10-31" in refused.detail


def test_what_is_past_is_not_amended() -> None:
    built = shop()
    sign(built)
    built.clock.advance(timedelta(days=70))
    refused = refusal(built, More((nodes(1, 1, 36, "1200.00"),)))
    assert refused.reason is Reason.TOO_LATE
    assert refused.facts["earliest"] == built.clock.now().isoformat()


def test_nodes_are_given_back_only_as_far_as_the_terms_allow() -> None:
    built = shop()
    sign(built, nodes(4, 0, 36, "4000.00"), terms=Terms(may_shrink_percent=Decimal(50)))
    refused = refusal(built, Fewer(1, 1, day(12)))
    assert (refused.reason, refused.facts["least"]) == (Reason.NOT_AGREED, 2)
    change(built, Fewer(1, 2, day(12)))
    assert (reserved(built, day(11)), reserved(built, day(12))) == (4, 2)
    _, plan = sales.show(built.world, built.admin, K1)
    assert {str(m.value.amount) for m in plan.by_month[:12]} == {"4000.00"}
    assert {str(m.value.amount) for m in plan.by_month[12:]} == {"2000.00"}


def test_the_prepayment_of_nodes_given_back_pays_for_those_that_stay() -> None:
    """28,800 was prepaid for 144,000; 96,000 is delivered, so the later months are drawn more."""
    built = shop()
    sign(built, nodes(4, 0, 36, "4000.00"), terms=Terms(may_shrink_percent=Decimal(50)))
    change(built, Fewer(1, 2, day(12)))
    _, plan = sales.show(built.world, built.admin, K1)
    assert (str(plan.prepayment.amount), str(plan.left.amount)) == ("28800.00", "0.00")
    close_until(built, 36)
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-96000.00")
    assert balance(built, Account.CONTRACT_LIABILITY) == 0


# -- longer -------------------------------------------------------------------------------------


def test_an_extension_keeps_the_nodes_and_the_price() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"))
    before = reserved(built, day(11))
    done = change(built, Extend(1, day(24)))
    assert done.during.end == day(24)
    assert [reserved(built, day(month)) for month in (11, 12, 23, 24)] == [before, 2, 2, 0]
    close_until(built, 24)
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-24000.00")


def test_an_extension_that_would_break_another_s_promise_is_refused() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00", same_block=True))
    other = sales.Offer(
        ContractId("k2"), ProjectId("studio-render"), (nodes(4, 12, 24, "1.00"),), Decimal(0)
    )
    sales.sign(built.world, built.admin, other)
    refused = refusal(built, Extend(1, day(18)))
    assert (refused.reason, refused.facts["nodes"]) == (Reason.NO_CAPACITY, 0)


def test_the_right_to_renew_is_used_before_its_day_and_once() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=Terms(renewal=Renewal(6, day(9), Decimal(95))))
    done = change(built, Renew())
    assert done.during.end == day(18)
    _, plan = sales.show(built.world, built.admin, K1)
    assert {str(m.value.amount) for m in plan.by_month[12:]} == {"950.00"}
    assert refusal(built, Renew()).reason is Reason.NOT_AGREED


def test_the_right_to_renew_lapses_on_its_day() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=Terms(renewal=Renewal(6, day(9))))
    built.clock.instant = day(9)
    refused = refusal(built, Renew())
    assert refused.reason is Reason.NOT_AGREED
    assert refused.facts["decide_by"] == day(9).isoformat()


def test_without_the_right_nothing_is_renewed() -> None:
    built = shop()
    sign(built)
    assert "no right to renew" in refusal(built, Renew()).detail


# -- other nodes --------------------------------------------------------------------------------


def upgradable() -> Terms:
    return Terms(upgrade=UpgradeRight(ChipId("b300"), day(12), Decimal(10)))


def test_nodes_are_swapped_for_newer_ones_with_a_credit_for_the_old() -> None:
    built = shop()
    sign(built, percent=0, terms=upgradable())
    done = change(built, Swap(1, NEWER, cny("1500.00"), day(12)))
    old, new = done.commitments
    assert (old.lasts, new.during) == (Interval(day(0), day(12)), Interval(day(12), day(36)))
    # A tenth of the 24 months that the old nodes would still have cost.
    assert of_kind(built, LineKind.CREDIT) == ["-2400.00"]
    with built.world.store.transaction() as tx:
        pools = {r.pool for r in tx.find(Reservation, holder="k1") if r.during.contains(day(12))}
    assert pools == {"east-new/b300x8"}
    assert reserved(built, day(12)) == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Swap(1, NEWER, cny("1.00"), day(11)), "may swap from 2027-10-31 16:00 UTC on"),
        (Swap(1, NODE, cny("1.00"), day(12)), "may swap to b300 only, not to h100"),
    ],
)
def test_the_upgrade_right_is_for_one_chip_from_one_day_on(asked: Swap, said: str) -> None:
    built = shop()
    sign(built, terms=upgradable())
    refused = refusal(built, asked)
    assert refused.reason is Reason.NOT_AGREED and said in refused.detail


# -- the end ------------------------------------------------------------------------------------


def ending() -> Terms:
    return Terms(early_end=EarlyEnd(Decimal(30), 90, day(12)))


def test_an_early_end_costs_its_fee_and_frees_the_nodes() -> None:
    """24 of 36 months are not paid: 24,000 less the 4,800 prepaid for them, and 30 % of that."""
    built = shop()
    sign(built, terms=ending())
    close_until(built, 6)
    done = change(built, End(day(12)))
    assert done.ended == day(12)
    assert of_kind(built, LineKind.FEE) == ["5760.00"]
    assert (reserved(built, day(11)), reserved(built, day(12))) == (2, 0)
    for month in range(6, 14):
        close(built, NOVEMBER.plus(month))
    # What was prepaid for the months that do not come goes back when the last one is over.
    assert of_kind(built, LineKind.REFUND) == ["-4800.00"]
    assert len(of_kind(built, LineKind.INSTALMENT)) == 12
    assert balance(built, Account.CONTRACT_LIABILITY) == 0
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-17760.00")


def test_a_month_that_was_invoiced_ahead_is_credited_where_the_end_comes_in_it() -> None:
    built = shop()
    sign(built, percent=0, terms=Terms(early_end=EarlyEnd(Decimal(0))))
    close(built, NOVEMBER)
    half = day(1) + timedelta(days=15, hours=12)
    change(built, End(half))
    close(built, NOVEMBER.plus(1))
    assert of_kind(built, LineKind.INSTALMENT) == ["1000.00", "1000.00", "-500.00"]
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-1500.00")
    assert balance(built, Account.CONTRACT_LIABILITY) == 0


def test_an_early_end_needs_its_notice_and_its_first_day() -> None:
    built = shop()
    sign(built, terms=ending())
    refused = refusal(built, End(day(6)))
    assert refused.facts["earliest"] == day(12).isoformat()
    built.clock.instant = day(12)
    refused = refusal(built, End(day(12) + timedelta(days=1)))
    assert refused.facts["earliest"] == (day(12) + timedelta(days=90)).isoformat()


def test_without_the_right_a_contract_runs_to_its_end() -> None:
    built = shop()
    sign(built)
    assert refusal(built, End(day(12))).facts["until"] == day(36).isoformat()


def test_a_contract_that_was_ended_is_not_amended_any_more() -> None:
    built = shop()
    sign(built, terms=Terms(early_end=EarlyEnd(Decimal(0))))
    change(built, End(day(12)))
    assert refusal(built, Extend(1, day(40))).reason is Reason.WRONG_STATE


# -- where and with whom ------------------------------------------------------------------------


def test_a_dedicated_block_is_shared_with_nobody() -> None:
    built = shop()
    sign(built, nodes(1, 0, 12, "1000.00"), terms=Terms(dedicated=True))
    other = sales.Offer(
        ContractId("k2"), ProjectId("studio-render"), (nodes(3, 0, 6, "1.00"),), Decimal(0)
    )
    with pytest.raises(Refused, match="at most 2 of 3 nodes"):
        sales.sign(built.world, built.admin, other)


def test_a_block_that_others_are_in_cannot_be_dedicated() -> None:
    built = shop()
    for name in ("k2", "k3"):
        one = (nodes(1 if name == "k2" else 2, 0, 12, "1.00"),)
        taken = sales.Offer(ContractId(name), ProjectId("studio-render"), one, Decimal(0))
        sales.sign(built.world, built.admin, taken)
    with pytest.raises(
        Refused, match="at most 0 of 1 nodes"
    ):
        sign(built, nodes(1, 0, 12, "1000.00"), terms=Terms(dedicated=True))


def test_a_contract_is_delivered_in_its_countries_only() -> None:
    built = shop()
    with pytest.raises(Refused, match="is in CN; the contract is delivered in SG only") as caught:
        sign(built, terms=Terms(jurisdiction=("SG",)))
    assert caught.value.reason is Reason.NOT_ELIGIBLE


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        (lambda: More(()), Invalid, "at least one"),
        (lambda: Fewer(9, 1, day(6)), Invalid, "has 1 to 1"),
        (lambda: Fewer(1, 2, day(6)), Invalid, "is not 1 to 1"),
        (lambda: Fewer(1, 0, day(6)), Invalid, "is not 1 to 1"),
        (lambda: Fewer(1, 1, day(40)), Refused, "nothing of it changes"),
        (lambda: Extend(1, day(30)), Invalid, "already"),
        (lambda: Swap(1, SkuId("h100.1"), cny("1.00"), day(12)), Invalid, "not whole nodes"),
    ],
)
def test_an_amendment_that_cannot_be_meant_changes_nothing(
    asked: Callable[[], Change], kind: type[Exception], said: str
) -> None:
    built = shop()
    sign(built)
    before = sales.show(built.world, built.admin, K1)
    with pytest.raises(kind, match=said):
        change(built, asked())
    assert sales.show(built.world, built.admin, K1) == before


def test_a_customer_does_not_amend_its_contract_by_itself() -> None:
    built = shop()
    sign(built)
    owner = built.actor("o@robotics.example", Role.OWNER, "robotics")
    with pytest.raises(Forbidden):
        amend(built.world, owner, K1, Extend(1, datetime(2031, 1, 1, tzinfo=UTC)))
