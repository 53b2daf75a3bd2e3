"""An address is one project's at a time, whatever the program above believes."""

from dataclasses import replace

import pytest

from rackrate.core.interval import Span
from rackrate.db.failures import GuardHeld
from rackrate.db.store import PostgresStore
from tests.contract.metered_rows import HELD, HOUR, NOON, POOL, RESTS
from tests.contract.stores import GROUND, lease


def test_an_address_is_not_given_to_two_nor_while_it_rests(database: str) -> None:
    with PostgresStore(database) as store:
        with store.transaction() as tx:
            tx.add(*GROUND, POOL)
            tx.record(*lease("lse_1"))
            tx.add(HELD, RESTS)
        for other in (
            replace(RESTS, id="adr_3", address=HELD.address),
            replace(RESTS, id="adr_4", during=Span(NOON + HOUR), rests=None),
        ):
            with pytest.raises(GuardHeld, match="held_once"), store.transaction() as tx:
                tx.add(other)
        again = replace(RESTS, id="adr_5", during=Span(NOON + 2 * HOUR), rests=None)
        with store.transaction() as tx:
            tx.add(again)
        with store.transaction() as tx:
            assert [row.id for row in tx.find(type(again), pool=POOL.id)] == [
                "adr_1", "adr_2", "adr_5",
            ]  # fmt: skip
