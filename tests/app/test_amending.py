"""What was signed may change, by the terms: told as a salesperson would tell it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import delivery, sales
from rackrate.app.amending import Change, End, Extend, Fewer, More, Renew, Swap, amend
from rackrate.core.access import Role
from rackrate.core.calendar import Reservation
from rackrate.core.contract import (
    Acceptance,
    Commitment,
    CommitmentKind,
    EarlyEnd,
    Renewal,
    Terms,
    UpgradeRight,
    paid_parts,
)
from rackrate.core.errors import Forbidden, Invalid, Reason, Refused
from rackrate.core.ids import ChipId, ContractId, ProjectId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.invoice import LineKind
from rackrate.core.ledger import Account
from tests.app.contract_shop import (
    K1,
    NEWER,
    NODE,
    TRAIN,
    balance,
    change,
    close_until,
    cny,
    day,
    nodes,
    of_kind,
    refusal,
    reserved,
    shop,
    sign,
)
from tests.build import Built

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


def shrinking(*batches: tuple[int, int]) -> Built:
    """Four nodes for a year, of which three may be given back, in these batches by month."""
    built = shop()
    terms = Terms(
        acceptance=Acceptance.CUSTOMER,
        may_shrink_percent=Decimal(75),
        early_end=EarlyEnd(Decimal(0)),
    )
    plan = tuple((count, day(month)) for count, month in batches)
    wanted = (nodes(4, 0, 12, "4000.00"),)
    offer = sales.Offer(K1, TRAIN, wanted, Decimal(0), terms=terms, batches={1: plan})
    sales.sign(built.world, built.admin, offer)
    return built


def to_come(built: Built) -> list[tuple[int, datetime]]:
    batches = sales.deliveries(built.world, built.admin, K1)
    return [(each.nodes, each.due) for each in batches if each.delivered is None]


def test_of_batches_to_come_as_many_stay_as_there_are_nodes_to_hand_over() -> None:
    """One by now and three in May; from April on three are left: two more, billed from May on."""
    built = shrinking((1, 0), (3, 6))
    done = change(built, Fewer(1, 3, day(5)))
    assert to_come(built) == [(1, day(0)), (2, day(6))]
    for number, month in ((1, 0), (2, 6)):
        built.clock.instant = day(month)
        delivery.deliver(built.world, built.admin, K1, 1, number)
        delivery.accept(built.world, built.admin, K1, 1, number)
    paid = paid_parts(done, sales.deliveries(built.world, built.admin, K1))
    assert [(part.nodes, part.during.start) for part in paid[2]] == [(1, day(5)), (2, day(6))]


def test_batches_shrink_with_what_is_left_each_time_and_end_with_it() -> None:
    built = shrinking((1, 0), (1, 4), (2, 6))
    change(built, Fewer(1, 3, day(3)))
    assert to_come(built) == [(1, day(0)), (1, day(4)), (1, day(6))]
    change(built, Fewer(2, 2, day(5)))
    assert to_come(built) == [(1, day(0)), (1, day(4))], "the last is due when two are left"
    change(built, End(day(4)))
    assert to_come(built) == [(1, day(0))], "and none after everything has ended"


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
    assert "none of 2 nodes of h100.node can be promised on the blocks that it has" in (
        refused.detail
    )


def test_the_right_to_renew_is_used_before_its_day_and_once() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=Terms(renewal=Renewal(6, day(9), Decimal(95))))
    done = change(built, Renew())
    assert done.during.end == day(18)
    _, plan = sales.show(built.world, built.admin, K1)
    assert {str(m.value.amount) for m in plan.by_month[12:]} == {"950.00"}
    assert refusal(built, Renew()).reason is Reason.NOT_AGREED


def test_what_goes_on_beyond_the_term_is_renewed_from_its_own_end() -> None:
    built = shop()
    terms = Terms(renewal=Renewal(6, day(9)))
    support = Commitment(
        2, CommitmentKind.SERVICE, "Support", Interval(day(0), day(12)), cny("100.00")
    )
    sign(built, nodes(2, 0, 12, "1000.00"), support, terms=terms)
    change(built, Extend(2, day(15)))
    done = change(built, Renew())
    ends = {each.what: each.during.end for each in done.commitments if each.order == 2}
    assert ends == {"2 x h100.node": day(18), "Support": day(21)}


def test_what_was_swapped_away_is_not_renewed() -> None:
    """Extended by three months, and swapped in the middle of them: only the newer nodes go on."""
    built = shop()
    right = UpgradeRight(ChipId("b300"), day(12), Decimal(10))
    sign(built, nodes(2, 0, 12, "1000.00"), terms=Terms(renewal=Renewal(6, day(9)), upgrade=right))
    change(built, Extend(1, day(15)))
    change(built, Swap(2, NEWER, cny("1500.00"), day(13)))
    done = change(built, Renew())
    assert [(c.sku, c.during.end) for c in done.commitments if c.order == 3] == [(NEWER, day(21))]


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


@pytest.mark.parametrize("percent", [0, 50, 100])
@pytest.mark.parametrize("support", [False, True])
def test_the_credit_is_a_share_of_the_value_of_what_was_swapped_and_of_nothing_else(
    percent: int, support: bool
) -> None:
    """A node at 100,000 for 12 months, swapped after 7: a tenth of 500,000, whatever is beside."""
    built = shop()
    right = Terms(upgrade=UpgradeRight(ChipId("b300"), day(6), Decimal(10)))
    during = Interval(day(0), day(12))
    beside = Commitment(2, CommitmentKind.SERVICE, "Support", during, cny("100000.00"))
    wanted = (nodes(1, 0, 12, "100000.00"), *([beside] if support else []))
    sign(built, *wanted, percent=percent, terms=right)
    change(built, Swap(1, NEWER, cny("150000.00"), day(7)))
    assert of_kind(built, LineKind.CREDIT) == ["-50000.00"]
    close_until(built, 12)
    assert balance(built, Account.CONTRACT_LIABILITY) == 0


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


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        (lambda: More(()), Invalid, "at least one"),
        (lambda: Fewer(9, 1, day(6)), Invalid, "has 1 to 1"),
        (lambda: Fewer(1, 2, day(6)), Invalid, "is not 1 to 1"),
        (lambda: Fewer(1, 0, day(6)), Invalid, "is not 1 to 1"),
        (lambda: Fewer(1, 1, day(40)), Refused, "runs from .* UTC: nothing of it changes"),
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
