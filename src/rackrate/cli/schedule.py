"""`rackrate contract schedule`: what each month is worth and earns, and what is left after it."""

from rackrate.cli.amend import Contract
from rackrate.cli.client import connect, path
from rackrate.cli.contract import contract
from rackrate.cli.table import Column, Format, Output, money, print_json, print_table

__all__ = ["contract"]

MONTHS = (
    Column("MONTH", lambda row: row["month"]),
    Column("VALUE", lambda row: money(row["value"]), right=True),
    Column("DRAWN DOWN", lambda row: money(row["drawdown"]), right=True),
    Column("DUE", lambda row: money(row["due"]), right=True),
    Column("PREPAID, LEFT", lambda row: money(row["prepaid_left"]), right=True),
    Column("EARNED", lambda row: money(row["earned"]), right=True, from_width=110),
    Column("BACKLOG", lambda row: money(row["backlog"]), right=True, from_width=110),
    Column("ON INVOICE", lambda row: ", ".join(row["invoices"]), from_width=130),
    Column("AMENDED", lambda row: ", ".join(map(str, row["amendments"])), from_width=150),
)


@contract.command()
def schedule(id: Contract, output: Output = Format.TABLE) -> None:
    """Month by month: value, drawdown, due, what is earned and left, and its invoices."""
    answer = connect().get(path("contracts", id, "schedule"))
    if output is Format.JSON:
        print_json(answer)
        return
    print_table(MONTHS, answer["items"])
