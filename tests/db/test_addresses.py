"""An address is one project's at a time, whatever the program above believes."""

from dataclasses import replace

import pytest

from rackrate.app import addresses, readings
from rackrate.app.readings import Told
from rackrate.core.errors import Reason
from rackrate.core.ids import ProjectId, SiteId
from rackrate.core.interval import Interval, Span
from rackrate.core.reading import Item
from rackrate.db.failures import GuardHeld
from rackrate.db.store import PostgresStore
from tests.app.money_shop import FIRST, open_shop
from tests.contract.metered_rows import HELD, HOUR, NOON, POOL, RESTS
from tests.contract.stores import GROUND, lease
from tests.db.test_credit import at_once

TRAIN, EAST = ProjectId("robotics-train"), SiteId("east")
PUBLIC = """
kind: address_pool
name: east-public
site: east
ranges: [192.0.2.0/30]
"""


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


def test_of_projects_that_ask_at_once_each_gets_its_own_and_the_rest_are_refused(
    database: str,
) -> None:
    """A meter that tells the same twice at once has told it once."""
    with PostgresStore(database) as store:
        built = open_shop(FIRST, store, PUBLIC).built
        new = addresses.NewAddress(TRAIN, EAST)
        given = at_once(
            built, database, 6, lambda world: addresses.reserve(world, built.admin, new).address
        )
        taken = [f"192.0.2.{n}" for n in range(4)]
        assert sorted(given) == [*taken, *[Reason.NO_CAPACITY] * 2]
        said = [Told("r1", Item.EGRESS, 1, Interval(FIRST - HOUR, FIRST), TRAIN, None, EAST)]
        told = at_once(
            built,
            database,
            4,
            lambda world: str(readings.record(world, built.admin, "edge", said).added),
        )
        assert sorted(told) == ["0", "0", "0", "1"]
