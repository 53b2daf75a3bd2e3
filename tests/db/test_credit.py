"""Credit limits, budgets and wallets on PostgreSQL: one after the other, each customer's own."""

import threading
from collections.abc import Callable, Iterator

import pytest

from rackrate.app import budgets, credit, leasing, loops, payments, wallets
from rackrate.app.budgets import NewBudget
from rackrate.app.leasing import Ask
from rackrate.app.wallets import NewWallet, TopUp
from rackrate.app.world import World
from rackrate.core.access import Role
from rackrate.core.budget import Budget
from rackrate.core.credit import CreditTally
from rackrate.core.errors import RackrateError, Reason
from rackrate.core.ids import ProjectId, SkuId
from rackrate.core.ledger import Account
from rackrate.core.wallet import Wallet
from rackrate.db.store import PostgresStore
from tests.app.money_shop import NOVEMBER, ROBOTICS, STUDIO, Shop, cny, open_shop
from tests.build import Built

TRAIN, GPU = ProjectId("robotics-train"), SkuId("h100.1")


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    with PostgresStore(database) as store:
        yield store


def at_once(built: Built, database: str, count: int, act: Callable[[World], str]) -> list[str]:
    """What so many get that do the same at the same time, each with a store of its own."""
    answers: list[str] = []

    def run() -> None:
        with PostgresStore(database) as own:
            try:
                answers.append(act(World(own, built.world.engines, built.clock, built.ids)))
            except RackrateError as error:
                answers.append(error.reason)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_starts_at_once_only_those_pass_that_the_limit_holds_together(
    database: str, store: PostgresStore
) -> None:
    built = open_shop(store=store).built
    credit.set_limit(built.world, built.admin, ROBOTICS, cny("40.00"))
    answers = at_once(
        built, database, 5, lambda world: leasing.start(world, built.admin, Ask(TRAIN, GPU)).phase
    )
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


def test_of_two_closes_and_top_ups_at_once_each_is_done_once(
    database: str, store: PostgresStore
) -> None:
    shop = open_shop(store=store)
    built, world = shop.built, shop.built.world
    wallets.set_wallet(world, shop.mei, NewWallet(ROBOTICS, cny("10.00")))

    def top_up(world: World) -> str:
        came = TopUp(ROBOTICS, cny("70.00"), "wire")
        return str(wallets.top_up(world, shop.mei, came).balance.left)

    assert at_once(built, database, 4, top_up) == ["70.00 CNY"] * 4
    leader = loops.lead(world, "test")
    assert leader is not None

    def close(world: World) -> str:
        loops.provision(world, leader)
        return wallets.close(world, shop.mei, ROBOTICS, "out").wallet.id

    assert sorted(at_once(built, database, 3, close)) == ["robotics", *[Reason.WRONG_STATE] * 2]
    assert (shop.balance(Account.UNAPPLIED), shop.balance(Account.BANK)) == ("0.00", "0.00")
    with store.transaction() as tx:
        tx.confine(STUDIO)
        assert tx.find(Wallet) == [] and tx.peek(Wallet, "robotics") is None


def test_a_month_s_close_pays_from_the_wallet_or_does_nothing(store: PostgresStore) -> None:
    shop = open_shop(store=store)
    world = shop.built.world
    wallets.set_wallet(world, shop.mei, NewWallet(ROBOTICS, cny("10.00")))
    wallets.top_up(world, shop.mei, TopUp(ROBOTICS, cny("70.00"), "wire"))
    shop.lease(3)
    shop.built.clock.instant = NOVEMBER.interval("Asia/Shanghai").end
    with pytest.raises(ZeroDivisionError):
        _closed_and_lost(shop, store)
    assert wallets.show(world, shop.mei, ROBOTICS).balance.held == cny("70.00")
    (invoice,) = shop.close()
    assert (invoice.paid, invoice.open) == (cny("54.06"), cny("0.00"))
    (allocation,) = payments.find(world, shop.mei, ROBOTICS)[0].allocations
    assert (allocation.invoice, allocation.amount) == (invoice.id, cny("54.06"))
    owner = shop.built.actor("owner@robotics.example", Role.OWNER, ROBOTICS)
    seen = wallets.show(world, owner, ROBOTICS)
    assert seen == wallets.show(world, shop.mei, ROBOTICS)
    assert seen.balance.held == cny("15.94") and shop.agrees()
    moved = wallets.movements(world, owner, ROBOTICS)
    assert [str(each.amount) for each in moved] == ["70.00 CNY", "-54.06 CNY"]


def _closed_and_lost(shop: Shop, store: PostgresStore) -> None:
    """A close whose transaction dies at its very end."""
    with store.transaction():
        shop.close()
        raise ZeroDivisionError
