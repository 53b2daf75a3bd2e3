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
    """A lease in words: `log` has what happened, in order; `volumes` are sizes by name."""

    id: str
    slots: int
    log: list[Event]
    volumes: dict[str, int] = field(default_factory=dict)


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
    """What a slot, or a GB, costs in this second."""
    amount, unit = Fraction(price["amount"]), price["unit"]
    if unit in ("slot_second", "gpu_second"):
        return amount
    if unit in ("slot_hour", "gpu_hour"):
        return amount / 3600
    hours = price["month_hours"]
    length = hours * 3600 if hours else month_length(zone, second)
    if unit == "node_month":
        return amount / (8 * length)
    if unit == "pflops_month":
        return amount * Fraction(price["pflops"]) / (8 * length)
    assert unit == "gb_month"
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
    leases: list[SlowLease], prices: list[dict[str, Any]], zone: ZoneInfo, seconds: range
) -> dict[tuple[str, str, tuple[int, int]], Decimal]:
    """What is owed for each lease or volume, price and month, rounded once."""
    exact: defaultdict[tuple[str, str, tuple[int, int]], Fraction] = defaultdict(Fraction)
    for second in seconds:
        month = month_of(zone, second)
        sizes: dict[str, int] = {}
        for lease in leases:
            if in_use(lease.log, second):
                price = price_at(prices, "gpu", second)
                assert price is not None
                cost = a_second(price, zone, second) * lease.slots
                exact[lease.id, price["id"], month] += cost
            if lease.volumes and keeps(lease.log, second):
                for name, gb in lease.volumes.items():
                    sizes[name] = max(gb, sizes.get(name, 0))
        for name, gb in sizes.items():
            price = price_at(prices, "storage", second)
            if price is not None:
                cost = a_second(price, zone, second) * gb
                exact[name, price["id"], month] += cost
    return {key: rounded(owed) for key, owed in exact.items()}


def rounded(owed: Fraction) -> Decimal:
    """To a cent, half up."""
    cents = Decimal(owed.numerator * 1000 // owed.denominator)
    return (cents / 1000).quantize(Decimal("0.01"), ROUND_HALF_UP)
