"""Invoices of every kind, issued by a small cloud in memory, as their documents say them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from rackrate.app import amending, billing, drafts, leasing, loops, rates, sales
from rackrate.app.amending import End
from rackrate.app.documents import Document, document
from rackrate.app.leasing import Ask
from rackrate.app.rates import NewRate
from rackrate.core.access import Actor, Role
from rackrate.core.billing_terms import SellerTerms
from rackrate.core.contract import Contract, EarlyEnd, Terms
from rackrate.core.draft import Draft, DraftLine
from rackrate.core.ids import (
    ContractId,
    CustomerId,
    EntityId,
    InvoiceId,
    LeaseId,
    ProjectId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import Invoice
from rackrate.core.money import Money
from rackrate.core.workload import Mount, Spec
from rackrate.sim.engine import SimEngine
from tests.build import CUSTOMERS, SMALL, Built, build

SELLER, TRAIN = EntityId("example"), ProjectId("robotics-train")
NOVEMBER, DECEMBER = Month(2026, 11), Month(2026, 12)
# A seller and a buyer in two members of the Union, with all that an electronic invoice asks.
BERLIN = "Europe/Berlin"
SELLER_SAYS = """country: DE
tax_id: DE123456788
details:
  legal_name: Example Compute GmbH (sample)
  street: Beispielstraße 1
  city: Berlin
  postcode: "10115"
  contact: Sample billing desk
  email: billing@compute.example
  bank: Sample Bank
  account: DE89 3704 0044 0532 0130 00
  note: Nobody here exists.
"""
BUYER_SAYS = """country: FR
tax_id: FR40123456824
details: {street: 2 rue de l'Exemple, city: Lyon, postcode: "69001", reference: COST-7}
"""


BY_THE_MONTH = """month_hours: 720
basis: with support
per_pflops_month: {h100.1: {pflops: 0.989, on_demand: 9000.00}}
per_node_month: {h100.node: {on_demand: 100000}}
per_gb_month: 0.30
"""


OVER_USE = """
kind: contract
name: agile
project: robotics-train
currency: EUR
time_zone: Europe/Berlin
prepayment_percent: 60
tax_included: INSIDE
lines:
  - {kind: flex, sku: h100.node, nodes: 2, start: 2026-11-01, end: 2027-01-01, holding: 90.01,
     rate: 6.333}
  - {kind: use, start: 2026-11-07, end: 2027-01-01, minimum: 1000.01,
     rates: [{sku: h100.1, amount: 11.117}]}
terms: {payment: {prepaid: wallet}}
"""


class Forgetful(SimEngine):
    """An engine that can lose what it runs."""

    def lose(self, lease: LeaseId) -> None:
        self._running.pop(lease)


@dataclass(frozen=True, slots=True)
class Shop:
    """A seller whose leases and contracts a test makes."""

    built: Built
    engine: Forgetful
    time_zone: str
    billed: str = "EUR"

    def settle(self, full: bool = False) -> None:
        leader = loops.lead(self.built.world, "test")
        assert leader is not None
        hinted = self.built.world.hints.take()
        loops.provision(self.built.world, leader, None if full else hinted)

    def run(
        self,
        hours: float = 0,
        seconds: int = 0,
        sku: str = "h100.1",
        slots: int = 2,
        gb: int = 0,
        contract: str = "",
    ) -> LeaseId:
        world, admin = self.built.world, self.built.admin
        spec = Spec(volumes=(Mount("data", "/data", gb),) if gb else ())
        wish = Ask(TRAIN, SkuId(sku), slots, klass=None, spec=spec)
        lease = leasing.start(
            world, admin, replace(wish, contract=ContractId(contract) if contract else None)
        )
        self.settle()
        self.built.clock.advance(timedelta(hours=hours, seconds=seconds))
        leasing.end(world, admin, lease.id)
        self.settle()
        return lease.id

    def sign(self, monthly: str = "1000.00", included: bool = False) -> None:
        first = Month.of(self.built.clock.now(), self.time_zone)
        start = first.interval(self.time_zone).start
        during = Interval(start, first.plus(24).interval(self.time_zone).start)
        money = Money.parse(monthly, "EUR")
        offer = sales.Offer.of(
            ContractId("k1"), TRAIN, SkuId("h100.node"), 2, during, money, Decimal(20), included
        )
        sales.sign(self.built.world, self.built.admin, offer)

    def close(self, month: Month) -> tuple[Invoice, ...]:
        clock = self.built.clock
        clock.instant = max(clock.instant, month.interval(self.time_zone).end)
        return billing.close(self.built.world, self.built.admin, SELLER, month)

    def by_hand(self, *lines: tuple[str, str]) -> Document:
        """An invoice of lines that one person wrote and another approved."""
        rows = tuple(DraftLine(what, Money.parse(amount, self.billed)) for what, amount in lines)
        new = drafts.NewLines(CustomerId("robotics"), rows, "by hand")
        draft = self._approved(drafts.write_lines(self.built.world, self._finance("mei"), new))
        issued = drafts.issue_now(self.built.world, self.built.admin, draft.id)
        return self.document(issued.id)

    def credit(self, of: InvoiceId, amount: str) -> Document:
        new = drafts.NewCredit(of, "a bad day", {}, Money.parse(amount, self.billed))
        draft = self._approved(drafts.write_credit(self.built.world, self._finance("mei"), new))
        assert draft.issued is not None
        return self.document(draft.issued)

    def _approved(self, draft: Draft) -> Draft:
        return drafts.approve(self.built.world, self._finance("li"), draft.id)

    def _finance(self, who: str) -> Actor:
        return self.built.actor(f"{who}@example.org", Role.FINANCE)

    def document(self, id: InvoiceId) -> Document:
        return document(self.built.world, self.built.admin, id)

    def all(self) -> list[Document]:
        found = billing.find(self.built.world, self.built.admin)
        return [self.document(one.id) for one in reversed(found)]


def shop(
    rule: str = "eu-de-19",
    included: bool = False,
    seller: str = "",
    buyer: str = "",
    prices: str = "",
    leased: bool = False,
    billed: str = "EUR",
) -> Shop:
    """It opens at the beginning of November. What is said of each side can be another. Whole nodes
    can be `leased`, as a thing is, while the rest is a service.
    """
    engines: dict[SiteId, SimEngine] = {}
    small = (
        SMALL.replace("country: CN\n", seller or SELLER_SAYS, 1)
        .replace("output_tax: cn-service-6", f"output_tax: {rule}")
        .replace("tax_included: false", f"tax_included: {str(included).lower()}")
    )
    if leased:
        small = small.replace("whole_node: true", "whole_node: true\nsupply: lease")
    if prices:
        small = small[: small.index("per_slot_hour:")] + prices
    customers = CUSTOMERS.replace("country: CN\n", buyer or BUYER_SAYS, 1)
    # The other one is abroad, and has no VAT id: no reverse charge is for it.
    customers = customers.replace("name: studio\n", "name: studio\ntax_rule: eu-outside-scope\n")
    texts = [
        text.replace("Asia/Shanghai", BERLIN).replace("currency: CNY", "currency: EUR")
        for text in (small, customers)
    ]
    texts[1] = texts[1].replace("currency: EUR", f"currency: {billed}")
    built = build(*texts, engines=engines, now=NOVEMBER.interval(BERLIN).start)
    engine = engines[SiteId("east")] = Forgetful(built.clock)
    return Shop(built, engine, BERLIN, billed)


def every_kind() -> Iterator[tuple[str, Document]]:
    """(what it is, the document): one of each kind of invoice, and of each kind of tax."""
    whole = shop()
    whole.sign()
    whole.run(10.5)
    whole.close(NOVEMBER)
    signed, month = whole.all()
    yield "a prepayment and an instalment", signed
    yield "use and an instalment", month
    yield "a credit for a part of an invoice", whole.credit(month.invoice.id, "33.33")
    yield "lines by hand", whole.by_hand(("Set-up", "500.00"), ("Goodwill", "-50.00"))
    yield "lines that come to nothing", whole.by_hand(("Trial", "5.00"), ("Goodwill", "-5.00"))
    yield "a month with a correction below zero", corrected()
    for rule in ("eu-reverse-charge", "none", "zero-rated", "eu-small-enterprise", "eu-export"):
        other = shop(rule)
        other.run(7.25)
        (issued,) = other.close(NOVEMBER)
        yield f"use under {rule}", other.document(issued.id)
    inside = shop("eu-de-19", included=True)
    inside.sign("1190.00", included=True)
    inside.run(3.3)
    inside.close(NOVEMBER)
    for number, each in enumerate(inside.all(), 1):
        yield f"prices with tax inside, invoice {number}", each
    months = shop("eu-de-19", included=True, prices=BY_THE_MONTH)
    months.run(seconds=40_000, gb=333)
    months.run(seconds=100_001, sku="h100.node", slots=1)
    (issued,) = months.close(NOVEMBER)
    yield "prices by the month, and storage", months.document(issued.id)
    yield from used()
    yield from two_rates()
    yield from ended()
    yield from late()
    yield from in_another_currency()
    by_line = shop("cn-service-6-by-line", seller=SELLER_SAYS.replace("DE123456788", "91SAMPLE"))
    by_line.run(seconds=1201)
    by_line.run(seconds=517)
    (issued,) = by_line.close(NOVEMBER)
    yield "tax rounded on each line", by_line.document(issued.id)


def used() -> Iterator[tuple[str, Document]]:
    """Use under a contract, what is missing to its minimum, and what was prepaid for both."""
    for inside, places in (("false", (1, -1)), ("true", (1,))):
        made = shop()
        made.built.apply(OVER_USE.replace("INSIDE", inside))
        made.run(3.3, sku="h100.node", contract="agile")
        made.run(7.25, contract="agile")
        for month in range(3):
            made.close(NOVEMBER.plus(month))
        for place in places:
            yield f"use under a contract, tax inside: {inside}, {place}", made.all()[place]


def two_rates() -> Iterator[tuple[str, Document]]:
    """Services and leases on one invoice, under each pair of categories that can be."""
    mixed = shop("cn-general", leased=True)
    mixed.sign()
    mixed.run(10.5)
    mixed.close(NOVEMBER)
    month = mixed.all()[-1]
    yield "two rates", month
    yield "a credit for a part of two rates", mixed.credit(month.invoice.id, "333.33")
    by_line = shop("cn-general-by-line", included=True, leased=True)
    by_line.sign("1130.01", included=True)
    by_line.run(seconds=1201)
    by_line.close(NOVEMBER)
    yield "two rates inside, rounded on each line", by_line.all()[-1]
    for other in ("zero-rated", "eu-small-enterprise", "eu-reverse-charge", "eu-export"):
        made = shop(f"service=eu-de-19,lease={other}", leased=True)
        made.run(10.5)
        made.run(7, sku="h100.node", slots=1)
        (issued,) = made.close(NOVEMBER)
        yield f"a rate beside {other}", made.document(issued.id)


def in_another_currency() -> Iterator[tuple[str, Document]]:
    """Billed in USD by books in EUR: its tax is declared in those."""
    abroad = shop(billed="USD")
    rate = NewRate("USD", "EUR", Decimal("0.8637"), "a sample bank")
    rates.set_rate(abroad.built.world, abroad.built.admin, rate)
    made = abroad.by_hand(("Set-up", "777.77"))
    yield "an invoice in a foreign currency", made
    yield "a credit in a foreign currency", abroad.credit(made.invoice.id, "33.33")


def ended() -> Iterator[tuple[str, Document]]:
    """A contract that ends in its second month, for a fee; its prepayment goes back."""
    made = shop("cn-general", leased=True)
    made.sign()
    during = NOVEMBER.plus(2).interval(BERLIN).start
    contract = ContractId("k1")
    with made.built.world.store.transaction() as tx:
        signed = tx.get(Contract, contract)
        tx.put(replace(signed, terms=Terms(early_end=EarlyEnd(Decimal(10)))))
    amending.amend(made.built.world, made.built.admin, contract, End(during))
    yield "a fee for ending early", made.all()[-1]
    for month in (NOVEMBER, DECEMBER):
        made.close(month)
    yield "a prepayment that goes back", made.all()[-1]


def late() -> Iterator[tuple[str, Document]]:
    """Paid late: interest that is not taxed is outside the scope of VAT, and stands alone."""
    made = shop()
    made.by_hand(("Set-up", "100000.00"))
    with made.built.world.store.transaction() as tx:
        terms = SellerTerms(SELLER, "EX-CR", Decimal(9), False)
        tx.put(terms)
    made.close(NOVEMBER)
    made.run(2)
    made.close(DECEMBER)
    made.built.clock.advance(timedelta(days=1))
    made.run(2)
    issued = made.close(DECEMBER.plus(1))
    yield "use beside interest", made.document(issued[0].id)
    yield "interest that is not taxed", made.document(issued[1].id)


def corrected() -> Document:
    """What was learnt after November was closed takes two hours of it back in December."""
    late = shop()
    late.built.clock.instant = NOVEMBER.interval(BERLIN).end - timedelta(hours=4)
    world, admin = late.built.world, late.built.admin
    lease = leasing.start(world, admin, Ask(TRAIN, SkuId("h100.1")))
    late.settle()
    late.built.clock.advance(timedelta(hours=2))
    late.settle(full=True)
    late.engine.lose(lease.id)
    late.close(NOVEMBER)
    late.built.clock.advance(timedelta(hours=1))
    late.settle(full=True)
    (december,) = late.close(DECEMBER)
    return late.document(december.id)
