"""Which blocks a promise of whole nodes is laid on, or what could be promised instead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from rackrate.core.calendar import NOTHING
from rackrate.core.ids import PoolId
from rackrate.core.interval import Interval
from rackrate.core.placement import Pool, Shape
from rackrate.core.timeline import BEGINNING, Ints, instant, seconds


@dataclass(frozen=True, slots=True)
class Wish:
    """Whole nodes for all of `during`, asked at `now`.

    Nodes that are sold by the moment count as free only once their `notice` is over (decision 2).
    `kept_percent` of each pool is not promised; `moment_percent` of that is kept for what is sold
    by the moment, which fills that share first. `same_block`: on one fabric or not at all.
    """

    nodes: int
    during: Interval
    now: datetime
    notice: timedelta
    kept_percent: Decimal = NOTHING
    same_block: bool = False
    moment_percent: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why it cannot be promised: how many could be, and from when all of them. None: never."""

    nodes: int
    earliest: datetime | None


Assigned = tuple[tuple[PoolId, int], ...]


def assign(pools: Sequence[Pool], wish: Wish) -> Assigned | Shortfall:
    """Whole nodes of each pool: one block if it can be, else as few blocks as can."""
    placed = spread({pool.id: room_in(pool, wish) for pool in pools}, wish)
    return Shortfall(placed, earliest(pools, wish)) if isinstance(placed, int) else placed


def spread(room: Mapping[PoolId, int], wish: Wish) -> Assigned | int:
    """The wish on what each pool has room for; or how many nodes could be, where all cannot."""
    fitting = [pool for pool, nodes in room.items() if nodes >= wish.nodes]
    if fitting:
        return ((min(fitting, key=lambda pool: (room[pool], pool)), wish.nodes),)
    possible = max(room.values(), default=0) if wish.same_block else sum(room.values())
    if possible < wish.nodes:
        return possible
    chosen: list[tuple[PoolId, int]] = []
    left = wish.nodes
    for pool in sorted(room, key=lambda pool: (-room[pool], pool)):
        if left and room[pool]:
            chosen.append((pool, min(left, room[pool])))
            left -= chosen[-1][1]
    return tuple(chosen)


def latest(pools: Sequence[Pool], wish: Wish) -> datetime | None:
    """Until when as many fit from the wish's start on; None where not even for a moment."""
    start, end = seconds(wish.during.start), seconds(wish.during.end)
    moments = [pool.calendar.free(wish.now, wish.kept_percent).times for pool in pools]
    ends = np.unique(np.concatenate([[end, seconds(wish.now + wish.notice)], *moments]))
    ends = ends[(start < ends) & (ends <= end)]
    rooms = [_room(pool, wish, np.full(len(ends), start), ends) for pool in pools]
    if not rooms:
        return None
    together = np.max(rooms, axis=0) if wish.same_block else np.sum(rooms, axis=0)
    fits = np.flatnonzero(together >= wish.nodes)
    return instant(int(ends[fits[-1]])) if len(fits) else None


def kept_back(pools: Sequence[Pool], wish: Wish) -> int:
    """How many more nodes could be promised, were no share kept for the moment and as spare."""
    if not wish.kept_percent:
        return 0
    open_to_all = replace(wish, kept_percent=NOTHING, moment_percent=NOTHING)
    room = [(room_in(pool, open_to_all), room_in(pool, wish)) for pool in pools]
    if wish.same_block:
        return max((free for free, _ in room), default=0) - max((n for _, n in room), default=0)
    return sum(free - left for free, left in room)


def kept_words(nodes: int) -> str:
    """What a refusal adds where a headroom of the site stands in the way."""
    if not nodes:
        return ""
    are = "s are" if nodes > 1 else " is"
    return f"; {nodes} more node{are} kept for what is sold by the moment and as spare"


def rooms(shape: Shape, wish: Wish) -> Ints:
    """For each pool of the shape what `room_in` says, in one pass."""
    during, now = wish.during, wish.now
    room = shape.calendars.least(during, now, wish.kept_percent)
    told = now + wish.notice
    if during.start < told:
        taken = np.array([pool.sold_by_the_moment for pool in shape.pools], np.int64)
        if taken.any():
            soon = Interval(during.start, min(during.end, told))
            filled = shape.calendars.least(soon, now, wish.kept_percent - wish.moment_percent)
            room = np.where(taken > 0, np.minimum(room, filled - taken), room)
    return np.maximum(room, 0)


def room_in(pool: Pool, wish: Wish) -> int:
    """How many nodes of the pool could be promised for all of the wish's interval."""
    start, end = (np.array([seconds(at)]) for at in (wish.during.start, wish.during.end))
    return int(_room(pool, wish, start, end)[0])


def earliest(pools: Sequence[Pool], wish: Wish) -> datetime | None:
    """The first later start at which as long an interval fits.

    Only where something becomes free can it begin to fit: a promise ends, or nodes arrive.
    """
    begun = seconds(wish.during.start)
    moments = [pool.calendar.free(wish.now, wish.kept_percent).times for pool in pools]
    notice_over = np.array([seconds(wish.now + wish.notice)])
    starts = np.unique(np.concatenate([notice_over, *moments]))
    starts = starts[starts > max(begun, BEGINNING)]
    if not len(starts) or not pools:
        return None
    rooms = [_room(pool, wish, starts, starts + wish.during.seconds) for pool in pools]
    together = np.max(rooms, axis=0) if wish.same_block else np.sum(rooms, axis=0)
    fits = np.flatnonzero(together >= wish.nodes)
    return instant(int(starts[fits[0]])) if len(fits) else None


def _room(pool: Pool, wish: Wish, starts: Ints, ends: Ints) -> Ints:
    """Nodes that could be promised over each [start, end)."""
    line = pool.calendar.free(wish.now, wish.kept_percent)
    room = line.least_many(starts, ends)
    taken = pool.sold_by_the_moment
    if taken:
        # What is sold by the moment is in the way up to the end of its notice, and no further.
        told = seconds(wish.now + wish.notice)
        soon = starts < told
        if soon.any():
            until = np.minimum(ends[soon], told)
            filled = pool.calendar.free(wish.now, wish.kept_percent - wish.moment_percent)
            room[soon] = np.minimum(room[soon], filled.least_many(starts[soon], until) - taken)
    return np.maximum(room, 0)
