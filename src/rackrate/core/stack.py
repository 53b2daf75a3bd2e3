"""What nodes are for over time: promised, kept, sold by the moment, and free to be promised."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from rackrate.core.calendar import AWAITED, NOTHING, Reservation, ReservationKind
from rackrate.core.ids import CustomerId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState
from rackrate.core.placement import Pool
from rackrate.core.timeline import Ints, instant, seconds

SPARE = "spare"
HEADROOM = "headroom"
ON_DEMAND = "on_demand"
SPOT = "spot"
FREE = "free"
_FIRST = (ReservationKind.CONTRACT, ReservationKind.FLEX, ReservationKind.HOLD)
_LAST = ReservationKind.MAINTENANCE
_OTHERS = tuple(kind for kind in ReservationKind if kind not in (*_FIRST, _LAST))
# Every use, in the order in which they are stacked, from the bottom: promised, sold by the moment,
# unsold, and on top what nobody can have.
USES = tuple(str(use) for use in (*_FIRST, *_OTHERS, ON_DEMAND, SPOT, HEADROOM, FREE, SPARE, _LAST))


@dataclass(frozen=True, slots=True)
class Asked:
    """About which time, asked when, and by which rules of the site.

    What is sold by the moment is a forecast: what runs `now` is taken to stay until its `notice`
    is over (decision 2). `spare_percent` of each pool is promised to nobody; `moment_percent` is
    kept for what is sold by the moment, and what runs fills that share first.
    """

    window: Interval
    now: datetime
    notice: timedelta
    spare_percent: Decimal = NOTHING
    moment_percent: Decimal = NOTHING

    @property
    def told(self) -> datetime:
        """From when on nothing that runs now by the moment is in the way of a promise."""
        return self.now + self.notice


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Levels that hold from `times[i]` up to the next, and the last up to `end`: by use, from the
    bottom. They add up to `supply` unless more is promised than is there; `short` says by how much.

    `free` is what is available to promise at each instant.
    """

    times: Ints
    end: int
    supply: Ints
    uses: Mapping[str, Ints]
    short: Ints

    @property
    def free(self) -> Ints:
        return self.uses[FREE]

    @property
    def least(self) -> int:
        """Available to promise over all of it."""
        return int(self.free.min())

    def at(self, times: Ints) -> "Stack":
        """The same, told at other times: those within it."""
        place = np.searchsorted(self.times, times, "right") - 1
        uses = {use: levels[place] for use, levels in self.uses.items()}
        return Stack(times, self.end, self.supply[place], uses, self.short[place])

    def scaled(self, factor: int) -> "Stack":
        """In another unit, of which each node has `factor`."""
        uses = {use: levels * factor for use, levels in self.uses.items()}
        return Stack(self.times, self.end, self.supply * factor, uses, self.short * factor)


def stack_of(pool: Pool, asked: Asked) -> Stack:
    """What the nodes of one pool are for.

    Promises come first, then the spare share, then what runs by the moment, then what is kept for
    it; whatever is left is free. More promises than nodes stand above the supply.
    """
    calendar, now = pool.calendar, asked.now
    supply_line = calendar.there(now)
    kinds = calendar.by_kind(now)
    times = _times([supply_line.times, *(line.times for line in kinds.values())], asked)
    supply = supply_line.at(times)
    uses = {kind.value: times * 0 for kind in ReservationKind}
    uses |= {kind.value: line.at(times) for kind, line in kinds.items()}
    left = supply - sum(uses.values(), times * 0)
    short = np.maximum(-left, 0)
    left = np.maximum(left, 0)
    spare = share(supply, asked.spare_percent)
    kept = share(supply, asked.spare_percent + asked.moment_percent) - spare
    on_nodes = pool.sold_by_the_moment + pool.spot
    taken = np.where(times < seconds(asked.told), on_nodes, 0)
    running = np.minimum(taken, left - np.minimum(spare, left))
    on_demand = np.minimum(running, np.maximum(taken - pool.spot, 0))
    for use, wanted in (
        (SPARE, spare),
        (ON_DEMAND, on_demand),
        (SPOT, running - on_demand),
        (HEADROOM, np.maximum(kept - running, 0)),
    ):
        uses[use] = np.minimum(wanted, left)
        left = left - uses[use]
    uses[FREE] = left
    ordered = {use: uses[use] for use in USES}
    return Stack(times, seconds(asked.window.end), supply, ordered, short)


def share(nodes: Ints, percent: Decimal) -> Ints:
    """So many percent of each, rounded up to whole nodes."""
    part, whole = (percent / 100).as_integer_ratio()
    return -(-nodes * part // whole)


def _times(lines: Iterable[Ints], asked: Asked) -> Ints:
    """The start of the window, and every instant in it at which something changes."""
    start, end = seconds(asked.window.start), seconds(asked.window.end)
    known = np.array([start, seconds(asked.told)], np.int64)
    times = np.unique(np.concatenate([known, *lines]))
    return times[(times >= start) & (times < end)]


def together(stacks: Sequence[Stack], window: Interval) -> Stack:
    """All of them as one: every level is the sum of theirs."""
    first = seconds(window.start)
    moments = np.concatenate([[first], *(stack.times for stack in stacks)]).astype(np.int64)
    times, place = np.unique(moments, return_inverse=True)
    place = place.reshape(-1)[1:]
    begins = np.cumsum([0, *(len(stack.times) for stack in stacks)])[:-1]

    def summed(lines: Sequence[Ints]) -> Ints:
        """Each line as its steps; all steps in order of time; and added up again."""
        total = np.zeros(len(times), np.int64)
        if lines:
            levels = np.concatenate(lines)
            steps = np.diff(levels, prepend=0)
            steps[begins] = levels[begins]
            np.add.at(total, place, steps)
        return np.cumsum(total)

    return Stack(
        times,
        seconds(window.end),
        summed([stack.supply for stack in stacks]),
        {use: summed([stack.uses[use] for stack in stacks]) for use in USES},
        summed([stack.short for stack in stacks]),
    )


def most_in_one(stacks: Sequence[Stack], times: Ints) -> Ints:
    """The most that is free in a single one of them, at each of these times."""
    most = times * 0
    for stack in stacks:
        most = np.maximum(most, stack.at(times).free)
    return most


# -- what changes it, for people -------------------------------------------------------------------


class MarkKind(StrEnum):
    DELIVERY = "delivery"
    LEAVES = "leaves"
    STARTS = "starts"
    ENDS = "ends"
    EXPIRES = "expires"
    NOTICE_OVER = "notice_over"


class Mark(NamedTuple):
    """Something that happens to whole nodes: `what` names the order, contract, quote or work.

    `renewal`: it happens to what the contract's, or the quote's, right to renew holds.
    """

    at: datetime
    kind: MarkKind
    what: str
    nodes: int
    customer: CustomerId | None = None
    promise: ReservationKind | None = None
    renewal: bool = False


def marks(pools: Sequence[Pool], nodes: Iterable[Node], asked: Asked) -> tuple[Mark, ...]:
    """Deliveries, starts and ends within the window, in order of time.

    What one holder has in several pools, and what arrives at one instant with one order, is one.
    """
    summed: dict[
        tuple[datetime, MarkKind, str, CustomerId | None, ReservationKind | None, bool], int
    ] = {}
    window, now = asked.window, asked.now

    def add(
        at: datetime | None, kind: MarkKind, what: str, nodes: int, held: Reservation | None = None
    ) -> None:
        if at is not None and now < at and window.start <= at < window.end:
            whose: tuple[CustomerId | None, ReservationKind | None, bool] = (None, None, False)
            if held is not None:
                whose = (held.customer, held.kind, bool(held.renews))
            key = at, kind, what, *whose
            summed[key] = summed.get(key, 0) + nodes

    for pool in pools:
        for held in pool.calendar.reservations.values():
            add(held.during.start, MarkKind.STARTS, held.holder, held.nodes, held)
            add(held.during.end, MarkKind.ENDS, held.holder, held.nodes, held)
            add(held.expires, MarkKind.EXPIRES, held.holder, held.nodes, held)
    for node in nodes:
        if node.state != NodeState.RETIRED:
            what = node.order or ""
            add(node.ready if node.state in AWAITED else None, MarkKind.DELIVERY, what, 1)
            add(node.until, MarkKind.LEAVES, what, 1)
            add(node.drained, MarkKind.LEAVES, "", 1)
            add(node.back, MarkKind.DELIVERY, "", 1)
    running = sum(pool.sold_by_the_moment for pool in pools)
    if running:
        add(asked.told, MarkKind.NOTICE_OVER, "", running)
    found = [
        Mark(at, kind, what, nodes, customer, promise, renewal)
        for (at, kind, what, customer, promise, renewal), nodes in summed.items()
    ]
    return tuple(sorted(found, key=lambda mark: (mark.at, mark.kind, mark.what)))


def changes(levels: Ints, times: Ints) -> list[tuple[datetime, int]]:
    """The instants at which a level changes, and to what: the first is where it begins."""
    kept = np.concatenate([[True], levels[1:] != levels[:-1]])
    pairs = zip(times[kept], levels[kept], strict=True)
    return [(instant(int(time)), int(level)) for time, level in pairs]
