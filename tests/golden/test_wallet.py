"""A customer that pays ahead, in prose: told low, told empty, stopped, kept, and back again.

UPDATE_GOLDEN=1 writes the file anew; the difference is what is to be read.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from rackrate.app import leasing, wallets
from rackrate.app.leasing import Ask
from rackrate.app.wallets import NewWallet, TopUp
from rackrate.core.ids import ProjectId, SkuId
from rackrate.core.interval import Month
from rackrate.core.lease import Lease, Phase
from rackrate.core.ledger import Account
from rackrate.core.workload import Mount, Spec
from tests.app.money_shop import ROBOTICS, Shop, cny, open_shop
from tests.golden.telling import done, settled, subjects

GOLDEN = Path(__file__).with_name("wallet.txt")
TRAIN, GPU = ProjectId("robotics-train"), SkuId("h100.1")
# 1,000 GB at 0.60 a month of 720 hours: 0.83 an hour, 0.88 with tax.
STORAGE = """kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
month_hours: 720
per_gb_month: 0.60
"""
Told = tuple[str, Callable[[Shop], object]]


def start(shop: Shop, count: int = 1) -> object:
    spec = Spec(volumes=(Mount("data", "/data", 1000),))
    return leasing.start(shop.built.world, shop.built.admin, Ask(TRAIN, GPU, count, spec=spec))


def leases(shop: Shop) -> list[Lease]:
    return leasing.find(shop.built.world, shop.built.admin, leasing.Filter())


def again(shop: Shop) -> object:
    stopped = next(each for each in leases(shop) if each.phase is Phase.STOPPED)
    return leasing.resume(shop.built.world, shop.built.admin, stopped.id)


def end(shop: Shop) -> object:
    live = next(each for each in leases(shop) if each.phase is not Phase.ENDED)
    return leasing.end(shop.built.world, shop.built.admin, live.id)


def open_wallet(shop: Shop) -> object:
    new = NewWallet(ROBOTICS, cny("100"), timedelta(hours=24), timedelta(days=30))
    return wallets.set_wallet(shop.built.world, shop.mei, new)


def top_up(shop: Shop, amount: str, reference: str) -> object:
    return wallets.top_up(shop.built.world, shop.mei, TopUp(ROBOTICS, cny(amount), reference))


def close(shop: Shop) -> object:
    return wallets.close(shop.built.world, shop.mei, ROBOTICS, "goodbye")


def hours(shop: Shop, count: float) -> None:
    """An hour after the other, or in a long time six, as the loops go on."""
    step = 1 if count < 48 else 6
    for _ in range(int(count) // step):
        shop.built.clock.advance(timedelta(hours=step))
        settled(shop)


STORY: tuple[Told, ...] = (
    ("Robotics pays ahead, and wants to be told below 100.00.", open_wallet),
    ("It starts a GPU without having paid anything.", start),
    ("It pays 300.00 in.", lambda s: top_up(s, "300.00", "wire 1")),
    ("It starts a GPU with a volume of 1,000 GB, at 18.02 and 0.88 an hour with tax.", start),
    ("Ten hours later nothing is told.", lambda s: hours(s, 10)),
    ("An hour later less than 100.00 is left.", lambda s: hours(s, 1)),
    ("Five hours later it is empty: what runs has a day.", lambda s: hours(s, 5)),
    ("It wants a second GPU.", start),
    (
        "Within the day it pays 200.00 in, and the notice is withdrawn.",
        lambda s: top_up(s, "200.00", "wire 2"),
    ),
    ("Twelve hours later that is used up, too.", lambda s: hours(s, 12)),
    ("A day later what runs is stopped. Its volume is kept.", lambda s: hours(s, 24)),
    ("It is started again by hand, without a top-up.", again),
    ("Twenty-seven days later it is said that the volume goes.", lambda s: hours(s, 27 * 24)),
    (
        "It pays 1,500.00 in: what is open is paid, and the rest is held.",
        lambda s: top_up(s, "1500.00", "wire 3"),
    ),
    ("It starts again.", again),
    (
        "November is closed: its invoice is paid from the wallet as it is issued.",
        lambda s: s.close(),
    ),
    ("Robotics wants the rest back while its lease is there.", close),
    ("It ends its lease.", end),
    ("Now the rest goes back, but for what has no invoice yet.", close),
    ("December is closed, and takes just that.", lambda s: s.close(Month(2026, 12))),
)


def tell(shop: Shop, said: str, act: Callable[[Shop], object], known: set[str]) -> list[str]:
    text = done(shop, said, act)
    text += subjects(shop, known, ROBOTICS)
    found = ", ".join(f"{each.id} is {each.phase}" for each in leases(shop)) or "nothing runs"
    balance = wallets.show(shop.built.world, shop.mei, ROBOTICS).balance
    assert f"{-balance.held.amount:f}" == shop.balance(Account.UNAPPLIED, ROBOTICS)
    lasts = "" if balance.lasts is None else f", lasts {balance.lasts // timedelta(hours=1)} h"
    return [*text, f"    held {balance.held}, left {balance.left}{lasts}; {found}"]


def statement(shop: Shop) -> list[str]:
    rows = wallets.movements(shop.built.world, shop.mei, ROBOTICS)
    return [
        f"    {row.amount.amount:>10,} {row.invoice or row.reference or row.source:<15} "
        f"{row.held.amount:>10,}"
        for row in rows
    ]


def test_a_customer_that_pays_ahead_reads_as_it_did() -> None:
    shop, known = open_shop(), set[str]()
    shop.built.apply(STORAGE)
    lines = [line for what in STORY for line in tell(shop, *what, known)]
    text = "\n".join([*lines, "What went in and out:", *statement(shop)]) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
