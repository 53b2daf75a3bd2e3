"""A case that has been run forward, and what it returns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from rackrate.core.economics import returns
from rackrate.core.economics.case import Case
from rackrate.core.economics.debt import Schedule, cover
from rackrate.core.economics.returns import Irr, Payback
from rackrate.core.economics.revenue import month_at
from rackrate.core.economics.statements import Cash, Income, Period, total_cash, total_income

# Above this a yearly rate says only that next to nothing was at risk for long.
HIGHEST_RATE = 10.0
THIN_EQUITY = Fraction(1, 10)  # of the hardware; below it an IRR says nothing (economics.md 3.3)
Column = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Projection:
    """A case, its loan and its statements; what it returns is read off them."""

    case: Case
    loan: Schedule
    months: tuple[Period, ...]
    years: tuple[Period, ...]

    @property
    def income(self) -> Income:
        """Profit and loss over the whole life."""
        return total_income(month.income for month in self.months)

    @property
    def cash(self) -> Cash:
        return total_cash(month.cash for month in self.months)

    @property
    def project_flows(self) -> Column:
        """Unlevered, before income tax, by month."""
        return tuple(month.cash.project for month in self.months)

    @property
    def equity_flows(self) -> Column:
        """To the owners, after tax, by month."""
        return tuple(month.cash.owners for month in self.months)

    @property
    def equity_flows_before_tax(self) -> Column:
        return tuple(month.cash.owners_before_tax for month in self.months)

    @property
    def project_irr(self) -> Irr:
        return returns.annual(returns.irr(self.project_flows))

    @property
    def equity_irr(self) -> Irr:
        """Effective yearly rate of the owners' monthly flows after tax, flagged when thin."""
        return self._flagged(self.equity_flows)

    @property
    def equity_irr_before_tax(self) -> Irr:
        return self._flagged(self.equity_flows_before_tax)

    @property
    def equity_xirr(self) -> Irr:
        """As `equity_irr`, by the calendar: month k is paid on the first day after it."""
        start = self.case.start
        dated = [(month_at(start, k + 1), flow) for k, flow in enumerate(self.equity_flows)]
        return returns.xirr(dated)

    @property
    def net_present_value(self) -> float:
        """Of the owners' flows after tax, at the case's yearly discount rate."""
        return self._worth(self.equity_flows)

    @property
    def multiple(self) -> float | None:
        return returns.moic(self.equity_flows)

    @property
    def modified_irr(self) -> float | None:
        """MIRR of the owners' flows, financed and reinvested at the discount rate, per year."""
        rate = self._monthly_discount
        monthly = returns.mirr(self.equity_flows, rate, rate)
        return None if monthly is None else returns.effective(monthly, 12)

    @property
    def project_payback(self) -> Payback | None:
        """In months, unlevered (economics.md 3.3)."""
        return returns.payback(self.project_flows)

    @property
    def equity_payback(self) -> Payback | None:
        return returns.payback(self.equity_flows)

    @property
    def equity_at_risk(self) -> float:
        return returns.at_risk(self.equity_flows)

    @property
    def covers(self) -> tuple[float | None, ...]:
        """Debt service cover (DSCR) of each year, from year 1, before income tax.

        The residual counts only where the loan says so: NREL SAM counts it, lenders mostly do
        not (economics.md section 7).
        """
        counts = self.case.financing is not None and self.case.financing.residual_counts
        return tuple(
            cover(year.cash.available + (year.cash.residual if counts else 0), year.cash.service)
            for year in self.years[1:]
        )

    @property
    def min_cover(self) -> float | None:
        return min((c for c in self.covers if c is not None), default=None)

    @property
    def average_cover(self) -> float | None:
        due = [c for c in self.covers if c is not None]
        return sum(due) / len(due) if due else None

    @property
    def lowest_cash(self) -> int:
        """Below zero: more money is needed than owners and lender put in at the start."""
        return min(month.balance.cash for month in self.months)

    @property
    def cost_per_gpu_hour(self) -> float | None:
        """Levelised, in minor units: discounted revenue less NPV over discounted GPU-hours.

        NREL SAM's nominal LCOE with GPU-hours for kWh; hours are discounted when they are
        paid for (economics.md 3.4).
        """
        paid = [month.cash.received for month in self.months]
        if not sum(paid) or not self.case.gpu_hours:
            return None
        worth = self._worth(paid)
        hours = worth * float(self.case.gpu_hours) / sum(paid)
        revenue = worth * self.income.revenue / sum(paid)  # without the VAT in what is paid
        return (revenue - self.net_present_value) / hours

    @property
    def _monthly_discount(self) -> float:
        return returns.effective(float(self.case.discount_rate), 1 / 12)

    def _worth(self, flows: Sequence[int]) -> float:
        return returns.npv(self._monthly_discount, flows)

    def _flagged(self, flows: Column) -> Irr:
        found = returns.annual(returns.irr(flows))
        if found.value is not None and found.value > HIGHEST_RATE:
            back = returns.payback(flows)
            when = "" if back is None else f", since it is back by month {back.period}"
            return Irr((), f"over {HIGHEST_RATE:,.0%} a year{when}; read NPV and multiple instead")
        if -flows[0] >= self.case.cluster.gross * THIN_EQUITY or found.value is None:
            return found
        share = max(-flows[0], 0) / self.case.cluster.gross
        thin = f"thin equity: {share:.1%} of the hardware; read NPV and multiple instead"
        return replace(found, remark="; ".join(filter(None, (found.remark, thin))))
