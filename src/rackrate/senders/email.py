"""E-mail over SMTP: text and HTML in one message, under an id that is the same in every try."""

import re
import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from rackrate.core.errors import Invalid, Reason, Refused, Unavailable
from rackrate.core.outbox import Channel, Letter
from rackrate.core.outbox.channel import EMAIL

PATIENCE_S = 10.0
WHERE = "--smtp"


class Safety(StrEnum):
    """TLS from the first byte, TLS before anything is said, or none."""

    TLS = "smtps"
    STARTTLS = "smtp"
    NONE = "smtp+plain"


# Whatever a server on the way can do, it can carry this.
_SEVEN_BIT = SMTP.clone(cte_type="7bit")
_PORTS = {Safety.TLS: 465, Safety.STARTTLS: 587, Safety.NONE: 25}


@dataclass(frozen=True, slots=True)
class Server:
    """An SMTP server that takes our mail."""

    host: str
    port: int
    safety: Safety
    user: str = ""
    password: str = field(default="", repr=False)


def parse(url: str) -> Server:
    """`smtp://user:password@host:port` with STARTTLS, `smtps://` with TLS, `smtp+plain://`."""
    try:
        at = urlsplit(url)
        safety, port = Safety(at.scheme), at.port
    except ValueError:
        raise Invalid(WHERE, "write smtps://USER:PASSWORD@HOST, or smtp:// for STARTTLS") from None
    if not at.hostname or at.path.strip("/") or at.query:
        raise Invalid(WHERE, "write smtps://USER:PASSWORD@HOST[:PORT], and nothing after it")
    user, password = unquote(at.username or ""), unquote(at.password or "")
    if password and safety is Safety.NONE:
        raise Invalid(WHERE, "a password is not sent without TLS; use smtp:// or smtps://")
    return Server(at.hostname, port or _PORTS[safety], safety, user, password)


class EmailSender:
    """Sends from `sender` through one server. `trust`: whose certificates are believed."""

    def __init__(self, server: Server, sender: str, trust: ssl.SSLContext | None = None) -> None:
        if not EMAIL.fullmatch(sender):
            raise Invalid("--mail-from", f"{sender!r} is no e-mail address")
        self._server = server
        self._sender = sender
        self._trust = trust or ssl.create_default_context()

    def send(self, letter: Letter, channel: Channel) -> None:
        message = compose(letter, self._sender, channel.address)
        try:
            with self._connect() as smtp:
                smtp.send_message(message, self._sender, [channel.address])
        except smtplib.SMTPRecipientsRefused as refused:
            raise _answered(*next(iter(refused.recipients.values())), for_good=True) from None
        except smtplib.SMTPDataError as refused:
            raise _answered(refused.smtp_code, refused.smtp_error, for_good=True) from None
        except smtplib.SMTPResponseException as refused:  # our own address or password: mendable
            raise _answered(refused.smtp_code, refused.smtp_error, for_good=False) from None
        except (OSError, smtplib.SMTPException) as away:
            why = getattr(away, "strerror", None) or str(away) or type(away).__name__
            where = f"{self._server.host}:{self._server.port}"
            raise Unavailable(f"the mail server {where} does not work: {why}") from None

    def _connect(self) -> smtplib.SMTP:
        server, me = self._server, socket.gethostname()
        if server.safety is Safety.TLS:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, me, timeout=PATIENCE_S, context=self._trust
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, me, timeout=PATIENCE_S)
        try:
            if server.safety is Safety.STARTTLS:
                smtp.starttls(context=self._trust)
            if server.user:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


def compose(letter: Letter, sender: str, to: str) -> EmailMessage:
    """The message. Its id names the sending, so a mailbox that gets it twice can tell."""
    local, _, domain = sender.rpartition("@")
    message = EmailMessage(policy=_SEVEN_BIT)
    message["From"] = Address(_one_line(letter.seller), local, domain)
    message["To"] = to
    message["Subject"] = _one_line(letter.subject)
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = f"<{letter.id}@{domain}>"
    message["Content-Language"] = "zh-CN" if letter.language == "zh" else "en"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())


def _answered(code: int, said: bytes | str, for_good: bool) -> Unavailable | Refused:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    detail = f"the mail server answered {code}: {_one_line(text)}"
    if for_good and 500 <= code < 600:
        return Refused(Reason.NOT_ALLOWED, detail)
    return Unavailable(detail)
