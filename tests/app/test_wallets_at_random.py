"""Any order of top-ups, use, closes, credits and refunds: against a keeper who counts minutes.

She knows no invoice and no allocation: what is left is what came in, less what went out, less what
was used and sold, plus what was credited; and use is a count of minutes, one after the other.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

import pytest

from rackrate.app import credit, leasing, loops, payments, wallets
from rackrate.app.leasing import Ask
from rackrate.app.wallets import NewWallet, TopUp
from rackrate.core.errors import RackrateError, Reason, Refused
from rackrate.core.ids import InvoiceId, LeaseId, ProjectId, SkuId
from rackrate.core.interval import Month
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from rackrate.core.wallet import LOOK_EVERY
from tests.app.money_shop import FIRST, ROBOTICS, Shop, cny, open_shop

SEEDS = (0, 113)
STEPS = 90
GRACE = timedelta(hours=3)
AN_HOUR = 1700  # fen of a GPU, before 6 % of tax


def half_up(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def with_tax(net: int) -> int:
    return net + half_up(Decimal(net) * 6 / 100)


@dataclass(slots=True)
class Keeper:
    """`minutes` of each lease and month; `slots` of those that run now; `moved` in fen."""

    now: datetime = FIRST
    minutes: dict[tuple[str, str], int] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)
    moved: list[int] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    credited: dict[str, int] = field(default_factory=dict)

    def pass_minutes(self, count: int) -> None:
        for _ in range(count):
            month = f"{self.now + timedelta(hours=8):%Y-%m}"
            for lease in self.running:
                self.minutes[lease, month] = self.minutes.get((lease, month), 0) + 1
            self.now += timedelta(minutes=1)

    def net_of(self, month: str) -> int:
        return sum(
            half_up(Decimal(minutes * self.slots[lease] * AN_HOUR) / 60)
            for (lease, of), minutes in self.minutes.items()
            if of == month
        )

    def used(self) -> int:
        months = {month for _, month in self.minutes} - self.closed
        return sum(with_tax(self.net_of(month)) for month in months)

    def left(self) -> int:
        return sum(self.moved) - self.used()

    def hourly(self) -> int:
        return sum(with_tax(AN_HOUR * slots) for slots in self.running.values())


@dataclass(slots=True)
class Life:
    """A shop whose customer pays ahead, and its keeper, driven by chance."""

    shop: Shop
    keeper: Keeper
    chance: Random
    stopped: list[str] = field(default_factory=list)
    month: Month = field(default_factory=lambda: Month(2026, 11))
    invoices: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)

    def step(self, number: int) -> None:
        often = (self.top_up, self.start, self.start, self.wait, self.wait)
        rarely = (self.stop, self.resume, self.end, self.sell, self.credit, self.pay_back)
        rarest = (self.release, self.close_month, self.next_month)
        act = self.chance.choice((*often, *often, *rarely, *rarest))
        try:
            act(number)
            did = act.__name__
        except RackrateError as no:
            did = f"{no.reason}"
        self.done[did] = self.done.get(did, 0) + 1
        self.settle()

    def settle(self) -> None:
        leader = loops.lead(self.shop.built.world, "test")
        assert leader is not None
        for _ in range(2):
            loops.provision(self.shop.built.world, leader)
        self.check()

    def advance(self, minutes: int) -> None:
        self.keeper.pass_minutes(minutes)
        self.shop.built.clock.advance(timedelta(minutes=minutes))

    def top_up(self, number: int) -> None:
        fen = self.chance.randint(1, 20_000)
        came = TopUp(ROBOTICS, Money(fen, "CNY"), f"wire {number}")
        self.keeper.moved.append(fen)
        found = wallets.top_up(self.shop.built.world, self.shop.mei, came)
        assert found.balance.left.minor == self.keeper.left()
        assert wallets.top_up(self.shop.built.world, self.shop.mei, came) == found

    def start(self, number: int) -> None:
        slots = self.chance.randint(1, 3)
        ask = Ask(ProjectId("robotics-train"), SkuId("h100.1"), slots)
        fits = with_tax(AN_HOUR * slots) <= self.keeper.left() - self.keeper.hourly()
        if not fits:
            with pytest.raises(Refused, match="left in the wallet"):
                leasing.start(self.shop.built.world, self.shop.built.admin, ask)
            raise Refused(Reason.WALLET_TOO_LOW, "as it should be")
        lease = leasing.start(self.shop.built.world, self.shop.built.admin, ask)
        self.keeper.slots[lease.id] = self.keeper.running[lease.id] = slots

    def wait(self, number: int) -> None:
        for _ in range(self.chance.randint(1, 6)):
            self.advance(self.chance.choice((1, 7, 40, 90)))
            self.settle()

    def any(self, of: dict[str, int] | list[str]) -> str:
        return self.chance.choice(sorted(of) or ["lse_none"])

    def stop(self, number: int) -> None:
        id = self.any(self.keeper.running)
        leasing.stop(self.shop.built.world, self.shop.built.admin, LeaseId(id))
        self.keeper.running.pop(id)
        self.stopped.append(id)

    def resume(self, number: int) -> None:
        id = self.any(self.stopped)
        leasing.resume(self.shop.built.world, self.shop.built.admin, LeaseId(id))
        self.stopped.remove(id)
        self.keeper.running[id] = self.keeper.slots[id]

    def end(self, number: int) -> None:
        id = self.any({**self.keeper.running, **dict.fromkeys(self.stopped, 0)})
        leasing.end(self.shop.built.world, self.shop.built.admin, LeaseId(id))
        self.keeper.running.pop(id, None)
        self.stopped = [each for each in self.stopped if each != id]

    def sell(self, number: int) -> None:
        net = self.chance.randint(1, 5000)
        made = self.shop.invoice(str(Decimal(net) / 100))
        self.invoices[made.id] = net
        self.keeper.moved.append(-with_tax(net))

    def credit(self, number: int) -> None:
        id, net = self.any(self.invoices), self.chance.randint(1, 3000)
        self.shop.credit(InvoiceId(id), str(Decimal(net) / 100))
        before = self.keeper.credited.get(id, 0)
        assert before + net <= self.invoices[id]
        self.keeper.credited[id] = before + net
        self.keeper.moved.append(with_tax(before + net) - with_tax(before))

    def pay_back(self, number: int) -> None:
        held = payments.find(self.shop.built.world, self.shop.mei, ROBOTICS)
        if held:
            one, fen = self.chance.choice(held).payment.id, self.chance.randint(1, 5000)
            out = payments.pay_back
            out(self.shop.built.world, self.shop.mei, one, Money(fen, "CNY"), f"out {number}")
            self.keeper.moved.append(-fen)

    def release(self, number: int) -> None:
        held = payments.find(self.shop.built.world, self.shop.mei, ROBOTICS)
        if held:
            one = self.chance.choice(held).payment.id
            payments.release(self.shop.built.world, self.shop.mei, one)

    def close_month(self, number: int) -> None:
        if self.keeper.now < self.month.interval("Asia/Shanghai").end:
            return
        before, said = self.keeper.left(), str(self.month)
        self.shop.close(self.month)
        net = self.keeper.net_of(said)
        self.keeper.moved.append(-with_tax(net))
        self.keeper.closed.add(said)
        self.month = self.month.plus(1)
        assert self.keeper.left() == before
        balance = wallets.show(self.shop.built.world, self.shop.mei, ROBOTICS).balance
        assert balance.open.minor <= 0 or not balance.held

    def next_month(self, number: int) -> None:
        """To an hour before the month after this ends; what runs is ended, or it would be long."""
        for id in list(self.keeper.running):
            leasing.end(self.shop.built.world, self.shop.built.admin, LeaseId(id))
            self.keeper.running.pop(id)
        end = Month.of(self.keeper.now, "Asia/Shanghai").interval("Asia/Shanghai").end
        self.advance(max(1, int((end - self.keeper.now).total_seconds()) // 60 - 60))

    def check(self) -> None:
        world, now = self.shop.built.world, self.keeper.now
        found = wallets.show(world, self.shop.mei, ROBOTICS)
        wallet, balance = found.wallet, found.balance
        if wallet.stops is not None and wallet.stops <= now:
            # What had its notice is stopped as soon as a pass comes by.
            self.stopped += self.keeper.running
            self.keeper.running.clear()
        assert balance.left.minor == self.keeper.left()
        assert f"{-balance.held.amount:f}" == self.shop.balance(Account.UNAPPLIED, ROBOTICS)
        moved = wallets.movements(world, self.shop.mei, ROBOTICS)
        assert sum(each.amount.minor for each in moved) == balance.held.minor
        assert balance.hourly.minor == self.keeper.hourly()
        rows = leasing.find(world, self.shop.built.admin, leasing.Filter(live=True))
        assert {each.id for each in rows} == set(self.keeper.running)
        assert wallet.looked is not None
        fresh = now - wallet.looked < LOOK_EVERY and wallet.looked != now
        if self.keeper.running or self.stopped:
            assert fresh or (wallet.stops is not None) == (self.keeper.left() <= 0)
        assert self.shop.agrees()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_left_is_what_came_less_what_went_and_was_used_whatever_was_done(
    seed: int,
) -> None:
    shop = open_shop()
    new = NewWallet(ROBOTICS, cny("50"), GRACE, timedelta(days=400) - timedelta(days=40))
    wallets.set_wallet(shop.built.world, shop.mei, new)
    life = Life(shop, Keeper(), Random(seed))
    for number in range(STEPS):
        life.step(number)
    assert len(life.done) >= 8, life.done
    assert credit.show(shop.built.world, shop.mei, ROBOTICS).wallet
