"""What is agreed of use beside nodes: rates, a minimum that is paid in any case, and overage."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from rackrate.core.ids import SkuId
from rackrate.core.pricing import HIGHEST_AMOUNT, HOURLY, Unit, per

MOST_RATES = 50


class TrueUp(StrEnum):
    """Over how long use is set against its minimum; what is missing is due at its end."""

    MONTH = "month"  # a calendar month, where the customer is
    YEAR = "year"  # twelve months, counted from the commitment's start


class RatedAt(StrEnum):
    """At which prices use under a contract is rated."""

    CONTRACT = "contract"  # at the rates that the contract names
    LIST = "list"  # at those that the customer has without it


class Left(StrEnum):
    """What becomes of a prepaid balance that is not used up when the contract is over."""

    REFUND = "refund"
    FORFEIT = "forfeit"

    @property
    def said(self) -> str:
        return "paid back" if self is Left.REFUND else "forfeited"


@dataclass(frozen=True, slots=True)
class Rate:
    """`amount` for an hour of a GPU of the SKU, or of a slot. `slots` is what one GPU is."""

    sku: SkuId
    amount: Decimal
    unit: Unit = Unit.GPU_HOUR
    slots: int = 1

    def __post_init__(self) -> None:
        if not (self.amount.is_finite() and 0 <= self.amount < HIGHEST_AMOUNT):
            raise ValueError(f"not a rate: {self.amount}")
        if self.unit not in HOURLY:
            raise ValueError(f"use is rated by the hour of a GPU or a slot, not by {self.unit}")
        if self.slots < 1:
            raise ValueError(f"a GPU of {self.slots} slots")

    def __str__(self) -> str:
        return f"{self.sku} {self.amount:f} per {per(self.unit)}"

    def times(self, percent: Decimal) -> "Rate":
        """`percent` of it: exact, since a rate is not rounded."""
        return Rate(self.sku, self.amount * percent / 100, self.unit, self.slots)


@dataclass(frozen=True, slots=True)
class Rates:
    """At which prices which SKUs are used: those of `rates`, or `skus` at the customer's list."""

    rated: RatedAt = RatedAt.CONTRACT
    rates: tuple[Rate, ...] = ()
    skus: tuple[SkuId, ...] = ()

    def __post_init__(self) -> None:
        if self.rated is RatedAt.CONTRACT and self.skus:
            raise ValueError("SKUs at the contract's rates are named by their rates")
        if self.rated is RatedAt.LIST and self.rates:
            raise ValueError("what is used at list prices has no rates of its own")
        if len(self.named) > MOST_RATES:
            raise ValueError(f"{len(self.named)} SKUs; {MOST_RATES} are the most")
        if len(set(self.named)) < len(self.named):
            twice = next(sku for sku in self.named if self.named.count(sku) > 1)
            raise ValueError(f"{twice} is named twice")

    @property
    def named(self) -> tuple[SkuId, ...]:
        return (*(rate.sku for rate in self.rates), *self.skus)

    def __str__(self) -> str:
        if self.rated is RatedAt.LIST:
            return f"{', '.join(self.skus) or 'all'} at list prices"
        return ", ".join(map(str, self.rates)) or "at the contract's rates"

    @property
    def as_asked(self) -> "Rates":
        return replace(self, rates=tuple(replace(rate, slots=1) for rate in self.rates))

    def times(self, percent: Decimal) -> "Rates":
        return Rates(self.rated, tuple(rate.times(percent) for rate in self.rates), self.skus)


@dataclass(frozen=True, slots=True)
class Use:
    """What use of a commitment costs; of a minimum, over how long it is set against it."""

    rates: Rates
    true_up: TrueUp = TrueUp.MONTH

    def __str__(self) -> str:
        return f"{self.rates}, set against a minimum each {self.true_up}"

    @property
    def as_asked(self) -> "Use":
        """As it was asked for, before anybody looked up what a GPU is."""
        return replace(self, rates=self.rates.as_asked)

    def times(self, percent: Decimal) -> "Use":
        return Use(self.rates.times(percent), self.true_up)


@dataclass(frozen=True, slots=True)
class Overage:
    """At which prices a customer may use more than its contract has reserved, on demand.

    At the contract's rates, a SKU that is not named has the rate of its commitments, if there is
    one. At list prices every SKU may be had, unless some are named.
    """

    rates: Rates

    def __str__(self) -> str:
        return str(self.rates)
