"""The price book: dated list prices, never edited, only superseded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import SkuId
from rackrate.core.interval import Interval, check_instant
from rackrate.core.lease import LeaseClass
from rackrate.core.money import digits

HIGHEST_PER_HOUR = Decimal(10) ** 9


@dataclass(frozen=True, slots=True)
class Price:
    """`per_hour` of one slot (3,600 metered seconds), from `effective` until superseded.

    `tax_included` says whether VAT is inside. `notice` is how long a lease of this class that must
    give way is told ahead (decision 2).
    """

    id: str
    sku: SkuId
    klass: LeaseClass
    currency: str
    per_hour: Decimal
    tax_included: bool
    effective: datetime
    notice: timedelta

    def __post_init__(self) -> None:
        digits(self.currency)
        check_instant(self.effective)
        if not (self.per_hour.is_finite() and 0 <= self.per_hour < HIGHEST_PER_HOUR):
            raise ValueError(f"not a price per hour: {self.per_hour}")


def price_id(sku: str, klass: str, currency: str, effective: datetime) -> str:
    """One price per SKU, class, currency and instant: applying a file twice is once."""
    return f"{sku}/{klass}/{currency}/{effective:%Y-%m-%dT%H:%M:%SZ}"


class PriceBook:
    """All prices, found by SKU, class and currency."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self._series: dict[tuple[str, LeaseClass, str], list[Price]] = {}
        for price in sorted(prices, key=lambda price: price.effective):
            key = (price.sku, price.klass, price.currency)
            self._series.setdefault(key, []).append(price)

    def at(self, sku: SkuId, klass: LeaseClass, currency: str, instant: datetime) -> Price:
        """The price in force; Refused `not_priced` when there is none."""
        in_force: Price | None = None
        for price in self._series.get((sku, klass, currency), ()):
            if price.effective > instant:
                break
            in_force = price
        if in_force is None:
            raise Refused(
                Reason.NOT_PRICED,
                f"{sku} has no {klass} price in {currency} at {instant:%Y-%m-%d %H:%M} UTC",
            )
        return in_force

    def over(
        self, sku: SkuId, klass: LeaseClass, currency: str, during: Interval
    ) -> tuple[tuple[Price, Interval], ...]:
        """The prices that apply over `during`, each with its part. They cover it, or Refused."""
        price = self.at(sku, klass, currency, during.start)
        parts: list[tuple[Price, Interval]] = []
        start = during.start
        for later in self._series[(sku, klass, currency)]:
            if start < later.effective < during.end:
                parts.append((price, Interval(start, later.effective)))
                start = later.effective
            if later.effective <= start:
                price = later
        parts.append((price, during if not parts else Interval(start, during.end)))
        return tuple(parts)
