"""`rackrate invoice`: preview, close a month, list, show, pay."""

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rackrate.cli.client import Client, Row, connect, path
from rackrate.cli.failure import Failure
from rackrate.cli.moment import Zones, day, local
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    money,
    print_done,
    print_facts,
    print_json,
    print_page,
    print_table,
    state,
)

invoice = noun("Preview, close a month, look, pay, void, set off.")
Number = Annotated[str, typer.Argument(metavar="INVOICE", help="Its number.")]
MonthOption = Annotated[str, typer.Option("--month", metavar="YYYY-MM")]
Customer = Annotated[str, typer.Option(help="Needed only where there are several.")]


QUANTITIES = {
    "gb_month": (3600, "GB-h"),
    "address_hour": (3600, "address-h"),
    "address_month": (3600, "address-h"),
    "egress_gb": (10**9, "GB"),
    "egress_gib": (2**30, "GiB"),
}


def measured(line: Row) -> str:
    """Exact quantities shown to a thousandth; the invoice rounds money, once, and not this."""
    quantity = line["milli_quantity"]
    if not quantity:
        return ""
    # Of a unit so many seconds, or bytes, and in words.
    one, unit = QUANTITIES.get(line["unit"], (3600, "slot-h"))
    thousandths = (abs(quantity) + one // 2) // one
    return f"{'-' if quantity < 0 else ''}{thousandths // 1000:,}.{thousandths % 1000:03} {unit}"


LINES = (
    Column("WHAT", lambda row: row["description"]),
    Column("LEASE OR CONTRACT", lambda row: row["lease"] or row["contract"], from_width=100),
    Column("MONTH", lambda row: row["month"]),
    Column("MEASURED", measured, right=True),
    Column("AT", lambda row: row["rate"] or row["per_hour"], right=True),
    Column("FOR A", lambda row: row["per"], from_width=130),
    Column("TAX RULE", lambda row: row["tax_rule"], from_width=110),
    Column("NET", lambda row: money(row["net"]), right=True),
)


@invoice.command()
def preview(month: MonthOption, customer: Customer = "", output: Output = Format.TABLE) -> None:
    """What closing a month would put on the invoice, if nothing more happened."""
    client = connect()
    whose = customer or _only_customer(list(client.every("/v1/customers")))
    row = client.get("/v1/invoices/preview", customer=whose, month=month)
    if output is Format.JSON:
        print_json(row)
        return
    print(f"Preview for {whose}, {month}: not an invoice, and it changes until the month closes.")
    print()
    print_table(LINES, row["lines"], "Nothing to pay so far.")
    print()
    _totals(row)


def _only_customer(known: Sequence[Row]) -> str:
    if len(known) == 1:
        return str(known[0]["id"])
    names = ", ".join(str(row["id"]) for row in known[:12])
    raise Failure(f"say which customer with --customer: {names or 'there is none'}", "invalid")


SUMS = {
    "Net": "net",
    "Tax": "tax",
    "With tax": "gross",
    "Paid": "paid",
    "Credited": "credited",
    "Open": "open",
}


def _totals(row: Row) -> None:
    """Where there are several rules, the tax under each, and what it is on."""
    several = len(row["taxes"]) > 1
    facts: list[tuple[str, str]] = []
    for name, key in SUMS.items():
        if key == "tax" and several:
            facts += [(part["name"], _of_rule(part)) for part in row["taxes"]]
        if key in row:
            facts.append((name, money(row[key])))
    booked = row.get("booked")
    if booked is not None:
        currency, target = row["gross"]["currency"], booked["tax"]["currency"]
        rate = f"1 {currency} = {booked['rate']} {target}, {booked['source']}"
        facts += [("Tax in the books", money(booked["tax"])), ("At", rate)]
    print_facts(facts)


def _of_rule(part: Row) -> str:
    return f"{money(part['tax'])} on {money(part['net'])}"


INVOICES = (
    Column("INVOICE", lambda row: row["id"]),
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("MONTH", lambda row: row["month"]),
    Column("WITH TAX", lambda row: money(row["gross"]), right=True),
    Column("OPEN", lambda row: money(row["open"]), right=True),
    Column("STATUS", lambda row: row["status"], style=state),
    Column("DUE", lambda row: row["due_day"], from_width=90),
)


@invoice.command()
def close(
    month: MonthOption,
    entity: Annotated[str, typer.Option(help="Who sells; needed only if several do.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Issue a month's invoices. Closing it again changes nothing."""
    client = connect()
    row = client.post("/v1/invoices/close", {"month": month, "entity": entity or None})
    if output is Format.JSON:
        print_json(row)
        return
    print(f"{month} of {row['entity']} is closed.")
    print_table(INVOICES, _dated(row["invoices"], Zones(client)), "Nobody owed anything.")


def _dated(rows: list[Row], zones: Zones) -> list[Row]:
    for row in rows:
        row["due_day"] = day(row["due"], zones.entity(row["entity"]))
    return rows


@invoice.command("list")
def list_invoices(
    customer: Annotated[str, typer.Option()] = "",
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Invoices, the newest first."""
    client = connect()
    answer = client.get("/v1/invoices", customer=customer, limit=limit, after=after)
    if output is Format.TABLE:
        _dated(answer["items"], Zones(client))
    print_page(
        answer, output, INVOICES, "No invoices yet. Look ahead with: rackrate invoice preview"
    )


class Shown(StrEnum):
    """How an invoice can be had."""

    TABLE = "table"
    JSON = "json"
    PDF = "pdf"
    FACTURX = "facturx"
    UBL = "ubl"
    CSV = "csv"


@invoice.command()
def show(
    number: Number,
    output: Annotated[
        Shown, typer.Option("--output", "-o", help="A table, JSON, or a file to send or keep.")
    ] = Shown.TABLE,
    language: Annotated[str, typer.Option(help="Of the PDF: en or zh.")] = "en",
    file: Annotated[
        str, typer.Option(metavar="PATH", help="Where a file goes; - is standard output.")
    ] = "",
) -> None:
    """An invoice with its lines; or as PDF, as electronic invoice (EN 16931), or as CSV."""
    client = connect()
    if output not in (Shown.TABLE, Shown.JSON):
        _save(client, number, output, language, file)
        return
    row = client.get(path("invoices", number))
    if output is Shown.JSON and file not in ("", "-"):
        _write(number, file, json.dumps(row, indent=2, ensure_ascii=False).encode())
        return
    if output is Shown.JSON:
        print_json(row)
        return
    row["digital"] = _numbers(client.get(path("invoices", number, "digital"))["items"])
    _sheet(row, Zones(client).entity(row["entity"]))


def _numbers(issued: list[Row]) -> str:
    """Of its digital invoices: the blue one, and the red one that takes it back."""
    known = [f"{each['number']} ({each['colour']})" for each in issued if each["number"]]
    return ", ".join(known)


def _sheet(row: Row, zone: str) -> None:
    print_facts(
        [
            ("Invoice", row["id"]),
            ("From", row["entity"]),
            ("To", row["customer"]),
            ("For", f"{row['month']}, {row['cause']}"),
            ("Issued", local(row["issued"], zone)),
            ("Due", local(row["due"], zone)),
            ("Status", row["status"]),
            ("Purchase order", row["purchase_order"]),
            ("Project", row["project"]),
            ("Credits", row["credits"]),
            ("Reason", row["reason"]),
            ("Again on", row["replaced"]),
            ("Tax rule", row["tax_rule"]),
            ("Digital invoice", row["digital"]),
        ]
    )
    print()
    print_table(LINES, row["lines"])
    print()
    _totals(row)


def _save(client: Client, number: str, format: str, language: str, file: str) -> None:
    """PDF goes into a file of its own name unless another is said; text, to standard output."""
    answer = client.request(
        "GET", path("invoices", number, "document"), {"format": format, "language": language}
    )
    named = answer.headers.get("content-disposition", "").partition('filename="')[2].rstrip('"')
    printed = answer.headers.get("content-type", "").startswith("application/pdf")
    target = file or (Path(named).name if printed else "-")
    if target == "-":
        sys.stdout.buffer.write(answer.body)
    else:
        _write(number, target, answer.body)


def _write(number: str, target: str, content: bytes) -> None:
    try:
        Path(target).write_bytes(content)
    except OSError as error:
        raise Failure(f"{target} cannot be written: {error.strerror}") from None
    print(f"{number} is in {target}")


TAXES = (
    Column("RULE", lambda row: row["id"]),
    Column("NAME", lambda row: row["name"]),
    Column("PERCENT", lambda row: row["percent"], right=True),
    Column("CODE", lambda row: row["category"]),
    Column("ROUNDED ON", lambda row: f"the {row['rounding']}", from_width=80),
    Column("SAYS", lambda row: row["exemption"], from_width=120),
)


@invoice.command()
def taxes(limit: Limit = 100, after: After = "", output: Output = Format.TABLE) -> None:
    """The tax rules: `output_tax` of an entity names one, `tax_rule` of a customer another; or one
    for each supply, as cn-general, or service=RULE,lease=RULE.
    """
    answer = connect().get("/v1/tax-rules", limit=limit, after=after)
    print_page(answer, output, TAXES, "None.")


@invoice.command()
def digital(number: Number, output: Output = Format.TABLE) -> None:
    """Ask the tax authority's channel for its digital invoice, or for the red letter."""
    row = connect().post(path("invoices", number, "digital"))
    said = f"{row['channel']} was asked for {row['id']}, and has not answered yet"
    if row["number"]:
        said = f"{row['id']} has the number {row['number']} of the channel {row['channel']}"
    print_done(row, output, said)


@invoice.command()
def pay(
    number: Number,
    amount: Annotated[str, typer.Option(help="Left out: all that is open.")] = "",
    reference: Annotated[
        str, typer.Option(help="The payer's; twice the same is one payment.")
    ] = "",
    keep_rest: Annotated[
        bool, typer.Option("--keep-rest", help="Keep what is more than open, for later.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Note that money has come in."""
    client = connect()
    row = client.get(path("invoices", number))
    if not reference:
        reference = f"paid {row['open']['amount']} after {row['paid']['amount']}"
    value = {"amount": amount or row["open"]["amount"], "currency": row["gross"]["currency"]}
    body = {"amount": value, "reference": reference, "keep_rest": keep_rest}
    paid = client.post(path("invoices", number, "payments"), body)
    left = money(paid["invoice"]["open"])
    print_done(paid, output, f"{money(value)} paid on {number}; {left} is open")
