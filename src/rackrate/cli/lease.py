"""`rackrate lease`: start, list, show, stop, end, logs, ssh."""

from typing import Annotated

import typer

from rackrate.cli import wish
from rackrate.cli.client import Client, Row, connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, between, lasted, local
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
from rackrate.cli.watch import enter, follow, wait_for, wait_until_stopped

lease = noun("Start, stop, watch and enter leases.")
Lease = Annotated[str, typer.Argument(metavar="LEASE", help="Its id, such as lse_00000042.")]


@lease.command("start")
def start(
    stopped: wish.Stopped = "",
    sku: wish.SkuName = "",
    count: wish.Count = 1,
    nodes: wish.Nodes = 1,
    project: wish.Project = "",
    klass: wish.Klass = "",
    contract: wish.Contract = "",
    name: wish.Name = "",
    image: wish.Image = "",
    command: wish.Command = "",
    env: wish.Env = None,
    volume: wish.Volumes = None,
    port: wish.Ports = None,
    ssh_key: wish.SshKeys = None,
    same_block: wish.SameBlock = False,
    overage: wish.Overage = False,
    wait: wish.Wait = False,
    timeout: wish.Timeout = 600,
    output: Output = Format.TABLE,
) -> None:
    """Lease SKUs now, or start a stopped lease again."""
    client = connect()
    if bool(stopped) == bool(sku):
        raise Usage("say either what to lease with --sku, or which stopped lease to start")
    if stopped:
        row = client.post(path("leases", stopped, "start"))
    else:
        what = {"sku": sku, "count": count, "nodes": nodes, "name": name, "image": image}
        lists = {"env": env, "volumes": volume, "ports": port, "ssh_keys": ssh_key}
        body = {**what, **wish.body(command, klass, contract, lists), "same_block": same_block}
        body["overage"] = overage
        body["project"] = project or wish.only_project(client)
        row = client.post("/v1/leases", body)
    if wait:
        row = wait_for(client, row["id"], timeout)
    print_done(row, output, _started(row))


def _started(row: Row) -> str:
    if row["phase"] == "running":
        where = ", ".join(sorted({member["node"] for member in row["members"]}))
        if row.get("isolation") == "simulated":
            return f"{row['id']} runs on {where}: simulated, there is no machine to enter"
        return f"{row['id']} runs on {where}; enter it with: rackrate lease ssh {row['id']}"
    if row["waits"]:
        return (
            f"{row['id']} waits for spot to make room, which has its notice; "
            f"watch it with: rackrate lease show {row['id']}"
        )
    return f"{row['id']} is {row['phase']}; watch it with: rackrate lease show {row['id']}"


@lease.command("list")
def list_(
    project: Annotated[str, typer.Option(envvar="RACKRATE_PROJECT")] = "",
    customer: Annotated[str, typer.Option()] = "",
    phase: Annotated[str, typer.Option(help="queued, running, stopped …")] = "",
    live: Annotated[
        bool | None, typer.Option("--live/--at-rest", help="Only those, or only the others.")
    ] = None,
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Leases, the newest first."""
    client = connect()
    answer = client.get(
        "/v1/leases",
        project=project,
        customer=customer,
        phase=phase,
        live=live,
        limit=limit,
        after=after,
    )
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            zone = zones.site(row["site"])
            row["shown"] = local(row["since"], zone)
            row["ends"] = local(row["until"], zone) if row["live"] else ""
    empty = "No leases. Start one with: rackrate lease start --sku SKU"
    print_page(answer, output, COLUMNS, empty)


def _what(row: Row) -> str:
    gang = f" on {row['nodes']} nodes" if row["nodes"] > 1 else ""
    return f"{row['count']} x {row['sku']}{gang}"


def _class(row: Row) -> str:
    """The contract alone where its nodes are paid by the month."""
    if row["contract"] and row["class"] != "contract":
        return f"{row['contract']}, {row['class']}"
    return str(row["contract"] or row["class"])


COLUMNS = (
    Column("LEASE", lambda row: row["id"]),
    Column("NAME", lambda row: row["name"], from_width=110),
    Column("WHAT", _what),
    Column("PHASE", lambda row: row["phase"], style=state),
    Column("SINCE", lambda row: row["shown"]),
    Column("GIVES WAY", lambda row: row["ends"], from_width=100),
    Column("PROJECT", lambda row: row["project"], from_width=90),
    Column("CLASS", _class, from_width=100),
    Column("SITE", lambda row: row["site"], from_width=130),
)


@lease.command()
def show(lease_id: Lease, output: Output = Format.TABLE) -> None:
    """A lease with its whole history."""
    client = connect()
    row = client.get(path("leases", lease_id))
    if output is Format.JSON:
        print_json(row)
        return
    zone = Zones(client).site(row["site"])
    print_facts(_facts(client, row, zone))
    if row["found"] or row["members"]:
        print()
        print_table(MEMBERS, _members(row))
    print()
    for event in row["history"]:
        event["shown"] = local(event["at"], zone)
        event["where"] = ", ".join(_place(member) for member in event["members"])
        if event["kind"] in ("told", "notice"):
            until = event["until"]
            event["where"] = f"until {local(until, zone)}" if until else "no end is known"
        event["where"] = event["shape"] or event["where"]
    print_table(HISTORY, row["history"])


def _facts(client: Client, row: Row, zone: str) -> list[tuple[str, object]]:
    price = row["price"]
    site = next((one for one in client.every("/v1/sites") if one["id"] == row["site"]), {})
    simulated = " (simulated: no machines)" if site.get("simulated") else ""
    return [
        ("Lease", f"{row['id']} {row['name']}".strip()),
        ("What", _what(row)),
        ("Phase", f"{row['phase']}, wanted {row['wanted']}"),
        ("Waits", "for spot to make room" if row["waits"] else ""),
        ("Customer", f"{row['customer']}, project {row['project']}"),
        ("Site", f"{row['site']}{simulated}"),
        ("Isolation", row["isolation"]),
        ("Price", _price(row, price)),
        ("Created", local(row["created"], zone)),
        ("Billed since", local(row["billed_since"], zone)),
        ("Safe until", _safe(row, zone)),
        ("Gives way", _gives_way(row, zone)),
        ("Ended", local(row["ended"], zone)),
        ("Image", row["image"]),
        ("Command", " ".join(row["command"])),
        ("Environment", " ".join(row["env"])),
        ("Volumes", " ".join(map(_volume, row["volumes"]))),
        ("Addresses", ", ".join(row["addresses"])),
        ("Enter with", row["ssh"] if row["phase"] == "running" else None),
    ]


def _volume(one: Row) -> str:
    return f"{one['name']}:{one['path']}" + (f":{one['gb']}" if one["gb"] else "")


def _price(row: Row, price: Row | None) -> str:
    if price is None:
        return f"under contract {row['contract']}" if row["contract"] else ""
    tax = "with tax" if price["tax_included"] else "before tax"
    slots = row["slots"] * len(row["members"] or range(row["nodes"]))
    under = f", {price['basis']}" if row["contract"] and price["basis"] else ""
    return f"{price['amount']} {price['currency']} per {price['per']} {tax}, {slots} slots{under}"


def _gives_way(row: Row, zone: str) -> str | None:
    if row["until"] is None or not row["live"]:
        return None
    why = "its nodes are promised to others from then"
    if row["class"] == "spot":
        why = "spot makes room for others"
    elif row["class"] in ("contract", "flex"):
        why = "its contract has none for it from then"
    return f"it ends at {local(row['until'], zone)}: {why}"


def _safe(row: Row, zone: str) -> str:
    if row["class"] != "spot":
        return local(row["safe_until"], zone)
    notice = lasted(row["price"]["notice_seconds"]) if row["price"] else "its"
    return f"never: it is spot, and goes with {notice} notice"


def _place(member: Row) -> str:
    return f"{member['node']}[{member['slots']}]"


def _members(row: Row) -> list[Row]:
    found = {one["rank"]: one for one in row["found"]}
    return [{**member, "found": found.get(member["rank"], {})} for member in row["members"]]


MEMBERS = (
    Column("RANK", lambda row: row["rank"], right=True),
    Column("NODE", lambda row: row["node"]),
    Column("SLOTS", lambda row: row["slots"]),
    Column("SEEN AS", lambda row: row["found"].get("phase", "not seen"), style=state),
    Column("REASON", lambda row: row["found"].get("reason", "")),
    Column("DEVICES", lambda row: " ".join(row["found"].get("devices", ())), from_width=100),
)
HISTORY = (
    Column("AT", lambda row: row["shown"]),
    Column("WHAT HAPPENED", lambda row: row["kind"], style=state),
    Column("WHERE", lambda row: row["where"]),
    Column("CAUSE", lambda row: row["cause"]),
)


@lease.command()
def stop(lease_id: Lease, output: Output = Format.TABLE) -> None:
    """Stop: its GPUs are no longer billed, its volumes stay, and it can be started again."""
    row = connect().post(path("leases", lease_id, "stop"))
    print_done(
        row, output, f"{lease_id} stops; start it again with: rackrate lease start {lease_id}"
    )


@lease.command()
def resize(
    lease_id: Lease,
    count: Annotated[int | None, typer.Option(min=1, help="Units, on each node.")] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="Nodes of the gang.")] = None,
    sku: Annotated[str, typer.Option(help="Another SKU of the same site.")] = "",
    restart: Annotated[
        bool, typer.Option("--restart", help="Stop it first, and start it again after.")
    ] = False,
    timeout: wish.Timeout = 600,
    output: Output = Format.TABLE,
) -> None:
    """Another shape for a stopped lease: placed and billed so from its next start on.

    With --restart it is stopped and started again. Between the two others may take its place; it
    is stopped then, and keeps its volumes.
    """
    client = connect()
    if count is None and nodes is None and not sku:
        raise Usage("say what changes, with --count, --nodes or --sku")
    stops = restart and client.get(path("leases", lease_id))["phase"] != "stopped"
    if stops:
        client.post(path("leases", lease_id, "stop"))
        wait_until_stopped(client, lease_id, timeout)
    body = {"count": count, "nodes": nodes, "sku": sku or None}
    row = client.post(path("leases", lease_id, "resize"), body)
    if stops:
        row = client.post(path("leases", lease_id, "start"))
        print_done(row, output, f"{lease_id} is {_what(row)} now, and {row['phase']}")
        return
    then = f"start it with: rackrate lease start {lease_id}"
    print_done(row, output, f"{lease_id} is {_what(row)} from its next start on; {then}")


@lease.command()
def end(lease_id: Lease, output: Output = Format.TABLE) -> None:
    """End for good."""
    row = connect().post(path("leases", lease_id, "end"))
    lived = lasted(between(row["created"], row["since"]))
    print_done(row, output, f"{lease_id} ends after {lived}; its project's volumes stay")


@lease.command()
def logs(
    lease_id: Lease,
    rank: Annotated[int, typer.Option(min=0, help="Which member of a gang.")] = 0,
    go_on: Annotated[bool, typer.Option("--follow", "-f", help="Until the lease is over.")] = False,
) -> None:
    """What a member of the lease has written."""
    follow(connect(), lease_id, rank, go_on)


@lease.command(context_settings={"ignore_unknown_options": True})
def ssh(
    lease_id: Lease,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]…", help="Left out: a shell.")
    ] = None,
) -> None:
    """Log in to a lease with OpenSSH."""
    enter(connect(), lease_id, command or [])
