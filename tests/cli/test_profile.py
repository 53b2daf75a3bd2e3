"""Signing in: where the token is kept, and where it never goes."""

import stat

from tests.cli.program import Program
from tests.cli.server import Server

KEPT = ".config/rackrate/profile.toml"


def test_who_signs_in_is_known_from_then_on(nobody: Program, server: Server) -> None:
    said = nobody.ok("login", server.url, "--token", server.token)
    assert said.startswith(f"Signed in at {server.url} as admin; kept in {nobody.home / KEPT}")
    assert "Role          admin on the operator" in nobody.ok("whoami")


def test_a_token_that_is_not_given_is_asked_for_and_not_shown(
    nobody: Program, server: Server
) -> None:
    done = nobody("login", server.url, given=f"{server.token}\n")
    assert done.code == 0
    assert server.token not in done.out + done.err


def test_only_its_owner_can_read_the_profile(nobody: Program, server: Server) -> None:
    nobody.ok("login", server.url, "--token", server.token)
    assert stat.S_IMODE((nobody.home / KEPT).stat().st_mode) == 0o600


def test_a_token_that_the_server_does_not_know_is_not_kept(nobody: Program, server: Server) -> None:
    done = nobody("login", server.url, "--token", "rr_wrong")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"rackrate: {server.url} does not know this token [unauthenticated]\n"
    assert not (nobody.home / KEPT).exists()


def test_the_environment_wins_over_the_profile(nobody: Program, server: Server) -> None:
    nobody.ok("login", server.url, "--token", server.token)
    other = Program(nobody.home, {"RACKRATE_TOKEN": "rr_other"})
    assert "[unauthenticated]" in other("whoami").err


def test_the_token_of_one_server_is_not_sent_to_another(nobody: Program, server: Server) -> None:
    """The other is a name for the same server, so that it would know the token."""
    nobody.ok("login", server.url, "--token", server.token)
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    done = Program(nobody.home, {"RACKRATE_URL": elsewhere})("whoami")
    assert done.code == 1
    assert "[unauthenticated]" in done.err


def test_a_token_does_not_travel_in_clear_beyond_this_machine(nobody: Program) -> None:
    done = nobody("login", "http://192.0.2.1:8080", "--token", "rr_secret")
    assert done.code == 1
    assert "a token does not travel to 192.0.2.1 over plain HTTP; use https" in done.err


def test_a_damaged_profile_is_said_to_be(nobody: Program) -> None:
    file = nobody.home / KEPT
    file.parent.mkdir(parents=True)
    file.write_text("url = http\n")
    done = nobody("whoami")
    assert done.code == 1
    assert f"{file} is damaged; write it anew with: rackrate login URL" in done.err


def test_an_address_that_is_none_is_refused(nobody: Program) -> None:
    for address in ("cloud.example.com", "ftp://cloud.example.com", "http://127.0.0.1:port"):
        done = nobody("login", address, "--token", "rr_secret")
        assert done.code == 1
        assert "write https://HOST[:PORT]" in done.err
