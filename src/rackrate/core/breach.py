"""Promises that the supply no longer covers: whose they are, and what would mend them."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from rackrate.core.calendar import NEVER, PoolCalendar, Reservation, ReservationKind
from rackrate.core.ids import CustomerId, PoolId, PurchaseId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.placement import Pool, Shape
from rackrate.core.promise import Wish, room_in
from rackrate.core.timeline import Ints, Timeline, instant, seconds

# Nodes of a pool are fungible, so who goes short is a rule: first those for whom the missing order
# was placed; then holds, which nobody has signed; then maintenance, which can be put off; then what
# rights to renew hold, which may lapse; then the contracts, the latest signed first. The rest of a
# dedicated block is promised to nobody as nodes: it makes way before all of them, and nothing is
# broken by that.
REST, SERVED = -1, 0
_ORDER: Mapping[ReservationKind, int] = {
    ReservationKind.HOLD: 1,
    ReservationKind.MAINTENANCE: 2,
}
_RIGHTS, _CONTRACTS = 3, 4
MOST_ROOMS = 20


@dataclass(frozen=True, slots=True)
class Short:
    """`nodes` of a promise that are not there over `during`."""

    reservation: Reservation
    nodes: int
    during: Interval


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that cannot be kept, as it was written down when it became so.

    `mended`: since when that is no longer so, because nothing is short or another row says what is.
    """

    id: str
    at: datetime
    site: SiteId
    pool: PoolId
    reservation: str
    kind: ReservationKind
    holder: str
    customer: CustomerId | None
    nodes: int
    during: Interval
    cause: str
    mended: datetime | None = None

    @property
    def unmended(self) -> bool:
        return self.mended is None

    def open(self, now: datetime) -> bool:
        """Whether it is still to come, or going on. What was never mended stays on record."""
        return self.mended is None and now < self.during.end


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides who goes short beside the promise itself.

    `served` has, for each holder that a missing order serves, until when that order is missing;
    None where nobody knows. `signed` is when a holder's contract was signed.
    """

    served: Mapping[str, datetime | None]
    signed: Mapping[str, datetime]


# -- who goes short -----------------------------------------------------------------------------


# Until when each node that is sold by the moment stays so: what runs there has its notice, and no
# promise has the node before that is over.
Staying = Sequence[datetime]


def is_short(calendar: PoolCalendar, now: datetime, staying: Staying = ()) -> bool:
    """Whether more is promised than there is, now or ever after: a look at one line."""
    return _free(calendar, now, staying).least(seconds(now), NEVER) < 0


def at_stake(calendar: PoolCalendar, now: datetime, staying: Staying = ()) -> list[Reservation]:
    """The promises that overlap a shortage: whoever goes short is among them."""
    starts, ends, levels = _steps(_free(calendar, now, staying), now)
    lacking = np.flatnonzero(levels < 0)
    if not len(lacking):
        return []
    first, last = int(starts[lacking[0]]), int(ends[lacking[-1]])
    return [
        held
        for held in calendar.reservations.values()
        if seconds(held.during.start) < last and first < seconds(held.during.end)
    ]


def shorts(
    calendar: PoolCalendar,
    now: datetime,
    standing: Standing,
    stakes: Iterable[Reservation],
    staying: Staying = (),
) -> tuple[Short, ...]:
    """Who goes short, by how many nodes and when, from now on. They add up to what is lacking."""
    days = [seconds(day) for day in standing.served.values() if day is not None]
    starts, ends, levels = _steps(_free(calendar, now, staying), now, days)
    pieces = _ranked(stakes, standing)
    waiting = sorted(range(len(pieces)), key=lambda rank: pieces[rank][0], reverse=True)
    active: list[int] = []
    found: dict[str, list[tuple[int, int, int]]] = {}
    for i in np.flatnonzero(levels < 0):
        start, end, lacking = int(starts[i]), int(ends[i]), -int(levels[i])
        while waiting and pieces[waiting[-1]][0] <= start:
            insort(active, waiting.pop())
        over: list[int] = []
        for rank in active:
            _, until, held = pieces[rank]
            if until <= start:
                over.append(rank)
                continue
            if not lacking:
                break
            taken = min(lacking, held.nodes)
            lacking -= taken
            _extend(found.setdefault(held.id, []), start, end, taken)
        for rank in over:
            del active[bisect_left(active, rank)]
    by_id = {held.id: held for _, _, held in pieces}
    return tuple(
        Short(by_id[id], nodes, Interval(instant(start), instant(end)))
        for id, runs in sorted(found.items())
        if not by_id[id].private
        for start, end, nodes in runs
    )


def _free(calendar: PoolCalendar, now: datetime, staying: Staying) -> Timeline:
    """What is left for promises: less what they have, and less the nodes they must wait for."""
    line = calendar.free(now)
    if not staying:
        return line
    at = seconds(now)
    ends = [(seconds(end), -1) for end in staying if end > now]
    lodged = Timeline.of([(at, len(ends)), *ends])
    times = np.union1d(line.times, lodged.times)
    return Timeline(times, line.at(times) - lodged.at(times))


def _steps(line: Timeline, now: datetime, also: Sequence[int] = ()) -> tuple[Ints, Ints, Ints]:
    """From now on: where each step of what is free begins and ends, and its level.

    There is a step at each second of `also` too, whether or not the level changes.
    """
    at = seconds(now)
    first = int(np.searchsorted(line.times, at, "right")) - 1
    cuts = np.array(also, np.int64)
    starts = np.union1d(np.maximum(line.times[first:], at), cuts[cuts > at])
    ends = np.append(starts[1:], NEVER)
    return starts, ends, line.at(starts)


def _ranked(
    stakes: Iterable[Reservation], standing: Standing
) -> list[tuple[int, int, Reservation]]:
    """(start, end, promise), whoever goes short first leading. Served is one until its day."""
    keyed: list[tuple[tuple[int, int, str], int, int, Reservation]] = []
    for held in stakes:
        start, end = seconds(held.during.start), seconds(held.during.end)
        signed = standing.signed.get(held.holder)
        when = 0 if signed is None else -seconds(signed)
        if held.private:
            keyed.append(((REST, 0, held.id), start, end, held))
            continue
        if held.holder in standing.served:
            day = standing.served[held.holder]
            until = end if day is None else min(end, seconds(day))
            if start < until:
                keyed.append(((SERVED, when, held.id), start, until, held))
                start = until
        if start < end:
            keyed.append(((_turn(held), when, held.id), start, end, held))
    keyed.sort(key=lambda each: each[0])
    return [(start, end, held) for _, start, end, held in keyed]


def _turn(held: Reservation) -> int:
    return _RIGHTS if held.renews else _ORDER.get(held.kind, _CONTRACTS)


def _extend(runs: list[tuple[int, int, int]], start: int, end: int, nodes: int) -> None:
    if runs and runs[-1][1] == start and runs[-1][2] == nodes:
        runs[-1] = (runs[-1][0], end, nodes)
    else:
        runs.append((start, end, nodes))


# -- against what was written down --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """`news` are not written down yet; of `told` each is, as it is; `mended` are so no longer."""

    news: tuple[Short, ...]
    told: tuple[tuple[Breach, Short], ...]
    mended: tuple[Breach, ...]


def compared(written: Sequence[Breach], found: Sequence[Short], now: datetime) -> Difference:
    """What has changed since it was written down. That time has passed is no change."""
    open_ = {
        (row.reservation, row.nodes, row.during.end, max(row.during.start, now)): row
        for row in written
        if row.open(now)
    }
    news: list[Short] = []
    told: list[tuple[Breach, Short]] = []
    for short in found:
        key = (short.reservation.id, short.nodes, short.during.end, short.during.start)
        row = open_.pop(key, None)
        if row is None:
            news.append(short)
        else:
            told.append((row, short))
    return Difference(tuple(news), tuple(told), tuple(open_.values()))


# -- what would mend it -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Room:
    """Another block of the same shape: `nodes` of it are free over the whole time.

    `after_notice` of them run on demand now, and must be given notice first.
    """

    pool: PoolId
    nodes: int
    after_notice: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """Nodes of the same shape that are expected before the promise ends."""

    order: PurchaseId | None
    batch: int
    pool: PoolId
    nodes: int
    expected: datetime
    gpus: int


@dataclass(frozen=True, slots=True)
class Mends:
    """What would mend a broken promise; each by itself, not added up over several promises.

    `rooms` are other blocks, the roomiest first. `free_from`: where no block has room over the
    whole time, when the first of them has, up to its end. `holds` could be withdrawn.
    """

    rooms: tuple[Room, ...]
    free_from: tuple[PoolId, datetime] | None
    holds: tuple[Reservation, ...]
    arriving: tuple[Arrival, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """Where a mend may come from: the pools of a chip at the site, and what arrives."""

    shape: Shape
    arrivals: Sequence[Arrival]
    now: datetime
    notice: timedelta


def mends(short: Short, around: Around) -> Mends:
    """What would mend this one."""
    own, during, now = short.reservation.pool, short.during, around.now
    pools = around.shape.pools
    (gpus,) = {pool.gpus for pool in pools if pool.id == own}
    other = np.array([pool.id != own and pool.gpus == gpus for pool in pools])
    free = np.where(other, around.shape.calendars.least(during, now), 0)
    roomy = np.lexsort((np.arange(len(free)), -free))[:MOST_ROOMS]
    rooms = tuple(_room(pools[i], int(free[i]), short, around) for i in roomy if free[i] > 0)
    later = None
    if sum(room.nodes for room in rooms) < short.nodes:
        later = _free_from(short, around, other)
    holds = (_holds(pool.calendar, short, now) for pool in pools if pool.id == own)
    arriving = tuple(
        each
        for each in around.arrivals
        if each.pool != own and each.gpus == gpus and now < each.expected < during.end
    )
    return Mends(rooms, later, tuple(next(holds, ())), arriving)


def _room(pool: Pool, free: int, short: Short, around: Around) -> Room:
    at_once = room_in(pool, Wish(free, short.during, around.now, around.notice))
    return Room(pool.id, free, min(pool.sold_by_the_moment, free - at_once))


def _free_from(
    short: Short, around: Around, other: NDArray[np.bool_]
) -> tuple[PoolId, datetime] | None:
    """From when one pool has as many nodes free until the promise ends: the shorter, the more."""
    first, end = seconds(max(short.during.start, around.now)), seconds(short.during.end)
    lacking, enough, where = first, end, -1
    while lacking + 1 < enough:
        middle = (lacking + enough) // 2
        window = Interval(instant(middle), short.during.end)
        free = np.where(other, around.shape.calendars.least(window, around.now), 0)
        if free.max(initial=0) >= short.nodes:
            enough, where = middle, int(free.argmax())
        else:
            lacking = middle
    return None if where < 0 else (around.shape.pools[where].id, instant(enough))


def _holds(calendar: PoolCalendar, short: Short, now: datetime) -> Iterable[Reservation]:
    for held in calendar.reservations.values():
        if (
            held.kind is ReservationKind.HOLD
            and not held.renews
            and held.counts(now)
            and held.during.intersect(short.during) is not None
        ):
            yield held
