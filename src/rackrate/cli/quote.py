"""`rackrate quote`: create, sign, extend, withdraw, approve, list, show."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from rackrate.cli.client import Client, Row, connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, day, instant, local
from rackrate.cli.quote_terms import read_terms
from rackrate.cli.quote_view import print_answer, print_quote
from rackrate.cli.quote_wish import Plain, Wish, asked
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    money,
    print_done,
    print_page,
    state,
)
from rackrate.core.words import nodes_said

quote = noun("Offers with a hold behind them: create, sign, extend, withdraw, approve, list, show.")
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([dhm])")
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60}
Then = Annotated[
    list[str] | None,
    typer.Option(metavar="N@DAY", help="A ramp: N nodes from then on, as 64@2027-06-01."),
]
FurtherLine = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LINE",
        help="One more line, as 'kind: service, title: Support, monthly: 5000'. May be repeated.",
    ),
]
QuoteFile = Annotated[
    Path | None,
    typer.Option("--file", "-f", metavar="FILE", help="YAML with `lines:` as of a contract."),
]
TermsFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="YAML, as `terms:` of a contract document.")
]
TaxIncluded = Annotated[
    bool | None, typer.Option("--tax-included/--tax-on-top", help="Of amounts that you name.")
]
QuoteId = Annotated[str, typer.Argument(metavar="QUOTE")]


@quote.command()
def create(
    sku: Annotated[str, typer.Option(help="A SKU of whole nodes: rackrate sku list")] = "",
    count: Annotated[int | None, typer.Option(min=1, help="How many nodes.")] = None,
    start: Annotated[
        str, typer.Option("--from", metavar="DAY", help="First day, as 2027-03-01.")
    ] = "",
    months: Annotated[int | None, typer.Option(min=1, help="For so many months.")] = None,
    end: Annotated[str, typer.Option("--until", metavar="DAY", help="First day after it.")] = "",
    then: Then = None,
    line: FurtherLine = None,
    file: QuoteFile = None,
    customer: Annotated[str, typer.Option(help="Enough where it has one project.")] = "",
    project: Annotated[str, typer.Option(envvar="RACKRATE_PROJECT")] = "",
    same_block: Annotated[bool, typer.Option("--same-block", help="On one fabric.")] = False,
    discount: Annotated[str, typer.Option(help="Percent off the contract price.")] = "",
    monthly: Annotated[str, typer.Option(help="A calendar month's amount, not the book's.")] = "",
    total: Annotated[str, typer.Option(help="In its place: the amount of all months.")] = "",
    tax_included: TaxIncluded = None,
    prepayment: Annotated[str, typer.Option(help="Percent of it all, due at signature.")] = "",
    expires: Annotated[str, typer.Option(help="How long to hold: 14d, 36h or 90m.")] = "14d",
    name: Annotated[str, typer.Option()] = "",
    terms: TermsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say; hold nothing.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Whether all of it fits and what it costs; the nodes are held until the quote expires."""
    plain = Plain(sku, count, start, months, end, monthly, total, tuple(then or ()), same_block)
    wish = Wish(plain, tuple(line or ()), file, customer, project)
    client = connect()
    whole = {"discount_percent": discount, "prepayment_percent": prepayment, "name": name}
    body, zone = asked(client, wish)
    body |= {field: given for field, given in whole.items() if given}
    body["hold_seconds"] = _length(expires)
    if tax_included is not None:
        body["tax_included"] = tax_included
    if terms:
        body["terms"] = read_terms(terms, lambda at: instant("--terms", at, zone))
    given = client.post("/v1/quotes/answer" if dry_run else "/v1/quotes", body)
    (print_answer if dry_run else print_quote)(given, zone, output)


def _length(text: str) -> int:
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise Usage(f"--expires {text!r} is not a length as 14d, 36h or 90m")
    return int(match[1]) * _SECONDS[match[2]]


def _zone(client: Client, row: Row) -> str:
    return str(client.get(path("customers", row["customer"]))["time_zone"])


@quote.command()
def sign(
    id: QuoteId,
    contract: Annotated[str, typer.Option(help="What to call it; left out: one is made.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Sign: what is held becomes the contract's, and what is due now is invoiced."""
    row = connect().post(path("quotes", id, "sign"), {"contract": contract or None})
    said = f"{id} is signed as {row['contract']}; its payments: rackrate contract show "
    print_done(row, output, said + row["contract"])


@quote.command()
def extend(
    id: QuoteId,
    until: Annotated[str, typer.Option(metavar="DAY", help="As 2026-12-20, or a full time.")],
    output: Output = Format.TABLE,
) -> None:
    """Hold the nodes longer."""
    client = connect()
    zone = _zone(client, client.get(path("quotes", id)))
    row = client.post(path("quotes", id, "extend"), {"until": instant("--until", until, zone)})
    print_done(row, output, f"{id} holds its nodes until {local(row['expires'], zone)}")


@quote.command()
def withdraw(id: QuoteId, output: Output = Format.TABLE) -> None:
    """Take it back: its nodes are free at once."""
    client = connect()
    before = client.get(path("quotes", id))["withdrawn"]
    row = client.post(path("quotes", id, "withdraw"))
    are = "is" if row["nodes"] == 1 else "are"
    said = f"{id} is withdrawn, and its {nodes_said(row['nodes'])} {are} free"
    if before:
        said = f"{id} was withdrawn before, at {local(before, _zone(client, row))}"
    print_done(row, output, said)


@quote.command()
def approve(id: QuoteId, output: Output = Format.TABLE) -> None:
    """Agree to a discount below the floor: somebody else than the author."""
    row = connect().post(path("quotes", id, "approve"))
    print_done(row, output, f"{id} is approved; next: rackrate quote sign {id}")


def _state(row: Row) -> str:
    waits = row["state"] == "open" and row["needs_approval"] and not row["approver"]
    return "approval" if waits else str(row["state"])


def _what(row: Row) -> str:
    """The most nodes; with how many lines, where that is not all of it."""
    lines = len(row["lines"])
    return f"{row['nodes']} x {row['sku']}" + (f", {lines} lines" if lines > 1 else "")


QUOTES = (
    Column("QUOTE", lambda row: row["id"]),
    Column("STATE", _state, style=state),
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("WHAT", _what),
    Column("FROM", lambda row: row["from"]),
    Column("UNTIL", lambda row: row["until"]),
    Column("A MONTH", lambda row: money(row["monthly"]), right=True),
    Column("HELD UNTIL", lambda row: row["held"]),
    Column("CONTRACT", lambda row: row["contract"]),
)


@quote.command("list")
def list_quotes(
    customer: Annotated[str, typer.Option()] = "",
    limit: Limit = 100,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Quotes that you may see, the newest first."""
    client = connect()
    answer: dict[str, Any] = client.get("/v1/quotes", customer=customer, limit=limit, after=after)
    if output is Format.TABLE:
        zone = Zones(client).entity()
        for row in answer["items"]:
            row["from"] = day(row["during"]["start"], zone)
            row["until"] = day(row["during"]["end"], zone)
            row["held"] = local(row["expires"], zone)[:16] if row["state"] == "open" else ""
    print_page(answer, output, QUOTES, "No quotes. Make one with: rackrate quote create")


@quote.command()
def show(id: QuoteId, output: Output = Format.TABLE) -> None:
    """A quote: price, hold, payments."""
    client = connect()
    row = client.get(path("quotes", id))
    print_quote(row, _zone(client, row), output)
