"""The evidence ledger: the report's C1 to C13, recomputed from the plan and judged."""

from fractions import Fraction
from typing import Any

import pytest

from rackrate.core.economics.claims import Row, Unit, Verdict, shown
from rackrate.core.economics.evidence import ROWS, evidence
from rackrate.core.economics.plan import parse_plan
from rackrate.core.errors import Invalid
from tests.core.economics.build import document

EXAMPLE = "plans/ten-thousand-cards.yaml"
YI, WAN = 10**8, 10**4


def rows(values: dict[str, Any] | None = None) -> dict[str, Row]:
    return {row.id: row for row in evidence(parse_plan(values or document(EXAMPLE)))}


def values_of(row: Row) -> dict[str, float]:
    return {reading.label: float(reading.value) for reading in row.readings}


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("C1", Verdict.OK), ("C2", Verdict.INCONSISTENT), ("C3", Verdict.OK),
        ("C4", Verdict.READING), ("C5", Verdict.READING), ("C6", Verdict.OK),
        ("C7", Verdict.INCONSISTENT), ("C8", Verdict.OK), ("C9", Verdict.OK),
        ("C10", Verdict.READING), ("C11", Verdict.READING), ("C12", Verdict.READING),
        ("C13", Verdict.OK),
    ],
)  # fmt: skip
def test_the_verdict_on_each_figure_of_the_report(name: str, verdict: Verdict) -> None:
    assert list(rows()) == list(ROWS)
    assert rows()[name].verdict is verdict


def test_the_recomputed_side_is_that_of_the_reference() -> None:
    """economics.md 1.1, to the digits given there."""
    got = rows()
    assert [round(float(got[name].plain.value) / YI, 3) for name in ("C1", "C8")] == [26.624, 1.331]
    assert got["C2"].plain.value == 8_192
    assert got["C3"].lines == ("85.0% loan 22.63亿, equity 3.99亿 (as stated)",)
    assert [round(v / YI, 2) for v in values_of(got["C5"]).values()] == [2.86, 1.6]
    assert [round(v / WAN, 2) for v in values_of(got["C6"]).values()] == [6.27, 6.02, 6.51]
    assert [round(v / YI, 3) for v in values_of(got["C7"]).values()] == [0.884, -1.366, 1.864]
    assert round(float(got["C9"].plain.value) / YI, 1) == 31.2
    assert [round(v / YI, 2) for v in values_of(got["C10"]).values()] == [41.69, 40.19, 43.19]
    assert [round(v / YI, 2) for v in values_of(got["C11"]).values()] == [10.49, 8.99, 11.99]
    assert [round(v / YI, 2) for v in values_of(got["C12"]).values()] == [
        1.57, 1.35, 1.80, 1.78, 1.53, 2.04,
    ]  # fmt: skip
    assert [round(v * 100, 1) for v in values_of(got["C13"]).values()] == [
        18.9, 16.8, 20.8, 20.4, 18.2, 22.5,
    ]  # fmt: skip


def test_a_verdict_under_a_reading_names_the_reading() -> None:
    got = rows()
    assert [reading.label for reading in got["C4"].agreeing] == [
        "monthly annuity at 5.0%",
        "quarterly annuity at 5.0%",
        "annual annuity at 4.5%",
    ]
    assert [reading.label for reading in got["C10"].agreeing] == ["at the high rent"]
    assert [reading.label for reading in got["C12"].agreeing] == ["at the high rent, tax 15%"]


def test_arithmetic_that_reproduces_does_not_make_a_concept_sound() -> None:
    refund = rows()["C7"]
    assert [reading.label for reading in refund.agreeing] == ["a share of the hardware"]
    assert refund.verdict is Verdict.INCONSISTENT


def test_another_cluster_gives_other_figures_and_other_verdicts() -> None:
    """Nothing on the recomputed side is written down: 1,250 servers are ten thousand cards."""
    values = document(EXAMPLE)
    values["cluster"]["servers"] = 1_250
    got = rows(values)
    assert got["C2"].verdict is Verdict.OK
    assert got["C1"].verdict is Verdict.INCONSISTENT
    assert got["C1"].recomputed == "32.50亿"
    before = rows()
    assert {name for name in got if values_of(got[name]) == values_of(before[name])} == set()
    assert [name for name in got if got[name].plain.value == before[name].plain.value] == ["C3"]


def test_the_rates_of_the_assumptions_are_the_rates_of_the_readings() -> None:
    values = document(EXAMPLE)
    values["evidence"]["assumptions"]["loan_rates"] = ["6%"]
    labels = [reading.label for reading in rows(values)["C4"].readings]
    assert labels[1:3] == ["monthly annuity at 6.0%", "monthly equal principal at 6.0%"]


def test_a_plan_that_states_nothing_has_no_evidence() -> None:
    values = document(EXAMPLE)
    del values["evidence"]
    assert evidence(parse_plan(values)) == ()


@pytest.mark.parametrize(
    ("section", "name", "value", "says"),
    [
        ("stated", "C99", {"says": "x"}, "evidence.stated.C99: is not known here"),
        ("stated", "C1", {"value": "1亿"}, "evidence.stated.C1.says: is missing"),
        ("stated", "C1", {"says": "x", "value": "much"}, "a figure such as 26.6亿 or 85%"),
        ("stated", "C1", {"says": "x", "value": 1, "low": 2}, "from `low` to `high`"),
        ("scenarios", "mid", "middling", "should be one of mid, low, high, prepaid, vat"),
        ("assumptions", "loan_rates", ["much"], "evidence.assumptions.loan_rates[0]"),
        ("stated", "C9", {"says": "x"}, "stated.C9: is missing, should be there"),
    ],
)
def test_wrong_evidence_is_refused(section: str, name: str, value: object, says: str) -> None:
    values = document(EXAMPLE)
    values["evidence"][section][name] = value
    with pytest.raises(Invalid, match=r"evidence|stated") as refused:
        evidence(parse_plan(values))
    assert says in refused.value.detail


@pytest.mark.parametrize(
    ("value", "unit", "currency", "text"),
    [
        (2_662_400_000, Unit.MONEY, "CNY", "26.62亿"),
        (-88_000, Unit.MONEY, "CNY", "-8.80万"),
        (2_662_400_000, Unit.MONEY, "USD", "2,662,400,000.00"),
        (8192, Unit.COUNT, "CNY", "8,192"),
    ],
)
def test_figures_are_shown_as_people_write_them(
    value: int, unit: Unit, currency: str, text: str
) -> None:
    assert shown(Fraction(value), unit, currency) == text
