"""A shop with two who may approve, and what happens in it, in short words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.app import billing, books, drafts, leasing, loops, payments, receivables
from rackrate.app.drafts import NewCredit, NewLines
from rackrate.app.leasing import Ask
from rackrate.app.payments import Received
from rackrate.app.ports import Store
from rackrate.app.settling import Held
from rackrate.core.access import Actor, Role
from rackrate.core.draft import Draft, DraftLine
from rackrate.core.ids import CustomerId, EntityId, InvoiceId, LeaseId, ProjectId, SkuId
from rackrate.core.interval import Month
from rackrate.core.invoice import Invoice, Line
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from tests.build import CUSTOMERS, SMALL, Built, build

SELLER, ROBOTICS, STUDIO = EntityId("example"), CustomerId("robotics"), CustomerId("studio")
NOVEMBER = Month(2026, 11)
SHANGHAI = "Asia/Shanghai"
FIRST = NOVEMBER.interval(SHANGHAI).start


def cny(text: str) -> Money:
    return Money.parse(text, "CNY")


@dataclass(frozen=True, slots=True)
class Shop:
    """`mei` and `li` work in finance: what one of them writes, the other approves."""

    built: Built
    mei: Actor
    li: Actor

    @classmethod
    def of(cls, built: Built) -> "Shop":
        finance = (built.actor(f"{who}@example.org", Role.FINANCE) for who in ("mei", "li"))
        return cls(built, *finance)

    def lease(self, hours: float, project: str = "robotics-train", slots: int = 1) -> LeaseId:
        world, ask = self.built.world, Ask(ProjectId(project), SkuId("h100.1"), slots)
        lease = leasing.start(world, self.built.admin, ask)
        self._settle()
        self.built.clock.advance(timedelta(hours=hours))
        leasing.end(world, self.built.admin, lease.id)
        self._settle()
        return lease.id

    def _settle(self) -> None:
        leader = loops.lead(self.built.world, "test")
        assert leader is not None
        loops.provision(self.built.world, leader, self.built.world.hints.take())

    def close(self, month: Month = NOVEMBER, seller: EntityId = SELLER) -> tuple[Invoice, ...]:
        clock = self.built.clock
        clock.instant = max(clock.instant, month.interval(SHANGHAI).end)
        return billing.close(self.built.world, self.mei, seller, month)

    def write(self, *lines: tuple[str, str], customer: CustomerId = ROBOTICS) -> Draft:
        rows = tuple(DraftLine(what, cny(amount)) for what, amount in lines)
        return drafts.write_lines(self.built.world, self.mei, NewLines(customer, rows, "by hand"))

    def invoice(self, amount: str, customer: CustomerId = ROBOTICS) -> Invoice:
        """Of one line that was written, approved and issued at once."""
        draft = self.write(("Set-up", amount), customer=customer)
        drafts.approve(self.built.world, self.li, draft.id)
        return drafts.issue_now(self.built.world, self.mei, draft.id)

    def credit(
        self, invoice: InvoiceId, amount: str = "", lines: dict[int, str] | None = None
    ) -> Invoice:
        """Written by one, approved by the other."""
        named = {place: cny(text) for place, text in (lines or {}).items()}
        whole = cny(amount) if amount else None
        new = NewCredit(invoice, "a bad day", named, whole)
        draft = drafts.write_credit(self.built.world, self.mei, new)
        approved = drafts.approve(self.built.world, self.li, draft.id)
        assert approved.issued is not None
        return self.show(approved.issued)

    def receive(
        self, amount: str, reference: str, *named: str, keep: bool = False, of: str = "robotics"
    ) -> Held:
        shares = []
        for text in named:
            number, _, part = text.partition("=")
            shares.append((InvoiceId(number), cny(part) if part else None))
        came = Received(CustomerId(of), cny(amount), reference, shares, keep)
        return payments.receive(self.built.world, self.mei, came)

    def show(self, id: InvoiceId) -> Invoice:
        return billing.show(self.built.world, self.mei, id)[0]

    def lines(self, id: InvoiceId) -> list[Line]:
        return [each.line for each in billing.show(self.built.world, self.mei, id)[1]]

    def balance(self, account: Account, customer: CustomerId | None = None) -> str:
        found = books.balances(self.built.world, self.built.admin, SELLER)
        mine = [b for b in found if b.account is account and customer in (None, b.customer)]
        return str(sum((b.amount.amount for b in mine), Decimal(0)).quantize(Decimal("0.01")))

    def agrees(self) -> bool:
        return receivables.ageing(self.built.world, self.mei, SELLER).agrees


def open_shop(now: datetime = FIRST, store: Store | None = None, *more: str) -> Shop:
    return Shop.of(build(SMALL, CUSTOMERS, *more, now=now, store=store))
