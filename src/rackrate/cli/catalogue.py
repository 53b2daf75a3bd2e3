"""`rackrate sku`, `rackrate price` and `rackrate chip`: what is sold, for how much, on what."""

from typing import Annotated

import typer

from rackrate.cli import price_index
from rackrate.cli.client import Row, connect
from rackrate.cli.moment import Zones, lasted, local
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    clean,
    money,
    print_json,
    print_page,
    print_table,
    state,
)

sku = noun("What can be leased, with stock now.")
price = noun("The price book.")
price.add_typer(price_index.index, name="index")
chip = noun("The chip catalogue, dense and sparse FLOPS apart.")


def _prices(row: Row) -> str:
    return ", ".join(
        f"{one['amount']} {one['currency']}{_per(one)} {one['class']}" for one in row["prices"]
    )


def _per(price: Row) -> str:
    """Nothing more where it is for an hour, as the column says."""
    return "" if price["per_hour"] else f" a {price['per']}"


def _unit(row: Row) -> str:
    slots = f"{row['slots']} slot{'s' if row['slots'] != 1 else ''}"
    return f"whole node, {slots}" if row["whole_node"] else slots


SKUS = (
    Column("SKU", lambda row: row["id"]),
    Column("CHIP", lambda row: row["chip"], from_width=70),
    Column("UNIT", _unit, from_width=60),
    Column("FREE NOW", lambda row: row["stock"]["units"], right=True),
    Column("SPOT", lambda row: row["spot"] and row["spot"]["units"], right=True, from_width=150),
    Column("ON NODES", lambda row: row["stock"]["nodes"], right=True, from_width=100),
    Column("TAXED AS", lambda row: "a lease" if row["supply"] == "lease" else "", from_width=130),
    Column("PER SLOT AND HOUR", _prices),
    Column("SITE", lambda row: f"{row['site']}{' (simulated)' if row['simulated'] else ''}"),
)


@sku.command("list")
def list_skus(limit: Limit = 100, after: After = "", output: Output = Format.TABLE) -> None:
    """What can be leased now."""
    answer = connect().get("/v1/skus", limit=limit, after=after)
    empty = "Nothing is sold yet. Describe it in a file, and: rackrate apply -f FILE"
    print_page(answer, output, SKUS, empty)


PRICES = (
    Column("SKU", lambda row: row["item"]),
    Column("CLASS", lambda row: row["class"]),
    Column("PRICE", lambda row: f"{row['amount']} {row['currency']}", right=True),
    Column("FOR A", lambda row: row["per"]),
    Column("ONLY FOR", lambda row: row["only"], from_width=80),
    Column("TAX", lambda row: "inside" if row["tax_included"] else "on top", from_width=110),
    Column("FROM", lambda row: row["shown"]),
    Column("NOTICE", lambda row: lasted(row["notice_seconds"]), from_width=130),
    Column("BASIS", lambda row: row["rule"] or row["basis"], from_width=150),
)


def _only(price: Row, zone: str) -> str:
    """For whom, where, and until when it is; nothing for the list."""
    until = f"until {local(price['until'], zone)}" if price["until"] else ""
    site = f"at {price['site']}" if price["site"] else ""
    return ", ".join(part for part in (price["customer"], site, until) if part)


@price.command("list")
def list_prices(
    at: Annotated[str, typer.Option(metavar="TIME", help="As of then, as 2026-11-22T08:00Z.")] = "",
    scheduled: Annotated[
        bool, typer.Option("--scheduled", help="Only those that are still to begin.")
    ] = False,
    limit: Limit = 100,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """List prices: all with their dates, or those in force at a time.

    The narrowest in force holds: a customer's at a site, a customer's, a site's, then the list's.
    """
    client = connect()
    answer = client.get("/v1/prices", at=at, scheduled=scheduled, limit=limit, after=after)
    contracts = [] if scheduled else list(client.every("/v1/contract-prices", at=at))
    if output is Format.JSON:
        print_json({**answer, "contract_prices": contracts})
        return
    zones = Zones(client)
    for row in answer["items"]:
        row["shown"] = local(row["effective"], zones.entity())
        row["only"] = _only(row, zones.entity())
    empty = "The price book is empty. Apply one: rackrate apply -f FILE"
    if scheduled:
        empty = "No price is to change: nothing begins later than now."
    print_page(answer, output, PRICES, empty)
    for matrix in contracts:
        print()
        _print_matrix(matrix, zones)


@price.command("check")
def check_prices(output: Output = Format.TABLE) -> None:
    """Look for gaps and overlaps from now on; exit code 1 when there are any."""
    found = connect().get("/v1/prices/check")
    if output is Format.JSON:
        print_json(found)
    else:
        for row in found["items"]:
            print(clean(f"{row['fault']}: {row['text']}"))
        if not found["items"]:
            print("No gaps, no overlaps: whatever can be leased has a price from now on.")
    if found["items"]:
        raise typer.Exit(1)


def _floor(percent: str | None) -> str:
    return "" if percent is None else f"; up to {percent} % off without a second person"


def _print_matrix(matrix: Row, zones: Zones) -> None:
    """Contract prices of one SKU: a row for each term, a column for each volume."""
    tax = "tax inside" if matrix["tax_included"] else "tax on top"
    print(
        clean(
            f"Contract, {matrix['sku']}: {matrix['currency']} {_stated(matrix)}; {tax}; from "
            f"{local(matrix['effective'], zones.entity())[:10]}{_floor(matrix['floor_percent'])}"
        )
    )
    shown = "amount" if matrix["unit"] == "node_month" else "price"
    cells = {(tier["months"], tier["nodes"]): tier[shown] for tier in matrix["tiers"]}
    volumes = sorted({nodes for _, nodes in cells})
    columns = (
        Column("TERM", lambda row: f"{row['months']}+ months"),
        *(_volume(nodes) for nodes in volumes),
    )
    rows = [
        {"months": months, **{str(nodes): cells[months, nodes] for nodes in volumes}}
        for months in sorted({months for months, _ in cells})
    ]
    print_table(columns, rows)


def _stated(matrix: Row) -> str:
    """What the amounts are for; the basis says it where they are for a node and month."""
    if matrix["unit"] == "node_month":
        return str(matrix["basis"])
    return f"per {matrix['per']}; {matrix['basis']}"


def _volume(nodes: int) -> Column:
    title = f"{nodes}+ NODES"
    return Column(title, lambda row: money(row[str(nodes)]).rpartition(" ")[0], right=True)


def _number(value: object) -> str:
    return "not stated" if value is None else str(value)


CHIPS = (
    Column("CHIP", lambda row: row["id"]),
    Column("VENDOR", lambda row: row["vendor"], from_width=110),
    Column("MEMORY GB", lambda row: row["memory_gb"], right=True, from_width=80),
    Column("DENSE BF16 TFLOPS", lambda row: _flops(row, "dense_tflops"), right=True),
    Column("SPARSE BF16 TFLOPS", lambda row: _flops(row, "sparse_tflops"), right=True),
    Column("POWER W", lambda row: row["power_w"], right=True, from_width=100),
    Column("CONFIDENCE", lambda row: row["confidence"], style=state),
    Column("SOURCE", lambda row: row["source"]),
)


def _flops(row: Row, which: str) -> str:
    return _number(row[which]) if row["accelerator"] else "no accelerator"


@chip.command("list")
def list_chips(limit: Limit = 100, after: After = "", output: Output = Format.TABLE) -> None:
    """Accelerator models with their datasheet's numbers, and where each is from."""
    answer = connect().get("/v1/chips", limit=limit, after=after)
    print_page(answer, output, CHIPS, "No chips are known yet.")
