"""`rackrate capacity mend|clear`: promises laid on other blocks, shown before it is done."""

from typing import Annotated, Any

import typer

from rackrate.cli.client import Client, connect
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, day
from rackrate.cli.table import Column, Format, Output, print_json, print_table

MOVES = (
    Column("CONTRACT", lambda row: row["contract"]),
    Column("CUSTOMER", lambda row: row["customer"] or "", from_width=90),
    Column("NODES", lambda row: row["nodes"], right=True),
    Column("FROM BLOCK", lambda row: row["from"]),
    Column("TO BLOCK", lambda row: row["to"]),
    Column("STARTS", lambda row: row["starts"]),
    Column("ENDS", lambda row: row["ends"], from_width=100),
)
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it; left out: only show it.")]


def mend_pools(
    site: Annotated[str, typer.Option("--site", help="Left out: every site.")] = "",
    yes: Yes = False,
    output: Output = Format.TABLE,
) -> None:
    """Lay promises that are not delivered yet on other blocks, where one is short."""
    client = connect()
    sites = [site] if site else [str(row["id"]) for row in client.every("/v1/sites")]
    plans = [_asked(client, "mend", {"site": each}, yes) for each in sites]
    if output is Format.JSON:
        print_json({"items": plans})
        return
    together = {
        name: [each for plan in plans for each in plan[name]]
        for name in ("moves", "short_before", "short_after")
    }
    if not together["short_before"]:
        print("No block is short.")
        return
    _show(client, together, yes)
    left = together["short_after"]
    if left:
        print(f"Still short, and nothing can make way: {', '.join(left)}")
        for plan in plans:
            for pool, why in plan["why"].items():
                print(f"  {pool}: {why}")
        print("What would mend it: rackrate capacity breaches")


def clear_block(
    sku: Annotated[str, typer.Option(help="A SKU of whole nodes: rackrate sku list")],
    count: Annotated[int, typer.Option(min=1, help="How many nodes, on one block.")],
    start: Annotated[str, typer.Option("--from", metavar="DAY", help="First day.")],
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="First day after it.")] = "",
    months: Annotated[int | None, typer.Option("--months", min=1, max=360)] = None,
    yes: Yes = False,
    output: Output = Format.TABLE,
) -> None:
    """Make room on one block by moving the least that is not delivered yet."""
    from rackrate.cli.capacity import bounds, zone_of

    client = connect()
    first, end = bounds(zone_of(client, sku), start, until, months)
    if not end:
        raise Usage("until when? --until DAY or --months N")
    wanted = {"sku": sku, "nodes": count, "from": first, "until": end}
    plan = _asked(client, "clear", wanted, yes)
    if output is Format.JSON:
        print_json(plan)
    elif not plan["moves"]:
        print(f"Nothing has to move: a block has room for {count}.")
    else:
        _show(client, plan, yes)


def _asked(client: Client, what: str, wanted: dict[str, Any], yes: bool) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(f"/v1/capacity/{what}", {**wanted, "dry_run": not yes})
    return answer


def _show(client: Client, plan: dict[str, Any], yes: bool) -> None:
    zone = Zones(client).entity()
    for row in plan["moves"]:
        row["starts"] = day(row["during"]["start"], zone)
        row["ends"] = day(row["during"]["end"], zone)
    print_table(MOVES, plan["moves"], "Nothing can be moved.")
    if plan["moves"]:
        print("Done." if yes else "Nothing is changed. To do it, say --yes.")
