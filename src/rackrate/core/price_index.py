"""Published indices: what others say that a thing costs, dated and never edited."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.core.ids import IndexId
from rackrate.core.interval import check_instant
from rackrate.core.money import digits
from rackrate.core.pricing import HIGHEST_AMOUNT, Unit

# What an index may be of: a GPU, a part of one, or a node. The others say too little by themselves.
INDEXED = frozenset(
    {Unit.SLOT_SECOND, Unit.SLOT_HOUR, Unit.GPU_SECOND, Unit.GPU_HOUR, Unit.NODE_MONTH}
)
MOST_STALE_DAYS = 3660


@dataclass(frozen=True, slots=True)
class PriceIndex:
    """What is published, for which unit, and by whom (`source`).

    A value that is older than `stale_days` is found by a check of the price book.
    """

    id: IndexId
    title: str
    currency: str
    unit: Unit
    tax_included: bool
    source: str
    stale_days: int

    def __post_init__(self) -> None:
        digits(self.currency)
        if self.unit not in INDEXED:
            raise ValueError(f"an index is not of {self.unit}")
        if not 1 <= self.stale_days <= MOST_STALE_DAYS:
            raise ValueError(f"`stale_days` is 1 to {MOST_STALE_DAYS}: {self.stale_days}")

    def stale_at(self, latest: "IndexValue", now: datetime) -> bool:
        return latest.effective + timedelta(days=self.stale_days) < now


@dataclass(frozen=True, slots=True)
class IndexValue:
    """What an index is from `effective` on, until its next value. Published once, and never edited.

    `source` says where this value was read.
    """

    id: str
    index: IndexId
    effective: datetime
    value: Decimal
    source: str

    def __post_init__(self) -> None:
        check_instant(self.effective)
        if not (self.value.is_finite() and 0 <= self.value < HIGHEST_AMOUNT):
            raise ValueError(f"not a value of an index: {self.value}")


def value_id(index: str, effective: datetime) -> str:
    """One value for each instant: twice is once."""
    return f"{index}/{effective:%Y-%m-%dT%H:%M:%SZ}"


def in_force(values: Iterable[IndexValue], now: datetime) -> IndexValue | None:
    """Of the values of one index the last that has begun."""
    begun = [value for value in values if value.effective <= now]
    return max(begun, key=lambda value: value.effective, default=None)
