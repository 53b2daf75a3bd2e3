"""`rackrate budget`: what on-demand use of a month may cost, and what happens when it does."""

from typing import Annotated

import typer

from rackrate.cli.client import Client, Row, connect, path
from rackrate.cli.moment import local
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

budget = noun("What on-demand use of a month may cost.")
Budget = Annotated[str, typer.Argument(metavar="BUDGET", help="CUSTOMER, or CUSTOMER:PROJECT.")]


def at_full(row: Row) -> str:
    return f"stop after {row['grace_hours']} h" if row["stop"] else "tell"


BUDGETS = (
    Column("BUDGET", lambda row: row["id"]),
    Column("A MONTH", lambda row: money(row["amount"]), right=True),
    Column("MONTH", lambda row: row["month"], from_width=80),
    Column("USED", lambda row: money(row["spent"]), right=True),
    Column("%", lambda row: row["percent"], right=True),
    Column("USED UP", at_full),
)


@budget.command("list")
def list_budgets(
    customer: Annotated[str, typer.Option(help="Of one customer only.")] = "",
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """Budgets, and what was used of them a few minutes ago at most."""
    answer = connect().get("/v1/budgets", customer=customer, limit=limit, after=after)
    print_page(answer, output, BUDGETS, "No budgets yet. Set one with: rackrate budget set")


@budget.command("set")
def set_budget(
    customer: Annotated[str, typer.Option(help="Whose it is.")],
    amount: Annotated[str, typer.Option(help="A month, with tax, in its currency.")],
    project: Annotated[str, typer.Option(help="Of one project only.")] = "",
    stop: Annotated[
        bool, typer.Option("--stop/--tell", help="When used up, stop on-demand leases, or tell.")
    ] = False,
    grace: Annotated[int, typer.Option(help="Hours from the notice to the stop.")] = 24,
    output: Output = Format.TABLE,
) -> None:
    """Tell at 50, 80 and 100 percent; with --stop, stop after a notice. Volumes stay."""
    client = connect()
    currency = client.get(path("customers", customer))["currency"]
    body = {
        "customer": customer,
        "project": project or None,
        "amount": {"amount": amount, "currency": currency},
        "stop": stop,
        "grace_hours": grace,
    }
    _print(client, client.post("/v1/budgets", body), output)


@budget.command()
def show(id: Budget, output: Output = Format.TABLE) -> None:
    """A budget, and what is used of it now."""
    client = connect()
    _print(client, client.get(path("budgets", id)), output)


@budget.command()
def remove(id: Budget, output: Output = Format.TABLE) -> None:
    """Take it away. What it stopped stays stopped."""
    row = connect().delete(path("budgets", id))
    print_done(row, output, f"{id} has no budget any more")


def _print(client: Client, row: Row, output: Format) -> None:
    if output is Format.JSON:
        print_json(row)
        return
    stops = ""
    if row["stops"]:
        stops = local(row["stops"], client.get(path("customers", row["customer"]))["time_zone"])
    print_facts(
        [
            ("Budget", row["id"]),
            ("A month", money(row["amount"])),
            ("When used up", at_full(row)),
            (f"Used in {row['month']}", f"{money(row['spent'])}, {row['percent']} %"),
            ("Leases stop", stops),
        ]
    )
