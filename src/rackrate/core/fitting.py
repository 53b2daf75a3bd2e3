"""Where whole nodes fit, asked of all pools of a shape at once: now, or from when."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import numpy as np

from rackrate.core.calendar import NEVER, NOTHING
from rackrate.core.calendars import PLACE
from rackrate.core.interval import Interval
from rackrate.core.placement import Shape
from rackrate.core.promise import Assigned, Wish, rooms
from rackrate.core.timeline import Ints, instant, seconds

BITS = PLACE.bit_length() - 1
# How far ahead is looked for the first start: near ones are found without looking at all of time.
DAYS = 86_400
# Of a wish of several parts: how long after its start, for how long, how many nodes. In seconds.
Part = tuple[int, int, int]
HORIZONS = (60 * DAYS, 400 * DAYS, NEVER)


def place(shape: Shape, wish: Wish) -> Assigned | int:
    """As `promise.assign`: whole nodes of each pool; or how many could be, where all cannot."""
    return lay(shape, rooms(shape, wish), wish)


def lay(shape: Shape, room: Ints, wish: Wish) -> Assigned | int:
    """The wish on what each pool of the shape has room for; or how many could be."""
    fitting = np.flatnonzero(room >= wish.nodes)
    if len(fitting):
        tightest = fitting[np.argmin(room[fitting])]
        return ((shape.pools[tightest].id, wish.nodes),)
    possible = int(room.max(initial=0)) if wish.same_block else int(room.sum())
    if possible < wish.nodes:
        return possible
    order = np.argsort(-room, kind="stable")
    before = np.cumsum(room[order]) - room[order]
    used = order[before < wish.nodes]
    taken = np.minimum(room[used], wish.nodes - before[: len(used)])
    return tuple((shape.pools[i].id, int(n)) for i, n in zip(used, taken, strict=True))


def between(shape: Shape, wish: Wish, cuts: Sequence[datetime]) -> Ints:
    """A row for each time from one cut to the next: what `promise.rooms` says of each pool then."""
    times, told = [seconds(at) for at in cuts], seconds(wish.now + wish.notice)
    if not shape.pools:
        return np.zeros((len(cuts) - 1, 0), np.int64)
    soon = 1 if len(cuts) == 2 else sum(start < told for start in times[:-1])
    spans = [Interval(start, end) for start, end in pairwise(cuts[: soon + 1])]
    early = [rooms(shape, replace(wish, during=span)) for span in spans]
    late = [_least_between(shape, wish, times[soon:])] if soon < len(times) - 1 else []
    return np.vstack([*early, *late])


def _least_between(shape: Shape, wish: Wish, times: Sequence[int]) -> Ints:
    """The same in one pass, where nothing that is sold by the moment is in the way any more."""
    _, keys, levels = shape.calendars.laid(wish.now, wish.kept_percent)
    places = np.arange(len(shape.pools), dtype=np.int64)[:, None] * PLACE
    at = places + np.array(times, np.int64)[None, :]
    first = np.searchsorted(keys, at[:, :-1], "right") - 1
    last = np.searchsorted(keys, at[:, 1:], "left")
    bounds = np.stack([first, last], axis=2).reshape(-1)
    # The level at the very end is there to be pointed at, and is no pool's.
    least = np.minimum.reduceat(np.append(levels, 0), bounds)[0::2]
    return np.maximum(least.reshape(first.shape).T, 0)


def kept_back(shape: Shape, wish: Wish) -> int:
    """How many more nodes could be promised, were no share kept for the moment and as spare."""
    if not wish.kept_percent:
        return 0
    free = rooms(shape, replace(wish, kept_percent=NOTHING, moment_percent=NOTHING))
    left = rooms(shape, wish)
    if wish.same_block:
        return int(free.max(initial=0) - left.max(initial=0))
    return int((free - left).sum())


def first_start(shape: Shape, wish: Wish) -> datetime | None:
    """As `promise.earliest`: the first later start at which as long an interval fits."""
    if not shape.pools:
        return None
    steps = _Steps(shape, wish)
    begun = seconds(wish.during.start)
    found = _on_one(steps, wish, begun) if wish.same_block else _together(steps, wish, begun)
    return None if found is None else instant(found)


def first_start_of(shape: Shape, wish: Wish, parts: Sequence[Part]) -> datetime | None:
    """The first start, from the wish's on, at which one pool has room for every part."""
    if not shape.pools:
        return None
    steps, begun = _Steps(shape, wish), seconds(wish.during.start)
    runs = sorted((_runs(steps, begun, part) for part in parts), key=lambda run: len(run[0]))
    if not len(runs[0][0]):
        return None
    keys = np.unique(np.concatenate([first for first, _ in runs]))
    for first, until in runs:
        at = np.searchsorted(first, keys, "right") - 1
        good = (at >= 0) & (first[at] >> BITS == keys >> BITS)
        keys = keys[good & (until[at] >= keys & (PLACE - 1))]
    return instant(int((keys & (PLACE - 1)).min())) if len(keys) else None


def rises(shape: Shape, wish: Wish) -> Ints:
    """When something becomes free, in seconds: only there can what did not fit begin to."""
    if not shape.pools:
        return np.zeros(0, np.int64)
    steps = _Steps(shape, wish)
    up = np.zeros(len(steps.times), np.bool_)
    up[1:] = (steps.pools[1:] == steps.pools[:-1]) & (steps.levels[1:] > steps.levels[:-1])
    return np.unique(steps.times[up])


def _runs(steps: "_Steps", begun: int, part: Part) -> tuple[Ints, Ints]:
    """From when to when, pool by pool, the whole may start for this part to fit."""
    offset, length, nodes = part
    starts, ends, pools = _high(steps, nodes, begun + offset)
    first, until = starts - offset, ends - length - offset
    fits = until >= first
    return (pools[fits] << BITS) + first[fits], until[fits]


def _high(steps: "_Steps", nodes: int, begun: int) -> tuple[Ints, Ints, Ints]:
    """The runs of steps of one pool that are high enough, from `begun` on: from, to, pool."""
    high = (steps.levels >= nodes) & (steps.ends > begun)
    follows = np.zeros(len(high), np.bool_)
    follows[1:] = steps.pools[1:] == steps.pools[:-1]
    first = high.copy()
    first[1:] &= ~(high[:-1] & follows[1:])
    last = high.copy()
    last[:-1] &= ~(high[1:] & follows[1:])
    return np.maximum(steps.times[first], begun), steps.ends[last], steps.pools[first]


class _Steps:
    """What could be promised at each instant, over all pools: `levels[i]` in [times[i], ends[i]).

    What is sold by the moment is in the way up to the end of its notice.
    """

    __slots__ = ("begins", "ends", "keys", "levels", "pools", "times")

    def __init__(self, shape: Shape, wish: Wish) -> None:
        begins, keys, levels = shape.calendars.laid(wish.now, wish.kept_percent)
        told = seconds(wish.now + wish.notice)
        taken = np.array([pool.sold_by_the_moment for pool in shape.pools], np.int64)
        if taken.any() and seconds(wish.during.start) < told:
            share = wish.kept_percent - wish.moment_percent
            filled = shape.calendars.laid(wish.now, share)[2]
            begins, keys, levels = _cut(begins, keys, levels, filled, (taken, told))
        self.begins, self.keys, self.levels = begins, keys, np.maximum(levels, 0)
        self.pools, self.times = keys >> BITS, keys & (PLACE - 1)
        self.ends = np.full(len(keys), NEVER, np.int64)
        self.ends[:-1] = np.where(self.pools[1:] == self.pools[:-1], self.times[1:], NEVER)


def _cut(
    begins: Ints, keys: Ints, levels: Ints, filled: Ints, sold: tuple[Ints, int]
) -> tuple[Ints, Ints, Ints]:
    """Each pool's steps with one more at the end of the notice, up to which less is free."""
    taken, told = sold
    cuts = np.arange(len(taken), dtype=np.int64) * PLACE + told
    at = np.searchsorted(keys, cuts, "right")
    levels, filled = (np.insert(line, at, line[at - 1]) for line in (levels, filled))
    keys = np.insert(keys, at, cuts)
    pools = keys >> BITS
    early = ((keys & (PLACE - 1)) < told) & (taken[pools] > 0)
    levels = np.where(early, np.minimum(levels, filled - taken[pools]), levels)
    return begins + np.arange(len(begins)), keys, levels


def _on_one(steps: _Steps, wish: Wish, begun: int) -> int | None:
    """The first start of a run of steps of one pool that is high enough for long enough."""
    starts, ends, _ = _high(steps, wish.nodes, begun)
    fits = starts[ends - starts >= wish.during.seconds]
    return int(fits.min()) if len(fits) else None


def _together(steps: _Steps, wish: Wish, begun: int) -> int | None:
    """The first start at which the pools together have enough over the whole of the interval."""
    if int(np.maximum.reduceat(steps.levels, steps.begins[:-1]).sum()) < wish.nodes:
        return None
    for horizon in HORIZONS:
        found = _together_until(steps, wish, begun, min(begun + horizon, NEVER))
        if found is not None:
            return found
    return None


def _together_until(steps: _Steps, wish: Wish, begun: int, until: int) -> int | None:
    """What a pool has over [s, s + length) goes up only where a step leaves, and down only where
    one enters: the changes of all pools are added up in the order of time.
    """
    length = wish.during.seconds
    leaves = np.flatnonzero((steps.ends > begun) & (steps.times <= until))
    from_leaving = np.maximum(steps.times[leaves], begun)
    entering = steps.times - length
    enters = np.flatnonzero((entering >= begun) & (entering < until))
    from_entering = steps.times[enters] - length + 1
    after, before = (steps.pools[each] << BITS for each in (leaves, enters))
    ends = np.searchsorted(steps.keys, after + from_leaving + length, "left")
    begins = np.searchsorted(steps.keys, before + from_entering, "right") - 1
    first, last = np.concatenate([leaves, begins]), np.concatenate([ends, enters + 1])
    room = _least(steps.levels, first, last)
    pools = np.concatenate([steps.pools[leaves], steps.pools[enters]])
    starts = np.concatenate([from_leaving, from_entering])
    order = np.argsort((pools << BITS) + starts, kind="stable")
    pools, starts, room = pools[order], starts[order], room[order]
    change = room.copy()
    change[1:] -= np.where(pools[1:] == pools[:-1], room[:-1], 0)
    order = np.argsort(starts, kind="stable")
    starts, total = starts[order], np.cumsum(change[order])
    settled = np.ones(len(starts), np.bool_)
    settled[:-1] = starts[1:] != starts[:-1]
    fits = np.flatnonzero(settled & (total >= wish.nodes))
    return int(starts[fits[0]]) if len(fits) else None


def _least(levels: Ints, first: Ints, last: Ints) -> Ints:
    """The lowest of levels[first:last] for each pair, none of them empty."""
    power = np.frexp((last - first).astype(np.float64))[1] - 1
    least = np.empty(len(first), np.int64)
    row, width = levels, 1
    for k in range(int(power.max(initial=0)) + 1):
        here = power == k
        least[here] = np.minimum(row[first[here]], row[last[here] - width])
        row = np.minimum(row[:-width], row[width:]) if width < len(row) else row
        width *= 2
    return least
