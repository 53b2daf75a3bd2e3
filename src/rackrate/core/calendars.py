"""The calendars of many pools, asked one question together: in one pass, whatever their number."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from rackrate.core.calendar import NEVER, NOTHING, PoolCalendar
from rackrate.core.interval import Interval
from rackrate.core.timeline import Ints, Timeline, seconds

# Beyond this many changed pools all are laid out anew; up to it, each is cut in where it was.
FEW = 8
# A pool's place and an instant make one number that sorts by both: years up to 9999 fit.
PLACE = 1 << 40


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """The free timelines of all pools, one after another. `begins[i]` is where pool i begins.

    It holds up to `until`, when a hold expires or a delivery has not come, unless a pool changes.
    """

    versions: list[int]
    until: int
    begins: Ints
    keys: Ints
    levels: Ints


class Calendars:
    """Kept and changed with the pools that it is made of, in their order."""

    __slots__ = ("_all", "_laid")

    def __init__(self) -> None:
        self._all: list[PoolCalendar] = []
        self._laid: dict[Decimal, _Laid] = {}

    def insert(self, place: int, calendar: PoolCalendar) -> None:
        """One more, before the one that has this place."""
        self._all.insert(place, calendar)
        self._laid.clear()

    def least(self, window: Interval, now: datetime, kept_percent: Decimal = NOTHING) -> Ints:
        """Of each pool what is available to promise over the whole of `window`.

        As `PoolCalendar.available` says it: below zero by what is oversold.
        """
        if not self._all:
            return np.zeros(0, np.int64)
        laid = self._fresh(now, kept_percent)
        places = np.arange(len(self._all), dtype=np.int64) * PLACE
        first = np.searchsorted(laid.keys, places + seconds(window.start), "right") - 1
        last = np.searchsorted(laid.keys, places + seconds(window.end), "left")
        # From each pool's first level to its last, and what is between two pools, which is left
        # out. The level at the very end is there to be pointed at, and is no pool's.
        bounds = np.empty(2 * len(first), np.intp)
        bounds[0::2], bounds[1::2] = first, last
        least: Ints = np.minimum.reduceat(laid.levels, bounds)[0::2]
        return least

    def laid(self, now: datetime, kept_percent: Decimal = NOTHING) -> tuple[Ints, Ints, Ints]:
        """All timelines one after another: where each begins, its place and times, its levels."""
        laid = self._fresh(now, kept_percent)
        return laid.begins, laid.keys, laid.levels[:-1]

    def _fresh(self, now: datetime, kept: Decimal) -> _Laid:
        versions = [one.version for one in self._all]
        laid = self._laid.get(kept)
        if laid is None:
            laid = self._laid[kept] = self._lay(now, kept)
        elif laid.until <= seconds(now) or laid.versions != versions:
            for one in self._all if laid.until <= seconds(now) else ():
                one.lapse(now)
            laid = self._laid[kept] = self._mended(laid, now, kept)
        return laid

    def _lay(self, now: datetime, kept: Decimal) -> _Laid:
        lines = [one.free(now, kept) for one in self._all]
        sizes = np.array([len(line.times) for line in lines], np.int64)
        begins = np.concatenate([[0], np.cumsum(sizes)])
        keys = np.maximum(np.concatenate([line.times for line in lines]), 0)
        keys += np.repeat(np.arange(len(lines), dtype=np.int64) * PLACE, sizes)
        levels = np.concatenate([*(line.levels for line in lines), [0]])
        return _Laid([one.version for one in self._all], self._until(), begins, keys, levels)

    def _mended(self, laid: _Laid, now: datetime, kept: Decimal) -> _Laid:
        """With what has changed since."""
        versions = [one.version for one in self._all]
        pairs = enumerate(zip(versions, laid.versions, strict=True))
        changed = [place for place, (new, old) in pairs if new != old]
        if len(changed) > FEW:
            return self._lay(now, kept)
        begins, keys, levels = laid.begins.copy(), laid.keys, laid.levels
        for place in changed:
            line = self._all[place].free(now, kept)
            start, end = int(begins[place]), int(begins[place + 1])
            keys = np.concatenate([keys[:start], _keys(place, line), keys[end:]])
            levels = np.concatenate([levels[:start], line.levels, levels[end:]])
            begins[place + 1 :] += len(line.times) - (end - start)
        return _Laid([one.version for one in self._all], self._until(), begins, keys, levels)

    def _until(self) -> int:
        return min((one.next_lapse for one in self._all), default=NEVER)


def _keys(place: int, line: Timeline) -> Ints:
    return np.maximum(line.times, 0) + place * PLACE
