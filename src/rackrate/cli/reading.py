"""`rackrate reading`: what meters outside of Rackrate have counted, such as egress."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from rackrate.cli.client import Client, Row, connect
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, instant, local
from rackrate.cli.shape import noun
from rackrate.cli.table import After, Column, Format, Limit, Output, print_done, print_page

reading = noun("What meters outside have counted: tell, import, list.")
Meter = Annotated[str, typer.Option(help="Which meter says so.")]
AT_ONCE = 1000
NEEDED, OPTIONAL = ("id", "bytes", "start", "end"), ("project", "lease", "site", "item")

READINGS = (
    Column("READING", lambda row: row["id"]),
    Column("PROJECT", lambda row: row["project"]),
    Column("LEASE", lambda row: row["lease"], from_width=100),
    Column("SITE", lambda row: row["site"], from_width=110),
    Column("WHAT", lambda row: row["item"]),
    Column("BYTES", lambda row: f"{row['quantity']:,}", right=True),
    Column("FROM", lambda row: row["from"]),
    Column("TO", lambda row: row["to"], from_width=100),
    Column("TOLD AT", lambda row: row["told"], from_width=140),
)


@reading.command("list")
def list_readings(
    project: Annotated[str, typer.Option(envvar="RACKRATE_PROJECT")] = "",
    customer: Annotated[str, typer.Option()] = "",
    lease: Annotated[str, typer.Option()] = "",
    meter: Annotated[str, typer.Option()] = "",
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Readings, by meter and the meter's own name of each."""
    client = connect()
    asked = {"project": project, "customer": customer, "lease": lease, "meter": meter}
    answer = client.get("/v1/readings", **asked, limit=limit, after=after)
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            zone = zones.site(row["site"])
            row["from"], row["to"] = (local(row["during"][e], zone) for e in ("start", "end"))
            row["told"] = local(row["recorded_at"], zone)
    print_page(answer, output, READINGS, "No readings. Tell one with: rackrate reading add")


@reading.command()
def add(
    meter: Meter,
    id: Annotated[str, typer.Option(help="The meter's own name of it: told twice is once.")],
    count: Annotated[int, typer.Option("--bytes", min=0, help="How many left the site.")],
    start: Annotated[str, typer.Option(metavar="TIME", help="As 2026-11-22T07:00:00+08:00.")],
    end: Annotated[str, typer.Option(metavar="TIME", help="Up to, and not including.")],
    project: Annotated[str, typer.Option(help="Whose it is; or name its lease.")] = "",
    lease: Annotated[str, typer.Option(help="Of which lease.")] = "",
    site: Annotated[str, typer.Option(help="Of a lease it is known.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Tell what was counted from one instant to another. The same again changes nothing."""
    client = connect()
    row = {
        "id": id, "quantity": count, "project": project or None, "lease": lease or None,
        "site": site or None,
        "start": instant("--start", start, "UTC"), "end": instant("--end", end, "UTC"),
    }  # fmt: skip
    answer = client.post("/v1/readings", {"meter": meter, "readings": [row]})
    said = f"{id} is recorded" if answer["added"] else f"{id} had been told before: nothing changed"
    print_done(answer, output, said)


@reading.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV: id, bytes, start, end; project, lease, site.")],
    meter: Meter,
    output: Output = Format.TABLE,
) -> None:
    """Tell all of a CSV file, a thousand lines at a time. Again, after a fault, is safe."""
    client, added, known = connect(), 0, 0
    for first, rows in _batches(file):
        answer = _tell(client, meter, file, first, rows)
        added, known = added + answer["added"], known + answer["known"]
    said = f"{added:,} readings are new, {known:,} had been told before"
    print_done({"added": added, "known": known}, output, said)


def _tell(client: Client, meter: str, file: Path, first: int, rows: list[Row]) -> Row:
    try:
        answer: Row = client.post("/v1/readings", {"meter": meter, "readings": rows})
    except Exception:
        last = first + len(rows) - 1
        typer.echo(f"{file}: of lines {first} to {last} nothing is recorded", err=True)
        raise
    return answer


def _batches(file: Path) -> Iterator[tuple[int, list[Row]]]:
    """Each batch with the number of its first line. The whole file is looked at first."""
    with file.open(newline="", encoding="utf-8-sig") as opened:
        lines = csv.DictReader(opened)
        names = lines.fieldnames or []
        missing = [name for name in NEEDED if name not in names]
        unknown = [name for name in names if name not in (*NEEDED, *OPTIONAL)]
        if missing or unknown:
            wrong = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown)}"
            raise Usage(f"{file} {wrong}; its columns are {', '.join((*NEEDED, *OPTIONAL))}")
        rows = [_row(file, number, line) for number, line in enumerate(lines, 2)]
    for place in range(0, len(rows), AT_ONCE):
        yield place + 2, rows[place : place + AT_ONCE]


def _row(file: Path, number: int, line: dict[str, str]) -> Row:
    if None in line or None in line.values():
        raise Usage(f"{file}:{number} has another number of columns than the first line")
    text = line["bytes"].strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise Usage(f"{file}:{number}: {text[:40]!r} is not a number of bytes")
    row: Row = {name: line[name].strip() for name in OPTIONAL if line.get(name, "").strip()}
    for name in ("start", "end"):
        row[name] = instant(f"{file}:{number} {name}", line[name].strip(), "UTC")
    return {**row, "id": line["id"].strip(), "quantity": int(text)}
