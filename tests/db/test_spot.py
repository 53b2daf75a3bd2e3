"""Spot makes room on PostgreSQL as it does in memory."""

from rackrate.core.lease import EventKind
from rackrate.db.store import PostgresStore
from tests.app.test_spot_at_random import Days


def test_random_days_of_spot_are_the_same_on_postgresql(database: str) -> None:
    with PostgresStore(database) as store:
        told = Days(14, store).told(5)
    assert told == Days(14).told(5)
    assert {EventKind.NOTICE, EventKind.PLACED} <= {kind for _, kind, _, _ in told}
