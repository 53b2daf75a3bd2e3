"""The machine's clock and its entropy: nothing else reads either."""

import secrets
import threading
import time
from datetime import UTC, datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class SystemClock:
    """The machine's clock in whole seconds, held back when it is set back."""

    def __init__(self) -> None:
        self._last = datetime(1970, 1, 1, tzinfo=UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            self._last = max(self._last, datetime.now(UTC).replace(microsecond=0))
            return self._last


class RandomIds:
    """Ids of a time part and a random part: they sort by making, and cannot be guessed."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def new(self, prefix: str) -> str:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1_000_000)
            moment = self._last
        return f"{prefix}_{_letters(moment, 9)}{_letters(secrets.randbits(30), 6)}"

    def secret(self) -> str:
        return _letters(secrets.randbits(160), 32)


def _letters(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 32)
        digits = ALPHABET[digit] + digits
    return digits
