"""`rackrate contract`: sign, list, show."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from rackrate.cli import use_words
from rackrate.cli.client import connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, day, local
from rackrate.cli.quote_terms import changes, invoiced, plain, prepaid
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    Row,
    money,
    print_done,
    print_facts,
    print_json,
    print_page,
    print_table,
)
from rackrate.cli.wish import only_project
from rackrate.core.words import counted

contract = noun("Signed capacity: sign, show, amend, deliver.")


@contract.command()
def sign(
    sku: Annotated[str, typer.Option(help="A SKU of whole nodes.")],
    nodes: Annotated[int, typer.Option(min=1)],
    start: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, as 2027-01-01.")],
    end: Annotated[str, typer.Option("--until", metavar="DAY", help="First day after it.")],
    monthly: Annotated[str, typer.Option(help="A calendar month's amount, as 1200000.00")] = "",
    total: Annotated[str, typer.Option(help="In its place: the amount of all months.")] = "",
    currency: Annotated[str, typer.Option(help="Left out: the customer's.")] = "",
    prepayment: Annotated[str, typer.Option(help="Percent of it all, due at signature.")] = "0",
    tax_included: Annotated[bool, typer.Option("--tax-included/--tax-on-top")] = False,
    project: Annotated[str, typer.Option(envvar="RACKRATE_PROJECT")] = "",
    id: Annotated[str, typer.Option(help="Left out: one is made.")] = "",
    name: Annotated[str, typer.Option()] = "",
    output: Output = Format.TABLE,
) -> None:
    """Sign: nodes are reserved for the whole term, and what is due now is invoiced."""
    if bool(monthly) == bool(total):
        raise Usage("say --monthly or --total, one of the two")
    client = connect()
    whose = project or only_project(client)
    buyer = client.get(path("customers", client.get(path("projects", whose))["customer"]))
    body: dict[str, object] = {
        "project": whose,
        "sku": sku,
        "nodes": nodes,
        "start": instant("--from", start, buyer["time_zone"]),
        "end": instant("--until", end, buyer["time_zone"]),
        "total" if total else "monthly": {
            "amount": total or monthly,
            "currency": currency or buyer["currency"],
        },
        "prepayment_percent": prepayment,
        "tax_included": tax_included,
        "name": name,
    }
    if id:
        body["id"] = id
    row = client.post("/v1/contracts", body)
    said = f"{row['id']} is signed: {nodes} x {sku} reserved; its payments: rackrate contract show "
    print_done(row, output, said + row["id"])


def instant(option: str, text: str, zone: str) -> str:
    """Midnight of a day in the buyer's zone, or the instant that was given whole."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(f"{option} {text!r} is not a day as 2027-01-01") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.isoformat()


CONTRACTS = (
    Column("CONTRACT", lambda row: row["id"]),
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("WHAT", lambda row: _whats(row["commitments"])),
    Column("FROM", lambda row: row["from"]),
    Column("UNTIL", lambda row: row["until"]),
    Column("NODES AT MOST", lambda row: row["peak"], right=True, from_width=90),
    Column("TIMES", lambda row: row["zone"], from_width=110),
)


@contract.command("list")
def list_contracts(
    customer: Annotated[str, typer.Option()] = "",
    limit: Limit = 100,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Contracts that you may see."""
    client = connect()
    answer = client.get("/v1/contracts", customer=customer, limit=limit, after=after)
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            row["zone"] = zones.entity(row["entity"])
            row["from"] = day(row["during"]["start"], row["zone"])
            row["until"] = day(row["during"]["end"], row["zone"])
    print_page(answer, output, CONTRACTS, "No contracts. Sign one with: rackrate contract sign")


def _whats(commitments: list[Row]) -> str:
    """What it commits to, in the order of signing; the first two of many."""
    said = [str(each["what"]) for each in commitments if each["lasts"]]
    more = f" and {len(said) - 2} more" if len(said) > 2 else ""
    return ", ".join(said[:2]) + more


def _due_with(amendment: Row) -> str:
    """Its prepayment, fee and credit: those that it has."""
    named = ("prepayment", "fee", "credit")
    return ", ".join(
        f"{name} {money(amendment[name])}" for name in named if Decimal(amendment[name]["amount"])
    )


def _after(row: Row) -> str:
    """The commitment that it follows, and whether with other nodes."""
    if not row["follows"]:
        return ""
    return f"{row['follows']}, with other nodes" if row["anew"] else str(row["follows"])


def _amount(row: Row) -> str:
    """As it was agreed: of a month, of all of it, or of a node and hour."""
    return money(row["hourly"] or row["total"] or row["amount"])


def _each(row: Row) -> str:
    if row["kind"] == "one_off":
        return "once, accepted" if row["waits"] else "once"
    if row["hourly"]:
        return "node, hour"
    return use_words.each(row) or ("in all" if row["total"] else "month")


COMMITMENTS = (
    Column("NO", lambda row: row["number"], right=True),
    Column("COMMITTED", lambda row: row["what"]),
    Column("FROM", lambda row: row["from"] or "called off"),
    Column("UNTIL", lambda row: row["until"]),
    Column("AMOUNT", _amount, right=True),
    Column("EACH", _each),
    Column("TAXED AS", lambda row: f"a {row['supply']}" if row["supply"] else "", from_width=110),
    Column("GOES ON AFTER", _after, from_width=110),
)
AMENDMENTS = (
    Column("NO", lambda row: row["number"], right=True),
    Column("AGREED", lambda row: row["at"]),
    Column("FROM", lambda row: row["effective"]),
    Column("AMENDMENT", lambda row: f"{row['kind']}: {_changed(row)}"),
    Column("DUE WITH IT", _due_with, right=True),
)
DELIVERIES = (
    Column("DELIVERY", lambda row: f"{row['commitment']}/{row['number']}"),
    Column("NODES", lambda row: row["nodes"], right=True),
    Column("DUE", lambda row: row["due"]),
    Column("DELIVERED", lambda row: row["delivered"]),
    Column("ACCEPTED", lambda row: row["accepted"]),
    Column("DAYS LATE", lambda row: row["days_late"] or "", right=True),
    Column("DAMAGES", lambda row: money(row["damages"]) if row["days_late"] else "", right=True),
)
INSTALMENTS = (
    Column("COMMITMENT", lambda row: row["commitment"], right=True),
    Column("MONTH", lambda row: row["month"]),
    Column("VALUE", lambda row: row["value"] and money(row["value"]), right=True),
    Column("DRAWN DOWN", lambda row: money(row["drawdown"]), right=True),
    Column("DUE", lambda row: row["due"] and money(row["due"]), right=True),
    Column("INVOICED IN", lambda row: row.get("invoiced", "")),
)


@contract.command()
def show(
    id: Annotated[str, typer.Argument(metavar="CONTRACT")], output: Output = Format.TABLE
) -> None:
    """A contract with its payment plan."""
    client = connect()
    row = client.get(path("contracts", id))
    if output is Format.JSON:
        print_json(row)
        return
    zone = Zones(client).entity(row["entity"])
    print_facts(_facts(row, zone))
    for columns, rows in (
        (COMMITMENTS, _dated(row["commitments"], zone)),
        (AMENDMENTS, _dated(row["amendments"], zone)),
        (DELIVERIES, _dated(row["deliveries"], zone)),
        (INSTALMENTS, [*_by_month(row["instalments"]), *_together(row)]),
        (use_words.MINIMUMS, row["minimums"]),
    ):
        if rows:
            print()
            print_table(columns, rows)


def _changed(row: Row) -> str:
    """What an amendment changes; that which only adds says its kind itself."""
    return str(row["what"]).removeprefix(f"{row['kind']}: ")


def _facts(row: Row, zone: str) -> list[tuple[str, object]]:
    terms = row["terms"]
    renewal, early, upgrade = terms["renewal"], terms["early_end"], terms["upgrade"]
    damages, shrink = terms["damages"], plain(terms["may_shrink_percent"])
    return [
        ("Contract", f"{row['id']} {row['name']}".strip()),
        ("Customer", f"{row['customer']}, project {row['project']}"),
        ("From", local(row["during"]["start"], zone)),
        ("Until", local(row["during"]["end"], zone)),
        ("All of it", use_words.worth(row)),
        ("Tax", "inside" if row["tax_included"] else "on top"),
        ("Prepayment", f"{money(row['prepayment'])}, {plain(row['prepayment_percent'])} %"),
        ("Signed", local(row["signed"], zone)),
        ("Accepted by", "" if terms["acceptance"] == "none" else terms["acceptance"]),
        ("Renewal", "" if row["ended"] else renewal and _renewal(renewal, zone)),
        ("Held for it", held_for(row["right_to_renew"], zone)),
        ("Early end", early and _early_end(early, zone)),
        ("Late delivery", damages and _damages(damages)),
        ("Upgrade", upgrade and _upgrade(upgrade, zone)),
        ("May give back", "" if shrink == "0" else f"{shrink} % of the nodes"),
        ("Delivered in", ", ".join(terms["jurisdiction"])),
        ("Blocks", "of its own" if terms["dedicated"] else ""),
        ("Invoiced", invoiced(terms["payment"])),
        ("Prepaid", prepaid(terms["payment"])),
        *changes(terms),
        *use_words.facts(row),
    ]


def _renewal(right: Row, zone: str) -> str:
    until, percent = local(right["decide_by"], zone), plain(right["price_percent"])
    return f"{counted(right['months'], 'month')} at {percent} %, to be decided by {until}"


# Why nothing is held, where nothing is.
NOT_HELD = {
    "if_free": "nothing: it brings what is free when it is used",
    "used": "nothing more: it was used",
    "lapsed": "nothing more: it has lapsed",
    "void": "nothing more: the contract was ended early",
}


def held_for(right: Row | None, zone: str) -> str:
    """What is on the calendar for a right to renew, until when it can be used."""
    if right is None:
        return ""
    if right["state"] != "held":
        return NOT_HELD[right["state"]]
    spans: dict[tuple[str, str], int] = {}
    for row in right["held"]:
        key = row["during"]["start"], row["during"]["end"]
        spans[key] = spans.get(key, 0) + row["nodes"]
    said = [
        f"{counted(nodes, 'node')} from {local(start, zone)} to {local(end, zone)}"
        for (start, end), nodes in sorted(spans.items())
    ]
    if right["elsewhere"]:
        said.append(f"{right['elsewhere']} of them on other blocks than now")
    return "; ".join(said) or "no nodes: it is for what else is paid by the month"


def _early_end(right: Row, zone: str) -> str:
    first = f", not before {day(right['not_before'], zone)}" if right["not_before"] else ""
    fee = f"{plain(right['fee_percent'])} % of what is then not delivered"
    return f"for {fee}, {right['notice_days']} days ahead{first}"


def _damages(agreed: Row) -> str:
    daily, most = plain(agreed["percent_per_day"]), plain(agreed["cap_percent"])
    return f"{daily} % of a month a day, at most {most} %"


def _upgrade(right: Row, zone: str) -> str:
    credit = f"credit {plain(right['credit_percent'])} % of what the old ones would have cost"
    return f"to {right['chip']} from {day(right['not_before'], zone)}, {credit}"


def _together(row: Row) -> list[Row]:
    """What the plan adds up to: value is what is drawn down and what is due."""
    if not row["instalments"]:
        return []
    sums = {name: _sum(row, name) for name in ("value", "drawdown", "due")}
    rows: list[Row] = [{"commitment": "", "month": "together", **sums}]
    if Decimal(row["left"]["amount"]) and row["balance"] is None:
        back = {"value": "", "drawdown": row["left"], "due": ""}
        rows.append({"commitment": "", "month": "goes back at the end", **back})
    return rows


def _sum(row: Row, name: str) -> Row:
    whole = sum((Decimal(each[name]["amount"]) for each in row["instalments"]), Decimal(0))
    return {"amount": str(whole), "currency": row["currency"]}


def _dated(rows: list[Row], zone: str) -> list[Row]:
    """The rows with the days that they name, on the calendar of `zone`."""
    for row in rows:
        for name in ("at", "effective", "due", "delivered", "accepted"):
            row[name] = day(row[name], zone) if name in row else ""
        lasts = row.get("lasts")
        row["from"] = day(lasts["start"], zone) if lasts else ""
        row["until"] = day(lasts["end"], zone) if lasts else ""
    return rows


def _by_month(rows: list[Row]) -> list[Row]:
    """With the name of the commitment where there are several in the plan."""
    several = len({row["commitment"] for row in rows}) > 1
    return [{**row, "commitment": row["commitment"] if several else ""} for row in rows]
