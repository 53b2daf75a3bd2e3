"""Money that is owed: whole minor units of one currency. Rounding happens here, and only here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

# Minor units per currency, ISO 4217. What is not listed here is refused, never guessed.
DIGITS = {
    "AED": 2, "AUD": 2, "BRL": 2, "CAD": 2, "CHF": 2, "CNY": 2, "DKK": 2, "EUR": 2, "GBP": 2,
    "HKD": 2, "IDR": 2, "INR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "MYR": 2, "NOK": 2, "SAR": 2,
    "SEK": 2, "SGD": 2, "THB": 2, "TWD": 2, "USD": 2, "VND": 0,
}  # fmt: skip
# Major units. More in one amount, or in all of a contract, is a slip of the keyboard; what they
# come to together, taxes and all, stays far within 64 bits of minor units.
MOST_AMOUNT = Decimal(10) ** 12
MOST_WORTH = Decimal(10) ** 14


def digits(currency: str) -> int:
    """Digits after the point in `currency`; ValueError for a currency that is not known."""
    try:
        return DIGITS[currency]
    except KeyError:
        raise ValueError(f"unknown currency {currency!r}; known: {', '.join(DIGITS)}") from None


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units (cents, fen) of `currency`."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise ValueError(f"not whole minor units: {self.minor!r}")
        digits(self.currency)

    def __str__(self) -> str:
        return f"{self.amount:,} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other.minor

    @property
    def amount(self) -> Decimal:
        """In major units, with all digits of the currency."""
        return Decimal(self.minor).scaleb(-digits(self.currency))

    @classmethod
    def zero(cls, currency: str) -> "Money":
        return cls(0, currency)

    @classmethod
    def rounded(cls, exact: Fraction | Decimal | int, currency: str) -> "Money":
        """The nearest minor unit to `exact` major units; a half goes away from zero."""
        top, bottom = exact.as_integer_ratio()
        return cls.quotient(top, bottom, currency)

    @classmethod
    def quotient(cls, top: int, bottom: int, currency: str) -> "Money":
        """`rounded` of `top / bottom` major units."""
        return cls(half_up_ratio(top * 10 ** digits(currency), bottom), currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """`text` is a plain decimal in major units; ValueError if it has more digits than exist."""
        try:
            exact = Decimal(text)
        except ArithmeticError:
            raise ValueError(f"not an amount: {text!r}") from None
        if not exact.is_finite() or abs(exact) >= Decimal(10) ** 16:
            raise ValueError(f"not an amount that can be owed: {text!r}")
        rounded = exact.quantize(Decimal(1).scaleb(-digits(currency)), ROUND_HALF_UP)
        if rounded != exact:
            raise ValueError(f"{text} has more than {digits(currency)} decimals of {currency}")
        return cls(int(rounded.scaleb(digits(currency))), currency)


def half_up(exact: Fraction) -> int:
    """The nearest integer; a half goes away from zero, so that a credit mirrors its charge."""
    return half_up_ratio(exact.numerator, exact.denominator)


def half_up_ratio(top: int, bottom: int) -> int:
    """`half_up` of `top / bottom` with a positive `bottom`: many times faster than a Fraction."""
    nearest = (2 * abs(top) // bottom + 1) // 2
    return -nearest if top < 0 else nearest


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum, which is zero of `currency` when there are none."""
    zero = Money.zero(currency)
    return Money(sum(zero._same(amount) for amount in amounts), currency)


def split(whole: Money, weights: Sequence[int]) -> tuple[Money, ...]:
    """Shares of `whole` in proportion to `weights`. They add up to it: no cent is lost.

    Largest remainders first; equal remainders go to the earlier share.
    """
    if not weights or min(weights) < 0 or sum(weights) == 0:
        raise ValueError(f"not weights: {weights}")
    if whole.minor < 0:
        return tuple(-share for share in split(-whole, weights))
    parts = sum(weights)
    floors = [whole.minor * weight // parts for weight in weights]
    remainders = [whole.minor * weight % parts for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in by_remainder[: whole.minor - sum(floors)]:
        floors[i] += 1
    return tuple(Money(minor, whole.currency) for minor in floors)
