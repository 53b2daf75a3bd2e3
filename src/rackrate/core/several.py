"""Lines of nodes that are promised all or none: what each is of, and all from another start."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from rackrate.core.chips import Chip
from rackrate.core.contract_price import ContractPrice, plus_months, whole_months
from rackrate.core.fitting import between
from rackrate.core.ids import PoolId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.placement import Pool, Shape
from rackrate.core.promise import Wish
from rackrate.core.timeline import Ints

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A SKU of whole nodes that the customer may have, with the pools that have them.

    `alone`: for a customer who shares no block, which of them nobody else is in over an interval.
    `only`: no others than these. It is of one answer: what there is room for is worked out once for
    the same times.
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
    only: frozenset[PoolId] | None = None
    known: dict[tuple[datetime, ...], Ints] = field(default_factory=dict, compare=False, repr=False)

    @property
    def node_tflops(self) -> Decimal | None:
        """Dense, as its datasheet says; None where no source states it."""
        dense = self.chip.dense_tflops
        return None if not dense else dense * self.gpus

    def between(self, wish: Wish, cuts: tuple[datetime, ...]) -> Ints:
        """A row for each time from one cut to the next: what each pool of the shape has then."""
        if cuts not in self.known:
            self.known[cuts] = between(self.shape, wish, cuts)
        return self.known[cuts]

    def open_to(self, during: Interval) -> Bools | None:
        """Which pools it may be laid on over an interval; None: any."""
        if self.alone is None and self.only is None:
            return None
        return np.array([self._may(pool, during) for pool in self.shape.pools], np.bool_)

    def place_of(self, pool: PoolId) -> int | None:
        """Where in the shape a pool is; None where it is of another."""
        pools = self.shape.pools
        place = bisect_left(pools, pool, key=lambda one: one.id)
        return place if place < len(pools) and pools[place].id == pool else None

    def wish(self, wish: Wish, nodes: int) -> Wish:
        """The same wish of so many nodes here."""
        return replace(
            wish,
            nodes=nodes,
            notice=self.notice,
            kept_percent=self.kept_percent,
            moment_percent=self.moment_percent,
        )

    def _may(self, pool: Pool, during: Interval) -> bool:
        if self.only is not None and pool.id not in self.only:
            return False
        return self.alone is None or self.alone(pool, during)


@dataclass(frozen=True, slots=True)
class Want:
    """One line of nodes: so many of a candidate's, over an interval, on one block or not."""

    number: int
    what: Candidate
    wish: Wish

    @property
    def during(self) -> Interval:
        return self.wish.during

    def of(self, nodes: int) -> "Want":
        return replace(self, wish=replace(self.wish, nodes=nodes))

    def over(self, during: Interval) -> "Want":
        return replace(self, wish=replace(self.wish, during=during))


@dataclass(frozen=True, slots=True)
class Several:
    """Lines that are promised all or none. `together`: those of one SKU share one block."""

    wants: tuple[Want, ...]
    together: bool = False

    @property
    def start(self) -> datetime:
        return min(want.during.start for want in self.wants)

    def starting(self, start: datetime, time_zone: str) -> "Several":
        """The same lines, as far apart and for as long, from another start."""
        return replace(
            self,
            wants=tuple(
                want.over(moved(want.during, self.start, start, time_zone)) for want in self.wants
            ),
        )

    def apart(self) -> "Several":
        """The same, on whatever blocks."""
        wants = tuple(
            replace(want, wish=replace(want.wish, same_block=False)) for want in self.wants
        )
        return Several(wants)

    def beside(self) -> "Several":
        """The same, those of one SKU on one block."""
        wants = tuple(
            replace(want, wish=replace(want.wish, same_block=True)) for want in self.wants
        )
        return Several(wants, True)

    def units(self) -> list[tuple[Want, ...]]:
        """What goes on one block as a whole, or, where it need not, each line for itself."""
        if not self.together:
            return [(want,) for want in self.wants]
        groups: dict[SkuId, list[Want]] = {}
        for want in self.wants:
            groups.setdefault(want.what.sku, []).append(want)
        return [tuple(group) for group in groups.values()]


def lasting(asked: Interval, start: datetime, time_zone: str) -> Interval:
    """As long from another start: as many months where it was whole months."""
    months = whole_months(asked, time_zone)
    if months and plus_months(asked.start, months, time_zone) == asked.end:
        return Interval(start, plus_months(start, months, time_zone))
    return Interval(start, start + (asked.end - asked.start))


def moved(during: Interval, origin: datetime, to: datetime, time_zone: str) -> Interval:
    """As far from `to` as it was from `origin`, and as long: by months where those are whole."""
    if during.start <= origin:
        return lasting(during, to - (origin - during.start), time_zone)
    gap = lasting(Interval(origin, during.start), to, time_zone)
    return lasting(during, gap.end, time_zone)
