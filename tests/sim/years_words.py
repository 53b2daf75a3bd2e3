"""What leases by the moment are told in simulated years, word by word, and what became of it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

HALF_A_DAY = timedelta(hours=12)
Word = tuple[datetime, datetime | None, datetime | None]


@dataclass(slots=True)
class Told:
    """What one has been told: (when, safe until, goes at), each change."""

    notice: timedelta
    created: datetime
    words: list[Word] = field(default_factory=list)

    @property
    def since(self) -> datetime:
        """Since when it knows that it goes then, or then at the earliest."""
        until, first = self.words[-1][2], self.words[-1][0]
        for when, _, goes in reversed(self.words):
            if goes is None or until is None or goes > until:
                break
            first = when
        return first


@dataclass
class Words:
    """All of them. `let_go` are those that their owners ended."""

    notices: dict[str, timedelta]
    seen: Counter[str]
    told: dict[str, Told] = field(default_factory=dict)
    let_go: set[str] = field(default_factory=set)

    def hears_by(self, lease: Any) -> datetime | None:
        """Half a day before it must, it hears whether it goes when it is safe no more."""
        if lease.terms.contract or lease.until or lease.safe_until is None:
            return None
        safe: datetime = lease.safe_until
        return safe - self.notices[lease.terms.site] - HALF_A_DAY

    def hear(self, leases: Iterable[Any], now: datetime) -> Iterator[str]:
        """What is new, held against what was told before."""
        for lease in leases:
            if lease.terms.contract is not None:
                continue
            notice = self.notices[lease.terms.site]
            told = self.told.setdefault(lease.id, Told(notice, lease.created))
            word = (lease.safe_until, lease.until)
            if str(lease.wanted) == "ended":
                if lease.id not in self.let_go:
                    yield from self._sent_away(lease.id, told, now)
                    self.let_go.add(lease.id)
            elif not told.words or told.words[-1][1:] != word:
                yield from self._check(lease.id, told, (now, *word))
                told.words.append((now, *word))

    def _check(self, id: str, told: Told, word: Word) -> Iterator[str]:
        """It may be told less than before only a notice ahead, unless it begins just now."""
        now, safe, until = word
        if not told.words or now == told.created:
            return
        _, before, going = told.words[-1]
        if safe is not None and (before is None or safe < before) and safe < now + told.notice:
            yield f"{id} was safe until {before}, and suddenly only until {safe}"
        if until is not None and safe is not None and until < safe:
            yield f"{id} goes at {until}, before {safe}, until when it is safe"
        if until is not None and until < now + told.notice and (going is None or until < going):
            yield f"{id} is told only now to go at {until}; it was told {going}"

    def _sent_away(self, id: str, told: Told, now: datetime) -> Iterator[str]:
        self.seen["sent away"] += 1
        last = told.words[-1][2]
        if last is None or now < last:
            yield f"{id} was sent away, told {last}"
        elif last - told.since < told.notice and told.since != told.created:
            yield f"{id} was told at {told.since} to go at {last}: no notice"
