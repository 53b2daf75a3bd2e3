"""The capacity calendar as its page shows it: a chart, its table, marks, and lanes by block."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from rackrate.app.capacity import Calendar, PoolRoom
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.stack import ON_DEMAND, SPARE, SPOT, USES, Mark, MarkKind
from rackrate.core.timeline import Ints, instant, seconds
from rackrate.portal.messages import msg

NAMES: Mapping[str, str] = {
    "contract": msg("Contract"),
    "flex": msg("Flex"),
    "hold": msg("Hold"),
    "lease_back": msg("Leased back"),
    "on_demand": msg("On demand"),
    "spot": msg("Spot"),
    "headroom": msg("Kept for on demand"),
    "free": msg("Free"),
    "spare": msg("Spare"),
    "maintenance": msg("Maintenance"),
}
SAID: Mapping[MarkKind, str] = {
    MarkKind.DELIVERY: msg("{nodes} arrive"),
    MarkKind.LEAVES: msg("{nodes} leave"),
    MarkKind.STARTS: msg("{what} starts"),
    MarkKind.ENDS: msg("{what} ends"),
    MarkKind.EXPIRES: msg("{what} expires"),
    MarkKind.NOTICE_OVER: msg("notice over"),
}
SAID_OF_ORDER: Mapping[MarkKind, str] = {
    MarkKind.DELIVERY: msg("{what}: {nodes} arrive"),
    MarkKind.LEAVES: msg("{what}: {nodes} leave"),
}
SAID_OF_RENEWAL: Mapping[MarkKind, str] = {
    MarkKind.STARTS: msg("the renewal of {what} would begin"),
    MarkKind.ENDS: msg("the renewal of {what} would end"),
    MarkKind.EXPIRES: msg("the right to renew {what} lapses"),
}
ALWAYS = ("contract", "on_demand", "free")
MOST_INSTANTS = 160
MOST_MARKS = 60
LANES = 24
MOST_BARS = 12
TICKS = 8


class Voice(NamedTuple):
    """How the visitor is spoken to: in a language, and on a clock."""

    say: Callable[..., str]
    zone: str

    def day(self, at: datetime) -> str:
        return f"{self.local(at):%Y-%m-%d}"

    def local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.zone))


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table: from `at` on."""

    at: datetime
    supply: int | Decimal
    uses: Mapping[str, int | Decimal]
    short: int | Decimal
    one_block: int | Decimal


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a lane: from `x` on for `width`, in percent; from `y` down for `height`, too."""

    fill: str
    x: float
    width: float
    y: float
    height: float
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One block: why a date is possible on it, or is not."""

    pool: PoolRoom
    bars: tuple[Bar, ...]
    least: int | Decimal
    promises: tuple[Reservation, ...]


def uses_of(found: Calendar) -> tuple[str, ...]:
    """The uses that occur, and those that always stand in the legend."""
    return tuple(use for use in USES if use in ALWAYS or found.total.uses[use].any())


def places(found: Calendar) -> Ints:
    """Which of its instants are drawn: all, or of each stretch of many the one with least free."""
    count = len(found.total.times)
    if count <= MOST_INSTANTS:
        return np.arange(count)
    bounds = np.linspace(0, count, MOST_INSTANTS + 1).astype(np.int64).tolist()
    free = found.total.free
    tightest = [int(first + np.argmin(free[first:last])) for first, last in pairwise(bounds)]
    return np.array([0, *(place for place in tightest if place)], np.int64)


def steps(found: Calendar) -> list[Step]:
    total, uses = found.total, uses_of(found)
    return [
        Step(
            instant(int(total.times[i])),
            found.figure(int(total.supply[i])),
            {use: found.figure(int(total.uses[use][i])) for use in uses},
            found.figure(int(total.short[i])),
            found.figure(int(found.one_block_levels[i])),
        )
        for i in places(found)
    ]


def chart(found: Calendar, voice: Voice, shown: Sequence[Step]) -> dict[str, Any]:
    """What the canvas draws; the table says the same."""
    uses = uses_of(found)
    return {
        "kind": "steps",
        "label": voice.say(
            msg("What {chip} is for, from {start} to {end}; the table says the same"),
            chip=found.chip.model,
            start=voice.day(found.question.window.start),
            end=voice.day(found.question.window.end),
        ),
        "zone": voice.zone,
        "times": [seconds(step.at) for step in shown],
        "end": seconds(found.question.window.end),
        "supply": [float(step.supply) for step in shown],
        "one": [float(step.one_block) for step in shown],
        "names": {
            "supply": voice.say(msg("Supply")),
            "one": voice.say(msg("Whole nodes free on one fabric")),
        },
        "series": [
            {
                "name": voice.say(NAMES.get(use, use)),
                "use": use,
                "fill": use.replace("_", "-"),
                "data": [float(step.uses[use]) for step in shown],
            }
            for use in uses
        ],
        "marks": [
            {"at": seconds(mark.at), "text": say_mark(found, mark, voice), "nodes": mark.nodes}
            for mark in sorted(found.marks, key=lambda mark: -mark.nodes)[:MOST_MARKS]
        ],
    }


def say_mark(found: Calendar, mark: Mark, voice: Voice) -> str:
    """In words; maintenance by what is done, and everything else by its id."""
    what = mark.what
    if mark.promise is ReservationKind.MAINTENANCE:
        notes = (one.note for pool in found.pools for one in pool.promises if one.holder == what)
        what = next(notes, "") or what
    said = SAID_OF_ORDER.get(mark.kind) if what else None
    said = SAID_OF_RENEWAL.get(mark.kind) if mark.renewal else said
    return voice.say(said or SAID[mark.kind], what=what, nodes=mark.nodes)


# -- lanes -----------------------------------------------------------------------------------------


def lanes(found: Calendar, pools: Sequence[PoolRoom], voice: Voice) -> list[Lane]:
    return [
        Lane(
            pool,
            tuple(_bars(found, pool, voice)),
            found.figure(pool.least * found.scale(pool)),
            pool.promises[:MOST_BARS],
        )
        for pool in pools
    ]


def _bars(found: Calendar, pool: PoolRoom, voice: Voice) -> Iterator[Bar]:
    """What is there, grey; over it what is promised, each on rows of its own; and what runs."""
    window = found.question.window
    start, length = seconds(window.start), seconds(window.end) - seconds(window.start)
    rows = max(pool.nodes, 1)

    def bar(fill: str, since: int, until: int, row: int, count: int, words: tuple[str, str]) -> Bar:
        x, end = max(since - start, 0) / length, min(until - start, length) / length
        return Bar(
            fill,
            round(100 * x, 2),
            round(max(100 * (end - x), 0.15), 2),
            round(100 * row / rows, 1),
            round(100 * count / rows, 1),
            words[0] if end - x > 0.1 and count / rows >= 0.45 else "",
            words[1],
        )

    for since, until, level in _runs(pool, pool.stack.supply):
        yield bar("free", since, until, 0, level, ("", ""))
    for since, until, level in _runs(pool, pool.stack.uses[SPARE]):
        there = int(pool.stack.supply[np.searchsorted(pool.stack.times, since, "right") - 1])
        yield bar(
            "spare", since, until, max(there - level, 0), level, ("", voice.say(NAMES[SPARE]))
        )
    taken: list[list[tuple[int, int]]] = [[] for _ in range(rows)]
    for held in pool.promises[: 4 * MOST_BARS]:
        words = _words(found, held, voice)
        since, until = seconds(held.during.start), seconds(held.during.end)
        for row, count in _rows(taken, since, until, held.nodes):
            yield bar(held.kind, since, until, row, count, words)
    for use in (ON_DEMAND, SPOT):
        for since, until, level in _runs(pool, pool.stack.uses[use]):
            for row, count in _rows(taken, since, until, level):
                yield bar(use, since, until, row, count, ("", voice.say(NAMES[use])))


def _runs(pool: PoolRoom, levels: Ints) -> Iterator[tuple[int, int, int]]:
    """Stretches on which a level is the same, and not zero."""
    times = [*pool.stack.times.tolist(), pool.stack.end]
    since = 0
    for i in range(1, len(levels) + 1):
        if i == len(levels) or levels[i] != levels[since]:
            if levels[since]:
                yield times[since], times[i], int(levels[since])
            since = i


def _rows(
    taken: list[list[tuple[int, int]]], since: int, until: int, count: int
) -> Iterator[tuple[int, int]]:
    """So many rows that are not taken in this time, as runs of neighbours; takes them."""
    free = [
        row
        for row, spans in enumerate(taken)
        if all(end <= since or until <= begin for begin, end in spans)
    ][:count]
    first = 0
    for place, row in enumerate(free):
        taken[row].append((since, until))
        if place + 1 == len(free) or free[place + 1] != row + 1:
            yield free[first], place + 1 - first
            first = place + 1


def _words(found: Calendar, held: Reservation, voice: Voice) -> tuple[str, str]:
    """On the bar, and when it is pointed at."""
    who = found.customers.get(held.customer, held.customer) if held.customer else held.note
    short = f"{held.holder} {who or ''}".strip()
    days = f"{voice.day(held.during.start)} – {voice.day(held.during.end)}"
    name = voice.say(msg("Right to renew") if held.renews else NAMES.get(held.kind, held.kind))
    return short, f"{name}: {short}, {held.nodes}, {days}"


def ticks(found: Calendar, voice: Voice) -> list[tuple[float, str]]:
    """Firsts of months along the lanes, in percent, at most so many."""
    window = found.question.window
    first, length = voice.local(window.start), (window.end - window.start).total_seconds()
    months = int(length // 2_629_800) + 1
    every = next(n for n in (1, 2, 3, 6, 12, 24, 60, 120) if months / n <= TICKS)
    marks = []
    begun = (first.year * 12 + first.month) // every * every
    for number in range(begun, begun + months + 2 * every, every):
        year, month = divmod(number, 12)
        at = datetime(year, month + 1, 1, tzinfo=first.tzinfo)
        part = (at - window.start).total_seconds() / length
        if 0.03 < part < 0.97:
            marks.append((round(100 * part, 2), f"{at:%Y-%m}"))
    return marks
