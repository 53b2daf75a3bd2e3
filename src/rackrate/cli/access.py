"""`rackrate member` and `rackrate key`: who may do what, and who may log in to leases."""

from typing import Annotated

import typer

from rackrate.cli.client import connect, path
from rackrate.cli.moment import Zones, local
from rackrate.cli.shape import noun
from rackrate.cli.table import Column, Format, Output, print_done, print_page
from rackrate.cli.wish import Project, only_project, read_key

member = noun("Who may do what.")
key = noun("SSH keys of a project.")

MEMBERS = (
    Column("WHO", lambda row: row["principal"]),
    Column("ROLE", lambda row: row["role"]),
    Column("ON", lambda row: row["project"] or row["customer"] or "the operator"),
    Column("MEMBER", lambda row: row["id"]),
)


@member.command("list")
def list_members(
    customer: Annotated[str, typer.Option()] = "",
    project: Annotated[str, typer.Option(envvar="RACKRATE_PROJECT")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Who has which role here."""
    answer = connect().get("/v1/members", customer=customer, project=project)
    print_page(answer, output, MEMBERS, "Nobody has a role here. Give one: rackrate member add")


@member.command("add")
def add_member(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    role: Annotated[str, typer.Option(help="admin, fleet, sales, …; owner, member, guest …")],
    customer: Annotated[str, typer.Option(help="Left out: on the operator.")] = "",
    project: Annotated[str, typer.Option(help="For roles on a project.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Give somebody a role on the operator, a customer or a project."""
    client = connect()
    if project and not customer:
        customer = client.get(path("projects", project))["customer"]
    body = {
        "email": email,
        "role": role,
        "customer": customer or None,
        "project": project or None,
    }
    row = client.post("/v1/members", body)
    said = f"{row['principal']} is {row['role']}; take it away with: rackrate member remove "
    print_done(row, output, f"{said}{row['id']}")


@member.command("remove")
def remove_member(
    id: Annotated[str, typer.Argument(metavar="MEMBER", help="As rackrate member list says.")],
    output: Output = Format.TABLE,
) -> None:
    """Take a role away."""
    print_done(connect().delete(path("members", id)), output, f"{id} is taken away")


KEYS = (
    Column("KEY", lambda row: row["id"]),
    Column("NAME", lambda row: row["name"]),
    Column("FINGERPRINT", lambda row: row["fingerprint"]),
    Column("ADDED", lambda row: row["shown"], from_width=100),
)


@key.command("list")
def list_keys(project: Project = "", output: Output = Format.TABLE) -> None:
    """Keys that open a project's leases."""
    client = connect()
    answer = client.get(path("projects", project or only_project(client), "keys"))
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            row["shown"] = local(row["created"], zones.entity())
    print_page(answer, output, KEYS, "No keys yet. Add one with: rackrate key add FILE.pub")


@key.command("add")
def add_key(
    file: Annotated[str, typer.Argument(metavar="FILE", help="As ~/.ssh/id_ed25519.pub")],
    project: Project = "",
    name: Annotated[str, typer.Option(help="Left out: the key's own comment.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Let a public key open a project's leases."""
    client = connect()
    body = {"public_key": read_key(file), "name": name}
    row = client.post(path("projects", project or only_project(client), "keys"), body)
    print_done(row, output, f"{row['fingerprint']} opens the leases of {row['project']}")


@key.command("remove")
def remove_key(
    id: Annotated[str, typer.Argument(metavar="KEY")], output: Output = Format.TABLE
) -> None:
    """Let a key open nothing any more."""
    print_done(connect().delete(path("keys", id)), output, f"{id} opens nothing any more")
