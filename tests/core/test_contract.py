"""The payment plan of a contract, and what it earns: it adds up to the cent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.contract import (
    Broken,
    Commitment,
    CommitmentKind,
    Contract,
    PaymentTerm,
    Terms,
    schedule,
)
from rackrate.core.contract_tax import Taxing
from rackrate.core.ids import ContractId, CustomerId, EntityId, ProjectId, SiteId, SkuId
from rackrate.core.instalment import earned
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import priced
from rackrate.core.money import Money, total
from rackrate.core.tax import RULES, tax_rule

SHANGHAI = "Asia/Shanghai"


def contract(
    monthly: str, during: Interval, percent: str = "20", tax_included: bool = False
) -> Contract:
    commitment = Commitment(
        1,
        CommitmentKind.CAPACITY,
        "",
        during,
        Money.parse(monthly, "CNY"),
        SkuId("h100.node"),
        SiteId("east"),
        4,
    )
    return Contract(
        ContractId("k1"),
        EntityId("example"),
        CustomerId("robotics"),
        ProjectId("train"),
        "CNY",
        (commitment,),
        Decimal(percent),
        tax_included,
        during.start,
    )


def months(first: Month, count: int) -> Interval:
    return Interval(first.interval(SHANGHAI).start, first.plus(count).interval(SHANGHAI).start)


def cut_by(broken: Broken, agreed: Contract) -> Contract:
    return replace(agreed, terms=Terms(payment=PaymentTerm(broken=broken)))


def test_a_total_is_cut_by_thirtieths_where_that_was_agreed() -> None:
    half = Interval(*(datetime(year, 1, 15, 16, tzinfo=UTC) for year in (2027, 2028)))
    agreed = cut_by(Broken.THIRTY, contract("264000.00", half))
    (plain,) = agreed.commitments
    whole = replace(plain, total=Money.parse("3168000.00", "CNY"))
    plan = schedule(replace(agreed, commitments=(whole,)), SHANGHAI)
    assert [str(each.value.amount) for each in plan.instalments] == [
        "132000.00", *["264000.00"] * 11, "132000.00",
    ]  # fmt: skip
    assert plan.instalments == schedule(agreed, SHANGHAI).instalments


@pytest.mark.parametrize("broken", [Broken.DAY, Broken.THIRTY])
def test_an_early_end_cuts_a_total_as_it_does_a_price_by_the_month(broken: Broken) -> None:
    agreed = cut_by(broken, contract("1000.00", months(Month(2026, 11), 12), "0"))
    (plain,) = (each.cut(datetime(2027, 2, 9, 21, tzinfo=UTC)) for each in agreed.commitments)
    whole = replace(plain, total=Money.parse("12000.00", "CNY"))
    plans = (schedule(replace(agreed, commitments=(each,)), SHANGHAI) for each in (plain, whole))
    by_month, in_all = ([each.value for each in plan.instalments] for plan in plans)
    assert by_month == in_all and len(in_all) == 4


def test_a_total_for_less_than_a_day_is_not_lost_by_days() -> None:
    morning = Interval(*(datetime(2027, 1, 4, hour, tzinfo=UTC) for hour in (1, 5)))
    agreed = cut_by(Broken.DAY, contract("0.00", morning))
    whole = replace(agreed.commitments[0], total=Money.parse("500.00", "CNY"))
    assert str(schedule(replace(agreed, commitments=(whole,)), SHANGHAI).value) == "500.00 CNY"


def test_the_report_s_contract_is_billed_and_earned_as_stated() -> None:
    """economics.md K2: 119 over five years, 20 % prepaid, in units of a million."""
    plan = schedule(contract("1983333.33", months(Month(2026, 1), 60)), SHANGHAI)
    assert plan.value == Money.parse("118999999.80", "CNY")
    assert plan.prepayment == Money.parse("23799999.96", "CNY")
    assert {i.value for i in plan.instalments} == {Money.parse("1983333.33", "CNY")}
    dues = [i.due.minor for i in plan.instalments]
    assert max(dues) - min(dues) <= 1
    assert abs(dues[0] - 158_666_666) <= 1
    drawn = total((i.drawdown for i in plan.instalments[:24]), "CNY")
    assert abs((plan.prepayment - drawn).minor - 1_428_000_000) <= 30


def test_a_broken_month_costs_its_share_of_seconds() -> None:
    start = datetime(2026, 11, 15, 16, tzinfo=UTC)
    end = datetime(2026, 12, 31, 16, tzinfo=UTC)
    plan = schedule(contract("3000.00", Interval(start, end), "0"), SHANGHAI)
    assert [str(i.value.amount) for i in plan.instalments] == ["1500.00", "3000.00"]


@given(
    st.integers(0, 10**10),
    st.integers(0, 3 * 10**7),
    st.integers(1, 10**8),
    st.decimals(0, 100, places=2, allow_nan=False),
    st.sampled_from(sorted(RULES)),
    st.booleans(),
)
def test_plan_invoices_and_earnings_add_up_to_the_cent(
    minor: int, start: int, length: int, percent: Decimal, rule_id: str, inside: bool
) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=start)
    during = Interval(begin, begin + timedelta(seconds=length))
    signed = contract(str(Decimal(minor) / 100), during, str(percent), inside)
    plan = schedule(signed, SHANGHAI)
    assert total((i.value for i in plan.instalments), "CNY") == plan.value
    assert total((i.drawdown for i in plan.instalments), "CNY") == plan.prepayment
    assert total((i.due for i in plan.instalments), "CNY") + plan.prepayment == plan.value
    rule = tax_rule(rule_id)
    quoted = [plan.prepayment, *(i.due for i in plan.instalments)]
    net = total((priced(amount, inside, rule)[0] for amount in quoted), "CNY")
    assert (
        total((each.amount for each in earned(signed, plan, Taxing.all_under(rule))), "CNY") == net
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"percent": "101"}, "prepayment"),
        ({"percent": "-1"}, "prepayment"),
        ({"monthly": "-1"}, "amount"),
    ],
)
def test_contracts_that_cannot_be_are_refused(change: dict[str, str], why: str) -> None:
    fields = {"monthly": "1.00", "during": months(Month(2026, 1), 1)} | change
    with pytest.raises(ValueError, match=why):
        contract(**fields)  # type: ignore[arg-type]
