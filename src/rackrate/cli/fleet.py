"""`rackrate node` and `rackrate site`: the machines, and taking them out of service and back."""

from typing import Annotated

import typer

from rackrate.cli.client import connect, path
from rackrate.cli.moment import Zones, local
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    print_done,
    print_facts,
    print_json,
    print_page,
    print_table,
    state,
)

node = noun("Servers: list, show, drain, return.")
site = noun("Data centres.")
Node = Annotated[str, typer.Argument(metavar="NODE", help="Its id: rackrate node list")]

NODES = (
    Column("NODE", lambda row: row["id"]),
    Column("CHIP", lambda row: f"{row['gpus']} x {row['chip']}"),
    Column("FREE SLOTS", lambda row: f"{row['slots_free']} of {row['slots']}", right=True),
    Column("STATE", lambda row: row["state"], style=state),
    Column("BLOCK", lambda row: row["block"], from_width=80),
    Column("SITE", lambda row: row["site"], from_width=60),
    Column("NOTE", lambda row: row["note"], from_width=100),
)


@node.command("list")
def list_nodes(
    in_site: Annotated[str, typer.Option("--site", help="Only of this site.")] = "",
    in_state: Annotated[str, typer.Option("--state", help="in_service, draining …")] = "",
    of_chip: Annotated[str, typer.Option("--chip", help="Only with this chip.")] = "",
    limit: Limit = 200,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Nodes with what is free on them now."""
    answer = connect().get(
        "/v1/nodes", site=in_site, state=in_state, chip=of_chip, limit=limit, after=after
    )
    print_page(answer, output, NODES, "No such nodes. Describe some: rackrate apply -f FILE")


CLAIMS = (
    Column("SLOTS", lambda row: row["slots"]),
    Column("HELD BY", lambda row: row["holder"]),
    Column("FOR", lambda row: f"{row['kind']}, {row['use']}"),
    Column("SINCE", lambda row: row["shown"]),
)


@node.command()
def show(id: Node, output: Output = Format.TABLE) -> None:
    """One node, and who holds what of it."""
    client = connect()
    row = client.get(path("nodes", id))
    if output is Format.JSON:
        print_json(row)
        return
    limits = row["capacity"]
    print_facts(
        [
            ("Node", row["id"]),
            ("Site", f"{row['site']}, block {row['block']}"),
            ("Chips", f"{row['gpus']} x {row['chip']}"),
            ("Slots", f"{row['slots']}, {row['parts']} on each" if row["parts"] > 1 else ""),
            ("Machine", f"{limits['milli_cpus'] / 1000:g} cores, {limits['memory_mib']:,} MiB"),
            ("State", row["state"]),
            ("Note", row["note"]),
            ("Free now", f"{row['slots_free']} of {row['slots']} slots"),
        ]
    )
    zones = Zones(client)
    for claim in row["holdings"]:
        claim["shown"] = local(claim["since"], zones.site(row["site"]))
    print()
    print_table(CLAIMS, row["holdings"], "Nobody holds any of it.")


@node.command()
def drain(
    id: Node,
    note: Annotated[str, typer.Option(help="Why, for those who look at it.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Offer the node no more; what runs on it keeps it until that ends."""
    row = connect().post(path("nodes", id, "drain"), {"note": note, "dry_run": dry_run})
    print_done(row, output, row["consequence"])


@node.command("return")
def return_(
    id: Node,
    note: Annotated[str, typer.Option(help="What was done to it.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Offer the node again."""
    row = connect().post(path("nodes", id, "return"), {"note": note})
    free = f"{row['slots_free']} of {row['slots']} slots free"
    print_done(row, output, f"{id} is {row['state']}, {free}")


SITES = (
    Column("SITE", lambda row: row["id"]),
    Column("NAME", lambda row: row["name"]),
    Column("KIND", lambda row: "simulated" if row["simulated"] else "real"),
    Column("ENGINE", lambda row: row["engine"]),
    Column("COUNTRY", lambda row: row["country"], from_width=80),
    Column("TIME ZONE", lambda row: row["time_zone"], from_width=80),
    Column("ENTITY", lambda row: row["entity"], from_width=100),
)


@site.command("list")
def list_sites(limit: Limit = 100, after: After = "", output: Output = Format.TABLE) -> None:
    """Data centres; a simulated one has no machines."""
    answer = connect().get("/v1/sites", limit=limit, after=after)
    print_page(answer, output, SITES, "No sites yet. Describe one: rackrate apply -f FILE")
