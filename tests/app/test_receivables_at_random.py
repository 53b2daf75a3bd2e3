"""Any order of invoices, payments, credits and reversals: against a slow book-keeper.

She keeps one list of movements, never a balance: whatever is asked is added up anew from the
first, and money is given out one fen after the other.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

import pytest

from rackrate.app import payments, voiding
from rackrate.app.settling import Held
from rackrate.core.errors import RackrateError
from rackrate.core.ids import CustomerId, InvoiceId
from rackrate.core.invoice import InvoiceStatus
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from tests.app.money_shop import ROBOTICS, STUDIO, Shop, open_shop

SEEDS = range(4)
STEPS = 80


def tax(net: int) -> int:
    return int((Decimal(net) * 6 / 100).quantize(Decimal(1), ROUND_HALF_UP))


@dataclass(slots=True)
class Keeper:
    """`moved`: (what, document, other document, fen). `order` is that of being due."""

    order: list[str] = field(default_factory=list)
    whose: dict[str, CustomerId] = field(default_factory=dict)
    net: dict[str, int] = field(default_factory=dict)
    moved: list[tuple[str, str, str, int]] = field(default_factory=list)

    def sum(self, what: str, document: str = "", other: str = "") -> int:
        return sum(
            fen
            for kind, one, two, fen in self.moved
            if kind == what and document in ("", one) and other in ("", two)
        )

    def open(self, invoice: str) -> int:
        """Owed, less what was used for it, less what is void."""
        return self.sum("owed", invoice) - self.sum("used", "", invoice)

    def left(self, source: str) -> int:
        return self.sum("in", source) - self.sum("used", source) - self.sum("out", source)

    def give(self, source: str, invoices: list[str], most: int) -> None:
        """One fen after the other to the first that is open."""
        for _ in range(most):
            first = next((one for one in invoices if self.open(one) > 0), None)
            if first is None or self.left(source) <= 0:
                return
            self.moved.append(("used", source, first, 1))

    def credited_net(self, invoice: str) -> int:
        return self.sum("credited", "", invoice)

    def customers(self, whose: CustomerId) -> list[str]:
        return [one for one in self.order if self.whose[one] == whose]

    def receivable(self, whose: CustomerId) -> int:
        mine = [one for one, owner in self.whose.items() if owner == whose]
        owed = sum(self.open(one) for one in mine if one in self.order)
        return owed - sum(self.left(one) for one in mine if one.startswith("EX-CR"))

    def unapplied(self, whose: CustomerId) -> int:
        mine = [one for one, owner in self.whose.items() if owner == whose]
        return sum(self.left(one) for one in mine if one.startswith("pay"))


@dataclass(slots=True)
class Life:
    """A shop and its keeper, driven by chance."""

    shop: Shop
    keeper: Keeper
    chance: Random
    done: dict[str, int] = field(default_factory=dict)
    must: bool = False

    def step(self, number: int) -> None:
        often = (self.invoice, self.receive, self.credit)
        rarely = (self.allocate, self.release, self.pay_back, self.set_off, self.void)
        act = self.chance.choice((*often, *often, *rarely))
        before, self.must = self.keeper.moved.copy(), False
        try:
            act(number)
            did = act.__name__
        except RackrateError:
            assert not self.must, "nothing speaks against it"
            self.keeper.moved, did = before, "refused"
        self.done[did] = self.done.get(did, 0) + 1
        self.shop.built.clock.advance(timedelta(hours=1))

    def any(self, prefix: str) -> str:
        known = [one for one in self.keeper.whose if one.startswith(prefix)]
        return self.chance.choice(known or ["EX-none"])

    def invoice(self, number: int) -> None:
        whose, net = self.chance.choice((ROBOTICS, STUDIO)), self.chance.randint(1, 60)
        made = self.shop.invoice(str(Decimal(net) / 100), whose)
        self.keeper.order.append(made.id)
        self.keeper.whose[made.id], self.keeper.net[made.id] = whose, net
        self.keeper.moved.append(("owed", made.id, "", net + tax(net)))

    def receive(self, number: int) -> None:
        whose, fen = self.chance.choice((ROBOTICS, STUDIO)), self.chance.randint(1, 70)
        keep, named = self.chance.random() < 0.6, self.chance.random() < 0.4
        invoices = self.keeper.customers(whose)
        chosen = self.chance.sample(invoices, min(2, len(invoices))) if named else []
        amount = str(Decimal(fen) / 100)
        self.must = not named and (keep or fen <= sum(map(self.keeper.open, invoices)))
        held = self.shop.receive(amount, f"wire {number}", *chosen, keep=keep, of=str(whose))
        self._came(held, whose, chosen or invoices, fen)
        assert keep or not held.left

    def _came(self, held: Held, whose: CustomerId, to: list[str], fen: int) -> None:
        id = held.payment.id
        self.keeper.whose[id] = whose
        self.keeper.moved.append(("in", id, "", fen))
        self.keeper.give(id, to, fen)

    def allocate(self, number: int) -> None:
        id = self.any("pay")
        fen = self.keeper.left(id)
        payments.allocate(self.shop.built.world, self.shop.mei, id)
        self.keeper.give(id, self.keeper.customers(self.keeper.whose[id]), fen)

    def release(self, number: int) -> None:
        source, invoice = self.any(self.chance.choice(("pay", "EX-CR"))), self.any("EX-2026")
        only = self.chance.choice((None, invoice))
        id = None if only is None else InvoiceId(only)
        payments.release(self.shop.built.world, self.shop.mei, source, id)
        self.keeper.moved = [
            each
            for each in self.keeper.moved
            if not (each[:2] == ("used", source) and only in (None, each[2]))
        ]

    def pay_back(self, number: int) -> None:
        source = self.any(self.chance.choice(("pay", "EX-CR")))
        fen = self.chance.randint(1, 40)
        self.must = fen <= self.keeper.left(source)
        out = payments.pay_back
        out(self.shop.built.world, self.shop.mei, source, Money(fen, "CNY"), f"out {number}")
        self.keeper.moved.append(("out", source, "", fen))

    def credit(self, number: int) -> None:
        invoice, net = self.any("EX-2026"), self.chance.randint(1, 40)
        before = self.keeper.credited_net(invoice)
        owed = self.keeper.sum("owed", invoice)
        self.must = bool(owed) and before + net <= self.keeper.net[invoice]
        made = self.shop.credit(InvoiceId(invoice), str(Decimal(net) / 100))
        gross = net + tax(before + net) - tax(before)
        self.keeper.whose[made.id] = self.keeper.whose[invoice]
        self.keeper.moved += [("credited", made.id, invoice, net), ("in", made.id, "", gross)]
        self.keeper.give(made.id, [invoice], gross)
        assert before + net <= self.keeper.net[invoice]

    def set_off(self, number: int) -> None:
        id = self.any("EX-CR")
        payments.use_credit(self.shop.built.world, self.shop.mei, InvoiceId(id))
        open_now = self.keeper.customers(self.keeper.whose[id])
        self.keeper.give(id, open_now, self.keeper.left(id))

    def void(self, number: int) -> None:
        id = self.any("EX-2026")
        paid = self.keeper.sum("used", "", id)
        voiding.void_invoice(self.shop.built.world, self.shop.mei, InvoiceId(id), "by chance")
        assert not paid and not self.keeper.credited_net(id)
        if self.keeper.open(id):
            self.keeper.moved.append(("owed", id, "", -self.keeper.open(id)))

    def check(self) -> None:
        keeper, shop = self.keeper, self.shop
        for whose in (ROBOTICS, STUDIO):
            books = Decimal(shop.balance(Account.RECEIVABLE, whose)) * 100
            assert books == keeper.receivable(whose)
            assert Decimal(shop.balance(Account.UNAPPLIED, whose)) * -100 == keeper.unapplied(whose)
        money = keeper.sum("in") - keeper.sum("out")
        credits = sum(keeper.sum("in", one) for one in keeper.whose if one.startswith("EX-CR"))
        assert Decimal(shop.balance(Account.BANK)) * 100 == money - credits
        for one in keeper.order:
            invoice = shop.show(InvoiceId(one))
            assert invoice.open.minor == keeper.open(one) >= 0
            assert (invoice.status is InvoiceStatus.VOID) is invoice.lapsed
        assert all(keeper.left(one) >= 0 for one in keeper.whose if one not in keeper.order)
        assert shop.agrees()


@pytest.mark.parametrize("seed", SEEDS)
def test_open_items_are_the_receivable_whatever_was_done(seed: int) -> None:
    life = Life(open_shop(), Keeper(), Random(seed))
    for number in range(STEPS):
        life.step(number)
        if number % 6 == 5:
            life.check()
    life.check()
    assert len(life.done) >= 7 and life.done["refused"] < STEPS * 3 / 4, life.done
