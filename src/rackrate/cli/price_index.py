"""`rackrate price index`: what others publish that a thing costs, and prices follow."""

from typing import Annotated

import typer

from rackrate.cli.client import Row, connect, path
from rackrate.cli.moment import Zones, local
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    clean,
    print_done,
    print_facts,
    print_json,
    print_page,
    print_table,
)

index = noun("Published indices that prices follow.")
Index = Annotated[str, typer.Argument(metavar="INDEX", help="Its name: rackrate price index list")]


def _value(row: Row) -> str:
    latest = row["latest"]
    return f"{latest['value']} {row['currency']}" if latest else "none yet"


INDICES = (
    Column("INDEX", lambda row: row["id"]),
    Column("NOW", _value, right=True),
    Column("FOR A", lambda row: row["per"]),
    Column("SINCE", lambda row: row["since"]),
    Column("PRICES FOLLOW", lambda row: row["follows"], right=True),
    Column("TITLE", lambda row: row["title"], from_width=110),
    Column("SOURCE", lambda row: row["source"], from_width=150),
)


@index.command("list")
def list_indices(limit: Limit = 100, after: After = "", output: Output = Format.TABLE) -> None:
    """Indices with their value in force."""
    client = connect()
    answer = client.get("/v1/price-indices", limit=limit, after=after)
    if output is Format.TABLE:
        zone = Zones(client).entity()
        for row in answer["items"]:
            row["since"] = local(row["latest"]["effective"], zone) if row["latest"] else ""
    empty = "No index yet. Describe one in a file (kind: price_index), and: rackrate apply -f FILE"
    print_page(answer, output, INDICES, empty)


VALUES = (
    Column("FROM", lambda row: row["shown"]),
    Column("VALUE", lambda row: row["value"], right=True),
    Column("SOURCE", lambda row: row["source"]),
)
PRICES = (
    Column("PRICE", lambda row: f"{row['amount']} {row['currency']}", right=True),
    Column("OF", lambda row: f"{row['sku']}, {row['class']}"),
    Column("FROM", lambda row: row["shown"]),
    Column("RULE", lambda row: row["rule"]),
)


@index.command("show")
def show(name: Index, output: Output = Format.TABLE) -> None:
    """An index, what was published of it, and the prices that follow."""
    client = connect()
    row = client.get(path("price-indices", name))
    if output is Format.JSON:
        print_json(row)
        return
    zone = Zones(client).entity()
    print_facts(
        [
            ("Index", f"{row['id']}: {row['title']}"),
            ("Now", _value(row)),
            ("For a", f"{row['per']}, tax {'inside' if row['tax_included'] else 'on top'}"),
            ("Source", row["source"]),
            ("Old after", f"{row['stale_days']} days"),
        ]
    )
    for columns, rows in ((VALUES, row["published"]), (PRICES, row["prices"])):
        if rows:
            print()
            print_table(columns, [{**one, "shown": local(one["effective"], zone)} for one in rows])


@index.command("publish")
def publish(
    name: Index,
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="What it is, in its currency, as 9.80.")
    ],
    effective: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Left out: from now on.")
    ] = "",
    source: Annotated[str, typer.Option(help="Where this value was read.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Publish a value; the prices that follow are written with it. It is never edited."""
    client = connect()
    body = {"value": value, "effective": effective or None, "source": source}
    done = client.post(path("price-indices", name, "values"), body)
    zone = Zones(client).entity()
    since = local(done["value"]["effective"], zone)
    rows = done["prices"]
    said = f"{name} is {done['value']['value']} from {since}"
    print_done(done, output, f"{said}; no price changes" if not rows else f"{said}; with it:")
    if output is Format.TABLE:
        for row in rows:
            amount = f"{row['amount']} {row['currency']} a {row['per']}"
            when = local(row["effective"], zone)
            print(clean(f"  {row['sku']} {row['class']} is {amount} from {when}: {row['rule']}"))
