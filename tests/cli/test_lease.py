"""Leases from the command line: the whole life of one, and every way to ask wrongly."""

import pytest

from tests.cli.program import Program
from tests.cli.server import Server

START = ("lease", "start", "--project", "studio-render", "--sku", "h100.1")


def started(rackrate: Program, *more: str) -> str:
    """The id of a new lease that runs."""
    row = rackrate(*START, *more, "--wait", "--output", "json").json
    assert row["phase"] == "running"
    return str(row["id"])


def test_a_lease_is_started_stopped_started_again_and_ended(rackrate: Program) -> None:
    id = started(rackrate, "--count", "2", "--name", "first")
    assert f"{id}  first  2 x h100.1  running" in rackrate.ok("lease", "list", "--live")
    assert rackrate.ok("lease", "stop", id).startswith(f"{id} stops; start it again with")
    assert "runs on h100-" in rackrate.ok("lease", "start", id, "--wait")
    assert rackrate.ok("lease", "end", id).startswith(f"{id} ends after")
    shown = rackrate.ok("lease", "show", id)
    told = [
        line.split("Asia/Shanghai")[1].split()[0]
        for line in shown.splitlines()[-20:]
        if line.startswith("2026-11-22 20:00:00 Asia/Shanghai")
    ]
    assert told[:3] == ["requested", "starting", "running"]
    assert "stop_requested" in told and "end_requested" in told


def test_json_is_the_answer_of_the_api_in_utc(rackrate: Program, server: Server) -> None:
    id = started(rackrate)
    row = rackrate("lease", "show", id, "--output", "json").json
    assert row["id"] == id
    assert row["created"] == "2026-11-22T12:00:00Z"
    assert row["history"][0]["kind"] == "requested"
    page = rackrate("lease", "list", "--output", "json").json
    assert set(page) == {"items", "next"}


def test_a_page_that_is_not_all_says_how_to_go_on(rackrate: Program) -> None:
    ids = {started(rackrate) for _ in range(3)}
    first = rackrate("lease", "list", "--limit", "2")
    cursor = first.err.removeprefix("There are more: --after ").strip()
    second = rackrate.ok("lease", "list", "--after", cursor)
    assert all((id in first.out) != (id in second) for id in ids)


def test_a_gang_runs_on_as_many_nodes(rackrate: Program) -> None:
    id = started(rackrate, "--nodes", "2", "--count", "2")
    members = rackrate("lease", "show", id, "--output", "json").json["members"]
    assert len({member["node"] for member in members}) == 2
    assert "2 x h100.1 on 2 nodes" in rackrate.ok("lease", "list")


def test_what_is_to_run_reaches_the_lease_as_it_was_typed(rackrate: Program) -> None:
    more = ("--command", "echo 'a  b' > $HOME/x", "--env", "KEY=a=b", "--volume", "data:/data:500")
    id = started(rackrate, *more, "--port", "8000", "--image", "base")
    row = rackrate("lease", "show", id, "--output", "json").json
    assert row["command"] == ["/bin/sh", "-c", "echo 'a  b' > $HOME/x"]
    assert row["env"] == ["KEY"]
    assert row["volumes"] == [{"name": "data", "path": "/data", "gb": 500}]
    assert (row["ports"], row["image"]) == ([8000], "base")


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--count", "-1"], 2, "invalid value for '--count': -1 is not in the range x>=1"),
        (["--count", "0"], 2, "invalid value for '--count'"),
        (["--count", "two"], 2, "invalid value for '--count'"),
        (["--count", "9"], 1, "at most 8 h100.1 are free on one node"),
        (["--count", "100001"], 1, "[invalid]"),
        (["--sku", "nope"], 1, "no sku 'nope'; see: rackrate sku list [missing]"),
        (["--project", "nope"], 1, "no project 'nope'; see: rackrate project list [missing]"),
        (["--contract", "nope"], 1, "no contract 'nope'; see: rackrate contract list [missing]"),
        (["--env", "KEY"], 2, "--env 'KEY' is not NAME=VALUE"),
        (["--volume", "data:data"], 2, "--volume 'data:data' is not NAME:/path"),
        (["--port", "70000"], 2, "invalid value for '--port'"),
        (["--ssh-key", "/nowhere"], 2, "/nowhere cannot be read as a public key"),
        (["lse_000001"], 2, "say either what to lease with --sku, or which stopped lease"),
        (["--colour"], 2, "no such option: --colour"),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_sentence(
    rackrate: Program, more: list[str], code: int, said: str
) -> None:
    leases = rackrate("lease", "list", "--output", "json").json["items"]
    done = rackrate(*START, *more)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("rackrate: ") and said in done.err
    assert done.err.count("\n") == 1
    assert rackrate("lease", "list", "--output", "json").json["items"] == leases


def test_who_has_several_projects_is_asked_which(rackrate: Program) -> None:
    done = rackrate("lease", "start", "--sku", "h100.1")
    assert done.code == 1
    assert "say which project with --project: robotics-train, studio-render" in done.err


def test_a_private_key_is_never_sent(rackrate: Program) -> None:
    file = rackrate.home / "id_ed25519"
    file.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n")
    done = rackrate(*START, "--ssh-key", str(file))
    assert done.code == 2
    assert "is a private key, which stays with you" in done.err


def test_a_lease_that_does_not_run_is_not_entered(rackrate: Program) -> None:
    id = started(rackrate)
    rackrate.ok("lease", "end", id)
    done = rackrate("lease", "ssh", id, "true")
    assert done.code == 1
    assert "is entered once it runs" in done.err


def test_waiting_for_a_lease_that_is_told_to_end_does_not_last(
    rackrate: Program, server: Server
) -> None:
    id = started(rackrate)
    rackrate.ok("lease", "end", id)
    done = rackrate("lease", "start", id, "--wait")
    assert done.code == 1
    assert "[wrong_state]" in done.err


def test_logs_of_a_simulated_lease_say_that_nothing_runs(rackrate: Program) -> None:
    assert rackrate.ok("lease", "logs", started(rackrate)).startswith("This site is simulated")


def test_logs_are_followed_until_the_lease_is_over(rackrate: Program) -> None:
    id = started(rackrate)
    rackrate.ok("lease", "end", id)
    assert rackrate("lease", "logs", "--follow", id).code == 0
