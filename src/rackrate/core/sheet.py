"""What each pool has from change to change of several lines, and what of them is laid on it."""

from collections.abc import Iterable, Sequence

import numpy as np

from rackrate.core.interval import Interval
from rackrate.core.placement import Shape
from rackrate.core.promise import Assigned
from rackrate.core.several import Want
from rackrate.core.timeline import Ints


class Sheet:
    """Rows are the times from one change of the lines to the next, columns the pools of a shape."""

    def __init__(self, wants: Iterable[Want]) -> None:
        spans = {want.during for want in wants}
        cuts = sorted({at for span in spans for at in (span.start, span.end)})
        self._cuts = tuple(cuts)
        self._row = {at: row for row, at in enumerate(cuts)}
        self._laid: dict[int, Ints] = {}

    def lay(self, want: Want, placed: Assigned, times: int = 1) -> None:
        """Put a line on its pools; -1 times: take it away again."""
        laid, rows = self._laid_on(want.what.shape), self._rows(want.during)
        for pool, nodes in placed:
            place = want.what.place_of(pool)
            assert place is not None, pool
            laid[rows, place] += times * nodes

    def room(self, want: Want) -> Ints:
        """What each pool has for a line, beside all that is laid."""
        return np.maximum(self.slack([want]) + want.wish.nodes, 0)

    def slack(self, unit: Sequence[Want], others: Sequence[Want] = ()) -> Ints:
        """How many nodes each pool would have left where the lines of the unit are the most,
        beside others that are laid on the same pool.

        Below zero: they do not fit there.
        """
        asked, what = self._demand(unit), unit[0].what
        rows = np.flatnonzero(asked)
        free = what.between(unit[0].wish, self._cuts)[rows] - self._laid_on(what.shape)[rows]
        slack: Ints = (free - (asked + self._demand(others))[rows, None]).min(axis=0)
        for want in unit:
            may = what.open_to(want.during)
            if may is not None:
                slack = np.where(may, slack, -want.wish.nodes)
        return slack

    def _laid_on(self, shape: Shape) -> Ints:
        """SKUs of the same chip and size share their pools."""
        if id(shape) not in self._laid:
            size = (len(self._cuts) - 1, len(shape.pools))
            self._laid[id(shape)] = np.zeros(size, np.int64)
        return self._laid[id(shape)]

    def _demand(self, wants: Iterable[Want]) -> Ints:
        """The nodes that lines come to in each row."""
        asked = np.zeros(len(self._cuts) - 1, np.int64)
        for want in wants:
            asked[self._rows(want.during)] += want.wish.nodes
        return asked

    def _rows(self, during: Interval) -> slice:
        return slice(self._row[during.start], self._row[during.end])
