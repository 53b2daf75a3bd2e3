"""Loans: the report's financing cost by profile, and the promise that every loan ends at zero."""

from fractions import Fraction

import pytest
import pyxirr
from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.economics.debt import Profile, Terms, cover, level_payment, schedule, sculpted

LOAN = 226_304_000_000  # 85 % of 26.624亿, in fen
terms = st.builds(
    lambda rate, every, n, profile: Terms(Fraction(rate, 10_000), every * n, profile, every),
    st.integers(0, 3_000),
    st.sampled_from([1, 3, 12]),
    st.integers(1, 60),
    st.sampled_from(Profile),
)


@pytest.mark.parametrize(
    ("profile", "every", "stated"),
    [
        (Profile.ANNUITY, 1, ("2.38", "2.68", "2.99")),
        (Profile.EQUAL_PRINCIPAL, 1, ("2.30", "2.59", "2.88")),
        (Profile.ANNUITY, 3, ("2.45", "2.77", "3.09")),
        (Profile.ANNUITY, 12, ("2.79", "3.14", "3.50")),
        (Profile.BULLET, 12, ("4.53", "5.09", "5.66")),
    ],
)
def test_the_interest_of_the_standard_loan_depends_on_its_profile(
    profile: Profile, every: int, stated: tuple[str, ...]
) -> None:
    """economics.md C4, at 4, 4.5 and 5 %, in 亿 to the two digits given there."""
    for rate, expected in zip(("0.04", "0.045", "0.05"), stated, strict=True):
        interest = schedule(LOAN, Terms(Fraction(rate), 60, profile, every)).interest
        assert f"{interest / 10**10:.2f}" == expected, rate


@settings(deadline=None)
@given(st.integers(0, 10**13), terms)
def test_every_loan_ends_at_zero_and_its_payments_tie(amount: int, loan: Terms) -> None:
    paid = schedule(amount, loan)
    assert paid.payments[-1].closing == 0
    assert sum(payment.principal for payment in paid.payments) == amount
    assert [p.closing for p in paid.payments[:-1]] == [p.opening for p in paid.payments[1:]]
    assert paid.payments[-1].month == loan.months
    for payment in paid.payments:
        exact = payment.opening * loan.rate * loan.every / 12
        assert abs(payment.interest - exact) <= Fraction(1, 2)


@settings(deadline=None)
@given(st.integers(10**6, 10**12), st.integers(1, 3_000), st.integers(1, 120))
def test_a_level_payment_is_that_of_pyxirr(amount: int, points: int, months: int) -> None:
    loan = Terms(Fraction(points, 10_000), months, Profile.ANNUITY)
    theirs = pyxirr.pmt(points / 120_000, months, -amount)
    assert theirs is not None
    assert level_payment(amount, loan) == pytest.approx(theirs, abs=0.51, rel=1e-9)
    assert all(p.total == level_payment(amount, loan) for p in schedule(amount, loan).payments[:-1])


def test_a_loan_without_interest_is_paid_in_equal_parts() -> None:
    paid = schedule(1_000, Terms(Fraction(0), 3, Profile.ANNUITY))
    assert [payment.total for payment in paid.payments] == [333, 333, 334]


def test_a_loan_of_less_than_its_payments_is_never_overpaid() -> None:
    paid = schedule(2, Terms(Fraction(0), 4, Profile.ANNUITY))
    assert [payment.principal for payment in paid.payments] == [1, 1, 0, 0]


def test_a_sculpted_loan_is_covered_equally_at_every_payment() -> None:
    loan = Terms(Fraction("0.05"), 36, Profile.ANNUITY, 12)
    available = {12: 130_000, 24: 260_000, 36: 65_000}
    paid = sculpted(available, Fraction("1.3"), loan, [12, 24, 36])
    covers = [cover(available[payment.month], payment.total) for payment in paid.payments]
    assert covers == pytest.approx([1.3, 1.3, 1.3], rel=1e-4)
    assert paid.amount == round(100_000 / 1.05 + 200_000 / 1.05**2 + 50_000 / 1.05**3)


def test_a_sculpted_loan_without_cash_is_no_loan() -> None:
    loan = Terms(Fraction("0.05"), 24, Profile.ANNUITY, 12)
    assert sculpted({12: -5, 24: 0}, Fraction("1.3"), loan, [12, 24]).amount == 0
    assert cover(100, 0) is None


@pytest.mark.parametrize(("rate", "months", "every"), [(-1, 12, 1), (1, 0, 1), (1, 13, 3)])
def test_impossible_terms_are_refused(rate: int, months: int, every: int) -> None:
    with pytest.raises(ValueError, match="months"):
        Terms(Fraction(rate), months, Profile.ANNUITY, every)
