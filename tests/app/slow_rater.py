"""A rater that counts every second, and shares no code with the one that it checks.

It knows events as (second, kind, until), prices as plain mappings, and seconds since 1970.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Event = tuple[int, str, int | None]


@dataclass(slots=True)
class SlowLease:
    """A lease in words: `log` has what happened, in order; `volumes` are sizes by name.

    `shapes` are seconds from which on it has so many slots of another kind.
    """

    id: str
    slots: int
    log: list[Event]
    volumes: dict[str, int] = field(default_factory=dict)
    shapes: list[tuple[int, str, int]] = field(default_factory=list)


def in_use(log: list[Event], second: int) -> bool:
    """Running, still wanted, and not beyond the end of a notice."""
    running, wanted, notice = False, True, None
    for at, kind, until in log:
        if at > second:
            break
        if kind == "notice":
            notice = until
        elif kind == "notice_withdrawn":
            notice = None
        elif kind in ("stop_requested", "end_requested"):
            wanted = running = False
        elif kind == "start_requested":
            wanted, running, notice = True, False, None
        elif kind == "running":
            running = wanted
        elif kind in ("interrupted", "stopping", "stopped", "ended"):
            running = False
    return running and (notice is None or second < notice)


def shape_at(lease: SlowLease, second: int) -> tuple[str, int]:
    """Of which kind its slots are in a second, and how many."""
    kind, slots = "gpu", lease.slots
    for since, other, number in lease.shapes:
        if since <= second:
            kind, slots = other, number
    return kind, slots


@dataclass(slots=True)
class SlowAddress:
    """Held from one second up to another."""

    start: int
    end: int


@dataclass(slots=True)
class SlowReading:
    """So many bytes that came evenly; of what makes no whole byte a second, the last has more."""

    start: int
    end: int
    size: int

    def in_second(self, second: int) -> int:
        if not self.start <= second < self.end:
            return 0
        gone, length = second - self.start, self.end - self.start
        return self.size * (gone + 1) // length - self.size * gone // length


def keeps(log: list[Event], second: int) -> bool:
    """From when it first ran until it was told to end, or had ended."""
    ran = any(at <= second and kind == "running" for at, kind, _ in log)
    return ran and not any(
        at <= second and kind in ("end_requested", "ended") for at, kind, _ in log
    )


def price_at(prices: list[dict[str, Any]], what: str, second: int) -> dict[str, Any] | None:
    """The narrowest that has begun and not ended; of equals the one that began last."""
    best = None
    for price in prices:
        if price["what"] != what or price["from"] > second:
            continue
        if price["until"] is not None and price["until"] <= second:
            continue
        rank = (price["own"], price["here"], price["from"])
        if best is None or rank > (best["own"], best["here"], best["from"]):
            best = price
    return best


def a_second(price: dict[str, Any], zone: ZoneInfo, second: int) -> Fraction:
    """What a slot, a GB or an address costs in this second, or a byte."""
    amount, unit = Fraction(price["amount"]), price["unit"]
    if unit in ("slot_second", "gpu_second"):
        return amount
    if unit in ("slot_hour", "gpu_hour", "address_hour"):
        return amount / 3600
    if unit in ("egress_gb", "egress_gib"):
        return amount / (1_000_000_000 if unit == "egress_gb" else 1_073_741_824)
    hours = price["month_hours"]
    length = hours * 3600 if hours else month_length(zone, second)
    if unit == "node_month":
        return amount / (8 * length)
    if unit == "pflops_month":
        return amount * Fraction(price["pflops"]) / (8 * length)
    assert unit in ("gb_month", "address_month")
    return amount / length


def month_of(zone: ZoneInfo, second: int) -> tuple[int, int]:
    local = datetime.fromtimestamp(second, zone)
    return local.year, local.month


def month_length(zone: ZoneInfo, second: int) -> int:
    year, month = month_of(zone, second)
    first = datetime(year, month, 1, tzinfo=zone)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    return round(after.timestamp() - first.timestamp())


def bill(
    leases: list[SlowLease],
    prices: list[dict[str, Any]],
    zone: ZoneInfo,
    seconds: range,
    beside: "list[SlowAddress | SlowReading] | None" = None,
) -> dict[tuple[str, str, tuple[int, int]], Decimal]:
    """What is owed for each lease or volume, price and month, rounded once."""
    exact: defaultdict[tuple[str, str, tuple[int, int]], Fraction] = defaultdict(Fraction)
    for second in seconds:
        month = month_of(zone, second)
        sizes: dict[str, int] = {}
        for lease in leases:
            if in_use(lease.log, second):
                kind, slots = shape_at(lease, second)
                price = price_at(prices, kind, second)
                assert price is not None
                cost = a_second(price, zone, second) * slots
                exact[lease.id, price["id"], month] += cost
            if lease.volumes and keeps(lease.log, second):
                for name, gb in lease.volumes.items():
                    sizes[name] = max(gb, sizes.get(name, 0))
        for name, gb in sizes.items():
            price = price_at(prices, "storage", second)
            if price is not None:
                cost = a_second(price, zone, second) * gb
                exact[name, price["id"], month] += cost
        for one in beside or ():
            what = "egress" if isinstance(one, SlowReading) else "address"
            price = price_at(prices, what, second)
            if price is not None:
                cost = a_second(price, zone, second) * measured(one, second)
                exact[what, price["id"], month] += cost
    return {key: rounded(owed) for key, owed in exact.items()}


def measured(one: SlowAddress | SlowReading, second: int) -> int:
    """Bytes of a reading in a second; of an address whether it is held."""
    if isinstance(one, SlowReading):
        return one.in_second(second)
    return int(one.start <= second < one.end)


def rounded(owed: Fraction) -> Decimal:
    """To a cent, half up."""
    cents = Decimal(owed.numerator * 1000 // owed.denominator)
    return (cents / 1000).quantize(Decimal("0.01"), ROUND_HALF_UP)


# -- under a contract -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SlowContract:
    """A contract in seconds. Its `rate` is for a slot and hour; None: what it is at list.

    `years` are where contract years begin, one after the last; empty: it is by the month.
    """

    flex_rate: Decimal
    rate: Decimal | None
    minimum: Decimal
    use: tuple[int, int]
    whole: tuple[int, int]
    overage: bool
    years: tuple[int, ...] = ()

    def year(self, second: int) -> int:
        return sum(start <= second for start in self.years)


def under(contract: SlowContract, klass: str, second: int) -> tuple[str, Decimal | None] | None:
    """Which clause holds for a lease under the contract, and its rate; None: none does."""
    if klass == "flex":
        return "flex", contract.flex_rate
    if contract.use[0] <= second < contract.use[1]:
        return f"use {contract.year(second)}", contract.rate
    if contract.overage and contract.whole[0] <= second < contract.whole[1]:
        return "overage", None
    return None


def bill_under(
    contract: SlowContract,
    leases: list[tuple[SlowLease, str]],
    prices: list[dict[str, Any]],
    zone: ZoneInfo,
    seconds: range,
) -> dict[tuple[str, str, str, tuple[int, int]], Decimal]:
    """What is owed for each lease, clause, price and month, rounded once. Classes are `flex` and
    `use`; a lease of any other class is under no contract.
    """
    exact: defaultdict[tuple[str, str, str, tuple[int, int]], Fraction] = defaultdict(Fraction)
    for second in seconds:
        month = month_of(zone, second)
        for lease, klass in leases:
            if not in_use(lease.log, second):
                continue
            clause = under(contract, klass, second) if klass in ("flex", "use") else None
            if clause is not None and clause[1] is not None:
                cost, name = Fraction(clause[1]) / 3600, ""
            else:
                price = price_at(prices, "gpu", second)
                assert price is not None
                cost, name = a_second(price, zone, second), price["id"]
            said = "" if clause is None else clause[0]
            exact[lease.id, said, name, month] += cost * lease.slots
    return {key: rounded(owed) for key, owed in exact.items()}


def minimums(
    contract: SlowContract, zone: ZoneInfo, seconds: range
) -> dict[tuple[str, tuple[int, int]], Decimal]:
    """What use has to come to: by the month, or by the contract year with the month of its end.

    A part of a month or year is counted second by second; `seconds` are all that can be in one.
    """
    if not contract.years:
        parts: defaultdict[tuple[int, int], int] = defaultdict(int)
        for second in seconds:
            if contract.use[0] <= second < contract.use[1]:
                parts[month_of(zone, second)] += 1
        return {
            ("use 0", month): share(contract.minimum, part, _length_of(zone, month))
            for month, part in parts.items()
        }
    found = {}
    for number, (start, end) in enumerate(zip(contract.years, contract.years[1:], strict=False), 1):
        until = min(end, contract.use[1])
        if start < until:
            month = month_of(zone, until - 1)
            part = share(contract.minimum, until - start, end - start)
            found[f"use {number}", month] = part
    return found


def share(amount: Decimal, part: int, whole: int) -> Decimal:
    return rounded(Fraction(amount) * part / whole)


def _length_of(zone: ZoneInfo, month: tuple[int, int]) -> int:
    return month_length(zone, round(datetime(*month, 1, tzinfo=zone).timestamp()))
