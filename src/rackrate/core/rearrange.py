"""Promises laid on other blocks before they are delivered: to mend what is short, or to make room.

A promise names a block only because it must lie somewhere. Until its nodes are handed over another
block of the same shape is as good, and what is moved is shown before it is done.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from rackrate.core.calendar import Reservation
from rackrate.core.ids import PoolId
from rackrate.core.interval import Interval
from rackrate.core.placement import Pool
from rackrate.core.promise import Wish, room_in
from rackrate.core.timeline import instant, seconds

FOREVER = 253_402_300_000  # The last seconds of the year 9999: as far as a datetime goes.


@dataclass(frozen=True, slots=True)
class Move:
    """`nodes` of a promise go to another pool for all of its time."""

    reservation: Reservation
    nodes: int
    to: PoolId


@dataclass(frozen=True, slots=True)
class Rearranged:
    """What is moved, and the pools that are short all the same."""

    moves: tuple[Move, ...]
    short: tuple[PoolId, ...] = ()


# Which promises may be moved, by id; and whether in parts, or only all of it to one block.
Movable = Mapping[str, bool]
# What goes wherever another promise goes, by that one's id: what is held to go on after it.
Along = Mapping[str, str]


def moved(held: Reservation, nodes: int, to: PoolId) -> Reservation:
    """The part of a promise that has gone to another pool. A promise's id ends with its pool."""
    return replace(held, id=f"{held.id.removesuffix(held.pool)}{to}", pool=to, nodes=nodes)


def mend(
    pools: Sequence[Pool], asked: Wish, movable: Movable, along: Along | None = None
) -> Rearranged:
    """Moves after which as few pools as can be are short. `asked` tells now, notice and shares."""
    sketch = _Sketch(pools, asked, movable, along or {})
    short: list[PoolId] = []
    for pool in sorted(pools, key=lambda pool: pool.id):
        hopeless: set[int] = set()
        while (lacking := sketch.lacking(pool.id, hopeless)) is not None:
            nodes, during = lacking
            if not sketch.relieve(pool.id, nodes, during):
                hopeless.add(seconds(during.start))
        if hopeless:
            short.append(pool.id)
    return Rearranged(tuple(sketch.moves), tuple(short))


def clear(
    pools: Sequence[Pool], wish: Wish, movable: Movable, along: Along | None = None
) -> Rearranged | None:
    """The least that must be moved so that the wish fits on one block; None where nothing helps."""
    best: Rearranged | None = None
    for pool in sorted(pools, key=lambda pool: pool.id):
        sketch = _Sketch(pools, wish, movable, along or {})
        while (missing := wish.nodes - sketch.room(pool.id, wish.during)) > 0:
            if not sketch.relieve(pool.id, missing, wish.during):
                break
        else:
            found = Rearranged(tuple(sketch.moves))
            if best is None or _cost(found) < _cost(best):
                best = found
    return best


def _cost(found: Rearranged) -> tuple[int, int]:
    return sum(move.nodes for move in found.moves), len(found.moves)


class _Sketch:
    """The pools as they would be: what is moved is moved here only."""

    def __init__(self, pools: Sequence[Pool], asked: Wish, movable: Movable, along: Along) -> None:
        self.moves: list[Move] = []
        self._pools = {pool.id: pool for pool in pools}
        self._own: set[PoolId] = set()
        self._asked = asked
        self._movable = dict(movable)
        self._along = dict(along)

    def room(self, pool: PoolId, during: Interval) -> int:
        return room_in(self._pools[pool], replace(self._asked, during=during))

    def lacking(self, pool: PoolId, hopeless: set[int]) -> tuple[int, Interval] | None:
        """The first shortage from now on for which there is hope: how many nodes, and when."""
        line, now = self._pools[pool].calendar.free(self._asked.now), seconds(self._asked.now)
        for i in np.flatnonzero(line.levels < 0):
            start = max(int(line.times[i]), now)
            end = int(line.times[i + 1]) if i + 1 < len(line.times) else FOREVER
            if end > now and start not in hopeless:
                return -int(line.levels[i]), Interval(instant(start), instant(min(end, FOREVER)))
        return None

    def relieve(self, pool: PoolId, nodes: int, during: Interval) -> bool:
        """Move one promise that is in the way, or a part of it, to where it fits."""
        for held in self._in_the_way(pool, nodes, during):
            whole = not self._movable[held.id]
            wanted = held.nodes if whole else min(nodes, held.nodes)
            rooms = {to: self._room_of(held, wanted, to) for to in self._pools if to != pool}
            fitting = [to for to, room in rooms.items() if room >= wanted]
            if fitting:
                self._move(held, wanted, min(fitting, key=lambda to: (rooms[to], to)))
                return True
            widest = max(rooms, key=lambda to: (rooms[to], to), default=None)
            if not whole and widest is not None and rooms[widest] > 0:
                self._move(held, rooms[widest], widest)
                return True
        return False

    def _room_of(self, held: Reservation, wanted: int, to: PoolId) -> int:
        """What a pool has for a promise; and for what goes with it, of which there may be less."""
        room, after = self.room(to, held.during), self._after(held)
        if after is None:
            return room
        later = self.room(to, after.during)
        return room if later >= min(wanted, after.nodes) else min(room, later)

    def _after(self, held: Reservation) -> Reservation | None:
        """What goes on after a promise on the same pool, and goes where it goes."""
        id = self._along.get(held.id)
        return None if id is None else self._pools[held.pool].calendar.reservations.get(id)

    def _in_the_way(self, pool: PoolId, nodes: int, during: Interval) -> Iterator[Reservation]:
        """What may be moved: the smallest that is enough first, else the largest."""
        held = [
            one
            for one in self._pools[pool].calendar.reservations.values()
            if one.id in self._movable and self._overlaps(one, during)
        ]
        enough = sorted((one for one in held if one.nodes >= nodes), key=lambda r: (r.nodes, r.id))
        fewer = sorted((one for one in held if one.nodes < nodes), key=lambda r: (-r.nodes, r.id))
        return iter(enough + fewer)

    def _overlaps(self, held: Reservation, during: Interval) -> bool:
        after = self._after(held)
        both = (held,) if after is None else (held, after)
        return any(one.during.intersect(during) is not None for one in both)

    def _move(self, held: Reservation, nodes: int, to: PoolId) -> None:
        after = self._after(held)
        self._carry(held, nodes, to)
        if after is not None:
            self._carry(after, min(nodes, after.nodes), to)

    def _carry(self, held: Reservation, nodes: int, to: PoolId) -> None:
        self.moves.append(Move(held, nodes, to))
        source, target = self._twin(held.pool).calendar, self._twin(to).calendar
        if nodes == held.nodes:
            source.withdraw(held.id)
        else:
            source.promise(replace(held, nodes=held.nodes - nodes))
        gone = moved(held, nodes, to)
        there = target.reservations.get(gone.id)
        target.promise(gone if there is None else replace(there, nodes=there.nodes + nodes))
        self._movable.pop(gone.id, None)  # What has come to rest is not moved again.

    def _twin(self, id: PoolId) -> Pool:
        if id not in self._own:
            self._own.add(id)
            twin = copy(self._pools[id])
            twin.calendar = twin.calendar.copy()
            self._pools[id] = twin
        return self._pools[id]
