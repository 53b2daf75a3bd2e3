"""`rackrate invoice explain`: a line down to the leases and the seconds, up to the ledger."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import typer

from rackrate.cli.client import Row, connect, path
from rackrate.cli.invoice import Number
from rackrate.cli.invoice_acts import invoice
from rackrate.cli.ledger import in_books
from rackrate.cli.moment import Zones, local
from rackrate.cli.table import Column, Format, Output, money, print_facts, print_json, print_table

__all__ = ["invoice"]

DIGITS = 6


def exact(text: str) -> str:
    """A fraction with six digits, and … where it goes on."""
    value = Fraction(text)
    top, rest = divmod(abs(value.numerator) * 10**DIGITS, value.denominator)
    sign = "-" if value < 0 else ""
    return f"{sign}{Decimal(top).scaleb(-DIGITS):,f}{'…' if rest else ''}"


def said(event: Row | None) -> str:
    """An event in a word, with its cause."""
    if event is None:
        return ""
    kind = str(event["kind"]).replace("_", " ")
    return f"{kind}: {event['cause']}" if event["cause"] else kind


PARTS = (
    Column("FROM", lambda row: row["from"]),
    Column("TO", lambda row: row["to"]),
    Column("SLOTS, GB", lambda row: row["size"], right=True),
    Column("SECONDS", lambda row: f"{row['seconds']:,}", right=True),
    Column("EXACT", lambda row: exact(row["exact"]), right=True),
    Column("BEGAN", lambda row: said(row["began"]), from_width=110),
    Column("ENDED", lambda row: said(row["ended"]), from_width=110),
)
HELD = (
    Column("ADDRESS", lambda row: row["of"]),
    *PARTS[:2],
    *PARTS[3:5],
)
READ = (
    Column("READING", lambda row: row["of"]),
    *PARTS[:2],
    Column("BYTES", lambda row: f"{row['quantity']:,}", right=True),
    PARTS[4],
    Column("TOLD AT", lambda row: row["when"], from_width=100),
)
LEFT = (
    Column("FROM", lambda row: row["from"]),
    Column("TO", lambda row: row["to"]),
    Column("SECONDS", lambda row: f"{row['seconds']:,}", right=True),
    Column("AFTER", lambda row: said(row["after"])),
)
EVENTS = (
    Column("TRUE AT", lambda row: row["from"]),
    Column("KNOWN AT", lambda row: row["known"]),
    Column("EVENT", said),
)
BEFORE = (
    Column("INVOICE", lambda row: row["invoice"]),
    Column("LINE", lambda row: row["place"], right=True),
    Column("WHAT", lambda row: row["description"]),
    Column("NET", lambda row: money(row["net"]), right=True),
)
DAYS = (
    Column("FROM", lambda row: row["from"]),
    Column("DAYS", lambda row: row["days"], right=True),
    Column("OPEN AND LATE", lambda row: money(row["open"]), right=True),
)
POSTED = (
    Column("ENTRY", lambda row: row["entry"]),
    Column("ACCOUNT", lambda row: row["account"]),
    Column("AMOUNT", lambda row: money(row["amount"]), right=True),
    Column("IN BOOKS", in_books, right=True),
)


@invoice.command()
def explain(
    number: Number,
    place: Annotated[int, typer.Argument(metavar="LINE", min=1, help="Its place.")] = 1,
    output: Output = Format.TABLE,
) -> None:
    """Why a line is what it is: measured, left out, priced, rounded once, posted."""
    client = connect()
    row = client.get(path("invoices", number, "lines", str(place), "explanation"))
    if output is Format.JSON:
        print_json(row)
        return
    whole = client.get(path("invoices", number))
    zone = Zones(client).entity(whole["entity"])
    line = row["line"]
    print(f"Line {place} of {number}: {line['description']}, {money(line['net'])} before tax")
    print(f"Times are those of {zone}.")
    used, plan = row["measured"], row["scheduled"]
    steps: list[tuple[object, Callable[[], None]]] = [
        (used, lambda: _measured(used, zone, line)),
        (used and used["leases"], lambda: _left_out(used, zone)),
        (used, lambda: _priced(used, zone)),
        (used, lambda: _rounded(used, line)),
        (plan, lambda: _scheduled(plan, line)),
        (row["owing"], lambda: _owing(row["owing"], line)),
        (row["drawn"], lambda: _drawn(row["drawn"])),
        (row["credited"], lambda: _credited(row["credited"])),
        (row["late"], lambda: _late(row["late"], zone, line)),
        (row["written"], lambda: _written(row["written"])),
        (row["taxed"], lambda: _taxed(row["taxed"], line)),
        (row["entries"], lambda: _posted(row["entries"])),
    ]
    for number_of, (_, print_step) in enumerate((each for each in steps if each[0]), 1):
        print(f"\n{number_of}. ", end="")
        print_step()


def _measured(part: Row, zone: str, line: Row) -> None:
    unit = _unit(line)
    of = ", ".join(part["leases"]) or f"project {line['project']}"
    print(f"Measured: {seconds(part['milli_quantity'])} {unit} of {of}")
    rows = _dated(part["parts"], zone)
    for row in rows:
        row["when"] = local(row["told"], zone)[:19]
    table = PARTS if part["leases"] else READ if unit == "bytes" else HELD
    print_table(table, rows, "Nothing of it is left.")
    if line["kind"] == "correction":
        print(f"Billed before: {seconds(part['milli_before'])} {unit}", end="")
        if not part["leases"]:
            print(": what was told of it since is new.")
            return
        print(". Learnt since:")
        for event in part["learnt"]:
            event["from"] = local(event["at"], zone)[:19]
            event["known"] = local(event["recorded_at"], zone)[:19]
        print_table(EVENTS, part["learnt"], "Nothing.")
    if not part["matches"]:
        print("The log gives another quantity now: see the corrections of later invoices.")


def _unit(line: Row) -> str:
    if line["lease"]:
        return "slot-seconds"
    word = str(line["unit"])
    if word.startswith("egress"):
        return "bytes"
    return "address-seconds" if word.startswith("address") else "GB-seconds"


def seconds(milli: int) -> str:
    """Thousandths, exactly."""
    return f"{Decimal(milli).scaleb(-3).normalize():,f}"


def _left_out(part: Row, zone: str) -> None:
    print("Left out")
    print_table(LEFT, _dated(part["left_out"], zone), "Nothing: it was used all the time.")


def _owing(part: Row, line: Row) -> None:
    print(f"Used in {part['period']}: {money(part['used'])}")
    print_table(BEFORE, part["lines"], "Nothing.")
    short = money(part["shortfall"])
    print(f"The minimum is {money(part['minimum'])}: {short} is missing")
    if part["before"]:
        print("Asked for it before:")
        print_table(BEFORE, part["before"])
        print(f"The difference is {money(line['net'])} before tax")
    if not part["matches"]:
        print("It comes to another amount now: see the changes on later invoices.")


def _drawn(part: Row) -> None:
    print(f"Of {money(part['prepaid'])} prepaid for use {money(part['left_before'])} was left")
    print(f"{money(part['drawn'])} of it pays this invoice: {money(part['left_after'])} is left")


def _priced(part: Row, zone: str) -> None:
    price = part["price"]
    inside = "with tax inside" if price["tax_included"] else "before tax"
    basis = f", {price['basis']}" if price["basis"] else ""
    print(f"Priced: {price['amount']} a {price['per']}, {inside}{basis}")
    until = f" to {local(price['until'], zone)[:19]}" if price["until"] else ""
    print(f"{price['id']}: from {local(price['effective'], zone)[:19]}{until}")


def _rounded(part: Row, line: Row) -> None:
    print("Rounded once, half up, on the sum")
    price, whole = part["price"], part["milli_quantity"] + part["milli_before"]
    said_price = f"{price['amount']} a {price['per']}"
    amount = money(part["rounded"])
    if line["kind"] == "correction":
        print(f"{seconds(whole)} at {said_price} = {exact(part['exact'])}")
        print(f"{seconds(part['milli_before'])} before = {exact(part['exact_before'])}")
        print(f"Each rounded, the difference is {amount}")
    else:
        print(f"{seconds(whole)} at {said_price} = {exact(part['exact'])} > {amount}")


def _scheduled(part: Row, line: Row) -> None:
    print(f"Scheduled: contract {line['contract']}")
    print_facts(
        [
            ("All of it", money(part["contract_value"])),
            ("Prepaid", money(part["prepayment"])),
            ("This month", money(part["value"])),
            ("Drawn down of the prepayment", money(part["drawdown"])),
            ("Due", money(part["due"])),
            ("Drawn down in the months before", money(part["drawn_before"])),
            ("Left of the prepayment after it", money(part["left_after"])),
        ]
    )
    if part["before"]:
        print("Invoiced of it before:")
        print_table(BEFORE, part["before"])
    if line["kind"] == "instalment" and not part["matches"]:
        print("The contract has changed since: what differs is on other lines.")


def _credited(part: Row) -> None:
    print("Credited: a part of this line")
    print_table(BEFORE, [part])


def _late(part: list[Row], zone: str, line: Row) -> None:
    print(f"Late: days x open x {line['price'].removeprefix('late/')} % / 365")
    print_table(DAYS, _dated(part, zone))


def _written(part: Row) -> None:
    print(f"Written by {part['author']}, approved by {part['approver']}: {part['reason']}")


def _taxed(part: Row, line: Row) -> None:
    print(f"Taxed as a {line['supply']}, under {part['rule']}: {part['name']}")
    print(f"All of this invoice under it: {money(part['tax'])} on {money(part['net'])}")


def _posted(part: list[Row]) -> None:
    print("Posted, with the other lines of the invoice")
    rows = []
    for entry in part:
        named = entry["id"]
        for posting in entry["postings"]:
            rows.append({**posting, "entry": named})
            named = ""
    print_table(POSTED, rows)


def _dated(rows: list[Row], zone: str) -> list[Row]:
    for row in rows:
        row["from"], row["to"] = (local(row["during"][end], zone)[:19] for end in ("start", "end"))
    return rows
