"""`rackrate capacity`: what can be promised, from when, and what already is."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from rackrate.cli.breaches import list_breaches
from rackrate.cli.capacity_chart import show_chart
from rackrate.cli.client import Client, connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, day, local
from rackrate.cli.rearrange import clear_block, mend_pools
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    Column,
    Format,
    Output,
    Row,
    print_facts,
    print_json,
    print_table,
)

capacity = noun("What can be promised, from when, and what already is.")
capacity.command("breaches")(list_breaches)
capacity.command("mend")(mend_pools)
capacity.command("clear")(clear_block)
MOST_STEPS = 40
USES = {
    "contract": "CONTRACT",
    "flex": "FLEX",
    "hold": "HOLD",
    "maintenance": "MAINTENANCE",
    "lease_back": "LEASED BACK",
    "spare": "SPARE",
    "headroom": "HEADROOM",
    "on_demand": "ON DEMAND",
    "spot": "SPOT",
    "free": "FREE",
}


class Unit(StrEnum):
    NODES = "nodes"
    GPUS = "gpus"
    PFLOPS = "pflops"


SkuOption = Annotated[str, typer.Option("--sku", help="Of this SKU: rackrate sku list")]
ChipOption = Annotated[str, typer.Option("--chip", help="Of this chip, in every shape.")]
SiteOption = Annotated[str, typer.Option("--site", help="Only at this site.")]
FromOption = Annotated[
    str, typer.Option("--from", metavar="DAY", help="First day, as 2027-03-01; left out: now.")
]
UntilOption = Annotated[str, typer.Option("--until", metavar="DAY", help="First day after it.")]
MonthsOption = Annotated[
    int | None, typer.Option("--months", min=1, max=360, help="How long, instead of --until.")
]


@capacity.command()
def show(
    sku: SkuOption = "",
    chip: ChipOption = "",
    site: SiteOption = "",
    start: FromOption = "",
    until: UntilOption = "",
    months: MonthsOption = None,
    unit: Annotated[Unit, typer.Option(help="PFLOPS are dense BF16.")] = Unit.NODES,
    chart: Annotated[bool, typer.Option("--chart", help="Draw it.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="As --output json.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """What can be promised over the whole of a time, block by block, and what is in the way."""
    if bool(sku) == bool(chip):
        raise Usage("name what you ask about: --sku SKU, or --chip CHIP")
    client = connect()
    zone = zone_of(client, sku, site)
    first, end = bounds(zone, start, until, months)
    answer = client.get(
        "/v1/capacity",
        **{"sku": sku, "chip": chip, "site": site, "from": first, "until": end, "unit": unit.value},
    )
    if json_ or output is Format.JSON:
        print_json(answer)
        return
    _show(answer, zone, chart)


def zone_of(client: Client, sku: str, site: str = "") -> str:
    """The zone of the site that is asked about; of all sites where they agree, else UTC."""
    zones = Zones(client)
    if not site and sku:
        sites = {row["id"]: row["site"] for row in client.every("/v1/skus")}
        site = str(sites.get(sku, ""))
    if site:
        return zones.site(site)
    known = {str(row["time_zone"]) for row in client.every("/v1/sites")}
    return known.pop() if len(known) == 1 else "UTC"


def bounds(zone: str, start: str, until: str, months: int | None) -> tuple[str, str]:
    """The window as the API wants it: midnights in the zone, or instants that were given whole."""
    if until and months is not None:
        raise Usage("--until and --months say the same: give one of them")
    first = moment("--from", start, zone) if start else None
    if until:
        return text(first), text(moment("--until", until, zone))
    if months is None:
        return text(first), ""
    if first is None:
        raise Usage("--months counts from a day: give --from, too")
    return text(first), text(later(first, months))


def moment(option: str, given: str, zone: str) -> datetime:
    """Midnight of a day in the zone, or the instant that was given whole."""
    try:
        read = datetime.fromisoformat(given)
    except ValueError:
        raise Usage(f"{option} {given!r} is not a day as 2027-01-01") from None
    return read if read.tzinfo is not None else read.replace(tzinfo=ZoneInfo(zone))


def later(start: datetime, months: int) -> datetime:
    """So many calendar months later; on the month's last day where it has no such day."""
    years, month = divmod(start.month - 1 + months, 12)
    for last in (start.day, 30, 29, 28):
        try:
            return start.replace(year=start.year + years, month=month + 1, day=min(start.day, last))
        except ValueError:
            continue
    raise Usage("--months reaches beyond the year 9999")


def text(at: datetime | None) -> str:
    try:
        return "" if at is None else at.astimezone(UTC).isoformat()
    except OverflowError:
        raise Usage("a day is too far away") from None


POOLS = (
    Column("BLOCK", lambda row: row["block"]),
    Column("SITE", lambda row: row["site"], from_width=70),
    Column("NODES", lambda row: row["nodes"], right=True),
    Column("GPUS A NODE", lambda row: row["gpus"], right=True, from_width=70),
    Column("FREE AT START", lambda row: row["free"][0]["free"], right=True),
    Column("FREE THROUGHOUT", lambda row: row["least"], right=True),
    Column("FIRST CHANGES", lambda row: row["changes"], from_width=90),
)


def _show(answer: Row, zone: str, chart: bool) -> None:
    unit = {"nodes": "nodes", "gpus": "GPUs", "pflops": f"PFLOPS ({answer['precision']})"}
    counted = unit[answer["unit"]]
    window = answer["window"]
    last = answer["steps"][0]["supply"] if answer["steps"] else 0
    print_facts(
        [
            ("What", answer["sku"] or answer["chip"]),
            ("At", ", ".join(answer["sites"])),
            ("From", local(window["start"], zone)),
            ("Until", local(window["end"], zone)),
            ("Can be promised", f"{answer['least']} {counted} over all of it"),
            ("On one fabric", f"{answer['one_block']} {counted} over all of it"),
            ("Supply at start", f"{last} {counted}"),
        ]
    )
    if chart:
        print()
        show_chart(answer, zone)
    for pool in answer["pools"]:
        following = pool["free"][1:4]
        said = [f"{step['free']} from {day(step['at'], zone)}" for step in following]
        pool["changes"] = ", ".join(said) + (" …" if len(pool["free"]) > 4 else "")
    print()
    print_table(POOLS, answer["pools"], "There are no such nodes.")
    print()
    print_table(_steps(answer, zone), answer["steps"][:MOST_STEPS])
    if len(answer["steps"]) > MOST_STEPS:
        print(f"and {len(answer['steps']) - MOST_STEPS} more changes; --output json has all")
    if any(
        _some(step["uses"].get(use)) for step in answer["steps"] for use in ("on_demand", "spot")
    ):
        print(
            "On demand and spot are a forecast: what runs now, until its notice would be over at "
            f"{local(answer['forecast_until'], zone)}."
        )
    if any(_some(step["short"]) for step in answer["steps"]):
        print("MORE IS PROMISED THAN IS THERE; see: rackrate capacity breaches")


def _steps(answer: Row, zone: str) -> tuple[Column, ...]:
    """What it is all for, from each change to the next; a use that never occurs is left out."""
    found = list(answer["steps"][0]["uses"]) if answer["steps"] else []
    columns = [
        Column("FROM", lambda row: local(row["at"], zone)[:16]),
        Column("SUPPLY", lambda row: row["supply"], right=True),
    ]
    columns += [
        Column(USES.get(use, use.upper()), _level(use), right=True)
        for use in found
        if use == "free" or any(_some(step["uses"][use]) for step in answer["steps"])
    ]
    columns += [
        Column("ON ONE BLOCK", lambda row: row["one_block"], right=True),
        Column("SHORT", lambda row: row["short"] if _some(row["short"]) else "", right=True),
    ]
    return tuple(columns)


def _level(use: str) -> Callable[[Row], object]:
    return lambda row: row["uses"][use]


def _some(figure: object) -> bool:
    return float(str(figure or 0)) > 0


def _count(name: str) -> Callable[[Row], str]:
    return lambda row: f"{row[name]['nodes']} ({row[name]['gpus']} GPUs)"


NUMBERS = (
    Column("", lambda row: row["of"]),
    *(
        Column(name.replace("_", " ").upper(), _count(name), right=True)
        for name in ("delivered", "healthy", "reserved", "in_use")
    ),
)


@capacity.command()
def numbers(
    customer: Annotated[str, typer.Option(help="Of a customer, and each of its contracts.")] = "",
    contract: Annotated[str, typer.Option(help="Of one contract.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Delivered, healthy, reserved and in use, now: nodes, and the GPUs that they are."""
    if bool(customer) == bool(contract):
        raise Usage("name whose: --customer CUSTOMER, or --contract CONTRACT")
    at = path("customers", customer) if customer else path("contracts", contract)
    answer = connect().get(f"{at}/numbers")
    if output is Format.JSON:
        print_json(answer)
        return
    rows = [{"of": id, **each} for id, each in answer.get("contracts", {}).items()]
    print_table(NUMBERS, [*rows, {"of": "together" if customer else contract, **answer}])
