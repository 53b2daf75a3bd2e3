"""Reminders that go out by themselves: once a day, each level once, and not where they may not."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest

from rackrate.app import loops, payments, receivables, voiding
from rackrate.core.billing_terms import SellerTerms, steps_of
from rackrate.core.errors import Invalid, Missing, Refused
from rackrate.core.ids import InvoiceId
from rackrate.core.invoice import Invoice
from rackrate.core.outbox import Notification, Topic
from rackrate.core.receivable import Reminder
from tests.app.money_shop import FIRST, SELLER, STUDIO, Shop, open_shop

STEPS = steps_of([(7, "first"), (21, "second"), (35, "last")])
DUE = FIRST + timedelta(days=30)  # Invoices of the first are due thirty days later, at midnight.


def shop_with(reminds: bool = True) -> Shop:
    shop = open_shop()
    rules = SellerTerms(SELLER, "EX-CR", steps=STEPS, reminds=reminds)
    receivables.set_seller_terms(shop.built.world, shop.mei, rules)
    return shop


def passes(shop: Shop, times: int = 1) -> None:
    leader = loops.lead(shop.built.world, "test")
    assert leader is not None
    for _ in range(times):
        loops.provision(shop.built.world, leader)


def at(shop: Shop, days: float, hour: int = 9) -> None:
    """So many days late, at this hour of the seller."""
    shop.built.clock.instant = DUE + timedelta(days=days, hours=hour)
    passes(shop)


def told(shop: Shop) -> list[tuple[str, str]]:
    """(invoice, level) of every reminder that was told."""
    with shop.built.world.store.transaction() as tx:
        rows = tx.find(Notification, topic=Topic.INVOICE_OVERDUE)
        kept = [(each.invoice, str(each.level)) for each in tx.find(Reminder)]
    found = [(row.facts["invoice"], row.facts["level"]) for row in rows]
    assert sorted(found) == sorted(kept)
    return found


def test_what_is_due_is_told_by_itself_in_the_morning_once_a_day() -> None:
    shop = shop_with()
    first, second = shop.invoice("100.00").id, shop.invoice("50.00", STUDIO)
    contest(shop, second)
    at(shop, 6)
    at(shop, 7, hour=8)
    assert told(shop) == []
    at(shop, 7, hour=9)
    passes(shop, 3)
    receivables.end_dispute(shop.built.world, shop.mei, second.id)
    at(shop, 7, hour=23)
    assert told(shop) == [(first, "1")]
    at(shop, 8, hour=9)
    assert told(shop) == [(first, "1"), (second.id, "1")]


def test_days_without_a_pass_bring_no_burst() -> None:
    shop = shop_with()
    one = shop.invoice("100.00").id
    at(shop, 40)
    passes(shop, 2)
    assert told(shop) == [(one, "1")]
    at(shop, 41)
    assert told(shop) == [(one, "1")]
    at(shop, 54)
    at(shop, 99)
    at(shop, 199)
    assert told(shop) == [(one, "1"), (one, "2"), (one, "3")]


def test_by_hand_nothing_goes_out_by_itself_and_what_was_sent_by_hand_is_not_sent_again() -> None:
    shop = shop_with(reminds=False)
    one = shop.invoice("100.00").id
    at(shop, 7)
    assert told(shop) == []
    receivables.remind(shop.built.world, shop.mei, SELLER)
    rules = SellerTerms(SELLER, "EX-CR", steps=STEPS)
    receivables.set_seller_terms(shop.built.world, shop.mei, rules)
    at(shop, 8)
    assert told(shop) == [(one, "1")]


def pay(shop: Shop, one: Invoice) -> None:
    shop.receive("106.00", "wire", one.id)


def void(shop: Shop, one: Invoice) -> None:
    voiding.void_invoice(shop.built.world, shop.mei, one.id, "wrong")


def credit(shop: Shop, one: Invoice) -> None:
    shop.credit(one.id)


def contest(shop: Shop, one: Invoice) -> None:
    receivables.dispute(shop.built.world, shop.mei, one.id, "nodes were down")


@pytest.mark.parametrize("how", [pay, void, credit, contest])
def test_nobody_is_reminded_of_what_is_paid_void_credited_or_disputed(
    how: Callable[[Shop, Invoice], None],
) -> None:
    shop = shop_with()
    one, other = shop.invoice("100.00"), shop.invoice("10.00", STUDIO)
    how(shop, one)
    at(shop, 8)
    assert told(shop) == [(other.id, "1")]


def test_a_dispute_that_is_settled_lets_reminders_go_on() -> None:
    shop = shop_with()
    one = shop.invoice("100.00")
    contest(shop, one)
    at(shop, 8)
    (item,) = receivables.open_items(shop.built.world, shop.mei, SELLER)
    assert (item.disputed, item.days_late) == ("nodes were down", 8)
    receivables.end_dispute(shop.built.world, shop.mei, one.id)
    at(shop, 9)
    assert told(shop) == [(one.id, "1")]
    with pytest.raises(Refused, match="is not disputed"):
        receivables.end_dispute(shop.built.world, shop.mei, one.id)
    with pytest.raises(Invalid, match="one line"):
        receivables.dispute(shop.built.world, shop.mei, one.id, " ")
    with pytest.raises(Missing):
        receivables.dispute(shop.built.world, shop.mei, InvoiceId("EX-1"), "no such thing")
    shop.receive("106.00", "wire", one.id)
    with pytest.raises(Refused, match="nothing of EX-2026-000001 is open"):
        contest(shop, one)


def test_on_any_days_each_level_goes_out_once_in_order_with_its_gap() -> None:
    """Random passes, payments and payments taken back, against a slow count by the day."""
    for seed in range(6):
        chance, shop = Random(seed), shop_with()
        one, wanted, last = shop.invoice("100.00"), list[str](), -99
        day, paid = 0, ""
        while day < 120:
            day += chance.choice((1, 1, 1, 2, 9, 30))
            if not paid and chance.random() < 0.2:
                paid = shop.receive("106.00", f"wire {day}", one.id).payment.id
            elif paid:
                payments.release(shop.built.world, shop.mei, paid)
                paid = ""
            at(shop, day)
            level = len(wanted)
            gap = STEPS[level].days - STEPS[level - 1].days if level in (1, 2) else 0
            if not paid and level < 3 and day >= STEPS[level].days and day - last >= gap:
                wanted.append(str(level + 1))
                last = day
            assert [level for _, level in told(shop)] == wanted, (seed, day)
