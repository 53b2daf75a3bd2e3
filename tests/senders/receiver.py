"""Real ends of the line on this machine: a web server, and a mailbox behind an SMTP server."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


@dataclass(frozen=True, slots=True)
class Got:
    """One request as it came in. Names of headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Receiver:
    """Answers with each of `answers` in turn, and with 200 after that."""

    answers: list[tuple[int, bytes]] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    url: str = ""
    held: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiving(*answers: tuple[int, bytes], hold: bool = False) -> Iterator[Receiver]:
    """A web server. With `hold` it answers nothing before `held` is set."""
    receiver = Receiver(list(answers))
    if not hold:
        receiver.held.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            names = {name.lower(): value for name, value in self.headers.items()}
            receiver.got.append(Got(self.path, names, body))
            receiver.held.wait(30)
            status, answer = receiver.answers.pop(0) if receiver.answers else (200, b"ok")
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", answer.decode())
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        receiver.held.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


@dataclass
class Mailbox:
    """What arrived, oldest first. `refuse` answers the next recipients, `defer` their letters."""

    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)
    defer: list[str] = field(default_factory=list)
    port: int = 0
    user: str = ""
    safe: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - the name that the server calls
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.refuse:
            return self.refuse.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        if self.defer:
            return self.defer.pop(0)
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.recipients += envelope.rcpt_tos
        self.safe.append(session.ssl is not None)
        self.letters.append(letter)
        return "250 OK"

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.user = given.login.decode()
        right = given.password == b"correct horse"
        return AuthResult(success=right, handled=right)


@contextmanager
def mailing(trust: ssl.SSLContext | None = None, sign_in: bool = False) -> Iterator[Mailbox]:
    """An SMTP server; with `trust` it speaks STARTTLS, and takes no mail before it does."""
    mailbox, loop = Mailbox(), asyncio.new_event_loop()

    def line() -> SMTP:
        return SMTP(
            mailbox,
            hostname="mail.example",
            enable_SMTPUTF8=False,
            tls_context=trust,
            require_starttls=trust is not None,
            authenticator=mailbox.authenticate if sign_in else None,
            auth_required=sign_in,
            loop=loop,
        )

    server = loop.run_until_complete(loop.create_server(line, "127.0.0.1", 0))
    mailbox.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield mailbox
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
