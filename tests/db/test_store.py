"""What only the store on PostgreSQL can get wrong: several of it, dead connections, odd input."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest

from rackrate.app.rows import LoopLease
from rackrate.core.calendar import Claim, Reservation
from rackrate.core.chips import Chip
from rackrate.core.errors import Conflict, Invalid, Refused, Unavailable
from rackrate.core.ids import ChipId
from rackrate.core.interval import Interval, Span
from rackrate.core.inventory import NodeState, Site
from rackrate.core.lease import Lease
from rackrate.core.parties import Audit
from rackrate.core.placement import NoFit, Request
from rackrate.core.slots import Slots, all_slots
from rackrate.db.store import PostgresStore
from tests.contract.stores import (
    ACME,
    CAROL,
    CHIP,
    DAY,
    GROUND,
    HOUR,
    NOON,
    SITE,
    claim,
    lease,
    node,
    promise,
)


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    with PostgresStore(database) as store:
        with store.transaction() as tx:
            tx.add(*GROUND)
        yield store


@pytest.fixture
def other(database: str, store: PostgresStore) -> Iterator[PostgresStore]:
    """A second control plane on the same database."""
    with PostgresStore(database) as store:
        yield store


def sample_chip(id: str, model: str = "") -> Chip:
    sample = next(row for row in GROUND if isinstance(row, Chip))
    return replace(sample, id=ChipId(id), model=model)


def cut(database: str) -> None:
    """End every connection of the program, as a restart of the server does."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_each_control_plane_catches_up_with_what_the_other_did(
    store: PostgresStore, other: PostgresStore
) -> None:
    for ours, theirs in ((store, other), (other, store)):
        with theirs.transaction() as tx:
            before = tx.fleet(SITE).free_slots()
        with ours.transaction() as tx:
            tx.put(claim("c1", "node-1", Slots(0b11), Span(NOON)))
            tx.put(promise("r1", 1, Interval(NOON, NOON + DAY)))
            tx.put(replace(node(2), state=NodeState.DRAINING))
        with theirs.transaction() as tx:
            fleet = tx.fleet(SITE)
            assert fleet.free_slots() == {**before, node(1).id: 6}
            assert isinstance(fleet.place(Request(CHIP, 1, 1), NOON), NoFit) is False
            assert isinstance(fleet.place(Request(CHIP, 1, 8, True), NOON), NoFit)
            tx.put(claim("c1", "node-1", Slots(0b11), Span(NOON, NOON + HOUR)))
            tx.put(claim("c2", "node-1", Slots(0b10), Span(NOON + HOUR)))
            tx.put(replace(node(2), state=NodeState.IN_SERVICE))
            tx.remove(Reservation, "r1")
        with ours.transaction() as tx:
            fleet = tx.fleet(SITE)
            assert fleet.free_slots()[node(1).id] == 7
            assert fleet.pools[node(1).pool].calendar.reservations == {}
            members = fleet.place(Request(CHIP, 1, 8, True), NOON)
            assert not isinstance(members, NoFit) and members[0].node == "node-2"
            tx.remove(Claim, "c1")
            tx.remove(Claim, "c2")
            assert tx.fleet(SITE).free_slots() == before
        with theirs.transaction() as tx:
            assert tx.fleet(SITE).free_slots() == before


def test_an_index_that_is_ahead_of_a_restored_database_is_loaded_anew(
    database: str, store: PostgresStore
) -> None:
    with store.transaction() as tx:
        tx.add(claim("c1", "node-1", all_slots(8), Span(NOON)))
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM claim")
        connection.execute("DELETE FROM fleet_removal")
    with store.transaction() as tx:
        assert tx.fleet(SITE).free_slots() == {"node-1": 8, "node-2": 8}


def test_the_last_gpu_has_one_buyer_on_two_control_planes(
    store: PostgresStore, other: PostgresStore
) -> None:
    """Sixteen buyers at two doors of 16 GPUs in shares of three: five find room, and no sixth."""
    barrier, won, failed = threading.Barrier(16), [], []

    def buy(number: int) -> None:
        barrier.wait()
        try:
            with (store, other)[number % 2].transaction() as tx:
                members = tx.fleet(SITE).place(Request(CHIP, 1, 3), NOON)
                if isinstance(members, NoFit):
                    return
                tx.add(claim(f"c{number:02}", members[0].node, members[0].slots, Span(NOON)))
            won.append(number)
        except BaseException as error:
            failed.append(error)
            raise

    buyers = [threading.Thread(target=buy, args=(number,)) for number in range(16)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    assert failed == []
    with store.transaction() as tx:
        assert [row.id for row in tx.find(Claim)] == [f"c{number:02}" for number in sorted(won)]
        assert sorted(tx.fleet(SITE).free_slots().values()) == [2, 2]
    assert len(won) == 4


def test_an_undone_sale_is_forgotten_by_the_index(store: PostgresStore) -> None:
    def sell() -> None:
        with store.transaction() as tx:
            tx.add(claim("c1", "node-1", all_slots(8), Span(NOON)))
            tx.add(sample_chip(CHIP))

    for _ in range(2):
        with pytest.raises(Conflict):
            sell()
        with store.transaction() as tx:
            assert tx.fleet(SITE).free_slots() == {"node-1": 8, "node-2": 8}


def test_a_failure_that_was_swallowed_is_told_at_the_end(store: PostgresStore) -> None:
    def swallow() -> None:
        with store.transaction() as tx:
            tx.add(sample_chip(CHIP))
            with suppress(Conflict):
                tx.find(Chip)
            tx.put(sample_chip("x"))

    with pytest.raises(Conflict):
        swallow()
    with store.transaction() as tx:
        assert tx.peek(Chip, "x") is None


def test_connections_that_died_while_idle_are_replaced_unnoticed(
    database: str, store: PostgresStore
) -> None:
    for _ in range(3):
        cut(database)
        with store.transaction() as tx:
            tx.put(sample_chip("x"))
            assert [row.id for row in tx.find(Site)] == [SITE]
        cut(database)
        with store.transaction() as tx:
            tx.put(sample_chip("x", "written only"))


def test_a_connection_that_dies_in_a_transaction_makes_it_unavailable(
    database: str, store: PostgresStore
) -> None:
    def interrupted() -> None:
        with store.transaction() as tx:
            tx.add(claim("c1", "node-1", all_slots(8), Span(NOON)))
            assert tx.get(Claim, "c1").open
            cut(database)
            tx.put(sample_chip("x"))

    with pytest.raises(Unavailable):
        interrupted()
    with store.transaction() as tx:
        assert tx.peek(Chip, "x") is None and tx.find(Claim) == []
        assert tx.fleet(SITE).free_slots() == {"node-1": 8, "node-2": 8}


def test_a_database_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        PostgresStore("host=/nonexistent dbname=x")


def test_who_is_above_the_rules_and_cannot_step_down_is_refused(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("CREATE ROLE above_the_rules LOGIN BYPASSRLS")
    theirs = psycopg.conninfo.make_conninfo(empty_database, user="above_the_rules")
    try:
        with pytest.raises(Refused, match="row-level security"):
            PostgresStore(theirs)
    finally:
        with psycopg.connect(empty_database, autocommit=True) as connection:
            connection.execute("DROP ROLE above_the_rules")


@pytest.mark.parametrize(
    "row",
    [
        sample_chip("x", "a\0b"),
        sample_chip("x", "half a \ud83d"),
        replace(sample_chip("x"), power_w=1 << 63),
        replace(lease("lse_1")[0], terms=replace(lease("lse_1")[0].terms, name="a\0b")),
    ],
)
def test_what_cannot_be_stored_is_invalid_and_undone(store: PostgresStore, row: object) -> None:
    def write() -> None:
        with store.transaction() as tx:
            tx.put(sample_chip("before"), row)

    with pytest.raises(Invalid):
        write()
    with store.transaction() as tx:
        assert tx.peek(Chip, "before") is None


@pytest.mark.parametrize("there", [True, False])
def test_of_two_who_change_what_they_have_read_one_is_told(
    store: PostgresStore, other: PostgresStore, there: bool
) -> None:
    """Two control planes that both find the lead free do not both take it."""
    if there:
        with store.transaction() as tx:
            tx.put(LoopLease("loops", "nobody", 1, NOON))

    def take(store: PostgresStore, holder: str, then: Callable[[], None]) -> None:
        with store.transaction() as tx:
            row = tx.peek(LoopLease, "loops")
            assert (row is not None and row.epoch == 1) is there
            then()
            tx.put(LoopLease("loops", holder, 2, NOON + HOUR))
            tx.put(LoopLease("loops", holder, 2, NOON + DAY))

    def both() -> None:
        take(store, "late", lambda: take(other, "first", lambda: None))

    with pytest.raises(Conflict):
        both()
    with store.transaction() as tx:
        assert tx.get(LoopLease, "loops") == LoopLease("loops", "first", 2, NOON + DAY)


def test_a_row_may_be_read_and_written_again_and_again(store: PostgresStore) -> None:
    with store.transaction() as tx:
        assert tx.peek(Chip, "x") is None
        tx.put(sample_chip("x"))
        for model in "abc":
            assert tx.find(Chip, after=CHIP) == [tx.get(Chip, "x")]
            tx.put(sample_chip("x", model))
            tx.put(sample_chip("x", model * 2))
        tx.remove(Chip, "x")
        tx.put(sample_chip("x", "d"))
    with store.transaction() as tx:
        assert tx.get(Chip, "x").model == "d"


def test_what_is_needed_is_not_taken_away(store: PostgresStore) -> None:
    def remove() -> None:
        with store.transaction() as tx:
            tx.remove(Chip, CHIP)

    with pytest.raises(Refused, match="in_use"):
        remove()


def test_many_rows_travel_together_and_keep_their_texts(store: PostgresStore) -> None:
    odd = ['"', "\\", "{}", ",", "NULL", "", "  ", "\n\t", "é中😀", "'", "$1", "%s", "\\N", "\x7f"]
    rows = [
        Audit(
            f"a{i:06}", NOON, CAROL, odd[i % len(odd)], odd[i // 14 % 14], (None, ACME)[i % 2], ""
        )
        for i in range(12_000)
    ]
    with store.transaction() as tx:
        tx.add(*rows)
    with store.transaction() as tx:
        assert tx.find(Audit) == rows


def test_a_thousand_leases_are_started_in_one_transaction(store: PostgresStore) -> None:
    with store.transaction() as tx:
        tx.add(*(node(number) for number in range(3, 130)))
        for number in range(1000):
            row, event = lease(f"lse_{number:04}")
            (member, *_) = _placed(tx.fleet(SITE).place(Request(CHIP, 1, 1), NOON))
            tx.add(claim(f"c{number:04}", member.node, member.slots, Span(NOON), row.id))
            tx.record(row, event)
    with store.transaction() as tx:
        assert len(tx.find(Claim, site=SITE, open=True)) == len(tx.find(Lease, live=True)) == 1000
        found = list(tx.histories(ACME, Interval(NOON, NOON + HOUR)))
    assert [row.id for row, _ in found] == [f"lse_{number:04}" for number in range(1000)]
    assert all(log == (lease(row.id)[1],) for row, log in found)


def _placed(members: object) -> tuple:  # type: ignore[type-arg]
    assert isinstance(members, tuple)
    return members


def test_threads_do_not_join_each_others_transactions(store: PostgresStore) -> None:
    seen: list[object] = []
    with store.transaction() as tx:
        tx.put(sample_chip("x"))
        assert tx.peek(Chip, "x") is not None

        def look() -> None:
            with store.transaction() as theirs:
                seen.append(theirs.peek(Chip, "x"))

        looker = threading.Thread(target=look)
        looker.start()
        looker.join()
    assert seen == [None]


def test_a_number_is_drawn_by_one_at_a_time(store: PostgresStore, other: PostgresStore) -> None:
    drawn: list[int] = []

    def draw(store: PostgresStore) -> None:
        for _ in range(20):
            with store.transaction() as tx:
                drawn.append(tx.number("EX"))

    threads = [threading.Thread(target=draw, args=(each,)) for each in (store, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == list(range(1, 81))
