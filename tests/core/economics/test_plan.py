"""A plan file: the examples run, and a wrong one is refused with the path and what is right."""

import doctest
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core import economics
from rackrate.core.economics.case import Losses, Treatment
from rackrate.core.economics.debt import Profile
from rackrate.core.economics.fields import number, rate
from rackrate.core.economics.forward import project
from rackrate.core.economics.plan import parse_plan
from rackrate.core.economics.revenue import even
from rackrate.core.errors import Invalid
from tests.core.economics.build import YI, document

EXAMPLE = "plans/ten-thousand-cards.yaml"


def test_the_example_in_the_package_docstring_runs() -> None:
    result = doctest.testmod(economics)
    assert result.failed == 0
    assert result.attempted >= 5


def test_the_example_plan_is_a_labelled_sample_with_its_scenarios() -> None:
    plan = parse_plan(document(EXAMPLE))
    assert plan.sample
    assert "Guosen" in plan.source
    assert plan.name.startswith("Example")
    assert list(plan.cases) == ["mid", "low", "high", "prepaid", "vat"]
    mid = plan.cases["mid"]
    assert (mid.cluster.gross, mid.cluster.gpus) == (266_240_000_000, 8_192)
    assert mid.contract.total == 385 * YI // 10
    assert mid.financing is not None
    assert mid.financing.terms.profile is Profile.ANNUITY
    assert mid.loan == 226_304_000_000
    assert mid.start == date(2026, 1, 1)


def test_a_scenario_changes_only_what_it_names() -> None:
    cases = parse_plan(document(EXAMPLE)).cases
    assert [cases[name].contract.total / YI for name in ("low", "mid", "high")] == [37, 38.5, 40]
    assert cases["prepaid"].contract.prepayment == Fraction(1, 5)
    assert cases["prepaid"].contract.total == cases["mid"].contract.total
    assert cases["vat"].vat.treatment is Treatment.CREDIT
    assert cases["vat"].tax.losses is Losses.CARRY_FORWARD
    assert cases["vat"].cluster == cases["mid"].cluster


def test_the_example_plan_gives_the_returns_of_the_timed_model() -> None:
    """economics.md 3.3, from the file to the last figure."""
    for name, percent in (("low", "58.75%"), ("mid", "68.97%"), ("high", "79.52%")):
        case = parse_plan(document(EXAMPLE)).cases[name]
        assert str(project(case, even(case.contract, case.start)).equity_irr) == percent


def test_a_plan_without_scenarios_is_its_own_base() -> None:
    values = document(EXAMPLE)
    del values["scenarios"], values["evidence"]
    assert list(parse_plan(values).cases) == ["base"]


WRONG: list[tuple[str, Any, str, str]] = [
    ("currency", "XYZ", "currency", "unknown currency 'XYZ'"),
    ("start", "2026-01-15", "start", "the first day of a month such as 2027-01-01"),
    ("start", date(9999, 1, 1), "start", "from 1990 to 2199"),
    ("start", "soon", "start", "a day such as 2027-01-01"),
    ("cluster.servers", -5, "cluster.servers", "is -5, should be a whole number from 1"),
    ("cluster.servers", 10**12, "cluster.servers", "to 10000000"),
    ("cluster.servers", True, "cluster.servers", "should be a whole number"),
    ("cluster.servers", None, "cluster.servers", "is missing, should be a whole number from 1"),
    ("cluster.unit_price", "2.6 mio", "cluster.unit_price", "2600000, 260万 or 38.5亿"),
    ("cluster.unit_price", "0.001", "cluster.unit_price", "at most 2 decimals"),
    ("cluster.unit_price", float("nan"), "cluster.unit_price", "is nan, should be an amount"),
    ("cluster.unit_price", 0, "cluster.unit_price", "an amount above 0"),
    ("cluster.tax_inclusive", "perhaps", "cluster.tax_inclusive", "true or false"),
    ("cluster.colour", "red", "cluster.colour", "should be one of servers, gpus_per_server"),
    ("cluster", ["x"], "cluster", "a section with named values"),
    ("contract.monthly", "1万", "contract", "has total and monthly, or neither"),
    ("contract.collection_months", 10**6, "contract.collection_months", "from 0 to 120"),
    ("contract.total", "0亿", "contract.total", "an amount above 0"),
    ("contract.prepayment", 20, "contract.prepayment", "should be a share such as 0.045 or 4.5%"),
    ("contract.months", 6000, "contract.months", "from 1 to 600"),
    ("financing.amount", "1亿", "financing", "exactly one of share, amount and cover"),
    ("financing.profile", "balloon", "financing.profile", "annuity, equal_principal, bullet"),
    ("financing.months", 61, "financing.months", "at most the contract's 60"),
    ("financing.payments", "weekly", "financing.payments", "monthly, quarterly, yearly"),
    ("financing.rate", "-1%", "financing.rate", "from 0%"),
    ("opex", "6%", "opex", "should be a list"),
    ("opex", [{"name": "x"}], "opex[0]", "exactly one of share_of_hardware"),
    ("opex", [{"name": "x", "per_month": "a"}], "opex[0].per_month", "should be an amount"),
    ("vat.treatment", "ignore", "vat.treatment", "as_reported, credit"),
    ("tax", None, "tax", "is missing, should be a section"),
    ("scenarios.low.contract", {"total": "x"}, "scenarios.low.contract.total", "is 'x'"),
    ("scenarios.low", {"name": "x"}, "scenarios.low.name", "is not known here"),
    ("scenarios.vat.vat", {"treatment": "credit"}, "vat.refund_share", "under credit"),
    ("kind", "lease", "kind", "is 'lease', should be plan"),
    ("name", "", "name", "should be a text"),
]


@pytest.mark.parametrize(
    ("at", "value", "path", "says"), WRONG, ids=[f"{w[0]}={w[1]}" for w in WRONG]
)
def test_a_wrong_value_is_refused_with_its_path_and_what_is_right(
    at: str, value: object, path: str, says: str
) -> None:
    values = document(EXAMPLE)
    *sections, name = at.split(".")
    inner = values
    for section in sections:
        inner = inner[section]
    inner[name] = value
    with pytest.raises(Invalid) as refused:
        parse_plan(values)
    assert refused.value.where == path
    assert says in refused.value.detail
    assert refused.value.detail.startswith(path)


@pytest.mark.parametrize("values", [None, [], "plan", 7, {}, {1: 2}, {"name": "x"}])
def test_what_is_no_plan_is_refused(values: object) -> None:
    with pytest.raises(Invalid):
        parse_plan(values)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=4,
)


def places(values: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(values, dict):
        return [p for key in values for p in [(*path, key), *places(values[key], (*path, key))]]
    return [path]


@settings(deadline=None)
@given(st.sampled_from(places(document(EXAMPLE))), junk)
def test_no_value_anywhere_makes_anything_but_a_plan_or_a_refusal(
    path: tuple[Any, ...], value: object
) -> None:
    values = document(EXAMPLE)
    inner = values
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    try:
        plan = parse_plan(values)
        economics.evidence(plan)
        results = [project(case, even(case.contract, case.start)) for case in plan.cases.values()]
    except Invalid:
        return
    assert all(str(result.equity_irr) for result in results)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("38.5亿", 3_850_000_000), ("260万", 2_600_000), ("2,600,000.00", 2_600_000), (7, 7),
        ("1.5M", 1_500_000), ("2bn", 2_000_000_000), (0.1, Fraction(1, 10)), ("-3", -3),
        ("1e5", None), ("", None), (None, None), (True, None), ([1], None), ("亿", None),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_write_them_and_exactly(text: object, value: object) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("4.5%", Fraction(9, 200)), (0.045, Fraction(9, 200)), ("x%", None)]
)
def test_rates_are_read_with_and_without_a_percent_sign(text: object, value: object) -> None:
    assert rate(text) == value
