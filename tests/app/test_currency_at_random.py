"""Any order of invoices, payments, credits and closes at rates that move: against a slow keeper.

She reads only what was moved in dollars, in the order in which it was, and the rates that were set;
what it is in yuan she works out by herself, in fractions that are never rounded.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from random import Random

import pytest

from rackrate.app import payments, voiding
from rackrate.core.contract import Every, InvoicedIn, PaymentTerm, Terms
from rackrate.core.errors import RackrateError
from rackrate.core.ids import InvoiceId
from rackrate.core.ledger import Account, Entry
from tests.app.currency_shop import FIRST, Quay, day, open_quay

SEEDS = range(4)
STEPS = 70
HELD = {Account.RECEIVABLE, Account.UNAPPLIED, Account.UNBILLED, Account.CONTRACT_LIABILITY}
OWED = HELD - {Account.CONTRACT_LIABILITY}
# Within one step what is earned comes first, then what is invoiced, then what is put right.
RANKS = ("earned/", "void/", "invoice/", "payment/", "allocation/", "refund/", "revalued/")


@dataclass(slots=True)
class Keeper:
    """`held` is dollars and yuan of each account; `made` at which rate an invoice was issued."""

    rates: list[tuple[datetime, Fraction]] = field(default_factory=list)
    held: dict[Account, tuple[Fraction, Fraction]] = field(default_factory=dict)
    made: dict[str, Fraction] = field(default_factory=dict)
    credits: dict[str, str] = field(default_factory=dict)
    difference: Fraction = Fraction(0)
    moves: int = 0

    def rate(self, at: datetime) -> Fraction:
        return [rate for since, rate in self.rates if since <= at][-1]

    def read(self, entry: Entry) -> None:
        """What a line of the journal comes to, from its dollars."""
        what, _, document = entry.id.partition("/")
        if what == "revalued":
            return
        rate = self.rate(entry.at)
        if what == "invoice":
            rate = self.made.get(self.credits.get(document, ""), rate)
            self.made[document] = rate
        elif what == "void":
            rate = self.made[document]
        left = Fraction(0)
        for each in entry.postings:
            if each.account is Account.EXCHANGE:
                continue
            self.moves += 1
            value = Fraction(each.amount.amount)
            left -= self.move(each.account, value, rate) if each.account in HELD else value * rate
        if what == "earned":
            # Revenue is what was drawn: there is no difference in it.
            assert not [each for each in entry.postings if each.account is Account.EXCHANGE]
            left = Fraction(0)
        self.difference += left

    def move(self, account: Account, value: Fraction, rate: Fraction) -> Fraction:
        dollars, yuan = self.held.get(account, (Fraction(0), Fraction(0)))
        back = Fraction(0)
        if dollars * value < 0:
            back = -dollars if abs(value) > abs(dollars) else value
        moved = (value - back) * rate + (yuan / dollars * back if back else 0)
        self.held[account] = (dollars + value, yuan + moved)
        return moved


@dataclass(slots=True)
class Life:
    quay: Quay
    keeper: Keeper
    chance: Random
    known: set[str] = field(default_factory=set)
    invoices: list[str] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)

    def step(self, number: int) -> None:
        often = (self.invoice, self.receive, self.rate, self.close)
        rarely = (self.lease, self.allocate, self.release, self.pay_back, self.credit, self.void)
        act = self.chance.choice((*often, *often, *rarely))
        self.quay.built.clock.advance(timedelta(hours=self.chance.randint(1, 60)))
        try:
            act(number)
            did = act.__name__
        except RackrateError:
            did = "refused"
        self.done[did] = self.done.get(did, 0) + 1
        self.look()

    def rate(self, number: int) -> None:
        value = Decimal(self.chance.randint(65000, 78000)) / 10000
        self.quay.rate(str(value))
        self.keeper.rates.append((self.quay.built.clock.instant, Fraction(value)))

    def invoice(self, number: int) -> None:
        made = self.quay.invoice(str(Decimal(self.chance.randint(1, 90_000)) / 100))
        self.invoices.append(made.id)

    def lease(self, number: int) -> None:
        """Over a month's end now and then: use of two months, earned at two rates."""
        self.quay.lease(self.chance.randint(1, 200))

    def receive(self, number: int) -> None:
        back = timedelta(hours=self.chance.choice((0, 0, 0, 5, 40)))
        at = max(self.quay.built.clock.instant - back, FIRST + timedelta(seconds=1))
        amount = str(Decimal(self.chance.randint(1, 120_000)) / 100)
        self.quay.receive(amount, f"wire {number}", self.chance.random() < 0.7, at)

    def allocate(self, number: int) -> None:
        payments.allocate(self.quay.built.world, self.quay.mei, self.payment())

    def release(self, number: int) -> None:
        payments.release(self.quay.built.world, self.quay.mei, self.payment())

    def pay_back(self, number: int) -> None:
        world, mei = self.quay.built.world, self.quay.mei
        payments.pay_back(world, mei, self.payment(), None, f"out {number}")

    def payment(self) -> str:
        found = payments.find(self.quay.built.world, self.quay.mei)
        return self.chance.choice(found).payment.id if found else "none"

    def any_invoice(self) -> InvoiceId:
        return InvoiceId(self.chance.choice(self.invoices or ["none"]))

    def credit(self, number: int) -> None:
        of = self.any_invoice()
        made = self.quay.credit(of, str(Decimal(self.chance.randint(1, 20_000)) / 100))
        self.keeper.credits[made.id] = of

    def void(self, number: int) -> None:
        world, mei = self.quay.built.world, self.quay.mei
        voiding.void_invoice(world, mei, self.any_invoice(), "by chance")

    def close(self, number: int) -> None:
        month = len(self.closed)
        if self.quay.built.clock.instant < day(month + 1, 1):
            self.quay.on(day(month + 1, 1) + timedelta(hours=self.chance.randint(0, 90)))
        self.quay.close(month)
        self.closed.append(month)

    def look(self) -> None:
        now = self.quay.entries()
        new = [entry for id, entry in now.items() if id not in self.known]
        for entry in sorted(new, key=lambda e: (RANKS.index(e.id.partition("/")[0] + "/"), e.id)):
            self.keeper.read(entry)
        self.known = set(now)
        within = Fraction(self.keeper.moves + 1, 200)
        found = self.quay.balances()
        for account, (dollars, yuan) in self.keeper.held.items():
            book = Fraction(found[account].book.amount)
            assert Fraction(found[account].amount.amount) == dollars
            assert abs(book - yuan) <= within, account
            assert dollars or not book, f"{account} of nothing has {book}"
        difference = found.get(Account.EXCHANGE)
        booked = Fraction(difference.book.amount) if difference is not None else Fraction(0)
        assert abs(booked - self.keeper.difference) <= within

    def month_ends(self) -> None:
        """What was owed at the end of a closed month is at the rate of that end, to the fen."""
        for month in self.closed:
            end = day(month + 1, 1)
            rate = self.keeper.rate(end - timedelta(seconds=1))
            for account, balance in self.quay.balances(end).items():
                if account in OWED:
                    exact = balance.amount.amount * Decimal(rate.numerator) / rate.denominator
                    assert balance.book.amount == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_books_are_what_a_slow_keeper_makes_of_the_dollars(seed: int) -> None:
    quay = open_quay()
    quay.rate("7.1", FIRST)
    life = Life(quay, Keeper([(FIRST, Fraction("7.1"))]), Random(seed))
    later = Terms(payment=PaymentTerm(Every.MONTH, InvoicedIn.ARREARS))
    monthly = str(Decimal(life.chance.randint(1, 2_000_000)) / 100)
    quay.sign(monthly, terms=later if seed % 2 else None)
    life.look()
    for number in range(STEPS):
        life.step(number)
    life.month_ends()
    while len(life.closed) < 4:
        life.close(0)
        life.look()
    life.month_ends()
    drawn = quay.balances().get(Account.CONTRACT_LIABILITY)
    assert drawn is not None and not drawn.amount and not drawn.book
    assert len(life.done) >= 7, life.done
