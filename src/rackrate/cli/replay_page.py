"""The report of a replay as one page that needs nothing but itself."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from rackrate.cli.chart import averaged
from rackrate.cli.replay_report import document
from rackrate.cli.table import money
from rackrate.sim.report import Report

WIDTH, HEIGHT = 960, 220
STYLE = """
:root { color-scheme: light dark; --ink: #16202b; --faint: #5b6875; --line: #d7dee5;
  --paper: #ffffff; --mark: #1f6feb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --faint: #9aa7b4; --line: #2d3742;
  --paper: #10161d; --mark: #58a6ff; } }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { color: var(--faint); margin: 0 0 1rem; } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left; }
td + td, th + th { font-variant-numeric: tabular-nums; text-align: right; }
th { color: var(--faint); font-weight: 600; } svg { display: block; height: auto; width: 100%; }
text { fill: var(--faint); font-size: 12px; } .grid { stroke: var(--line); }
.area { fill: var(--mark); fill-opacity: .25; stroke: var(--mark); stroke-width: 1.5; }
"""


def page(report: Report, title: str) -> str:
    """The same numbers as on the terminal, with the chart drawn."""
    rows = document(report, title)
    refused = report.jobs - report.started
    facts = (
        f"{report.jobs:,} jobs on {report.gpus:,} simulated GPUs: {report.started:,} ran, "
        f"{refused:,} were refused; {report.gpu_hours:,.0f} GPU-hours, "
        f"{report.mean_utilisation:.1%} of the fleet on average."
    )
    months = ([m["month"], f"{m['invoices']:,}", *_sums(m)] for m in rows["months"])
    refusals = (
        [r["reason"], f"{r['jobs']:,}", f"{r['gpus']:,}", r["gpu_hours"]] for r in rows["refusals"]
    )
    customers = ([r["customer"], money(r["net"])] for r in rows["revenue_by_customer"])
    skus = ([r["sku"], money(r["net"])] for r in rows["revenue_by_sku"])
    books = ([r["account"], money(r["amount"])] for r in rows["balances"])
    balance = "The books balance." if report.balanced else "The books do not balance."
    parts = [
        f"<h1>{escape(title)}</h1><p>{escape(facts)}</p>",
        f"<h2>Utilisation</h2>{_chart(report)}",
        _table("Refusals", ("Reason", "Jobs", "GPUs asked for", "GPU-hours"), refusals),
        _table("Invoices by month", ("Month", "Invoices", "Net", "Tax", "With tax"), months),
        _table("Revenue by SKU", ("SKU", "Net"), skus),
        _table("Revenue by customer", ("Customer", "Net"), customers),
        _table("Books", ("Account", "Amount"), books),
        f"<p>{balance}</p>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _sums(month: dict[str, Any]) -> list[str]:
    return [money(month["net"]), money(month["tax"]), money(month["gross"])]


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    if not body:
        return f"<h2>{escape(title)}</h2><p>None.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return (
        f'<h2>{escape(title)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _chart(report: Report) -> str:
    """Mean utilisation as an area, with its scale and its first and last day."""
    means = averaged(report.utilisation, WIDTH // 2)
    step = WIDTH / max(len(means), 1)
    points = " ".join(
        f"{place * step:.1f},{HEIGHT * (1 - min(mean, 1)):.1f} "
        f"{(place + 1) * step:.1f},{HEIGHT * (1 - min(mean, 1)):.1f}"
        for place, mean in enumerate(means)
    )
    grid = "".join(
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>'
        f'<text x="2" y="{y + 13}">{share:.0%}</text>'
        for share in (1.0, 0.75, 0.5, 0.25)
        for y in [HEIGHT * (1 - share)]
    )
    first, last = f"{report.start:%Y-%m-%d}", f"{report.end:%Y-%m-%d}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 20}" role="img" aria-label="Utilisation over time">'
        f'{grid}<polygon class="area" points="0,{HEIGHT} {points} {WIDTH},{HEIGHT}"/>'
        f'<text x="0" y="{HEIGHT + 16}">{first}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{last}</text></svg>'
    )
