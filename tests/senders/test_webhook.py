"""Webhooks and chats, to a real web server; and addresses that lead where they must not."""

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from rackrate.core.errors import Refused, Unavailable
from rackrate.core.ids import CustomerId
from rackrate.core.outbox import Channel, Language, Letter, Medium, Topic
from rackrate.senders import post
from rackrate.senders.chat import ChatSender
from rackrate.senders.webhook import WebhookSender
from rackrate.wiring import SystemClock
from tests.senders.receiver import Receiver, receiving

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
ACME = CustomerId("acme")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def channel(
    medium: Medium, url: str, secret: str = "", customer: CustomerId | None = ACME
) -> Channel:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Channel(
        "chn_1", customer, medium, url, secret, Language.EN, (Topic.INVOICE_ISSUED,), now
    )


def letter(text: str = "Invoice EX-1 has been issued.") -> Letter:
    now = SystemClock().now()
    return Letter(
        "ntf_1-chn_1", now, Topic.LEASE_NOTICE, datetime(2026, 11, 22, 12, tzinfo=UTC),
        Language.EN, "Example Compute", "Invoice EX-1: 1,234.50 CNY <&>", text, (), "",
        {"invoice": "EX-1", "leases": ["lse_1", "lse_2"]},
    )  # fmt: skip


def test_a_webhook_is_verified_by_the_standards_own_library(receiver: Receiver) -> None:
    sent = letter()
    WebhookSender(private=True).send(
        sent, channel(Medium.WEBHOOK, f"{receiver.url}/in?a=1", SECRET)
    )
    (got,) = receiver.got
    assert got.path == "/in?a=1" and got.headers["webhook-id"] == "ntf_1-chn_1"
    told = Webhook(SECRET).verify(got.body, got.headers)
    assert told == {
        "type": "lease.notice",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {"invoice": "EX-1", "leases": ["lse_1", "lse_2"]},
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(got.body.replace(b"EX-1", b"EX-2"), got.headers)


def test_only_what_is_answered_with_a_2xx_has_arrived() -> None:
    answers = [(500, b""), (404, b""), (302, b"http://127.0.0.1:1/"), (410, b""), (204, b"")]
    with receiving(*answers) as receiver:
        to = channel(Medium.WEBHOOK, receiver.url, SECRET)
        for status in (500, 404, 302):
            with pytest.raises(Unavailable, match=str(status)):
                WebhookSender(private=True).send(letter(), to)
        with pytest.raises(Refused, match="hear nothing more"):
            WebhookSender(private=True).send(letter(), to)
        WebhookSender(private=True).send(letter(), to)
        assert len(receiver.got) == 5, "a redirect is not followed"


def test_a_customers_address_reaches_nothing_private_whatever_its_name(receiver: Receiver) -> None:
    port = urlsplit(receiver.url).port
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "0"):
        to = channel(Medium.WEBHOOK, f"https://{host}:{port}/", SECRET)
        with pytest.raises(Refused, match="not on the public internet"):
            WebhookSender().send(letter(), to)
    plain = channel(Medium.WEBHOOK, receiver.url, SECRET)
    with pytest.raises(Refused, match="https://"):
        WebhookSender().send(letter(), plain)
    assert not receiver.got
    WebhookSender().send(letter(), channel(Medium.WEBHOOK, receiver.url, SECRET, None))
    assert len(receiver.got) == 1, "the operator's own may"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1",
     "64:ff9b::a00:1", "2002:a00:1::", "2001:0:1::1"],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    assert not post.is_public(address)
    assert post.is_public("93.184.215.14") and post.is_public("2606:2800:21f:cb07::1")


def test_nobody_answers_and_an_unknown_name() -> None:
    with receiving() as gone:
        url = gone.url
    with pytest.raises(Unavailable, match="Connection refused"):
        WebhookSender(private=True).send(letter(), channel(Medium.WEBHOOK, url, SECRET))
    nowhere = channel(Medium.WEBHOOK, "https://nowhere.invalid/", SECRET)
    with pytest.raises(Unavailable, match=r"nowhere\.invalid has no address"):
        WebhookSender().send(letter(), nowhere)


def test_who_answers_a_byte_at_a_time_holds_nobody_up() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        line, _ = listening.accept()
        with line:
            try:
                while not stop.wait(0.05):
                    line.sendall(b"H")
            except OSError:
                return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        with pytest.raises(Unavailable, match="no answer within"):
            post.post(
                f"http://127.0.0.1:{listening.getsockname()[1]}/", b"{}", {}, False, deadline_s=0.3
            )
    finally:
        stop.set()
        thread.join(10)
        listening.close()


def test_slack_gets_text_that_is_not_markup(receiver: Receiver) -> None:
    ChatSender(Medium.SLACK, private=True).send(letter(), channel(Medium.SLACK, receiver.url))
    text = receiver.got[0].json["text"]
    assert text.startswith(
        "Invoice EX-1: 1,234.50 CNY &lt;&amp;&gt;\nInvoice EX-1 has been issued."
    )


def test_feishu_is_signed_as_it_documents(receiver: Receiver) -> None:
    sent = letter()
    to = channel(Medium.FEISHU, receiver.url, "a secret")
    ChatSender(Medium.FEISHU, private=True).send(sent, to)
    said = receiver.got[0].json
    assert said["msg_type"] == "text" and "EX-1" in said["content"]["text"]
    key = f"{int(sent.at.timestamp())}\na secret".encode()
    assert said["timestamp"] == str(int(sent.at.timestamp()))
    assert base64.b64decode(said["sign"]) == hmac.new(key, b"", hashlib.sha256).digest()


def test_dingtalk_is_signed_in_its_address(receiver: Receiver) -> None:
    sent = letter()
    to = channel(Medium.DINGTALK, f"{receiver.url}/robot/send?access_token=x", "SECabc")
    ChatSender(Medium.DINGTALK, private=True).send(sent, to)
    query = parse_qs(urlsplit(receiver.got[0].path).query)
    moment = f"{int(sent.at.timestamp())}000"
    assert query["access_token"] == ["x"] and query["timestamp"] == [moment]
    signed = hmac.new(b"SECabc", f"{moment}\nSECabc".encode(), hashlib.sha256).digest()
    assert base64.b64decode(query["sign"][0]) == signed
    assert receiver.got[0].json["msgtype"] == "text"


def test_a_chat_that_answers_200_and_means_no_is_tried_again() -> None:
    answers = [
        (200, json.dumps({"errcode": 45009, "errmsg": "api freq out of limit"}).encode()),
        (200, json.dumps({"errcode": 0, "errmsg": "ok"}).encode()),
    ]
    with receiving(*answers) as receiver:
        to = channel(Medium.WECOM, receiver.url)
        with pytest.raises(Unavailable, match="45009: api freq out of limit"):
            ChatSender(Medium.WECOM, private=True).send(letter(), to)
        ChatSender(Medium.WECOM, private=True).send(letter("长" * 4000), to)
        assert len(receiver.got[1].json["text"]["content"].encode()) <= 2048
