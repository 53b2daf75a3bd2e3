"""The outcome of a plan, for a terminal and for programs."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from rackrate.cli import evidence_table
from rackrate.cli.table import Column, money, print_facts, print_table
from rackrate.core.economics import Plan, Projection, Row
from rackrate.core.economics.claims import Unit, shown
from rackrate.core.economics.returns import Irr
from rackrate.core.money import Money
from rackrate.sim.plan import Outcome


def document(plan: Plan, outcomes: Mapping[str, Outcome], rows: Sequence[Row]) -> dict[str, Any]:
    """Amounts as the API writes them; rates as fractions of one."""
    return {
        "name": plan.name,
        "source": plan.source,
        "sample": plan.sample,
        "scenarios": {name: _scenario(outcome) for name, outcome in outcomes.items()},
        "evidence": evidence_table.document(rows),
    }


def _scenario(outcome: Outcome) -> dict[str, Any]:
    run, currency = outcome.projection, outcome.case.currency
    payback = run.project_payback
    owners = run.equity_payback
    return {
        "invoices": outcome.invoices,
        "books_balance": sum(balance.book.minor for balance in outcome.balances) == 0,
        "months": outcome.case.months,
        "years": [_year(run, place, currency) for place in range(len(run.years))],
        "profit": _money(run.income.profit, currency),
        "project_irr": _rate(run.project_irr),
        "equity_irr": _rate(run.equity_irr),
        "equity_irr_before_tax": _rate(run.equity_irr_before_tax),
        "net_present_value": _money(round(run.net_present_value), currency),
        "multiple": run.multiple,
        "project_payback_months": None if payback is None else payback.period,
        "equity_payback_months": None if owners is None else owners.period,
        "dscr": {"min": run.min_cover, "average": run.average_cover, "years": list(run.covers)},
        "lowest_cash": _money(run.lowest_cash, currency),
        "cost_per_gpu_hour": None
        if run.cost_per_gpu_hour is None
        else _money(round(run.cost_per_gpu_hour), currency),
    }


def _year(run: Projection, place: int, currency: str) -> dict[str, Any]:
    year = run.years[place]
    income, cash = year.income, year.cash
    amounts = {
        "revenue": income.revenue,
        "vat_refund": income.vat_refund,
        "opex": income.opex,
        "ebitda": income.ebitda,
        "depreciation": income.depreciation,
        "disposal": income.disposal,
        "interest": income.interest,
        "tax": income.tax,
        "profit": income.profit,
        "cash_project": cash.project,
        "cash_debt_service": cash.service,
        "cash_owners": cash.owners,
    }
    return {
        "year": year.number,
        "from": f"{year.start:%Y-%m-%d}",
        **{name: _money(minor, currency) for name, minor in amounts.items()},
        "dscr": run.covers[place - 1] if place else None,
    }


def _rate(irr: Irr) -> dict[str, Any]:
    return {"value": irr.value, "remark": irr.remark}


def _money(minor: int, currency: str) -> dict[str, str]:
    return {"amount": f"{Money(minor, currency).amount:f}", "currency": currency}


def _short(value: Mapping[str, str], currency: str) -> str:
    """`26.62亿`: what fits a table. The exact amounts are in --output json."""
    return shown(Fraction(value["amount"]), Unit.MONEY, currency)


def show(plan: Plan, outcomes: Mapping[str, Outcome], rows: Sequence[Row]) -> None:
    """Each scenario by year, then side by side, then the source's own figures."""
    sample = " A sample: nobody's plan." if plan.sample else ""
    print(f"{plan.name}. {plan.source}.{sample}".replace("..", "."))
    for name, outcome in outcomes.items():
        print()
        _scenario_tables(name, outcome)
    if len(outcomes) > 1:
        print()
        print_table(_side_by_side(outcomes), _compared(outcomes))
    evidence_table.show(rows)


def _scenario_tables(name: str, outcome: Outcome) -> None:
    case, currency = outcome.case, outcome.case.currency
    each = _scenario(outcome)
    amounts = f"amounts in {currency}"
    print(f"Scenario {name}: {case.months} months, {outcome.invoices} invoices, {amounts}")
    print()
    heads = (
        ("REVENUE", "revenue"),
        ("VAT", "vat_refund"),
        ("OPEX", "opex"),
        ("DEPRECIATION", "depreciation"),
        ("DISPOSAL", "disposal"),
        ("INTEREST", "interest"),
        ("TAX", "tax"),
        ("PROFIT", "profit"),
        ("DEBT SERVICE", "cash_debt_service"),
        ("TO OWNERS", "cash_owners"),
    )
    wide = {"OPEX": 70, "TAX": 70, "INTEREST": 85, "DEPRECIATION": 105, "DEBT SERVICE": 105}
    wide |= {"VAT": 120, "DISPOSAL": 120}
    columns = [Column("YEAR", lambda row: row["year"], right=True)]
    columns += [_amount(title, key, currency, wide.get(title, 0)) for title, key in heads]
    columns.append(Column("DSCR", lambda row: _times(row["dscr"]), right=True))
    print_table(columns, each["years"])
    print()
    print_facts(_returns(outcome))
    _check(each)


def _check(each: Mapping[str, Any]) -> None:
    print("The books balance." if each["books_balance"] else "THE BOOKS DO NOT BALANCE.")


def _amount(title: str, key: str, currency: str, from_width: int) -> Column:
    return Column(title, lambda row: _short(row[key], currency), right=True, from_width=from_width)


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}x"


def _returns(outcome: Outcome) -> list[tuple[str, object]]:
    run, each = outcome.projection, _scenario(outcome)
    currency = outcome.case.currency
    discounted = f"Present value to the owners, at {float(outcome.case.discount_rate):.1%}"
    return [
        ("Payback", _months(each["project_payback_months"])),
        ("Payback of equity", _months(each["equity_payback_months"])),
        ("IRR of the project, before tax", str(run.project_irr)),
        ("IRR of equity, after tax", str(run.equity_irr)),
        ("DSCR, least", _times(run.min_cover)),
        ("DSCR, average", _times(run.average_cover)),
        (discounted, _short(each["net_present_value"], currency)),
        ("Multiple of equity", _times(run.multiple)),
        ("Profit", _short(each["profit"], currency)),
        ("Lowest cash", _short(each["lowest_cash"], currency)),
        ("Cost of a GPU-hour", each["cost_per_gpu_hour"] and money(each["cost_per_gpu_hour"])),
    ]


def _months(count: int | None) -> str:
    return "never" if count is None else f"month {count}"


def _compared(outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    facts = {name: dict(_returns(outcome)) for name, outcome in outcomes.items()}
    names = next(iter(facts.values()))
    return [{"what": what, **{name: facts[name][what] for name in facts}} for what in names]


def _side_by_side(outcomes: Mapping[str, Outcome]) -> list[Column]:
    columns = [Column("SIDE BY SIDE", lambda row: row["what"])]
    return columns + [_named(name) for name in outcomes]


def _named(name: str) -> Column:
    return Column(name.upper(), lambda row: row[name], right=True)
