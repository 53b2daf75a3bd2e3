"""An accountant's two months, in prose: what happens, what is posted, what is open then.

UPDATE_GOLDEN=1 writes the file anew; the difference is what is to be read.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from rackrate.app import books, drafts, payments, receivables, voiding
from rackrate.core.billing_terms import SellerTerms
from rackrate.core.errors import RackrateError
from rackrate.core.ids import InvoiceId
from rackrate.core.interval import Month
from rackrate.core.ledger import Entry
from rackrate.core.money import Money
from tests.app.money_shop import FIRST, SELLER, Shop, open_shop

GOLDEN = Path(__file__).with_name("receivables.txt")
FIRST_INVOICE, FAULTY = InvoiceId("EX-2026-000001"), InvoiceId("EX-2026-000002")
Told = tuple[str, Callable[[Shop], object]]


def approve(shop: Shop) -> object:
    waiting = drafts.find(shop.built.world, shop.li)[0]
    return drafts.approve(shop.built.world, shop.li, waiting.id)


def credit(shop: Shop) -> object:
    new = drafts.NewCredit(FIRST_INVOICE, "a slow node", {1: Money(10_000, "CNY")})
    return drafts.write_credit(shop.built.world, shop.mei, new)


def remind(shop: Shop) -> None:
    shop.built.clock.instant = FIRST + timedelta(days=75, hours=12)
    (due,) = receivables.remind(shop.built.world, shop.mei, SELLER)
    assert (due.step.level, due.days_late) == (1, 15)


STORY: tuple[Told, ...] = (
    (
        "Robotics leases two GPUs for 30 hours, at 17.00 an hour each.",
        lambda s: s.lease(30, slots=2),
    ),
    ("November is closed.", lambda s: s.close()),
    ("Robotics pays 500.00 of it.", lambda s: s.receive("500.00", "wire 1")),
    ("Mei credits 100.00, since a node was slow.", credit),
    ("Mei approves it herself.", lambda s: drafts.approve(s.built.world, s.mei, "drf_000001")),
    ("Li approves it.", approve),
    ("Robotics pays 500.00 again, by mistake.", lambda s: s.receive("500.00", "wire 2")),
    ("It is kept, since it came in.", lambda s: s.receive("500.00", "wire 2", keep=True)),
    (
        "What is too much goes back.",
        lambda s: payments.pay_back(s.built.world, s.mei, "pay_000002", None, "out 1"),
    ),
    ("A set-up of 1,000.00 is invoiced by hand, by two people.", lambda s: s.invoice("1000.00")),
    (
        "It names the wrong company: it is void, and issued again.",
        lambda s: voiding.void_invoice(s.built.world, s.mei, FAULTY, "wrong company", True),
    ),
    ("December is closed.", lambda s: s.close(Month(2026, 12))),
    ("Two weeks after its due date nobody has paid it, and a reminder goes out.", remind),
    (
        "January is closed: 31 days of 10 % a year on 1,060.00.",
        lambda s: s.close(Month(2027, 1)),
    ),
    ("Everything is paid.", lambda s: s.receive("1069.00", "wire 3")),
)


def posted(shop: Shop) -> dict[str, Entry]:
    return {e.id: e for e in books.entries(shop.built.world, shop.built.admin, SELLER)}


def said(entry: Entry) -> list[str]:
    rows = []
    for posting in entry.postings:
        side = "Dr" if posting.amount.minor > 0 else "Cr"
        amount = f"{abs(posting.amount.amount):,.2f}"
        rows.append(f"        {side} {posting.account.value:<24} {amount:>10}")
    return [f"    {entry.memo}", *rows]


def tell(shop: Shop) -> str:
    lines: list[str] = []
    for sentence, act in STORY:
        before = posted(shop)
        lines += [sentence] if sentence else []
        try:
            act(shop)
        except RackrateError as refused:
            lines.append(f"    refused: {refused.detail}")
        new = [entry for id, entry in posted(shop).items() if id not in before]
        for entry in sorted(new, key=lambda each: (each.at, each.id)):
            lines += said(entry)
        items = receivables.open_items(shop.built.world, shop.mei, SELLER)
        found = ", ".join(f"{each.invoice.id} {each.invoice.open}" for each in items)
        lines += [f"    open: {found or 'nothing'}"]
        assert shop.agrees()
    return "\n".join(lines) + "\n"


def test_two_months_of_an_accountant() -> None:
    shop = open_shop()
    rules = SellerTerms(SELLER, "EX-CR", Decimal(10))
    receivables.set_seller_terms(shop.built.world, shop.mei, rules)
    told = tell(shop)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(told)
    assert told == GOLDEN.read_text()
