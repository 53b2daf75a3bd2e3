"""Orders on PostgreSQL: the same story as in memory, and two who decide at once."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from rackrate.app import breaches, procurement
from rackrate.app.procurement import Part
from rackrate.core.breach import Breach
from rackrate.core.contract import Contract
from rackrate.core.errors import RackrateError, Refused
from rackrate.core.interval import Interval
from rackrate.core.inventory import NodeState
from rackrate.core.money import Money
from rackrate.core.purchase import PurchaseOrder
from rackrate.db.store import PostgresStore
from tests.app.ordering import PO, broken, day, look, order, rows, sign, slip
from tests.build import CUSTOMERS, SMALL, Built, build


@pytest.fixture
def built(database: str) -> Iterator[Built]:
    with PostgresStore(database) as store:
        made = build(SMALL, CUSTOMERS, store=store)
        procurement.place(made.world, made.admin, order())
        yield made


def test_a_late_order_is_told_written_down_and_mended_as_in_memory(built: Built) -> None:
    sign(built, "big", 6, day(3), day(3, year=2028))
    asked = slip(built, 1, day(6), dry_run=True)
    assert rows(built, Breach) == []
    told = slip(built, 1, day(6)).told
    assert broken(told) == broken(asked.told) == [("big", 2, day(3), day(4))]
    (row,) = rows(built, Breach)
    assert (row.holder, row.nodes, row.mended) == ("big", 2, None)
    (shown,) = breaches.show(built.world, built.admin)
    assert shown.row == row
    procurement.advance(built.world, built.admin, PO, Part(1), NodeState.IN_SERVICE)
    assert rows(built, Breach)[0].mended == built.clock.now()


def test_a_day_that_passes_is_found_once_by_the_next_look(built: Built) -> None:
    sign(built, "big", 6, day(5), day(5, year=2028))
    built.clock.instant = day(2)
    assert [row.holder for row in look(built)] == ["big"]
    assert look(built) == ()
    with pytest.raises(Refused):
        sign(built, "more", 3, day(6), day(7))


def test_a_slip_and_a_signature_at_once_leave_no_promise_broken_in_silence(built: Built) -> None:
    """Whoever is second knows what the first has done: the signature is refused, or told short."""
    built.clock.advance(timedelta(seconds=1))
    refused: list[RackrateError] = []

    def signing() -> None:
        try:
            sign(built, "big", 8, day(4), day(4, year=2028))
        except RackrateError as error:
            refused.append(error)

    threads = [
        threading.Thread(target=signing),
        threading.Thread(target=lambda: slip(built, 1, day(9))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(built, PurchaseOrder)[0].batch(1).expected == day(9)
    signed, written = rows(built, Contract), rows(built, Breach)
    assert bool(signed) != bool(refused)
    assert [row.holder for row in written] == [contract.id for contract in signed]


def test_what_is_leased_back_is_guarded_by_the_database_too(built: Built) -> None:
    during = Interval(day(5), day(9))
    procurement.lease_back(built.world, built.admin, PO, 6, during, Money(0, "CNY"))
    with pytest.raises(Refused):
        procurement.lease_back(built.world, built.admin, PO, 1, during, Money(0, "CNY"))
