"""Terms of customers and sellers: orders, projects, series; and what is late, and how late."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rackrate.app import drafts, payments, receivables
from rackrate.app.drafts import NewLines
from rackrate.core.access import Role
from rackrate.core.billing_terms import BillingTerms, OrderNumber, SellerTerms, steps_of
from rackrate.core.draft import DraftLine
from rackrate.core.errors import Invalid, Missing, Refused
from rackrate.core.ids import ContractId, CustomerId, EntityId, ProjectId
from rackrate.core.interval import Month
from rackrate.core.invoice import InvoiceStatus, LineKind
from rackrate.core.ledger import Account
from tests.app import test_billing
from tests.app.money_shop import (
    FIRST,
    NOVEMBER,
    ROBOTICS,
    SELLER,
    STUDIO,
    cny,
    open_shop,
)

DECEMBER = Month(2026, 12)


def test_credit_notes_count_on_their_own_or_with_the_invoices_as_the_seller_wants() -> None:
    shop = open_shop()
    rules = SellerTerms(SELLER, "")
    receivables.set_seller_terms(shop.built.world, shop.mei, rules)
    first = shop.invoice("10.00")
    assert shop.credit(first.id, "1.00").id == "EX-2026-000002"
    with pytest.raises(Invalid, match="EX is in use by example"):
        receivables.set_seller_terms(shop.built.world, shop.mei, replace(rules, credit_series="EX"))


def test_customers_have_terms_orders_and_invoices_of_their_own_by_project() -> None:
    shop = open_shop()
    shop.built.apply("kind: project\nname: robotics-lab\ntitle: Lab\ncustomer: robotics\n")
    lab = OrderNumber("PO-LAB", ProjectId("robotics-lab"))
    terms = BillingTerms(ROBOTICS, SELLER, 45, True, orders=(OrderNumber("PO-1"), lab))
    receivables.set_terms(shop.built.world, shop.mei, terms)
    shop.lease(1)
    shop.lease(2, "robotics-lab")
    shop.lease(3, "studio-render")
    lab_invoice, train, studio = shop.close()
    assert (lab_invoice.project, lab_invoice.purchase_order) == ("robotics-lab", "PO-LAB")
    assert (train.project, train.purchase_order) == ("robotics-train", "PO-1")
    assert (lab_invoice.net, train.net) == (cny("34.00"), cny("17.00"))
    assert (studio.project, studio.purchase_order) == (None, "")
    assert (train.due - train.issued).days == 45 and (studio.due - studio.issued).days == 30
    assert shop.close() == (lab_invoice, train, studio)
    test_billing.sign(shop.built)
    for order, whose in (
        (OrderNumber("X", ProjectId("studio-render")), ROBOTICS),
        (OrderNumber("X", contract=ContractId("k1")), STUDIO),
    ):
        theirs = BillingTerms(whose, SELLER, orders=(order,))
        with pytest.raises(Missing):
            receivables.set_terms(shop.built.world, shop.mei, theirs)


def test_late_payment_costs_interest_by_the_day_once_and_none_on_interest() -> None:
    """10,600.00 is due on 1 December and paid on the 20th: 19 days of 10 % a year."""
    shop = open_shop()
    receivables.set_seller_terms(
        shop.built.world, shop.mei, SellerTerms(SELLER, "EX-CR", Decimal(10))
    )
    late = shop.invoice("10000.00")
    shop.close()
    shop.built.clock.instant = FIRST + timedelta(days=49, hours=12)
    shop.receive("10000.00", "wire", late.id)
    (december,) = shop.close(DECEMBER)
    (line,) = shop.lines(december.id)
    # 1 to 20 December open 10,600.00 at the beginning of 19 days, then 600.00 of 11.
    exact = (Decimal(10600) * 19 + Decimal(600) * 11) * Decimal("0.10") / 365
    assert (line.kind, str(line.net.amount)) == (LineKind.INTEREST, str(round(exact, 2)))
    assert december.tax == cny("0.00") and shop.balance(Account.INTEREST) == "-56.99"
    (january,) = shop.close(Month(2027, 1))
    (more,) = shop.lines(january.id)
    assert more.description == "Interest on EX-2026-000001, overdue in 2027-01: 10 % a year"
    assert str(more.net.amount) == str(round(Decimal(600) * 31 * Decimal("0.10") / 365, 2))
    shop.receive("600.00", "rest", late.id)
    shop.built.clock.advance(timedelta(days=90))
    february = shop.close(Month(2027, 2))
    assert [line.description for one in february for line in shop.lines(one.id)] == [
        "Interest on EX-2026-000001, overdue in 2027-02: 10 % a year"
    ]


def test_reminders_come_step_by_step_and_each_level_once() -> None:
    shop = open_shop()
    invoice = shop.invoice("100.00")
    rules = SellerTerms(SELLER, "EX-CR", steps=steps_of([(7, "first"), (21, "second")]))
    receivables.set_seller_terms(shop.built.world, shop.mei, rules)

    def reminded(days: int) -> list[int]:
        shop.built.clock.instant = FIRST + timedelta(days=30 + days, hours=1)
        due = receivables.remind(shop.built.world, shop.mei, SELLER)
        assert receivables.remind(shop.built.world, shop.mei, SELLER) == []
        return [one.step.level for one in due]

    assert reminded(6) == []
    (item,) = receivables.open_items(shop.built.world, shop.mei, SELLER)
    assert (item.invoice.standing(shop.built.clock.now()), item.days_late) == ("overdue", 6)
    assert reminded(25) == [1]
    assert reminded(38) == []  # A fortnight lies between the two.
    assert reminded(39) == [2]
    assert reminded(99) == []
    (item,) = receivables.open_items(shop.built.world, shop.mei, SELLER)
    assert item.reminded == 2 and item.invoice.id == invoice.id


def test_ageing_has_a_column_for_each_thirty_days_and_adds_up_to_the_ledger() -> None:
    shop = open_shop()
    for days in (0, 20, 35, 40, 100):
        shop.built.clock.instant = FIRST + timedelta(days=days)
        shop.invoice(f"{days + 1}.00")
    paid = shop.invoice("1000.00")
    shop.receive("1060.00", "wire", paid.id)
    shop.receive("5.00", "more", keep=True, of="studio")
    shop.credit(paid.id, "10.00")
    shop.built.clock.instant = FIRST + timedelta(days=125)
    table = receivables.ageing(shop.built.world, shop.mei, SELLER)
    robotics, studio = table.rows
    columns = [str(one.amount) for one in (*robotics.buckets, robotics.credits)]
    assert columns == ["107.06", "0.00", "81.62", "22.26", "1.06", "-10.60"]
    assert (str(studio.receivable), str(studio.unapplied)) == ("0.00 CNY", "5.00 CNY")
    assert table.agrees
    owner = shop.built.actor("o@robotics.example", Role.OWNER, "robotics")
    own = receivables.ageing(shop.built.world, owner, SELLER)
    assert [row.customer for row in own.rows] == [ROBOTICS] and own.rows[0] == robotics
    with pytest.raises(Missing):
        receivables.ageing(shop.built.world, owner, SELLER, STUDIO)


def test_sellers_count_and_close_apart() -> None:
    other = """
kind: entity
name: second
title: Second Compute (sample)
country: CN
time_zone: Asia/Shanghai
currency: CNY
invoice_series: SC
output_tax: cn-service-6
---
kind: customer
name: apart
title: Example Apart (sample)
entity: second
country: CN
time_zone: Asia/Shanghai
currency: CNY
"""
    shop = open_shop(FIRST, None, other)
    apart, second = CustomerId("apart"), EntityId("second")
    shop.invoice("1.00")
    theirs = shop.invoice("2.00", apart)
    assert theirs.id == "SC-2026-000001" and theirs.entity == second
    shop.close()
    late = NewLines(apart, (DraftLine("On time", cny("1.00")),), "ok", NOVEMBER)
    drafts.write_lines(shop.built.world, shop.mei, late)  # November of the second is still open.
    table = receivables.ageing(shop.built.world, shop.mei, second)
    assert [row.customer for row in table.rows] == [apart]
    assert shop.close(seller=second) == ()
    with pytest.raises(Refused, match="2026-11 of second is closed"):
        drafts.write_lines(shop.built.world, shop.mei, late)


def test_a_trial_at_no_price_is_on_no_bill_and_pays_nothing() -> None:
    free = """
kind: price_book
currency: CNY
tax_included: false
effective: 2026-11-01
time_zone: Asia/Shanghai
per_slot_hour:
  h100.1: {on_demand: 0.00}
"""
    shop = open_shop(FIRST, None, free)
    shop.lease(5)
    (invoice,) = shop.close()
    assert invoice.gross == cny("0.00") and invoice.status is InvoiceStatus.PAID
    assert shop.balance(Account.USAGE_REVENUE) == "0.00"


def test_a_payment_counts_from_the_day_on_which_it_came_in_while_that_month_is_open() -> None:
    shop = open_shop()
    rules = SellerTerms(SELLER, "EX-CR", Decimal(10))
    receivables.set_seller_terms(shop.built.world, shop.mei, rules)
    late = shop.invoice("10000.00")
    shop.close()
    shop.built.clock.instant = DECEMBER.interval("Asia/Shanghai").end + timedelta(days=2)
    tenth = FIRST + timedelta(days=39)
    money = payments.Received(ROBOTICS, cny("10600.00"), "wire", (), False, tenth)
    for wrong, said in ((FIRST, "2026-11 of example is closed"), (tenth.replace(2028), "to come")):
        with pytest.raises((Refused, Invalid), match=said):
            payments.receive(shop.built.world, shop.mei, replace(money, on=wrong))
    payments.receive(shop.built.world, shop.mei, money)
    assert not shop.show(late.id).open
    (december,) = shop.close(DECEMBER)
    # Open as 2 to 10 December began: it was due on the first.
    assert str(december.net.amount) == str(round(Decimal(10600) * 9 * Decimal("0.1") / 365, 2))
    assert shop.agrees()
