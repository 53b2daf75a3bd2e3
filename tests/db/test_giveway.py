"""On demand gives way to contracts on PostgreSQL as it does in memory, whoever else is writing."""

import threading
import time
from datetime import timedelta

import psycopg
import pytest

from rackrate.app import giveway, leasing
from rackrate.app.leasing import Ask
from rackrate.core.errors import Conflict
from rackrate.core.lease import EventKind, LeaseEvent
from rackrate.db.store import PostgresStore
from tests.app.test_giveway import EAST, NODE, RENDER, Business, promise, shop

SOON = 10.0


def test_random_business_refuses_no_contract_its_nodes_on_postgresql_either(database: str) -> None:
    with PostgresStore(database) as store:
        assert Business(3, store).run() == Business(3).run()


def test_a_lease_that_the_loop_is_writing_is_left_out_and_not_waited_for(database: str) -> None:
    with PostgresStore(database) as store, PostgresStore(database) as other:
        built = shop(store=store)
        lease = leasing.start(built.world, built.admin, Ask(RENDER, NODE, 1))
        event = LeaseEvent(lease.id, 2, lease.since, lease.since, EventKind.STARTING)
        written, told = threading.Event(), threading.Event()

        def loop() -> None:
            with other.transaction() as tx:
                tx.record(lease.apply(event), event)
                tx.history(lease.id)  # What is pending is sent, and not committed yet.
                written.set()
                assert told.wait(SOON)

        thread = threading.Thread(target=loop)
        thread.start()
        assert written.wait(SOON)
        with store.transaction() as tx:
            assert tx.alone([lease.id]) == []
        told.set()
        thread.join(SOON)
        with store.transaction() as tx:
            assert [one.seq for one in tx.alone([lease.id])] == [2]


def wait_for_a_waiting(database: str) -> None:
    """Until somebody waits for a lock of this database."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    end = time.monotonic() + SOON
    with psycopg.connect(database, autocommit=True) as connection:
        while connection.execute(waiting).fetchone() == (0,):
            assert time.monotonic() < end, "nobody waits"
            time.sleep(0.01)


def test_a_lease_that_is_being_told_is_written_by_nobody_else_meanwhile(database: str) -> None:
    with PostgresStore(database) as store, PostgresStore(database) as other:
        built = shop(store=store)
        lease = leasing.start(built.world, built.admin, Ask(RENDER, NODE, 1))
        until = lease.since + timedelta(days=9)
        refused: list[Conflict] = []

        def loop() -> None:
            event = LeaseEvent(lease.id, 2, lease.since, lease.since, EventKind.STARTING)
            with pytest.raises(Conflict) as raised, other.transaction() as tx:
                tx.record(lease.apply(event), event)
            refused.append(raised.value)

        thread = threading.Thread(target=loop)
        with store.transaction() as tx:
            (held,) = tx.alone([lease.id])
            thread.start()
            event = LeaseEvent(lease.id, 2, lease.since, lease.since, EventKind.TOLD, until=until)
            tx.record(held.apply(event), event)
            wait_for_a_waiting(database)
            assert thread.is_alive()
        thread.join(SOON)
        assert refused
        with store.transaction() as tx:
            assert [(one.seq, one.safe_until) for one in tx.alone([lease.id])] == [(2, until)]


def test_a_lease_that_is_being_written_still_counts_for_what_the_others_are_told(
    database: str,
) -> None:
    """Of two nodes one is needed. The lease that stays is being written: the other goes anyway."""
    with PostgresStore(database) as store, PostgresStore(database) as other:
        built = shop(store=store)
        ids = [leasing.start(built.world, built.admin, Ask(RENDER, NODE, 1)).id for _ in range(4)]
        promise(built, timedelta(days=8), nodes=1)
        shown = [leasing.show(built.world, built.admin, id)[0] for id in ids]
        staying = [lease for lease in shown if lease.until is None]
        assert len(staying) == 2
        with other.transaction() as held:
            for lease in staying:
                at = lease.since
                event = LeaseEvent(lease.id, lease.seq + 1, at, at, EventKind.STARTING)
                held.record(lease.apply(event), event)
            held.history(ids[0])
            with store.transaction() as tx:
                giveway.tell(built.world, tx, EAST)
        again = [leasing.show(built.world, built.admin, id)[0].until for id in ids]
        assert again == [lease.until for lease in shown]
