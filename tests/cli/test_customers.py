"""Customers, projects, members, tokens and keys from the command line."""

from pathlib import Path

from tests.cli.program import Program
from tests.cli.server import Server

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0sWQvoTZ8S5eBGb4cLCW3DwPzRVrFHNYzJQ7Lrf7dT me@laptop"


def owner(rackrate: Program, server: Server, customer: str) -> Program:
    """The program of a new owner of the customer."""
    email = f"owner@{customer}.example"
    rackrate.ok("member", "add", email, "--role", "owner", "--customer", customer)
    token = rackrate.ok("token", "create", "laptop", "--for", email).strip()
    return Program(rackrate.home, {"RACKRATE_URL": server.url, "RACKRATE_TOKEN": token})


def test_a_customer_gets_a_project_and_an_owner_who_sees_only_its_own(
    rackrate: Program, server: Server
) -> None:
    made = rackrate.ok("customer", "create", "bolt", "--name", "Bolt (sample)", "--country", "CN")
    assert made == "bolt is a customer; next: rackrate project create ID --customer bolt\n"
    rackrate.ok("project", "create", "bolt-a", "--customer", "bolt")
    bolt = owner(rackrate, server, "bolt")
    assert [line.split()[0] for line in bolt.ok("customer", "list").splitlines()[1:]] == ["bolt"]
    assert [line.split()[0] for line in bolt.ok("project", "list").splitlines()[1:]] == ["bolt-a"]
    assert "no customer 'studio'" in bolt("customer", "show", "studio").err


def test_a_foreign_lease_is_not_found(rackrate: Program, server: Server) -> None:
    start = ("lease", "start", "--project", "studio-render", "--sku", "h100.1")
    id = rackrate(*start, "--output", "json").json["id"]
    robotics = owner(rackrate, server, "robotics")
    for verb in ("show", "stop", "end", "logs", "ssh"):
        done = robotics("lease", verb, id)
        assert done.code == 1, done
        assert done.err == f"rackrate: no lease '{id}'; see: rackrate lease list [missing]\n"


def test_who_has_one_project_need_not_name_it(rackrate: Program, server: Server) -> None:
    robotics = owner(rackrate, server, "robotics")
    row = robotics("lease", "start", "--sku", "h100.1", "--output", "json").json
    assert row["project"] == "robotics-train"


def test_what_a_role_does_not_allow_is_refused(rackrate: Program, server: Server) -> None:
    done = owner(rackrate, server, "studio")("node", "drain", "h100-001")
    assert done.code == 1
    assert "[not_allowed]" in done.err


def test_members_come_and_go(rackrate: Program) -> None:
    rackrate.ok("member", "add", "eve@studio.example", "--role", "member", "--project",
                "studio-render")  # fmt: skip
    listed = rackrate.ok("member", "list", "--customer", "studio")
    line = next(row for row in listed.splitlines() if row.startswith("eve@studio.example"))
    id = line.split()[-1]
    assert line.split()[1:3] == ["member", "studio-render"]
    assert rackrate.ok("member", "remove", id) == f"{id} is taken away\n"
    assert "eve@studio.example" not in rackrate.ok("member", "list", "--customer", "studio")


def test_a_revoked_token_opens_nothing(rackrate: Program, server: Server) -> None:
    row = rackrate("token", "create", "short", "--days", "1", "--output", "json").json
    short = Program(rackrate.home, {"RACKRATE_URL": server.url, "RACKRATE_TOKEN": row["secret"]})
    assert short("whoami").code == 0
    assert row["secret"] not in rackrate.ok("token", "list", "--output", "json")
    rackrate.ok("token", "revoke", row["id"])
    assert "is revoked; sign in with: rackrate login URL [unauthenticated]" in short("whoami").err
    assert rackrate("token", "create", "never", "--days", "0").code == 2


def test_keys_open_a_project_until_they_are_removed(rackrate: Program, tmp_path: Path) -> None:
    file = tmp_path / "id_ed25519.pub"
    file.write_text(f"{KEY}\n")
    added = rackrate.ok("key", "add", str(file), "--project", "studio-render")
    assert added.startswith("SHA256:") and "opens the leases of studio-render" in added
    row = rackrate("key", "list", "--project", "studio-render", "--output", "json").json["items"][0]
    assert row["name"] == "me@laptop"
    rackrate.ok("key", "remove", row["id"])
    left = rackrate.ok("key", "list", "--project", "studio-render")
    assert left.startswith("No keys yet.")


def test_what_is_no_key_is_refused(rackrate: Program, tmp_path: Path) -> None:
    file = tmp_path / "no.pub"
    file.write_text("hello\n")
    done = rackrate("key", "add", str(file), "--project", "studio-render")
    assert done.code == 1
    assert "[invalid]" in done.err
