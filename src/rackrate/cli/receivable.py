"""`rackrate receivable`: what is open and how late; `rackrate payment`: money that came in."""

from collections.abc import Sequence
from typing import Annotated

import typer

from rackrate.cli.client import Client, Row, connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, day, instant, local
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

receivable = noun("What is open, how late it is, and reminders.")
payment = noun("Money that came in: receive, allocate, release, pay back.")
Entity = Annotated[str, typer.Option(help="Whose books; needed only where there are several.")]
Customer = Annotated[str, typer.Option(help="Of one customer only.")]
Payment = Annotated[str, typer.Argument(metavar="PAYMENT", help="Its id, as pay_….")]
Invoices = Annotated[
    list[str] | None,
    typer.Option("--invoice", metavar="INVOICE[=AMOUNT]", help="Repeat it for several."),
]
BackReference = Annotated[str, typer.Option(help="Of the transfer with which it goes back.")]

ITEMS = (
    Column("INVOICE", lambda row: row["id"]),
    Column("CUSTOMER", lambda row: row["invoice"]["customer"]),
    Column("OPEN", lambda row: money(row["invoice"]["open"]), right=True),
    Column(
        "STATUS",
        lambda row: "disputed" if row["disputed"] else row["invoice"]["status"],
        style=state,
    ),
    Column("DUE", lambda row: row["due_day"]),
    Column("DAYS LATE", lambda row: row["days_late"] or "", right=True),
    Column("REMINDED", lambda row: row["reminded"] or "", right=True, from_width=90),
)


@receivable.command("list")
def list_items(
    entity: Entity = "",
    customer: Customer = "",
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Invoices and credit notes that are not settled."""
    client = connect()
    answer = client.get(
        "/v1/receivables", entity=entity, customer=customer, limit=limit, after=after
    )
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            row["due_day"] = day(row["invoice"]["due"], zones.entity(row["invoice"]["entity"]))
    print_page(answer, output, ITEMS, "Nothing is open.")


def in_books(row: Row) -> str:
    """What it is in the books, where those are in another currency."""
    same = row["book"]["currency"] == row["receivable"]["currency"]
    return "" if same else money(row["book"])


AGES = (
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("NOT DUE", lambda row: money(row["not_due"]), right=True),
    Column("1-30", lambda row: money(row["to_30"]), right=True),
    Column("31-60", lambda row: money(row["to_60"]), right=True),
    Column("61-90", lambda row: money(row["to_90"]), right=True),
    Column("OVER 90", lambda row: money(row["over_90"]), right=True),
    Column("CREDITS", lambda row: money(row["credits"]), right=True, from_width=100),
    Column("RECEIVABLE", lambda row: money(row["receivable"]), right=True),
    Column("UNAPPLIED", lambda row: money(row["unapplied"]), right=True, from_width=100),
    Column("IN BOOKS", in_books, right=True),
)


@receivable.command()
def age(entity: Entity = "", customer: Customer = "", output: Output = Format.TABLE) -> None:
    """Each customer's receivable by days after it was due, held against the ledger."""
    answer = connect().get("/v1/receivables/ageing", entity=entity, customer=customer)
    if output is Format.JSON:
        print_json(answer)
        return
    print_table(AGES, answer["items"], "Nothing is open.")
    print()
    if any(in_books(row) for row in answer["items"]):
        print(f"In the books all of it is {money(answer['total'])}.")
    agrees = "The ledger says the same." if answer["agrees"] else "The ledger says otherwise."
    print(agrees)


REMINDERS = (
    Column("INVOICE", lambda row: row["invoice"]),
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("LEVEL", lambda row: f"{row['level']} {row['name']}"),
    Column("DAYS LATE", lambda row: row["days_late"], right=True),
    Column("OPEN", lambda row: money(row["open"]), right=True),
)


@receivable.command()
def remind(
    entity: Entity = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which are due.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Remind of what is due for it: each level of an invoice once."""
    client = connect()
    if dry_run:
        answer = client.get("/v1/receivables/reminders", entity=entity)
    else:
        answer = client.post("/v1/receivables/reminders", entity=entity)
    print_page(answer, output, REMINDERS, "No reminder is due.")


PAYMENTS = (
    Column("PAYMENT", lambda row: row["id"]),
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("REFERENCE", lambda row: row["reference"], from_width=90),
    Column("AT", lambda row: row["day"]),
    Column("AMOUNT", lambda row: money(row["amount"]), right=True),
    Column("LEFT", lambda row: money(row["left"]), right=True),
)


@payment.command("list")
def list_payments(
    customer: Customer = "",
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Payments, the newest first, with what of each is allocated to nothing."""
    client = connect()
    answer = client.get("/v1/payments", customer=customer, limit=limit, after=after)
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            row["day"] = day(row["at"], zones.entity(row["entity"]))
    print_page(answer, output, PAYMENTS, "No payments yet.")


@payment.command()
def receive(
    customer: Annotated[str, typer.Option(help="Who paid.")],
    amount: Annotated[str, typer.Option(help="How much, in the customer's currency.")],
    reference: Annotated[str, typer.Option(help="The payer's; twice the same is one payment.")],
    invoice: Invoices = None,
    keep_rest: Annotated[
        bool, typer.Option("--keep-rest", help="Keep what is more than open, for later.")
    ] = False,
    on: Annotated[str, typer.Option(metavar="DAY", help="When it came in. Left out: now.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Note money from a customer: for named invoices, or for what was due first."""
    client = connect()
    buyer = client.get(path("customers", customer))
    currency = buyer["currency"]
    body = {
        "customer": customer,
        "amount": {"amount": amount, "currency": currency},
        "reference": reference,
        "invoices": shares(invoice or (), currency),
        "keep_rest": keep_rest,
        "on": instant("--on", on, Zones(client).entity(buyer["entity"])) if on else None,
    }
    _print(client, client.post("/v1/payments", body), output)


@payment.command()
def show(id: Payment, output: Output = Format.TABLE) -> None:
    """A payment, and what it is allocated to."""
    client = connect()
    _print(client, client.get(path("payments", id)), output)


@payment.command()
def allocate(id: Payment, invoice: Invoices = None, output: Output = Format.TABLE) -> None:
    """Use what is left of it: for named invoices, or for what was due first."""
    client = connect()
    row = client.get(path("payments", id))
    body = {"invoices": shares(invoice or (), row["amount"]["currency"])}
    _print(client, client.post(path("payments", id, "allocate"), body), output)


@payment.command()
def release(
    id: Payment,
    invoice: Annotated[str, typer.Option(help="Left out: all of it.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Take back what was allocated: a reversing entry is posted."""
    client = connect()
    answer = client.post(path("payments", id, "release"), {"invoice": invoice or None})
    _print(client, answer, output)


@payment.command("pay-back")
def pay_back(
    id: Payment,
    reference: BackReference,
    amount: Annotated[str, typer.Option(help="Left out: all that is left.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Note that what is left of it went back."""
    client = connect()
    row = client.get(path("payments", id))
    value = {"amount": amount, "currency": row["amount"]["currency"]} if amount else None
    body = {"amount": value, "reference": reference}
    out = client.post(path("payments", id, "pay-back"), body)
    print_done(out, output, f"{money(out['amount'])} of {id} paid back")


def shares(texts: Sequence[str], currency: str) -> list[Row]:
    """`EX-2026-000001=100.00` as an invoice with an amount, and a bare number without."""
    rows: list[Row] = []
    for text in texts:
        number, _, amount = text.partition("=")
        if not number:
            raise Usage(f"--invoice {text!r} is not INVOICE or INVOICE=AMOUNT")
        value = {"amount": amount, "currency": currency} if amount else None
        rows.append({"invoice": number, "amount": value})
    return rows


ALLOCATIONS = (
    Column("AT", lambda row: row["shown"]),
    Column("INVOICE", lambda row: row["invoice"] or "paid back"),
    Column("AMOUNT", lambda row: money(row["amount"]), right=True),
)


def _print(client: Client, row: Row, output: Format) -> None:
    if output is Format.JSON:
        print_json(row)
        return
    zone = Zones(client).entity(row["entity"])
    print_facts(
        [
            ("Payment", row["id"]),
            ("From", row["customer"]),
            ("Reference", row["reference"]),
            ("At", local(row["at"], zone)),
            ("Amount", money(row["amount"])),
            ("Left", money(row["left"])),
        ]
    )
    print()
    for each in row["allocations"]:
        each["shown"] = local(each["at"], zone)
    print_table(ALLOCATIONS, row["allocations"], "Nothing is allocated.")
