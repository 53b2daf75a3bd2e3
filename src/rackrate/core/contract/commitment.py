"""What a contract commits to: quantities over intervals, and what each costs."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from math import lcm

from rackrate.core.ids import SiteId, SkuId
from rackrate.core.interval import Interval, Month, check_instant, months_over
from rackrate.core.money import Money, half_up_ratio


class CommitmentKind(StrEnum):
    CAPACITY = "capacity"  # whole nodes of a SKU, by the calendar month
    SERVICE = "service"  # anything else by the calendar month: support, networking
    ONE_OFF = "one_off"  # paid once, in the month in which it begins: integration, re-fitting


@dataclass(frozen=True, slots=True)
class Commitment:
    """One quantity over one interval, as it was ordered: `during` and `amount` never change.

    `amount` is a calendar month's, or the whole of a one-off. An amendment that ends it early sets
    `ended`. `order` is the amendment that brought it, 0 the signature. `follows` is the commitment
    after which it goes on, 0 for none: with the same nodes, or with others where it is `anew`.
    """

    number: int
    kind: CommitmentKind
    title: str
    during: Interval
    amount: Money
    sku: SkuId | None = None
    site: SiteId | None = None
    nodes: int = 0
    same_block: bool = False
    order: int = 0
    follows: int = 0
    ended: datetime | None = None
    anew: bool = False

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"a commitment numbered {self.number}")
        if self.amount.minor < 0:
            raise ValueError(f"an amount of {self.amount}")
        if self.ended is not None:
            check_instant(self.ended)
        capacity = self.kind is CommitmentKind.CAPACITY
        if capacity and (self.nodes < 1 or self.sku is None):
            raise ValueError(f"a commitment over {self.nodes} nodes of {self.sku or 'nothing'}")
        if not capacity and (self.nodes or self.sku is not None):
            raise ValueError(f"{self.kind} commits to no nodes")

    def __str__(self) -> str:
        when = f"{self.during.start:%Y-%m-%d %H:%M} to {self.during.end:%Y-%m-%d %H:%M} UTC"
        block = " in one block" if self.same_block else ""
        each = "once" if self.kind is CommitmentKind.ONE_OFF else "a month"
        return f"{self.what}{block}, {when}, {self.amount} {each}"

    @property
    def what(self) -> str:
        """Its title, or what it is."""
        if self.kind is CommitmentKind.CAPACITY:
            return f"{self.nodes} x {self.sku}"
        return self.title or str(self.kind)

    @property
    def lasts(self) -> Interval | None:
        """From when to when it is in force; None where it was called off before it began."""
        if self.ended is None or self.ended >= self.during.end:
            return self.during
        return Interval(self.during.start, self.ended) if self.during.start < self.ended else None

    @property
    def monthly(self) -> bool:
        return self.kind is not CommitmentKind.ONE_OFF

    @property
    def brings_nodes(self) -> bool:
        """Whether nodes are delivered for it: it does not go on with those of another."""
        return bool(self.nodes) and (self.anew or not self.follows)

    def covers(self, instant: datetime) -> bool:
        lasts = self.lasts
        return lasts is not None and lasts.contains(instant)

    def as_ordered(self) -> "Commitment":
        return replace(self, ended=None)

    def cut(self, at: datetime) -> "Commitment":
        """It ends at `at`, if it would have gone on."""
        lasts = self.lasts
        return self if lasts is None or lasts.end <= at else replace(self, ended=at)


@dataclass(frozen=True, slots=True)
class Part:
    """`nodes` of a commitment that are paid for over an interval."""

    nodes: int
    during: Interval


def month_values(
    commitment: Commitment, time_zone: str, parts: tuple[Part, ...] | None = None
) -> tuple[tuple[Month, Interval, Money], ...]:
    """What each month that it touches costs: a whole one its amount, a broken one by seconds.

    A month's value rests on nothing outside that month, so no later change reaches one that is
    billed. `parts` are the nodes that are paid for; None: all of them, all the time.
    """
    lasts = commitment.lasts
    if lasts is None:
        return ()
    if not commitment.monthly:
        month = Month.of(lasts.start, time_zone)
        return ((month, lasts, commitment.amount),)
    if parts is None:
        return _all_paid(commitment.amount, lasts, time_zone)
    return tuple(
        (month, inside, _of_month(commitment, month, inside, time_zone, parts))
        for month, inside in months_over(lasts, time_zone)
    )


@lru_cache(maxsize=1024)
def _all_paid(
    amount: Money, lasts: Interval, time_zone: str
) -> tuple[tuple[Month, Interval, Money], ...]:
    """Every month in full, or by its seconds. One payment plan asks for it several times."""
    months: list[tuple[Month, Interval, Money]] = []
    for month, inside in months_over(lasts, time_zone):
        whole = month.interval(time_zone)
        paid = amount
        if inside != whole:
            paid = Money(
                half_up_ratio(amount.minor * inside.seconds, whole.seconds), amount.currency
            )
        months.append((month, inside, paid))
    return tuple(months)


def _of_month(
    commitment: Commitment, month: Month, inside: Interval, time_zone: str, parts: tuple[Part, ...]
) -> Money:
    node_seconds = 0
    for part in parts:
        common = part.during.intersect(inside)
        node_seconds += part.nodes * common.seconds if common else 0
    whole = (commitment.nodes or 1) * month.interval(time_zone).seconds
    amount = commitment.amount
    return Money(half_up_ratio(amount.minor * node_seconds, whole), amount.currency)


@lru_cache(maxsize=1024)
def month_weights(during: Interval, time_zone: str) -> tuple[int, ...]:
    """Integer weights of the months: equal for whole months, by seconds for broken ones."""
    parts = list(months_over(during, time_zone))
    wholes = [month.interval(time_zone).seconds for month, _ in parts]
    common = lcm(*wholes)
    return tuple(
        part.seconds * (common // whole) for (_, part), whole in zip(parts, wholes, strict=True)
    )
