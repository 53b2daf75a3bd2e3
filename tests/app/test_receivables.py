"""Invoices after they are issued: paid in parts, credited by two people, void, late."""

import subprocess
import sys
from pathlib import Path

import pytest

from rackrate.app import billing, books, drafts, payments, voiding
from rackrate.app.drafts import NewCredit, NewLines
from rackrate.core.access import Role
from rackrate.core.draft import DraftLine, DraftState
from rackrate.core.errors import Forbidden, Invalid, Missing, Refused
from rackrate.core.ids import InvoiceId
from rackrate.core.interval import Month
from rackrate.core.invoice import InvoiceKind, InvoiceStatus
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from rackrate.exports.beancount import export
from tests.app.money_shop import (
    NOVEMBER,
    ROBOTICS,
    SELLER,
    STUDIO,
    Shop,
    cny,
    open_shop,
)

DECEMBER = Month(2026, 12)


def test_a_payment_goes_to_what_was_due_first_and_the_rest_is_kept_only_if_asked() -> None:
    shop = open_shop()
    first, second = shop.invoice("100.00"), shop.invoice("50.00")
    with pytest.raises(Refused, match=r"159\.00 CNY is open, 41\.00 CNY less than was paid"):
        shop.receive("200.00", "wire 1")
    held = shop.receive("120.00", "wire 2")
    assert shop.show(first.id).status is InvoiceStatus.PAID
    assert str(shop.show(second.id).open) == "39.00 CNY"
    assert shop.receive("120.00", "wire 2") == held
    with pytest.raises(Refused, match=r"was 120\.00 CNY"):
        shop.receive("121.00", "wire 2")
    kept = shop.receive("100.00", "wire 3", keep=True)
    assert str(kept.left) == "61.00 CNY"
    assert (shop.balance(Account.BANK), shop.balance(Account.UNAPPLIED)) == ("220.00", "-61.00")
    assert shop.balance(Account.RECEIVABLE) == "0.00" and shop.agrees()


def test_a_wrong_payment_is_taken_back_by_a_reversing_entry_and_allocated_anew() -> None:
    shop = open_shop()
    right, wrong = shop.invoice("100.00"), shop.invoice("100.00")
    held = shop.receive("106.00", "wire", wrong.id)
    payments.release(shop.built.world, shop.mei, held.payment.id)
    assert str(shop.show(wrong.id).open) == "106.00 CNY"
    assert shop.balance(Account.UNAPPLIED) == "-106.00"
    payments.allocate(shop.built.world, shop.mei, held.payment.id, [(right.id, None)])
    assert shop.show(right.id).status is InvoiceStatus.PAID
    with pytest.raises(Refused, match="nothing of EX-2026-000002 is allocated"):
        payments.release(shop.built.world, shop.mei, held.payment.id, wrong.id)
    journal = books.journal(shop.built.world, shop.built.admin, SELLER)
    assert {entry.memo for entry in journal} >= {
        "Payment of EX-2026-000002",
        "No longer: pay_000001 to EX-2026-000002",
        "Allocation of pay_000001 to EX-2026-000001",
    }
    assert shop.agrees()


def test_what_is_too_much_goes_back_and_never_more_than_it() -> None:
    shop = open_shop()
    shop.invoice("100.00")
    held = shop.receive("150.00", "wire", keep=True)
    back = payments.pay_back
    with pytest.raises(Refused, match=r"44\.00 CNY of pay_000001 is not used yet"):
        back(shop.built.world, shop.mei, held.payment.id, cny("44.01"), "out 1")
    back(shop.built.world, shop.mei, held.payment.id, None, "out 1")
    with pytest.raises(Refused, match="too_much_paid"):
        back(shop.built.world, shop.mei, held.payment.id, None, "out 2")
    assert (shop.balance(Account.BANK), shop.balance(Account.UNAPPLIED)) == ("106.00", "0.00")


def test_payments_that_cannot_be_change_nothing() -> None:
    shop = open_shop()
    mine, other = shop.invoice("100.00"), shop.invoice("10.00", STUDIO)
    before = books.journal(shop.built.world, shop.built.admin, SELLER)
    for how, said in (
        (("100.00", "a", f"{mine.id}=106.01"), r"106\.00 CNY of EX-2026-000001 is open"),
        (("100.00", "a", f"{mine.id}=101.00"), r"100\.00 CNY is left of the payment"),
        (("100.00", "a", mine.id, mine.id), "named twice|not positive"),
        (("0.00", "a"), "not positive"),
        (("1.00", ""), "one line of 1 to 200"),
    ):
        with pytest.raises(Refused, match=said):
            shop.receive(*how)
    with pytest.raises(Missing):
        shop.receive("10.00", "a", other.id)
    dollars = payments.Received(ROBOTICS, Money.parse("1.00", "USD"), "a")
    with pytest.raises(Refused, match="pays in CNY, not in USD"):
        payments.receive(shop.built.world, shop.mei, dollars)
    assert books.journal(shop.built.world, shop.built.admin, SELLER) == before
    assert payments.find(shop.built.world, shop.mei) == []


def test_a_credit_note_takes_two_people_and_names_what_it_credits() -> None:
    shop = open_shop()
    shop.lease(10)
    (invoice,) = shop.close()
    new = NewCredit(invoice.id, "a node was slow", {1: cny("17.00")}, goodwill=True)
    draft = drafts.write_credit(shop.built.world, shop.mei, new)
    with pytest.raises(Forbidden, match="somebody else has to approve it"):
        drafts.approve(shop.built.world, shop.mei, draft.id)
    assert shop.balance(Account.RECEIVABLE) == "180.20"
    approved = drafts.approve(shop.built.world, shop.li, draft.id)
    assert approved.state is DraftState.ISSUED and approved.issued == "EX-CR-2026-000001"
    assert drafts.approve(shop.built.world, shop.li, draft.id) == approved
    credit = shop.show(InvoiceId("EX-CR-2026-000001"))
    assert (credit.kind, credit.credits) == (InvoiceKind.CREDIT_NOTE, invoice.id)
    assert (str(credit.net), str(credit.tax)) == ("-17.00 CNY", "-1.02 CNY")
    (line,) = shop.lines(credit.id)
    assert line.credits == shop.lines(invoice.id)[0].source and "Goodwill" in line.description
    after = shop.show(invoice.id)
    assert (str(after.credited), str(after.open)) == ("18.02 CNY", "162.18 CNY")
    assert shop.balance(Account.USAGE_REVENUE) == "-153.00"
    assert shop.balance(Account.RECEIVABLE) == "162.18" and shop.agrees()


def test_credits_never_come_to_more_than_the_invoice_and_to_its_tax_exactly() -> None:
    shop = open_shop()
    invoice = shop.invoice("0.25")
    credits = [shop.credit(invoice.id, lines={1: "0.08"}) for _ in range(3)]
    with pytest.raises(Refused, match=r"0\.01 CNY of line 1 can still be credited, not 0\.02 CNY"):
        shop.credit(invoice.id, lines={1: "0.02"})
    with pytest.raises(Refused, match=r"0\.01 CNY of the lines can still be credited"):
        shop.credit(invoice.id, "0.02")
    with pytest.raises(Invalid, match="line 2 is not on the invoice"):
        shop.credit(invoice.id, lines={2: "0.01"})
    credits.append(shop.credit(invoice.id))
    assert sum(one.tax.minor for one in credits) == -invoice.tax.minor == -2
    assert not shop.show(invoice.id).open and shop.balance(Account.RECEIVABLE) == "0.00"
    with pytest.raises(Refused, match="is a credit note itself"):
        shop.credit(credits[0].id, "0.01")


def test_two_credits_that_wait_cannot_both_take_the_whole_invoice() -> None:
    shop = open_shop()
    invoice = shop.invoice("100.00")
    new = NewCredit(invoice.id, "all of it", {})
    first, second = (drafts.write_credit(shop.built.world, shop.mei, new) for _ in range(2))
    drafts.approve(shop.built.world, shop.li, first.id)
    with pytest.raises(Refused, match=r"0\.00 CNY of line 1 can still be credited"):
        drafts.approve(shop.built.world, shop.li, second.id)
    assert drafts.show(shop.built.world, shop.li, second.id).state is DraftState.WAITING


def test_a_credit_of_a_paid_invoice_is_set_off_against_another_or_paid_out() -> None:
    shop = open_shop()
    paid, other = shop.invoice("100.00"), shop.invoice("50.00")
    shop.receive("106.00", "wire", paid.id)
    credit = shop.credit(paid.id, "90.00")
    assert str(credit.open) == "-95.40 CNY"
    used = payments.use_credit(shop.built.world, shop.mei, credit.id)
    assert str(used.open) == "-42.40 CNY" and not shop.show(other.id).open
    assert shop.balance(Account.RECEIVABLE) == "-42.40" and shop.agrees()
    with pytest.raises(Refused, match=r"42\.40 CNY of EX-CR-2026-000001 is not used yet"):
        payments.pay_back(shop.built.world, shop.mei, credit.id, cny("42.41"), "out")
    payments.pay_back(shop.built.world, shop.mei, credit.id, None, "out")
    assert shop.show(credit.id).status is InvoiceStatus.PAID
    assert (shop.balance(Account.BANK), shop.balance(Account.RECEIVABLE)) == ("63.60", "0.00")


def test_lines_written_by_hand_go_on_the_month_s_invoice_once_somebody_else_approved_them() -> None:
    shop = open_shop()
    shop.lease(1)
    set_up = shop.write(("Set-up", "500.00"), ("A discount", "-50.00"))
    waits = shop.write(("Waits", "1.00"))
    drafts.approve(shop.built.world, shop.li, set_up.id)
    seen = billing.preview(shop.built.world, shop.mei, ROBOTICS, NOVEMBER)
    (invoice,) = shop.close()
    assert seen.totals.gross == invoice.gross == cny("495.02")
    assert drafts.show(shop.built.world, shop.mei, set_up.id).issued == invoice.id
    assert shop.balance(Account.OTHER_REVENUE) == "-450.00"
    drafts.withdraw(shop.built.world, shop.mei, waits.id)
    with pytest.raises(Refused, match="is withdrawn, and cannot be approved"):
        drafts.approve(shop.built.world, shop.li, waits.id)
    with pytest.raises(Refused, match=f"is issued on {invoice.id}, and cannot be withdrawn"):
        drafts.withdraw(shop.built.world, shop.mei, set_up.id)
    assert shop.close(DECEMBER) == ()


def test_a_closed_month_is_not_opened_again() -> None:
    shop = open_shop()
    shop.lease(1)
    shop.close()
    late = NewLines(ROBOTICS, (DraftLine("Late", cny("1.00")),), "late", NOVEMBER)
    with pytest.raises(Refused, match="2026-11 of example is closed and is not opened again"):
        drafts.write_lines(shop.built.world, shop.mei, late)


def test_a_void_invoice_keeps_its_number_and_what_it_asked_for_comes_with_the_next_close() -> None:
    shop = open_shop()
    shop.lease(10)
    (invoice,) = shop.close()
    void = voiding.void_invoice(shop.built.world, shop.mei, invoice.id, "to another company")
    assert (void.status, str(void.open)) == (InvoiceStatus.VOID, "0.00 CNY")
    assert shop.balance(Account.RECEIVABLE) == "0.00" == shop.balance(Account.TAX)
    assert shop.balance(Account.UNBILLED) == "170.00" == shop.balance(Account.UNBILLED, ROBOTICS)
    with pytest.raises(Refused, match="is void: nothing of it is owed"):
        billing.settle(shop.built.world, shop.mei, invoice.id, cny("1.00"), "wire")
    (again,) = shop.close(DECEMBER)
    assert again.gross == invoice.gross
    assert shop.show(invoice.id).replaced == again.id
    assert (shop.balance(Account.UNBILLED), shop.balance(Account.USAGE_REVENUE)) == (
        "0.00",
        "-170.00",
    )
    assert shop.close(DECEMBER.plus(1)) == () and shop.agrees()


def test_only_what_was_never_paid_can_be_void() -> None:
    shop = open_shop()
    paid, credited, fresh = (shop.invoice("100.00") for _ in range(3))
    held = shop.receive("1.00", "wire", paid.id)
    credit = shop.credit(credited.id, "1.00")
    for id in (paid.id, credited.id):
        with pytest.raises(Refused, match=f"{id}"):
            voiding.void_invoice(shop.built.world, shop.mei, id, "no")
    with pytest.raises(Refused, match="is a credit note"):
        voiding.void_invoice(shop.built.world, shop.mei, credit.id, "no")
    payments.release(shop.built.world, shop.mei, held.payment.id)
    voiding.void_invoice(shop.built.world, shop.mei, paid.id, "now it can")
    anew = voiding.void_invoice(shop.built.world, shop.mei, fresh.id, "wrong terms", again=True)
    assert anew.replaced is not None and shop.show(anew.replaced).gross == fresh.gross
    assert voiding.void_invoice(shop.built.world, shop.mei, fresh.id, "twice") == anew
    assert shop.agrees()


def test_a_month_below_zero_is_a_credit_note_and_not_paid() -> None:
    shop = open_shop()
    draft = shop.write(("Given back", "-30.00"))
    drafts.approve(shop.built.world, shop.li, draft.id)
    open_invoice = shop.invoice("100.00")
    (credit,) = shop.close()
    assert credit.id.startswith("EX-CR-2026-") and credit.kind is InvoiceKind.CREDIT_NOTE
    assert (credit.status, str(credit.open)) == (InvoiceStatus.ISSUED, "-31.80 CNY")
    with pytest.raises(Refused, match="it is set off, or paid back"):
        billing.settle(shop.built.world, shop.mei, credit.id, cny("1.00"), "wire")
    payments.use_credit(shop.built.world, shop.mei, credit.id)
    assert str(shop.show(open_invoice.id).open) == "74.20 CNY"
    payments.release(shop.built.world, shop.mei, credit.id)
    assert str(shop.show(credit.id).open) == "-31.80 CNY" and shop.agrees()


def test_a_customer_sees_its_own_payments_and_no_drafts() -> None:
    shop = open_shop()
    invoice = shop.invoice("100.00")
    held = shop.receive("106.00", "wire")
    mine = shop.built.actor("o@robotics.example", Role.OWNER, "robotics")
    other = shop.built.actor("o@studio.example", Role.OWNER, "studio")
    assert payments.find(shop.built.world, mine) == [held]
    assert payments.find(shop.built.world, other) == []
    with pytest.raises(Missing):
        payments.show(shop.built.world, other, held.payment.id)
    with pytest.raises(Forbidden):
        drafts.find(shop.built.world, mine, ROBOTICS)
    with pytest.raises(Forbidden):
        voiding.void_invoice(shop.built.world, mine, invoice.id, "mine")


def test_the_journal_of_all_of_it_passes_bean_check(tmp_path: Path) -> None:
    shop = open_shop()
    _everything(shop)
    (entity,) = books.entities(shop.built.world, shop.built.admin)
    text = export(entity, books.journal(shop.built.world, shop.built.admin, SELLER))
    path = tmp_path / "books.beancount"
    path.write_text(text)
    check = [sys.executable, "-m", "beancount.scripts.check", str(path)]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    for account in ("Liabilities:UnappliedCash", "Income:Other", "Assets:Receivable"):
        assert account in text


def _everything(shop: Shop) -> None:
    shop.lease(10)
    (month,) = shop.close()
    fresh, paid = shop.invoice("10.00"), shop.invoice("20.00")
    voiding.void_invoice(shop.built.world, shop.mei, fresh.id, 'odd "reason"', again=True)
    held = shop.receive("100.00", "wire", paid.id, keep=True)
    payments.release(shop.built.world, shop.mei, held.payment.id)
    payments.allocate(shop.built.world, shop.mei, held.payment.id, [(month.id, cny("50.00"))])
    payments.pay_back(shop.built.world, shop.mei, held.payment.id, cny("7.00"), "out")
    shop.credit(month.id, "170.00")
    assert shop.agrees()
