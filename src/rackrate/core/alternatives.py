"""What would do instead, where what was asked for does not fit: fewer, later, apart, another."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from math import ceil

import numpy as np

from rackrate.core.filling import Filled, earliest, fill, place
from rackrate.core.ids import PoolId, SiteId, SkuId
from rackrate.core.interval import Interval, zone
from rackrate.core.promise import Assigned
from rackrate.core.quote import Priced, most_at_once
from rackrate.core.several import Candidate, Several, Want
from rackrate.core.sheet import Sheet

MOST_OTHERS = 3
TRIES = 8


class Way(StrEnum):
    """In which way it differs from what was asked for."""

    FEWER = "fewer"
    LATER = "later"
    BLOCKS = "blocks"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class AlternativeLine:
    """One line of it, with the number of the line that it stands for. `priced` None: no price."""

    number: int
    sku: SkuId
    site: SiteId
    nodes: int
    during: Interval
    same_block: bool
    priced: Priced | None


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something that fits as it stands, and what its lines cost; lines of which none fit are left
    out.

    `same_block`: all nodes of a SKU are on one. `blocks`: over how many. `pflops_percent` is what
    it has of the dense FLOPS that were asked for; None where nobody states them.
    """

    way: Way
    lines: tuple[AlternativeLine, ...]
    same_block: bool
    blocks: int
    pflops_percent: int | None

    @property
    def sku(self) -> SkuId:
        return self.lines[0].sku

    @property
    def site(self) -> SiteId:
        return self.lines[0].site

    @property
    def nodes(self) -> int:
        """The most at any instant."""
        return most_at_once((line.during, line.nodes) for line in self.lines)

    @property
    def during(self) -> Interval:
        ends = [line.during.end for line in self.lines]
        return Interval(min(line.during.start for line in self.lines), max(ends))

    @property
    def priced(self) -> Priced | None:
        """The first line's; None where any has no price."""
        known = all(line.priced is not None for line in self.lines)
        return self.lines[0].priced if known else None


Prices = tuple[Priced | None, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What does not fit: how far it goes, from when all of it would, and how lines are priced."""

    several: Several
    filled: Filled
    earliest: datetime | None
    time_zone: str
    prices_of: Callable[[Sequence[Want]], Prices]

    @property
    def short(self) -> Want:
        """The first line that cannot be promised beside those before it."""
        pairs = zip(self.several.wants, self.filled.possible, strict=True)
        return next(want for want, possible in pairs if possible < want.wish.nodes)


def alternatives(asked: Asked, others: Sequence[Candidate]) -> tuple[Alternative, ...]:
    """Nearest first: fewer of it then, all of it over blocks, all of it later, other chips."""
    found = [_fewer(asked), *_over_blocks(asked), _later(asked), *_others(asked, others)]
    return tuple(each for each in found if each is not None)


def _fewer(asked: Asked) -> Alternative | None:
    return _as_filled(asked, Way.FEWER, asked.several, asked.filled)


def _over_blocks(asked: Asked) -> tuple[Alternative, ...]:
    """Over two blocks; and where that is not all, over as few as hold all, or the most there is."""
    if not any(want.wish.same_block for want in asked.several.wants):
        return ()
    apart, most = asked.several.apart(), sum(asked.filled.possible)
    found = []
    for several in (_on_two(apart), apart):
        filled = fill(several)
        if sum(filled.possible) > most:
            most = sum(filled.possible)
            found.append(_as_filled(asked, Way.BLOCKS, several, filled))
    return tuple(each for each in found if each is not None)


def _on_two(apart: Several) -> Several:
    """On no more than the two blocks of each SKU that have the most for its largest line."""
    largest: dict[SkuId, Want] = {}
    for want in apart.wants:
        before = largest.get(want.what.sku)
        if before is None or before.wish.nodes < want.wish.nodes:
            largest[want.what.sku] = want
    two: dict[SkuId, Candidate] = {}
    for sku, want in largest.items():
        room = Sheet([want]).room(want)
        best = np.argsort(-room, kind="stable")[:2]
        pools = frozenset(want.what.shape.pools[place].id for place in best)
        two[sku] = replace(want.what, only=pools)
    return Several(tuple(replace(want, what=two[want.what.sku]) for want in apart.wants))


def _later(asked: Asked) -> Alternative | None:
    """All of it, from the first local midnight from which it fits for as many months."""
    start, zone_name, several = asked.earliest, asked.time_zone, asked.several
    for _ in range(TRIES):
        if start is None:
            return None
        for begin in (_midnight(start, zone_name), start):
            found = _placed(asked, Way.LATER, asked.several.starting(begin, zone_name))
            if found is not None:
                return found
        # As many months from there are longer than those asked for: from when would they fit?
        several = asked.several.starting(start, zone_name)
        start = earliest(several, zone_name)
    return None


def _others(asked: Asked, others: Sequence[Candidate]) -> list[Alternative]:
    """As many dense FLOPS of other SKUs in place of the short one, at the same time: the nearest
    chips first.

    Where none has them on one block, over several; where none has them all, the most there is,
    and beside it the most of chips whose FLOPS nobody states. What has no price comes last.
    """
    what, several = asked.short.what, asked.several
    ranked = sorted(others, key=lambda other: _distance(what, other))
    apart = several.apart()
    for whole in (several, apart) if several != apart else (apart,):
        fitting = (_placed(asked, Way.OTHER, _of_other(whole, what, other)) for other in ranked)
        found = list(islice((each for each in fitting if each is not None), MOST_OTHERS))
        if found:
            return _priced_first(found)
    parts = []
    for other in ranked:
        instead = _of_other(apart, what, other)
        part = _as_filled(asked, Way.OTHER, instead, fill(instead))
        parts += [] if part is None else [part]
    known = [each for each in parts if each.pflops_percent is not None]
    unknown = [each for each in parts if each.pflops_percent is None]
    best = sorted(known, key=lambda each: -(each.pflops_percent or 0))[:1]
    most = sorted(unknown, key=lambda each: -each.nodes)[: MOST_OTHERS - len(best)]
    return _priced_first([*best, *most])


def _priced_first(found: Iterable[Alternative]) -> list[Alternative]:
    return sorted(found, key=lambda each: each.priced is None)


def _of_other(several: Several, what: Candidate, other: Candidate) -> Several:
    wants = tuple(
        want
        if want.what.sku != what.sku
        else replace(want, what=other, wish=other.wish(want.wish, _as_many(want, other)))
        for want in several.wants
    )
    return replace(several, wants=wants)


def _distance(asked: Candidate, other: Candidate) -> tuple[int, Decimal, str]:
    """The same chip, then as fast a one or faster, then the next best, then what nobody knows."""
    mine, its = asked.chip.dense_tflops, other.chip.dense_tflops
    if asked.chip.id == other.chip.id:
        return 0, Decimal(0), other.sku
    if not mine or not its:
        return 3, Decimal(0), other.sku
    return (1 if its >= mine else 2), abs(its - mine), other.sku


def _as_many(want: Want, other: Candidate) -> int:
    """Nodes that have at least the dense FLOPS of those asked for; as many where nobody knows."""
    mine, its = _flops(want.what, other)
    if mine is None or its is None:
        return want.wish.nodes
    return max(1, ceil(want.wish.nodes * mine / its))


def _flops(asked: Candidate, other: Candidate) -> tuple[Decimal | None, Decimal | None]:
    """What a node of each has: of the same chip its GPUs say it, whatever a datasheet states."""
    if asked.chip.id == other.chip.id:
        return Decimal(asked.gpus), Decimal(other.gpus)
    return asked.node_tflops, other.node_tflops


def _placed(asked: Asked, way: Way, several: Several) -> Alternative | None:
    """The alternative, if all of it fits."""
    placed = place(several)
    return None if isinstance(placed, Filled) else _alternative(asked, way, several.wants, placed)


def _as_filled(asked: Asked, way: Way, several: Several, filled: Filled) -> Alternative | None:
    """As much of each line as goes; None where none of any does."""
    parts = [
        (want.of(nodes), placed)
        for want, nodes, placed in zip(several.wants, filled.possible, filled.placed, strict=True)
        if nodes
    ]
    if not parts:
        return None
    wants, assigned = zip(*parts, strict=True)
    return _alternative(asked, way, wants, assigned)


def _alternative(
    asked: Asked, way: Way, wants: Sequence[Want], placed: Sequence[Assigned]
) -> Alternative:
    several = asked.several
    by_number = {want.number: want for want in several.wants}
    lines = tuple(
        AlternativeLine(
            want.number,
            want.what.sku,
            want.what.site,
            want.wish.nodes,
            want.during,
            by_number[want.number].wish.same_block and blocks_of(each) == 1,
            priced,
        )
        for want, each, priced in zip(wants, placed, asked.prices_of(wants), strict=True)
    )
    on = {
        (want.what.sku, block_of(pool)) for want, each in _pairs(wants, placed) for pool, _ in each
    }
    one = several.together or (len(several.wants) == 1 and several.wants[0].wish.same_block)
    return Alternative(
        way,
        lines,
        one and len(on) == len({sku for sku, _ in on}),
        len({block for _, block in on}),
        _share(asked, wants),
    )


def _pairs(wants: Sequence[Want], placed: Sequence[Assigned]) -> Iterable[tuple[Want, Assigned]]:
    return zip(wants, placed, strict=True)


def _share(asked: Asked, wants: Sequence[Want]) -> int | None:
    """The dense FLOPS of the lines in percent of those asked for; of the same chips, their GPUs."""
    by_number = {want.number: want.what for want in wants}
    alike = all(
        by_number.get(want.number, want.what).chip.id == want.what.chip.id
        for want in asked.several.wants
    )

    def flops(of: Sequence[Want]) -> Decimal | None:
        each = [Decimal(w.what.gpus) if alike else w.what.node_tflops for w in of]
        known = [one * w.wish.nodes for one, w in zip(each, of, strict=True) if one is not None]
        return sum(known, Decimal(0)) if len(known) == len(of) else None

    all_asked, all_had = flops(asked.several.wants), flops(wants)
    if all_asked is None or all_had is None:
        return None
    return int(100 * all_had / all_asked)


def blocks_of(placed: Iterable[tuple[PoolId, int]]) -> int:
    """Over how many blocks: a pool is one shape of node in one block."""
    return len({block_of(pool) for pool, _ in placed})


def block_of(pool: PoolId) -> str:
    return pool.partition("/")[0]


def _midnight(instant: datetime, time_zone: str) -> datetime:
    """The first local midnight at or after an instant."""
    local = instant.astimezone(zone(time_zone))
    day = local.date() if local.time() == time() else local.date() + timedelta(days=1)
    return datetime.combine(day, time(), zone(time_zone)).astimezone(instant.tzinfo)
