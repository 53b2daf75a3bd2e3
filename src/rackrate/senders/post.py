"""One POST to an address that somebody else has chosen: no redirect, no proxy, and a deadline.

A customer's address must not lead into the operator's own network. The name is resolved once,
every address that it has must be public, and the connection goes to one of these: a name that
changes in between, or a redirect, leads nowhere else.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from rackrate.core.errors import Reason, Refused, Unavailable

CONNECT_S = 5.0
DEADLINE_S = 15.0
MOST_READ = 64 * 1024
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    public_only: bool,
    deadline_s: float = DEADLINE_S,
) -> Answer:
    """What came back. Unavailable: nothing did. Refused: it may not be reached."""
    at = urlsplit(url)
    host = at.hostname or ""
    port = at.port or (443 if at.scheme == "https" else 80)
    if public_only and at.scheme != "https":
        raise Refused(Reason.NOT_ALLOWED, "a webhook of a customer has an https:// address")
    line = _Line(host, port, at.scheme == "https", _addresses(host, port, public_only))
    watch = threading.Timer(deadline_s, line.cut)
    watch.daemon = True
    watch.start()
    try:
        target = (at.path or "/") + (f"?{at.query}" if at.query else "")
        line.request("POST", target, body, {"Connection": "close", **headers})
        got = line.getresponse()
        return Answer(got.status, got.read(MOST_READ))
    except (OSError, http.client.HTTPException) as error:
        if line.was_cut:
            raise Unavailable(f"no answer within {deadline_s:g} s") from None
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Unavailable(f"cannot be reached: {why}") from None
    finally:
        watch.cancel()
        line.close()


def is_public(address: str) -> bool:
    """Whether it is on the public internet, also where it stands for an IPv4 address inside it."""
    found: IPv4Address | IPv6Address | None = ip_address(address.partition("%")[0])
    inner: IPv4Address | None = None
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found.teredo is not None:
            return False
        if found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
    found = inner or found
    assert found is not None
    return found.is_global and not found.is_multicast


def _addresses(host: str, port: int, public_only: bool) -> list[tuple[Any, ...]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Unavailable(f"{host} has no address: {why}") from None
    if public_only and not all(is_public(str(each[4][0])) for each in found):
        raise Refused(
            Reason.NOT_ALLOWED,
            f"{host} is not on the public internet; the operator may allow that with: "
            "rackrate up --private-webhooks",
        )
    return [(each[0], each[4]) for each in found]


class _Line(http.client.HTTPConnection):
    """A connection to one of these addresses, and to nowhere else."""

    def __init__(self, host: str, port: int, tls: bool, addresses: list[tuple[Any, ...]]) -> None:
        super().__init__(host, port, timeout=DEADLINE_S)
        self._trust = ssl.create_default_context() if tls else None
        self._addresses = addresses
        self._reached: socket.socket | None = None
        self.was_cut = False

    def connect(self) -> None:
        failure: OSError | None = None
        for family, address in self._addresses:
            reached = socket.socket(family, socket.SOCK_STREAM)
            reached.settimeout(CONNECT_S)
            try:
                reached.connect(address)
                self._reached = reached
                if self._trust is not None:
                    reached = self._trust.wrap_socket(reached, server_hostname=self.host)
                reached.settimeout(DEADLINE_S)
                self.sock = self._reached = reached
                return
            except OSError as error:
                failure = error
                reached.close()
        raise failure or OSError(f"{self.host} has no address")

    def cut(self) -> None:
        """Whoever answers a byte at a time holds nobody up for longer than the deadline."""
        self.was_cut = True
        if self._reached is not None:
            with contextlib.suppress(OSError):  # It may be closed already.
                self._reached.shutdown(socket.SHUT_RDWR)
