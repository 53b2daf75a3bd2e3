"""A case run forward: `project` turns its revenue into loan, profit, cash and balance."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

from rackrate.core.economics.case import Books, Case, Treatment
from rackrate.core.economics.debt import NO_DEBT, Schedule, schedule, sculpted
from rackrate.core.economics.depreciation import Deduction, deductions, spread, straight_line
from rackrate.core.economics.projection import Projection
from rackrate.core.economics.revenue import MonthlyRevenue, month_at, month_number
from rackrate.core.economics.statements import Balance, Cash, Income, Period, audit, years
from rackrate.core.economics.tax import income_tax, vat_paid
from rackrate.core.money import half_up

Column = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sales:
    """By month number from 0: earned, invoiced (both as the books have it), received, VAT."""

    earned: Column
    invoiced: Column
    received: Column
    output_vat: Column


@dataclass(frozen=True, slots=True)
class Costs:
    """Running costs by month number: in the books, paid with VAT, and the VAT that is credited."""

    booked: Column
    paid: Column
    input_vat: Column


def project(case: Case, revenue: Sequence[MonthlyRevenue]) -> Projection:
    """The statements of `case` when its contract earns and invoices `revenue`.

    Month 0 is the moment of the investment and takes everything dated before the start;
    month k is the k-th from the start, its flows at its end (economics.md 3.3). Whole minor
    units throughout, so that every identity holds exactly.
    """
    sales = _sales(case, revenue)
    costs = _costs(case, len(sales.earned))
    operating = _operating(case, sales, costs)
    loan = _loan(case, operating)
    incomes = _incomes(case, sales, costs, loan)
    cash = _financed(operating, loan, [income.tax for income in incomes])
    months = _balanced(case, sales, costs, incomes, cash)
    yearly = years(months)
    audit(months, yearly)
    return Projection(case, loan, months, yearly)


def _sales(case: Case, revenue: Sequence[MonthlyRevenue]) -> Sales:
    """`as_reported` knows no VAT: what is invoiced is what is earned, tax included."""
    lag = case.contract.collection_months
    numbers = [month_number(case.start, row.month) for row in revenue]
    length = max([case.months, *(number + lag for number in numbers)]) + 1
    gross, tax = (sum(row.invoiced_gross for row in revenue), sum(r.invoiced_tax for r in revenue))
    reported = case.vat.treatment is Treatment.AS_REPORTED
    uplift = Fraction(gross, gross - tax) if reported and gross != tax else Fraction(1)
    earned, invoiced, received, vat = ([Fraction(0)] * length for _ in range(4))
    for number, row in zip(numbers, revenue, strict=True):
        at = max(number, 0)
        charged = 0 if reported else row.invoiced_tax
        earned[at] += row.earned * uplift
        invoiced[at] += row.invoiced_gross - charged
        received[max(number + lag, 0)] += row.invoiced_gross
        vat[at] += charged
    return Sales(_whole(earned), _whole(invoiced), _whole(received), _whole(vat))


def _costs(case: Case, length: int) -> Costs:
    """Booked evenly over the term; paid, with VAT, at the end of every `every` months."""
    booked, paid, credited = ([0] * length for _ in range(3))
    credit = case.vat.treatment is Treatment.CREDIT
    for line in case.opex:
        net = line.over_term(case.cluster, case.months)
        vat = half_up(net * line.vat_rate)
        due = [int(k % line.every == 0 or k == case.months) for k in range(1, case.months + 1)]
        _add(booked, spread(net if credit else net + vat, [1] * case.months))
        _add(paid, spread(net + vat, due))
        _add(credited, spread(vat if credit else 0, due))
    return Costs(tuple(booked), tuple(paid), tuple(credited))


def _operating(case: Case, sales: Sales, costs: Costs) -> list[Cash]:
    """Cash before loan and income tax: the hardware is paid at month 0, sold at the end."""
    length, reported = len(sales.earned), case.vat.treatment is Treatment.AS_REPORTED
    inputs = list(costs.input_vat)
    inputs[0] += 0 if reported else case.cluster.vat
    vat = vat_paid(sales.output_vat, inputs, case.vat.excess, case.months)
    refund = [0] * length
    _add(refund, _refund(case))
    return [
        Cash(
            received=sales.received[k],
            vat_refund=refund[k],
            opex=costs.paid[k],
            vat=vat[k],
            capex=case.cluster.gross if k == 0 else 0,
            residual=case.residual if k == case.months else 0,
        )
        for k in range(length)
    ]


def _refund(case: Case) -> Column:
    """The report's "VAT refund": a share of the hardware, spread evenly (economics.md C7, 3.3)."""
    reported = case.vat.treatment is Treatment.AS_REPORTED
    share = case.vat.refund_share if reported else Fraction(0)
    return spread(half_up(case.cluster.gross * share), [1] * case.months)


def _loan(case: Case, operating: Sequence[Cash]) -> Schedule:
    if case.financing is None:
        return NO_DEBT
    terms, amount = case.financing.terms, case.loan
    if amount is not None:
        return schedule(amount, terms)
    assert case.financing.cover is not None, case.financing
    dates = range(terms.every, terms.months + 1, terms.every)
    counts = case.financing.residual_counts
    available = {
        date: sum(
            cash.available + (cash.residual if counts else 0)
            for cash in operating[date - terms.every + 1 : date + 1]
        )
        for date in dates
    }
    return sculpted(available, case.financing.cover, terms, list(dates))


def _incomes(case: Case, sales: Sales, costs: Costs, loan: Schedule) -> list[Income]:
    """Before tax first, then the tax that the year's profit leads to."""
    left = case.residual if case.books is Books.TO_RESIDUAL else 0
    length = len(sales.earned)
    worn, refund, interest = ([0] * length for _ in range(3))
    _add(worn, straight_line(case.hardware, left, case.months))
    _add(refund, _refund(case))
    for due in _monthly_interest(loan):
        interest[due[0]] += due[1]
    before = [
        Income(
            revenue=sales.earned[k],
            vat_refund=refund[k],
            opex=costs.booked[k],
            depreciation=worn[k],
            disposal=case.residual - left if k == case.months else 0,
            interest=interest[k],
        )
        for k in range(length)
    ]
    taxes = income_tax(_taxable(case, before, left), case.tax, case.months)
    return [replace(income, tax=tax) for income, tax in zip(before, taxes, strict=True)]


def _monthly_interest(loan: Schedule) -> Iterable[tuple[int, int]]:
    return ((payment.month, payment.interest) for payment in loan.payments)


def _taxable(case: Case, incomes: Sequence[Income], left: int) -> Column:
    """Profit before tax, with the tax office's deduction in place of the books'."""
    if case.tax.deduction is Deduction.BOOK:
        return tuple(income.before_tax for income in incomes)
    deducted = [0] * len(incomes)
    _add(deducted, deductions(case.tax.deduction, case.hardware, case.months))
    return tuple(
        income.before_tax + income.depreciation - deducted[k] + (left if k == case.months else 0)
        for k, income in enumerate(incomes)
    )


def _financed(operating: Sequence[Cash], loan: Schedule, taxes: Sequence[int]) -> list[Cash]:
    """The owners put in what the loan does not cover of the hardware: sources are uses."""
    paid = {payment.month: payment for payment in loan.payments}
    return [
        replace(
            cash,
            tax=taxes[k],
            drawn=loan.amount if k == 0 else 0,
            principal=paid[k].principal if k in paid else 0,
            interest=paid[k].interest if k in paid else 0,
            equity=cash.capex - loan.amount if k == 0 else 0,
        )
        for k, cash in enumerate(operating)
    ]


def _balanced(
    case: Case, sales: Sales, costs: Costs, incomes: Sequence[Income], cash: Sequence[Cash]
) -> tuple[Period, ...]:
    """Every balance is a running sum of its own two flows; that they tie is checked, not made."""
    length = len(cash)
    money = _running(c.change for c in cash)
    owed = _running(
        sales.invoiced[k] + sales.output_vat[k] - sales.received[k] for k in range(length)
    )
    contract = _running(e - i for e, i in zip(sales.earned, sales.invoiced, strict=True))
    vat = _running(
        cash[k].capex
        - (case.hardware if k == 0 else 0)
        + costs.input_vat[k]
        - sales.output_vat[k]
        + cash[k].vat
        for k in range(length)
    )
    hardware = _running(
        (case.hardware if k == 0 else 0)
        - incomes[k].depreciation
        + incomes[k].disposal
        - cash[k].residual
        for k in range(length)
    )
    payable = _running(costs.booked[k] - costs.paid[k] + costs.input_vat[k] for k in range(length))
    debt = _running(c.drawn - c.principal for c in cash)
    equity = _running(c.equity for c in cash)
    retained = _running(income.profit for income in incomes)
    columns = (money, owed, contract, vat, hardware, payable, debt, equity, retained)
    return tuple(
        Period(
            k,
            month_at(case.start, max(k, 1)),
            incomes[k],
            cash[k],
            Balance(*(column[k] for column in columns)),
        )
        for k in range(length)
    )


def _running(flows: Iterable[int]) -> Column:
    return tuple(accumulate(flows))


def _add(column: list[int], parts: Sequence[int]) -> None:
    """`parts` are months 1, 2, …"""
    for k, part in enumerate(parts, start=1):
        column[k] += part


def _whole(exact: Sequence[Fraction]) -> Column:
    """Whole minor units whose running sum is never off by more than half a unit."""
    sums = [half_up(value) for value in accumulate(exact)]
    return tuple(now - before for now, before in zip(sums, [0, *sums], strict=False))
