"""Payments by the day that the bank says: not before the books, and once for each reference."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rackrate.app import books, payments, wallets
from rackrate.app.payments import Received
from rackrate.app.wallets import NewWallet, TopUp
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import InvoiceId
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from tests.app.currency_shop import day, open_quay
from tests.app.money_shop import FIRST, ROBOTICS, SELLER, STUDIO, Shop, cny, open_shop

DAY = timedelta(days=1)
WIRE = Received(ROBOTICS, cny("500.00"), "wire")


def note(shop: Shop, came: Received) -> datetime:
    return payments.receive(shop.built.world, shop.mei, came).payment.at


def refused(shop: Shop, came: Received) -> Refused:
    with pytest.raises(Refused) as found:
        note(shop, came)
    return found.value


def held(shop: Shop, at: datetime) -> dict[Account, Money]:
    found = books.balances(shop.built.world, shop.built.admin, SELLER, at)
    return {each.account: each.amount for each in found if each.amount}


def test_money_is_not_dated_before_the_books_begin() -> None:
    shop = open_shop(FIRST + 20 * DAY)
    early = replace(WIRE, on=FIRST - timedelta(seconds=1), keep_rest=True)
    for _ in range(2):
        found = refused(shop, early)
        assert found.reason is Reason.WRONG_STATE
        assert found.detail == "the books begin with 2026-11; nothing is dated before 2026-11-01"
        assert found.facts["first_day"] == "2026-11-01"
        # With nothing in the books they begin now; from then on with what is first in them.
        shop.lease(1)
        shop.built.clock.instant = FIRST + 40 * DAY
    new = NewWallet(ROBOTICS, cny("1.00"))
    wallets.set_wallet(shop.built.world, shop.mei, new)
    top_up = TopUp(ROBOTICS, cny("10.00"), "top-up", early.on)
    with pytest.raises(Refused, match="the books begin with 2026-11"):
        wallets.top_up(shop.built.world, shop.mei, top_up)
    assert held(shop, shop.built.clock.instant) == {}
    assert note(shop, replace(early, on=FIRST)) == FIRST


def test_what_is_by_hand_or_paid_ahead_begins_the_books_too() -> None:
    shop = open_shop(FIRST + 20 * DAY)
    shop.receive("1.00", "ahead", keep=True)
    shop.built.clock.instant = FIRST + 40 * DAY
    shop.lease(1, "studio-render")
    note(shop, replace(WIRE, on=FIRST + DAY, keep_rest=True))


def test_money_that_came_before_its_invoice_is_held_until_that_is_issued() -> None:
    shop = open_shop(FIRST + DAY)
    first = shop.invoice("100.00")
    shop.built.clock.instant = FIRST + 20 * DAY
    later = shop.invoice("1000.00")
    on = FIRST + 10 * DAY
    came = replace(WIRE, named=((first.id, None), (later.id, None)), on=on)
    note(shop, came)
    before, between = held(shop, on), held(shop, on + timedelta(seconds=1))
    assert (before[Account.RECEIVABLE], Account.BANK in before) == (cny("106.00"), False)
    assert between[Account.BANK] == cny("500.00")
    assert between[Account.UNAPPLIED] == cny("-394.00") and Account.RECEIVABLE not in between
    after = held(shop, later.issued + timedelta(seconds=1))
    assert Account.UNAPPLIED not in after and after[Account.RECEIVABLE] == cny("666.00")
    assert shop.show(later.id).open == cny("666.00") and shop.agrees()
    note(shop, came)
    payments.release(shop.built.world, shop.mei, "pay_000001")
    assert shop.balance(Account.UNAPPLIED) == "-500.00" and shop.agrees()


def test_money_abroad_that_came_before_its_invoice_is_at_the_rates_of_both_days() -> None:
    quay = open_quay()
    quay.rate("7.00", day(0, 1))
    quay.on(day(0, 2))
    first = quay.invoice("10.00")
    quay.on(day(0, 20))
    quay.rate("7.20")
    second = quay.invoice("100.00")
    both = first.gross + second.gross
    quay.receive(str(both.amount), "wire", at=day(0, 10))
    between = quay.balances(day(0, 11))
    ahead = second.gross
    assert between[Account.UNAPPLIED].amount == -ahead
    assert between[Account.UNAPPLIED].book == Money(-ahead.minor * 7, "CNY")
    now = quay.balances()
    assert not now[Account.RECEIVABLE].amount and not now[Account.RECEIVABLE].book
    assert not now[Account.UNAPPLIED].amount and not now[Account.UNAPPLIED].book
    assert now[Account.BANK].amount == both


def test_the_same_reference_is_once_and_says_what_is_another_this_time() -> None:
    shop = open_shop(FIRST + 20 * DAY)
    one, two = shop.invoice("1000.00"), shop.invoice("2000.00")
    came = replace(WIRE, named=((one.id, cny("300.00")), (two.id, None)), on=FIRST + 5 * DAY)
    note(shop, came)
    for same in (came, replace(came, on=None), replace(came, named=tuple(came.named)[::-1])):
        assert note(shop, same) == came.on
    found = refused(shop, replace(came, on=FIRST + 6 * DAY))
    assert found.reason is Reason.ALREADY_PAID
    assert found.detail == "payment 'wire' of robotics came in on 2026-11-05 16:00 UTC"
    others: tuple[tuple[tuple[InvoiceId, Money | None], ...], ...] = (
        ((one.id, cny("1.00")), (two.id, None)),
        ((one.id, cny("300.00")),),
        ((one.id, cny("300.00")), (InvoiceId("EX-9"), None)),
    )
    for named in others:
        found = refused(shop, replace(came, named=named))
        went = f"{one.id} with 300.00 CNY, {two.id} with 200.00 CNY"
        assert found.detail == f"payment 'wire' of robotics went to {went}"
        assert found.facts["invoices"] == [one.id, two.id]
    assert shop.show(one.id).open == cny("760.00") and shop.agrees()


def test_what_is_left_of_a_payment_may_be_used_before_it_is_noted_again() -> None:
    shop = open_shop(FIRST + 20 * DAY)
    one, two = shop.invoice("100.00"), shop.invoice("2000.00")
    came = replace(WIRE, named=((one.id, None),), keep_rest=True)
    at = note(shop, came)
    payments.allocate(shop.built.world, shop.mei, "pay_000001", ((two.id, None),))
    shop.built.clock.advance(DAY)
    assert note(shop, came) == at
    assert refused(shop, replace(came, named=((two.id, None),))).reason is Reason.ALREADY_PAID
    assert refused(shop, replace(came, on=FIRST + DAY)).reason is Reason.ALREADY_PAID


def test_a_top_up_is_once_and_not_of_another_day() -> None:
    shop = open_shop(FIRST + 20 * DAY)
    wallets.set_wallet(shop.built.world, shop.mei, NewWallet(STUDIO, cny("1.00")))
    came = TopUp(STUDIO, cny("10.00"), "top-up")
    for _ in range(2):
        found = wallets.top_up(shop.built.world, shop.mei, came)
        assert found.balance.left == cny("10.00")
    with pytest.raises(Refused, match="came in on 2026-11-20 16:00 UTC") as other:
        wallets.top_up(shop.built.world, shop.mei, replace(came, on=FIRST + 19 * DAY))
    assert other.value.reason is Reason.ALREADY_PAID
