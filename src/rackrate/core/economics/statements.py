"""Statements: profit, cash and balance of every month and year, and their identities."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date


@dataclass(frozen=True, slots=True)
class Income:
    """Profit and loss of a period, net of VAT unless the case says `as_reported`."""

    revenue: int = 0
    vat_refund: int = 0
    opex: int = 0
    depreciation: int = 0
    disposal: int = 0  # proceeds of the residual less what the books still carried
    interest: int = 0
    tax: int = 0

    @property
    def ebitda(self) -> int:
        return self.revenue + self.vat_refund - self.opex

    @property
    def before_tax(self) -> int:
        return self.ebitda - self.depreciation + self.disposal - self.interest

    @property
    def profit(self) -> int:
        return self.before_tax - self.tax


@dataclass(frozen=True, slots=True)
class Cash:
    """Cash of a period; every field is a positive amount in its own direction."""

    received: int = 0
    vat_refund: int = 0
    opex: int = 0
    vat: int = 0  # to the tax office; negative when it pays
    tax: int = 0
    capex: int = 0
    residual: int = 0
    drawn: int = 0
    principal: int = 0
    interest: int = 0
    equity: int = 0  # put in by the owners at the start

    @property
    def available(self) -> int:
        """Cash available for debt service, before income tax and without the residual."""
        return self.received + self.vat_refund - self.opex - self.vat

    @property
    def project(self) -> int:
        """Unlevered, before income tax."""
        return self.available - self.capex + self.residual

    @property
    def service(self) -> int:
        return self.principal + self.interest

    @property
    def owners_before_tax(self) -> int:
        return self.project + self.drawn - self.service

    @property
    def owners(self) -> int:
        """What the owners put in (negative) or could take out."""
        return self.owners_before_tax - self.tax

    @property
    def change(self) -> int:
        return self.owners + self.equity


@dataclass(frozen=True, slots=True)
class Balance:
    """At the end of a period. Nothing is paid out, so cash and retained profit pile up."""

    cash: int
    receivable: int
    contract: int  # earned less invoiced, net of VAT: an asset, or a contract liability below zero
    vat: int  # input less output tax not yet settled: a claim
    hardware: int
    payable: int
    debt: int
    equity: int
    retained: int

    @property
    def assets(self) -> int:
        return self.cash + self.receivable + self.contract + self.vat + self.hardware

    @property
    def funds(self) -> int:
        return self.payable + self.debt + self.equity + self.retained

    @property
    def ties(self) -> bool:
        return self.assets == self.funds


@dataclass(frozen=True, slots=True)
class Period:
    """A month or a year: number 0 is the moment of the investment, its flows at the start."""

    number: int
    start: date
    income: Income
    cash: Cash
    balance: Balance


def total_income(parts: Iterable[Income]) -> Income:
    return Income(*_sums(list(parts), Income))


def total_cash(parts: Iterable[Cash]) -> Cash:
    return Cash(*_sums(list(parts), Cash))


def _sums(parts: Sequence[Income] | Sequence[Cash], kind: type) -> list[int]:
    return [sum(getattr(part, field.name) for part in parts) for field in fields(kind)]


def years(months: Sequence[Period]) -> tuple[Period, ...]:
    """Twelve months each, counted from the start; year 0 is the moment of the investment."""
    groups = [months[:1]] + [months[k : k + 12] for k in range(1, len(months), 12)]
    return tuple(
        Period(
            number,
            group[0].start,
            total_income(month.income for month in group),
            total_cash(month.cash for month in group),
            group[-1].balance,
        )
        for number, group in enumerate(groups)
    )


def audit(months: Sequence[Period], yearly: Sequence[Period]) -> None:
    """The identities of economics.md 5.11, on every run, to the minor unit."""
    cash = debt = retained = 0
    for month in months:
        cash += month.cash.change
        debt += month.cash.drawn - month.cash.principal
        retained += month.income.profit
        assert month.balance.ties, f"month {month.number} does not balance"
        assert month.balance.cash == cash, f"cash of month {month.number} does not tie"
        assert month.balance.debt == debt >= 0, f"debt of month {month.number} does not tie"
        assert month.balance.retained == retained, f"profit of month {month.number} does not tie"
    assert debt == 0, f"{debt} of the loan is never paid back"
    first = months[0].cash
    assert first.capex == first.drawn + first.equity, "sources are not uses"
    assert total_income(m.income for m in months) == total_income(y.income for y in yearly)
    assert total_cash(m.cash for m in months) == total_cash(y.cash for y in yearly)
