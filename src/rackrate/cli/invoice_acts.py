"""`rackrate invoice void|set-off|pay-back`: what can be done with a document once it is issued."""

from typing import Annotated

import typer

from rackrate.cli.client import connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.invoice import Number, invoice
from rackrate.cli.receivable import BackReference, Invoices, shares
from rackrate.cli.table import Format, Output, money, print_done

__all__ = ["invoice"]


@invoice.command()
def void(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    again: Annotated[
        bool, typer.Option("--again", help="Issue what it asked for anew, at once.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Void what was never paid. What it asked for comes again, with the next close or at once."""
    body = {"reason": reason, "again": again}
    row = connect().post(path("invoices", number, "void"), body)
    then = f"its lines are on {row['replaced']}" if row["replaced"] else "its lines come again"
    print_done(row, output, f"{number} is void; {then}")


@invoice.command()
def dispute(
    number: Number,
    reason: Annotated[str, typer.Option(help="What the customer contests.")] = "",
    settled: Annotated[bool, typer.Option("--settled", help="It is contested no more.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """A customer contests it: nobody is reminded of it. It stays owed."""
    client, at = connect(), path("invoices", number, "dispute")
    if bool(reason) == settled:
        raise Usage("say --reason, or --settled")
    if settled:
        print_done(client.delete(at), output, f"{number} is not disputed any more")
    else:
        said = f"{number} is disputed; nobody is reminded of it until it is settled"
        print_done(client.post(at, {"reason": reason}), output, said)


@invoice.command("set-off")
def set_off(number: Number, invoice: Invoices = None, output: Output = Format.TABLE) -> None:
    """Use a credit note: for named invoices, or for what was due first."""
    client = connect()
    currency = client.get(path("invoices", number))["gross"]["currency"]
    body = {"invoices": shares(invoice or (), currency)}
    row = client.post(path("invoices", number, "set-off"), body)
    print_done(row, output, f"{number} is set off; {money(row['open'])} of it is open")


@invoice.command("pay-back")
def pay_back(
    number: Number,
    reference: BackReference,
    amount: Annotated[str, typer.Option(help="Left out: all that is left.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Note that what is left of a credit note was paid out."""
    client = connect()
    currency = client.get(path("invoices", number))["gross"]["currency"]
    value = {"amount": amount, "currency": currency} if amount else None
    body = {"amount": value, "reference": reference}
    out = client.post(path("invoices", number, "pay-back"), body)
    print_done(out, output, f"{money(out['amount'])} of {number} paid back")
