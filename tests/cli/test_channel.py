"""Channels and notifications from the command line: chosen, tried out, looked at, sent again."""

from rackrate.app import dispatch
from rackrate.core.outbox import Medium
from tests.cli.program import Program
from tests.cli.server import Server
from tests.cli.test_customers import owner


def spread(server: Server) -> None:
    """What the loop does first: everything new is on its way to those who want it."""
    leader = dispatch.lead(server.built.world, "test")
    assert leader is not None
    dispatch.spread(server.built.world, leader, frozenset(Medium))


def test_a_customer_chooses_a_webhook_whose_secret_is_shown_once(
    rackrate: Program, server: Server
) -> None:
    studio = owner(rackrate, server, "studio")
    made = studio("channel", "add", "webhook", "https://hooks.example/in?a=b", "-o", "json").json
    assert made["customer"] == "studio" and made["secret"].startswith("whsec_")
    listed = studio.ok("channel", "list", "-o", "json")
    assert "https://hooks.example/in?…" in listed and "a=b" not in listed
    assert made["secret"] not in listed
    chosen = studio.ok("channel", "choose", made["id"], "--topic", "lease.notice")
    assert chosen == f"{made['id']} hears of lease.notice, in en\n"
    assert rackrate.ok("channel", "list").startswith("Nobody is told yet."), "not the operator's"


def test_a_test_is_a_notification_like_any_other(rackrate: Program, server: Server) -> None:
    made = rackrate(
        "channel", "add", "email", "fleet@example.com", "--language", "zh", "-o", "json"
    )
    id = made.json["id"]
    said = rackrate.ok("channel", "test", id)
    told = said.split()[0]
    spread(server)
    listed = rackrate.ok("notification", "list", "--state", "waiting")
    assert "channel.test" in listed and "the operator" in listed
    shown = rackrate.ok("notification", "show", told)
    assert "fleet@example.com" in shown and "waiting" in shown
    assert rackrate.ok("notification", "resend", told) == f"{told} is on its way over 1 channel\n"
    rackrate.ok("channel", "remove", id)
    done = rackrate("channel", "add", "email", "nobody")
    assert done.code == 1 and "'nobody' is no e-mail address" in done.err
    done = rackrate("notification", "resend", told)
    assert done.code == 1 and "no channel of the operator wants channel.test" in done.err
