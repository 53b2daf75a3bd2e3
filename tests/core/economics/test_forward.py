"""Statements and returns: NREL SAM's runs, the report's timed model, and the identities."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.economics.case import (
    Books,
    Case,
    Excess,
    Financing,
    IncomeTax,
    Losses,
    OpexBasis,
    OpexLine,
    Treatment,
    Vat,
)
from rackrate.core.economics.debt import Profile, Terms
from rackrate.core.economics.depreciation import Deduction
from rackrate.core.economics.forward import project
from rackrate.core.economics.projection import Projection
from rackrate.core.economics.revenue import MonthlyRevenue, even
from rackrate.core.economics.tax import income_tax, vat_paid
from tests.core.economics.build import YI, sam, sam_answers, standard


def run(case: Case, every: int = 1) -> Projection:
    return project(case, even(case.contract, case.start, every))


@pytest.mark.parametrize("name", ["P1", "P2", "P3", "P4"])
def test_sam_gets_the_same_flows_and_returns(name: str) -> None:
    """Flows within 1e-6 and NPV within 1e-9; SAM's own IRR is accurate to 7e-7 of 1 + rate.

    `irr` is that of an independent model of the same flows (economics.md 3.4).
    """
    answers = sam_answers(name)
    got, want = run(sam(name), 12), answers["sam"]
    assert got.loan.amount / 100 == pytest.approx(want["size_of_debt"], rel=1e-9)
    columns = {
        "cf_project_return_aftertax": [year.cash.owners for year in got.years],
        "cf_debt_payment_interest": [year.cash.interest for year in got.years],
        "cf_debt_payment_principal": [year.cash.principal for year in got.years],
        "cf_fedtax": [-year.cash.tax for year in got.years],
    }
    for key, column in columns.items():
        assert [x / 100 for x in column] == pytest.approx(want[key], rel=1e-6, abs=0.01), key
    assert got.net_present_value / 100 == pytest.approx(
        want["project_return_aftertax_npv"], rel=1e-9
    )
    found = got.equity_irr.value
    assert found is not None
    assert 1 + found == pytest.approx(1 + want["project_return_aftertax_irr"] / 100, rel=7e-7)
    assert found == pytest.approx(answers["reference"]["irr_equity_aftertax"], rel=1e-9)
    assert got.min_cover == pytest.approx(want["min_dscr"], rel=1e-9)
    assert got.cost_per_gpu_hour == pytest.approx(want["lcoe_nom"], rel=1e-9)


@pytest.mark.parametrize(
    ("hardware", "rent", "interest", "project_irr", "before_tax", "after_tax", "months"),
    [
        ("26.624", "37", 2.684, 16.3, 75.2, 58.8, 43),
        ("26.624", "38.5", 2.684, 18.3, 89.2, 69.0, 42),
        ("26.624", "40", 2.684, 20.3, 104.0, 79.5, 40),
        ("37", "60", 3.729, 24.4, 138.1, 103.1, 37),
        ("38.5", "60", 3.881, 22.2, 119.5, 90.4, 39),
        ("40", "60", 4.032, 20.2, 103.4, 79.1, 40),
    ],
)
def test_the_timed_model_of_the_report_comes_out(
    hardware: str,
    rent: str,
    interest: float,
    project_irr: float,
    before_tax: float,
    after_tax: float,
    months: int,
) -> None:
    """economics.md 3.3, to the digits given there."""
    got = run(standard(hardware, rent))
    assert round(got.loan.interest / YI, 3) == interest
    for found, percent in (
        (got.project_irr, project_irr),
        (got.equity_irr_before_tax, before_tax),
        (got.equity_irr, after_tax),
    ):
        assert found.value is not None
        assert abs(found.value * 100 - percent) < 0.0501
    assert got.project_payback is not None
    assert got.project_payback.period == months


@pytest.mark.parametrize(
    ("rate", "revenue", "profit", "yearly", "paid", "left"),
    [("0.06", 36.321, 9.338, 1.401, 0.0, 0.884), ("0.13", 34.071, 7.088, 1.063, 1.366, 0.0)],
)
def test_vat_is_cash_and_never_income(
    rate: str, revenue: float, profit: float, yearly: float, paid: float, left: float
) -> None:
    """economics.md 3.2 and C7, with its interest of 3.0 and opex of 1.6 in place of ours."""
    base = standard()
    case = replace(
        base,
        contract=replace(base.contract, tax_rate=Fraction(rate)),
        vat=Vat(Treatment.CREDIT),
    )
    got = run(case)
    assert round(got.income.revenue / YI, 3) == revenue
    assert round(case.hardware / YI, 3) == 23.561
    stated = got.income.before_tax / YI + got.income.interest / YI + got.income.opex / YI - 4.6
    assert abs(stated - profit) < 0.0006
    assert round(stated * 0.75 / 5, 3) == pytest.approx(yearly, abs=0.0011)
    assert round(got.cash.vat / YI, 3) == paid
    assert round(got.months[-1].balance.vat / YI, 3) == left


def test_the_report_overstates_profit_by_an_eighth_or_by_half() -> None:
    """economics.md 3.2: 12 % against a service, 48 % against a lease of equipment."""
    base = standard()
    reported = run(base).income
    for rate, over in (("0.06", 0.12), ("0.13", 0.48)):
        contract = replace(base.contract, tax_rate=Fraction(rate))
        proper = run(replace(base, contract=contract, vat=Vat(Treatment.CREDIT))).income
        more = reported.before_tax - proper.before_tax
        at_stated_costs = proper.before_tax + proper.interest + proper.opex - 4.6 * YI
        assert more / at_stated_costs == pytest.approx(over, abs=0.005)


def test_a_refund_of_excess_vat_comes_at_the_end() -> None:
    case = replace(standard(), vat=Vat(Treatment.CREDIT, excess=Excess.REFUND))
    got = run(case)
    assert got.months[60].cash.vat == -case.cluster.vat + case.contract.gross - case.contract.net
    assert got.months[60].balance.vat == 0


def test_a_prepayment_above_the_equity_leaves_no_rate_to_print() -> None:
    base = standard()
    got = run(replace(base, contract=replace(base.contract, prepayment=Fraction(1, 5))))
    assert str(got.equity_irr).startswith("not meaningful: money only comes in")
    assert got.multiple is None
    assert got.equity_at_risk == 0
    assert got.months[0].cash.received == 77 * YI // 10
    assert got.months[0].balance.contract == -77 * YI // 10
    assert got.net_present_value > 0


def test_thin_equity_is_flagged() -> None:
    base = standard()
    assert base.financing is not None
    got = run(replace(base, financing=replace(base.financing, share=Fraction(95, 100))))
    assert got.equity_irr.value is not None
    assert "thin equity: 5.0% of the hardware" in str(got.equity_irr)


def test_a_plan_without_a_loan_has_no_cover_and_equity_for_all() -> None:
    got = run(replace(standard(), financing=None))
    assert got.min_cover is None
    assert got.average_cover is None
    assert got.months[0].cash.equity == got.case.cluster.gross
    assert got.equity_irr_before_tax == got.project_irr


def test_a_losing_case_has_a_negative_rate() -> None:
    """SAM prints NaN here (economics.md 3.4)."""
    got = run(replace(standard(rent="20"), financing=None))
    assert got.equity_irr.value is not None
    assert got.equity_irr.value < 0
    assert got.project_payback is None


def test_invoices_are_collected_when_the_contract_says() -> None:
    base = standard()
    late = replace(base, contract=replace(base.contract, collection_months=3))
    got, plain = run(late), run(base)
    assert [m.cash.received for m in got.months[:4]] == [0, 0, 0, 0]
    assert len(got.months) == len(plain.months) + 3
    assert got.income.revenue == plain.income.revenue == base.contract.gross
    assert got.months[60].balance.receivable == sum(m.cash.received for m in got.months[61:])
    assert got.lowest_cash < 0 < plain.lowest_cash + 1


def test_what_is_dated_before_the_start_belongs_to_the_investment() -> None:
    case = replace(standard(), vat=Vat(Treatment.CREDIT))
    early = MonthlyRevenue(date(2025, 11, 1), 0, 10_600, 600)
    got = project(case, [early])
    assert got.months[0].cash.received == 10_600
    assert got.months[0].balance.contract == -10_000
    assert got.months[0].balance.vat == case.cluster.vat - 600


def test_months_are_the_calendars_and_years_run_from_the_start() -> None:
    got = run(replace(standard(), start=date(2026, 11, 1)))
    assert [m.start for m in got.months[:4]] == [
        date(2026, 11, 1), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1),
    ]  # fmt: skip
    assert [year.number for year in got.years] == [0, 1, 2, 3, 4, 5]
    assert got.years[2].start == date(2027, 11, 1)


def test_the_calendar_moves_the_rate_only_a_little() -> None:
    got = run(standard())
    assert got.equity_irr.value is not None
    assert got.equity_xirr.value == pytest.approx(got.equity_irr.value, abs=0.005)


def test_running_costs_are_booked_evenly_and_paid_when_due() -> None:
    line = OpexLine("colocation", OpexBasis.PER_SERVER_MONTH, Fraction(100), Fraction("0.06"), 12)
    case = replace(standard(), opex=(line,), vat=Vat(Treatment.CREDIT))
    got = run(case)
    assert [m.income.opex for m in got.months[1:13]] == [100] * 12
    assert [m.cash.opex for m in got.months[1:13]] == [0] * 11 + [1_272]
    assert got.months[6].balance.payable == 600
    assert got.months[12].balance.payable == 0


@pytest.mark.parametrize(
    ("basis", "value", "expected"),
    [
        (OpexBasis.HARDWARE_SHARE, Fraction("0.06"), 15_974_400_000),  # economics.md C5: 1.597亿
        (OpexBasis.PER_MONTH, Fraction(7), 420),
        (OpexBasis.PER_YEAR, Fraction(7), 35),
        (OpexBasis.TOTAL, Fraction(7), 7),
    ],
)
def test_a_running_cost_counts_what_its_basis_says(
    basis: OpexBasis, value: Fraction, expected: int
) -> None:
    case = standard()
    assert OpexLine("x", basis, value).over_term(case.cluster, case.months) == expected


def test_undiscounted_the_cost_of_a_gpu_hour_is_revenue_less_what_owners_keep() -> None:
    """Net of VAT where it is credited: what is not income is no price either."""
    case = replace(standard(), vat=Vat(Treatment.CREDIT), discount_rate=Fraction(0))
    got = run(case)
    hours = 8_192 * 8_760 * 5
    expected = (case.contract.net - sum(got.equity_flows)) / hours
    assert got.cost_per_gpu_hour == pytest.approx(expected, rel=1e-12)


def test_losses_are_carried_forward_or_paid_out() -> None:
    """Worked by hand: a loss of 100, then profits of 60 and 90, at 25 %."""
    profits = (0, -100, 60, 90)
    carried = IncomeTax(Fraction(1, 4), 1, Losses.CARRY_FORWARD)
    assert income_tax(profits, carried, 3) == (0, 0, 0, 13)
    assert income_tax(profits, replace(carried, losses=Losses.REFUND), 3) == (0, -25, 15, 23)
    assert income_tax(profits, replace(carried, every=2), 3) == (0, 0, 0, 13)


def test_input_vat_is_used_up_before_any_is_paid() -> None:
    assert vat_paid((0, 40, 40, 40), (100, 0, 0, 0), Excess.CARRY, 3) == (0, 0, 0, 20)
    assert vat_paid((0, 40, 0, 0), (100, 0, 0, 0), Excess.REFUND, 3) == (0, 0, 0, -60)


financings = st.one_of(
    st.none(),
    st.builds(
        lambda share, rate, profile, every: Financing(
            Terms(Fraction(rate, 1000), 24, profile, every), share=Fraction(share, 100)
        ),
        st.integers(0, 100),
        st.integers(0, 200),
        st.sampled_from(Profile),
        st.sampled_from([1, 3, 12]),
    ),
    st.builds(
        lambda cover: Financing(
            Terms(Fraction("0.05"), 24, Profile.ANNUITY, 3), cover=Fraction(cover, 10)
        ),
        st.integers(10, 30),
    ),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, list[MonthlyRevenue]]:
    """Any mixture of the switches, and invoices that have nothing to do with what is earned."""
    base = standard(hardware=draw(st.sampled_from(["0.001", "26.624"])))
    case = replace(
        base,
        contract=replace(base.contract, months=30, collection_months=draw(st.integers(0, 4))),
        vat=draw(
            st.sampled_from(
                [
                    base.vat,
                    Vat(Treatment.CREDIT),
                    Vat(Treatment.CREDIT, excess=Excess.REFUND),
                ]
            )
        ),
        tax=IncomeTax(
            Fraction(1, 4),
            draw(st.sampled_from([1, 3, 12])),
            draw(st.sampled_from(Losses)),
            draw(st.sampled_from(Deduction)),
        ),
        opex=(OpexLine("o", OpexBasis.PER_MONTH, Fraction(999), Fraction("0.06"), 12),),
        financing=draw(financings),
        books=draw(st.sampled_from(Books)),
    )
    revenue = []
    for month in draw(st.lists(st.integers(0, 40), max_size=12)):
        gross = draw(st.integers(-(10**9), 10**11))
        earned = Fraction(draw(st.integers(-(10**9), 10**11)), draw(st.integers(1, 7)))
        first = date(2025 + month // 12, month % 12 + 1, 1)
        revenue.append(MonthlyRevenue(first, earned, gross, gross * 6 // 106))
    return case, revenue


@settings(max_examples=150, deadline=None)
@given(cases())
def test_every_identity_holds_for_every_mixture_of_switches(
    drawn: tuple[Case, list[MonthlyRevenue]],
) -> None:
    """`audit` asserts them at each run; here they are seen from outside, in another way."""
    case, revenue = drawn
    got = project(case, revenue)
    last = got.months[-1].balance
    assert last.debt == 0
    assert last.hardware == last.payable == last.receivable == 0
    assert last.cash == last.equity + sum(m.cash.owners for m in got.months)
    assert sum(m.cash.received for m in got.months) == sum(r.invoiced_gross for r in revenue)
    if case.vat.treatment is Treatment.CREDIT:
        earned = sum((Fraction(r.earned) for r in revenue), Fraction(0))
        assert abs(got.income.revenue - earned) <= Fraction(1, 2)
        invoiced = sum(r.invoiced_gross - r.invoiced_tax for r in revenue)
        assert last.contract == got.income.revenue - invoiced
    assert last.cash + last.contract + last.vat == last.equity + last.retained
    assert str(got.equity_irr)


@settings(deadline=None)
@given(st.integers(1, 10**12), st.integers(1, 60), st.integers(0, 100), st.booleans())
def test_the_textbook_stream_earns_and_invoices_the_contract(
    total: int, months: int, percent: int, inclusive: bool
) -> None:
    base = standard().contract
    contract = replace(
        base,
        total=total,
        months=months,
        prepayment=Fraction(percent, 100),
        tax_inclusive=inclusive,
    )
    stream = even(contract, date(2026, 1, 1))
    assert sum(row.earned for row in stream) == contract.net
    assert sum(row.invoiced_gross for row in stream) == contract.gross
    assert sum(row.invoiced_tax for row in stream) == contract.gross - contract.net


def test_a_prepayment_is_drawn_down_as_in_the_published_contract() -> None:
    """economics.md K2: 119 over 60 months with 20 %: bill 1.58667, earn 1.98333, deferred 14.28."""
    base = standard()
    contract = replace(
        base.contract, total=119 * YI, prepayment=Fraction(1, 5), tax_rate=Fraction(0)
    )
    got = run(replace(base, contract=contract))
    assert round(got.months[1].cash.received / YI, 5) == 1.58667
    assert round(got.months[1].income.revenue / YI, 5) == 1.98333
    assert got.months[0].balance.contract == -238 * YI // 10
    assert got.months[24].balance.contract == -1428 * YI // 100
