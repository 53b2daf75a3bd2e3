"""`rackrate contract`: sign, list, show."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from rackrate.cli.client import connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, day, local
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
)
from rackrate.cli.wish import only_project

contract = noun("Signed capacity: sign, list, show.")


@contract.command()
def sign(
    sku: Annotated[str, typer.Option(help="A SKU of whole nodes.")],
    nodes: Annotated[int, typer.Option(min=1)],
    start: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, as 2027-01-01.")],
    end: Annotated[str, typer.Option("--until", metavar="DAY", help="First day after it.")],
    monthly: Annotated[str, typer.Option(help="A calendar month's amount, as 1200000.00")],
    currency: Annotated[str, typer.Option(help="Left out: the customer's.")] = "",
    prepayment: Annotated[str, typer.Option(help="Percent of it all, due at signature.")] = "0",
    tax_included: Annotated[bool, typer.Option("--tax-included/--tax-on-top")] = False,
    project: Annotated[str, typer.Option(envvar="RACKRATE_PROJECT")] = "",
    id: Annotated[str, typer.Option(help="Left out: one is made.")] = "",
    name: Annotated[str, typer.Option()] = "",
    output: Output = Format.TABLE,
) -> None:
    """Sign: nodes are reserved for the whole term, and what is due now is invoiced."""
    client = connect()
    whose = project or only_project(client)
    buyer = client.get(path("customers", client.get(path("projects", whose))["customer"]))
    body: dict[str, object] = {
        "project": whose,
        "sku": sku,
        "nodes": nodes,
        "start": _instant("--from", start, buyer["time_zone"]),
        "end": _instant("--until", end, buyer["time_zone"]),
        "monthly": {"amount": monthly, "currency": currency or buyer["currency"]},
        "prepayment_percent": prepayment,
        "tax_included": tax_included,
        "name": name,
    }
    if id:
        body["id"] = id
    row = client.post("/v1/contracts", body)
    said = f"{row['id']} is signed: {nodes} x {sku} reserved; its payments: rackrate contract show "
    print_done(row, output, said + row["id"])


def _instant(option: str, text: str, zone: str) -> str:
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
    Column("WHAT", lambda row: f"{row['nodes']} x {row['sku']}"),
    Column("FROM", lambda row: row["from"]),
    Column("UNTIL", lambda row: row["until"]),
    Column("A MONTH", lambda row: money(row["monthly"]), right=True),
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


INSTALMENTS = (
    Column("MONTH", lambda row: row["month"]),
    Column("VALUE", lambda row: money(row["value"]), right=True),
    Column("DRAWN DOWN", lambda row: money(row["drawdown"]), right=True),
    Column("DUE", lambda row: money(row["due"]), right=True),
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
    tax = "tax inside" if row["tax_included"] else "before tax"
    print_facts(
        [
            ("Contract", f"{row['id']} {row['name']}".strip()),
            ("Customer", f"{row['customer']}, project {row['project']}"),
            ("What", f"{row['nodes']} x {row['sku']} at {row['site']}"),
            ("From", local(row["during"]["start"], zone)),
            ("Until", local(row["during"]["end"], zone)),
            ("A month", f"{money(row['monthly'])}, {tax}"),
            ("All of it", money(row["value"])),
            ("Prepayment", f"{money(row['prepayment'])}, {row['prepayment_percent']} %"),
            ("Signed", local(row["signed"], zone)),
        ]
    )
    print()
    print_table(INSTALMENTS, row["instalments"])
