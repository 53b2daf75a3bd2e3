"""A contract in its first form: take-or-pay for whole nodes, prepaid in part, then monthly."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import lcm

from rackrate.core.ids import ContractId, CustomerId, EntityId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval, Month, months_over
from rackrate.core.money import Money, split


@dataclass(frozen=True, slots=True)
class Contract:
    """`nodes` whole nodes of a SKU over `during`, for `monthly` a calendar month.

    `prepayment_percent` of the whole value is invoiced at signature and drawn down over the term.
    `tax_included` says whether `monthly` has VAT inside. A month that is touched in part costs
    its share of seconds.
    """

    id: ContractId
    entity: EntityId
    customer: CustomerId
    project: ProjectId
    site: SiteId
    sku: SkuId
    nodes: int
    during: Interval
    monthly: Money
    prepayment_percent: Decimal
    tax_included: bool
    signed: datetime
    name: str = ""

    def __post_init__(self) -> None:
        if self.nodes < 1:
            raise ValueError(f"a contract over {self.nodes} nodes")
        if self.monthly.minor < 0:
            raise ValueError(f"a monthly amount of {self.monthly}")
        if not 0 <= self.prepayment_percent <= 100:
            raise ValueError(f"a prepayment of {self.prepayment_percent} percent")


@dataclass(frozen=True, slots=True)
class Instalment:
    """One month of a contract. `value` = `drawdown` of the prepayment + `due` as an instalment."""

    month: Month
    during: Interval
    value: Money
    drawdown: Money
    due: Money


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a contract costs, as quoted (tax inside or not): it adds up to `value` to the cent."""

    value: Money
    prepayment: Money
    instalments: tuple[Instalment, ...]


def schedule(contract: Contract, time_zone: str) -> Schedule:
    """The whole payment plan, by calendar months of `time_zone`."""
    parts = list(months_over(contract.during, time_zone))
    shares = [Fraction(part.seconds, month.interval(time_zone).seconds) for month, part in parts]
    monthly = contract.monthly.amount
    value = Money.rounded(sum(shares, Fraction(0)) * Fraction(monthly), contract.monthly.currency)
    percent = Fraction(contract.prepayment_percent) / 100
    prepayment = Money.rounded(Fraction(value.amount) * percent, value.currency)
    weights = month_weights(contract.during, time_zone)
    values, drawdowns = split(value, weights), split(prepayment, weights)
    instalments = tuple(
        Instalment(month, part, whole, drawn, whole - drawn)
        for (month, part), whole, drawn in zip(parts, values, drawdowns, strict=True)
    )
    return Schedule(value, prepayment, instalments)


def month_weights(during: Interval, time_zone: str) -> tuple[int, ...]:
    """Integer weights of the months: equal for whole months, by seconds for broken ones."""
    parts = list(months_over(during, time_zone))
    shares = [Fraction(part.seconds, month.interval(time_zone).seconds) for month, part in parts]
    common = lcm(*(share.denominator for share in shares))
    return tuple(int(share * common) for share in shares)
