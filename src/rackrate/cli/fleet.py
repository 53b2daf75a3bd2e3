"""`rackrate node` and `rackrate site`: the machines, and taking them out of service and back."""

from typing import Annotated

import typer

from rackrate.cli.breaches import print_consequence
from rackrate.cli.client import connect, path
from rackrate.cli.moment import Zones, instant, local
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    Row,
    print_done,
    print_facts,
    print_json,
    print_page,
    print_table,
    state,
)

node = noun("Servers: list, show, drain, return, move.")
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
    limits, zones = row["capacity"], Zones(client)
    print_facts(
        [
            ("Node", row["id"]),
            ("Site", f"{row['site']}, block {row['block']}"),
            ("Chips", f"{row['gpus']} x {row['chip']}"),
            ("Slots", f"{row['slots']}, {row['parts']} on each" if row["parts"] > 1 else ""),
            ("Machine", f"{limits['milli_cpus'] / 1000:g} cores, {limits['memory_mib']:,} MiB"),
            ("State", row["state"]),
            ("Away", away(row, zones)),
            ("Named for", row["named_for"] or ""),
            ("Note", row["note"]),
            ("Free now", f"{row['slots_free']} of {row['slots']} slots"),
        ]
    )
    for claim in row["holdings"]:
        claim["shown"] = local(claim["since"], zones.site(row["site"]))
    print()
    print_table(CLAIMS, row["holdings"], "Nobody holds any of it.")


def away(row: Row, zones: Zones) -> str:
    """From when until when a node is drained."""
    if not row["drained"]:
        return ""
    zone = zones.site(row["site"])
    back = f"until {local(row['back'], zone)[:16]}" if row["back"] else "until it is returned"
    return f"from {local(row['drained'], zone)[:16]} {back}"


@node.command()
def drain(
    id: Node,
    start: Annotated[
        str, typer.Option("--from", metavar="DAY", help="Left out: from now on.")
    ] = "",
    until: Annotated[
        str, typer.Option(metavar="DAY", help="When it is back; left out: nobody knows.")
    ] = "",
    note: Annotated[str, typer.Option(help="Why, for those who look at it.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Offer the node no more; what runs on it keeps it until that ends. Says at once which
    promises that breaks."""
    client = connect()
    zones = Zones(client)
    body: dict[str, object] = {"note": note, "dry_run": dry_run}
    if start or until:
        zone = zones.site(client.get(path("nodes", id))["site"])
        for name, option, given in (("start", "--from", start), ("until", "--until", until)):
            if given:
                body[name] = instant(option, given, zone)
    row = client.post(path("nodes", id, "drain"), body)
    if output is Format.JSON:
        print_json(row)
        return
    if dry_run:
        print("Nothing is changed. If it were done:")
    print(row["consequence"])
    print_consequence(row["promises"], zones)


@node.command("return")
def return_(
    id: Node,
    note: Annotated[str, typer.Option(help="What was done to it.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Offer the node again: a drain or a repair is over, or called off."""
    row = connect().post(path("nodes", id, "return"), {"note": note})
    said = f"{id} is {row['state']}, {row['slots_free']} of {row['slots']} slots free"
    if row["promises"]["mended"]:
        said += f"; mended: {', '.join(row['promises']['mended'])}"
    print_done(row, output, said)


@node.command()
def move(
    id: Node,
    to: Annotated[
        str, typer.Option(help="racked, burn_in, in_service, in_repair, cleaning or retired.")
    ],
    expected: Annotated[
        str, typer.Option(metavar="DAY", help="In service again then; retired: leaves then.")
    ] = "",
    note: Annotated[str, typer.Option(help="Why, for those who look at it.")] = "",
    rack: Annotated[str, typer.Option(help="The rack that it is in now.")] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Retire it even if that breaks a promise.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """The next step in its life; says at once which promises that breaks."""
    client = connect()
    zones = Zones(client)
    body: dict[str, object] = {"to": to, "note": note, "force": force, "dry_run": dry_run}
    if expected:
        zone = zones.site(client.get(path("nodes", id))["site"])
        body["expected"] = instant("--expected", expected, zone)
    if rack:
        body["rack"] = rack
    row = client.post(path("nodes", id, "move"), body)
    if output is Format.JSON:
        print_json(row)
        return
    seen = row["node"]
    print(f"{id} {'would be' if dry_run else 'is'} {_where(seen, zones)}")
    print_consequence(row["consequence"], zones)
    if row["named"]:
        print(row["named"]["said"])


def _where(seen: Row, zones: Zones) -> str:
    """Its state, and when that changes: in service again, or gone."""
    zone = zones.site(seen["site"])
    if seen["state"] == "retired":
        return "retired"
    if seen["state"] != "in_service" and seen["ready"]:
        return f"{seen['state']}, back {local(seen['ready'], zone)}"
    leaves = f", leaves {local(seen['until'], zone)}" if seen["until"] else ""
    return f"{seen['state']}{leaves}"


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


RACKS = (
    Column("RACK", lambda row: row["id"]),
    Column("NODES", lambda row: row["nodes"], right=True),
    Column("USED", lambda row: f"{row['used_kw']} kW", right=True),
    Column("LIMIT", lambda row: f"{row['limit_kw']} kW", right=True),
    Column("NOT STATED", lambda row: row["unknown"] or "", right=True),
)


@site.command("show")
def show_site(
    id: Annotated[str, typer.Argument(metavar="SITE")], output: Output = Format.TABLE
) -> None:
    """A data centre: what it draws, what it has, and its racks."""
    row = connect().get(path("sites", id))
    if output is Format.JSON:
        print_json(row)
        return
    power = row["power"]
    unknown = power["unknown"]
    print_facts(
        [
            ("Site", f"{row['id']} {row['name']}"),
            ("Country", f"{row['country']}, {row['time_zone']}"),
            ("Kept", _kept(row)),
            ("Nodes use", f"{power['used_kw']} kW, {power['nodes']} that draw power"),
            ("With PUE", f"{power['demand_kw']} kW at {power['pue']}"),
            ("Active", f"{power['active_kw']} kW" if power["active_kw"] else "not stated"),
            ("Contracted", f"{power['contracted_kw']} kW" if power["contracted_kw"] else ""),
            ("Left", f"{power['free_kw']} kW for nodes" if power["free_kw"] else ""),
            ("Not stated", f"{len(unknown)} nodes: {', '.join(unknown[:5])}" if unknown else ""),
        ]
    )
    if power["racks"]:
        print()
        print_table(RACKS, power["racks"])


def _kept(row: Row) -> str:
    shares = (
        ("spare_percent", "spare"),
        ("moment_percent", "free of contracts"),
        ("contract_percent", "for contracts"),
    )
    said = [f"{row[name]} % {what}" for name, what in shares if float(row[name])]
    return ", ".join(said)
