"""What cannot be done with a wallet: refused with its reason, and nothing is changed."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from rackrate.app import payments, wallets
from rackrate.app.wallets import NewWallet, TopUp
from rackrate.core.errors import RackrateError
from rackrate.core.ids import CustomerId
from rackrate.core.ledger import Entry
from rackrate.core.money import Money
from rackrate.core.outbox import Notification
from rackrate.core.wallet import Wallet
from tests.app.money_shop import ROBOTICS, Shop, cny, open_shop
from tests.app.test_wallets import HOUR, open_wallet, start, top_up


@pytest.fixture
def shop() -> Shop:
    found = open_shop()
    open_wallet(found.built)
    return found


def in_dollars(shop: Shop) -> object:
    new = NewWallet(ROBOTICS, Money.parse("1", "USD"))
    return wallets.set_wallet(shop.built.world, shop.mei, new)


def low(amount: int) -> Callable[[Shop], object]:
    new = NewWallet(ROBOTICS, Money(amount, "CNY"))
    return lambda shop: wallets.set_wallet(shop.built.world, shop.mei, new)


def terms(grace: float, kept: int) -> Callable[[Shop], object]:
    new = NewWallet(ROBOTICS, cny("1"), grace * HOUR, timedelta(days=kept))
    return lambda shop: wallets.set_wallet(shop.built.world, shop.mei, new)


def topping(fen: int, currency: str = "CNY", reference: str = "x") -> Callable[[Shop], object]:
    came = TopUp(ROBOTICS, Money(fen, currency), reference)
    return lambda shop: wallets.top_up(shop.built.world, shop.mei, came)


def of(customer: str) -> Callable[[Shop], object]:
    came = TopUp(CustomerId(customer), cny("1"), "x")
    return lambda shop: wallets.top_up(shop.built.world, shop.mei, came)


def closing(reference: str = "out") -> Callable[[Shop], object]:
    return lambda shop: wallets.close(shop.built.world, shop.mei, ROBOTICS, reference)


def too_much_back(shop: Shop) -> object:
    return payments.pay_back(shop.built.world, shop.mei, "pay_000001", cny("30.01"), "out")


def later(shop: Shop) -> object:
    at = shop.built.clock.now() + HOUR
    return wallets.top_up(shop.built.world, shop.mei, TopUp(ROBOTICS, cny("1"), "x", at))


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (in_dollars, "low: robotics pays in CNY"),
        (low(-1), "low is 0 to"),
        (low(10**16), "low is 0 to"),
        (terms(-1, 1), "a grace is 0 to 31 days"),
        (terms(24 * 32, 1), "a grace is 0 to 31 days"),
        (terms(1, 367), "storage is kept for 0 to 366 days"),
        (terms(1, -1), "storage is kept for 0 to 366 days"),
        (topping(0), "is not positive"),
        (topping(-500), "is not positive"),
        (topping(10**17), "is more than 1,000,000,000,000"),
        (topping(100, "USD"), "pays in CNY, not in USD"),
        (topping(100, reference=""), "one line of 1 to 200"),
        (topping(100, reference="a\nb"), "one line of 1 to 200"),
        (topping(500, reference="wire"), "was 30.00 CNY"),
        (of("nobody"), "no customer 'nobody'"),
        (of("studio"), "studio has no wallet"),
        (later, "is to come"),
        (too_much_back, "30.00 CNY of pay_000001 is not used yet"),
        (closing(), "pays for lse_000001"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason_and_changes_nothing(
    shop: Shop, act: Callable[[Shop], object], said: str
) -> None:
    top_up(shop.built, "30.00")
    start(shop.built)
    before = rows(shop)
    with pytest.raises(RackrateError) as refused:
        act(shop)
    assert said in refused.value.detail
    assert rows(shop) == before


def rows(shop: Shop) -> list[object]:
    with shop.built.world.store.transaction() as tx:
        return [*tx.find(Wallet), *tx.find(Entry), *tx.find(Notification)]
