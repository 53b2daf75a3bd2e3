"""The price book: dated prices, narrowed to whom they are for; never edited, only superseded."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NoReturn, cast

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import CustomerId, IndexId, SiteId, SkuId
from rackrate.core.interval import Interval, check_instant
from rackrate.core.lease import LeaseClass
from rackrate.core.money import digits

HIGHEST_AMOUNT = Decimal(10) ** 12
# Hours of a priced month; CALENDAR: those that the month has, where the customer is.
CALENDAR, MONTH_HOURS = 0, (0, 720, 730)
AVERAGE_HOURS = 730
INDEX = "index/"  # Begins what a rule calls an index.
STORAGE, ADDRESS, EGRESS = "storage", "address", "egress"


class Unit(StrEnum):
    """What an amount is for. A slot is a GPU, or a part of one where nodes are cut into parts."""

    SLOT_SECOND = "slot_second"
    SLOT_HOUR = "slot_hour"
    GPU_SECOND = "gpu_second"
    GPU_HOUR = "gpu_hour"
    NODE_MONTH = "node_month"
    PFLOPS_MONTH = "pflops_month"
    GB_MONTH = "gb_month"
    ADDRESS_HOUR = "address_hour"
    ADDRESS_MONTH = "address_month"
    EGRESS_GB = "egress_gb"
    EGRESS_GIB = "egress_gib"


# What is of no SKU and no class, but of a site: by what it is priced.
OF_A_SITE = {
    Unit.GB_MONTH: STORAGE, Unit.ADDRESS_HOUR: ADDRESS, Unit.ADDRESS_MONTH: ADDRESS,
    Unit.EGRESS_GB: EGRESS, Unit.EGRESS_GIB: EGRESS,
}  # fmt: skip
# Traffic is counted in bytes, not by the second.
BYTES = {Unit.EGRESS_GB: 10**9, Unit.EGRESS_GIB: 2**30}
HOURLY = frozenset({Unit.SLOT_HOUR, Unit.GPU_HOUR})
# Metered seconds, or bytes, of those that are not months.
_PARTS = BYTES | {
    Unit.SLOT_SECOND: 1, Unit.GPU_SECOND: 1, Unit.SLOT_HOUR: 3600, Unit.GPU_HOUR: 3600,
    Unit.ADDRESS_HOUR: 3600,
}  # fmt: skip
_WORDS = {
    Unit.SLOT_SECOND: "slot-second",
    Unit.SLOT_HOUR: "slot-hour",
    Unit.GPU_SECOND: "GPU-second",
    Unit.GPU_HOUR: "GPU-hour",
    Unit.NODE_MONTH: "node-month",
    Unit.PFLOPS_MONTH: "PFLOPS-month",
    Unit.GB_MONTH: "GB-month",
    Unit.ADDRESS_HOUR: "address-hour",
    Unit.ADDRESS_MONTH: "address-month",
    Unit.EGRESS_GB: "GB of egress",
    Unit.EGRESS_GIB: "GiB of egress",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A price that is `times` another, and changes with it; never below `floor` or above `cap`.

    `of` is `contract-36` (the contract price of 36 months, at the smallest volume), a class whose
    list price it follows, of the same SKU or another, or `index/NAME`, a published index.
    """

    of: str
    sku: SkuId
    times: Decimal
    floor: Decimal | None = None
    cap: Decimal | None = None

    def __post_init__(self) -> None:
        for bound in (self.floor, self.cap):
            if bound is not None and not (bound.is_finite() and 0 <= bound < HIGHEST_AMOUNT):
                raise ValueError(f"{bound} is no bound of a price")
        if self.floor is not None and self.cap is not None and self.cap < self.floor:
            raise ValueError(f"a cap of {self.cap} is below the floor of {self.floor}")

    def __str__(self) -> str:
        what = f"{self.of} of {self.sku}" if self.index is None else f"index {self.index}"
        floor = "" if self.floor is None else f", at least {self.floor:f}"
        cap = "" if self.cap is None else f", at most {self.cap:f}"
        return f"{self.times} x {what}{floor}{cap}"

    @property
    def index(self) -> IndexId | None:
        """The index that it follows, if it follows one."""
        return IndexId(self.of.removeprefix(INDEX)) if self.of.startswith(INDEX) else None

    def bounded(self, amount: Decimal) -> Decimal:
        """The amount, or the bound that it is beyond."""
        if self.floor is not None:
            amount = max(amount, self.floor)
        return amount if self.cap is None else min(amount, self.cap)


@dataclass(frozen=True, slots=True)
class Price:
    """`amount` for a `unit` of a SKU in a class, from `effective` to `until`, or until superseded.

    Storage, addresses and egress are of no SKU and no class. `slots` is what one GPU, node or
    piece of `pflops` is, where the unit is made of several. `site` and `customer` narrow it to
    what is there, and to whom it is for. `tax_included` says whether VAT is inside; `basis` says
    in words what it is for.
    `notice` is how long a lease of this class that must give way is told ahead (decision 2).
    With a `rule` the amount was worked out by it, when this was written.
    """

    id: str
    sku: SkuId | None
    klass: LeaseClass | None
    currency: str
    amount: Decimal
    tax_included: bool
    effective: datetime
    notice: timedelta
    unit: Unit = Unit.SLOT_HOUR
    month_hours: int = CALENDAR
    slots: int = 1
    pflops: Decimal | None = None
    site: SiteId | None = None
    customer: CustomerId | None = None
    until: datetime | None = None
    basis: str = ""
    rule: Rule | None = None

    def __post_init__(self) -> None:
        digits(self.currency)
        check_instant(self.effective)
        if self.until is not None:
            check_instant(self.until)
            if not self.effective < self.until:
                raise ValueError(f"a price until {self.until}, which is not after its beginning")
        if not (self.amount.is_finite() and 0 <= self.amount < HIGHEST_AMOUNT):
            raise ValueError(f"not a price: {self.amount}")
        if self.month_hours not in MONTH_HOURS:
            raise ValueError(f"a priced month has its own hours, 720 or 730: {self.month_hours}")
        if (self.pflops is not None) != (self.unit is Unit.PFLOPS_MONTH):
            raise ValueError("`pflops` goes with a price per PFLOPS, and with no other")
        if self.slots < 1 or (self.sku is None) != (self.unit in OF_A_SITE):
            raise ValueError(f"{self.unit} is not what {self.sku or STORAGE} is priced by")

    @property
    def item(self) -> str:
        return self.sku or OF_A_SITE[self.unit]

    @property
    def series(self) -> tuple[str, str, str, str, str]:
        """Prices of one series supersede each other."""
        return self.item, self.klass or "", self.currency, self.site or "", self.customer or ""

    @property
    def per(self) -> str:
        return per(self.unit, self.month_hours)

    def per_second(self, month_seconds: int) -> tuple[int, int]:
        """What a slot (a GB, an address) costs for a second of a month of so many, or of egress
        what a byte costs: top and bottom of it.
        """
        top, bottom = self.amount.as_integer_ratio()
        if self.pflops is not None:
            more, less = self.pflops.as_integer_ratio()
            top, bottom = top * more, bottom * less
        seconds = _PARTS.get(self.unit) or self.month_hours * 3600 or month_seconds
        return top, bottom * self.slots * seconds

    @property
    def hourly(self) -> Fraction:
        """What a slot (or a GB) costs for an hour; in a calendar month of 730 hours, the mean."""
        return 3600 * Fraction(*self.per_second(AVERAGE_HOURS * 3600))


def per(unit: Unit, month_hours: int = CALENDAR) -> str:
    """What an amount is for, in words: `GPU-hour`, `node-month of 730 h`."""
    if unit in _PARTS:
        return _WORDS[unit]
    return f"{_WORDS[unit]} of {month_hours} h" if month_hours else f"calendar {_WORDS[unit]}"


def price_id(
    item: str,
    klass: str,
    currency: str,
    effective: datetime,
    site: str | None = None,
    customer: str | None = None,
) -> str:
    """One price for each item, class, currency, instant and whom it is for: twice is once."""
    scope = (f"/at:{site}" if site else "") + (f"/for:{customer}" if customer else "")
    return f"{item}/{klass}/{currency}/{effective:%Y-%m-%dT%H:%M:%SZ}{scope}"


class Steps:
    """Which price holds from when on; None: from then on none does."""

    __slots__ = ("_instants", "_prices")

    def __init__(self, found: Iterable[tuple[datetime, Price | None]]) -> None:
        known = list(found)
        self._instants = [instant for instant, _ in known]
        self._prices = [price for _, price in known]

    def __iter__(self) -> Iterator[tuple[datetime, Price | None]]:
        return zip(self._instants, self._prices, strict=True)

    def at(self, instant: datetime) -> Price | None:
        """The price that holds at an instant, if one does."""
        place = bisect_right(self._instants, instant)
        return self._prices[place - 1] if place else None

    def throughout(self, start: datetime, end: datetime) -> Price | None:
        """The one price that holds from `start` to `end`, if there is one."""
        place = bisect_right(self._instants, start)
        changes = place < len(self._instants) and self._instants[place] < end
        return self._prices[place - 1] if place and not changes else None

    def over(self, start: datetime, end: datetime) -> list[tuple[Price | None, datetime, datetime]]:
        """What holds from `start` to `end`, piece by piece."""
        place = bisect_right(self._instants, start)
        price = self._prices[place - 1] if place else None
        pieces = []
        for later in range(place, len(self._instants)):
            instant = self._instants[later]
            if instant >= end:
                break
            pieces.append((price, start, instant))
            start, price = instant, self._prices[later]
        pieces.append((price, start, end))
        return pieces


def steps(prices: Iterable[Price]) -> Steps:
    """Which of these holds when: the narrowest, and of those the last that has begun.

    For a customer at a site comes before for the customer, that before for the site, and that
    before the list. What has ended gives way to what was before it.
    """
    known = sorted(prices, key=lambda price: price.effective)
    if len({price.series for price in known}) == 1 and not any(price.until for price in known):
        return Steps((price.effective, price) for price in known)
    found: list[tuple[datetime, Price | None]] = []
    ends = {price.until for price in known if price.until is not None}
    for instant in sorted({price.effective for price in known} | ends):
        left = [p for p in known if p.effective <= instant and (not p.until or instant < p.until)]
        best = max(left, key=_rank, default=None)
        if not found or found[-1][1] is not best:
            found.append((instant, best))
    return Steps(found)


def _rank(price: Price) -> tuple[bool, bool, datetime]:
    return price.customer is not None, price.site is not None, price.effective


class PriceBook:
    """All prices, found by item, class and currency; those of nobody in particular, or `of` one."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self._prices: dict[tuple[str, str, str, CustomerId | None], list[Price]] = {}
        for price in prices:
            key = (price.item, price.klass or "", price.currency, price.customer)
            self._prices.setdefault(key, []).append(price)
        self._items = frozenset(item for item, *_ in self._prices)
        self._customer: CustomerId | None = None
        self._list = self
        self._steps: dict[tuple[str, str, str, SiteId | None], Steps] = {}

    def of(self, customer: CustomerId | None) -> "PriceBook":
        """The same prices as this customer has them: its own come before the list's."""
        book = PriceBook(())
        book._prices, book._items, book._customer = self._prices, self._items, customer
        book._list = book if customer is None else self._list
        return book

    def at(self, sku: SkuId, klass: LeaseClass, currency: str, instant: datetime) -> Price:
        """The price in force; Refused `not_priced` when there is none."""
        price = self.steps(sku, klass, currency).at(instant)
        if price is None:
            _not_priced(sku, klass, currency, instant)
        return price

    def over(
        self, sku: SkuId, klass: LeaseClass, currency: str, during: Interval
    ) -> tuple[tuple[Price, Interval], ...]:
        """The prices that apply over `during`, each with its part. They cover it, or Refused."""
        pieces = self.pieces(sku, klass, currency, during.start, during.end)
        return tuple((price, Interval(start, end)) for price, start, end in pieces)

    def storage(
        self, site: SiteId, currency: str, during: Interval
    ) -> tuple[tuple[Price, Interval], ...]:
        """As `over`, for what volumes at a site keep; where it has no price, it costs nothing."""
        return self.at_site(STORAGE, site, currency, during)

    def at_site(
        self, item: str, site: SiteId, currency: str, during: Interval
    ) -> tuple[tuple[Price, Interval], ...]:
        """As `over`, for what is of a site; where it has no price, it costs nothing."""
        pieces = self.steps(item, "", currency, site).over(during.start, during.end)
        return tuple((p, Interval(start, end)) for p, start, end in pieces if p is not None)

    def knows(self, item: str) -> bool:
        """Whether it has any price of this item, for whomever and wherever."""
        return item in self._items

    def pieces(
        self, sku: SkuId, klass: LeaseClass, currency: str, start: datetime, end: datetime
    ) -> list[tuple[Price, datetime, datetime]]:
        """As `over`, without a value for each piece: from when to when."""
        pieces = self.steps(sku, klass, currency).over(start, end)
        for price, since, _ in pieces:
            if price is None:
                _not_priced(sku, klass, currency, since)
        return cast("list[tuple[Price, datetime, datetime]]", pieces)

    def steps(self, item: str, klass: str, currency: str, site: SiteId | None = None) -> Steps:
        """When which price holds. A SKU is at one site, and so are its prices; for what volumes
        keep the site must be told.
        """
        key = (item, klass, currency, site)
        found = self._steps.get(key)
        if found is None:
            own = self._prices.get((item, klass, currency, self._customer), [])
            if self._customer is None:
                found = steps(p for p in own if site is None or p.site in (None, site))
            elif own:
                both = own + self._prices.get((item, klass, currency, None), [])
                found = steps(p for p in both if site is None or p.site in (None, site))
            else:
                found = self._list.steps(item, klass, currency, site)
            self._steps[key] = found
        return found

    def in_force(self, instant: datetime) -> list[Price]:
        """Every price of a SKU that holds then, for whom this book is."""
        keys = {(item, klass, currency) for item, klass, currency, _ in self._prices if klass}
        found = (self.steps(*key).at(instant) for key in sorted(keys))
        return [price for price in found if price is not None]


def _not_priced(sku: str, klass: str, currency: str, instant: datetime) -> NoReturn:
    raise Refused(
        Reason.NOT_PRICED,
        f"{sku} has no {klass} price in {currency} at {instant:%Y-%m-%d %H:%M} UTC",
        {"sku": sku, "class": str(klass), "currency": currency},
    )
