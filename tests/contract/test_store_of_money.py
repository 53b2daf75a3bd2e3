"""What billing asks of a store: what was learnt late, and whose prices are whose."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from rackrate.app.ports import Store
from rackrate.core.ids import CustomerId, EntryId
from rackrate.core.lease import EventKind, LeaseEvent
from rackrate.core.ledger import Account, Entry, Posting
from rackrate.core.money import Money
from rackrate.core.pricing import Price
from tests.contract.stores import ACME, BOLT, ENTITY, GROUND, HOUR, MORE, NOON, STORES, lease


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with STORES[request.param](request) as store:
        with store.transaction() as tx:
            tx.add(*GROUND)
        yield store


def test_what_was_learnt_late_is_found_by_when_it_was_written_down(store: Store) -> None:
    """Leases with an event that was recorded since then and is of a time before that."""
    ended = EventKind.ENDED
    with store.transaction() as tx:
        for name, owner, at, recorded in (
            ("early", ACME, 1, 1),
            ("late", ACME, 1, 5),
            ("new", ACME, 5, 5),
            ("other", BOLT, 1, 5),
        ):
            row, first = lease(f"lse_{name}", owner, at=NOON)
            event = LeaseEvent(row.id, 2, NOON + at * HOUR, NOON + recorded * HOUR, ended)
            tx.record(replace(row, seq=2), first, event)
    with store.transaction() as tx:
        since, before = NOON + 4 * HOUR, NOON + 3 * HOUR
        assert [row.id for row in tx.learnt([ACME], since, before)] == ["lse_late"]
        assert len(tx.learnt([ACME, BOLT], since, before)) == 2
        assert len(tx.learnt([ACME], NOON, before)) == 3
        assert tx.learnt([], NOON, before) == []
        tx.confine(BOLT)
        assert [row.id for row in tx.learnt([ACME, BOLT], since, before)] == ["lse_other"]


def test_a_customer_sees_the_list_and_its_own_prices_and_writes_neither(store: Store) -> None:
    prices = [row for row in MORE if isinstance(row, Price)]
    with store.transaction() as tx:
        tx.add(*prices)
        tx.confine(BOLT)
        assert [price.id for price in tx.find(Price)] == ["by-index", "p1", "p3"]
        assert tx.peek(Price, "p2") is None
    with pytest.raises(AssertionError):
        _written_by(store, BOLT, replace(prices[0], basis="mine"))


def test_what_is_in_another_currency_is_summed_beside_the_books(store: Store) -> None:
    def moved(id: str, whose: CustomerId, amount: int, book: int, currency: str = "USD") -> Entry:
        first = Posting(Account.RECEIVABLE, Money(amount, currency), Money(book, "CNY"), whose)
        second = replace(first, account=Account.BANK, amount=-first.amount, book=-first.book)
        return Entry(EntryId(id), ENTITY, NOON + amount * HOUR, "", (first, second))

    with store.transaction() as tx:
        tx.add(moved("a", ACME, 1, 7), moved("b", ACME, 5, 36), moved("c", BOLT, 2, 14))
        tx.add(moved("d", ACME, 3, 3, "CNY"), moved("e", ACME, 0, -2))

    def found(until: datetime | None, whose: CustomerId | None) -> list[tuple[str, int, int]]:
        with store.transaction() as tx:
            rows = tx.foreign_balances(ENTITY, until, whose)
        owed = [each for each in rows if each.account is Account.RECEIVABLE]
        return [(str(each.customer), each.amount.minor, each.book.minor) for each in owed]

    assert found(None, None) == [("acme", 6, 41), ("bolt", 2, 14)]
    assert found(NOON + 5 * HOUR, ACME) == [("acme", 1, 5)]
    assert found(NOON, None) == []


def _written_by(store: Store, customer: CustomerId, row: object) -> None:
    with store.transaction() as tx:
        tx.confine(customer)
        tx.put(row)
