"""Rent or own: the report's table, recomputed, and where the answer turns round."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.economics.advice import Advice, Comparison, advise, parse_question
from rackrate.core.economics.claims import Verdict
from rackrate.core.economics.rent_evidence import rent_evidence
from rackrate.core.errors import Invalid
from tests.core.economics.build import document
from tests.core.economics.test_plan import junk, places

EXAMPLE = "advice/rent-or-own.yaml"
WAN = 10**4


def answer(**changes: dict[str, Any]) -> Advice:
    values = document(EXAMPLE)
    for section, inner in changes.items():
        values[section] = {**values[section], **inner}
    return advise(parse_question(values))


def comparison(advice: Advice, room: str, days: int) -> Comparison:
    return next(
        c for c in advice.comparisons if c.own.name == f"own, {room}" and c.days_per_year == days
    )


@pytest.mark.parametrize(
    ("room", "yearly"),
    [
        ("room left out", 362.7), ("room over 3 years", 429.3),
        ("room over 10 years", 382.7), ("room over 20 years", 372.7),
    ],
)  # fmt: skip
def test_owning_costs_what_is_used_up_in_the_year(room: str, yearly: float) -> None:
    """economics.md R5."""
    own = comparison(answer(), room, 365).own
    assert round(float(own.yearly) / WAN, 1) == yearly


def test_cash_and_accounting_differ_by_year_and_agree_over_the_life() -> None:
    own = comparison(answer(), "room over 3 years", 365).own
    assert [year.cash / WAN for year in own.years] == [1096, 96, 96]
    assert own.total == own.total_cash == 1288 * WAN  # R7
    without = comparison(answer(), "room left out", 365).own
    assert without.total_cash == 1088 * WAN


def test_renting_costs_three_times_what_is_stated() -> None:
    """economics.md R3, R4, R7: price x GPUs x days."""
    rents = {c.days_per_year: c.rent for c in answer().comparisons}
    assert {days: rent.yearly / WAN for days, rent in rents.items()} == {360: 540, 365: 547.5}
    assert rents[360].total_cash == 1620 * WAN


@pytest.mark.parametrize(
    ("room", "days", "utilisation", "price"),
    [
        ("room left out", 360, 67.2, 100.7),
        ("room over 3 years", 360, 79.5, 119.3),
        ("room left out", 365, 66.2, 99.4),
        ("room over 3 years", 365, 78.4, 117.6),
    ],
)
def test_the_answer_turns_round_at_a_utilisation_and_at_a_price(
    room: str, days: int, utilisation: float, price: float
) -> None:
    """economics.md R8 gives the shares for 360 days and the prices for 365; both are here."""
    found = comparison(answer(), room, days)
    assert round(float(found.break_even_utilisation) * 100, 1) == utilisation
    assert round(float(found.break_even_price), 1) == price


def test_the_sign_of_the_reports_conclusion_is_reversed() -> None:
    """economics.md R6: owning is cheaper by 20 to 33 % when the GPUs are always in use."""
    advice = answer()
    assert advice.conclusion == "own"
    savings = [
        comparison(advice, f"room {room}", 360).saving for room in ("left out", "over 3 years")
    ]
    assert [round(float(saving) * 100) for saving in savings] == [33, 20]
    row = {row.id: row for row in rent_evidence(advice)}["R6"]
    assert row.reversed
    assert row.verdict is Verdict.INCONSISTENT


def test_who_uses_little_should_rent_and_in_between_it_depends() -> None:
    assert answer(need={"utilisation": "60%"}).conclusion == "rent"
    assert answer(need={"utilisation": "70%"}).conclusion == "it depends"


@settings(deadline=None)
@given(st.integers(1, 100), st.integers(1, 400), st.integers(0, 300))
def test_at_the_break_even_both_cost_the_same(percent: int, price: int, room: int) -> None:
    """The break-even is put back into the question, which is answered again from the start."""
    asked = {"need": {"utilisation": f"{percent}%"}, "own": {"room": f"{room}万"}}
    found = answer(rent={"per_gpu_day": price}, **asked).plain
    at_price = answer(rent={"per_gpu_day": "1"}, **asked).plain
    assert at_price.rent.yearly * found.break_even_price == found.own.yearly
    full = Fraction(percent, 100)
    assert found.rent.yearly / full * found.break_even_utilisation == found.own.yearly
    assert (found.cheaper == "rent") == (full < found.break_even_utilisation)
    assert (found.cheaper == "own") == (price > found.break_even_price)


def test_the_residual_comes_back_and_lowers_the_cost_of_owning() -> None:
    own = answer(own={"residual": "10%"}).plain.own
    assert own.yearly == Fraction(800 * WAN * 9, 30) + 96 * WAN
    assert own.years[2].cash == 96 * WAN - 80 * WAN
    assert own.total == own.total_cash


def test_hardware_costs_nothing_more_once_it_is_used_up() -> None:
    own = answer(need={"years": 5}).plain.own
    assert [round(float(year.accounting) / WAN, 2) for year in own.years] == [362.67] * 3 + [96] * 2
    assert own.total == own.total_cash


@pytest.mark.parametrize(
    ("name", "verdict", "plain"),
    [
        ("R1", Verdict.OK, "800.00万"), ("R2", Verdict.INCONSISTENT, "66.67万"),
        ("R3", Verdict.INCONSISTENT, "45.00万"), ("R4", Verdict.INCONSISTENT, "540.00万"),
        ("R5", Verdict.INCONSISTENT, "362.67万"), ("R6", Verdict.INCONSISTENT, "0.67x"),
        ("R7", Verdict.NOT_STATED, "1,620.00万"), ("R8", Verdict.NOT_STATED, "67.2%"),
        ("R9", Verdict.NOT_STATED, "14.58 months"), ("R10", Verdict.READING, "17.7%"),
    ],
)  # fmt: skip
def test_the_verdict_on_each_figure_of_the_table(name: str, verdict: Verdict, plain: str) -> None:
    row = {row.id: row for row in rent_evidence(answer())}[name]
    assert (row.verdict, row.recomputed) == (verdict, plain)


def test_a_sound_table_would_be_found_sound() -> None:
    """The verdicts follow the inputs: with the price that R3 implies, R3 and R4 hold."""
    got = {row.id: row for row in rent_evidence(answer(rent={"per_gpu_day": 50}))}
    assert got["R3"].verdict is got["R4"].verdict is Verdict.OK
    assert not got["R6"].reversed


def test_the_example_is_a_labelled_sample() -> None:
    question = parse_question(document(EXAMPLE))
    assert question.sample
    assert "Guosen" in question.source
    assert question.name.startswith("Example")


@pytest.mark.parametrize(
    ("section", "name", "value", "says"),
    [
        ("need", "gpus", 0, "need.gpus: is 0, should be a whole number from 1"),
        (
            "need",
            "years",
            10**9,
            "need.years: is 1000000000, should be a whole number from 1 to 100",
        ),
        ("need", "utilisation", "0%", "need.utilisation: is '0%', should be above 0%"),
        ("need", "utilisation", "130%", "up to 100%"),
        ("rent", "per_gpu_day", -1, "rent.per_gpu_day: is -1, should be a number from 0"),
        ("rent", "per_gpu_day", 0, "a price above 0"),
        ("rent", "days_per_year", [400], "rent.days_per_year[0]"),
        ("own", "room_years", ["ever"], "own.room_years[0]: is 'ever'"),
        ("own", "hardware_per_gpu", None, "own.hardware_per_gpu: is missing"),
        ("server", "price", 0, "server: has no price or no rent"),
        ("stated", "R77", {}, "stated.R77: is not known here"),
    ],
)
def test_a_wrong_question_is_refused_with_its_path(
    section: str, name: str, value: object, says: str
) -> None:
    with pytest.raises(Invalid) as refused:
        answer(**{section: {name: value}})
    assert says in refused.value.detail


@settings(deadline=None)
@given(st.sampled_from(places(document(EXAMPLE))), junk)
def test_no_value_anywhere_makes_anything_but_advice_or_a_refusal(
    path: tuple[Any, ...], value: object
) -> None:
    values = document(EXAMPLE)
    inner = values
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    try:
        advice = advise(parse_question(values))
        rent_evidence(advice)
    except Invalid:
        return
    assert advice.conclusion in {"own", "rent", "same", "it depends"}
