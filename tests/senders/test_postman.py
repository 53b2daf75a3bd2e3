"""The whole way: from an invoice to the mailbox and the webhook, on a real store, by real loops."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from rackrate.app import billing, channels, dispatch
from rackrate.app.channels import Filter, NewChannel, Told
from rackrate.app.ports import Sender
from rackrate.app.world import Settings
from rackrate.core.errors import Invalid
from rackrate.core.ids import CustomerId
from rackrate.core.outbox import Channel, Language, Letter, Medium, State, Topic
from rackrate.db.store import PostgresStore
from rackrate.senders.email import EmailSender, Safety, Server
from rackrate.senders.webhook import WebhookSender
from rackrate.wiring.control import Options, check
from rackrate.wiring.postman import Postman
from tests.app.test_billing import NOVEMBER, SELLER, run
from tests.build import CUSTOMERS, SMALL, Built, build
from tests.senders.receiver import Mailbox, mailing, receiving

ROBOTICS = CustomerId("robotics")
PATIENCE_S = 20.0
Senders = dict[Medium, Sender]


def until(holds: Callable[[], bool]) -> None:
    """Poll, with a deadline."""
    over = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < over, "it did not come to pass"
        time.sleep(0.01)


def shop(store: PostgresStore | None = None) -> Built:
    first = NOVEMBER.interval("Asia/Shanghai").start
    private = Settings(private_webhooks=True, portal_url="https://cloud.example")
    return build(SMALL, CUSTOMERS, store=store, now=first, settings=private)


def close(built: Built) -> None:
    """Use something, and issue the invoice of it."""
    run(built, 10)
    built.clock.advance(timedelta(days=40))
    assert billing.close(built.world, built.admin, SELLER, NOVEMBER)


def by_mail(mailbox: Mailbox) -> Sender:
    return EmailSender(Server("127.0.0.1", mailbox.port, Safety.NONE), "billing@cloud.example")


def add(built: Built, medium: Medium, address: str, language: Language = Language.EN) -> Channel:
    new = NewChannel(ROBOTICS, medium, address, language)
    return channels.add(built.world, built.admin, new)


def told(built: Built) -> Told:
    (one,) = channels.notifications(built.world, built.admin, Filter(topic=Topic.INVOICE_ISSUED))
    return one


@contextmanager
def postmen(built: Built, senders: Senders, count: int = 1) -> Iterator[None]:
    stopping = threading.Event()
    threads = [
        threading.Thread(
            target=Postman(built.world, senders, stopping, alone=False).run, daemon=True
        )
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(PATIENCE_S)


def test_an_issued_invoice_is_in_the_mailbox_in_the_language_that_was_chosen(
    database: str,
) -> None:
    with PostgresStore(database) as store, mailing() as mailbox:
        built = shop(store)
        add(built, Medium.EMAIL, "books@example.com", Language.ZH)
        close(built)
        with postmen(built, {Medium.EMAIL: by_mail(mailbox)}):
            until(lambda: told(built).row.state is State.SENT)
        (letter,) = mailbox.letters
        (invoice,) = billing.find(built.world, built.admin)
        assert letter["Subject"].startswith(f"账单 {invoice.id}：{invoice.gross}")
        assert letter["Message-ID"] == f"<{told(built).sendings[0].id}@cloud.example>"
        text = letter.get_body(("plain",))
        assert text is not None
        assert f"https://cloud.example/invoices/{invoice.id}" in text.get_content()
        (way,) = told(built).sendings
        assert (way.attempts, way.to, way.error) == (1, "books@example.com", "")


def test_two_control_planes_on_one_database_send_once(database: str) -> None:
    with PostgresStore(database) as store, mailing() as mailbox:
        built = shop(store)
        add(built, Medium.EMAIL, "books@example.com")
        close(built)
        with postmen(built, {Medium.EMAIL: by_mail(mailbox)}, count=2):
            until(lambda: told(built).row.state is State.SENT)
            channels.try_out(
                built.world, built.admin, channels.find(built.world, built.admin, ROBOTICS)[0].id
            )
            until(lambda: len(mailbox.letters) == 2)
        assert len({letter["Message-ID"] for letter in mailbox.letters}) == 2


def test_a_webhook_that_fails_first_is_tried_again_under_the_same_id() -> None:
    with receiving((503, b""), (503, b"")) as receiver:
        built = shop()
        secret = add(built, Medium.WEBHOOK, receiver.url).secret
        close(built)
        with postmen(built, {Medium.WEBHOOK: WebhookSender(private=True)}):
            for tries in (1, 2):
                until(lambda: told(built).sendings != () and told(built).sendings[0].error != "")
                until(lambda tries=tries: len(receiver.got) == tries)  # type: ignore[misc]
                built.clock.advance(timedelta(seconds=30))
            until(lambda: told(built).row.state is State.SENT)
        assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
        assert len({got.body for got in receiver.got}) == 1
        assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 3
        assert told(built).sendings[0].attempts == 3
        last = receiver.got[-1]
        moment = datetime.fromtimestamp(int(last.headers["webhook-timestamp"]), UTC)
        signed = Webhook(secret).sign(last.headers["webhook-id"], moment, last.body.decode())
        assert signed == last.headers["webhook-signature"]
        (invoice,) = billing.find(built.world, built.admin)
        assert last.json["data"]["invoice"] == invoice.id


class Dies(BaseException):
    """The machine, between sending and writing down that it was sent."""


class DyingSender:
    """A real sender on a machine that dies once when it has sent."""

    def __init__(self, inner: Sender) -> None:
        self.inner = inner
        self.died = False

    def send(self, letter: Letter, channel: Channel) -> None:
        self.inner.send(letter, channel)
        if not self.died:
            self.died = True
            raise Dies


def test_who_dies_before_it_is_written_down_sends_again_with_the_same_id() -> None:
    with mailing() as mailbox:
        built = shop()
        add(built, Medium.EMAIL, "books@example.com")
        close(built)
        leader = dispatch.lead(built.world, "test")
        assert leader is not None
        dying: Senders = {Medium.EMAIL: DyingSender(by_mail(mailbox))}
        dispatch.spread(built.world, leader, dying)
        ((_, sendings),) = dispatch.due(built.world).items()
        with pytest.raises(Dies):
            dispatch.carry(built.world, leader, dying, sendings)
        assert told(built).row.state is State.WAITING and dispatch.due(built.world) == {}
        built.clock.advance(timedelta(seconds=10))
        assert dispatch.carry(built.world, leader, dying, sendings) == 1
        first, second = mailbox.letters
        assert first["Message-ID"] == second["Message-ID"]
        assert told(built).row.state is State.SENT
        assert dispatch.carry(built.world, leader, dying, sendings) == 0, "once it is sent, it is"


def test_a_channel_that_hangs_holds_up_no_other() -> None:
    with receiving(hold=True) as hanging, mailing() as mailbox:
        built = shop()
        add(built, Medium.WEBHOOK, hanging.url)
        close(built)
        add(built, Medium.EMAIL, "books@example.com")
        senders: Senders = {
            Medium.EMAIL: by_mail(mailbox),
            Medium.WEBHOOK: WebhookSender(private=True),
        }
        with postmen(built, senders):
            until(lambda: len(hanging.got) == 1 and len(mailbox.letters) == 1)
            for number in range(2):
                channels.try_out(built.world, built.admin, told(built).sendings[1].channel)
                until(lambda number=number: len(mailbox.letters) == number + 2)  # type: ignore[misc]
                built.clock.advance(timedelta(minutes=1))
            assert len(hanging.got) == 1 and told(built).row.state is State.WAITING
            hanging.held.set()
            until(lambda: told(built).row.state is State.SENT)


def test_what_follows_on_a_channel_that_is_down_waits_and_keeps_its_order() -> None:
    with receiving((500, b"")) as receiver:
        built = shop()
        one = add(built, Medium.WEBHOOK, receiver.url)
        for _ in range(3):
            channels.try_out(built.world, built.admin, one.id)
            built.clock.advance(timedelta(minutes=1))
        leader = dispatch.lead(built.world, "test")
        assert leader is not None
        senders: Senders = {Medium.WEBHOOK: WebhookSender(private=True)}
        dispatch.spread(built.world, leader, senders)
        sendings = dispatch.due(built.world)[one.id]
        assert dispatch.carry(built.world, leader, senders, sendings) == 0
        assert len(receiver.got) == 1, "after the first failure the others were not tried"
        built.clock.advance(timedelta(seconds=10))
        assert dispatch.carry(built.world, leader, senders, dispatch.due(built.world)[one.id]) == 3
        ids = [got.headers["webhook-id"] for got in receiver.got]
        assert ids == [sendings[0], *sendings]


def test_what_was_given_up_is_visible_and_goes_out_when_it_is_asked_for() -> None:
    built = shop()
    with mailing() as mailbox:
        senders: Senders = {Medium.EMAIL: by_mail(mailbox)}
        add(built, Medium.EMAIL, "gone@example.com")
        close(built)
        leader = dispatch.lead(built.world, "test")
        assert leader is not None
        dispatch.spread(built.world, leader, senders)
        mailbox.refuse = ["550 no such mailbox"]
        ((_, sendings),) = dispatch.due(built.world).items()
        dispatch.carry(built.world, leader, senders, sendings)
        (dead,) = channels.notifications(built.world, built.admin, Filter(state=State.DEAD))
        assert "550: no such mailbox" in dead.sendings[0].error
        channels.resend(built.world, built.admin, dead.row.id)
        assert dispatch.carry(built.world, leader, senders, sendings) == 1
        assert told(built).row.state is State.SENT and len(mailbox.letters) == 1
        add(built, Medium.EMAIL, "new@example.com")
        for count in (2, 4):  # Who has not got it; and when all have, all of them.
            channels.resend(built.world, built.admin, dead.row.id)
            for ids in dispatch.due(built.world).values():
                dispatch.carry(built.world, leader, senders, ids)
            assert len(mailbox.letters) == count


def test_what_was_on_its_way_to_a_channel_that_is_gone_is_given_up() -> None:
    built = shop()
    one = add(built, Medium.EMAIL, "books@example.com")
    close(built)
    leader = dispatch.lead(built.world, "test")
    assert leader is not None
    dispatch.spread(built.world, leader, {Medium.EMAIL})
    channels.remove(built.world, built.admin, one.id)
    ((_, sendings),) = dispatch.due(built.world).items()
    assert dispatch.carry(built.world, leader, {}, sendings) == 0
    assert told(built).row.state is State.DEAD
    assert "taken away" in told(built).sendings[0].error


class Stumbling:
    """A sender with a mistake in it."""

    def send(self, letter: Letter, channel: Channel) -> None:
        raise KeyError("amount")


def test_a_mistake_of_ours_is_visible_and_not_tried_for_ever() -> None:
    built = shop()
    add(built, Medium.EMAIL, "books@example.com")
    close(built)
    senders: Senders = {Medium.EMAIL: Stumbling()}
    leader = dispatch.lead(built.world, "test")
    assert leader is not None
    dispatch.spread(built.world, leader, senders)
    while dispatch.due(built.world):
        ((_, sendings),) = dispatch.due(built.world).items()
        assert dispatch.carry(built.world, leader, senders, sendings) == 0
        built.clock.advance(timedelta(hours=2))
    assert told(built).row.state is State.DEAD
    assert told(built).sendings[0].error == "KeyError: 'amount'"


@pytest.mark.parametrize(
    ("smtp", "mail_from", "said"),
    [
        ("smtps://mail.example", "", "--mail-from: say from which address"),
        ("smtps://mail.example", "nobody", "--mail-from: 'nobody' is no e-mail address"),
        ("mail.example", "a@mail.example", "--smtp: write smtps://"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_anything_starts(
    smtp: str, mail_from: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match=said):
        check(Options(tmp_path / "data", smtp=smtp, mail_from=mail_from))
    assert not (tmp_path / "data").exists()
