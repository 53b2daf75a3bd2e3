"""Laying lines on one calendar together: all of them, or how far each goes, and from when all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from rackrate.core import fitting
from rackrate.core.ids import PoolId
from rackrate.core.interval import Interval
from rackrate.core.placement import Pool
from rackrate.core.promise import Assigned, Wish, room_in
from rackrate.core.several import Candidate, Several, Want
from rackrate.core.timeline import Ints

# How many ways to lay lines beside each other are tried before the answer is no.
TRIES = 64
# How many dates for all of them; where all but together they fit, the next so many are looked at
# one by one, and later ones by the month.
DATES, NEAR = 64, 32
A_MONTH, A_SECOND = timedelta(days=30), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Filled:
    """Of each line how many nodes can be promised, beside the lines before it, and where."""

    possible: tuple[int, ...]
    placed: tuple[Assigned, ...]

    def goes(self, several: Several) -> bool:
        """Whether that is all of it."""
        return self.possible == tuple(want.wish.nodes for want in several.wants)


def fill(several: Several) -> Filled:
    """Line by line in their order, each as far as what is left after those before it goes."""
    taken, found = _Taken(), dict[int, Assigned]()
    for unit in several.units():
        for want, placed in zip(unit, _most(unit, taken), strict=True):
            found[want.number] = placed
    return Filled(
        tuple(sum(nodes for _, nodes in found[want.number]) for want in several.wants),
        tuple(found[want.number] for want in several.wants),
    )


def place(several: Several) -> tuple[Assigned, ...] | Filled:
    """Pools for every line, or how far it goes where no way was found to promise all.

    Lines of one SKU go on one block where they can, as the nodes of one line do.
    """
    if len(several.wants) > 1 and not several.together:
        beside = fill(several.beside())
        if beside.goes(several):
            return beside.placed
    filled = fill(several)
    if filled.goes(several):
        return filled.placed
    if len(several.wants) == 1 or not all(map(_holds, _needs(several))):
        return filled
    hardest = sorted(several.units(), key=_ease)
    found = _Search().lay(hardest, _Taken())
    return filled if found is None else tuple(found[want.number] for want in several.wants)


def _ease(unit: Sequence[Want]) -> tuple[bool, int, int, int]:
    """What must stay on one block is laid first, and then what has the least choice."""
    what, wish, nothing = unit[0].what, unit[0].wish, _Taken()
    if wish.same_block:
        choice = int(np.count_nonzero(_slack(unit, nothing) >= 0))
    else:
        choice = int(what.room(wish).sum()) - wish.nodes
    return not wish.same_block, choice, -_peak(unit), -_longest(unit)


def earliest(several: Several, time_zone: str) -> datetime | None:
    """The first later start from which all lines fit, as far apart and for as long."""
    for start in _starts(several, time_zone):
        if not isinstance(place(several.starting(start, time_zone)), Filled):
            return start
    return None


def _starts(several: Several, time_zone: str) -> Iterator[datetime]:
    """Later starts of which the first that fits is wanted: none that is left out could."""
    if any(want.what.alone is not None for want in several.wants):
        yield from _ends(several)
        return
    start, misses = several.start, 0
    for _ in range(DATES):
        now = several.starting(start, time_zone)
        missing = next((need for need in _needs(now) if not _holds(need)), None)
        if missing is not None:
            fits = _next(missing)
            if fits is None:
                return
            start = max(start + (fits - _first(missing)), start + A_SECOND)
            continue
        if start > several.start:
            yield start
        # Each for itself fits, and not together: when does something else become free?
        rises = [rise - want.during.start for want in now.wants if (rise := _rise(want))]
        if not rises:
            return
        misses += 1
        start += max(min(rises), A_MONTH if misses > NEAR else A_SECOND)


def _rise(want: Want) -> datetime | None:
    return fitting.next_rise(want.what.shape, want.wish)


def _ends(several: Several) -> Iterator[datetime]:
    """When something ends that is in the way, or notice is over."""
    found: set[datetime] = set()
    for want in several.wants:
        before = want.during.start - several.start
        held = (h for pool in want.what.shape.pools for h in pool.calendar.reservations.values())
        ends = {each.during.end for each in held} | {want.wish.now + want.wish.notice}
        found |= {end - before for end in ends}
    yield from sorted(start for start in found if start > several.start)


def _needs(several: Several) -> list[tuple[Want, ...]]:
    """What has to fit alone for all to fit together: each unit, and what lines come to at once."""
    shapes: dict[int, list[Want]] = {}
    for want in several.wants:
        shapes.setdefault(id(want.what.shape), []).append(want)
    needs = several.units()
    for wants in shapes.values():
        for during, nodes in _profile(wants) if len(wants) > 1 else ():
            inside = [want for want in wants if want.during.contains(during.start)]
            if len(inside) < 2:
                continue
            at_once = replace(inside[0].wish, nodes=nodes, during=during, same_block=False)
            needs.append((replace(inside[0], wish=at_once),))
    return needs


def _holds(need: Sequence[Want]) -> bool:
    """Whether it fits where it is, were it alone."""
    what, wish = need[0].what, need[0].wish
    if wish.same_block:
        return int(_slack(need, _Taken()).max(initial=-1)) >= 0
    return int(what.room(wish).sum()) >= wish.nodes


def _next(need: Sequence[Want]) -> datetime | None:
    """From when it would fit, were it alone."""
    what, wish = need[0].what, need[0].wish
    if len(need) == 1:
        return fitting.first_start(what.shape, wish)
    first = _first(need)
    parts = [
        (int((during.start - first).total_seconds()), during.seconds, nodes)
        for during, nodes in _profile(need)
    ]
    whole = replace(wish, during=Interval(first, max(want.during.end for want in need)))
    return fitting.first_start_of(what.shape, whole, parts)


def _first(unit: Sequence[Want]) -> datetime:
    return min(want.during.start for want in unit)


def _peak(unit: Sequence[Want]) -> int:
    return max(nodes for _, nodes in _profile(unit))


def _longest(unit: Sequence[Want]) -> int:
    return max(want.during.seconds for want in unit)


def _profile(unit: Sequence[Want]) -> list[tuple[Interval, int]]:
    """What lines come to over time, from change to change, where it is anything."""
    if len(unit) == 1:
        return [(unit[0].during, unit[0].wish.nodes)]
    cuts = sorted({at for want in unit for at in (want.during.start, want.during.end)})
    steps = []
    for start, end in pairwise(cuts):
        nodes = sum(want.wish.nodes for want in unit if want.during.contains(start))
        if nodes:
            steps.append((Interval(start, end), nodes))
    return steps


class _Taken:
    """What lines that are laid already take of each pool, over time."""

    def __init__(self) -> None:
        self._of: dict[PoolId, list[tuple[Interval, int]]] = {}

    def lay(self, want: Want, placed: Assigned) -> None:
        for pool, nodes in placed:
            self._of.setdefault(pool, []).append((want.during, nodes))

    def lift(self, placed: Assigned) -> None:
        """Take the last that was laid away again."""
        for pool, _ in placed:
            self._of[pool].pop()

    def room(self, what: Candidate, wish: Wish) -> Ints:
        """What each pool has for the wish beside all that is laid."""
        room = what.room(wish)
        for id, held in self._of.items():
            place = what.place_of(id)
            if place is not None and room[place]:
                room[place] = _left(what.shape.pools[place], wish, held)
        return room


def _left(pool: Pool, wish: Wish, held: Sequence[tuple[Interval, int]]) -> int:
    """Room of a pool beside what is laid on it: the least between two changes."""
    during = wish.during
    within = [cut for each, _ in held if (cut := each.intersect(during)) is not None]
    cuts = sorted({during.start, during.end} | {at for c in within for at in (c.start, c.end)})
    least = None
    for start, end in pairwise(cuts):
        free = room_in(pool, replace(wish, during=Interval(start, end)))
        free -= sum(nodes for each, nodes in held if each.contains(start))
        least = free if least is None else min(least, free)
    return max(0, least or 0)


def _slack(unit: Sequence[Want], taken: _Taken) -> Ints:
    """How many nodes each pool would have left where the lines of the unit are the most."""
    what, least = unit[0].what, None
    for during, nodes in _profile(unit):
        room = taken.room(what, replace(unit[0].wish, during=during)) - nodes
        least = room if least is None else np.minimum(least, room)
    assert least is not None
    return least


def _most(unit: Sequence[Want], taken: _Taken) -> list[Assigned]:
    """As much of each line of the unit as goes, the first lines first; laid."""
    if not unit[0].wish.same_block:
        (want,) = unit
        room = taken.room(want.what, want.wish)
        less = want.of(min(want.wish.nodes, int(room.sum())))
        parts = [less] if less.wish.nodes else []
        placed = [_lay(want.what, room, less.wish) if parts else ()]
    else:
        parts, place = _most_on_one(unit, taken)
        pool = unit[0].what.shape.pools[place].id if parts else PoolId("")
        there = {part.number: ((pool, part.wish.nodes),) for part in parts}
        placed = [there.get(want.number, ()) for want in unit]
    for want, there_now in zip(unit, placed, strict=True):
        taken.lay(want, there_now)
    return placed


def _most_on_one(unit: Sequence[Want], taken: _Taken) -> tuple[list[Want], int]:
    """The lines with as many nodes as go on one pool, without those of which none go; the pool."""
    parts = list[Want]()
    room = good = np.ones(len(unit[0].what.shape.pools), np.bool_)
    if not len(good):
        return [], 0
    for want in unit:
        room = np.where(good, _slack_of(want, parts, taken), -1)
        nodes = min(int(room.max()), want.wish.nodes)
        if nodes > 0:
            parts.append(want.of(nodes))
            good = good & (room >= nodes)
    if not parts:
        return [], 0
    slack = _slack(parts, taken) if len(unit) > 1 else room
    return parts, int(np.argmin(np.where(good, slack, np.iinfo(np.int64).max)))


def _slack_of(want: Want, others: Sequence[Want], taken: _Taken) -> Ints:
    """How many nodes of a line each pool has room for beside others on the same pool."""
    least = taken.room(want.what, want.wish)
    if others:
        for during, nodes in _profile(others):
            common = during.intersect(want.during)
            if common is not None:
                wish = replace(want.wish, during=common)
                least = np.minimum(least, taken.room(want.what, wish) - nodes)
    return np.maximum(least, 0)


def _lay(what: Candidate, room: Ints, wish: Wish) -> Assigned:
    placed = fitting.lay(what.shape, room, wish)
    assert not isinstance(placed, int), wish
    return placed


class _Search:
    """Tries one pool after another for what must stay on one, the tightest first."""

    def __init__(self) -> None:
        self._left = TRIES

    def lay(self, units: Sequence[tuple[Want, ...]], taken: _Taken) -> dict[int, Assigned] | None:
        if not units:
            return {}
        for ways in self._ways(units[0], taken):
            self._left -= 1
            for want, placed in zip(units[0], ways, strict=True):
                taken.lay(want, placed)
            found = self.lay(units[1:], taken)
            if found is not None:
                return found | {w.number: p for w, p in zip(units[0], ways, strict=True)}
            for placed in reversed(ways):
                taken.lift(placed)
            if self._left <= 0:
                return None
        return None

    def _ways(self, unit: Sequence[Want], taken: _Taken) -> Iterator[list[Assigned]]:
        slack, pools = _slack(unit, taken), unit[0].what.shape.pools
        whole = np.flatnonzero(slack >= 0)
        for place in whole[np.argsort(slack[whole], kind="stable")]:
            yield [((pools[place].id, want.wish.nodes),) for want in unit]
        wish, room = unit[0].wish, slack + unit[0].wish.nodes
        if not wish.same_block and int(room.sum()) >= wish.nodes:
            yield [_over(unit[0], room, np.argsort(-room, kind="stable"))]
            yield [_over(unit[0], room, np.argsort(room, kind="stable"))]


def _over(want: Want, room: Ints, order: Ints) -> Assigned:
    """The nodes of a line on pool after pool in this order."""
    left, placed = want.wish.nodes, list[tuple[PoolId, int]]()
    for place in order:
        here = min(left, int(room[place]))
        if here:
            placed.append((want.what.shape.pools[place].id, here))
            left -= here
    return tuple(placed)
