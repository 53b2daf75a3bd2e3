"""`rackrate maintenance`: work that is planned on machines, which reserves them."""

from typing import Annotated

import typer

from rackrate.cli.capacity import SiteOption, bounds, zone_of
from rackrate.cli.client import connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, local
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    Row,
    print_done,
    print_page,
)
from rackrate.core.words import nodes_said

maintenance = noun("Work that is planned on machines, and reserves them.")


@maintenance.command()
def add(
    nodes: Annotated[int, typer.Option(min=1, help="Whole nodes.")],
    start: Annotated[str, typer.Option("--from", metavar="DAY", help="As 2027-03-01 or whole.")],
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="First day after it.")],
    note: Annotated[str, typer.Option(help="What is done.")],
    pool: Annotated[str, typer.Option(help="Of this pool: rackrate capacity show")] = "",
    site: SiteOption = "",
    output: Output = Format.TABLE,
) -> None:
    """Reserve nodes for it; refused, with the next date, where that would break a promise."""
    if bool(pool) == bool(site):
        raise Usage("name where: --pool POOL, or --site SITE")
    client = connect()
    first, end = bounds(zone_of(client, "", site), start, until, None)
    body: dict[str, object] = {"nodes": nodes, "start": first, "end": end, "note": note}
    body |= {"pool": pool} if pool else {"site": site}
    row = client.post("/v1/maintenance", body)
    print_done(row, output, f"{row['id']}: {_where(row)} reserved for {row['note']}")


WINDOWS = (
    Column("MAINTENANCE", lambda row: row["id"]),
    Column("FROM", lambda row: row["from"]),
    Column("UNTIL", lambda row: row["until"]),
    Column("NODES", lambda row: row["nodes"], right=True),
    Column("WHERE", lambda row: ", ".join(one["pool"] for one in row["pools"]), from_width=80),
    Column("WHAT", lambda row: row["note"]),
)


@maintenance.command("list")
def list_windows(
    site: SiteOption = "", limit: Limit = 100, after: After = "", output: Output = Format.TABLE
) -> None:
    """Windows that are not over."""
    client = connect()
    answer = client.get("/v1/maintenance", site=site, limit=limit, after=after)
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            zone = zones.site(row["site"])
            row["from"] = local(row["during"]["start"], zone)[:16]
            row["until"] = local(row["during"]["end"], zone)[:16]
    print_page(answer, output, WINDOWS, "Nothing is planned.")


@maintenance.command()
def remove(
    id: Annotated[str, typer.Argument(metavar="MAINTENANCE", help="rackrate maintenance list")],
    output: Output = Format.TABLE,
) -> None:
    """Call it off: its nodes can be promised again."""
    row = connect().delete(path("maintenance", id))
    print_done(row, output, f"{row['id']} is called off: {_where(row)} can be promised again")


def _where(row: Row) -> str:
    return ", ".join(f"{nodes_said(one['nodes'])} of {one['pool']}" for one in row["pools"])
