"""`rackrate token`: API tokens are shown once, and only their hash is kept."""

from typing import Annotated

import typer

from rackrate.cli.client import connect, path
from rackrate.cli.local import HOME, Data, Database, database_of, own_words
from rackrate.cli.moment import Zones, local
from rackrate.cli.shape import noun
from rackrate.cli.table import Column, Format, Output, print_done, print_json, print_page

token = noun("API tokens: create, list, revoke, recover.")

TOKENS = (
    Column("TOKEN", lambda row: row["id"]),
    Column("NAME", lambda row: row["name"]),
    Column("OF", lambda row: row["principal"]),
    Column("STATE", lambda row: row["state"]),
    Column("EXPIRES", lambda row: row["shown"] or "never", from_width=90),
)


@token.command("list")
def list_tokens(output: Output = Format.TABLE) -> None:
    """Your tokens, without their secrets."""
    client = connect()
    answer = client.get("/v1/tokens")
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            row["state"] = "revoked" if row["revoked"] else "valid until it expires"
            row["state"] = "valid" if not row["revoked"] and not row["expires"] else row["state"]
            row["shown"] = local(row["expires"], zones.entity())
    print_page(answer, output, TOKENS, "No tokens.")


@token.command("create")
def create_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="How long it is good.")] = None,
    principal: Annotated[str, typer.Option("--for", help="Left out: for yourself.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """A new token. Its secret is printed now, and never again."""
    body = {"name": name, "days": days, "principal": principal or None}
    row = connect().post("/v1/tokens", body)
    if output is Format.JSON:
        print_json(row)
    elif row["secret"]:
        print(row["secret"])
    else:
        print(row["note"])


@token.command("revoke")
def revoke_token(
    id: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, not its secret.")],
    output: Output = Format.TABLE,
) -> None:
    """Refuse a token from now on."""
    print_done(connect().delete(path("tokens", id)), output, f"{id} is refused from now on")


@token.command()
def recover(data: Data = HOME, database: Database = "") -> None:
    """A new administrator's token, for whoever holds the data folder. Needs no token."""
    with own_words(), database_of(data, database) as dsn:
        from rackrate.app import identity
        from rackrate.app.world import World
        from rackrate.db.store import PostgresStore
        from rackrate.wiring import RandomIds, SystemClock

        store = PostgresStore(dsn)
        try:
            made = identity.recover(World(store, {}, SystemClock(), RandomIds()))
        finally:
            store.close()
    print(made.secret)
