"""`rackrate purchase`: orders, what becomes of their batches, and what a late one breaks."""

from typing import Annotated, Any

import typer

from rackrate.cli.breaches import print_consequence
from rackrate.cli.client import Client, connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, day, instant
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
    state,
)
from rackrate.core.words import nodes_said

purchase = noun("Orders of nodes: place, list, show, advance, slip, cancel, serve, lease-back.")
Order = Annotated[str, typer.Argument(metavar="ORDER", help="Its id: rackrate purchase list")]
BatchNumber = Annotated[int, typer.Argument(metavar="BATCH", min=1)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]

ORDERS = (
    Column("ORDER", lambda row: row["id"]),
    Column("WHAT", lambda row: f"{row['nodes']} x {row['gpus']} {row['chip']}"),
    Column("FOR", lambda row: row["block"]),
    Column("NEXT", lambda row: row["next"]),
    Column("STATE", lambda row: row["state"], style=state),
    Column("SERVES", lambda row: ", ".join(row["serves"]), from_width=80),
    Column("SUPPLIER", lambda row: row["supplier"], from_width=100),
    Column("ALL OF IT", lambda row: row["cost"], right=True, from_width=120),
)
BATCHES = (
    Column("BATCH", lambda row: row["number"], right=True),
    Column("NODES", lambda row: row["nodes"], right=True),
    Column("EXPECTED", lambda row: row["day"]),
    Column("STATE", lambda row: row["state"], style=state),
)


@purchase.command("list")
def list_orders(
    in_site: Annotated[str, typer.Option("--site", help="Only of this site.")] = "",
    limit: Limit = 100,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """What is on its way, and whether it is late."""
    client = connect()
    answer = client.get("/v1/purchase-orders", site=in_site, limit=limit, after=after)
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            coming = [batch for batch in row["batches"] if batch["arriving"]]
            days = sorted(batch["expected"] for batch in coming)
            row["next"] = day(days[0], zones.site(row["site"])) if days else ""
            row["state"] = "late" if row["late"] else f"{_coming(coming)} to come"
            row["cost"] = _cost(row)
    print_page(answer, output, ORDERS, "No orders. Place one: rackrate purchase place")


def _are(count: int) -> str:
    return f"{nodes_said(count)} {'is' if count == 1 else 'are'}"


def _coming(batches: list[Row]) -> str:
    return str(sum(batch["arriving"] for batch in batches) or "nothing")


def _cost(row: Row) -> str:
    each = " a month" if row["terms"] == "lease_in" else ""
    return f"{money(row['price_of_all'])}{each}"


@purchase.command()
def show(id: Order, output: Output = Format.TABLE) -> None:
    """An order, and where its batches are."""
    client = connect()
    row = client.get(path("purchase-orders", id))
    if output is Format.JSON:
        print_json(row)
    else:
        _print_order(row, Zones(client))


def _print_order(row: Row, zones: Zones) -> None:
    zone = zones.site(row["site"])
    leased = row["terms"] == "lease_in"
    print_facts(
        [
            ("Order", f"{row['id']} from {row['supplier']}"),
            ("What", f"{nodes_said(row['nodes'])} of {row['gpus']} {row['chip']}"),
            ("For", f"{row['block']} at {row['site']}"),
            ("Terms", "leased in, and resold" if leased else "bought"),
            ("A node", f"{money(row['price'])}{' a month' if leased else ''}"),
            ("All of it", _cost(row)),
            ("Draws", f"{row['kw']} kW a node" if row["kw"] else ""),
            ("Ordered", day(row["ordered"], zone)),
            ("Goes back", day(row["until"], zone)),
            ("Conditions", row["conditions"]),
            ("Serves", ", ".join(row["serves"]) or "nobody in particular"),
        ]
    )
    print()
    for batch in row["batches"]:
        batch["day"] = day(batch["expected"], zone)
        batch["state"] = _state(batch)
    print_table(BATCHES, row["batches"])
    for back in row["leased_back"]:
        print(
            f"leased back: {nodes_said(back['nodes'])} from {day(back['during']['start'], zone)} "
            f"until {day(back['during']['end'], zone)} for {money(back['monthly'])} a month"
        )


def _state(batch: Row) -> str:
    if batch["cancelled"]:
        return "cancelled"
    states = batch["states"]
    said = (
        next(iter(states))
        if len(states) == 1
        else ", ".join(f"{count} {name}" for name, count in sorted(states.items()))
    )
    return f"{said}, late" if batch["late"] else said


Batches = Annotated[
    list[str],
    typer.Option("--batch", metavar="N@DAY", help="16@2027-03-01; once for each batch."),
]
Price = Annotated[str, typer.Option(help="Of a node; leased in: of a node a month.")]
Ordered = Annotated[str, typer.Option(metavar="DAY", help="Left out: now.")]
Serves = Annotated[
    list[str] | None, typer.Option(metavar="CONTRACT", help="For whom; may be repeated.")
]
Until = Annotated[str, typer.Option(metavar="DAY", help="Leased in: when it goes back.")]
Names = Annotated[str, typer.Option(help="Of its nodes, before their numbers.")]


@purchase.command()
def place(
    id: Annotated[str, typer.Option(help="What it is called.")],
    supplier: Annotated[str, typer.Option()],
    block: Annotated[str, typer.Option(help="The fabric that its nodes join.")],
    chip: Annotated[str, typer.Option()],
    batch: Batches,
    price: Price,
    currency: Annotated[str, typer.Option()] = "CNY",
    site: Annotated[str, typer.Option(help="Left out: where the block is.")] = "",
    gpus: Annotated[int, typer.Option(min=1)] = 8,
    kw: Annotated[str, typer.Option(help="What a node draws at most.")] = "",
    ordered: Ordered = "",
    serves: Serves = None,
    until: Until = "",
    conditions: Annotated[str, typer.Option(help="Of what is leased in.")] = "",
    names: Names = "",
    first: Annotated[int, typer.Option(min=0, help="The first of these numbers.")] = 1,
    output: Output = Format.TABLE,
) -> None:
    """Place an order: its nodes are in the calendar at once. They are like others of the chip."""
    client = connect()
    where = site or _site_of(client, block, chip)
    zone = Zones(client).site(where)
    body: dict[str, Any] = {
        "id": id,
        "site": where,
        "supplier": supplier,
        "block": block,
        "chip": chip,
    }
    body |= {"terms": "lease_in" if until else "purchase", "conditions": conditions}
    body |= {"gpus": gpus, "capacity": _alike(client, where, chip, gpus)}
    body |= {"price": {"amount": price, "currency": currency}, "serves": serves or []}
    body |= {"batches": [_batch(text, zone) for text in batch], "node_names": names, "first": first}
    body |= {"kw": kw} if kw else {}
    for name, option, given in (("ordered", "--ordered", ordered), ("until", "--until", until)):
        if given:
            body[name] = instant(option, given, zone)
    row = client.post("/v1/purchase-orders", body)
    print_done(row, output, f"{id} is placed: {_are(row['nodes'])} in {row['pool']}'s calendar")


def _site_of(client: Client, block: str, chip: str) -> str:
    """Where the nodes of the block are, of whose chip there must be one there to be like."""
    sites = [str(row["id"]) for row in client.every("/v1/sites")]
    if len(sites) == 1:
        return sites[0]
    for row in client.every("/v1/nodes", chip=chip):
        if row["block"] == block:
            return str(row["site"])
    known = ", ".join(sites) or "there is none yet"
    raise Usage(f"no node of {chip} is on block {block} yet, so --site is needed: {known}")


def _alike(client: Client, site: str, chip: str, gpus: int) -> Row:
    """What other nodes of the chip have for their workloads."""
    for row in client.every("/v1/nodes", site=site, chip=chip):
        if row["gpus"] == gpus:
            capacity: Row = row["capacity"]
            return capacity
    raise Usage(f"no node of {gpus} {chip} is at {site} yet to be like; use: rackrate apply")


def _batch(text: str, zone: str) -> Row:
    count, at, when = text.partition("@")
    if not (at and count.isascii() and count.isdigit()):
        raise Usage(f"--batch {text!r} is not as 16@2027-03-01")
    return {"nodes": int(count), "expected": instant("--batch", when, zone)}


@purchase.command()
def advance(
    id: Order,
    batch: BatchNumber,
    to: Annotated[str, typer.Option(help="in_transit, racked, burn_in or in_service")],
    count: Annotated[int | None, typer.Option(min=1, help="So many of the batch.")] = None,
    node: Annotated[list[str] | None, typer.Option(help="Just these; may be repeated.")] = None,
    rack: Annotated[str, typer.Option(help="The rack that they are in now.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Say how far a batch has come; what is left behind becomes a batch of its own."""
    client = connect()
    body: dict[str, Any] = {"to": to, "nodes": node or []}
    if count is not None:
        body["count"] = count
    if rack:
        body["rack"] = rack
    _print_changed(client, client.post(_at(id, batch, "advance"), body), output)


@purchase.command()
def slip(
    id: Order,
    batch: BatchNumber,
    to: Annotated[str, typer.Option(metavar="DAY", help="When it comes now.")],
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Another day for a batch; says at once every promise that this breaks, and what would mend."""
    client = connect()
    zones = Zones(client)
    where = client.get(path("purchase-orders", id))["site"]
    body = {"to": instant("--to", to, zones.site(where)), "dry_run": dry_run}
    _print_changed(client, client.post(_at(id, batch, "slip"), body), output)


@purchase.command()
def cancel(
    id: Order,
    batch: BatchNumber,
    force: Annotated[
        bool, typer.Option("--force", help="It is so, even if it breaks a promise.")
    ] = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """What has not come of a batch never will. If that breaks promises, --force writes it down."""
    client = connect()
    body = {"force": force, "dry_run": dry_run}
    _print_changed(client, client.post(_at(id, batch, "cancel"), body), output)


@purchase.command()
def serve(
    id: Order,
    contract: Annotated[list[str], typer.Argument(help="For whom it was placed.")],
    output: Output = Format.TABLE,
) -> None:
    """Say for which contracts it was placed: when it is late, they go short first."""
    row = connect().post(path("purchase-orders", id, "serves"), {"serves": contract})
    print_done(row, output, f"{id} serves {', '.join(row['serves'])}")


@purchase.command("lease-back")
def lease_back(
    id: Order,
    nodes: Annotated[int, typer.Option(min=1)],
    start: Annotated[str, typer.Option("--from", metavar="DAY")],
    end: Annotated[str, typer.Option("--until", metavar="DAY", help="First day after it.")],
    monthly: Annotated[str, typer.Option(help="What the supplier pays a month, as 120000.00")],
    currency: Annotated[str, typer.Option()] = "CNY",
    output: Output = Format.TABLE,
) -> None:
    """Promise nodes to the supplier, which then are in nobody else's calendar."""
    client = connect()
    zone = Zones(client).site(client.get(path("purchase-orders", id))["site"])
    row = client.post(
        path("purchase-orders", id, "lease-back"),
        {
            "nodes": nodes,
            "start": instant("--from", start, zone),
            "end": instant("--until", end, zone),
            "monthly": {"amount": monthly, "currency": currency},
        },
    )
    are = "is" if nodes == 1 else "are"
    said = f"{row['id']}: {nodes_said(nodes)} of {row['pool']} {are} the supplier's "
    said += f"from {start} to {end}"
    print_done(row, output, said)


def _at(id: str, batch: int, verb: str) -> str:
    return path("purchase-orders", id, "batches", str(batch), verb)


def _print_changed(client: Client, row: Row, output: Format) -> None:
    if output is Format.JSON:
        print_json(row)
        return
    zones = Zones(client)
    _print_order(row["order"], zones)
    print()
    if row["dry_run"]:
        print("Nothing is changed. If it were done:")
    print_consequence(row["consequence"], zones)
