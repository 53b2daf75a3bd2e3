"""A seller whose books are in CNY, and a customer that is billed in USD."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.app import billing, books, drafts, leasing, loops, payments, rates, sales
from rackrate.app.drafts import NewCredit, NewLines
from rackrate.app.leasing import Ask
from rackrate.app.payments import Received
from rackrate.app.ports import Store
from rackrate.app.rates import NewRate
from rackrate.app.settling import Held
from rackrate.core.access import Actor, Role
from rackrate.core.contract import Commitment, CommitmentKind, Terms
from rackrate.core.draft import DraftLine
from rackrate.core.ids import ContractId, CustomerId, EntityId, InvoiceId, ProjectId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import Invoice
from rackrate.core.ledger import Account, Balance, Entry
from rackrate.core.money import Money
from tests.build import CUSTOMERS, SMALL, Built, build

SELLER, HARBOUR, K1 = EntityId("example"), CustomerId("harbour"), ContractId("k1")
NOVEMBER, SHANGHAI = Month(2026, 11), "Asia/Shanghai"
FIRST = NOVEMBER.interval(SHANGHAI).start
ABROAD = """
kind: customer
name: harbour
title: Example Harbour (sample)
entity: example
country: US
time_zone: Asia/Shanghai
currency: USD
---
kind: project
name: harbour-train
title: Training
customer: harbour
---
kind: price_book
currency: USD
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
per_slot_hour:
  h100.1: {on_demand: 2.40}
"""


def usd(text: str) -> Money:
    return Money.parse(text, "USD")


def day(month: int, day: int, hour: int = 0) -> datetime:
    """Of so many months after November 2026."""
    start = NOVEMBER.plus(month).interval(SHANGHAI).start
    return start + timedelta(days=day - 1, hours=hour)


@dataclass(frozen=True, slots=True)
class Quay:
    """What happens between the seller and its customer abroad, in short words."""

    built: Built
    mei: Actor
    li: Actor

    def on(self, at: datetime) -> None:
        self.built.clock.instant = max(self.built.clock.instant, at)

    def rate(self, value: str, at: datetime | None = None) -> object:
        when = at or self.built.clock.instant
        new = NewRate("USD", "CNY", Decimal(value), "a test", when, sure=True)
        return rates.set_rate(self.built.world, self.mei, new)

    def sign(
        self, monthly: str = "10000.00", months: int = 3, terms: Terms | None = None
    ) -> object:
        during = Interval(day(0, 1), day(months, 1))
        kind, sku = CommitmentKind.CAPACITY, SkuId("h100.node")
        wanted = (Commitment(1, kind, "", during, usd(monthly), sku, None, 1, False),)
        project, agreed = ProjectId("harbour-train"), terms or Terms()
        offer = sales.Offer(K1, project, wanted, Decimal(20), False, "", agreed)
        return sales.sign(self.built.world, self.built.admin, offer)

    def lease(self, hours: float) -> None:
        world, ask = self.built.world, Ask(ProjectId("harbour-train"), SkuId("h100.1"))
        lease = leasing.start(world, self.built.admin, ask)
        self._settle()
        self.built.clock.advance(timedelta(hours=hours))
        leasing.end(world, self.built.admin, lease.id)
        self._settle()

    def _settle(self) -> None:
        leader = loops.lead(self.built.world, "test")
        assert leader is not None
        loops.provision(self.built.world, leader, self.built.world.hints.take())

    def close(self, month: int, on: int = 1) -> tuple[Invoice, ...]:
        self.on(day(month + 1, on))
        return billing.close(self.built.world, self.mei, SELLER, NOVEMBER.plus(month))

    def invoice(self, amount: str) -> Invoice:
        lines = (DraftLine("Set-up", usd(amount)),)
        new = NewLines(HARBOUR, lines, "by hand")
        draft = drafts.write_lines(self.built.world, self.mei, new)
        drafts.approve(self.built.world, self.li, draft.id)
        return drafts.issue_now(self.built.world, self.mei, draft.id)

    def credit(self, invoice: InvoiceId, amount: str) -> Invoice:
        new = NewCredit(invoice, "a bad day", {}, usd(amount))
        draft = drafts.write_credit(self.built.world, self.mei, new)
        approved = drafts.approve(self.built.world, self.li, draft.id)
        assert approved.issued is not None
        return billing.show(self.built.world, self.mei, approved.issued)[0]

    def receive(
        self, amount: str, reference: str, keep: bool = False, at: datetime | None = None
    ) -> Held:
        came = Received(HARBOUR, usd(amount), reference, (), keep, at)
        return payments.receive(self.built.world, self.mei, came)

    def entries(self) -> dict[str, Entry]:
        found = books.entries(self.built.world, self.built.admin, SELLER)
        return {each.id: each for each in found}

    def balances(self, until: datetime | None = None) -> dict[Account, Balance]:
        found = books.balances(self.built.world, self.built.admin, SELLER, until)
        return {each.account: each for each in found if each.customer == HARBOUR}


def open_quay(store: Store | None = None) -> Quay:
    built = build(SMALL, CUSTOMERS, ABROAD, now=FIRST, store=store)
    mei = built.actor("mei@example.org", Role.FINANCE)
    return Quay(built, mei, built.actor("li@example.org", Role.FINANCE))
