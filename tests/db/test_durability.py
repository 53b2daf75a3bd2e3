"""Nothing that was acknowledged is lost when the database is killed, and nothing is half there."""

import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from rackrate.core.calendar import Claim
from rackrate.core.errors import Unavailable
from rackrate.core.ids import LeaseId
from rackrate.core.interval import Span
from rackrate.core.lease import Lease
from rackrate.core.ledger import Entry
from rackrate.core.slots import Slots
from rackrate.db import postmaster
from rackrate.db.embedded import Embedded
from rackrate.db.schema import migrate
from rackrate.db.store import PostgresStore
from tests.contract.stores import ENTITY, GROUND, HOUR, NOON, SITE, claim, entry, lease, node


@pytest.mark.parametrize("seed", range(3))
def test_what_was_acknowledged_survives_kill_9_of_the_database(data: Path, seed: int) -> None:
    """Two sellers at work, every process of the server killed at once, and nothing half."""
    server = Embedded(data)
    dsn = server.start()
    try:
        migrate(dsn)
        acknowledged: list[str] = []
        enough = threading.Event()
        with PostgresStore(dsn, wait_s=0.5) as store:
            with store.transaction() as tx:
                tx.add(*GROUND)
            sellers = [
                threading.Thread(
                    target=_sell, args=(store, name, acknowledged, enough, 20 + 15 * seed)
                )
                for name in "ab"
            ]
            for seller in sellers:
                seller.start()
            assert enough.wait(60)
            for pid in postmaster.processes(server.cluster):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for seller in sellers:
                seller.join(60)
                assert not seller.is_alive()
        with PostgresStore(server.start()) as store:
            check_whole(store, acknowledged)
    finally:
        server.stop()


def _sell(
    store: PostgresStore, name: str, acknowledged: list[str], enough: threading.Event, count: int
) -> None:
    """Sell and give back one GPU, with its lease, entry and number, until the database is gone."""
    with suppress(Unavailable):
        for number in range(10_000):
            id = f"lse_{name}{number:05}"
            at = NOON + number * HOUR
            with store.transaction() as tx:
                slots = Slots(1 << "ab".index(name))
                if number:
                    last = tx.get(Claim, f"c{name}{number - 1:05}")
                    tx.put(replace(last, during=Span(last.during.start, at)))
                tx.add(claim(f"c{name}{number:05}", "node-1", slots, Span(at), id))
                tx.record(*lease(id, at=at))
                tx.add(entry(f"{id}/{tx.number('EX')}", 100))
            acknowledged.append(id)
            if len(acknowledged) >= count:
                enough.set()


def check_whole(store: PostgresStore, acknowledged: list[str]) -> None:
    with store.transaction() as tx:
        leases = [row.id for row in tx.find(Lease)]
        assert set(acknowledged) <= set(leases)
        assert len(leases) <= len(acknowledged) + 2, "one for each seller may be unacknowledged"
        assert [row.holder for row in tx.find(Claim)] == leases
        assert all(len(tx.history(LeaseId(id))) == 1 for id in leases)
        numbers = sorted(int(row.id.rpartition("/")[2]) for row in tx.find(Entry, entity=ENTITY))
        assert numbers == list(range(1, len(leases) + 1))
        assert tx.number("EX") == len(leases) + 1
        assert sum(balance.amount.minor for balance in tx.balances(ENTITY)) == 0
        assert tx.fleet(SITE).free_slots()[node(1).id] == 6
