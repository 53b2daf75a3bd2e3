"""A month of one project that has a budget and a credit limit, in prose.

UPDATE_GOLDEN=1 writes the file anew; the difference is what is to be read.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from rackrate.app import budgets, credit, leasing
from rackrate.app.budgets import NewBudget
from rackrate.app.leasing import Ask
from rackrate.core.ids import ProjectId, SkuId
from rackrate.core.lease import Lease, Phase
from tests.app.money_shop import ROBOTICS, Shop, cny, open_shop
from tests.golden.telling import done, subjects

GOLDEN = Path(__file__).with_name("budget.txt")
TRAIN, GPU = ProjectId("robotics-train"), SkuId("h100.1")
ID = "robotics:robotics-train"
Told = tuple[str, Callable[[Shop], object]]


def start(shop: Shop, count: int) -> object:
    return leasing.start(shop.built.world, shop.built.admin, Ask(TRAIN, GPU, count))


def leases(shop: Shop) -> list[Lease]:
    return leasing.find(shop.built.world, shop.built.admin, leasing.Filter())


def again(shop: Shop) -> object:
    stopped = next(each for each in leases(shop) if each.phase is Phase.STOPPED)
    return leasing.resume(shop.built.world, shop.built.admin, stopped.id)


def budget(shop: Shop, amount: str, stop: bool) -> object:
    new = NewBudget(ROBOTICS, TRAIN, cny(amount), stop)
    return budgets.set_budget(shop.built.world, shop.mei, new)


def limit(shop: Shop, amount: str) -> object:
    return credit.set_limit(shop.built.world, shop.mei, ROBOTICS, cny(amount))


def hours(shop: Shop, count: float) -> None:
    shop.built.clock.advance(timedelta(hours=count))


STORY: tuple[Told, ...] = (
    (
        "A project of Robotics may use 300.00 a month, and stops a day later.",
        lambda s: budget(s, "300", True),
    ),
    ("Robotics may owe no more than 1,000.00, with tax.", lambda s: limit(s, "1000.00")),
    ("It starts four GPUs, at 18.02 an hour each with tax.", lambda s: start(s, 4)),
    ("Two hours later nothing is to be told.", lambda s: hours(s, 2)),
    ("Three hours after the start more than half is used.", lambda s: hours(s, 1)),
    ("An hour later nobody is told again.", lambda s: hours(s, 0.25)),
    ("After five hours everything is used: it has a day.", lambda s: hours(s, 1.75)),
    ("Somebody starts 32 more GPUs, which the limit does not allow.", lambda s: start(s, 32)),
    ("The budget is raised to 5,000.00: nothing stops.", lambda s: budget(s, "5000", True)),
    ("A quarter of an hour later nothing is told.", lambda s: hours(s, 0.25)),
    ("It is put back to 300.00: there is a day again.", lambda s: budget(s, "300", True)),
    ("23 hours later it still runs.", lambda s: hours(s, 23)),
    ("A day after the notice it is stopped.", lambda s: hours(s, 1)),
    ("It is started again by hand, beyond the limit.", again),
    ("The limit is 5,000.00 now.", lambda s: limit(s, "5000.00")),
    ("So it starts, but the budget is used up: it will be stopped again.", again),
    ("A quarter of an hour later it has been.", lambda s: hours(s, 0.25)),
    ("A new month begins.", lambda s: hours(s, 24 * 29)),
    ("It is started again, and stays: the budget of the month is whole.", again),
    ("Two hours later it runs.", lambda s: hours(s, 2)),
)


def tell(shop: Shop, said: str, act: Callable[[Shop], object], known: set[str]) -> list[str]:
    text = done(shop, said, act)
    text += subjects(shop, known, ROBOTICS, ("budget.",))
    used = budgets.show(shop.built.world, shop.mei, ID)
    found = ", ".join(f"{each.id} is {each.phase}" for each in leases(shop)) or "nothing runs"
    return [*text, f"    {used.percent} % used: {used.spent}; {found}"]


def test_a_month_under_a_budget_and_a_limit_reads_as_it_did() -> None:
    shop, known = open_shop(), set[str]()
    text = "\n".join(line for what in STORY for line in tell(shop, *what, known)) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
