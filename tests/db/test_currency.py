"""Books of another currency on PostgreSQL: the same to the fen, and one after the other."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from rackrate.app import books, payments
from rackrate.app.payments import Received
from rackrate.app.world import World
from rackrate.core.ledger import Account
from rackrate.db.store import PostgresStore
from tests.app.currency_shop import FIRST, HARBOUR, SELLER, open_quay, usd
from tests.golden.test_another_currency import GOLDEN, tell


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    with PostgresStore(database) as store:
        yield store


def test_the_story_of_another_currency_is_the_same_on_postgresql(store: PostgresStore) -> None:
    assert tell(open_quay(store)) == GOLDEN.read_text()


def test_payments_at_once_leave_nothing_in_the_books_of_what_is_settled(
    database: str, store: PostgresStore
) -> None:
    quay = open_quay(store)
    quay.rate("7.1", FIRST)
    for amount in ("10.01", "20.02", "30.03"):
        quay.invoice(amount)
    quay.built.clock.advance(timedelta(hours=1))
    quay.rate("7.3")

    def pay(number: int, amount: str) -> None:
        with PostgresStore(database) as own:
            world = World(own, quay.built.world.engines, quay.built.clock, quay.built.ids)
            payments.receive(world, quay.mei, Received(HARBOUR, usd(amount), f"wire {number}"))

    parts = enumerate(("15.92", "15.92", "15.91", "15.91"))
    threads = [threading.Thread(target=pay, args=part) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {b.account: b for b in books.balances(quay.built.world, quay.built.admin, SELLER)}
    owed = found[Account.RECEIVABLE]
    assert (owed.amount.minor, owed.book.minor) == (0, 0)
    # 75.33 + 150.66 + 225.99 were owed; 2 x 116.22 + 2 x 116.14 came in.
    assert str(found[Account.EXCHANGE].book.amount) == "-12.74"
