"""Contract prices: dated matrices of term by volume, never edited, only superseded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from enum import StrEnum
from fractions import Fraction

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import SkuId
from rackrate.core.interval import Interval, check_instant, zone
from rackrate.core.money import MOST_AMOUNT, Money, digits
from rackrate.core.words import counted, nodes_said

# Hours of a priced month; CALENDAR: those that each month has.
CALENDAR, MONTH_HOURS = 0, (0, 720, 730)
MEAN_HOURS = 730
MOST_PER_NODE = Decimal(10) ** 6
_EXACT = Context(prec=60)


class PriceUnit(StrEnum):
    """What the amounts of a matrix are for."""

    NODE_MONTH = "node_month"
    GPU_MONTH = "gpu_month"
    GPU_HOUR = "gpu_hour"
    PFLOPS_MONTH = "pflops_month"


_WORDS = {
    PriceUnit.NODE_MONTH: "node-month",
    PriceUnit.GPU_MONTH: "GPU-month",
    PriceUnit.GPU_HOUR: "GPU-hour",
    PriceUnit.PFLOPS_MONTH: "PFLOPS-month",
}


@dataclass(frozen=True, slots=True)
class Tier:
    """`amount` in the matrix's currency for its unit, from so many months and nodes on."""

    months: int
    nodes: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ContractPrice:
    """A matrix of tiers for one SKU and currency, in force from `effective` until superseded.

    Its amounts are for a `unit`, of which a node is `per_node`: GPUs, or PFLOPS at a named
    `precision`. An hour's is for a month of so many `month_hours`, or of the calendar's. `basis`
    says in words what else they are for, and is named in every quote. Up to `floor_percent` off may
    be given by one person alone.
    """

    id: str
    sku: SkuId
    currency: str
    effective: datetime
    tax_included: bool
    basis: str
    floor_percent: Decimal
    tiers: tuple[Tier, ...]
    unit: PriceUnit = PriceUnit.NODE_MONTH
    month_hours: int = CALENDAR
    per_node: Decimal = Decimal(1)
    precision: str = ""

    def __post_init__(self) -> None:
        digits(self.currency)
        check_instant(self.effective)
        if not 0 <= self.floor_percent <= 100:
            raise ValueError(f"a floor of {self.floor_percent} percent is not 0 to 100")
        for tier in self.tiers:
            if tier.months < 1 or tier.nodes < 1:
                raise ValueError("tiers begin at 1 month and 1 node at the least")
            if not (tier.amount.is_finite() and 0 <= tier.amount <= MOST_AMOUNT):
                raise ValueError(f"{tier.amount} is not an amount of {self.currency}")
        self._check_unit()
        cells = [(tier.months, tier.nodes) for tier in self.tiers]
        if (
            not cells
            or len(set(cells)) != len(self.months) * len(self.volumes)
            or (len(set(cells)) != len(cells))
        ):
            raise ValueError("a price for every term at every volume, each once")

    def _check_unit(self) -> None:
        hourly = self.unit is PriceUnit.GPU_HOUR
        if self.month_hours not in (MONTH_HOURS if hourly else (CALENDAR,)):
            raise ValueError(f"a {_WORDS[self.unit]} has no month of {self.month_hours} hours")
        if (self.unit is PriceUnit.PFLOPS_MONTH) != bool(self.precision.strip()):
            raise ValueError("a price by the PFLOPS names its precision, and no other does")
        if not (self.per_node.is_finite() and 0 < self.per_node <= MOST_PER_NODE):
            raise ValueError(f"{self.per_node} {_WORDS[self.unit]} a node")
        whole = self.unit in (PriceUnit.GPU_MONTH, PriceUnit.GPU_HOUR)
        if (whole and self.per_node % 1) or (
            self.unit is PriceUnit.NODE_MONTH and self.per_node != 1
        ):
            raise ValueError(f"a node is no {self.per_node} of what is priced")

    @property
    def unit_words(self) -> str:
        """What an amount is for: `GPU-hour, 8 a node, of a month of 730 hours`."""
        said = _WORDS[self.unit]
        if self.unit is PriceUnit.NODE_MONTH:
            return said
        if self.precision:
            said += f" ({self.precision})"
        said += f", {self.per_node.normalize():f} a node"
        if self.unit is PriceUnit.GPU_HOUR:
            hours = "as many hours as it has"
            said += f", of a month of {f'{self.month_hours} hours' if self.month_hours else hours}"
        return said

    def stated(self, tier: Tier) -> str:
        """What an amount of it is for, in words; with the amount where that is not a node's."""
        if self.unit is PriceUnit.NODE_MONTH:
            return self.basis
        return f"{tier.amount:f} {self.currency} per {self.unit_words}; {self.basis}"

    def node_month(self, tier: Tier) -> Fraction:
        """What a node costs a month, exactly; by hours of the calendar, a mean one of 730."""
        hours = (self.month_hours or MEAN_HOURS) if self.unit is PriceUnit.GPU_HOUR else 1
        return Fraction(tier.amount) * Fraction(self.per_node) * hours

    def of_node(self, tier: Tier) -> Money:
        """What a node costs a month, to be shown."""
        return Money.rounded(self.node_month(tier), self.currency)

    def node_hour(self, tier: Tier) -> Decimal | None:
        """What a node costs an hour, where each month costs as many hours as it has."""
        if self.unit is not PriceUnit.GPU_HOUR or self.month_hours:
            return None
        return _EXACT.multiply(tier.amount, self.per_node)

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
