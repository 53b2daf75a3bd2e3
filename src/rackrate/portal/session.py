"""Who is signed in at this browser: a random cookie that stands for an API token."""

import hashlib
import hmac
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rackrate.app.ports import Ids

COOKIE = "rackrate_session"
BEFORE = "rackrate_visit"
IDLE = timedelta(hours=12)
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """`secret` is the token, which is looked up at every request: revoking it ends the session."""

    key: str
    secret: str
    csrf: str
    until: datetime


class Sessions:
    """Kept in memory only: a restart signs everybody out, and no token is written anywhere."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, secret: str, now: datetime) -> tuple[str, Session]:
        """A new session and its cookie. Only a hash of the cookie is kept."""
        cookie = self._ids.secret()
        session = Session(_digest(cookie), secret, self._ids.secret(), now + IDLE)
        with self._lock:
            self._open[session.key] = session
            while len(self._open) > MOST:
                self._open.popitem(last=False)
        return cookie, session

    def find(self, cookie: str, now: datetime) -> Session | None:
        """The session of a cookie, which lives on for as long as it is used."""
        key = _digest(cookie)
        with self._lock:
            session = self._open.get(key)
            if session is None or session.until <= now:
                self._open.pop(key, None)
                return None
            session = self._open[key] = replace(session, until=now + IDLE)
            self._open.move_to_end(key)
            return session

    def end(self, key: str) -> None:
        with self._lock:
            self._open.pop(key, None)


def same(given: str, expected: str) -> bool:
    """Compared in a time that tells nothing."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
