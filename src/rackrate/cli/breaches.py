"""Promises that the supply does not cover, for people: whose, by how much, and what would mend."""

from typing import Annotated, Any

import typer

from rackrate.cli.client import connect
from rackrate.cli.moment import Zones, day
from rackrate.cli.table import Column, Format, Output, Row, print_json, print_table
from rackrate.core.words import nodes_said

BREACHES = (
    Column("WHO", lambda row: row["who"]),
    Column("SHORT", lambda row: nodes_said(row["nodes"]), right=True),
    Column("FROM", lambda row: row["from"]),
    Column("UNTIL", lambda row: row["until"]),
    Column("POOL", lambda row: row["pool"], from_width=90),
    Column("CAUSE", lambda row: row["said"], from_width=110),
)


def list_breaches(
    in_site: Annotated[str, typer.Option("--site", help="Only of this site.")] = "",
    all_of_them: Annotated[
        bool, typer.Option("--all", help="Also what is over, or was mended.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Promises that the supply does not cover, and what would mend each."""
    client = connect()
    rows = list(client.every("/v1/breaches", site=in_site, all_of_them=all_of_them))
    if output is Format.JSON:
        print_json({"items": rows})
        return
    zones = Zones(client)
    print_broken(rows, zones, "Every promise is covered by the supply.")


def print_broken(rows: list[Row], zones: Zones, empty: str) -> None:
    """A table of broken promises, and below it what would mend each."""
    for row in rows:
        zone = zones.entity()
        row["who"] = _who(row)
        row["from"], row["until"] = (
            day(row["during"]["start"], zone),
            day(row["during"]["end"], zone),
        )
        row["said"] = row["cause"]
        if row["mended"]:
            row["said"] += f"; mended {day(row['mended'], zone)}"
    print_table(BREACHES, rows, empty)
    for row in rows:
        if row["mended"]:
            continue
        for line in mending(row["mends"], zones.entity()):
            print(f"  {row['who']}, {nodes_said(row['nodes'])} from {row['from']}: {line}")


def _who(row: Row) -> str:
    kind = "right to renew" if row["renewal"] else str(row["kind"]).replace("_", " ")
    named = f"{kind} {row['holder']}"
    return f"{named} of {row['customer']}" if row["customer"] else named


def mending(mends: dict[str, Any], zone: str) -> list[str]:
    """What would mend one broken promise, one sentence each."""
    said = []
    for room in mends["rooms"]:
        notice = room["after_notice"]
        told = f", {notice} of them after notice to what runs on demand" if notice else ""
        said.append(f"{nodes_said(room['nodes'])} of {room['pool']} free all that time{told}")
    later = mends["free_from"]
    if later:
        said.append(f"{later['pool']} has enough from {day(later['at'], zone)} on")
    for hold in mends["holds"]:
        whose = f" of {hold['customer']}" if hold["customer"] else ""
        said.append(
            f"hold {hold['holder']}{whose} on {nodes_said(hold['nodes'])} could be withdrawn"
        )
    for coming in mends["arriving"]:
        order = coming["order"] or "a repair"
        batch = f" batch {coming['batch']}" if coming["batch"] else ""
        said.append(
            f"{nodes_said(coming['nodes'])} of {order}{batch} to come to {coming['pool']} on "
            f"{day(coming['expected'], zone)}"
        )
    return said or ["nothing of this shape is free, or on its way, elsewhere"]


def print_consequence(told: dict[str, Any], zones: Zones) -> None:
    """What an act did to promises, or would do."""
    broken, still = told["broken"], told["still"]
    if broken:
        print(f"This breaks {_promises(len(broken))}:")
        print_broken(broken, zones, "")
    else:
        print("This breaks no promise.")
    if still:
        print(f"Broken before, and still so: {', '.join(sorted({_who(row) for row in still}))}")
    if told["mended"]:
        print(f"Mended, or told anew above: {', '.join(told['mended'])}")


def _promises(count: int) -> str:
    return "1 promise" if count == 1 else f"{count} promises"
