"""Money: exact sums, one rounding, shares that add up."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.money import Money, half_up, split, total

MINORS = st.integers(-(10**15), 10**15)


def test_a_half_rounds_away_from_zero_so_that_a_credit_mirrors_its_charge() -> None:
    assert Money.rounded(Fraction(1, 200), "CNY") == Money(1, "CNY")
    assert Money.rounded(Fraction(-1, 200), "CNY") == Money(-1, "CNY")
    assert Money.rounded(Decimal("0.0049"), "CNY") == Money(0, "CNY")


@given(st.fractions())
def test_rounding_is_never_off_by_more_than_a_half(exact: Fraction) -> None:
    assert abs(half_up(exact) - exact) <= Fraction(1, 2)
    assert half_up(-exact) == -half_up(exact)


@given(MINORS, st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_shares_add_up_and_are_fair_to_a_minor_unit(minor: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        weights[0] = 1
    whole = Money(minor, "CNY")
    shares = split(whole, weights)
    assert total(shares, "CNY") == whole
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.minor - Fraction(minor * weight, sum(weights))) < 1


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1]])
def test_weights_that_are_none_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="not weights"):
        split(Money(1, "CNY"), weights)


def test_currencies_do_not_mix_and_unknown_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot mix"):
        Money(1, "CNY") + Money(1, "USD")
    with pytest.raises(ValueError, match="unknown currency"):
        Money(1, "XXX")


def test_the_fund_raising_of_the_report_comes_out_to_the_cent() -> None:
    """economics.md L9: 22,844,900 shares at 40.13, less costs, and what reached the account."""
    raised = Money.rounded(22_844_900 * Decimal("40.13"), "CNY")
    assert raised == Money.parse("916765837.00", "CNY")
    assert raised - Money.parse("99589223.65", "CNY") == Money.parse("817176613.35", "CNY")
    assert raised - Money.parse("80260031.38", "CNY") == Money.parse("836505805.62", "CNY")


@given(MINORS, st.sampled_from(["CNY", "JPY", "KWD"]))
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(str(money.amount), currency) == money


@pytest.mark.parametrize("text", ["", "1e99", "NaN", "Infinity", "1.001", "one", "1,5"])
def test_what_cannot_be_owed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an amount|more than"):
        Money.parse(text, "CNY")
