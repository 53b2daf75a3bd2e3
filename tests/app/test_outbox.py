"""The outbox in use: rows come with their cause, channels belong to their owners, and wait."""

from datetime import timedelta

import pytest

from rackrate.app import billing, channels, dispatch, leasing, outbox, receivables
from rackrate.app.channels import Filter, NewChannel
from rackrate.core.access import Actor, Role
from rackrate.core.errors import Conflict, Forbidden, Invalid, Missing, Refused, Unavailable
from rackrate.core.ids import CustomerId
from rackrate.core.outbox import Channel, Language, Medium, Notification, State, Topic
from tests.app import money_shop, ordering
from tests.app.test_billing import NOVEMBER, SELLER, run
from tests.app.test_billing import shop as billing_shop
from tests.app.test_giveway import DAY, loop, promise, shop, start, withdraw
from tests.build import Built

ROBOTICS, STUDIO = CustomerId("robotics"), CustomerId("studio")
MEDIA = frozenset(Medium)


def rows(built: Built, topic: Topic | None = None) -> list[Notification]:
    with built.world.store.transaction() as tx:
        found = tx.find(Notification)
    return [row for row in found if topic in (None, row.topic)]


def mail(
    built: Built, customer: CustomerId | None, by: Actor | None = None, *topics: Topic
) -> Channel:
    new = NewChannel(customer, Medium.EMAIL, "kim@example.com", topics=topics)
    return channels.add(built.world, by or built.admin, new)


def spread(built: Built) -> None:
    leader = dispatch.lead(built.world, "test")
    assert leader is not None
    dispatch.spread(built.world, leader, MEDIA)


def closed() -> Built:
    """A month is closed, and one invoice issued."""
    built = billing_shop()
    run(built, 10)
    built.clock.advance(timedelta(days=40))
    billing.close(built.world, built.admin, SELLER, NOVEMBER)
    return built


def test_an_invoice_is_in_the_outbox_with_what_its_reader_asks_next() -> None:
    built = closed()
    (invoice,) = billing.find(built.world, built.admin)
    (row,) = rows(built)
    assert (row.topic, row.customer, row.state) == (Topic.INVOICE_ISSUED, ROBOTICS, State.NEW)
    assert row.facts == {
        "invoice": invoice.id,
        "month": "2026-11",
        "net": f"{invoice.net.amount}",
        "tax": f"{invoice.tax.amount}",
        "amount": f"{invoice.gross.amount}",
        "currency": "CNY",
        "due": invoice.due.isoformat(),
    }


def test_what_is_undone_was_never_told() -> None:
    built = billing_shop()
    run(built, 10)
    built.clock.advance(timedelta(days=40))

    def die() -> None:
        with built.world.store.transaction():
            billing.close(built.world, built.admin, SELLER, NOVEMBER)
            raise RuntimeError("the machine dies here")

    with pytest.raises(RuntimeError):
        die()
    assert not rows(built)
    billing.close(built.world, built.admin, SELLER, NOVEMBER)
    assert len(rows(built)) == 1


def test_one_cause_is_told_once() -> None:
    built = closed()
    (row,) = rows(built)
    with built.world.store.transaction() as tx:
        assert outbox.was_told(tx, row.cause) and not outbox.was_told(tx, "another")
        (invoice,) = tx.find(type(billing.find(built.world, built.admin)[0]))
        with pytest.raises(Conflict):
            outbox.invoice_issued(built.world, tx, invoice)


def test_leases_that_go_together_are_told_together_and_told_when_they_may_stay() -> None:
    built = shop()
    ids = {start(built), start(built)}
    promise(built, 8 * DAY)
    (row,) = rows(built)
    assert row.topic is Topic.LEASE_NOTICE and row.customer == STUDIO
    assert set(row.facts["leases"].split()) == ids
    until = leasing.show(built.world, built.admin, min(ids))[0].until
    assert until is not None and row.facts["until"] == until.isoformat()
    withdraw(built)
    loop(built)
    (again,) = rows(built, Topic.LEASE_NOTICE_WITHDRAWN)
    assert set(again.facts["leases"].split()) == ids


def test_a_broken_promise_is_told_to_the_operator_and_to_no_customer() -> None:
    built = ordering.fresh((2, ordering.day(1)))
    ordering.sign(built, "late", 4, ordering.day(2), ordering.day(6))
    ordering.slip(built, 1, ordering.day(4))
    (row,) = rows(built, Topic.PROMISE_BROKEN)
    assert row.customer is None and row.facts["holders"] == "late"


def test_what_nobody_wants_stays_visible_and_goes_when_somebody_does() -> None:
    built = closed()
    spread(built)
    (told,) = channels.notifications(built.world, built.admin, Filter(state=State.NO_CHANNEL))
    with pytest.raises(Refused, match="rackrate channel add"):
        channels.resend(built.world, built.admin, told.row.id)
    mail(built, ROBOTICS)
    again = channels.resend(built.world, built.admin, told.row.id)
    assert again.row.state is State.WAITING and len(again.sendings) == 1
    assert dispatch.due(built.world) == {again.sendings[0].channel: [again.sendings[0].id]}


def test_a_medium_that_nothing_here_sends_is_no_channel() -> None:
    built = closed()
    mail(built, ROBOTICS)
    leader = dispatch.lead(built.world, "test")
    assert leader is not None
    dispatch.spread(built.world, leader, frozenset({Medium.WEBHOOK}))
    assert rows(built)[0].state is State.NO_CHANNEL


def test_a_customer_chooses_its_channels_and_sees_no_others() -> None:
    built = closed()
    owner = built.actor("owner@robotics.example", Role.OWNER, "robotics")
    other = built.actor("owner@studio.example", Role.OWNER, "studio")
    accountant = built.actor("books@robotics.example", Role.ACCOUNTANT, "robotics")
    mine = mail(built, ROBOTICS, owner)
    mail(built, None)
    assert channels.find(built.world, owner) == [mine]
    assert channels.find(built.world, accountant) == [mine]
    assert channels.find(built.world, other) == []
    for act in (channels.remove, channels.try_out):
        with pytest.raises(Missing):
            act(built.world, other, mine.id)
        with pytest.raises(Forbidden):
            act(built.world, accountant, mine.id)
    with pytest.raises(Missing):
        mail(built, ROBOTICS, other)
    with pytest.raises(Forbidden):
        mail(built, None, owner)
    spread(built)
    (seen,) = channels.notifications(built.world, owner, Filter())
    assert seen.row.facts["invoice"] and [each.channel for each in seen.sendings] == [mine.id]
    assert channels.notifications(built.world, other, Filter()) == []
    with pytest.raises(Missing):
        channels.show(built.world, other, seen.row.id)
    with pytest.raises(Missing):
        channels.resend(built.world, other, seen.row.id)


def test_the_operators_copy_is_the_operators_matter() -> None:
    built = closed()
    owner = built.actor("owner@robotics.example", Role.OWNER, "robotics")
    mail(built, None, None, Topic.INVOICE_ISSUED)
    spread(built)
    (seen,) = channels.notifications(built.world, owner, Filter())
    assert seen.sendings == () and seen.row.state is State.NO_CHANNEL
    of_both = built.actor("owner@robotics.example", Role.OWNER, "studio")
    assert channels.show(built.world, of_both, seen.row.id).sendings == ()
    with pytest.raises(Refused, match="no channel of robotics wants"):
        channels.resend(built.world, built.admin, seen.row.id)
    (whole,) = channels.notifications(built.world, built.admin, Filter())
    assert [each.to for each in whole.sendings] == ["kim@example.com"]


def test_a_choice_of_topics_and_language_holds_from_then_on() -> None:
    built = shop()
    one = mail(built, STUDIO)
    chosen = channels.choose(built.world, built.admin, one.id, (Topic.INVOICE_ISSUED,), Language.ZH)
    assert (chosen.topics, chosen.language) == ((Topic.INVOICE_ISSUED,), Language.ZH)
    start(built)
    promise(built, 2 * DAY)
    spread(built)
    assert rows(built, Topic.LEASE_NOTICE)[0].state is State.NO_CHANNEL
    with pytest.raises(Invalid, match="one at least"):
        channels.choose(built.world, built.admin, one.id, (), Language.ZH)


def test_a_customers_webhook_does_not_lead_into_the_operators_network() -> None:
    built = shop()
    for address in (
        "http://example.com/hook",
        "https://127.0.0.1/",
        "https://10.0.0.8:9090/metrics",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://localhost/",
    ):
        new = NewChannel(STUDIO, Medium.WEBHOOK, address)
        with pytest.raises(Invalid, match=r"https://|public internet"):
            channels.add(built.world, built.admin, new)
    inside = NewChannel(None, Medium.SLACK, "http://10.0.0.8/")
    assert channels.add(built.world, built.admin, inside).shown == "http://10.0.0.8/…"


def test_a_channel_is_tried_out_once_a_minute_so_that_it_floods_nobody() -> None:
    built = shop()
    one = mail(built, STUDIO)
    channels.try_out(built.world, built.admin, one.id)
    with pytest.raises(Refused, match="one test a minute"):
        channels.try_out(built.world, built.admin, one.id)
    built.clock.advance(timedelta(minutes=1))
    channels.try_out(built.world, built.admin, one.id)
    assert len(rows(built, Topic.CHANNEL_TEST)) == 2


def test_who_has_lost_the_lead_sends_nothing() -> None:
    built = closed()
    mail(built, ROBOTICS)
    first = dispatch.lead(built.world, "first")
    assert first is not None and dispatch.lead(built.world, "second") is None
    built.clock.advance(timedelta(seconds=16))
    second = dispatch.lead(built.world, "second")
    assert second is not None and second.epoch == first.epoch + 1
    with pytest.raises(Unavailable, match="leads no more"):
        dispatch.spread(built.world, first, MEDIA)
    dispatch.spread(built.world, second, MEDIA)
    ((_, sendings),) = dispatch.due(built.world).items()
    with pytest.raises(Unavailable, match="leads no more"):
        dispatch.carry(built.world, first, {}, sendings)


def test_a_reminder_is_told_with_what_is_still_open_and_a_credit_note_as_one() -> None:
    open_one = money_shop.open_shop()
    built = open_one.built
    invoice = open_one.invoice("100.00")
    built.clock.advance(timedelta(days=60))
    due = receivables.remind(built.world, built.admin, money_shop.SELLER)
    overdue = rows(built, Topic.INVOICE_OVERDUE)
    assert [row.facts["invoice"] for row in overdue] == [each.invoice.id for each in due]
    assert overdue[0].facts["amount"] == f"{invoice.gross.amount}" == "106.00"
    receivables.remind(built.world, built.admin, money_shop.SELLER)
    causes = [row.cause for row in rows(built, Topic.INVOICE_OVERDUE)]
    assert len(set(causes)) == len(causes)
    open_one.credit(invoice.id, "10.00")
    (credit,) = rows(built, Topic.CREDIT_NOTE_ISSUED)
    assert credit.facts["amount"] == "-10.60" and "due" not in credit.facts
