"""What the database itself guards of documents: who was named, and what a channel answered."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rackrate.core.digital import DigitalInvoice
from rackrate.core.ids import CustomerId
from rackrate.core.parties import InvoiceParties
from rackrate.db.store import PostgresStore
from tests.contract.stores import ACME, BOLT, GROUND, MORE


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    with PostgresStore(database) as store:
        with store.transaction() as tx:
            tx.add(*GROUND)
            tx.add(*(row for row in MORE if row.id != "c1"))
        yield store


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE invoice_parties SET buyer = '{}'", psycopg.errors.InsufficientPrivilege),
        ("DELETE FROM invoice_parties", psycopg.errors.InsufficientPrivilege),
        ("UPDATE digital_invoice SET colour = 'green'", psycopg.errors.CheckViolation),
        (
            "UPDATE digital_invoice SET red_of = '' WHERE colour = 'red'",
            psycopg.errors.CheckViolation,
        ),
        (
            "UPDATE digital_invoice SET number = '' WHERE colour = 'red'",
            psycopg.errors.CheckViolation,
        ),
        (
            "UPDATE digital_invoice SET number = 'S-2', issued = now() WHERE colour = 'blue'",
            psycopg.errors.UniqueViolation,
        ),
    ],
)
def test_what_a_document_rests_on_cannot_be_written_wrong(
    store: PostgresStore, database: str, statement: str, error: type[Exception]
) -> None:
    with psycopg.connect(database) as connection, pytest.raises(error):
        connection.execute(statement.encode())


@pytest.mark.parametrize(("whose", "seen"), [(ACME, 3), (BOLT, 0)])
def test_a_customer_sees_its_own(store: PostgresStore, whose: CustomerId, seen: int) -> None:
    with store.transaction() as tx:
        tx.confine(whose)
        found: list[Any] = [*tx.find(DigitalInvoice), *tx.find(InvoiceParties)]
    assert len(found) == seen
