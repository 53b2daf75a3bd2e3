"""Contracts over use: what can be agreed, what starts under them, and what is refused."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from rackrate.app import billing, budgets, leasing, loops, quotes, sales, shortfalls, voiding
from rackrate.app.amending import Extend, More, Renew, Swap
from rackrate.app.asking import Ask as QuoteAsk
from rackrate.app.asking import Line
from rackrate.app.budgets import NewBudget
from rackrate.app.leasing import Ask
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.contract import (
    Commitment,
    CommitmentKind,
    Left,
    Overage,
    PaymentTerm,
    Prepaid,
    Rate,
    RatedAt,
    Rates,
    Renewal,
    Terms,
    TrueUp,
    UpgradeRight,
    Use,
)
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import ChipId, ContractId, CustomerId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.invoice import LineKind
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent, Phase
from rackrate.core.ledger import Account
from tests.app.contract_shop import (
    K1,
    NEWER,
    NODE,
    NOVEMBER,
    TRAIN,
    balance,
    change,
    close,
    close_until,
    cny,
    day,
    invoiced,
    nodes,
    of_kind,
    refusal,
    shop,
    sign,
)
from tests.build import Built

GPU = SkuId("h100.1")
WALLET = Terms(payment=PaymentTerm(prepaid=Prepaid.WALLET))


def flex(count: int, start: int, end: int, rate: str = "5.00", holding: str = "0.00") -> Commitment:
    use = Use(Rates(rates=(Rate(NODE, Decimal(rate)),)))
    during = Interval(day(start), day(end))
    kind = CommitmentKind.FLEX
    return Commitment(1, kind, "", during, cny(holding), NODE, None, count, use=use)


def least(
    amount: str, start: int, end: int, each: TrueUp = TrueUp.MONTH, sku: SkuId = GPU
) -> Commitment:
    use = Use(Rates(rates=(Rate(sku, Decimal("10.00")),)), each)
    return Commitment(
        1, CommitmentKind.USE, "", Interval(day(start), day(end)), cny(amount), use=use
    )


def settle(built: Built) -> None:
    leader = loops.lead(built.world, "test")
    assert leader is not None
    loops.provision(built.world, leader)


def start(built: Built, sku: SkuId = GPU, count: int = 1, **how: Any) -> Lease:
    wish = Ask(TRAIN, sku, count, klass=None, contract=K1)
    lease = leasing.start(built.world, built.admin, replace(wish, **how))
    settle(built)
    return lease


def run(built: Built, hours: float, sku: SkuId = GPU, count: int = 1) -> Lease:
    lease = start(built, sku, count)
    built.clock.advance(timedelta(hours=hours))
    leasing.end(built.world, built.admin, lease.id)
    settle(built)
    return lease


def signed(built: Built, *wanted: Commitment, percent: int = 0, terms: Terms | None = None) -> Any:
    return sign(built, *wanted, percent=percent, terms=terms)


def nets(built: Built, kind: LineKind) -> list[str]:
    return of_kind(built, kind)


@pytest.mark.parametrize(
    ("wanted", "percent", "terms", "where"),
    [
        ((flex(1, 0, 6), nodes(1, 0, 6, "9.00")), 0, None, "commitments.1"),
        ((flex(1, 0, 6), flex(1, 3, 9, "4.00")), 0, None, "commitments.1.rate"),
        ((least("9.00", 0, 6), least("9.00", 5, 9)), 0, None, "commitments.1"),
        ((least("9.00", 0, 6),), 20, None, "terms.payment.prepaid"),
        ((nodes(1, 0, 6, "9.00"),), 20, WALLET, "terms.payment.prepaid"),
    ],
)
def test_what_contradicts_itself_is_not_signed(
    wanted: tuple[Commitment, ...], percent: int, terms: Terms | None, where: str
) -> None:
    built = shop()
    with pytest.raises(Invalid) as refused:
        signed(built, *wanted, percent=percent, terms=terms)
    assert refused.value.where == where
    assert sales.find(built.world, built.admin) == []


def test_what_follows_one_another_is_signed() -> None:
    built = shop()
    signed(
        built, flex(1, 0, 6), flex(1, 6, 9, "4.00"), least("9.00", 0, 6), least("9.00", 6, 9),
        nodes(1, 9, 12, "9.00"),
    )  # fmt: skip


def test_flexible_nodes_are_kept_for_their_customer_and_told_apart_by_class() -> None:
    built = shop()
    signed(built, flex(3, 0, 6))
    with pytest.raises(Refused, match="at most 1"):
        leasing.start(built.world, built.admin, Ask(TRAIN, NODE, 2))
    with pytest.raises(Refused, match="is of class flex, not contract"):
        start(built, NODE, klass=LeaseClass.CONTRACT)
    assert start(built, NODE, 3).terms.klass is LeaseClass.FLEX
    with pytest.raises(Refused, match=r"has room for 0 more nodes now$") as full:
        start(built, NODE)
    assert full.value.reason is Reason.BEYOND_CONTRACT
    with pytest.raises(Refused, match="agrees neither rates nor overage") as beyond:
        start(built, NODE, overage=True)
    assert beyond.value.facts["list"] == "16.00"


def test_a_flexible_lease_ends_with_its_nodes_and_is_billed_until_then() -> None:
    built = shop()
    signed(built, flex(1, 0, 1))
    built.clock.instant = day(1) - timedelta(hours=2)
    lease = start(built, NODE)
    built.clock.advance(timedelta(hours=3))
    settle(built)
    ended, _ = leasing.show(built.world, built.admin, lease.id)
    assert ended.until == day(1)
    close(built, NOVEMBER)
    assert nets(built, LineKind.USAGE) == ["80.00"]


def test_flexible_use_counts_in_a_budget_and_is_never_stopped_by_it() -> None:
    built = shop()
    signed(built, flex(1, 0, 6))
    lease = start(built, NODE)
    new = NewBudget(CustomerId("robotics"), None, cny("1.00"), stop=True, grace=timedelta(0))
    budgets.set_budget(built.world, built.admin, new)
    for _ in range(3):
        built.clock.advance(timedelta(hours=1))
        settle(built)
    (budget,) = budgets.find(built.world, built.admin)
    assert budget.spent > budget.amount
    assert leasing.show(built.world, built.admin, lease.id)[0].phase is Phase.RUNNING


def test_what_could_not_be_used_through_our_fault_is_not_metered() -> None:
    built = shop()
    signed(built, flex(1, 0, 6))
    lease = start(built, NODE)
    built.clock.advance(timedelta(hours=2))
    with built.world.store.transaction() as tx:
        row = tx.get(Lease, lease.id)
        now = built.clock.now()
        event = LeaseEvent(row.id, row.seq + 1, now, now, EventKind.INTERRUPTED, "a fault")
        tx.record(row.apply(event), event)
    built.clock.advance(timedelta(hours=20))
    leasing.end(built.world, built.admin, lease.id)
    close(built, NOVEMBER)
    assert nets(built, LineKind.USAGE) == ["80.00"]


def test_a_contract_year_is_trued_up_once_with_its_last_month() -> None:
    """Use of the first year counts to it alone, though the month in which it ends has both."""
    built = shop()
    built.clock.instant = day(0)
    half = timedelta(days=15)
    during = Interval(day(0) + half, day(18))
    signed(built, replace(least("1000.00", 0, 18, TrueUp.YEAR), during=during))
    for month in range(18):
        if month == 12:  # The year ends on the 16th of November: an hour before and one after.
            built.clock.instant = day(12) + half - timedelta(hours=1)
            run(built, 2)
        close(built, NOVEMBER.plus(month))
    assert nets(built, LineKind.USAGE) == ["10.00", "10.00"]
    # The second year has 167 of its 366 days, and 10.00 were used of it, too.
    assert nets(built, LineKind.SHORTFALL) == ["990.00", "446.28"]
    assert balance(built, Account.UNBILLED) == 0


def test_what_is_forfeited_is_earned_with_the_last_month() -> None:
    built = shop()
    payment = PaymentTerm(prepaid=Prepaid.WALLET, left=Left.FORFEIT)
    signed(built, flex(1, 0, 2, holding="1000.00"), percent=10, terms=Terms(payment=payment))
    run(built, 2, NODE)
    close_until(built, 3)
    assert nets(built, LineKind.DRAWDOWN) == ["-80.00"]
    assert nets(built, LineKind.REFUND) == []
    assert balance(built, Account.CONTRACT_LIABILITY) == 0
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-2120.00")
    stands = shortfalls.show(built.world, built.admin, K1).balance
    assert stands is not None and (str(stands.left), stands.over) == ("120.00 CNY", True)


def test_a_void_invoice_draws_nothing_twice() -> None:
    built = shop()
    signed(built, least("100.00", 0, 2), percent=50, terms=WALLET)
    run(built, 3)
    close(built, NOVEMBER)
    (first, *_) = billing.find(built.world, built.admin)
    voiding.void_invoice(built.world, built.admin, first.id, "a wrong name", again=True)
    close_until(built, 3)
    again = [line for line in invoiced(built) if not line.again]
    drawn = [str(line.net.amount) for line in again if line.kind is LineKind.DRAWDOWN]
    assert drawn == ["-100.00"]
    assert balance(built, Account.CONTRACT_LIABILITY) == 0
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-170.00")


def test_a_renewal_multiplies_rates_and_minimums() -> None:
    built = shop()
    right = Renewal(6, day(5), Decimal("97.5"), held=True)
    signed(built, flex(1, 0, 6, "5.33"), least("100.00", 0, 6), terms=Terms(renewal=right))
    after = change(built, Renew())
    (node, use) = after.commitments[2:]
    assert node.use is not None and node.use.rates.rates[0].amount == Decimal("5.196750")
    assert str(use.amount) == "97.50 CNY"


def test_an_extension_counts_from_its_own_start_and_newer_nodes_are_no_swap() -> None:
    built = shop()
    terms = Terms(upgrade=UpgradeRight(ChipId("b300"), day(1)))
    signed(built, flex(1, 0, 6), least("100.00", 0, 6), terms=terms)
    no = refusal(built, Swap(1, NEWER, cny("1.00"), day(2)))
    assert no.reason is Reason.NOT_AGREED and "flexible" in no.detail
    longer = change(built, Extend(2, day(9)))
    assert [(c.number, c.follows) for c in longer.commitments] == [(1, 0), (2, 0), (3, 2)]
    with pytest.raises(Invalid, match="counts to commitment 3"):
        change(built, More((replace(least("1.00", 7, 8), number=1),)))


def test_on_demand_under_a_contract_gives_way_as_all_that_is_sold_by_the_moment() -> None:
    built = shop()
    signed(built, least("100.00", 0, 6), terms=Terms(overage=Overage(Rates(RatedAt.LIST))))
    lease = start(built, NODE, 4)
    assert lease.terms.klass is LeaseClass.ON_DEMAND and lease.safe_until is None
    offer = sales.Offer(ContractId("k2"), TRAIN, (nodes(4, 1, 6, "1.00"),), Decimal(0))
    sales.sign(built.world, built.admin, offer)
    told, _ = leasing.show(built.world, built.admin, lease.id)
    assert told.safe_until is not None and told.safe_until <= day(1)


def test_a_quote_of_flexible_nodes_and_a_minimum_is_signed_as_it_was_quoted() -> None:
    built = shop()
    held, used = flex(3, 0, 12, holding="3000.00"), least("500.00", 0, 12)
    lines = (
        Line(CommitmentKind.FLEX, NODE, 3, amount=held.amount, use=held.use),
        Line(CommitmentKind.USE, amount=used.amount, use=used.use),
    )
    wish = QuoteAsk(
        project=TRAIN, start=day(0), months=12, prepayment_percent=Decimal(10), terms=WALLET
    )
    quote = quotes.create(built.world, built.admin, replace(wish, lines=lines))
    assert not quote.needs_approval and str(quote.monthly) == "3,000.00 CNY"
    contract = quotes.sign(built.world, built.admin, quote.id)
    assert [each.use for each in contract.commitments] == [held.use, used.use]
    # 10 % of all that is held and used at least.
    assert nets(built, LineKind.PREPAYMENT) == ["4200.00"]
    with built.world.store.transaction() as tx:
        rows = tx.find(Reservation, holder=contract.id)
    assert {row.kind for row in rows} == {ReservationKind.FLEX}
    with pytest.raises(Invalid, match="say at which rates it is used"):
        quotes.create(built.world, built.admin, replace(wish, lines=(replace(lines[0], use=None),)))
