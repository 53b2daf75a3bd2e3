"""`rackrate rate`: what one currency is in another, from when, and who needs to know."""

from typing import Annotated

import typer

from rackrate.cli.client import Client, connect
from rackrate.cli.failure import Usage
from rackrate.cli.moment import instant, local
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    print_done,
    print_page,
    state,
)

rate = noun("Rates between currencies: dated, with their source, never edited.")
Currency = Annotated[str, typer.Argument(metavar="CURRENCY", help="As USD: one of it is RATE.")]
Target = Annotated[str, typer.Argument(metavar="TARGET", help="As CNY: the books' currency.")]


@rate.command("set")
def set_rate(
    currency: Currency,
    target: Target,
    value: Annotated[str, typer.Argument(metavar="RATE", help="As 7.1203.")],
    source: Annotated[str, typer.Option(help="Where it is from, for whoever audits the books.")],
    since: Annotated[
        str, typer.Option("--from", metavar="DAY", help="From when on. Left out: now.")
    ] = "",
    sure: Annotated[
        bool, typer.Option("--sure", help="It is meant, though far from the one before.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """One CURRENCY is RATE TARGET, until a later rate supersedes it.

    A day is its midnight where the books are kept.
    """
    client = connect()
    zones = _zones(client, target)
    if since and len(zones) > 1 and "T" not in since:
        raise Usage(
            f"books in {target} are kept in {' and in '.join(zones)}; "
            f"give --from with its offset, as {since}T00:00:00+08:00"
        )
    body = {
        "currency": currency,
        "target": target,
        "rate": value,
        "source": source,
        "effective": instant("--from", since, zones[0]) if since else None,
        "sure": sure,
    }
    row = client.post("/v1/rates", body)
    begins = local(row["effective"], zones[0])
    print_done(row, output, f"1 {currency} is {row['rate']} {target} from {begins}")


RATES = (
    Column("PAIR", lambda row: f"{row['currency']} {row['target']}"),
    Column("RATE", lambda row: row["rate"], right=True),
    Column("FROM", lambda row: row["shown"]),
    Column("SOURCE", lambda row: row["source"], from_width=70),
)


@rate.command("list")
def list_rates(
    currency: Annotated[str, typer.Option(help="Of one currency only.")] = "",
    target: Annotated[str, typer.Option(help="Into one currency only.")] = "",
    now: Annotated[bool, typer.Option("--now", help="Only those that are in force.")] = False,
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Rates of each pair in the order of time; with --now those in force."""
    client = connect()
    if now:
        answer = client.get("/v1/rates/current")
        wanted = {"currency": currency, "target": target}
        answer["items"] = [
            row
            for row in answer["items"]
            if all(value in ("", row[name]) for name, value in wanted.items())
        ]
    else:
        answer = client.get("/v1/rates", currency=currency, target=target, limit=limit, after=after)
    if output is Format.TABLE:
        zones = {each: _zones(client, each)[0] for each in {r["target"] for r in answer["items"]}}
        for row in answer["items"]:
            row["shown"] = local(row["effective"], zones[row["target"]])
    print_page(answer, output, RATES, "No rates yet. Set one with: rackrate rate set")


FINDINGS = (
    Column("FAULT", lambda row: row["fault"], style=state),
    Column("DETAIL", lambda row: row["detail"]),
    Column("CUSTOMERS", lambda row: " ".join(row["customers"])),
    Column("CONTRACTS", lambda row: " ".join(row["contracts"]), from_width=90),
)


@rate.command()
def check(
    stale: Annotated[
        int, typer.Option("--stale", metavar="DAYS", help="What is older counts as old.")
    ] = 35,
    output: Output = Format.TABLE,
) -> None:
    """Who is billed in a currency that has no rate now, or an old one. Exit code 1 if any."""
    answer = connect().get("/v1/rates/check", stale_days=stale)
    print_page(answer, output, FINDINGS, "Every currency that is billed in has a fresh rate.")
    if answer["items"]:
        raise typer.Exit(1)


def _zones(client: Client, target: str) -> list[str]:
    """Where books in that currency are kept; UTC where none are."""
    rows = client.every("/v1/entities")
    found = {str(row["time_zone"]) for row in rows if row["currency"] == target}
    return sorted(found) or ["UTC"]
