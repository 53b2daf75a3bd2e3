"""A trial, in prose: two weeks at no price, told before they end, then at list price; and goodwill.

UPDATE_GOLDEN=1 writes the file anew; the difference is what is to be read.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from rackrate.app import channels, leasing, wallets
from rackrate.app.channels import Filter
from rackrate.app.leasing import Ask
from rackrate.app.wallets import NewWallet, TopUp
from rackrate.core.ids import InvoiceId, ProjectId, SkuId
from rackrate.core.interval import Month
from tests.app.money_shop import FIRST, ROBOTICS, Shop, cny, open_shop
from tests.build import CUSTOMERS, SMALL, build
from tests.golden.telling import done, letters, settled

GOLDEN = Path(__file__).with_name("trial.txt")
TRIAL = """
kind: price_book
customer: robotics
currency: CNY
tax_included: false
effective: 2026-11-01
until: 2026-11-15
time_zone: Asia/Shanghai
basis: a trial of two weeks
per_slot_hour:
  h100.1: {on_demand: 0.00}
"""
Told = tuple[str, Callable[[Shop], object]]


def start(shop: Shop, project: str = "robotics-train") -> object:
    ask = Ask(ProjectId(project), SkuId("h100.1"))
    return leasing.start(shop.built.world, shop.built.admin, ask)


def pay_ahead(shop: Shop) -> object:
    return wallets.set_wallet(shop.built.world, shop.mei, NewWallet(ROBOTICS, cny("10")))


def top_up(shop: Shop) -> object:
    return wallets.top_up(shop.built.world, shop.mei, TopUp(ROBOTICS, cny("500"), "wire"))


def days(shop: Shop, count: int) -> None:
    for _ in range(count * 4):
        shop.built.clock.advance(timedelta(hours=6))
        settled(shop)


def end(shop: Shop) -> None:
    (lease,) = leasing.find(shop.built.world, shop.built.admin, leasing.Filter(live=True))
    leasing.end(shop.built.world, shop.built.admin, lease.id)


STORY: tuple[Told, ...] = (
    ("Robotics pays ahead.", pay_ahead),
    ("It is given a trial: no price until the fifteenth.", lambda s: s.built.apply(TRIAL)),
    ("It starts a GPU, without having paid anything.", start),
    ("Ten days later nothing is told.", lambda s: days(s, 10)),
    ("On the twelfth it is told what follows.", lambda s: days(s, 2)),
    ("It pays 500.00 in.", top_up),
    ("A day after the trial it is at list price.", lambda s: days(s, 3)),
    ("It ends its lease.", end),
    (
        "November is closed: two weeks at no price, a day at 17.00 an hour.",
        lambda s: s.close(),
    ),
    (
        "Half of that day is given back as goodwill, by two people.",
        lambda s: s.credit(InvoiceId("EX-2026-000001"), "204.00"),
    ),
    ("December is closed.", lambda s: s.close(Month(2026, 12))),
)


def tell(shop: Shop, said: str, act: Callable[[Shop], object], known: set[str]) -> list[str]:
    text = done(shop, said, act)
    for made in letters(shop, known, ROBOTICS):
        text += [f"    told: {made.subject}"]
        text += [f"        {name}: {value}" for name, value in made.facts]
    balance = wallets.show(shop.built.world, shop.mei, ROBOTICS).balance
    return [*text, f"    left {balance.left}, {balance.hourly} an hour"]


def test_a_trial_is_told_before_it_ends_and_goes_on_at_list_price() -> None:
    shop, known = open_shop(), set[str]()
    lines = [line for what in STORY for line in tell(shop, *what, known)]
    for number in ("EX-2026-000001", "EX-CR-2026-000001"):
        lines.append(f"{number}:")
        lines += [f"    {line.net} {line.description}" for line in shop.lines(InvoiceId(number))]
    text = "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_where_no_price_follows_that_is_told() -> None:
    unpriced = SMALL.replace("  h100.node: {on_demand: 16.00}\n", "")
    built = build(unpriced, CUSTOMERS, TRIAL.replace("h100.1:", "h100.node:"), now=FIRST)
    shop = Shop(built, built.admin, built.admin)
    ask = Ask(ProjectId("robotics-train"), SkuId("h100.node"))
    leasing.start(built.world, built.admin, ask)
    days(shop, 13)
    rows = channels.notifications(built.world, built.admin, Filter(), "", 100)
    assert [each.row.facts["then"] for each in rows] == ["none; what runs has to end before"]
