"""`rackrate quote`: create, sign, extend, withdraw, approve, list, show."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from rackrate.cli.client import Client, Row, connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, day, local
from rackrate.cli.quote_terms import read_terms, terms_facts
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    money,
    print_done,
    print_facts,
    print_json,
    print_page,
    print_table,
    state,
)
from rackrate.cli.wish import only_project

quote = noun("Offers with a hold behind them: create, sign, extend, withdraw, approve, list, show.")
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([dhm])")
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60}
TermsFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="YAML, as `terms:` of a contract document.")
]
QuoteId = Annotated[str, typer.Argument(metavar="QUOTE")]


@quote.command()
def create(
    sku: Annotated[str, typer.Option(help="A SKU of whole nodes: rackrate sku list")],
    count: Annotated[int, typer.Option(min=1, help="How many nodes.")],
    start: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, as 2027-03-01.")],
    months: Annotated[int | None, typer.Option(min=1, help="For so many months.")] = None,
    end: Annotated[str, typer.Option("--until", metavar="DAY", help="First day after it.")] = "",
    customer: Annotated[str, typer.Option(help="Enough where it has one project.")] = "",
    project: Annotated[str, typer.Option(envvar="RACKRATE_PROJECT")] = "",
    same_block: Annotated[bool, typer.Option("--same-block", help="On one fabric.")] = False,
    discount: Annotated[str, typer.Option(help="Percent off the contract price.")] = "0",
    monthly: Annotated[str, typer.Option(help="A calendar month's amount, not the book's.")] = "",
    prepayment: Annotated[str, typer.Option(help="Percent of it all, due at signature.")] = "0",
    expires: Annotated[str, typer.Option(help="How long to hold: 14d, 36h or 90m.")] = "14d",
    name: Annotated[str, typer.Option()] = "",
    terms: TermsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say; hold nothing.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Whether it fits and what it costs; the nodes are held until the quote expires."""
    if (months is None) == (not end):
        raise Usage("say --months or --until, one of the two")
    client = connect()
    buyer = _buyer(client, customer, project)
    zone = str(buyer["time_zone"])
    what = {"sku": sku, "nodes": count, "same_block": same_block, "name": name}
    body: dict[str, object] = {
        **what,
        "customer": customer or None,
        "project": project or buyer["project"],
        "start": _instant("--from", start, zone),
        "months": months,
        "end": _instant("--until", end, zone) if end else None,
        "discount_percent": discount,
        "prepayment_percent": prepayment,
        "monthly": {"amount": monthly, "currency": buyer["currency"]} if monthly else None,
        "hold_seconds": _length(expires),
        "terms": read_terms(terms, lambda at: _instant("--terms", at, zone)) if terms else {},
    }
    given = client.post("/v1/quotes/answer" if dry_run else "/v1/quotes", body)
    (_print_answer if dry_run else _print_quote)(given, zone, output)


def _buyer(client: Client, customer: str, project: str) -> Row:
    """Who it is for: zone and currency, and the project where only one can be meant."""
    if customer:
        return {**client.get(path("customers", customer)), "project": None}
    named = project or only_project(client)
    owner = client.get(path("projects", named))["customer"]
    return {**client.get(path("customers", owner)), "project": named}


def _instant(option: str, text: str, zone: str) -> str:
    """Midnight of a day in the buyer's zone, or the instant that was given whole."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(f"{option} {text!r} is not a day as 2027-03-01") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.isoformat()


def _length(text: str) -> int:
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise Usage(f"--expires {text!r} is not a length as 14d, 36h or 90m")
    return int(match[1]) * _SECONDS[match[2]]


_WAYS = {"fewer": "fewer", "later": "later", "blocks": "over blocks", "other": "another"}


def _way(row: Row) -> str:
    share = row["pflops_percent"]
    if row["way"] == "other" and share is not None:
        return f"another, {share} % of the FLOPS asked for"
    return _WAYS[row["way"]]


ALTERNATIVES = (
    Column("INSTEAD", _way),
    Column("WHAT", lambda row: f"{row['nodes']} x {row['sku']}"),
    Column("AT", lambda row: row["site"], from_width=110),
    Column("BLOCKS", lambda row: row["blocks"], right=True, from_width=90),
    Column("FROM", lambda row: row["from"]),
    Column("UNTIL", lambda row: row["until"]),
    Column("A MONTH", lambda row: money(row["monthly"]) or "no price", right=True),
    Column("ALL OF IT", lambda row: money(row["value"]), right=True),
)


def _with_days(row: Row, zone: str) -> Row:
    during = row["during"]
    return {**row, "from": _day(during["start"], zone), "until": _day(during["end"], zone)}


def _day(text: str, zone: str) -> str:
    """The date; with the time where it is not midnight."""
    shown = local(text, zone)
    return shown[:10] if shown[11:19] == "00:00:00" else shown[:19]


def _short(given: Row, zone: str) -> str:
    where = " on one block" if given["same_block"] else ""
    possible = given["possible"] or "none"
    said = (
        f"{given['nodes']} nodes of {given['sku']}{where} cannot be promised from "
        f"{_day(given['during']['start'], zone)} to {_day(given['during']['end'], zone)}: "
        f"at most {possible} can"
    )
    if given["earliest"]:
        return f"{said}; all of them from {_day(given['earliest'], zone)}"
    return f"{said}; no date for all of them within the calendar"


def _print_answer(given: Row, zone: str, output: Format) -> None:
    if output is Format.JSON:
        print_json(given)
        return
    fits = "yes" if given["fits"] else _short(given, zone)
    print_facts([("Fits", fits), *_price_facts(given, zone)])
    if given["alternatives"]:
        print()
        print_table(ALTERNATIVES, [_with_days(row, zone) for row in given["alternatives"]])


def _price_facts(row: Row, zone: str) -> list[tuple[str, object]]:
    tier, block = row["tier"], ", on one block" if row["same_block"] else ""
    listed = ""
    if tier is not None:
        listed = (
            f"{money(tier['amount'])} a node, from {tier['months']} months and "
            f"{tier['nodes']} nodes"
        )
    off = "" if float(row["discount_percent"]) == 0 else f", {row['discount_percent']} % off"
    tax = "tax inside" if row["tax_included"] else "before tax"
    return [
        ("What", f"{row['nodes']} x {row['sku']} at {row['site']}{block}"),
        ("From", local(row["during"]["start"], zone)),
        ("Until", local(row["during"]["end"], zone)),
        ("Price", listed or "by agreement"),
        ("Basis", row["basis"]),
        ("A month", f"{money(row['monthly'])}{off}, {tax}"),
        ("All of it", money(row["value"])),
        ("Prepayment", money(row["prepayment"])),
        ("Instalments", _runs(row["instalments"])),
        ("Approval", _approval(row)),
        *terms_facts(row["terms"], zone),
    ]


def _runs(instalments: list[Row]) -> str:
    """`36 x 44,000.00 CNY`; where cents are spread, each amount with its count."""
    counts: dict[str, int] = {}
    for part in instalments:
        shown = money(part["due"])
        counts[shown] = counts.get(shown, 0) + int(part.get("count", 1))
    return ", ".join(f"{count} x {amount}" for amount, count in counts.items())


def _approval(row: Row) -> str:
    if not row["needs_approval"]:
        return ""
    who = row.get("approver")
    return f"given by {who}" if who else "a second person has to approve this before it is signed"


def _print_quote(row: Row, zone: str, output: Format) -> None:
    if output is Format.JSON:
        print_json(row)
        return
    held = ", ".join(f"{each['nodes']} in {each['pool']}" for each in row["pools"])
    print_facts(
        [
            ("Quote", f"{row['id']} {row['name']}".strip()),
            ("State", row["state"]),
            ("Customer", f"{row['customer']}, project {row['project']}"),
            *_price_facts(row, zone),
            ("Held", f"{held} until {local(row['expires'], zone)}" if held else "nothing"),
            ("Contract", row["contract"]),
            ("Author", row["author"]),
        ]
    )
    if row["state"] == "open":
        todo = "approve" if row["needs_approval"] and not row["approver"] else "sign"
        print(f"\nNext: rackrate quote {todo} {row['id']}")


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
    row = client.post(path("quotes", id, "extend"), {"until": _instant("--until", until, zone)})
    print_done(row, output, f"{id} holds its nodes until {local(row['expires'], zone)}")


@quote.command()
def withdraw(id: QuoteId, output: Output = Format.TABLE) -> None:
    """Take it back: its nodes are free at once."""
    client = connect()
    before = client.get(path("quotes", id))["withdrawn"]
    row = client.post(path("quotes", id, "withdraw"))
    said = f"{id} is withdrawn, and its {row['nodes']} nodes are free"
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


QUOTES = (
    Column("QUOTE", lambda row: row["id"]),
    Column("STATE", _state, style=state),
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("WHAT", lambda row: f"{row['nodes']} x {row['sku']}"),
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
    _print_quote(row, _zone(client, row), output)
