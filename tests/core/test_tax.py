"""Tax rules: a table whose rows say why, how much, and where it is rounded."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.interval import Month
from rackrate.core.invoice import Line, LineKind, priced, totals
from rackrate.core.money import Money, half_up, total
from rackrate.core.parties import Details
from rackrate.core.tax import (
    EU_STANDARD,
    NO_REASON_ASKED,
    RULES,
    Rounding,
    TaxCategory,
    TaxRule,
    apart,
    tax_rule,
    taxes_on,
    vat_id_of,
)
from rackrate.core.treatment import Dated, Supply, TaxChange, TaxTable, treatment

NOVEMBER = Month(2026, 11)
AMOUNTS = st.lists(st.integers(-(10**6), 10**9), max_size=20)


def euros(text: str) -> Money:
    return Money.parse(text, "EUR")


def line(net: Money) -> Line:
    return Line("s", LineKind.USAGE, "", NOVEMBER, NOVEMBER.interval("UTC"), net)


@given(AMOUNTS, st.sampled_from(sorted(RULES)))
def test_the_taxes_of_lines_add_up_to_the_tax_of_the_invoice(minors: list[int], id: str) -> None:
    rule, nets = tax_rule(id), [Money(minor, "EUR") for minor in minors]
    shares = taxes_on(nets, rule)
    sums = totals([line(net) for net in nets], rule, "EUR")
    assert total(shares, "EUR") == sums.tax
    for net, share in zip(nets, shares, strict=True):
        exact = net.minor * rule.rate
        # Rounded on the line it is the nearest; rounded on the sum it may be a cent beside that.
        assert abs(share.minor - exact) <= (Decimal("0.5") if rule.rounding == "line" else 1)


@given(AMOUNTS)
def test_tax_by_line_is_the_sum_of_what_is_rounded_on_each(minors: list[int]) -> None:
    rule = tax_rule("cn-service-6-by-line")
    sums = totals([line(Money(minor, "CNY")) for minor in minors], rule, "CNY")
    assert sums.tax.minor == sum(half_up(Fraction(minor * 6, 100)) for minor in minors)


@st.composite
def mixtures(draw: st.DrawFn) -> list[Line]:
    """Lines of rules that can stand on one invoice, with tax inside or on top."""
    known = draw(st.lists(st.sampled_from(sorted(RULES)), min_size=1, max_size=4, unique=True))
    places = apart(map(tax_rule, known))
    together = [id for id in known if places[id] == places[known[0]]]
    found: list[Line] = []
    for minor in draw(AMOUNTS):
        rule = tax_rule(draw(st.sampled_from(together)))
        net, gross = priced(Money(minor, "EUR"), draw(st.booleans()), rule)
        found.append(replace(line(net), gross=gross, tax_rule=rule.id))
    return found


@given(mixtures())
def test_an_invoice_of_several_rules_is_the_sum_of_what_a_slow_rater_finds_for_each(
    lines: list[Line],
) -> None:
    sums = totals(lines, tax_rule("none"), "EUR")
    expected: dict[str, tuple[int, int]] = {}
    for id in {each.tax_rule for each in lines}:
        own = [each for each in lines if each.tax_rule == id]
        expected[id] = sum(each.net.minor for each in own), slow_tax(own, RULES[id])
    found = {part.rule: (part.net.minor, part.tax.minor) for part in sums.parts}
    assert found == (expected or {"none": (0, 0)})
    assert sums.tax == total((part.tax for part in sums.parts), "EUR")
    assert sums.gross == sums.net + sums.tax


def slow_tax(lines: list[Line], rule: TaxRule) -> int:
    """In decimals: what is asked with tax inside has the rest of it; the rest is rounded."""
    inside = sum(each.gross.minor - each.net.minor for each in lines if each.gross is not None)
    on_top = [Decimal(each.net.minor) * rule.rate for each in lines if each.gross is None]
    parts = on_top if rule.rounding is Rounding.LINE else [sum(on_top, Decimal(0))]
    away = (int(part.to_integral_value(ROUND_HALF_UP)) for part in parts)
    return inside + sum(away)


@given(st.sets(st.sampled_from(sorted(RULES))))
def test_what_cannot_stand_beside_each_other_is_apart_and_the_rest_together(ids: set[str]) -> None:
    places = apart(map(tax_rule, ids))
    assert places.keys() == ids
    for one in ids:
        for other in ids - {one}:
            same = places[one] == places[other]
            a, b = RULES[one], RULES[other]
            assert not same or TaxCategory.OUTSIDE_SCOPE not in (a.category, b.category)
            assert not same or (a.category, a.rate) != (b.category, b.rate)
    # As few as can be: of a rate that occurs once, and is not outside the scope, all are together.
    once = [id for id in ids if RULES[id].category is TaxCategory.STANDARD]
    rates = [RULES[id].rate for id in once]
    if len(set(rates)) == len(rates):
        assert len({places[id] for id in once}) <= 1


def test_a_treatment_is_a_rule_for_each_supply_from_a_month_on() -> None:
    later = TaxChange(NOVEMBER.plus(2), "service=cn-service-6,lease=zero-rated")
    table = TaxTable(Dated("", (later,)), Dated("cn-general"))
    seen = [
        (str(month), supply.value, table.rule(supply, month).id)
        for month in (NOVEMBER, NOVEMBER.plus(2))
        for supply in Supply
    ]
    assert seen == [
        ("2026-11", "service", "cn-service-6"),
        ("2026-11", "lease", "cn-lease-13"),
        ("2027-01", "service", "cn-service-6"),
        ("2027-01", "lease", "zero-rated"),
    ]
    for wrong in ("cn-serv", "service=none", "service=none,lease=x", "lease=none,lease=none"):
        with pytest.raises(ValueError, match="unknown tax rule"):
            treatment(wrong)


def test_three_lines_of_eight_cents_owe_a_cent_together_and_none_each() -> None:
    lines = [line(euros("0.08"))] * 3
    assert totals(lines, tax_rule("cn-service-6"), "EUR").tax == euros("0.01")
    assert totals(lines, tax_rule("cn-service-6-by-line"), "EUR").tax == euros("0.00")


def test_the_table_has_what_is_sold_under() -> None:
    rates = {id: rule.percent for id, rule in RULES.items()}
    assert rates["cn-service-6"] == "6" and rates["cn-lease-13"] == "13"
    assert rates["eu-de-19"] == "19" and rates["eu-fi-25.5"] == "25.5" and rates["us-none"] == "0"
    assert len(EU_STANDARD) == 27 and "GB" not in EU_STANDARD
    assert {rule.category for rule in RULES.values()} == set(TaxCategory)
    assert RULES["eu-reverse-charge"].exemption_code == "VATEX-EU-AE"
    for rule in RULES.values():
        assert bool(rule.exemption) != (rule.category in NO_REASON_ASKED), rule.id


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": Decimal("0.19"), "category": TaxCategory.REVERSE_CHARGE, "exemption": "why"},
        {"rate": Decimal(0), "category": TaxCategory.STANDARD},
        {"rate": Decimal(0), "category": TaxCategory.EXEMPT},
        {"rate": Decimal("0.19"), "exemption": "a reason for a tax"},
        {"rate": Decimal(19)},
    ],
)
def test_a_rule_that_contradicts_itself_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="tax rule x"):
        TaxRule("x", "X", **wrong)  # type: ignore[arg-type]
    assert Rounding("line") is Rounding.LINE


@pytest.mark.parametrize(
    ("tax_id", "country", "vat_id"),
    [
        ("DE123456788", "DE", "DE123456788"),
        ("de 123.456-788", "DE", "DE123456788"),
        ("EL123456783", "GR", "EL123456783"),
        ("GR123456783", "GR", ""),
        ("91310000MA1FL0SAMP", "CN", ""),
        ("DE123456788", "FR", ""),
        ("DE", "DE", ""),
        ("", "DE", ""),
    ],
)
def test_a_vat_id_has_the_prefix_of_its_country(tax_id: str, country: str, vat_id: str) -> None:
    assert vat_id_of(tax_id, country) == vat_id


def test_an_iban_with_wrong_check_digits_is_no_account() -> None:
    assert Details(account="DE89 3704 0044 0532 0130 00").iban == "DE89370400440532013000"
    with pytest.raises(ValueError, match="check digits"):
        Details(account="DE88 3704 0044 0532 0130 00")
    assert Details(account="6222 0000 0000 000").iban == "622200000000000"
