"""Which blocks a promise of whole nodes is laid on, or what could be promised instead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rackrate.core.calendar import available
from rackrate.core.ids import PoolId
from rackrate.core.interval import Interval
from rackrate.core.placement import OPEN, Pool


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why it cannot be promised: how many could be, and from when all of them. None: never."""

    nodes: int
    earliest: datetime | None


def assign(
    pools: Sequence[Pool], nodes: int, during: Interval, now: datetime, notice: timedelta
) -> tuple[tuple[PoolId, int], ...] | Shortfall:
    """Whole nodes of each pool for all of `during`: one block if it can be, else as few as can.

    Nodes that are sold by the moment count as free only once their notice is over.
    """
    room = {pool.id: _room(pool, during, now, notice) for pool in pools}
    fitting = [pool.id for pool in pools if room[pool.id] >= nodes]
    if fitting:
        return ((min(fitting, key=lambda pool: (room[pool], pool)), nodes),)
    if sum(room.values()) < nodes:
        return Shortfall(sum(room.values()), _earliest(pools, nodes, during, now, notice))
    chosen: list[tuple[PoolId, int]] = []
    left = nodes
    for pool in sorted(room, key=lambda pool: (-room[pool], pool)):
        if left and room[pool]:
            chosen.append((pool, min(left, room[pool])))
            left -= chosen[-1][1]
    return tuple(chosen)


def _room(pool: Pool, during: Interval, now: datetime, notice: timedelta) -> int:
    supply = pool.supply
    if during.start < now + notice:
        supply -= pool.owned.get(OPEN, 0)
    return max(0, available(supply, pool.reservations.values(), during))


def _earliest(
    pools: Sequence[Pool], nodes: int, during: Interval, now: datetime, notice: timedelta
) -> datetime | None:
    """The first start at which as long an interval fits: only ends of promises can free nodes."""
    length = during.end - during.start
    ends = {held.during.end for pool in pools for held in pool.reservations.values()}
    for start in sorted({*ends, now + notice}):
        if start > during.start:
            moved = Interval(start, start + length)
            if sum(_room(pool, moved, now, notice) for pool in pools) >= nodes:
                return start
    return None
