"""`rackrate customer` and `rackrate project`: who buys, and their folders of leases."""

from typing import Annotated

import typer

from rackrate.cli.client import Row, connect, path
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
)

customer = noun("Who buys.")
project = noun("A customer's folders of leases.")

CUSTOMERS = (
    Column("CUSTOMER", lambda row: row["id"]),
    Column("NAME", lambda row: row["name"]),
    Column("COUNTRY", lambda row: row["country"]),
    Column("CURRENCY", lambda row: row["currency"]),
    Column("TIME ZONE", lambda row: row["time_zone"], from_width=80),
    Column("SELLER", lambda row: row["entity"], from_width=90),
)


@customer.command("list")
def list_customers(limit: Limit = 100, after: After = "", output: Output = Format.TABLE) -> None:
    """Customers that you may see."""
    answer = connect().get("/v1/customers", limit=limit, after=after)
    empty = "No customers yet. Make one with: rackrate customer create ID --name NAME --country CN"
    print_page(answer, output, CUSTOMERS, empty)


@customer.command("show")
def show_customer(
    id: Annotated[str, typer.Argument(metavar="CUSTOMER")], output: Output = Format.TABLE
) -> None:
    """One customer."""
    row = connect().get(path("customers", id))
    if output is Format.JSON:
        print_json(row)
        return
    print_facts(
        [
            ("Customer", row["id"]),
            ("Name", row["name"]),
            ("Country", row["country"]),
            ("Address", _address(row["details"])),
            ("Tax id", row["tax_id"]),
            ("Tax rule", _taxed(row)),
            ("Currency", row["currency"]),
            ("Time zone", row["time_zone"]),
            ("Buys from", row["entity"]),
            ("Of the operator", "yes" if row["of_operator"] else "no"),
        ]
    )


def _taxed(row: Row) -> str:
    """The treatment of now, and what it will be, or was to be, from which month on."""
    own = "the seller's own"
    changes = [f"{each['tax'] or own} from {each['from']}" for each in row["tax_changes"]]
    return ", ".join([row["tax_rule"] or own, *changes])


def _address(details: Row) -> str:
    place = " ".join(text for text in (details["postcode"], details["city"]) if text)
    return ", ".join(text for text in (details["street"], place) if text)


@customer.command("create")
def create_customer(
    id: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    name: Annotated[str, typer.Option(help="Its full name, as on invoices.")],
    country: Annotated[str, typer.Option(help="Two letters, as CN.")],
    tax_id: Annotated[str, typer.Option()] = "",
    time_zone: Annotated[str, typer.Option(help="Left out: the seller's.")] = "",
    currency: Annotated[str, typer.Option(help="Left out: the seller's.")] = "",
    tax_rule: Annotated[
        str, typer.Option(help="A rule, or service=RULE,lease=RULE. Left out: the seller's.")
    ] = "",
    entity: Annotated[str, typer.Option(help="Who sells; needed only if several do.")] = "",
    street: Annotated[str, typer.Option(help="Electronic invoices need it, and the city.")] = "",
    city: Annotated[str, typer.Option()] = "",
    postcode: Annotated[str, typer.Option()] = "",
    email: Annotated[str, typer.Option()] = "",
    output: Output = Format.TABLE,
) -> None:
    """A new customer."""
    given = {
        "entity": entity,
        "tax_id": tax_id,
        "time_zone": time_zone,
        "currency": currency,
        "tax_rule": tax_rule,
    }
    details = {"street": street, "city": city, "postcode": postcode, "email": email}
    body: Row = {"id": id, "name": name, "country": country, "details": details}
    body |= {key: value for key, value in given.items() if value}
    row = connect().post("/v1/customers", body)
    said = f"{row['id']} is a customer; next: rackrate project create ID --customer {row['id']}"
    print_done(row, output, said)


@customer.command("credit")
def show_credit(
    id: Annotated[str, typer.Argument(metavar="CUSTOMER")], output: Output = Format.TABLE
) -> None:
    """Its credit limit, what counts against it now, and what is left."""
    _print_credit(connect().get(path("customers", id, "credit")), output)


@customer.command("limit", context_settings={"ignore_unknown_options": True})
def set_limit(
    id: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT|none", help="In its currency.")],
    output: Output = Format.TABLE,
) -> None:
    """What it may have open, used and running on demand, with tax, before a start is refused."""
    client, limit = connect(), None
    if amount != "none":
        limit = {"amount": amount, "currency": client.get(path("customers", id))["currency"]}
    _print_credit(client.post(path("customers", id, "credit"), {"limit": limit}), output)


def _print_credit(row: Row, output: Format) -> None:
    if output is Format.JSON:
        print_json(row)
        return
    print_facts(
        [
            ("Customer", row["customer"]),
            ("Credit limit", money(row["limit"]) or "none"),
            ("Open", money(row["owed"])),
            ("Used, not invoiced", money(row["used"])),
            ("Running, an hour", money(row["running_an_hour"])),
            ("Left", money(row["left"])),
        ]
    )


PROJECTS = (
    Column("PROJECT", lambda row: row["id"]),
    Column("CUSTOMER", lambda row: row["customer"]),
    Column("NAME", lambda row: row["name"]),
)


@project.command("list")
def list_projects(
    of: Annotated[str, typer.Option("--customer", help="Only of this one.")] = "",
    limit: Limit = 100,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Projects that you may see."""
    answer = connect().get("/v1/projects", customer=of, limit=limit, after=after)
    empty = "No projects yet. Make one with: rackrate project create ID --customer CUSTOMER"
    print_page(answer, output, PROJECTS, empty)


@project.command("create")
def create_project(
    id: Annotated[str, typer.Argument(metavar="PROJECT")],
    of: Annotated[str, typer.Option("--customer", help="Whose it is.")],
    name: Annotated[str, typer.Option(help="A name for people; left out: its id.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """A new project of a customer."""
    row = connect().post("/v1/projects", {"id": id, "customer": of, "name": name or id})
    said = f"{row['id']} is there; next: rackrate key add FILE --project {row['id']}"
    print_done(row, output, said)
