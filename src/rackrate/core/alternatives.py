"""What would do instead, where what was asked for does not fit: fewer, later, apart, another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from math import ceil

from rackrate.core import fitting
from rackrate.core.chips import Chip
from rackrate.core.contract_price import ContractPrice, plus_months, whole_months
from rackrate.core.ids import PoolId, SiteId, SkuId
from rackrate.core.interval import Interval, zone
from rackrate.core.placement import Pool, Shape
from rackrate.core.promise import Assigned, Shortfall, Wish, assign, room_in, rooms
from rackrate.core.quote import Priced

MOST_OTHERS = 3
TRIES = 8


class Way(StrEnum):
    """In which way it differs from what was asked for."""

    FEWER = "fewer"
    LATER = "later"
    BLOCKS = "blocks"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A SKU of whole nodes that the customer may have, with the pools that have them.

    `alone`: for a customer who shares no block, which of them nobody else is in over an interval.
    """

    sku: SkuId
    site: SiteId
    chip: Chip
    gpus: int
    shape: Shape
    kept_percent: Decimal
    moment_percent: Decimal
    notice: timedelta
    price: ContractPrice | None
    alone: Callable[[Pool, Interval], bool] | None = None

    @property
    def node_tflops(self) -> Decimal | None:
        """Dense, as its datasheet says; None where no source states it."""
        dense = self.chip.dense_tflops
        return None if not dense else dense * self.gpus

    def place(self, wish: Wish) -> Assigned | int:
        """The wish, on what this customer may be promised; or how many nodes could be."""
        if self.alone is None:
            return fitting.place(self.shape, wish)
        placed = assign(self._alone(wish.during), wish)
        return placed.nodes if isinstance(placed, Shortfall) else placed

    def rooms(self, wish: Wish) -> list[int]:
        """What each pool has for the wish, the most first."""
        if self.alone is None:
            return sorted(rooms(self.shape, wish).tolist(), reverse=True)
        pools = self._alone(wish.during)
        return sorted((room_in(pool, wish) for pool in pools), reverse=True)

    def starts(self, wish: Wish) -> Iterator[datetime]:
        """Later instants from which it may fit, in order."""
        if self.alone is None:
            start = fitting.first_start(self.shape, wish)
            if start is not None:
                yield start
            return
        held = (h for pool in self.shape.pools for h in pool.calendar.reservations.values())
        ends = {each.during.end for each in held} | {wish.now + wish.notice}
        yield from sorted(end for end in ends if end > wish.during.start)

    def earliest(self, wish: Wish) -> datetime | None:
        """The first later start from which all of it fits for as long."""
        for start in self.starts(wish):
            if self.alone is None:
                return start
            during = Interval(start, start + (wish.during.end - wish.during.start))
            if not isinstance(self.place(replace(wish, during=during)), int):
                return start
        return None

    def _alone(self, during: Interval) -> list[Pool]:
        return [p for p in self.shape.pools if self.alone is None or self.alone(p, during)]

    def wish(self, wish: Wish, nodes: int) -> Wish:
        """The same wish of so many nodes here."""
        return replace(
            wish,
            nodes=nodes,
            notice=self.notice,
            kept_percent=self.kept_percent,
            moment_percent=self.moment_percent,
        )


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something that fits as it stands, and what it costs. `priced` None: it has no price.

    `blocks`: over how many. `pflops_percent` is what it has of the dense FLOPS that were asked for;
    None where nobody states them.
    """

    way: Way
    sku: SkuId
    site: SiteId
    nodes: int
    during: Interval
    same_block: bool
    blocks: int
    pflops_percent: int | None
    priced: Priced | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What does not fit, from when it would, and how an amount of nodes would be priced."""

    what: Candidate
    wish: Wish
    earliest: datetime | None
    time_zone: str
    price_of: Callable[[Candidate, int, Interval], Priced | None]


def alternatives(asked: Asked, others: Sequence[Candidate]) -> tuple[Alternative, ...]:
    """Nearest first: fewer of it then, all of it over blocks, all of it later, other chips."""
    found = [_fewer(asked), *_over_blocks(asked), _later(asked), *_others(asked, others)]
    return tuple(each for each in found if each is not None)


def _fewer(asked: Asked) -> Alternative | None:
    possible = asked.what.place(asked.wish)
    if not isinstance(possible, int) or not possible:
        return None
    return _placed(asked, Way.FEWER, asked.what, replace(asked.wish, nodes=possible))


def _over_blocks(asked: Asked) -> tuple[Alternative, ...]:
    """Over two blocks; and where that is not all, over as few as hold all, or the most there is."""
    if not asked.wish.same_block:
        return ()
    apart = replace(asked.wish, same_block=False)
    room = asked.what.rooms(apart)
    found = []
    most = max(room[:1], default=0)
    for nodes in (min(sum(room[:2]), apart.nodes), min(sum(room), apart.nodes)):
        if nodes > most:
            most = nodes
            found.append(_placed(asked, Way.BLOCKS, asked.what, replace(apart, nodes=nodes)))
    return tuple(each for each in found if each is not None)


def _later(asked: Asked) -> Alternative | None:
    """All of it, from the first local midnight from which it fits for as many months."""
    wish, zone_name, start = asked.wish, asked.time_zone, asked.earliest
    for _ in range(TRIES):
        if start is None:
            return None
        for begin in (_midnight(start, zone_name), start):
            during = lasting(asked.wish.during, begin, zone_name)
            found = _placed(asked, Way.LATER, asked.what, replace(asked.wish, during=during))
            if found is not None:
                return found
        # As many months from there are longer than those asked for: from when would they fit?
        wish = replace(wish, during=lasting(asked.wish.during, start, zone_name))
        start = asked.what.earliest(wish)
    return None


def _placed(asked: Asked, way: Way, what: Candidate, wish: Wish) -> Alternative | None:
    """The alternative, if it fits."""
    placed = what.place(wish)
    return None if isinstance(placed, int) else _alternative(asked, way, what, placed, wish.during)


def _others(asked: Asked, others: Sequence[Candidate]) -> list[Alternative]:
    """As many dense FLOPS of other SKUs at the same time: the nearest chips first.

    Where none has them on one block, over several; where none has them all, the most there is.
    """
    ranked = sorted(others, key=lambda other: _distance(asked.what, other))
    for same_block in (True, False) if asked.wish.same_block else (False,):
        wish = replace(asked.wish, same_block=same_block)
        fitting = (_all_of(asked, other, wish) for other in ranked)
        found = list(islice((each for each in fitting if each is not None), MOST_OTHERS))
        if found:
            return found
    parts = [each for other in ranked if (each := _some_of(asked, other)) is not None]
    return sorted(parts, key=lambda each: -(each.pflops_percent or 0))[:1]


def _all_of(asked: Asked, other: Candidate, wish: Wish) -> Alternative | None:
    return _placed(asked, Way.OTHER, other, other.wish(wish, _as_many(asked, other)))


def _some_of(asked: Asked, other: Candidate) -> Alternative | None:
    """The most there is of it: so many as asked for are not there."""
    wish = other.wish(replace(asked.wish, same_block=False), _as_many(asked, other))
    possible = other.place(wish)
    if not isinstance(possible, int) or not possible:
        return None
    return _placed(asked, Way.OTHER, other, replace(wish, nodes=possible))


def _distance(asked: Candidate, other: Candidate) -> tuple[int, Decimal, str]:
    """The same chip, then as fast a one or faster, then the next best, then what nobody knows."""
    mine, its = asked.chip.dense_tflops, other.chip.dense_tflops
    if asked.chip.id == other.chip.id:
        return 0, Decimal(0), other.sku
    if not mine or not its:
        return 3, Decimal(0), other.sku
    return (1 if its >= mine else 2), abs(its - mine), other.sku


def _as_many(asked: Asked, other: Candidate) -> int:
    """Nodes that have at least the dense FLOPS of those asked for; as many where nobody knows."""
    mine, its = asked.what.node_tflops, other.node_tflops
    if asked.what.chip.id == other.chip.id:
        mine, its = Decimal(asked.what.gpus), Decimal(other.gpus)
    if mine is None or its is None:
        return asked.wish.nodes
    return max(1, ceil(asked.wish.nodes * mine / its))


def _alternative(
    asked: Asked, way: Way, what: Candidate, placed: Assigned, during: Interval
) -> Alternative:
    nodes = sum(count for _, count in placed)
    mine, its = asked.what.node_tflops, what.node_tflops
    share = None
    if what.chip.id == asked.what.chip.id:
        mine, its = Decimal(asked.what.gpus), Decimal(what.gpus)
    if mine is not None and its is not None:
        share = int(100 * its * nodes / (mine * asked.wish.nodes))
    return Alternative(
        way,
        what.sku,
        what.site,
        nodes,
        during,
        asked.wish.same_block and len(placed) == 1,
        blocks_of(placed),
        share,
        asked.price_of(what, nodes, during),
    )


def blocks_of(placed: Assigned) -> int:
    """Over how many blocks: a pool is one shape of node in one block."""
    return len({block_of(pool) for pool, _ in placed})


def block_of(pool: PoolId) -> str:
    return pool.partition("/")[0]


def lasting(asked: Interval, start: datetime, time_zone: str) -> Interval:
    """As long from another start: as many months where it was whole months."""
    months = whole_months(asked, time_zone)
    if months and plus_months(asked.start, months, time_zone) == asked.end:
        return Interval(start, plus_months(start, months, time_zone))
    return Interval(start, start + (asked.end - asked.start))


def _midnight(instant: datetime, time_zone: str) -> datetime:
    """The first local midnight at or after an instant."""
    local = instant.astimezone(zone(time_zone))
    day = local.date() if local.time() == time() else local.date() + timedelta(days=1)
    return datetime.combine(day, time(), zone(time_zone)).astimezone(instant.tzinfo)
