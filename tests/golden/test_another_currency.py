"""A contract in dollars in books in yuan, in prose: every rate, and every difference, to the fen.

UPDATE_GOLDEN=1 writes the file anew; the difference is what is to be read.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rackrate.app import books, payments, receivables
from rackrate.core.errors import RackrateError
from rackrate.core.ledger import Account, Entry
from rackrate.exports.beancount import export
from tests.app.currency_shop import SELLER, Quay, day, open_quay

GOLDEN = Path(__file__).with_name("another_currency.txt")
Told = tuple[str, Callable[[Quay], object]]


def rate(value: str, month: int, on: int) -> Callable[[Quay], object]:
    def act(quay: Quay) -> object:
        quay.on(day(month, on))
        return quay.rate(value, day(month, on))

    return act


def pay(amount: str, reference: str, month: int, on: int) -> Callable[[Quay], object]:
    def act(quay: Quay) -> object:
        quay.on(day(month, on))
        return quay.receive(amount, reference, keep=True)

    return act


STORY: tuple[Told, ...] = (
    (
        (
            "The books are in CNY. Harbour signs in USD: a node for November to January at "
            "10,000.00 a month, 20 % prepaid. No rate is known yet."
        ),
        lambda q: q.sign(),
    ),
    ("On 1 November a dollar is 7.10.", rate("7.10", 0, 1)),
    ("Now it can be signed: 6,000.00 prepaid and 8,000.00 for November.", lambda q: q.sign()),
    ("On 10 November a dollar is 7.15.", rate("7.15", 0, 10)),
    ("Harbour pays half of the first invoice.", pay("7420.00", "wire 1", 0, 10)),
    ("On 30 November a dollar is 7.05.", rate("7.05", 0, 30)),
    (
        (
            "November is closed. It is earned at 7.10, at which it was invoiced; December is "
            "invoiced at 7.05; what is open at the end of November is put at 7.05, and that is "
            "taken back as December begins."
        ),
        lambda q: q.close(0),
    ),
    ("On 20 December a dollar is 7.20.", rate("7.20", 1, 20)),
    (
        "Late, and at another rate, Harbour pays the rest of November, and 500.00 too much.",
        pay("16400.00", "wire 2", 1, 20),
    ),
    (
        "Harbour leases a GPU for 100 hours, at 2.40 an hour.",
        lambda q: q.lease(100),
    ),
    ("On 4 January a dollar is 7.30.", rate("7.30", 2, 4)),
    (
        (
            "December is closed on 5 January. Use is earned at 7.20, the last rate of December, "
            "and invoiced at 7.30; the contract is earned at the average of 7.10 and 7.05."
        ),
        lambda q: q.close(1, 5),
    ),
    (
        "Harbour uses the 500.00 for January's invoice.",
        lambda q: payments.allocate(q.built.world, q.mei, "pay_000002"),
    ),
    ("On 31 January a dollar is 7.00.", rate("7.00", 2, 31)),
    ("January is closed, the contract is over, and nothing is left to earn.", lambda q: q.close(2)),
    ("Harbour pays what is open.", pay("8234.40", "wire 3", 3, 5)),
)


def said(entry: Entry) -> list[str]:
    rows = []
    for posting in entry.postings:
        side = "Dr" if posting.book.minor > 0 else "Cr"
        amount = f"{abs(posting.amount.amount):,.2f} USD" if posting.amount else ""
        book = f"{abs(posting.book.amount):,.2f} CNY"
        rows.append(f"        {side} {posting.account.value:<29} {amount:>13} {book:>15}")
    return [f"    {entry.memo}", *rows]


def held(quay: Quay) -> list[str]:
    kept = (Account.RECEIVABLE, Account.CONTRACT_LIABILITY, Account.UNAPPLIED, Account.EXCHANGE)
    found = quay.balances()
    rows = []
    for account in kept:
        if account in found and (found[account].amount or found[account].book):
            one = found[account]
            rows.append(f"{account.value.rpartition(':')[2]} {one.amount} = {one.book}")
    return [f"    held: {'; '.join(rows) or 'nothing'}"]


def tell(quay: Quay) -> str:
    lines: list[str] = []
    for sentence, act in STORY:
        before = quay.entries()
        lines += [sentence]
        try:
            act(quay)
        except RackrateError as refused:
            lines.append(f"    refused {refused.reason}: {refused.detail}")
        new = [entry for id, entry in quay.entries().items() if id not in before]
        for entry in sorted(new, key=lambda each: (each.at, each.id)):
            lines += said(entry)
        lines += held(quay)
        table = receivables.ageing(quay.built.world, quay.mei, SELLER)
        assert table.agrees
    return "\n".join(lines) + "\n"


def test_a_contract_in_another_currency() -> None:
    told = tell(open_quay())
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(told)
    assert told == GOLDEN.read_text()


def test_its_journal_passes_bean_check(tmp_path: Path) -> None:
    quay = open_quay()
    tell(quay)
    (entity,) = books.entities(quay.built.world, quay.built.admin)
    text = export(entity, books.journal(quay.built.world, quay.built.admin, SELLER))
    good, bad = tmp_path / "good.beancount", tmp_path / "bad.beancount"
    good.write_text(text)
    bad.write_text(text.replace("@@ 70666.67 CNY", "@@ 70666.68 CNY", 1))
    check = [sys.executable, "-m", "beancount.scripts.check"]
    assert subprocess.run([*check, str(good)], capture_output=True, check=False).returncode == 0
    assert subprocess.run([*check, str(bad)], capture_output=True, check=False).returncode != 0
