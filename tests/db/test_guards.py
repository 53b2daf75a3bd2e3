"""What the database refuses by itself: each guard is violated once, in SQL, around the core."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from rackrate.app.rows import KINDS
from rackrate.core.interval import Interval, Span
from rackrate.core.slots import all_slots
from rackrate.db.schema import ROLE
from rackrate.db.store import PostgresStore
from tests.contract.stores import (
    ACME,
    BOLT,
    DAY,
    GROUND,
    MORE,
    NOON,
    claim,
    entry,
    lease,
    promise,
)

Connection = psycopg.Connection[tuple[Any, ...]]
CLAIM = """
INSERT INTO claim (id, site, node, slots, during, kind, holder, account)
VALUES (%s, 'north', 'node-2', %s, %s, 'lease', 'lse', '')"""
PROMISE = """
INSERT INTO reservation (id, site, pool, nodes, during, kind, holder)
VALUES (%s, 'north', 'north-1/h100x8', %s, %s, 'contract', 'ctr')"""
POSTING = """
INSERT INTO posting VALUES (%s, %s, 'Assets:Bank', %s, %s, %s, 'CNY', 'acme', NULL)"""
ENTRY = "INSERT INTO entry VALUES (%s, 'seller', now(), '')"
LINE_AGAIN = """
INSERT INTO invoice_line (id, invoice, customer, place, line)
SELECT 'x', invoice, customer, 9, line FROM invoice_line WHERE id = 'l1'"""
INVOICE_AGAIN = """
INSERT INTO invoice (id, entity, customer, cause, month, issued, due, tax_rule, net, net_currency,
       tax, tax_currency, gross, gross_currency, paid, paid_currency, credited, credited_currency)
SELECT 'x', entity, customer, cause, month, issued, due, tax_rule, net, net_currency, tax,
       tax_currency, gross, gross_currency, paid, paid_currency, credited, credited_currency
FROM invoice WHERE id = 'EX-1'"""
MONTH = "[2026-11-01, 2026-12-01)"


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    with PostgresStore(database) as store:
        with store.transaction() as tx:
            tx.add(*GROUND)
            tx.add(*(row for row in MORE if row.id != "c1"))
            tx.record(*lease("lse_acme", ACME))
            tx.record(*lease("lse_bolt", BOLT))
        yield store


@pytest.fixture
def app(database: str, store: PostgresStore) -> Iterator[Connection]:
    """A connection as the program has it: in its role, and around the core."""
    with psycopg.connect(database) as connection:
        connection.execute(f"SET ROLE {ROLE}")
        connection.commit()
        yield connection
        connection.rollback()


@pytest.fixture
def owner(database: str, store: PostgresStore) -> Iterator[Connection]:
    """A connection as whoever owns the tables."""
    with psycopg.connect(database) as connection:
        yield connection
        connection.rollback()


def test_slots_are_never_sold_twice(app: Connection) -> None:
    app.execute(CLAIM, ["x", "{[0,4)}", MONTH])
    app.execute(CLAIM, ["next", "{[0,4)}", "[2026-12-01,)"])
    app.execute(CLAIM, ["beside", "{[4,6),[7,8)}", "[2026-11-15,)"])
    app.commit()
    with pytest.raises(errors.ExclusionViolation, match="never_sold_twice"):
        app.execute(CLAIM, ["y", "{[3,5)}", "[2026-11-30 23:59:59, 2026-12-01)"])


@pytest.mark.parametrize(
    ("slots", "during"), [("{}", MONTH), ("{[0,1)}", "empty"), ("{[0,1)}", "(,2026-12-01)")]
)
def test_a_claim_of_nothing_does_not_slip_through(app: Connection, slots: str, during: str) -> None:
    with pytest.raises(errors.CheckViolation):
        app.execute(CLAIM, ["x", slots, during])


def test_a_node_that_does_not_exist_cannot_be_claimed(app: Connection) -> None:
    app.execute(CLAIM.replace("node-2", "node-9"), ["x", "{[0,1)}", MONTH])
    with pytest.raises(errors.ForeignKeyViolation):
        app.commit()


def test_no_more_nodes_are_promised_than_there_are(app: Connection) -> None:
    """One of the two is promised for three months, and another for the first day."""
    app.execute(PROMISE, ["after", 1, "[2026-11-02 12:00, 2027-06-01)"])
    app.execute(PROMISE, ["before", 2, "[2026-10-01, 2026-11-01 12:00)"])
    app.commit()
    for during in (MONTH, "[2026-11-01, 2026-11-01 12:00:01)", "[2026-11-02, 2026-11-03)"):
        app.execute(PROMISE, ["x", 1, during])
        with pytest.raises(errors.CheckViolation, match="promised 1 nodes too many"):
            app.commit()
        app.rollback()
    app.execute("UPDATE reservation SET nodes = 2 WHERE id = 'after'")
    with pytest.raises(errors.CheckViolation, match="promised 1 nodes too many"):
        app.commit()


def test_a_node_is_promised_from_the_day_it_is_expected_until_it_leaves(app: Connection) -> None:
    """The third node comes on the tenth and goes on the twentieth."""
    app.execute(
        "INSERT INTO node (id, site, block, chip, gpus, parts, capacity, state, note, ready, until,"
        " batch) SELECT 'node-new', site, block, chip, gpus, parts, capacity, 'ordered', '',"
        " '2027-11-10', '2027-11-20', 1 FROM node WHERE id = 'node-1'"
    )
    app.execute(PROMISE, ["all", 3, "[2027-11-10, 2027-11-20)"])
    app.commit()
    for during in ("[2027-11-09, 2027-11-11)", "[2027-11-15, 2027-11-20 00:00:01)"):
        app.execute("DELETE FROM reservation WHERE id = 'all'")
        app.execute(PROMISE, ["x", 3, during])
        with pytest.raises(errors.CheckViolation, match="promised 1 nodes too many"):
            app.commit()
        app.rollback()


def test_a_drained_node_is_promised_to_nobody_until_it_is_back(app: Connection) -> None:
    """The second of two nodes is drained from the tenth to the twentieth; then nobody knows."""
    app.execute("UPDATE node SET drained = '2027-11-10', back = '2027-11-20' WHERE id = 'node-2'")
    app.execute(PROMISE, ["before", 2, "[2027-11-01, 2027-11-10)"])
    app.execute(PROMISE, ["meanwhile", 1, "[2027-11-10, 2027-11-20)"])
    app.execute(PROMISE, ["after", 2, "[2027-11-20, 2027-12-01)"])
    app.commit()
    for during in ("[2027-11-09, 2027-11-11)", "[2027-11-19, 2027-11-21)"):
        app.execute("DELETE FROM reservation")
        app.execute(PROMISE, ["x", 2, during])
        with pytest.raises(errors.CheckViolation, match="promised 1 nodes too many"):
            app.commit()
        app.rollback()
    app.execute("DELETE FROM reservation")
    app.execute(
        "UPDATE node SET state = 'draining', drained = NULL, back = NULL WHERE id = 'node-2'"
    )
    app.execute(PROMISE, ["x", 2, "[2027-12-01, 2027-12-02)"])
    with pytest.raises(errors.CheckViolation, match="promised 1 nodes too many"):
        app.commit()


def test_a_promise_may_shrink_where_nodes_are_missing_and_nothing_may_grow(app: Connection) -> None:
    app.execute(PROMISE, ["big", 2, "[2027-11-01, 2027-12-01)"])
    app.commit()
    app.execute("UPDATE node SET state = 'retired' WHERE id = 'node-1'")
    app.commit()
    app.execute("UPDATE reservation SET during = '[2027-11-02, 2027-12-01)' WHERE id = 'big'")
    app.commit()
    for wrong in ("nodes = 1, during = '[2027-11-01, 2027-12-01)'", "nodes = 2"):
        app.execute("UPDATE reservation SET nodes = 1 WHERE id = 'big'")
        app.execute(PROMISE, ["more", 1, "[2027-11-30, 2027-12-02)"])
        app.execute(f"UPDATE reservation SET {wrong} WHERE id = 'big'")
        with pytest.raises(errors.CheckViolation, match="promised"):
            app.commit()
        app.rollback()


@pytest.mark.parametrize(
    "wrong",
    ["renews = 1", "renews = 1, kind = 'hold'", "renews = -1", "renews = 1, expires = now()"],
)
def test_what_a_right_to_renew_holds_is_a_hold_that_expires(app: Connection, wrong: str) -> None:
    later = "[2027-11-01, 2027-12-01)"
    app.execute(PROMISE, ["right", 1, later])
    with pytest.raises(errors.CheckViolation, match=r"right_expires|renews"):
        app.execute(f"UPDATE reservation SET {wrong} WHERE id = 'right'")
    app.rollback()
    app.execute(PROMISE, ["right", 1, later])
    hold = "renews = 1, kind = 'hold', expires = now()"
    app.execute(f"UPDATE reservation SET {hold} WHERE id = 'right'")
    app.commit()


def test_two_who_promise_at_once_do_not_both_succeed(database: str, app: Connection) -> None:
    later = "[2027-11-01, 2027-12-01)"
    app.execute(PROMISE, ["x", 2, later])
    with psycopg.connect(database) as other:
        other.execute("SET lock_timeout = '50ms'")
        other.execute(PROMISE, ["y", 1, later])
        app.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(errors.LockNotAvailable):
            other.commit()
        app.commit()
        other.execute(PROMISE, ["y", 1, later])
        with pytest.raises(errors.CheckViolation, match="promised 1 nodes too many"):
            other.commit()


@pytest.mark.parametrize("book", [100, 99])
def test_an_entry_balances_in_its_currency_and_in_the_books(app: Connection, book: int) -> None:
    app.execute(ENTRY, ["x"])
    app.execute(POSTING, ["x", 0, 100, "USD", 100])
    app.execute(POSTING, ["x", 1, -100 if book != 100 else -99, "USD", -book])
    with pytest.raises(errors.CheckViolation, match="entry x does not balance"):
        app.commit()


def test_an_entry_does_not_balance_across_currencies(app: Connection) -> None:
    app.execute(ENTRY, ["x"])
    app.execute(POSTING, ["x", 0, 100, "USD", 100])
    app.execute(POSTING, ["x", 1, -100, "EUR", -100])
    with pytest.raises(errors.CheckViolation, match="entry x does not balance"):
        app.commit()


@pytest.mark.parametrize(
    ("amount", "currency", "book", "in_books"),
    [(100, "USD", 100, "USD"), (100, "CNY", 101, "CNY"), (100, "USD", 714, "EUR")],
)
def test_books_are_kept_in_the_currency_of_their_entity(
    app: Connection, amount: int, currency: str, book: int, in_books: str
) -> None:
    app.execute(ENTRY, ["x"])
    text = POSTING.replace("'CNY'", "%s")
    with pytest.raises(errors.CheckViolation, match="not in the currency of its books"):
        app.execute(text.encode(), ["x", 0, amount, currency, book, in_books])


def test_an_entry_has_postings(app: Connection) -> None:
    app.execute(ENTRY, ["x"])
    with pytest.raises(errors.CheckViolation, match="entry x does not balance"):
        app.commit()


def test_nothing_is_added_to_an_entry_later(app: Connection) -> None:
    with pytest.raises(errors.CheckViolation, match="entry e1 is in the books already"):
        app.execute(POSTING, ["e1", 2, 0, "CNY", 0])


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ("INSERT INTO lease_event SELECT lease, seq, at, at, kind, cause FROM lease_event", "pkey"),
        (LINE_AGAIN, "source"),
        (INVOICE_AGAIN, "cause"),
        ("INSERT INTO entry SELECT * FROM entry", "pkey"),
        ("INSERT INTO close SELECT * FROM close", "pkey"),
    ],
)
def test_what_happens_once_is_written_once(app: Connection, text: str, constraint: str) -> None:
    with pytest.raises(errors.UniqueViolation, match=constraint):
        app.execute(text.encode())


APPEND_ONLY = ["lease_event", "posting"] + [
    fact.table for fact in KINDS.values() if fact.append_only
]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET {} = {}"])
def test_what_is_written_down_stays_for_the_program_and_for_the_owner(
    app: Connection, owner: Connection, table: str, change: str
) -> None:
    column = {"lease_event": "seq", "posting": "place"}.get(table, "id")
    text = change.format(table, column, column).encode()
    with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
        app.execute(text)
    if not (change.startswith("TRUNCATE") and table == "entry"):  # postings refer to it
        with pytest.raises(errors.InsufficientPrivilege, match="only ever added to"):
            owner.execute(text)


# Of these a row of nobody is everybody's.
COMMON = {fact.table for fact in KINDS.values() if fact.common}
CONFINED = ["lease_event", "posting"] + [fact.table for fact in KINDS.values() if fact.customer]


@pytest.mark.parametrize("table", CONFINED)
def test_a_customer_sees_its_own_rows_only(app: Connection, table: str) -> None:
    def seen(customer: str) -> int:
        app.execute("SELECT set_config('rackrate.customer', %s, true)", [customer])
        where = " WHERE customer IS NOT NULL" if table in COMMON else ""
        row = app.execute(f"SELECT count(*) FROM {table}{where}".encode()).fetchone()
        assert row is not None
        return int(row[0])

    everything, acme, bolt, nobody = (seen(who) for who in ("", "acme", "bolt", "nobody"))
    assert everything > nobody == 0 and acme >= 1
    assert acme + bolt <= everything
    if table in ("customer", "project", "lease", "lease_event"):
        assert bolt == 1


def test_the_owner_of_the_tables_is_confined_too(owner: Connection) -> None:
    rows = owner.execute(
        "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    ).fetchall()
    assert sorted(name for (name,) in rows) == sorted(CONFINED)


def test_the_setting_ends_with_the_transaction(app: Connection) -> None:
    app.execute("SELECT set_config('rackrate.customer', 'acme', true)")
    app.commit()
    row = app.execute("SELECT count(*) FROM customer").fetchone()
    assert row == (2,)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO project VALUES ('x', 'bolt', 'mine now')",
        "UPDATE project SET customer = 'bolt' WHERE id = 'acme-lab'",
        "INSERT INTO lease_event VALUES ('lse_bolt', 2, now(), now(), 'ended', '')",
    ],
)
def test_a_customer_writes_its_own_rows_only(app: Connection, text: str) -> None:
    app.execute("SELECT set_config('rackrate.customer', 'acme', true)")
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        app.execute(text.encode())


def test_another_customers_rows_are_not_there_to_be_changed(app: Connection) -> None:
    app.execute("SELECT set_config('rackrate.customer', 'acme', true)")
    for text in ("UPDATE project SET name = ''", "DELETE FROM project"):
        changed = app.execute(f"{text} WHERE customer = 'bolt'".encode())
        assert changed.rowcount == 0


def test_the_program_cannot_switch_guards_off(app: Connection) -> None:
    for text in (
        "ALTER TABLE claim DROP CONSTRAINT never_sold_twice",
        "ALTER TABLE lease DISABLE ROW LEVEL SECURITY",
        "SET session_replication_role = replica",
        "DELETE FROM schema_version",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            app.execute(text.encode())
        app.rollback()
    app.execute("SET row_security = off")
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        app.execute("SELECT * FROM lease")


def test_a_guard_that_holds_is_a_mistake_of_ours_and_undoes_everything(
    store: PostgresStore,
) -> None:
    """The core is told that nothing is there, and the database knows better."""

    def oversell() -> None:
        with store.transaction() as tx:
            fleet = tx.fleet(GROUND[1].id)
            tx.add(claim("x", "node-2", all_slots(8), Span(NOON)), entry("e9", 1))
            fleet.free("x", NOON)
            tx.add(claim("y", "node-2", all_slots(1), Span(NOON)))

    def overpromise() -> None:
        with store.transaction() as tx:
            tx.add(promise("x", 2, Interval(NOON, NOON + DAY)), entry("e9", 1))

    for act, constraint in ((oversell, "never_sold_twice"), (overpromise, "promised")):
        with pytest.raises(AssertionError, match=constraint):
            act()
    with store.transaction() as tx:
        assert tx.fleet(GROUND[1].id).free_slots()["node-2"] == 8  # type: ignore[index]
        assert [row.id for row in tx.find(type(entry("", 0)))] == ["e1", "e2"]
