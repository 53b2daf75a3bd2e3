"""`rackrate wallet`: customers that pay ahead, what is left, and what follows when nothing is."""

import re
from datetime import timedelta
from typing import Annotated

import typer

from rackrate.cli.client import Client, Row, connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, instant, lasted, local
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    money,
    print_facts,
    print_json,
    print_page,
    print_table,
    state,
)

wallet = noun("Customers that pay ahead.")
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER")]
_TERM = re.compile(r"([0-9]{1,5})(h|d)")

WALLETS = (
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("LEFT", lambda row: money(row["left"]), right=True),
    Column("TOLD BELOW", lambda row: money(row["low"]), right=True),
    Column("STAGE", lambda row: "closed" if row["closed"] else row["stage"], style=state),
    Column("GRACE", lambda row: f"{row['grace_hours']} h", from_width=80),
    Column("STORAGE KEPT", lambda row: f"{row['keep_storage_days']} d", from_width=80),
)
MOVEMENTS = (
    Column("AT", lambda row: row["shown"]),
    Column("FOR", lambda row: row["for"]),
    Column("AMOUNT", lambda row: money(row["amount"]), right=True),
    Column("HELD", lambda row: money(row["held"]), right=True),
)


@wallet.command("list")
def list_wallets(
    customer: Annotated[str, typer.Option(help="Of one customer only.")] = "",
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Wallets, and what was left of them when they were last looked at."""
    answer = connect().get("/v1/wallets", customer=customer, limit=limit, after=after)
    empty = "No wallets yet. Open one with: rackrate wallet open CUSTOMER --low AMOUNT"
    print_page(answer, output, WALLETS, empty)


@wallet.command("open")
def open_wallet(
    customer: Customer,
    low: Annotated[str, typer.Option(help="Below this it is told, in its currency.")],
    grace: Annotated[
        str, typer.Option(metavar="HOURS", help="From empty until leases stop, as 24h or 2d.")
    ] = "24h",
    keep_storage: Annotated[
        str, typer.Option(metavar="DAYS", help="From the stop until volumes go, as 30d.")
    ] = "30d",
    output: Output = Format.TABLE,
) -> None:
    """From now on it pays ahead, or by these terms: it starts nothing beyond what it has."""
    client = connect()
    currency = client.get(path("customers", customer))["currency"]
    kept = _term("--keep-storage", keep_storage)
    if kept % timedelta(days=1):
        raise Usage(f"--keep-storage {keep_storage!r} is not whole days, as 30d")
    body = {
        "customer": customer,
        "low": {"amount": low, "currency": currency},
        "grace_hours": _term("--grace", grace) // timedelta(hours=1),
        "keep_storage_days": kept.days,
    }
    _print(client, client.post("/v1/wallets", body), output)


@wallet.command()
def top_up(
    customer: Customer,
    amount: Annotated[str, typer.Option(help="What came in, in its currency.")],
    reference: Annotated[str, typer.Option(help="The payer's; twice the same is one payment.")],
    on: Annotated[str, typer.Option(metavar="DAY", help="When it came in. Left out: now.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Note money that came in: it pays what is open, and the rest is held."""
    client = connect()
    buyer = client.get(path("customers", customer))
    body = {
        "amount": {"amount": amount, "currency": buyer["currency"]},
        "reference": reference,
        "on": instant("--on", on, Zones(client).entity(buyer["entity"])) if on else None,
    }
    _print(client, client.post(path("wallets", customer, "top-up"), body), output)


@wallet.command()
def show(
    customer: Customer,
    movements: Annotated[
        bool, typer.Option("--movements", help="What came in and went out of it, too.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """What is left of it now, for how long that lasts, and when what stops."""
    client = connect()
    row = client.get(path("wallets", customer))
    if movements:
        row["movements"] = list(client.every(path("wallets", customer, "movements")))
    _print(client, row, output)


@wallet.command()
def close(
    customer: Customer,
    reference: Annotated[str, typer.Option(help="Of the transfer with which the rest goes back.")],
    output: Output = Format.TABLE,
) -> None:
    """Note that what is left went back; what has no invoice yet is kept for that.

    Without a credit limit the customer has one of 0 from then on.
    """
    client = connect()
    _print(
        client, client.post(path("wallets", customer, "close"), {"reference": reference}), output
    )


def _term(option: str, text: str) -> timedelta:
    found = _TERM.fullmatch(text)
    if found is None:
        raise Usage(f"{option} {text!r} is not hours or days, as 24h or 30d")
    count = int(found[1])
    return timedelta(hours=count) if found[2] == "h" else timedelta(days=count)


def _print(client: Client, row: Row, output: Format) -> None:
    if output is Format.JSON:
        print_json(row)
        return
    found, has = row["wallet"], row["balance"]
    zone = client.get(path("customers", found["customer"]))["time_zone"]
    terms = f"stop after {found['grace_hours']} h, volumes {found['keep_storage_days']} d longer"
    print_facts(
        [
            ("Customer", found["customer"]),
            ("Held", money(has["held"])),
            ("Open", money(has["open"])),
            ("Used, not invoiced", money(has["used"])),
            ("Left", money(has["left"])),
            ("Used in an hour", money(has["an_hour"])),
            ("Lasts", "" if has["lasts_s"] is None else lasted(has["lasts_s"])),
            ("Told below", money(found["low"])),
            ("When empty", terms),
            ("Stage", "closed" if found["closed"] else found["stage"]),
            ("Leases stop", local(found["stops"], zone)),
            ("Volumes go", local(found["storage_until"], zone)),
        ]
    )
    if "movements" in row:
        print()
        for each in row["movements"]:
            each["shown"] = local(each["at"], zone)
            each["for"] = each["invoice"] or each["reference"] or f"{each['payment']} released"
        print_table(MOVEMENTS, row["movements"], "Nothing came in yet.")
