"""`rackrate terms`: days to pay, purchase orders, interest and reminders."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from rackrate.cli.client import Row, connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    Column,
    Format,
    Output,
    print_facts,
    print_json,
    print_table,
)

terms = noun("Terms of billing: of a customer, and of its seller.")


class Remind(StrEnum):
    AUTO = "auto"
    BY_HAND = "by-hand"


ORDERS = (
    Column("PURCHASE ORDER", lambda row: row["number"]),
    Column("OF", lambda row: row["contract"] or row["project"] or "everything"),
)
STEPS = (
    Column("LEVEL", lambda row: row["level"], right=True),
    Column("DAYS AFTER DUE", lambda row: row["days"], right=True),
    Column("NAME", lambda row: row["name"]),
)


@terms.command()
def customer(
    id: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    days: Annotated[int | None, typer.Option(help="Days to pay; -1: as the seller's.")] = None,
    per_project: Annotated[
        bool | None,
        typer.Option("--per-project/--consolidated", help="An invoice for each project, or one."),
    ] = None,
    late: Annotated[str, typer.Option(help="Percent a year; none: as the seller's.")] = "",
    order: Annotated[
        list[str] | None,
        typer.Option(
            "--order",
            metavar="[project:ID=|contract:ID=]NUMBER",
            help="Its purchase-order number; an empty NUMBER takes one away.",
        ),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show how a customer is invoiced; what is given is so from now on."""
    client = connect()
    at = path("customers", id, "billing-terms")
    row = client.get(at)
    body = {key: value for key, value in row.items() if key != "customer"}
    if days is not None:
        body["payment_days"] = None if days < 0 else days
    if per_project is not None:
        body["per_project"] = per_project
    if late:
        body["late_percent"] = None if late == "none" else late
    for text in order or ():
        _put_order(body["purchase_orders"], text)
    if (days, per_project, late, order or None) != (None, None, "", None):
        row = client.post(at, body)
    _print_customer(row, output)


def _print_customer(row: Row, output: Format) -> None:
    if output is Format.JSON:
        print_json(row)
        return
    days_said = "as the seller's" if row["payment_days"] is None else row["payment_days"]
    late_said = "as the seller's" if row["late_percent"] is None else f"{row['late_percent']} %"
    print_facts(
        [
            ("Customer", row["customer"]),
            ("Days to pay", days_said),
            ("Invoices", "one for each project" if row["per_project"] else "one for all"),
            ("Interest when late, a year", late_said),
        ]
    )
    print()
    print_table(ORDERS, row["purchase_orders"], "No purchase-order numbers.")


def _put_order(orders: list[Row], text: str) -> None:
    """The number of one scope in the place of the one before."""
    scope: dict[str, Any] = {"project": None, "contract": None}
    number = text
    for kind in scope:
        if text.startswith(f"{kind}:"):
            named, equals, number = text.removeprefix(f"{kind}:").partition("=")
            if not equals or not named:
                raise Usage(f"--order {text!r} is not {kind}:ID=NUMBER")
            scope[kind] = named
    orders[:] = [each for each in orders if scope != {key: each[key] for key in scope}]
    if number:
        orders.append({"number": number, **scope})


@terms.command()
def seller(
    id: Annotated[str, typer.Argument(metavar="ENTITY")],
    late: Annotated[str, typer.Option(help="Percent a year on what is overdue.")] = "",
    late_taxed: Annotated[
        bool | None, typer.Option("--late-taxed/--late-untaxed", help="Interest under VAT, or not.")
    ] = None,
    credit_series: Annotated[
        str, typer.Option(help="What credit notes begin with; same: they count with invoices.")
    ] = "",
    step: Annotated[
        list[str] | None,
        typer.Option("--step", metavar="DAYS=NAME", help="A reminder; give all of them."),
    ] = None,
    remind: Annotated[
        Remind | None, typer.Option(help="Once a day by itself, or by hand only.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show a seller's rules of billing; what is given is so from now on."""
    client = connect()
    at = path("entities", id, "billing-terms")
    row = client.get(at)
    body = {key: value for key, value in row.items() if key != "entity"}
    if late:
        body["late_percent"] = late
    if late_taxed is not None:
        body["late_taxed"] = late_taxed
    if credit_series:
        body["credit_series"] = "" if credit_series == "same" else credit_series
    if step:
        body["reminders"] = [_step(text) for text in step]
    if remind is not None:
        body["remind"] = remind.value
    if (late, late_taxed, credit_series, step or None, remind) != ("", None, "", None, None):
        row = client.post(at, body)
    _print_seller(row, output)


def _print_seller(row: Row, output: Format) -> None:
    if output is Format.JSON:
        print_json(row)
        return
    print_facts(
        [
            ("Seller", row["entity"]),
            ("Credit notes count in", row["credit_series"] or "the series of the invoices"),
            ("Interest when late, a year", f"{row['late_percent']} %"),
            ("Under VAT", "yes" if row["late_taxed"] else "no"),
            ("Reminders go out", "by themselves" if row["remind"] == Remind.AUTO else "by hand"),
        ]
    )
    print()
    steps = [{**each, "level": level} for level, each in enumerate(row["reminders"], 1)]
    print_table(STEPS, steps, "No reminders.")


def _step(text: str) -> Row:
    days, equals, name = text.partition("=")
    if not days.isdecimal() or not equals or not name:
        raise Usage(f"--step {text!r} is not DAYS=NAME")
    return {"days": int(days), "name": name}
