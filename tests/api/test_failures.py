"""What breaks on our side is said once, with the request that it broke, and tells nothing more."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rackrate.api.app import create_app
from rackrate.app.ports import Tx
from rackrate.app.world import World
from rackrate.core.errors import Unavailable
from rackrate.sim.world import CountedIds, VirtualClock
from tests.api.conftest import START
from tests.api.serve import Client, served


class Broken:
    """A store that cannot be used at all."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        raise self.error
        yield


@contextmanager
def cloud_with(error: Exception) -> Iterator[Client]:
    world = World(Broken(error), {}, VirtualClock(START), CountedIds())
    with served(create_app(world)) as port:
        yield Client(port, "rr_any")


def test_a_bug_is_a_500_with_a_request_id_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO), cloud_with(KeyError("secret detail")) as client:
        answer = client.get("/v1/leases")
    assert (answer.status, answer.json["reason"]) == (500, "internal")
    assert answer.headers["x-request-id"] == answer.json["request_id"]
    assert "secret" not in answer.text and "KeyError" not in answer.text
    logged = [record for record in caplog.records if record.exc_info]
    assert len(logged) == 1 and answer.json["request_id"] in logged[0].getMessage()


def test_a_database_that_is_away_is_a_503_that_says_when_to_come_again() -> None:
    with cloud_with(Unavailable("the database is away")) as client:
        for path in ("/v1/leases", "/v1/ready"):
            answer = client.get(path)
            assert (answer.status, answer.json["reason"]) == (503, "unavailable")
            assert answer.headers["retry-after"] == "1"
        assert client.get("/v1/health").status == 200
