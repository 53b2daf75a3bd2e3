"""A whole quantity over time, as steps: read often, and by many questions at once."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

BEGINNING = -(2**62)
_FROM_BEGINNING, _NOTHING = np.array([BEGINNING], np.int64), np.zeros(1, np.int64)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def seconds(instant: datetime) -> int:
    """Seconds since 1970 in UTC."""
    return (instant - _EPOCH) // _SECOND


def instant(second: int) -> datetime:
    return _EPOCH + timedelta(seconds=int(second))


class Timeline:
    """Levels that hold from one instant to the next: `levels[i]` from `times[i]` on.

    `times` are seconds since 1970, the first of them before all time.
    """

    __slots__ = ("_minima", "levels", "times")

    def __init__(self, times: Ints, levels: Ints) -> None:
        self.times = times
        self.levels = levels
        self._minima: list[Ints] | None = None

    @classmethod
    def of(cls, changes: Iterable[tuple[int, int]]) -> "Timeline":
        """The running sum of changes, (second, difference) each, in any order."""
        given = np.array([(BEGINNING, 0), *changes], np.int64)
        times, place = np.unique(given[:, 0], return_inverse=True)
        summed = np.zeros(len(times), np.int64)
        np.add.at(summed, place.reshape(-1), given[:, 1])
        return cls(times, np.cumsum(summed))

    @classmethod
    def summed(cls, changes: Mapping[int, int]) -> "Timeline":
        """The same of changes that are added up by their second already."""
        count = len(changes)
        times = np.fromiter(changes.keys(), np.int64, count)
        order = np.argsort(times)
        times = times[order]
        levels = np.cumsum(np.fromiter(changes.values(), np.int64, count)[order])
        if not count or times[0] != BEGINNING:
            times = np.concatenate([_FROM_BEGINNING, times])
            levels = np.concatenate([_NOTHING, levels])
        return cls(times, levels)

    def at(self, moments: Ints) -> Ints:
        """The level at each of these seconds."""
        return self.levels[np.searchsorted(self.times, moments, "right") - 1]

    def least(self, start: int, end: int) -> int:
        """The lowest level from `start` up to, but not including, `end`."""
        first = int(np.searchsorted(self.times, start, "right")) - 1
        last = int(np.searchsorted(self.times, end, "left"))
        return int(self.levels[first:last].min())

    def least_many(self, starts: Ints, ends: Ints) -> Ints:
        """The lowest level in each [start, end): every question takes the same short time."""
        first = np.searchsorted(self.times, starts, "right") - 1
        last = np.searchsorted(self.times, ends, "left")
        table = self._table()
        # Two runs of the same power of two cover every range, and the lowest of both is its lowest.
        power = np.frexp((last - first).astype(np.float64))[1] - 1
        least = np.empty(len(first), np.int64)
        for k in np.unique(power):
            here = power == k
            row = table[int(k)]
            least[here] = np.minimum(row[first[here]], row[last[here] - (1 << int(k))])
        return least

    def _table(self) -> list[Ints]:
        """Row k has the lowest of each run of 2**k levels."""
        if self._minima is None:
            rows, width = [self.levels], 1
            while 2 * width <= len(self.levels):
                before = rows[-1]
                rows.append(np.minimum(before[:-width], before[width:]))
                width *= 2
            self._minima = rows
        return self._minima
