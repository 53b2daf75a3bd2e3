"""What a contract earns and invoices, month by month: the plan's one input from the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from rackrate.core.economics.depreciation import spread
from rackrate.core.money import half_up


@dataclass(frozen=True, slots=True)
class MonthlyRevenue:
    """One calendar month of the seller's books: earned net of VAT, invoiced gross, tax in it.

    In minor units. An invoice belongs to the month in which it is issued, a prepayment to that
    of the signature, so that this is read from the ledger without a rule of its own.
    """

    month: date
    earned: Fraction | int
    invoiced_gross: int
    invoiced_tax: int

    def __post_init__(self) -> None:
        if self.month.day != 1:
            raise ValueError(f"not the first of a month: {self.month}")
        if abs(self.invoiced_tax) > abs(self.invoiced_gross):
            raise ValueError(f"{self.month}: more tax than invoice")


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """What the customer pays: `total` minor units over `months`, a share of it in advance.

    `tax_inclusive` says whether `tax_rate` is inside `total`. Invoices are collected
    `collection_months` after the month in which they are issued.
    """

    total: int
    months: int
    prepayment: Fraction
    tax_rate: Fraction
    tax_inclusive: bool
    collection_months: int = 0

    @property
    def gross(self) -> int:
        return self.total if self.tax_inclusive else half_up(self.total * (1 + self.tax_rate))

    @property
    def net(self) -> int:
        return half_up(self.total / (1 + self.tax_rate)) if self.tax_inclusive else self.total

    @property
    def monthly(self) -> Fraction:
        """The monthly amount of the contract, exact, on the same side of VAT as `total`."""
        return Fraction(self.total, self.months)

    @property
    def monthly_minor(self) -> int:
        """What a signed contract would say: `monthly` in whole minor units."""
        return half_up(self.monthly)


def month_number(first: date, month: date) -> int:
    """1 for `first` itself, 0 for the month before it."""
    return (month.year - first.year) * 12 + month.month - first.month + 1


def month_at(first: date, number: int) -> date:
    """The month with that number, as its first day."""
    year, month = divmod(first.year * 12 + first.month - 1 + number - 1, 12)
    return date(year, month + 1, 1)


def even(contract: ContractTerms, start: date, every: int = 1) -> tuple[MonthlyRevenue, ...]:
    """The textbook stream: the prepayment before the start, then equal invoices in arrears.

    What economics.md 3.3 assumes, for comparisons; a plan that is meant to agree with its
    invoices takes the ledger's months instead. Each instalment is reduced by its share of the
    prepayment, as K2 has it.
    """
    if contract.months % every:
        raise ValueError(f"{contract.months} months are not a multiple of {every}")
    prepaid = half_up(contract.gross * contract.prepayment)
    weights = [int(k % every == 0) for k in range(1, contract.months + 1)]
    earned: Sequence[int] = (0, *spread(contract.net, [1] * contract.months))
    invoiced: Sequence[int] = (prepaid, *spread(contract.gross - prepaid, weights))
    taxes = spread(contract.gross - contract.net, invoiced)
    return tuple(
        MonthlyRevenue(month_at(start, k), earned[k], invoiced[k], taxes[k])
        for k in range(contract.months + 1)
        if k or prepaid
    )
