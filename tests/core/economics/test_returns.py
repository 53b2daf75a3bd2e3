"""Returns against pyxirr, against known roots, and against spreadsheets' published hard cases."""

import math
from datetime import date, timedelta
from itertools import pairwise

import pytest
import pyxirr
from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.economics.returns import (
    Payback,
    annual,
    at_risk,
    effective,
    irr,
    mirr,
    moic,
    npv,
    payback,
    xirr,
    xnpv,
)

amounts = st.integers(-10_000, 10_000).map(float)
streams = st.lists(amounts, max_size=24)
investments = st.tuples(
    st.lists(st.integers(-5_000, -1), min_size=1, max_size=6),
    st.lists(st.integers(1, 5_000), min_size=1, max_size=60),
).map(lambda both: [float(flow) for part in both for flow in part])


@pytest.mark.parametrize(
    ("flows", "expected"),
    [
        ([-1678.87, 771.96, 1814.05, 3520.30, 3552.95, 3584.99, 4789.91, -1], [None, 1.0042698]),
        ([-50, -100, 600, 300, -100], [-0.768895, 1.854418]),
        ([-10000, *[327.24625] * 16], [-0.06765411]),
        ([-172545.848122807, *[787.735232517999] * 480], [0.0038401048]),
        ([-100, 230, -132], [0.1, 0.2]),
        ([-1, 2, -1], [0.0]),
        ([-100, 100], [0.0]),
    ],
)
def test_every_root_of_the_published_hard_cases_is_found(
    flows: list[float], expected: list[float | None]
) -> None:
    found = irr(flows)
    assert len(found.roots) == len(expected)
    for root, rate in zip(found.roots, expected, strict=True):
        assert rate is None or math.isclose(root.rate, rate, rel_tol=1e-6, abs_tol=1e-9)
        assert npv(root.rate, flows) == pytest.approx(
            0, abs=1e-6 * npv(root.rate, [*map(abs, flows)])
        )
    assert (found.value is None) == (len(expected) > 1)


def test_of_two_roots_the_one_that_other_tools_print_is_a_hint_and_not_the_value() -> None:
    found = irr([-50, -100, 600, 300, -100])
    assert found.value is None
    assert found.investment_root == pytest.approx(1.8544178)
    assert str(found) == "not meaningful: 2 rates fit: -76.8895%, 185.4418%"


@pytest.mark.parametrize(
    ("flows", "says"),
    [
        ([], "not meaningful: no money moves"),
        ([0, 0], "not meaningful: no money moves"),
        ([370, 10, 20], "not meaningful: money only comes in, nothing is at risk"),
        ([-100, -1], "not meaningful: money only goes out"),
        ([-1, 1, -1], "not meaningful: no rate makes the present value zero"),
        ([100, -110], "10.00% (a cost of borrowing, not a return)"),
        ([-100, 110], "10.00%"),
    ],
)
def test_an_answer_always_says_what_it_means(flows: list[float], says: str) -> None:
    assert str(irr(flows)) == says


@settings(deadline=None)
@given(investments)
def test_an_investment_has_the_one_rate_that_pyxirr_finds(flows: list[float]) -> None:
    theirs = pyxirr.irr(flows)
    ours = irr(flows).value
    assert ours is not None
    if theirs is not None:
        assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.integers(-60, 300), min_size=1, max_size=5, unique=True))
def test_rates_from_which_flows_are_made_are_all_found(percents: list[int]) -> None:
    """Flows are the coefficients of the product of (1 - (1 + rate) v), v one period's discount."""
    flows = [1.0]
    for percent in percents:
        factor = 1 + percent / 100
        flows = [a - factor * b for a, b in zip([*flows, 0.0], [0.0, *flows], strict=True)]
    found = [root.rate for root in irr(flows).roots]
    assert found == pytest.approx(sorted(p / 100 for p in percents), rel=1e-4, abs=1e-4)


@settings(deadline=None)
@given(streams)
def test_no_stream_of_flows_makes_the_search_fail_and_every_root_is_one(flows: list[float]) -> None:
    found = irr(flows)
    assert str(found)
    changes = sum(1 for a, b in pairwise([f for f in flows if f]) if a * b < 0)
    assert len(found.roots) <= changes  # Descartes
    assert changes % 2 == 0 or found.roots
    for root in found.roots:
        scale = npv(root.rate, [abs(flow) for flow in flows])
        assert abs(npv(root.rate, flows)) <= 1e-9 * scale


@settings(deadline=None)
@given(streams)
def test_no_change_of_sign_over_a_fine_grid_is_missed(flows: list[float]) -> None:
    """Slower and independent: walk the rates from -90 % to 900 % and look at the sign."""
    grid = [math.expm1(-2.3 + k * 4.6 / 1500) for k in range(1501)]
    worths = [npv(rate, flows) for rate in grid]
    found = [root.rate for root in irr(flows).roots]
    for (low, before), (high, after) in pairwise(zip(grid, worths, strict=True)):
        noise = 1e-9 * npv(low, [abs(flow) for flow in flows])
        if before * after < 0 and min(abs(before), abs(after)) > noise:
            assert any(low <= rate <= high for rate in found)


@settings(deadline=None)
@given(investments, st.integers(1, 120))
def test_dated_flows_have_the_rate_that_pyxirr_finds(flows: list[float], gap: int) -> None:
    dated = [(date(2026, 1, 31) + timedelta(days=gap * k), flow) for k, flow in enumerate(flows)]
    ours, theirs = xirr(dated).value, pyxirr.xirr(dated)
    if ours is not None and theirs is not None and ours > -0.999:  # below, a float says no more
        assert math.log1p(ours) == pytest.approx(math.log1p(theirs), rel=1e-6, abs=1e-8)
    if ours is not None and -0.99 < ours < 10:
        assert xnpv(ours, dated) == pytest.approx(0, abs=1e-6 * sum(map(abs, flows)))


@settings(deadline=None)
@given(investments, st.integers(-50, 200))
def test_present_value_is_that_of_pyxirr(flows: list[float], percent: int) -> None:
    assert npv(percent / 100, flows) == pytest.approx(pyxirr.npv(percent / 100, flows), rel=1e-9)


@settings(deadline=None)
@given(investments)
def test_modified_rate_is_that_of_pyxirr(flows: list[float]) -> None:
    assert mirr(flows, 0.08, 0.03) == pytest.approx(pyxirr.mirr(flows, 0.08, 0.03), rel=1e-9)


def test_a_rate_of_all_money_lost_has_no_present_value() -> None:
    with pytest.raises(ValueError, match="above -100%"):
        npv(-1.0, [1.0])
    with pytest.raises(ValueError, match="not a flow"):
        irr([math.nan, 1.0])


def test_a_monthly_rate_compounds_over_the_year() -> None:
    assert annual(irr([-100, 101])).value == pytest.approx(1.01**12 - 1)
    assert effective(1e40, 12) == math.inf


@pytest.mark.parametrize(
    ("flows", "expected"),
    [
        ([-100, 40, 40, 40], Payback(3, 2.5)),
        ([-100, 100], Payback(1, 1.0)),
        ([-100, 150, -80, 40], Payback(3, 2.75)),  # the dip in month 2 undoes the first payback
        ([-100, 99], None),
        ([370, 10], Payback(0, 0.0)),
        ([], Payback(0, 0.0)),
    ],
)
def test_payback_is_when_the_running_sum_is_back_for_good(
    flows: list[float], expected: Payback | None
) -> None:
    assert payback(flows) == expected


def test_the_multiple_is_money_out_over_money_in() -> None:
    assert moic([-100, 50, 250]) == 3
    assert moic([100, 50]) is None
    assert at_risk([-100, 50, -80, 300]) == 130
    assert at_risk([100, -50]) == 0
