"""`rackrate audit`: who did what, and what was refused."""

from typing import Annotated

import typer

from rackrate.cli.client import connect
from rackrate.cli.moment import Zones, local
from rackrate.cli.shape import noun
from rackrate.cli.table import After, Column, Format, Limit, Output, print_page, state

audit = noun("Who did what, and what was refused.")

ROWS = (
    Column("AT", lambda row: row["shown"]),
    Column("WHO", lambda row: row["principal"]),
    Column("DID", lambda row: row["verb"]),
    Column("ON", lambda row: row["target"]),
    Column("OUTCOME", lambda row: row["outcome"], style=state),
    Column("DETAIL", lambda row: row["detail"], from_width=100),
    Column("REQUEST", lambda row: row["request"], from_width=140),
)


@audit.command("list")
def list_audit(
    customer: Annotated[str, typer.Option()] = "",
    principal: Annotated[str, typer.Option(help="Who did it.")] = "",
    verb: Annotated[str, typer.Option(help="As lease.write")] = "",
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """What was done and what was refused, the newest first."""
    client = connect()
    answer = client.get(
        "/v1/audit", customer=customer, principal=principal, verb=verb, limit=limit, after=after
    )
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            row["shown"] = local(row["at"], zones.entity())
    print_page(answer, output, ROWS, "Nothing was done yet.")
