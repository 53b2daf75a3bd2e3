"""`rackrate address`: public addresses of a project, billed from reserved until released."""

from typing import Annotated

import typer

from rackrate.cli import wish
from rackrate.cli.client import Row, connect, path
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
)

address = noun("Public addresses of a project: reserve, attach, release.")
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="Its id, such as adr_00000042.")]

ADDRESSES = (
    Column("ID", lambda row: row["id"]),
    Column("ADDRESS", lambda row: row["address"]),
    Column("NAME", lambda row: row["name"], from_width=100),
    Column("PROJECT", lambda row: row["project"]),
    Column("SITE", lambda row: row["site"], from_width=90),
    Column("BELONGS TO", lambda row: row["lease"] or ("" if row["released"] else "no lease")),
    Column("SINCE", lambda row: row["since"]),
    Column("RELEASED", lambda row: row["until"], from_width=120),
)
POOLS = (
    Column("POOL", lambda row: row["id"]),
    Column("SITE", lambda row: row["site"]),
    Column("RANGES", lambda row: ", ".join(row["ranges"])),
    Column("KEPT BACK", lambda row: ", ".join(row["kept_back"]), from_width=110),
    Column("A PROJECT HOLDS", lambda row: row["per_project"], right=True),
)


@address.command("list")
def list_addresses(
    project: Annotated[str, typer.Option(envvar="RACKRATE_PROJECT")] = "",
    customer: Annotated[str, typer.Option()] = "",
    site: Annotated[str, typer.Option()] = "",
    held: Annotated[bool, typer.Option("--held", help="Only those not released.")] = False,
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Public addresses, the newest first."""
    client = connect()
    asked = {"project": project, "customer": customer, "site": site, "held": held or None}
    answer = client.get("/v1/addresses", **asked, limit=limit, after=after)
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            zone = zones.site(row["site"])
            row["since"] = local(row["reserved"], zone)
            row["until"] = local(row["released"], zone)
    empty = "No addresses. Reserve one with: rackrate address reserve PROJECT --site SITE"
    print_page(answer, output, ADDRESSES, empty)


@address.command("pools")
def list_pools(
    site: Annotated[str, typer.Option()] = "",
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Where the addresses of a site come from."""
    answer = connect().get("/v1/address-pools", site=site, limit=limit, after=after)
    empty = "No pools. Describe one in a file, and: rackrate apply -f FILE"
    print_page(answer, output, POOLS, empty)


@address.command()
def reserve(
    project: Annotated[str, typer.Argument(help="Left out: the only one.")] = "",
    site: Annotated[str, typer.Option(help="Where it is.")] = "",
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    pool: Annotated[str, typer.Option(help="Where the site has several.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Reserve one: it is the project's, and billed, until it is released."""
    client = connect()
    if not site:
        site = _only_site([row["site"] for row in client.every("/v1/address-pools")])
    body = {"site": site, "name": name, "pool": pool}
    row = client.post("/v1/addresses", {**body, "project": project or wish.only_project(client)})
    said = f"{row['address']} is {row['project']}'s as {row['id']}, and billed until released"
    print_done(row, output, said)


def _only_site(sites: list[str]) -> str:
    known = sorted(set(sites))
    if len(known) == 1:
        return known[0]
    raise typer.BadParameter(f"say which site: {', '.join(known) or 'none has addresses'}")


@address.command()
def show(id: Address, output: Output = Format.TABLE) -> None:
    """An address, and where it belongs."""
    client = connect()
    row = client.get(path("addresses", id))
    if output is Format.JSON:
        print_json(row)
        return
    zone = Zones(client).site(row["site"])
    print_facts(
        [
            ("Address", f"{row['address']}, {row['id']} {row['name']}".strip()),
            ("Project", f"{row['project']} of {row['customer']}"),
            ("Site", f"{row['site']}, pool {row['pool']}"),
            ("Belongs to", _belongs(row, zone)),
            ("Billed since", local(row["reserved"], zone)),
            ("Released", local(row["released"], zone)),
            ("Rests until", local(row["rests_until"], zone)),
        ]
    )


def _belongs(row: Row, zone: str) -> str:
    if row["lease"]:
        since = local(row["attached"], zone)
        return f"{row['lease']} since {since}: written down, no router is set up by it"
    return "" if row["released"] else "no lease"


@address.command()
def attach(
    id: Address,
    lease: Annotated[str, typer.Argument(metavar="LEASE", help="Of the same project and site.")],
    output: Output = Format.TABLE,
) -> None:
    """Say to which lease it belongs, for whoever runs the routers: Rackrate sets up none."""
    row = connect().post(path("addresses", id, "attach"), {"lease": lease})
    print_done(row, output, f"{row['address']} belongs to {lease}; no router is set up by this")


@address.command()
def detach(id: Address, output: Output = Format.TABLE) -> None:
    """It belongs to no lease; it is billed as before."""
    row = connect().post(path("addresses", id, "detach"))
    print_done(row, output, f"{row['address']} belongs to no lease, and is billed until released")


@address.command()
def release(id: Address, output: Output = Format.TABLE) -> None:
    """Give it back: billed until now, and given to nobody else for a while."""
    client = connect()
    row = client.post(path("addresses", id, "release"))
    zone = Zones(client).site(row["site"])
    rests = local(row["rests_until"], zone)
    print_done(row, output, f"{row['address']} is released, and given to nobody before {rests}")
