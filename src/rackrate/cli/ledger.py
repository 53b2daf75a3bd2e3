"""`rackrate ledger`: balances, entries, export."""

import sys
from typing import Annotated

import typer

from rackrate.cli.client import Row, connect
from rackrate.cli.moment import Zones, local
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    money,
    print_page,
)

ledger = noun("The books: balances, entries, export.")
Entity = Annotated[str, typer.Option(help="Whose books; needed only where there are several.")]


def in_books(row: Row) -> str:
    """What it is in the books, where those are in another currency."""
    return "" if row["book"]["currency"] == row["amount"]["currency"] else money(row["book"])


BALANCES = (
    Column("ACCOUNT", lambda row: row["account"]),
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("AMOUNT", lambda row: money(row["amount"]), right=True),
    Column("IN BOOKS", in_books, right=True),
)


@ledger.command()
def balance(
    entity: Entity = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Only what was before it.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """What each account holds: debits are positive, and all together are zero."""
    answer = connect().get("/v1/ledger/balances", entity=entity, until=until)
    print_page(answer, output, BALANCES, "Nothing is posted yet.")


ENTRIES = (
    Column("AT", lambda row: row["shown"]),
    Column("ENTRY", lambda row: row["entry"]),
    Column("ACCOUNT", lambda row: row["account"]),
    Column("CUSTOMER", lambda row: row["customer"], from_width=100),
    Column("AMOUNT", lambda row: money(row["amount"]), right=True),
    Column("IN BOOKS", in_books, right=True),
)


@ledger.command()
def entries(
    entity: Entity = "", limit: Limit = 50, after: After = "", output: Output = Format.TABLE
) -> None:
    """The journal, each entry with its postings."""
    client = connect()
    answer = client.get("/v1/ledger/entries", entity=entity, limit=limit, after=after)
    if output is Format.TABLE:
        zones = Zones(client)
        rows = []
        for entry in answer["items"]:
            named = {
                "shown": local(entry["at"], zones.entity(entry["entity"])),
                "entry": entry["id"],
            }
            for posting in entry["postings"]:
                rows.append({**named, **posting})
                named = {"shown": "", "entry": ""}
        answer = {"items": rows, "next": answer["next"]}
    print_page(answer, output, ENTRIES, "Nothing is posted yet.")


@ledger.command()
def export(
    entity: Entity = "",
    format: Annotated[str, typer.Option(help="beancount")] = "beancount",
) -> None:
    """The whole journal as a file of another program; redirect it into one."""
    answer = connect().request("GET", "/v1/ledger/export", {"entity": entity, "format": format})
    sys.stdout.buffer.write(answer.body)
