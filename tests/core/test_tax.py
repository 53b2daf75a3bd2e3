"""Tax rules: a table whose rows say why, how much, and where it is rounded."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.interval import Month
from rackrate.core.invoice import Line, LineKind, totals
from rackrate.core.money import Money, half_up, total
from rackrate.core.parties import Details
from rackrate.core.tax import (
    EU_STANDARD,
    NO_REASON_ASKED,
    RULES,
    Rounding,
    TaxCategory,
    TaxRule,
    tax_rule,
    taxes_on,
    vat_id_of,
)

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
