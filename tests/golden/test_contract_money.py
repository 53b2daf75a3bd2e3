"""Contracts of the market in prose: what a month costs, is billed and earns, and what the ledger
says once months are closed.

UPDATE_GOLDEN=1 writes the file anew; the difference is what is to be read.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from rackrate.app import billing, books, delivery, quotes, sales
from rackrate.app.amending import End, Swap, amend
from rackrate.app.asking import Ask
from rackrate.app.coursing import course_of
from rackrate.core.ids import ContractId, EntityId, ProjectId, SkuId
from rackrate.core.interval import Month, zone
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from tests.app.contract_shop import NEW_CHIP
from tests.build import CUSTOMERS, SMALL, Built, build

GOLDEN = Path(__file__).with_name("contract_money.txt")
SELLER, K = EntityId("example"), ContractId("k")
SHANGHAI, BERLIN, NEW_YORK = "Asia/Shanghai", "Europe/Berlin", "America/New_York"


@dataclass(frozen=True, slots=True)
class Shop:
    """A seller with one contract, and the months that are closed."""

    built: Built
    seller: str = SHANGHAI

    def close(self, first: Month, months: int) -> None:
        for number in range(months):
            month, clock = first.plus(number), self.built.clock
            ends = (month.interval(each).end for each in (self.seller, NEW_YORK))
            clock.instant = max(clock.instant, *ends)
            billing.close(self.built.world, self.built.admin, SELLER, month)

    def balance(self, account: Account) -> Decimal:
        found = books.balances(self.built.world, self.built.admin, SELLER)
        return sum((b.amount.amount for b in found if b.account is account), Decimal(0))

    def ledger(self) -> str:
        """What was earned, what is owed to the customer, and what is earned and not invoiced."""
        return (
            f"    ledger: earned {-self.balance(Account.CONTRACT_REVENUE):,.2f}, "
            f"liability {-self.balance(Account.CONTRACT_LIABILITY):,.2f}, "
            f"unbilled {self.balance(Account.UNBILLED):,.2f}, "
            f"tax {-self.balance(Account.TAX):,.2f}"
        )

    def months(self, *shown: str) -> Iterator[str]:
        for row in course_of(self.built.world, self.built.admin, K):
            if str(row.month) in shown:
                yield (
                    f"    {row.month}: costs {row.value}, {row.drawdown} of it prepaid, due "
                    f"{row.due}, earns {row.earned}; prepaid {row.prepaid_left} left, backlog "
                    f"{row.backlog}"
                )

    def invoiced(self) -> Iterator[str]:
        issued = sorted(billing.find(self.built.world, self.built.admin), key=lambda one: one.id)
        for invoice in issued:
            for each in billing.show(self.built.world, self.built.admin, invoice.id)[1]:
                yield f"    {invoice.id}: {each.line.description}, {each.line.net}"

    def whole(self) -> str:
        plan = sales.show(self.built.world, self.built.admin, K)[1]
        return f"    all of it {plan.value}, prepayment {plan.prepayment}"


def opened(
    contract: str, now: Month, currency: str = "CNY", customers: str = SHANGHAI, tax: str = ""
) -> Shop:
    """A seller in Shanghai, and a customer elsewhere, who pay in one currency."""
    ground = SMALL.replace("currency: CNY", f"currency: {currency}")
    if tax:
        ground = ground.replace("cn-service-6", tax)
    bought = CUSTOMERS.replace("currency: CNY", f"currency: {currency}")
    bought = bought.replace(SHANGHAI, customers)
    built = build(ground, bought, NEW_CHIP, now=now.interval(SHANGHAI).start)
    built.clock.instant = max(built.clock.instant, now.interval(customers).start)
    head = f"kind: contract\nname: k\nproject: robotics-train\ncurrency: {currency}\n"
    built.apply(f"{head}time_zone: {customers}\n{contract}")
    return Shop(built)


def line(start: str, end: str, price: str, nodes: int = 1) -> str:
    return f"sku: h100.node\nnodes: {nodes}\nstart: {start}\nend: {end}\n{price}\n"


PLAIN = "tax_included: false\nprepayment_percent: 0\n"


def five_years() -> Iterator[str]:
    """K1, K2, K5, K6."""
    term = line("2026-01-01", "2031-01-01", "total: 119000000000.00")
    terms = "tax_included: false\nprepayment_percent: 20\nterms: {payment: {when: arrears}}\n"
    shop = opened(term + terms, Month(2026, 1), "USD", tax="us-none")
    yield shop.whole()
    yield shop.ledger()
    shop.close(Month(2026, 1), 1)
    yield shop.ledger()
    shop.close(Month(2026, 2), 23)
    yield shop.ledger()
    yield from shop.months("2026-01", "2027-12", "2030-12")
    plan = sales.show(shop.built.world, shop.built.admin, K)[1]
    first = [each.value for each in plan.instalments if each.month.year == 2026]
    yield f"    the first year {sum(each.amount for each in first):,.2f}"


def leased_back() -> Iterator[str]:
    """K9."""
    shop = opened(
        line("2023-08-01", "2027-08-01", "total: 1300000000.00") + PLAIN,
        Month(2023, 8), "USD", tax="us-none",
    )  # fmt: skip
    yield shop.whole()
    yield from shop.months("2023-08", "2027-07")


def with_tax_inside() -> Iterator[str]:
    term = line("2026-01-01", "2031-01-01", "total: 1190000.00")
    terms = "tax_included: true\nprepayment_percent: 20\n"
    shop = opened(term + terms, Month(2026, 1), "EUR", BERLIN, tax="eu-de-19")
    yield shop.whole()
    yield from shop.months("2026-01", "2030-12")
    shop.close(Month(2026, 1), 60)
    issued = billing.find(shop.built.world, shop.built.admin)
    for name, amount in (("net", "net"), ("tax", "tax"), ("gross", "gross")):
        whole = sum((getattr(one, amount).amount for one in issued), Decimal(0))
        yield f"    {len(issued)} invoices, {name} {whole:,.2f}"
    yield shop.ledger()


def indexed() -> Iterator[str]:
    """K8 beside it."""
    terms = (
        "terms:\n  indexation: {percent: 3, cap_percent: 8}\n"
        "  steps: [{month: 1, percent: 50}, {month: 4, percent: 100}]\n"
        "  early_end: {fee_percent: 30}\n"
        "  upgrade: {chip: b300, not_before: 2026-01-01, credit_percent: 10}\n"
    )
    term = line("2026-01-16", "2031-01-16", "monthly: 62000.00")
    shop = opened(term + PLAIN + terms, Month(2026, 1))
    yield shop.whole()
    yield from shop.months("2026-01", "2026-04", "2027-01", "2027-02", "2029-02", "2030-02")
    built, when = shop.built, Month(2028, 1).interval(SHANGHAI).start
    at = when.replace(day=15, month=1, year=2028)
    swap = Swap(1, SkuId("b300.node"), Money.parse("90000.00", "CNY"), at)
    done = amend(built.world, built.admin, K, swap).amendments[-1]
    yield f"    swapped for newer nodes at 90,000.00 a month from 2028-01-16: credit {done.credit}"
    yield from shop.months("2028-01", "2029-02")
    done = amend(built.world, built.admin, K, End(at.replace(year=2030))).amendments[-1]
    yield f"    ended on 2030-01-16: fee {done.fee}"


def followed() -> Iterator[str]:
    """P1: 60,000 in June 2023 is 28,000 in June 2025."""
    terms = "terms: {indexation: {percent: -3.126, every_months: 1}}\n"
    term = line("2023-06-01", "2025-07-01", "monthly: 60000.00")
    shop = opened(term + PLAIN + terms, Month(2023, 6))
    yield from shop.months("2023-06", "2023-07", "2024-06", "2025-06")


MATRIX = """
kind: contract_price
sku: h100.node
currency: {}
tax_included: false
basis: "{}"
floor_percent: 0
effective: 2026-01-01
time_zone: Asia/Shanghai
{}
tiers: [{{months: 12, nodes: 1, amount: {}}}]
"""


def priced() -> Iterator[str]:
    """P1, P2, P3 and a tender by the P: what the same market says by the hour and by the month."""
    for currency, unit, amount, said in (
        ("CNY", "per: node_month", "28000.00", "A800, June 2025"),
        ("CNY", "per: gpu_hour\nmonth_hours: 730\ngpus: 8", "4.79", "A800, June 2025"),
        ("CNY", "per: gpu_hour\nmonth_hours: 730\ngpus: 8", "11.30", "H800, June 2025"),
        ("CNY", "per: gpu_hour\nmonth_hours: 720\ngpus: 8", "4.28", "H20, June 2025"),
        ("CNY", "per: gpu_month\ngpus: 8", "8250.00", "H800"),
        ("CNY", "per: pflops_month\npflops: 7.912\nprecision: BF16 dense", "8342.00", "a tender"),
        ("USD", "per: gpu_hour\nmonth_hours: 720\ngpus: 8", "2.178", "hyperscaler"),
        ("USD", "per: gpu_hour\nmonth_hours: calendar\ngpus: 8", "2.178", "hyperscaler"),
    ):
        ground = SMALL.replace("currency: CNY", f"currency: {currency}")
        bought = CUSTOMERS.replace("currency: CNY", f"currency: {currency}")
        start = Month(2026, 11).interval(SHANGHAI).start
        built = build(ground, bought, MATRIX.format(currency, said, unit, amount), now=start)
        asked = Ask(SkuId("h100.node"), 2, start, 12, project=ProjectId("robotics-train"))
        given = quotes.ask(built.world, built.admin, asked)
        yield f"    {given.first.basis}"
        months = sorted({each.value.minor for each in given.plan.instalments})
        shown = ", ".join(str(Money(minor, currency)) for minor in months)
        yield f"        a node {given.first.per_node}, two nodes a month {shown}"


def accepted() -> Iterator[str]:
    terms = (
        "lines:\n"
        "  - {sku: h100.node, nodes: 1, monthly: 31000.00, start: 2026-01-01, end: 2027-01-01}\n"
        "  - {kind: one_off, title: Integration, amount: 80000.00, start: 2026-01-01}\n"
        "terms:\n  acceptance: customer\n"
        "  damages: {percent_per_day: 0.5, cap_percent: 20}\n"
    )
    shop = opened(PLAIN + terms, Month(2026, 1))
    built = shop.built
    shop.close(Month(2026, 1), 1)
    yield "    January is closed: nothing is accepted, nothing is earned."
    yield shop.ledger()
    built.clock.advance(timedelta(days=14))
    for batch in (1, 2):
        delivery.deliver(built.world, built.admin, K, batch, 1)
    delivery.accept(built.world, built.admin, K, 1, 1)
    yield "    On 15 February both are handed over, the node is accepted; February is closed."
    shop.close(Month(2026, 2), 1)
    yield shop.ledger()
    yield from shop.invoiced()
    yield "    In March the integration is accepted; March is closed."
    built.clock.advance(timedelta(days=19))
    delivery.accept(built.world, built.admin, K, 2, 1)
    shop.close(Month(2026, 3), 1)
    yield shop.ledger()
    yield from list(shop.invoiced())[-2:]


def broken() -> Iterator[str]:
    for cut in ("second", "day", "thirty"):
        terms = f"terms: {{payment: {{broken: {cut}}}}}\n"
        leap = line("2028-02-10", "2028-03-16", "monthly: 29000.00")
        spring = line("2026-03-29", "2026-04-16", "monthly: 31000.00")
        for what, term, customers in (("leap day", leap, SHANGHAI), ("summer", spring, BERLIN)):
            year, month = (2028, 2) if term is leap else (2026, 3)
            shop = opened(term + PLAIN + terms, Month(year, month), customers=customers)
            plan = sales.show(shop.built.world, shop.built.admin, K)[1]
            costs = ", ".join(f"{each.month} {each.value}" for each in plan.instalments)
            yield f"    by {cut}, {what}: {costs}"


def two_zones() -> Iterator[str]:
    term = line("2026-12-01", "2027-02-01", "monthly: 310000.00")
    shop = opened(term + PLAIN, Month(2026, 12), "USD", NEW_YORK, "us-none")
    during = sales.show(shop.built.world, shop.built.admin, K)[0].during
    year = during.start.astimezone(zone(NEW_YORK)).replace(year=2027, month=1, day=1)
    yield f"    2027 begins in New York at {year.astimezone(zone(SHANGHAI)):%Y-%m-%d %H:%M}"
    yield from shop.months("2026-12", "2027-01")
    shop.close(Month(2026, 12), 2)
    yield shop.ledger()
    for entry in books.entries(shop.built.world, shop.built.admin, SELLER):
        if entry.id.startswith("earned/"):
            amount = max(posting.amount.amount for posting in entry.postings)
            yield f"    {entry.at.astimezone(zone(SHANGHAI)):%Y-%m-%d}: {entry.memo}, {amount:,.2f}"


STORY: tuple[tuple[str, Callable[[], Iterator[str]]], ...] = (
    (
        (
            "119 billion over five years, 20 % prepaid, the rest monthly in arrears: a month earns "
            "1.98333 billion and bills 1.58667; what is deferred, 23.8 at signature, is 14.28 "
            "after 24 months, and the backlog 71.4. (Rows K1, K2, K5, K6.)"
        ),
        five_years,
    ),
    ("Machines are sold and leased back for 1.3 billion over four years. (Row K9.)", leased_back),
    (
        (
            "1,190,000 with 19 % VAT inside over 60 months, a fifth prepaid: net, tax and gross "
            "all add up to what was quoted."
        ),
        with_tax_inside,
    ),
    (
        (
            "62,000 a month, half of it in the first three months, 3 % more at each anniversary "
            "and 8 % at most in all. An anniversary in the middle of a month cuts it. (Row K8: "
            "newer nodes.)"
        ),
        indexed,
    ),
    (
        (
            "A price that follows the market of the A800, which lost 3.126 % a month from 60,000 "
            "on, is 28,000 after two years. (Row P1.)"
        ),
        followed,
    ),
    ("The same market, by the node, the GPU, the hour and the P. (Rows P1 to P3.)", priced),
    (
        (
            "A node and its integration wait for the customer's acceptance; both are late, and a "
            "late node costs half a percent of its month a day. (Row K11.)"
        ),
        accepted,
    ),
    ("Broken months: a leap day, and the day on which summer time begins.", broken),
    (
        (
            "A year's end in two time zones: December in New York lasts until after noon of the "
            "first of January in Shanghai, where the seller is, and is its December."
        ),
        two_zones,
    ),
)


def test_contracts_of_the_market_cost_and_earn_what_they_say() -> None:
    text = "\n".join("\n".join([said, *act()]) for said, act in STORY) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
