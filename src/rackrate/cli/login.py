"""`rackrate login` and `rackrate whoami`."""

from pathlib import Path
from typing import Annotated

import typer

from rackrate.cli import profile
from rackrate.cli.client import Client, connect
from rackrate.cli.failure import Failure, Usage
from rackrate.cli.shape import command
from rackrate.cli.table import Format, Output, print_facts, print_json

login = command()
whoami = command()


@login.command()
def _login(
    url: Annotated[str, typer.Argument(metavar="URL", help="As https://cloud.example.com")],
    token: Annotated[str, typer.Option(help="Left out: asked for, and not shown.")] = "",
    authority: Annotated[
        str, typer.Option("--ca", metavar="FILE", help="Certificate that vouches for the server.")
    ] = "",
) -> None:
    """Say which server to use, and sign in."""
    if authority and not Path(authority).is_file():
        raise Usage(f"--ca {authority!r} is not a file")
    secret = token or typer.prompt("Token", hide_input=True).strip()
    vouching = str(Path(authority).absolute()) if authority else ""
    wish = profile.Profile(url.rstrip("/"), secret, vouching)
    try:
        who = Client(wish).get("/v1/whoami")
    except Failure as failure:
        if failure.reason == "unauthenticated":
            raise Failure(f"{wish.url} does not know this token", failure.reason) from None
        raise
    file = profile.save(wish)
    print(f"Signed in at {wish.url} as {who['principal']}; kept in {file}, for you alone.")


@whoami.command()
def _whoami(output: Output = Format.TABLE) -> None:
    """Who is signed in, where, with which grants."""
    client = connect()
    row = client.get("/v1/whoami")
    if output is Format.JSON:
        print_json(row)
        return
    roles = [("Role", f"{grant['role']} on {_scope(grant)}") for grant in row["grants"]]
    print_facts([("Server", client.profile.url), ("Signed in as", row["principal"]), *roles])


def _scope(grant: dict[str, str | None]) -> str:
    if grant["project"]:
        return f"project {grant['project']} of {grant['customer']}"
    return f"customer {grant['customer']}" if grant["customer"] else "the operator"
