"""E-mail, by a real SMTP server on this machine."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rackrate.core.errors import Invalid, Refused, Unavailable
from rackrate.core.outbox import Channel, Language, Letter, Medium, Topic
from rackrate.senders.email import EmailSender, Safety, Server, parse
from tests.senders.receiver import Mailbox, mailing

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TO = Channel(
    "chn_1", None, Medium.EMAIL, "kim@example.com", "", Language.ZH, (Topic.PROMISE_BROKEN,), NOON
)
FROM = "billing@cloud.example"


def letter(subject: str = "账单 EX-1：1,234.50 CNY", seller: str = "示例算力, Ltd.") -> Letter:
    return Letter(
        "ntf_1-chn_1", NOON, Topic.INVOICE_ISSUED, NOON, Language.ZH, seller, subject,
        "账单 EX-1 已开具。", (("金额", "1,234.50 CNY"),), "https://cloud.example/invoices/EX-1",
        {"invoice": "EX-1"},
    )  # fmt: skip


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mailing() as one:
        yield one


def sender(mailbox: Mailbox) -> EmailSender:
    return EmailSender(Server("127.0.0.1", mailbox.port, Safety.NONE), FROM)


def test_a_letter_arrives_as_text_and_html_under_its_own_id(mailbox: Mailbox) -> None:
    sender(mailbox).send(letter(), TO)
    sender(mailbox).send(letter(), TO)
    first, second = mailbox.letters
    assert first["Message-ID"] == second["Message-ID"] == "<ntf_1-chn_1@cloud.example>"
    assert first["Subject"] == "账单 EX-1：1,234.50 CNY"
    assert first["From"].addresses[0].display_name == "示例算力, Ltd."
    assert first["From"].addresses[0].addr_spec == FROM
    assert first["Date"].datetime == NOON
    assert first["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in first.iter_parts()] == ["text/plain", "text/html"]
    text, page = (part.get_content() for part in first.iter_parts())
    assert text.splitlines() == letter().text.splitlines() and "金额：1,234.50 CNY" in text
    assert page.splitlines() == letter().html.splitlines() and "<td>1,234.50 CNY</td>" in page
    assert mailbox.recipients == ["kim@example.com"] * 2


def test_nothing_that_is_told_becomes_a_header(mailbox: Mailbox) -> None:
    sender(mailbox).send(letter("Hello\r\nBcc: all@example.com", "A\nB: c"), TO)
    assert mailbox.recipients == ["kim@example.com"]
    assert mailbox.letters[0]["Subject"] == "Hello Bcc: all@example.com"
    assert mailbox.letters[0]["Bcc"] is None and mailbox.letters[0]["B"] is None


def test_later_is_tried_again_and_no_such_mailbox_is_not(mailbox: Mailbox) -> None:
    mailbox.defer = ["451 greylisted, come back"]
    with pytest.raises(Unavailable, match="451: greylisted, come back"):
        sender(mailbox).send(letter(), TO)
    mailbox.refuse = ["550 no such mailbox"]
    with pytest.raises(Refused, match="550: no such mailbox"):
        sender(mailbox).send(letter(), TO)
    mailbox.refuse = ["452 full"]
    with pytest.raises(Unavailable, match="452: full"):
        sender(mailbox).send(letter(), TO)
    assert not mailbox.letters


def test_a_server_that_is_away_is_tried_again() -> None:
    with mailing() as gone:
        port = gone.port
    away = EmailSender(Server("127.0.0.1", port, Safety.NONE), FROM)
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port} does not work: Connection refused"):
        away.send(letter(), TO)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for this machine, which only they who are told so trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def test_a_password_goes_over_tls_that_is_verified_or_not_at_all(certificate: Path) -> None:
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    with mailing(theirs, sign_in=True) as mailbox:
        url = f"smtp://postman:correct%20horse@127.0.0.1:{mailbox.port}"
        with pytest.raises(Unavailable, match="certificate verify failed"):
            EmailSender(parse(url), FROM).send(letter(), TO)
        assert mailbox.user == ""
        trust = ssl.create_default_context(cafile=str(certificate))
        EmailSender(parse(url), FROM, trust).send(letter(), TO)
        assert mailbox.user == "postman" and mailbox.safe == [True]
        wrong = parse(url.replace("correct", "wrong"))
        with pytest.raises(Unavailable, match="535"):
            EmailSender(wrong, FROM, trust).send(letter(), TO)


def test_a_server_without_tls_gets_no_mail_unless_that_was_asked_for(mailbox: Mailbox) -> None:
    with pytest.raises(Unavailable, match="STARTTLS"):
        EmailSender(parse(f"smtp://127.0.0.1:{mailbox.port}"), FROM).send(letter(), TO)
    EmailSender(parse(f"smtp+plain://127.0.0.1:{mailbox.port}"), FROM).send(letter(), TO)
    assert mailbox.safe == [False]


@pytest.mark.parametrize(
    "url",
    ["mail.example.com", "http://mail.example.com", "smtp://", "smtps://a:b@host:x",
     "smtp+plain://user:password@host", "smtps://host/inbox"],
)  # fmt: skip
def test_a_wrong_address_of_a_mail_server_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(Invalid, match="--smtp"):
        parse(url)
    assert parse("smtps://u:p@host") == Server("host", 465, Safety.TLS, "u", "p")
    assert "secret" not in repr(parse("smtps://u:secret@host"))
