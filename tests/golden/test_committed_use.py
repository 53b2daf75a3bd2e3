"""Six months of a contract over use, in prose: what is used, invoiced, left of the balance, posted.

UPDATE_GOLDEN=1 writes the file anew; the difference is what is to be read.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from rackrate.app import billing, books, channels, explaining, leasing, loops, shortfalls
from rackrate.app.channels import Filter
from rackrate.app.leasing import Ask
from rackrate.core.errors import RackrateError
from rackrate.core.ids import ContractId, LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Month
from rackrate.core.invoice import Invoice
from rackrate.core.ledger import Account
from rackrate.core.outbox import Topic
from tests.app.money_shop import SELLER, SHANGHAI, Shop, open_shop

GOLDEN = Path(__file__).with_name("committed_use.txt")
AGILE, TRAIN = ContractId("agile"), ProjectId("robotics-train")
NODE, GPU = SkuId("h100.node"), SkuId("h100.1")
OCTOBER = Month(2026, 10)
Told = tuple[str, Callable[[Shop], object]]
CONTRACT = """
kind: contract
name: agile
project: robotics-train
currency: CNY
time_zone: Asia/Shanghai
prepayment_percent: 60
tax_included: false
lines:
  - {kind: flex, sku: h100.node, nodes: 2, start: 2026-11-01, end: 2027-05-01,
     holding: 3000.00, rate: 6.00}
  - {kind: use, title: GPUs by the hour, start: 2026-11-16, end: 2027-05-01, minimum: 6000.00,
     rates: [{sku: h100.1, amount: 12.00}]}
terms:
  overage: {at: contract, rates: [{sku: h100.node, amount: 14.00}]}
  payment: {prepaid: wallet, tell_percent: 25}
"""


def settle(shop: Shop) -> None:
    leader = loops.lead(shop.built.world, "test")
    assert leader is not None
    loops.provision(shop.built.world, leader)


def at(shop: Shop, month: int, day: int, hour: int = 0) -> Shop:
    """A day of the month so many after October, on the customer's calendar."""
    first = OCTOBER.plus(month).interval(SHANGHAI).start
    shop.built.clock.instant = first + timedelta(days=day - 1, hours=hour)
    settle(shop)
    return shop


def start(shop: Shop, sku: SkuId, count: int, overage: bool = False) -> Shop:
    ask = Ask(TRAIN, sku, count, klass=None, contract=AGILE, overage=overage)
    leasing.start(shop.built.world, shop.built.admin, ask)
    settle(shop)
    return shop


def newest(shop: Shop) -> LeaseId:
    live = leasing.Filter(live=True)
    return leasing.find(shop.built.world, shop.built.admin, live, limit=1)[0].id


def end(shop: Shop) -> Shop:
    leasing.end(shop.built.world, shop.built.admin, newest(shop))
    settle(shop)
    return shop


def lost(shop: Shop) -> None:
    """Seen an hour before midnight, and not when November is closed."""
    at(shop, 1, 30, 23)
    shop.built.world.engines[SiteId("east")].release(newest(shop), 1)


def close(shop: Shop, month: int) -> None:
    shop.close(OCTOBER.plus(month))
    shop.built.clock.advance(timedelta(hours=1))
    settle(shop)


def hours(shop: Shop, month: int, sku: SkuId, count: int, length: int) -> None:
    at(shop, month, 5)
    start(shop, sku, count)
    shop.built.clock.advance(timedelta(hours=length))
    end(shop)


STORY: tuple[Told, ...] = (
    (
        (
            "Two flexible nodes are signed, for 3,000.00 each a month and 6.00 a GPU-hour used;\n"
            "from 16 November at least 6,000.00 a month of GPUs at 12.00; 60 % is prepaid for use."
        ),
        lambda s: s.built.apply(CONTRACT),
    ),
    ("On 20 November both nodes are put to use.", lambda s: start(at(s, 1, 20), NODE, 2)),
    ("A third node is more than was reserved.", lambda s: start(s, NODE, 1)),
    (
        "As overage it starts, on demand at 14.00 a GPU-hour; ten hours later it ends.",
        lambda s: end(at(start(s, NODE, 1, overage=True), 1, 20, 10)),
    ),
    ("A day after their start the nodes are idle again.", lambda s: end(at(s, 1, 21))),
    ("On 25 November a GPU starts by the hour.", lambda s: start(at(s, 1, 25), GPU, 1)),
    ("An hour before the month's end it is lost, and nobody knows yet.", lost),
    ("November is closed: of its minimum there are fifteen days.", lambda s: close(s, 1)),
    ("In December four GPUs run for 100 hours.", lambda s: hours(s, 2, GPU, 4, 100)),
    (
        "December is closed: the hour that was lost is not owed for use, but to the minimum.",
        lambda s: close(s, 2),
    ),
    (
        "In January six GPUs run for 100 hours, which is more than the minimum.",
        lambda s: hours(s, 3, GPU, 6, 100),
    ),
    ("January is closed.", lambda s: close(s, 3)),
    ("February, in which nothing is used, is closed.", lambda s: close(s, 4)),
    ("So is March: little is left of what was prepaid.", lambda s: close(s, 5)),
    ("So is April, the last month: what is left goes back.", lambda s: close(s, 6)),
    ("In May the contract is over.", lambda s: hours(s, 7, GPU, 1, 10)),
)


def invoice_said(shop: Shop, invoice: Invoice) -> list[str]:
    said = [f"    invoice {invoice.id}: {invoice.net} before tax"]
    for line in shop.lines(invoice.id):
        said.append(f"        {line.net.amount:>12,}  {line.description}")
    return said


def explained(shop: Shop, invoice: Invoice) -> list[str]:
    """Every shortfall is what its lines of use leave of the minimum."""
    said = []
    for place in range(1, len(shop.lines(invoice.id)) + 1):
        why = explaining.explain(shop.built.world, shop.built.admin, invoice.id, place)
        if why.owing is not None:
            assert why.owing.matches
            sums = [str(row.line.net.amount) for row in why.owing.rows]
            said.append(f"    explained: {' + '.join(sums) or 'nothing'} was used")
        if why.measured is not None:
            assert why.measured.matches
    return said


def tell(shop: Shop) -> str:
    text: list[str] = []
    known, told = set[str](), set[str]()
    for sentence, act in STORY:
        text.append(sentence)
        try:
            act(shop)
        except RackrateError as no:
            text.append(f"    refused: {no.detail}")
        for invoice in reversed(billing.find(shop.built.world, shop.built.admin)):
            if invoice.id not in known:
                known.add(invoice.id)
                text += [*invoice_said(shop, invoice), *explained(shop, invoice)]
        for row in channels.notifications(shop.built.world, shop.built.admin, Filter(), "", 100):
            if row.row.topic is Topic.PREPAYMENT_LOW and row.row.id not in told:
                told.add(row.row.id)
                text.append(f"    told: {row.row.facts['left']} is left of the prepayment")
        stands = shortfalls.show(shop.built.world, shop.built.admin, AGILE).balance
        assert stands is not None
        accounts = (Account.CONTRACT_LIABILITY, Account.USAGE_REVENUE, Account.CONTRACT_REVENUE)
        sums = ", ".join(f"{a.value} {shop.balance(a)}" for a in accounts)
        text.append(f"    balance: {stands.left}; {sums}")
        assert all(e.foreign is False for e in books.entries(shop.built.world, shop.mei, SELLER))
    return "\n".join(text) + "\n"


def test_six_months_of_a_contract_over_use_read_as_they_did() -> None:
    told = tell(open_shop())
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(told)
    assert told == GOLDEN.read_text()
