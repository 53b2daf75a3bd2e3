"""Who gives way: until when leases that are sold on demand are safe, and which must go.

Nodes are counted, not named: a promise needs so many of a pool, and whichever lease goes makes
room. A lease is out `CHANGEOVER` before its nodes are needed, so that they are clean by then.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rackrate.core.calendar import NEVER
from rackrate.core.ids import LeaseId, NodeId, PoolId
from rackrate.core.placement import Fleet
from rackrate.core.pools import Pool
from rackrate.core.timeline import Ints, Timeline, instant, seconds
from rackrate.core.workload import Member

NOTICE = timedelta(days=7)
CHANGEOVER = timedelta(minutes=15)
# Notices go out this long before they must, for a control plane that may be down meanwhile.
EARLY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Lodger:
    """A lease that gives way to promises: what it holds, and what it has been told.

    It is not asked to go before `safe_until`, and with `notice` at least from when it is told so;
    `until` is when it goes, once it has been given notice. Between two passes nobody is safe for
    less than `notice`, but who is about to begin, and who was forgotten while the control plane
    was down: they go when they were told.
    """

    id: LeaseId
    started: datetime
    notice: timedelta
    nodes: frozenset[NodeId]
    safe_until: datetime | None = None
    until: datetime | None = None


def safe_at_start(fleet: Fleet, members: Iterable[Member], now: datetime) -> datetime | None:
    """Until when a lease that begins on these nodes is safe; None: nothing needs them."""
    members = tuple(members)
    needed = fleet.safe_until(members, now)
    ends = [fleet.nodes[fleet.number[member.node]].until for member in members]
    first = min([end for end in (needed, *ends) if end is not None], default=None)
    return None if first is None else max(now, first - CHANGEOVER)


def settle(fleet: Fleet, lodgers: Iterable[Lodger], now: datetime) -> dict[LeaseId, Lodger]:
    """The lodgers as they are to be told now: until when each is safe, and which of them go.

    What was told is kept: `safe_until` is shortened only where promises need it, and never to
    before `notice` from now. Who must go: as few leases as do, then with as few nodes to spare,
    then who started last. A notice that is not needed any more is withdrawn.
    """
    return _settled(_House(fleet, lodgers, now, partial(_room_of_all, now=now)))


def settle_within(
    fleet: Fleet, contract: str, lodgers: Iterable[Lodger], now: datetime
) -> dict[LeaseId, Lodger]:
    """The leases of a contract, by the nodes that it has: who is beyond them has to go.

    It keeps its nodes to the last second: cleaning them is the time of who comes after it.
    """
    return _settled(_House(fleet, lodgers, now, partial(_room_of_one, holder=contract, now=now)))


def _settled(house: "_House") -> dict[LeaseId, Lodger]:
    house.let_stay()
    for ground in house.grounds:
        house.shorten(ground)
    house.send_away()
    house.lengthen()
    return house.lodgers


def _room_of_all(pool: Pool, now: datetime) -> tuple[Timeline, int]:
    """What no promise needs over time, and how long before that a lodger must be out."""
    return pool.calendar.free(now), _whole(CHANGEOVER)


def _room_of_one(pool: Pool, holder: str, now: datetime) -> tuple[Timeline, int]:
    """What is promised to one holder over time; what its right to renew holds only once used."""
    steps: list[tuple[int, int]] = []
    for held in pool.calendar.reservations.values():
        if held.holder == holder and held.counts(now) and not held.renews:
            steps.append((seconds(held.during.start), held.nodes))
            steps.append((seconds(held.during.end), -held.nodes))
    return Timeline.of(steps), 0


Room = Callable[[Pool], tuple[Timeline, int]]
Flags = NDArray[np.bool_]


class _Ground:
    """One pool from now on: how many lodged nodes it has room for, and whose they are."""

    def __init__(self, line: Timeline, ahead: int, at: int) -> None:
        self.ahead = ahead
        later = line.times > at + ahead
        self.times = np.concatenate([[at], line.times[later] - ahead])
        self.room = np.concatenate([[line.least(at, at + ahead + 1)], line.levels[later]])
        self.on: dict[NodeId, list[LeaseId]] = {}
        self.leaves: dict[NodeId, int] = {}
        # A drain moves nobody; but who is on that node is in the way of no promise from then on.
        self.counts: dict[NodeId, int] = {}

    def above(self, ends: Iterable[int], times: Ints) -> Ints:
        """At each of `times`: nodes that are there beyond it, more than there is room for."""
        held = np.sort(np.fromiter(ends, np.int64))
        room = self.room[np.searchsorted(self.times, times, "right") - 1]
        over: Ints = len(held) - np.searchsorted(held, times, "right") - room
        return over


class _House:
    """All lodgers of a site while it is decided what they are told."""

    def __init__(self, fleet: Fleet, lodgers: Iterable[Lodger], now: datetime, room: Room) -> None:
        self.now, self.at = now, seconds(now)
        self.lodgers = {lodger.id: lodger for lodger in lodgers}
        self._told = {id: self._safe(id) for id in self.lodgers}
        self._going: dict[LeaseId, int] = {}
        self._pools: dict[LeaseId, list[_Ground]] = {}
        grounds: dict[PoolId, _Ground] = {}
        for lodger in self.lodgers.values():
            for name in sorted(lodger.nodes):
                node = fleet.nodes[fleet.number[name]]
                ground = grounds.get(node.pool)
                if ground is None:
                    line, ahead = room(fleet.pools[node.pool])
                    ground = grounds[node.pool] = _Ground(line, ahead, self.at)
                ground.on.setdefault(name, []).append(lodger.id)
                ground.leaves[name] = NEVER
                if node.until is not None and ground.ahead:
                    leaves = seconds(node.until) - ground.ahead
                    ground.leaves[name] = max(self.at, leaves)
                ground.counts[name] = ground.leaves[name]
                if node.drained is not None and ground.ahead:
                    drained = max(self.at, seconds(node.drained) - ground.ahead)
                    ground.counts[name] = min(drained, ground.counts[name])
                if ground not in self._pools.setdefault(lodger.id, []):
                    self._pools[lodger.id].append(ground)
        self.grounds = [grounds[pool] for pool in sorted(grounds)]

    # -- what is known of one lodger --------------------------------------------------------------

    def _safe(self, id: LeaseId) -> int:
        safe = self.lodgers[id].safe_until
        return NEVER if safe is None else max(self.at, seconds(safe))

    def _ends(self, id: LeaseId) -> int:
        until = self.lodgers[id].until
        if until is None:
            return self._going.get(id, NEVER)
        return max(self.at, seconds(until))

    def _leaves(self, id: LeaseId) -> int:
        """When the first of its nodes goes away for good."""
        nodes = self.lodgers[id].nodes
        return min(
            ground.leaves[node]
            for ground in self._pools[id]
            for node in nodes
            if node in ground.leaves
        )

    def _told_by(self, id: LeaseId) -> int:
        """The latest need about which it must hear now."""
        return self.at + _whole(self.lodgers[id].notice + EARLY)

    # -- what is known of one pool ----------------------------------------------------------------

    def _stay(self, ground: _Ground, beside: LeaseId | None = None) -> list[int]:
        """When each lodged node is empty or gone, were the notice of `beside` withdrawn."""
        return [
            min(ground.counts[n], max(NEVER if id == beside else self._ends(id) for id in ids))
            for n, ids in ground.on.items()
        ]

    def _first_need(self, id: LeaseId) -> int:
        """When reservations, or its nodes' own end, first need this lodger to go; NEVER."""
        first = self._leaves(id)
        for ground in self._pools[id]:
            short = np.flatnonzero(ground.above(self._stay(ground, id), ground.times) > 0)
            if len(short):
                first = min(first, int(ground.times[short[0]]))
        return first

    # -- what is decided --------------------------------------------------------------------------

    def let_stay(self) -> None:
        """Withdraw notices that are not needed, or not yet; who deserves it most comes first."""
        going = [lodger for lodger in self.lodgers.values() if lodger.until is not None]
        for lodger in sorted(going, key=lambda one: (one.started, one.id)):
            need = self._first_need(lodger.id)
            if need > self._ends(lodger.id):
                told = None if need > self._told_by(lodger.id) else instant(need)
                self.lodgers[lodger.id] = replace(lodger, until=told)

    def shorten(self, ground: _Ground) -> None:
        """Where more nodes were told to be safe than there is room for, all learn of that day."""
        after = -1
        while True:
            told = [
                min(ground.counts[n], max(self._protected(id) for id in ids))
                for n, ids in ground.on.items()
            ]
            over = ground.above(told, ground.times) > 0
            over &= ground.times > after
            if not over.any():
                break
            after = int(ground.times[over.argmax()])
            for ids in ground.on.values():
                for id in ids:
                    self._safe_at_most(id, after)
        for name, ids in ground.on.items():
            for id in ids:
                self._safe_at_most(id, ground.leaves[name])

    def _protected(self, id: LeaseId) -> int:
        return min(self._safe(id), self._ends(id))

    def _safe_at_most(self, id: LeaseId, moment: int) -> None:
        """Safe until `moment`, or until its notice is over where that is later."""
        lodger = self.lodgers[id]
        moment = max(moment, self.at + _whole(lodger.notice))
        if self._safe(id) > moment:
            self.lodgers[id] = replace(lodger, safe_until=instant(moment))

    def send_away(self) -> None:
        """Give notice to those that must go, as far ahead as each of them must hear of it."""
        for id in self.lodgers:
            leaves = self._leaves(id)
            if leaves <= self._told_by(id) and self._ends(id) > leaves:
                self._go(id, max(leaves, self._safe(id)))
        for ground in self.grounds:
            for moment in self._moments(ground):
                self._make_room(ground, moment)

    def _moments(self, ground: _Ground) -> list[int]:
        """When somebody of this pool might have to go, as far ahead as anybody must hear of it."""
        ids = {id for each in ground.on.values() for id in each}
        last = max(self._told_by(id) for id in ids)
        moments = np.unique([*ground.times, *(self._safe(id) for id in ids)])
        return [int(moment) for moment in moments[(moments >= self.at) & (moments <= last)]]

    def _make_room(self, ground: _Ground, moment: int) -> None:
        """Choose who goes at `moment`, and tell those who must hear of it by now."""
        short = int(ground.above(self._stay(ground), np.array([moment]))[0])
        for late in (False, True):  # Who can have its whole notice; who should have heard before.
            if short <= 0:
                return
            free = {
                frozenset(left)
                for node in ground.on
                if (left := self._left(ground, node, moment))
                and all(self._may_go(id, moment, late) for id in left)
            }
            while free and short > 0:
                youngest = sorted(free, key=max, reverse=True)
                best = min(youngest, key=lambda ids: self._rank(ground, ids, moment, short))
                short -= self._freed(ground, best, moment)
                for id in best:
                    self._go(id, moment)
                free = {ids - best for ids in free} - {frozenset()}

    def _left(self, ground: _Ground, node: NodeId, moment: int) -> list[LeaseId]:
        """Who still holds the node at `moment`; nobody, where it is gone or drained by then."""
        if ground.counts[node] <= moment:
            return []
        return [id for id in ground.on[node] if self._ends(id) > moment]

    def _may_go(self, id: LeaseId, moment: int, late: bool) -> bool:
        """Whether it can be sent away at `moment` within what it was told."""
        lodger = self.lodgers[id]
        heard = lodger.until is not None or self.at + _whole(lodger.notice) <= moment
        return self._safe(id) <= moment and (heard or late)

    def _freed(self, ground: _Ground, ids: frozenset[LeaseId], moment: int) -> int:
        """How many nodes of this pool are empty from `moment` on once these are gone."""
        nodes = {node for id in ids for node in self.lodgers[id].nodes if node in ground.on}
        return sum(
            bool(left) and ids.issuperset(left)
            for left in (self._left(ground, node, moment) for node in nodes)
        )

    def _rank(
        self, ground: _Ground, ids: frozenset[LeaseId], moment: int, short: int
    ) -> tuple[Fraction, int, int, int]:
        """Fewest leases for a node; then fewest of them, fewest nodes beyond, the last to start."""
        freed = self._freed(ground, ids, moment)
        started = max(self.lodgers[id].started for id in ids)
        return (
            Fraction(len(ids), max(1, min(freed, short))),
            len(ids),
            max(0, freed - short),
            -seconds(started),
        )

    def _go(self, id: LeaseId, moment: int) -> None:
        """It leaves at `moment`, and hears of it if it must by now."""
        self._going[id] = moment
        if moment <= self._told_by(id):
            self.lodgers[id] = replace(self.lodgers[id], until=instant(moment))

    def lengthen(self) -> None:
        """Whoever stays is safe until promises would need it; whoever goes, until it goes.

        A need that comes before a notice given now would be over is no need of a lease that has
        none: whoever is spared now has another notice ahead of it.
        """
        over = {ground: self._over(ground) for ground in self.grounds}
        for id, lodger in self.lodgers.items():
            if lodger.until is not None:
                self.lodgers[id] = replace(lodger, safe_until=lodger.until)
            else:
                first = min(
                    self._ends(id),
                    self._leaves(id),
                    *(self._first(id, ground.times, over[ground]) for ground in self._pools[id]),
                )
                first = max(first, self._spared(id))
                if first > self._safe(id):
                    safe = None if first == NEVER else instant(first)
                    self.lodgers[id] = replace(lodger, safe_until=safe)

    def _over(self, ground: _Ground) -> Flags:
        """At each of its times: whether promises need nodes that lodgers will still hold."""
        over: Flags = ground.above(self._stay(ground), ground.times) > 0
        return over

    def _first(self, id: LeaseId, times: Ints, over: Flags) -> int:
        """When it would be needed first, had it notice now; NEVER."""
        heard = self.at + _whole(self.lodgers[id].notice)
        since = int(np.searchsorted(times, heard, "right")) - 1
        short = np.flatnonzero(over[since:])
        return max(heard, int(times[since + short[0]])) if len(short) else NEVER

    def _spared(self, id: LeaseId) -> int:
        """Until when a lease without notice will not go as things are: it would know by now."""
        last, told = self._told_by(id), self._told[id]
        near = told <= last - _whole(EARLY) // 2
        return last if near else min(told, last)


def _whole(span: timedelta) -> int:
    return int(span.total_seconds())
