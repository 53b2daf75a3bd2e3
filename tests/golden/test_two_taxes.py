"""Services and leases of things under two rates of tax, in prose: every invoice, by rule.

UPDATE_GOLDEN=1 writes the file anew; the difference is what is to be read.
"""

import os
from collections.abc import Callable
from pathlib import Path

from rackrate.app import billing, drafts
from rackrate.app.drafts import NewLines
from rackrate.core.draft import DraftLine
from rackrate.core.errors import RackrateError
from rackrate.core.ids import CustomerId, InvoiceId
from rackrate.core.ledger import Account
from rackrate.core.money import total
from rackrate.core.treatment import Supply
from tests.app.money_shop import FIRST, NOVEMBER, STUDIO, Shop, cny
from tests.build import CUSTOMERS, SMALL, build

GOLDEN = Path(__file__).with_name("two_taxes.txt")
Told = tuple[str, Callable[[Shop], object]]
GENERAL = SMALL.replace("output_tax: cn-service-6", "output_tax: cn-general").replace(
    "whole_node: true", "whole_node: true\nsupply: lease"
)
SIX = "\ntax_changes: [{from: 2027-01, tax: cn-service-6}]"
STUDIOS = "kind: customer\nname: studio\n"
CONTRACT = """
kind: contract
name: both
project: robotics-train
currency: CNY
time_zone: Asia/Shanghai
tax_included: true
prepayment_percent: 20
lines:
  - {sku: h100.node, nodes: 2, monthly: 1130.00, start: 2026-11-01, end: 2027-11-01}
  - {kind: service, title: Support, monthly: 106.00, start: 2026-11-01, end: 2027-11-01}
  - kind: service
    title: Racks of their own
    monthly: 56.50
    supply: lease
    start: 2026-11-01
    end: 2027-11-01
"""


def write(shop: Shop, whose: CustomerId, *lines: tuple[str, str, Supply]) -> str:
    rows = tuple(DraftLine(what, cny(amount), supply=supply) for what, amount, supply in lines)
    draft = drafts.write_lines(shop.built.world, shop.mei, NewLines(whose, rows, "by hand"))
    drafts.approve(shop.built.world, shop.li, draft.id)
    return draft.id


def written_for_studio(shop: Shop) -> object:
    lines = ("Set-up", "100.00", Supply.SERVICE), ("A spare server", "300.00", Supply.LEASE)
    return drafts.issue_now(shop.built.world, shop.mei, write(shop, STUDIO, *lines))


STORY: tuple[Told, ...] = (
    (
        (
            "Computing is a service, at 6 %; whole nodes are a lease, at 13 %. Robotics signs two "
            "nodes for 1,130.00 a month, support for 106.00 and racks, which the contract calls a "
            "lease, for 56.50, all with tax inside; a fifth of the year is prepaid."
        ),
        lambda s: s.built.apply(CONTRACT),
    ),
    ("It uses a GPU for ten hours, at 17.00 an hour before tax.", lambda s: s.lease(10)),
    (
        "Finance writes a line for a set-up, and one for a spare server.",
        lambda s: write(
            s,
            CustomerId("robotics"),
            ("Set-up", "80.00", Supply.SERVICE),
            ("A spare server", "250.00", Supply.LEASE),
        ),
    ),
    ("November is closed: December's instalments are on its invoice.", lambda s: s.close()),
    (
        "By law leases are at 6 %, too, for what is supplied from January on.",
        lambda s: s.built.apply(
            GENERAL.replace("output_tax: cn-general", "output_tax: cn-general" + SIX)
        ),
    ),
    ("December is closed: January's instalments are at 6 %.", lambda s: s.close(NOVEMBER.plus(1))),
    (
        "113.00 of December's nodes are credited, at the rate of December.",
        lambda s: s.credit(InvoiceId("EX-2026-000002"), lines={2: "113.00"}),
    ),
    (
        "Leases to Studio are outside the scope of VAT: both on one invoice are refused.",
        lambda s: [
            s.built.apply(
                CUSTOMERS.replace(STUDIOS, STUDIOS + "tax_rule: service=cn-service-6,lease=none\n")
            ),
            written_for_studio(s),
        ],
    ),
    (
        "January is closed: Studio has one invoice for each.",
        lambda s: s.close(NOVEMBER.plus(2)),
    ),
)


def tell(shop: Shop, said: str, act: Callable[[Shop], object], known: set[str]) -> list[str]:
    text = [said]
    try:
        act(shop)
    except RackrateError as error:
        text.append(f"    refused: {error.detail}")
    found = billing.find(shop.built.world, shop.mei)
    for invoice in reversed([each for each in found if each.id not in known]):
        known.add(invoice.id)
        text.append(f"    {invoice.id} for {invoice.customer}: {invoice.gross}")
        for line in shop.lines(invoice.id):
            text.append(
                f"        {line.description}: {line.net} net, {line.supply}, {line.tax_rule}"
            )
        for part in invoice.by_rule:
            text.append(f"        under {part.rule}: {part.tax} on {part.net}")
    owed = -total((each.tax for each in found), "CNY")
    assert shop.balance(Account.TAX) == str(owed.amount)
    return text


def test_a_year_of_two_taxes_reads_as_it_did() -> None:
    built = build(GENERAL, CUSTOMERS, now=FIRST)
    shop, known = Shop.of(built), set[str]()
    text = "\n".join(line for what in STORY for line in tell(shop, *what, known)) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_what_the_service_of_a_contract_earns_is_what_is_invoiced_of_it_by_supply() -> None:
    """After the last month nothing is owed to the customer and nothing is unbilled."""
    built = build(GENERAL, CUSTOMERS, now=FIRST)
    shop = Shop.of(built)
    built.apply(CONTRACT)
    for number in range(13):
        if number == 5:
            shop.built.apply(GENERAL.replace("cn-general", "cn-general" + SIX.replace("01", "05")))
        shop.close(NOVEMBER.plus(number))
    for account in (Account.CONTRACT_LIABILITY, Account.UNBILLED):
        assert shop.balance(account) == "0.00"
