"""Laying lines on one calendar together: all of them, or how far each goes, and from when all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from rackrate.core import fitting
from rackrate.core.ids import PoolId
from rackrate.core.interval import Interval
from rackrate.core.promise import Assigned
from rackrate.core.several import Several, Want
from rackrate.core.sheet import Sheet
from rackrate.core.timeline import Ints, seconds

# How many ways to lay lines beside each other are tried before the answer is no.
TRIES = 64
# How many dates for all of them, by their number. Where each for itself fits and all do not, the
# next so many changes of the calendar are looked at one by one, and later ones by the month.
DATES, FEWEST, NEAR = 128, 12, 32
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
    sheet, found = Sheet(several.wants), dict[int, Assigned]()
    for unit in several.units():
        for want, placed in zip(unit, _most(unit, sheet), strict=True):
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
    sheet = Sheet(several.wants)
    if len(several.wants) == 1 or not all(_holds(need, sheet) for need in _needs(several)):
        return filled
    hardest = sorted(several.units(), key=lambda unit: _ease(unit, sheet))
    found = _Search(sheet).lay(hardest)
    return filled if found is None else tuple(found[want.number] for want in several.wants)


def _ease(unit: Sequence[Want], sheet: Sheet) -> tuple[bool, int, int, int]:
    """What must stay on one block is laid first, and then what has the least choice."""
    one = unit[0].wish.same_block
    if one:
        choice = int(np.count_nonzero(sheet.slack(unit) >= 0))
    else:
        choice = int(sheet.room(unit[0]).sum()) - unit[0].wish.nodes
    return not one, choice, -_peak(unit), -_longest(unit)


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
    for _ in range(max(FEWEST, DATES // len(several.wants))):
        now = several.starting(start, time_zone)
        sheet = Sheet(now.wants)
        missing = next((need for need in _needs(now) if not _holds(need, sheet)), None)
        if missing is not None:
            fits = _next(missing)
            if fits is None:
                return
            start = max(start + (fits - _first(missing)), start + A_SECOND)
            continue
        if start > several.start:
            yield start
        # Each for itself fits, and not together: when does something else become free?
        wait = _until_a_rise(now)
        if wait is None:
            return
        misses += 1
        start += max(wait, A_MONTH if misses > NEAR else A_SECOND)


def _until_a_rise(several: Several) -> timedelta | None:
    """How much later something becomes free where a line would begin; None: never."""
    known: dict[int, Ints] = {}
    waits = []
    for want in several.wants:
        shape, start = want.what.shape, seconds(want.during.start)
        if id(shape) not in known:
            known[id(shape)] = fitting.rises(shape, want.wish)
        later = known[id(shape)][np.searchsorted(known[id(shape)], start, "right") :]
        waits += [timedelta(seconds=int(later[0]) - start)] if len(later) else []
    return min(waits, default=None)


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


def _holds(need: Sequence[Want], sheet: Sheet) -> bool:
    """Whether it fits where it is, were it alone."""
    if need[0].wish.same_block:
        return int(sheet.slack(need).max(initial=-1)) >= 0
    return int(sheet.room(need[0]).sum()) >= need[0].wish.nodes


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


def _most(unit: Sequence[Want], sheet: Sheet) -> list[Assigned]:
    """As much of each line of the unit as goes, the first lines first; laid."""
    if not unit[0].wish.same_block:
        (want,) = unit
        room = sheet.room(want)
        less = want.of(min(want.wish.nodes, int(room.sum())))
        placed = [_lay(less, room) if less.wish.nodes else ()]
    else:
        parts, place = _most_on_one(unit, sheet)
        pool = unit[0].what.shape.pools[place].id if parts else PoolId("")
        there = {part.number: ((pool, part.wish.nodes),) for part in parts}
        placed = [there.get(want.number, ()) for want in unit]
    for want, there_now in zip(unit, placed, strict=True):
        sheet.lay(want, there_now)
    return placed


def _most_on_one(unit: Sequence[Want], sheet: Sheet) -> tuple[list[Want], int]:
    """The lines with as many nodes as go on one pool, without those of which none go; the pool."""
    parts = list[Want]()
    good = np.ones(len(unit[0].what.shape.pools), np.bool_)
    if not len(good):
        return [], 0
    for want in unit:
        room = np.where(good, sheet.slack([want], parts) + want.wish.nodes, -1)
        nodes = min(int(room.max()), want.wish.nodes)
        if nodes > 0:
            parts.append(want.of(nodes))
            good = good & (room >= nodes)
    if not parts:
        return [], 0
    slack = np.where(good, sheet.slack(parts), np.iinfo(np.int64).max)
    return parts, int(np.argmin(slack))


def _lay(want: Want, room: Ints) -> Assigned:
    placed = fitting.lay(want.what.shape, room, want.wish)
    assert not isinstance(placed, int), want
    return placed


class _Search:
    """Tries one pool after another for what must stay on one, the tightest first."""

    def __init__(self, sheet: Sheet) -> None:
        self._left, self._sheet = TRIES, sheet

    def lay(self, units: Sequence[tuple[Want, ...]]) -> dict[int, Assigned] | None:
        if not units:
            return {}
        for ways in self._ways(units[0]):
            self._left -= 1
            laid = list(zip(units[0], ways, strict=True))
            for want, placed in laid:
                self._sheet.lay(want, placed)
            found = self.lay(units[1:])
            if found is not None:
                return found | {want.number: placed for want, placed in laid}
            for want, placed in laid:
                self._sheet.lay(want, placed, -1)
            if self._left <= 0:
                return None
        return None

    def _ways(self, unit: Sequence[Want]) -> Iterator[list[Assigned]]:
        slack, pools = self._sheet.slack(unit), unit[0].what.shape.pools
        whole = np.flatnonzero(slack >= 0)
        for place in whole[np.argsort(slack[whole], kind="stable")]:
            yield [((pools[place].id, want.wish.nodes),) for want in unit]
        if unit[0].wish.same_block:
            return
        room = self._sheet.room(unit[0])
        if int(room.sum()) >= unit[0].wish.nodes:
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
