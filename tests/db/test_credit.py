"""Credit limits and budgets on PostgreSQL: counted one after the other, and each customer's own."""

import threading
from collections.abc import Iterator

import pytest

from rackrate.app import budgets, credit, leasing
from rackrate.app.budgets import NewBudget
from rackrate.app.leasing import Ask
from rackrate.app.world import World
from rackrate.core.budget import Budget
from rackrate.core.credit import CreditTally
from rackrate.core.errors import RackrateError, Reason
from rackrate.core.ids import ProjectId, SkuId
from rackrate.db.store import PostgresStore
from tests.app.money_shop import ROBOTICS, STUDIO, cny, open_shop

TRAIN, GPU = ProjectId("robotics-train"), SkuId("h100.1")


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    with PostgresStore(database) as store:
        yield store


def test_of_starts_at_once_only_those_pass_that_the_limit_holds_together(
    database: str, store: PostgresStore
) -> None:
    built = open_shop(store=store).built
    credit.set_limit(built.world, built.admin, ROBOTICS, cny("40.00"))
    answers: list[str] = []

    def start() -> None:
        with PostgresStore(database) as own:
            world = World(own, built.world.engines, built.clock, built.ids)
            try:
                answers.append(leasing.start(world, built.admin, Ask(TRAIN, GPU)).phase)
            except RackrateError as error:
                answers.append(error.reason)

    threads = [threading.Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [Reason.CREDIT_LIMIT] * 3 + ["queued"] * 2
    with store.transaction() as tx:
        assert tx.get(CreditTally, ROBOTICS).hourly == cny("36.04")


def test_a_customer_sees_no_budget_and_no_tally_of_another(store: PostgresStore) -> None:
    built = open_shop(store=store).built
    credit.set_limit(built.world, built.admin, ROBOTICS, cny("40.00"))
    leasing.start(built.world, built.admin, Ask(TRAIN, GPU))
    for whose in (ROBOTICS, STUDIO):
        budgets.set_budget(built.world, built.admin, NewBudget(whose, None, cny("10.00")))
    with store.transaction() as tx:
        tx.confine(STUDIO)
        assert [each.id for each in tx.find(Budget)] == ["studio"]
        assert tx.find(CreditTally) == [] and tx.peek(Budget, "robotics") is None
