"""Contract prices: dated matrices of term by volume, never edited, only superseded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import SkuId
from rackrate.core.interval import Interval, check_instant, zone
from rackrate.core.money import Money, digits
from rackrate.core.words import counted, nodes_said


@dataclass(frozen=True, slots=True)
class Tier:
    """`amount` a node and calendar month, from so many months and so many nodes on."""

    months: int
    nodes: int
    amount: Money


@dataclass(frozen=True, slots=True)
class ContractPrice:
    """A matrix of tiers for one SKU and currency, in force from `effective` until superseded.

    `basis` says in words what the amounts are for, and is named in every quote. Up to
    `floor_percent` off may be given by one person alone.
    """

    id: str
    sku: SkuId
    currency: str
    effective: datetime
    tax_included: bool
    basis: str
    floor_percent: Decimal
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        digits(self.currency)
        check_instant(self.effective)
        if not 0 <= self.floor_percent <= 100:
            raise ValueError(f"a floor of {self.floor_percent} percent is not 0 to 100")
        for tier in self.tiers:
            if tier.months < 1 or tier.nodes < 1:
                raise ValueError("tiers begin at 1 month and 1 node at the least")
            if tier.amount.currency != self.currency or tier.amount.minor < 0:
                raise ValueError(f"{tier.amount} is not an amount of {self.currency}")
        cells = [(tier.months, tier.nodes) for tier in self.tiers]
        if (
            not cells
            or len(set(cells)) != len(self.months) * len(self.volumes)
            or (len(set(cells)) != len(cells))
        ):
            raise ValueError("a price for every term at every volume, each once")

    @property
    def months(self) -> tuple[int, ...]:
        """The terms, shortest first: the rows of the matrix."""
        return tuple(sorted({tier.months for tier in self.tiers}))

    @property
    def volumes(self) -> tuple[int, ...]:
        """The volumes, smallest first: its columns."""
        return tuple(sorted({tier.nodes for tier in self.tiers}))

    def cell(self, months: int, nodes: int) -> Tier:
        """The tier that is written at this row and column."""
        return next(t for t in self.tiers if (t.months, t.nodes) == (months, nodes))

    def tier(self, months: int, nodes: int) -> Tier:
        """The highest tier that both the term and the volume reach; Refused `not_priced`."""
        row = max((m for m in self.months if m <= months), default=None)
        column = max((n for n in self.volumes if n <= nodes), default=None)
        if row is None or column is None:
            raise Refused(
                Reason.NOT_PRICED,
                f"contract prices of {self.sku} in {self.currency} begin at "
                f"{counted(self.months[0], 'month')} and {nodes_said(self.volumes[0])}; asked are "
                f"{counted(months, 'month')} and {nodes_said(nodes)}",
                {"months": self.months[0], "nodes": self.volumes[0]},
            )
        return self.cell(row, column)


def contract_price_id(sku: str, currency: str, effective: datetime) -> str:
    """One matrix per SKU, currency and instant: applying a file twice is once."""
    return f"{sku}/{currency}/{effective:%Y-%m-%dT%H:%M:%SZ}"


def price_in_force(
    prices: Iterable[ContractPrice], sku: SkuId, currency: str, at: datetime
) -> ContractPrice:
    """The matrix that is in force at an instant; Refused `not_priced` where there is none."""
    begun = [
        price
        for price in prices
        if (price.sku, price.currency) == (sku, currency) and price.effective <= at
    ]
    if not begun:
        raise Refused(
            Reason.NOT_PRICED,
            f"{sku} has no contract price in {currency} at {at:%Y-%m-%d %H:%M} UTC",
            {"sku": sku, "currency": currency},
        )
    return max(begun, key=lambda price: price.effective)


def plus_months(instant: datetime, months: int, time_zone: str) -> datetime:
    """The same local time so many months on; a day that the month lacks is its last one."""
    local = instant.astimezone(zone(time_zone)).replace(tzinfo=None)
    years, month = divmod(local.month - 1 + months, 12)
    first = local.replace(year=local.year + years, month=month + 1, day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    day = min(local.day, (following - timedelta(days=1)).day)
    return first.replace(day=day, tzinfo=zone(time_zone)).astimezone(UTC)


def whole_months(during: Interval, time_zone: str) -> int:
    """How many calendar months fit into the interval from its start on."""
    start, end = (at.astimezone(zone(time_zone)) for at in (during.start, during.end))
    months = (end.year - start.year) * 12 + end.month - start.month
    while months > 0 and plus_months(during.start, months, time_zone) > during.end:
        months -= 1
    return months
