"""`rackrate draft`: lines and credits that one person writes and a second approves."""

from typing import Annotated, Any

import typer

from rackrate.cli.client import Row, connect, path
from rackrate.cli.failure import Usage
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

draft = noun("Lines and credits that two people make: write, approve, withdraw, issue.")
Draft = Annotated[str, typer.Argument(metavar="DRAFT", help="Its id, as drf_….")]
Reason = Annotated[str, typer.Option(help="Why; it stands on the document.")]

DRAFTS = (
    Column("DRAFT", lambda row: row["id"]),
    Column("KIND", lambda row: row["kind"]),
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("FOR", lambda row: row["invoice"] or row["month"]),
    Column("AMOUNT", lambda row: money(amount_of(row)), right=True),
    Column("STATE", lambda row: row["state"], style=state),
    Column("BY", lambda row: row["author"], from_width=90),
    Column("ON", lambda row: row["issued"] or "", from_width=100),
)


def amount_of(row: Row) -> Row:
    """The sum of its lines."""
    amounts = [line["amount"] for line in row["lines"]]
    digits = len(amounts[0]["amount"].partition(".")[2])
    minor = sum(int(each["amount"].replace(".", "")) for each in amounts)
    sign, text = ("-" if minor < 0 else ""), f"{abs(minor):0{digits + 1}}"
    whole = f"{text[:-digits]}.{text[-digits:]}" if digits else text
    return {"amount": f"{sign}{whole}", "currency": amounts[0]["currency"]}


@draft.command("list")
def list_drafts(
    customer: Annotated[str, typer.Option()] = "",
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Drafts, the newest first."""
    answer = connect().get("/v1/drafts", customer=customer, limit=limit, after=after)
    print_page(answer, output, DRAFTS, "No drafts.")


LINES = (
    Column("LINE", lambda row: row["place"] or ""),
    Column("WHAT", lambda row: row["description"]),
    Column("TAXED AS", lambda row: "a lease" if row["supply"] == "lease" else ""),
    Column("AMOUNT", lambda row: money(row["amount"]), right=True),
)


@draft.command()
def show(id: Draft, output: Output = Format.TABLE) -> None:
    """A draft with its lines, and who wrote and approved it."""
    row = connect().get(path("drafts", id))
    if output is Format.JSON:
        print_json(row)
        return
    print_facts(
        [
            ("Draft", row["id"]),
            ("State", row["state"]),
            ("To", row["customer"]),
            ("Credits", row["invoice"]),
            ("For", row["month"]),
            ("Reason", row["reason"]),
            ("Written by", row["author"]),
            ("Approved by", row["approver"]),
            ("On", row["issued"]),
        ]
    )
    print()
    print_table(LINES, row["lines"])


@draft.command("lines")
def write_lines(
    customer: Annotated[str, typer.Option(help="On whose invoice.")],
    line: Annotated[
        list[str],
        typer.Option("--line", metavar="WHAT=AMOUNT", help="Before tax; repeat it for several."),
    ],
    reason: Reason,
    month: Annotated[
        str, typer.Option(metavar="YYYY-MM", help="Left out: the first that is not closed.")
    ] = "",
    project: Annotated[str, typer.Option(help="Of which project they are.")] = "",
    contract: Annotated[str, typer.Option(help="Of which contract they are.")] = "",
    supply: Annotated[
        str, typer.Option(help="service or lease: what they are to the tax law.")
    ] = "service",
    output: Output = Format.TABLE,
) -> None:
    """Write lines for a customer's next invoice."""
    client = connect()
    currency = client.get(path("customers", customer))["currency"]
    lines = []
    for text in line:
        what, equals, amount = text.rpartition("=")
        if not equals or not what.strip():
            raise Usage(f"--line {text!r} is not WHAT=AMOUNT")
        value = {"amount": amount, "currency": currency}
        lines.append(
            {
                "description": what.strip(),
                "amount": value,
                "project": project or None,
                "contract": contract or None,
                "supply": supply,
            }
        )
    body = {"customer": customer, "reason": reason, "lines": lines, "month": month or None}
    _written(client.post("/v1/drafts", body), output)


@draft.command()
def credit(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="Which one is credited.")],
    reason: Reason,
    line: Annotated[
        list[str] | None,
        typer.Option("--line", metavar="LINE=AMOUNT", help="Its place, and how much of it."),
    ] = None,
    amount: Annotated[str, typer.Option(help="Of all lines together.")] = "",
    goodwill: Annotated[bool, typer.Option("--goodwill", help="Given without being owed.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Write a credit of an invoice: of lines, of an amount, or of all that is left."""
    client = connect()
    currency = client.get(path("invoices", invoice))["gross"]["currency"]
    lines = []
    for text in line or ():
        place, _, of_it = text.partition("=")
        if not place.isdecimal() or not of_it:
            raise Usage(f"--line {text!r} is not LINE=AMOUNT")
        lines.append({"place": int(place), "amount": {"amount": of_it, "currency": currency}})
    body: dict[str, Any] = {
        "reason": reason,
        "lines": lines,
        "amount": {"amount": amount, "currency": currency} if amount else None,
        "goodwill": goodwill,
    }
    _written(client.post(path("invoices", invoice, "credits"), body), output)


def _written(row: Row, output: Format) -> None:
    said = f"{row['id']} waits: {money(amount_of(row))}; somebody else approves it"
    print_done(row, output, said)


@draft.command()
def approve(id: Draft, output: Output = Format.TABLE) -> None:
    """Agree to what somebody else wrote. A credit note is issued at once."""
    row = connect().post(path("drafts", id, "approve"))
    then = (
        f"it is {row['issued']}" if row["issued"] else f"it goes on the invoice of {row['month']}"
    )
    print_done(row, output, f"{id} is approved; {then}")


@draft.command()
def withdraw(id: Draft, output: Output = Format.TABLE) -> None:
    """Take it back before it is issued."""
    row = connect().post(path("drafts", id, "withdraw"))
    print_done(row, output, f"{id} is withdrawn")


@draft.command()
def issue(id: Draft, output: Output = Format.TABLE) -> None:
    """Issue approved lines now, as an invoice of their own."""
    row = connect().post(path("drafts", id, "issue"))
    print_done(row, output, f"{row['id']} is issued: {money(row['gross'])}")
