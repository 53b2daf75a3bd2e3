"""The report of a replay, for a terminal and for programs."""

import os
from decimal import Decimal
from typing import Any

from rackrate.cli.chart import area, bar
from rackrate.cli.layout import terminal_width
from rackrate.cli.table import Column, Row, money, print_facts, print_table
from rackrate.core.money import Money
from rackrate.sim.report import Report

MOST_CUSTOMERS = 15
HEIGHT = 8
BAR = 20


def document(report: Report, title: str) -> dict[str, Any]:
    """All of it: times in UTC, money as the API writes it."""
    return {
        "title": title,
        "simulated": True,
        "start": f"{report.start:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{report.end:%Y-%m-%dT%H:%M:%SZ}",
        "jobs": report.jobs,
        "started": report.started,
        "refused": report.jobs - report.started,
        "refusals": [
            {"reason": r.reason, "jobs": r.jobs, "gpus": r.gpus, "gpu_hours": f"{r.gpu_hours:f}"}
            for r in report.refusals
        ],
        "gpus": report.gpus,
        "gpu_hours": f"{report.gpu_hours:f}",
        "mean_utilisation": round(report.mean_utilisation, 6),
        "hourly_utilisation": [round(share, 6) for share in report.utilisation],
        "revenue_by_customer": _shares(report, report.revenue_by_customer, "customer"),
        "revenue_by_sku": _shares(report, report.revenue_by_sku, "sku"),
        "months": [
            {
                "month": str(one.month),
                "invoices": one.invoices,
                "net": _money(report, one.net),
                "tax": _money(report, one.tax),
                "gross": _money(report, one.gross),
            }
            for one in report.months
        ],
        "balances": accounts(report),
        "balanced": report.balanced,
    }


def accounts(report: Report) -> list[Row]:
    """The books by account, all customers together."""
    sums: dict[str, int] = {}
    for balance in report.balances:
        sums[balance.account] = sums.get(balance.account, 0) + balance.book.minor
    return [
        {"account": str(account), "amount": _money(report, minor)}
        for account, minor in sorted(sums.items())
    ]


def _shares(report: Report, pairs: tuple[tuple[str, int], ...], name: str) -> list[Row]:
    return [{name: key, "net": _money(report, minor)} for key, minor in pairs]


def _money(report: Report, minor: int) -> dict[str, str]:
    return {"amount": f"{Money(minor, report.currency).amount:f}", "currency": report.currency}


MONTHS = (
    Column("MONTH", lambda row: row["month"]),
    Column("INVOICES", lambda row: row["invoices"], right=True),
    Column("NET", lambda row: money(row["net"]), right=True),
    Column("TAX", lambda row: money(row["tax"]), right=True, from_width=60),
    Column("WITH TAX", lambda row: money(row["gross"]), right=True),
)
REFUSALS = (
    Column("REFUSED FOR", lambda row: row["reason"]),
    Column("JOBS", lambda row: f"{row['jobs']:,}", right=True),
    Column("GPUS ASKED FOR", lambda row: f"{row['gpus']:,}", right=True),
    Column("GPU-HOURS", lambda row: f"{Decimal(row['gpu_hours']):,.0f}", right=True),
)
ACCOUNTS = (
    Column("ACCOUNT", lambda row: row["account"]),
    Column("AMOUNT", lambda row: money(row["amount"]), right=True),
)


def show(report: Report, title: str) -> None:
    """For people: what happened, in the order in which one asks."""
    rows = document(report, title)
    refused = report.jobs - report.started
    print(f"{title}, on {report.gpus:,} simulated GPUs")
    print()
    _chart(report)
    print()
    print_facts(
        [
            ("From", f"{report.start:%Y-%m-%d %H:%M} UTC"),
            ("Until", f"{report.end:%Y-%m-%d %H:%M} UTC"),
            ("Jobs", f"{report.jobs:,}, {report.started:,} ran, {refused:,} refused"),
            ("GPU-hours", f"{report.gpu_hours:,.0f}"),
            ("Utilisation", f"{report.mean_utilisation:.1%} of the fleet on average"),
        ]
    )
    for columns, name, empty in (
        (REFUSALS, "refusals", "Nothing was refused."),
        (MONTHS, "months", "No month was closed."),
        (_ranked("SKU", "sku", report), "revenue_by_sku", "No revenue."),
        (_ranked("CUSTOMER", "customer", report), "revenue_by_customer", "No revenue."),
        (ACCOUNTS, "balances", "Nothing was posted."),
    ):
        print()
        print_table(columns, rows[name][:MOST_CUSTOMERS], empty)
        if len(rows[name]) > MOST_CUSTOMERS:
            print(f"and {len(rows[name]) - MOST_CUSTOMERS} more; --output json has all")
    print()
    print("The books balance." if report.balanced else "THE BOOKS DO NOT BALANCE.")


def _chart(report: Report) -> None:
    """Utilisation over the whole time, as wide as the terminal is."""
    told = os.environ.get("COLUMNS", "")
    wide = terminal_width() or (int(told) if told.isdigit() else 80)
    for line in area(report.utilisation, max(wide - 6, 10), HEIGHT):
        print(line)
    first, last = f"{report.start:%Y-%m-%d}", f"{report.end:%Y-%m-%d}"
    gap = min(len(report.utilisation), max(wide - 6, 10)) - len(first) - len(last)
    print(f"      {first}{' ' * max(gap, 1)}{last}")


def _ranked(title: str, name: str, report: Report) -> tuple[Column, ...]:
    pairs = report.revenue_by_sku if name == "sku" else report.revenue_by_customer
    whole = sum(minor for _, minor in pairs) or 1
    shares = {key: minor / whole for key, minor in pairs}
    return (
        Column(title, lambda row: row[name]),
        Column("REVENUE", lambda row: money(row["net"]), right=True),
        Column("SHARE", lambda row: f"{shares[row[name]]:.1%}", right=True),
        Column("", lambda row: bar(shares[row[name]], BAR), from_width=70),
    )
