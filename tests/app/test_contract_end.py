"""How contracts end early, and where they may be: told as a salesperson would tell it."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import amending, sales
from rackrate.app.amending import End, Extend, More
from rackrate.core.contract import (
    EarlyEnd,
    Renewal,
    Terms,
    UpgradeRight,
)
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import ChipId, ContractId, ProjectId
from rackrate.core.invoice import LineKind
from rackrate.core.ledger import Account
from tests.app.contract_shop import (
    K1,
    NOVEMBER,
    TRAIN,
    balance,
    change,
    close,
    close_until,
    day,
    nodes,
    of_kind,
    refusal,
    reserved,
    shop,
    sign,
)
from tests.build import Built

# -- the end ------------------------------------------------------------------------------------


def ending() -> Terms:
    return Terms(early_end=EarlyEnd(Decimal(30), 90, day(12)))


def test_an_early_end_costs_its_fee_and_frees_the_nodes() -> None:
    """24 of 36 months at 1,000 are not delivered: 30 % of 24,000, prepaid or not."""
    built = shop()
    sign(built, terms=ending())
    close_until(built, 6)
    done = change(built, End(day(12)))
    assert done.ended == day(12)
    assert of_kind(built, LineKind.FEE) == ["7200.00"]
    assert (reserved(built, day(11)), reserved(built, day(12))) == (2, 0)
    for month in range(6, 14):
        close(built, NOVEMBER.plus(month))
    # What was prepaid for the months that do not come goes back when the last one is over.
    assert of_kind(built, LineKind.REFUND) == ["-4800.00"]
    assert len(of_kind(built, LineKind.INSTALMENT)) == 12
    assert balance(built, Account.CONTRACT_LIABILITY) == 0
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-19200.00")


@pytest.mark.parametrize(
    ("percent", "back"), [(0, []), (50, ["-315000.00"]), (100, ["-630000.00"])]
)
def test_the_fee_is_a_share_of_the_value_whatever_was_prepaid(
    percent: int, back: list[str]
) -> None:
    """12 months at 70,000, a fee of 50 %, ended after 3: nine months are 630,000, half 315,000."""
    built = shop()
    terms = Terms(early_end=EarlyEnd(Decimal(50)))
    sign(built, nodes(1, 0, 12, "70000.00"), percent=percent, terms=terms)
    change(built, End(day(3)))
    assert of_kind(built, LineKind.FEE) == ["315000.00"]
    close_until(built, 4)
    assert of_kind(built, LineKind.REFUND) == back
    assert balance(built, Account.CONTRACT_LIABILITY) == 0
    assert balance(built, Account.CONTRACT_REVENUE) == Decimal("-525000.00")


def test_what_an_early_end_would_cost_is_shown_and_changes_nothing() -> None:
    built = shop()
    signed = sign(built, terms=ending())
    close_until(built, 6)
    shown = amending.preview(built.world, built.admin, signed.id, End(day(12)))
    assert [str(line.net.amount) for line in shown.lines if line.kind is LineKind.FEE] == [
        "7200.00"
    ]
    assert shown.contract.ended == day(12) and str(shown.amendment.fee.amount) == "7200.00"
    assert of_kind(built, LineKind.FEE) == []
    assert (reserved(built, day(11)), reserved(built, day(12))) == (2, 2)
    done = change(built, End(day(12)))
    assert done == replace(shown.contract, amendments=done.amendments)


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
    with pytest.raises(Refused, match="none of 1 node"):
        sign(built, nodes(1, 0, 12, "1000.00"), terms=Terms(dedicated=True))


def test_a_contract_is_delivered_in_its_countries_only() -> None:
    built = shop()
    with pytest.raises(Refused, match="is in CN; the contract is delivered in SG only") as caught:
        sign(built, terms=Terms(jurisdiction=("SG",)))
    assert caught.value.reason is Reason.NOT_ELIGIBLE


# -- what cannot be meant -----------------------------------------------------------------------


def offered(built: Built, start: int, end: int, due: datetime | None = None) -> sales.Offer:
    built.clock.instant = day(6)
    batches = {} if due is None else {1: ((1, due),)}
    return sales.Offer(K1, TRAIN, (nodes(1, start, end, "1000.00"),), Decimal(0), batches=batches)


def test_what_is_over_is_not_signed_any_more_and_what_runs_is() -> None:
    built = shop()
    with pytest.raises(Refused, match=r"end: .*nothing is signed that is over") as caught:
        sales.sign_now(built.world, built.admin, offered(built, 0, 6))
    assert caught.value.reason is Reason.TOO_LATE
    assert sales.find(built.world, built.admin) == []
    assert sales.sign_now(built.world, built.admin, offered(built, 0, 7)).over == day(7)


def test_no_batch_is_due_before_it_is_agreed() -> None:
    built = shop()
    with pytest.raises(Refused, match=r"commitments\.0\.deliveries: a batch due") as caught:
        sales.sign_now(built.world, built.admin, offered(built, 0, 12, day(5)))
    assert caught.value.facts["earliest"] == day(6).isoformat()
    sales.sign_now(built.world, built.admin, offered(built, 0, 12, day(7)))
    more = More((nodes(1, 8, 12, "1000.00"),), {1: ((1, day(5)),)})
    assert refusal(built, more).reason is Reason.TOO_LATE


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (Terms(upgrade=UpgradeRight(ChipId("h999"), day(3))), "terms.upgrade.chip"),
        (Terms(renewal=Renewal(6, day(37))), "terms.renewal.decide_by"),
    ],
)
def test_rights_that_could_never_be_used_are_not_agreed(terms: Terms, field: str) -> None:
    built = shop()
    with pytest.raises(Invalid) as caught:
        sign(built, terms=terms)
    assert caught.value.where == field
    assert sales.find(built.world, built.admin) == []
