"""Loans: what is paid when, and what is still owed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from rackrate.core.money import half_up

YEAR = 12


class Profile(StrEnum):
    """How a loan is paid back. economics.md C4: the same loan costs 2.3 to 5.7 亿 by profile."""

    ANNUITY = "annuity"
    EQUAL_PRINCIPAL = "equal_principal"
    BULLET = "bullet"


@dataclass(frozen=True, slots=True)
class Terms:
    """The price of a loan: nominal yearly rate, months, profile, months between payments."""

    rate: Fraction
    months: int
    profile: Profile
    every: int = 1

    def __post_init__(self) -> None:
        if self.rate < 0 or self.months < 1 or self.every < 1:
            raise ValueError(f"not the terms of a loan: {self}")
        if self.months % self.every:
            raise ValueError(f"{self.months} months are not a multiple of {self.every}")

    @property
    def periodic(self) -> Fraction:
        """The rate per payment: nominal over the payments of a year, not its root."""
        return self.rate * self.every / YEAR

    @property
    def payments(self) -> int:
        return self.months // self.every


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment at the end of `month`; opening - principal = closing, to the minor unit."""

    month: int
    opening: int
    interest: int
    principal: int

    @property
    def closing(self) -> int:
        return self.opening - self.principal

    @property
    def total(self) -> int:
        return self.interest + self.principal


@dataclass(frozen=True, slots=True)
class Schedule:
    """A loan drawn at the start and the payments that bring it to zero."""

    amount: int
    payments: tuple[Payment, ...]

    def __post_init__(self) -> None:
        balance = self.amount
        for payment in self.payments:
            assert payment.opening == balance >= 0, payment
            balance = payment.closing
        assert balance == 0, f"{balance} is never paid back"

    @property
    def interest(self) -> int:
        return sum(payment.interest for payment in self.payments)


NO_DEBT = Schedule(0, ())


def schedule(amount: int, terms: Terms) -> Schedule:
    """Interest on the opening balance; whole minor units; the last payment clears the rest.

    Annuity: payment = P i / (1 - (1 + i)^-n); equal principal: P / n; bullet: all at the end
    (Brealey, Myers and Allen, chapter 2; economics.md C4).
    """
    return _paid(amount, terms, _principals(amount, terms))


def level_payment(amount: int, terms: Terms) -> int:
    """The equal payment of an annuity, rounded to the minor unit."""
    i, n = terms.periodic, terms.payments
    return half_up(amount * i / (1 - (1 + i) ** -n)) if i else half_up(Fraction(amount, n))


def sculpted(
    available: Mapping[int, int], cover: Fraction, terms: Terms, services: Sequence[int]
) -> Schedule:
    """The largest loan whose every payment is cash available / `cover`, at the months `services`.

    The loan is worth its payments: sum of available_k / cover / (1 + i)^k, the sizing that
    NREL SAM calls "DSCR" (economics.md 3.4, P3).
    """
    pay = [Fraction(max(available.get(month, 0), 0)) / cover for month in services]
    i = terms.periodic
    amount = half_up(sum((p / (1 + i) ** k for k, p in enumerate(pay, start=1)), Fraction(0)))
    principals, balance = [], amount
    for p in pay:
        principals.append(min(balance, half_up(p) - half_up(balance * i)))
        balance -= principals[-1]
    if principals:
        principals[-1] += balance
    return _paid(amount, terms, principals)


def cover(available: int, service: int) -> float | None:
    """Debt service cover: cash available for debt service over interest and principal (DSCR)."""
    return available / service if service else None


def _principals(amount: int, terms: Terms) -> list[int]:
    n = terms.payments
    if terms.profile is Profile.BULLET:
        return [0] * (n - 1) + [amount]
    if terms.profile is Profile.EQUAL_PRINCIPAL:
        return [amount * k // n - amount * (k - 1) // n for k in range(1, n + 1)]
    level, balance, parts = level_payment(amount, terms), amount, []
    for _ in range(n - 1):
        parts.append(min(balance, level - half_up(balance * terms.periodic)))
        balance -= parts[-1]
    return [*parts, balance]


def _paid(amount: int, terms: Terms, principals: Sequence[int]) -> Schedule:
    payments, balance = [], amount
    for k, principal in enumerate(principals, start=1):
        interest = half_up(balance * terms.periodic)
        payments.append(Payment(k * terms.every, balance, interest, principal))
        balance -= principal
    return Schedule(amount, tuple(payments))
