"""The report of a replay as one page that needs nothing but itself."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from html import escape
from typing import Any

from rackrate.cli.chart import averaged
from rackrate.cli.replay_report import document
from rackrate.cli.table import money
from rackrate.sim.report import Report

WIDTH, HEIGHT = 960, 240
A_WEEK_H = 7 * 24
MANY_DAYS = 400
STYLE = """
:root { color-scheme: light dark; --ink: #16202b; --faint: #55616d; --line: #d7dee5;
  --paper: #ffffff; --raised: #f4f6f8; --mark: #1a5fd0; --note: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --faint: #9aa7b4; --line: #2d3742;
  --paper: #10161d; --raised: #18212b; --mark: #6cb0ff; --note: #e3b341; } }
* { box-sizing: border-box; }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  margin: 2.5rem auto; max-width: 62rem; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .6rem; }
p { color: var(--faint); margin: 0 0 1rem; max-width: 46rem; }
.note { border-left: 3px solid var(--note); padding-left: .8rem; }
.facts { display: grid; gap: .75rem; grid-template-columns: repeat(4, 1fr); margin: 1.5rem 0; }
@media (max-width: 40rem) { .facts { grid-template-columns: repeat(2, 1fr); } }
.facts div { background: var(--raised); border-radius: 6px; padding: .7rem .9rem; }
.facts dt { color: var(--faint); font-size: .85rem; }
.facts dd { font-size: 1.3rem; font-variant-numeric: tabular-nums; font-weight: 600; margin: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem 0 .35rem 1.5rem; text-align: left;
  white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; }
td + td, th + th { font-variant-numeric: tabular-nums; text-align: right; }
th { color: var(--faint); font-weight: 600; } tfoot td { border: 0; font-weight: 600; }
svg { display: block; height: auto; width: 100%; } text { fill: var(--faint); font-size: 12px; }
.grid { stroke: var(--line); } .area { fill: var(--mark); fill-opacity: .18; }
.edge { fill: none; stroke: var(--mark); stroke-width: 1.5; stroke-linejoin: round; }
.hit { fill: transparent; } .hit:hover { fill: var(--mark); fill-opacity: .2; }
.bar { background: var(--mark); border-radius: 2px; display: inline-block; height: .6rem; }
td.bars { text-align: left; width: 30%; }
summary { color: var(--faint); cursor: pointer; margin: .75rem 0; }
@media print { body { margin: 0; max-width: none; } .hit { display: none; } }
"""
REASONS = {
    "no_capacity": "Not enough GPUs free at that moment (no_capacity)",
    "not_priced": "No price in force (not_priced)",
}


def page(report: Report, title: str) -> str:
    """The same numbers as on the terminal, with the chart drawn."""
    rows = document(report, title)
    how = (
        f"<p>Demand: {escape(title)}. Every job asked for a lease through the same use cases as "
        f"a customer would, on a virtual clock, from {report.start:%d %B %Y} to "
        f"{report.end:%d %B %Y}. What did not fit was refused, and not tried again.</p>"
        '<p class="note">All machines are simulated, and all amounts come from the example price '
        "in the fleet file: nobody paid them, and they say nothing about real prices.</p>"
    )
    parts = [
        f"<h1>{escape(title)}</h1>",
        how,
        _facts(report, rows),
        f"<h2>Utilisation</h2>{_chart(report)}{_weeks(report)}",
        _refusals(report, rows),
        _months(rows),
        _revenue("Revenue by SKU", "SKU", "sku", rows["revenue_by_sku"]),
        _revenue("Revenue by customer", "Customer", "customer", rows["revenue_by_customer"]),
        _books(report, rows),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - Rackrate replay</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _facts(report: Report, rows: dict[str, Any]) -> str:
    net = sum(Decimal(m["net"]["amount"]) for m in rows["months"])
    facts = (
        ("Jobs", f"{report.jobs:,}"),
        ("Ran", f"{report.started:,}"),
        ("Refused", f"{report.jobs - report.started:,}"),
        ("GPUs, simulated", f"{report.gpus:,}"),
        ("GPU-hours", f"{report.gpu_hours:,.0f}"),
        ("Mean utilisation", f"{report.mean_utilisation:.1%}"),
        ("Customers billed", f"{len(rows['revenue_by_customer']):,}"),
        (f"Revenue, net, {report.currency}", f"{net:,.0f}"),
    )
    items = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts)
    return f'<dl class="facts">{items}</dl>'


def _weeks(report: Report) -> str:
    """The chart's numbers for who cannot see it, or wants to copy them."""
    weeks = [
        report.utilisation[first : first + A_WEEK_H]
        for first in range(0, len(report.utilisation), A_WEEK_H)
    ]
    body = (
        [
            f"{report.start + timedelta(hours=place * A_WEEK_H):%Y-%m-%d}",
            f"{sum(week) / len(week):.1%}",
            f"{max(week):.1%}",
        ]
        for place, week in enumerate(weeks)
    )
    table = _table(("Week from", "Mean", "Busiest hour"), body)
    return f"<details><summary>As a table, by week</summary>{table}</details>"


def _refusals(report: Report, rows: dict[str, Any]) -> str:
    body = [
        [
            REASONS.get(r["reason"], r["reason"]),
            f"{r['jobs']:,}",
            f"{r['jobs'] / report.jobs:.1%}",
            f"{r['gpus']:,}",
            f"{Decimal(r['gpu_hours']):,.0f}",
        ]
        for r in rows["refusals"]
    ]
    if not body:
        return "<h2>Refusals</h2><p>Nothing was refused.</p>"
    heads = ("Reason", "Jobs", "Of all jobs", "GPUs asked for", "GPU-hours not sold")
    return f"<h2>Refusals</h2>{_table(heads, body)}"


def _months(rows: dict[str, Any]) -> str:
    body = ([m["month"], f"{m['invoices']:,}", *_sums(m)] for m in rows["months"])
    heads = ("Month", "Invoices", "Net", "Tax", "With tax")
    return f"<h2>Invoices by month</h2>{_table(heads, body)}"


def _sums(month: dict[str, Any]) -> list[str]:
    return [money(month["net"]), money(month["tax"]), money(month["gross"])]


def _revenue(title: str, head: str, name: str, rows: Sequence[dict[str, Any]]) -> str:
    """Net revenue with each one's share of it, as a number and as a bar."""
    amounts = [Decimal(row["net"]["amount"]) for row in rows]
    whole, most = sum(amounts) or Decimal(1), max(amounts, default=Decimal(1)) or Decimal(1)
    body = "".join(
        f"<tr><td>{escape(row[name] or 'none')}</td><td>{money(row['net'])}</td>"
        f'<td>{amount / whole:.1%}</td><td class="bars"><span class="bar" aria-hidden="true" '
        f'style="width:{max(amount / most, Decimal(0)):.1%}"></span></td></tr>'
        for row, amount in zip(rows, amounts, strict=True)
    )
    return (
        f'<h2>{title}</h2><div class="wide"><table><thead><tr><th>{head}</th><th>Net</th>'
        f"<th>Share</th><th></th></tr></thead><tbody>{body}</tbody></table></div>"
    )


def _books(report: Report, rows: dict[str, Any]) -> str:
    """The trial balance: debits on one side, credits on the other, the same sum on both."""
    amounts = [(row["account"], Decimal(row["amount"]["amount"])) for row in rows["balances"]]
    debits = sum((amount for _, amount in amounts if amount > 0), Decimal(0))
    credits = -sum((amount for _, amount in amounts if amount < 0), Decimal(0))
    body = (
        [account, f"{amount:,}" if amount > 0 else "", f"{-amount:,}" if amount < 0 else ""]
        for account, amount in amounts
    )
    verdict = "The books balance" if report.balanced else "The books do not balance"
    last = (
        f"{verdict}. Debits less credits: {debits - credits:,}",
        f"{debits:,}",
        f"{credits:,}",
    )
    heads = (f"Account, in {report.currency}", "Debit", "Credit")
    return f"<h2>Trial balance</h2>{_table(heads, body, last)}"


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], last: Sequence[str] | None = None
) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(_row(row) for row in rows)
    foot = f"<tfoot>{_row(last)}</tfoot>" if last else ""
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody>{foot}</table></div>"
    )


def _row(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _chart(report: Report) -> str:
    """Mean utilisation as an area, with its scale, its months, and a figure under the pointer."""
    means = averaged(report.utilisation, WIDTH // 2)
    step = WIDTH / max(len(means), 1)
    points = " ".join(
        f"{x * step:.1f},{HEIGHT * (1 - min(mean, 1)):.1f}"
        for place, mean in enumerate(means)
        for x in (place, place + 1)
    )
    grid = "".join(
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y:.0f}" y2="{y:.0f}"/>'
        f'<text x="-6" y="{y + 4:.0f}" text-anchor="end">{share:.0%}</text>'
        for share in (1.0, 0.75, 0.5, 0.25, 0.0)
        for y in [HEIGHT * (1 - share)]
    )
    return (
        f'<svg viewBox="-40 -8 {WIDTH + 40} {HEIGHT + 32}" role="img" '
        f'aria-label="Share of the GPUs in use over time; the numbers follow as a table">{grid}'
        f'{_dates(report)}<polygon class="area" points="0,{HEIGHT} {points} {WIDTH},{HEIGHT}"/>'
        f'<polyline class="edge" points="{points}"/>{_days(report)}</svg>'
    )


def _dates(report: Report) -> str:
    """A mark where each month begins; the first and last day where there are no months."""
    hours = max(len(report.utilisation), 1)
    marks = [(0.0, "start", f"{report.start:%Y-%m-%d}")]
    for hour in range(1, hours):
        at = report.start + timedelta(hours=hour)
        if (at.day, at.hour) == (1, 0) and hour < hours * 0.95:
            marks.append((WIDTH * hour / hours, "start", f"{at:%b %Y}"))
    if len(marks) == 1:
        marks.append((WIDTH, "end", f"{report.end:%Y-%m-%d}"))
    marks = [one for one in marks if one[0] == 0 or one[0] > WIDTH * 0.1]
    return "".join(
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT + 6}"/>'
        f'<text x="{x:.1f}" y="{HEIGHT + 19}" text-anchor="{anchor}">{text}</text>'
        for x, anchor, text in marks
    )


def _days(report: Report) -> str:
    """A stretch for every day, or for so many days that there are not too many, with its mean."""
    hours = len(report.utilisation)
    each = 24 * (1 + hours // (24 * MANY_DAYS))
    return "".join(
        f'<rect class="hit" x="{WIDTH * first / hours:.1f}" y="0" '
        f'width="{WIDTH * len(part) / hours:.1f}" height="{HEIGHT}"><title>'
        f"{report.start + timedelta(hours=first):%a %d %b %Y}: {sum(part) / len(part):.1%}"
        "</title></rect>"
        for first in range(0, hours, each)
        for part in [report.utilisation[first : first + each]]
    )
