"""Receivables on PostgreSQL: as in memory, guarded by the database, and whole after a crash."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import psycopg
import pytest

from rackrate.app import billing, books, drafts, payments, voiding
from rackrate.app.amending import End
from rackrate.app.ports import Store
from rackrate.app.rows import Close
from rackrate.app.world import World
from rackrate.core.errors import Refused, Unavailable
from rackrate.core.invoice import Invoice, InvoiceKind, InvoiceLine
from rackrate.core.ledger import Account, Entry
from rackrate.core.payment import Allocation, Payment
from rackrate.db.schema import FOLDER, migrate
from rackrate.db.store import PostgresStore
from rackrate.memory import MemoryStore
from tests.app.money_shop import NOVEMBER, ROBOTICS, SELLER, SHANGHAI, STUDIO, Shop, cny, open_shop
from tests.app.test_credits_and_changes import MONTHLY, change, everything, signed
from tests.build import SetClock

END = NOVEMBER.interval(SHANGHAI).end


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    with PostgresStore(database) as store:
        yield store


def story(shop: Shop) -> dict[str, Any]:
    """A month with everything, and what is left of it."""
    shop.lease(10)
    draft = shop.write(("Set-up", "100.00"), ("A discount", "-10.00"))
    drafts.approve(shop.built.world, shop.li, draft.id)
    (month,) = shop.close()
    fresh, paid = shop.invoice("10.00"), shop.invoice("20.00")
    voiding.void_invoice(shop.built.world, shop.mei, fresh.id, "to another company", again=True)
    held = shop.receive("100.00", "wire", paid.id, keep=True)
    payments.release(shop.built.world, shop.mei, held.payment.id)
    payments.allocate(shop.built.world, shop.mei, held.payment.id, [(month.id, cny("50.00"))])
    payments.pay_back(shop.built.world, shop.mei, held.payment.id, cny("7.00"), "out")
    shop.credit(month.id, "170.00")
    return {
        "invoices": billing.find(shop.built.world, shop.mei),
        "payments": payments.find(shop.built.world, shop.mei),
        "drafts": drafts.find(shop.built.world, shop.mei),
        "balances": books.balances(shop.built.world, shop.built.admin, SELLER),
        "agrees": shop.agrees(),
    }


def test_a_month_with_everything_is_the_same_in_memory_and_in_postgresql(
    store: PostgresStore,
) -> None:
    found = story(open_shop(store=store))
    assert found["agrees"] and found == story(open_shop(store=MemoryStore()))


def credited_and_ended(store: Store) -> dict[str, Any]:
    """December's instalment is credited in part, and then its contract ends with its first days."""
    shop = signed(MONTHLY, store=store)
    (month,) = shop.close()
    shop.credit(month.id, "600.00")
    change(shop, End(shop.built.clock.instant + timedelta(days=2)))
    sums = [(each.id, each.net, [line.source for line in of]) for each, of in everything(shop)]
    return {"sums": sums, "agrees": shop.agrees()}


def test_what_was_credited_is_seen_by_a_later_change_in_both_stores(store: PostgresStore) -> None:
    found = credited_and_ended(store)
    assert any("credited/k1/1/2026-12/1" in sources for _, _, sources in found["sums"])
    assert found["agrees"] and found == credited_and_ended(MemoryStore())


def test_two_who_close_at_once_make_one_close(database: str, store: PostgresStore) -> None:
    shop = open_shop(store=store)
    shop.lease(1)
    shop.lease(1, "studio-render")
    shop.built.clock.instant = END
    closed: list[tuple[Invoice, ...]] = []

    def close() -> None:
        with PostgresStore(database) as own:
            world = World(own, {}, shop.built.clock, shop.built.ids)
            closed.append(billing.close(world, shop.mei, SELLER, NOVEMBER))

    threads = [threading.Thread(target=close) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, *others = closed
    assert [one.id for one in first] == ["EX-2026-000001", "EX-2026-000002"]
    assert others == [first, first]


@dataclass(slots=True)
class Deadly(SetClock):
    """A clock that kills every other connection to the database when it is read the n-th time."""

    dsn: str = ""
    left: int = 0

    def now(self) -> datetime:
        self.left -= 1
        if self.left == 0:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        return self.instant


def test_a_crash_in_the_middle_of_a_close_leaves_nothing_of_it(
    database: str, store: PostgresStore
) -> None:
    shop = open_shop(store=store)
    shop.lease(1)
    shop.lease(2, "studio-render")
    draft = shop.write(("Set-up", "5.00"))
    drafts.approve(shop.built.world, shop.li, draft.id)

    def kept() -> tuple[int, ...]:
        with store.transaction() as tx:
            kinds: tuple[type, ...] = (Invoice, InvoiceLine, Close, Entry)
            return tuple(len(tx.find(kind)) for kind in kinds)

    reads = 0
    while True:
        reads += 1
        clock = Deadly(END, database, reads)
        world = World(store, {}, clock, shop.built.ids)
        try:
            invoices = billing.close(world, shop.mei, SELLER, NOVEMBER)
        except Unavailable:
            assert kept() == (0, 0, 0, 0)
            assert drafts.show(shop.built.world, shop.mei, draft.id).issued is None
            continue
        break
    assert reads > 4  # It died at each of the places at which it can.
    assert [one.id for one in invoices] == ["EX-2026-000001", "EX-2026-000002"]
    assert kept()[:3] == (2, 3, 1) and shop.agrees()


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that only SQL around the core could write."""

    text: str
    said: str


WRONG = (
    Wrong("UPDATE invoice SET paid = gross + 1 WHERE kind = 'invoice'", "never_settled_beyond"),
    Wrong("UPDATE invoice SET paid = -1 WHERE kind = 'invoice'", "never_settled_beyond"),
    Wrong("UPDATE invoice SET paid = gross - 1 WHERE gross < 0", "never_settled_beyond"),
    Wrong("UPDATE invoice SET kind = 'invoice' WHERE gross < 0", "credit_notes_are_negative"),
    Wrong("UPDATE invoice SET voided = now() WHERE paid > 0", "void_was_never_paid"),
    Wrong("UPDATE draft SET approver = author, approved = now()", "two_people"),
    Wrong("INSERT INTO entry VALUES ('x', 'example', '2026-11-30 15:59:59Z', '')", "2026-11"),
    Wrong("DELETE FROM allocation", "permission denied"),
)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.said)
def test_the_database_refuses_by_itself_what_the_core_never_does(
    database: str, store: PostgresStore, wrong: Wrong
) -> None:
    shop = open_shop(store=store)
    shop.built.clock.instant = END
    shop.close()
    invoice = shop.invoice("10.00")
    shop.credit(invoice.id, "1.00")
    shop.receive("5.00", "wire")
    with psycopg.connect(database) as connection:
        connection.execute("SET ROLE rackrate_app")
        with pytest.raises(psycopg.Error, match=wrong.said):
            connection.execute(wrong.text.encode())


def test_two_who_pay_the_rest_at_once_do_not_both_succeed(store: PostgresStore) -> None:
    shop = open_shop(store=store)
    invoice = shop.invoice("10.00")
    done: list[str] = []

    def pay(reference: str) -> None:
        try:
            billing.settle(shop.built.world, shop.mei, invoice.id, cny("10.60"), reference)
            done.append("paid")
        except Refused as refused:
            done.append(refused.reason)

    threads = [threading.Thread(target=pay, args=(f"wire {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["already_paid"] * 3 + ["paid"]
    assert shop.balance(Account.BANK, ROBOTICS) == "10.60"
    assert shop.balance(Account.BANK, STUDIO) == "0.00"


BEFORE = """
INSERT INTO entity VALUES ('s', 'S', 'CN', '', 'UTC', 'CNY', 'EX', 'none', 30);
INSERT INTO customer VALUES
    ('c', 's', 'C', 'CN', '', 'UTC', 'CNY', '', false, '', '', '[]', false, false);
INSERT INTO invoice VALUES
    ('EX-1', 's', 'c', '1', '2026-10', '2026-11-01', '2026-12-01', 'none', 100, 'CNY', 0, 'CNY',
     100, 'CNY', 30, 'CNY'),
    ('EX-2', 's', 'c', '2', '2026-10', '2026-11-01', '2026-12-01', 'none', -40, 'CNY', 0, 'CNY',
     -40, 'CNY', 0, 'CNY');
INSERT INTO payment VALUES ('EX-1/wire', 'EX-1', 'c', '2026-11-02', 30, 'CNY', 'wire');
"""


def test_what_was_paid_before_there_were_allocations_is_allocated(
    empty_database: str, tmp_path: Path
) -> None:
    older = Path(copytree(FOLDER, tmp_path / "schema"))
    for step in older.glob("00[1-9][0-9]-*.sql"):
        step.unlink()
    (older / "grants.sql").write_text("SELECT 1")
    migrate(empty_database, older)
    with psycopg.connect(empty_database) as connection:
        connection.execute(BEFORE.encode())
    migrate(empty_database)
    with PostgresStore(empty_database) as store, store.transaction() as tx:
        (payment,), (used,) = tx.find(Payment), tx.find(Allocation)
        assert (payment.key, payment.amount) == ("EX-1/wire", cny("0.30"))
        assert (used.source, used.invoice, used.amount) == (payment.id, "EX-1", cny("0.30"))
        paid, credit = tx.find(Invoice)
        assert (paid.open, credit.open) == (cny("0.70"), cny("-0.40"))
        assert (paid.kind, credit.kind) == (InvoiceKind.INVOICE, InvoiceKind.CREDIT_NOTE)
