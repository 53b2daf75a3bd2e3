"""What contracts cost, day by day, and sharing no code with what it checks.

It knows local days, prices as plain mappings, and seconds since 1970.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

MONTHS = 48  # More than any contract here has.


@dataclass(frozen=True, slots=True)
class SlowLine:
    """A line in words: from when to when, and one of `monthly`, `total`, `hourly`, in cents.

    `hourly` is in major units, for each of `nodes`. `paid` are nodes and from when they are paid.
    """

    start: datetime
    end: datetime
    price: str
    amount: Fraction
    nodes: int = 1
    paid: tuple[tuple[int, datetime], ...] = ()


def half_up(exact: Fraction) -> int:
    top = Decimal(exact.numerator) * 10**40 / Decimal(exact.denominator)
    return int((top / 10**40).quantize(Decimal(1), ROUND_HALF_UP))


def days_of(year: int, month: int, zone: str) -> Iterator[tuple[int, int, int]]:
    """(day, its first second, that of the next one), by the clock on the wall."""
    day = date(year, month, 1)
    while day.month == month:
        after = day + timedelta(days=1)
        yield day.day, midnight(day, zone), midnight(after, zone)
        day = after


def midnight(day: date, zone: str) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def months_on(start: datetime, count: int, zone: str) -> int:
    """The same time of the day so many months later; a day that is not there is the last one."""
    local = start.astimezone(ZoneInfo(zone))
    year, month, day = local.year, local.month, local.day
    for _ in range(count):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    while True:
        try:
            found = local.replace(year=year, month=month, day=day)
        except ValueError:
            day -= 1
        else:
            return round(found.timestamp())


def levels(agreed: Mapping[str, Any], months: int) -> list[Fraction]:
    """By what a month's amount is multiplied in each month of the contract."""
    found, level, base = [], Fraction(1), Fraction(1)
    for month in range(months + 1):
        if month:
            if month % 12 == 0:
                base = level
            if agreed["every"] and month % agreed["every"] == 0:
                level *= 1 + Fraction(agreed["percent"]) / 100
                if agreed["cap_year"] is not None:
                    level = min(level, base * (1 + Fraction(agreed["cap_year"]) / 100))
                if agreed["cap"] is not None:
                    level = min(level, 1 + Fraction(agreed["cap"]) / 100)
        step = Fraction(1)
        for from_month, percent in agreed["steps"]:
            if from_month <= month + 1:
                step = Fraction(percent) / 100
        found.append(level * step)
    return found


def cost(
    line: SlowLine, agreed: Mapping[str, Any], first: datetime, zone: str
) -> dict[tuple[int, int], int]:
    """What each month costs, in cents."""
    if line.price == "total":
        return _of_total(line, agreed["broken"], zone)
    shares = _shares(line, agreed, first, zone)
    found = {}
    for (year, month), share in shares.items():
        whole = line.amount
        if line.price == "hourly":
            days = list(days_of(year, month, zone))
            whole = line.amount * line.nodes * 100 * Fraction(days[-1][2] - days[0][1], 3600)
        found[year, month] = half_up(whole * share)
    return found


def _shares(
    line: SlowLine, agreed: Mapping[str, Any], first: datetime, zone: str
) -> dict[tuple[int, int], Fraction]:
    """What of each month is paid for: days weighed, multiplied by what holds on them."""
    changes = line.price != "total"
    local = line.start.astimezone(ZoneInfo(zone))
    year, month, found = local.year, local.month, {}
    turns = [months_on(first, count, zone) for count in range(MONTHS)]
    by_month = levels(agreed, MONTHS)
    paid = line.paid or ((line.nodes, line.start),)
    end = round(line.end.timestamp())
    while midnight(date(year, month, 1), zone) < end:
        share = Fraction(0)
        for nodes, since in paid:
            start = max(round(since.timestamp()), round(line.start.timestamp()))
            of = Fraction(0)
            for weight, at in _weighed(agreed["broken"], year, month, zone, start, end, turns):
                place = bisect_right(turns, at) - 1
                of += weight * (by_month[max(0, place)] if changes else 1)
            share += of * nodes / line.nodes
        found[year, month] = share
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found


def _weighed(
    broken: str, year: int, month: int, zone: str, start: int, end: int, turns: list[int]
) -> Iterator[tuple[Fraction, int]]:
    """Each day's part of the month that is in force, with a second in which it is."""
    days = list(days_of(year, month, zone))
    whole = days[-1][2] - days[0][1]
    for day, begins, ends in days:
        if broken == "second":
            cuts = sorted({begins, ends, *(turn for turn in turns if begins < turn < ends)})
            for since, until in pairwise(cuts):
                seconds = min(until, end) - max(since, start)
                if seconds > 0:
                    yield Fraction(seconds, whole), max(since, start)
        elif start <= ends - 1 < end:
            weight = Fraction(1, len(days))
            if broken == "thirty":
                last = day == len(days) and day < 31
                weight = Fraction(30 - (day - 1) if last else int(day <= 30), 30)
            yield weight, ends - 1


def _of_total(line: SlowLine, broken: str, zone: str) -> dict[tuple[int, int], int]:
    """A total over its months: the largest remainders get the cents, the earlier of equal ones."""
    ordered = SlowLine(line.start, line.end, "total", line.amount, line.nodes)
    plain = {"every": 0, "steps": (), "broken": broken}
    all_of = _shares(ordered, plain, line.start, zone)
    if not any(all_of.values()):  # Less than a day has no days.
        return _of_total(line, "second", zone)
    shares = _shares(line, plain, line.start, zone)
    exact = {key: line.amount * share / sum(all_of.values()) for key, share in all_of.items()}
    whole = {key: value.numerator // value.denominator for key, value in exact.items()}
    by_rest = sorted(exact, key=lambda key: (whole[key] - exact[key], key))
    for key in by_rest[: int(line.amount) - sum(whole.values())]:
        whole[key] += 1
    return {
        key: half_up(whole[key] * shares[key] / all_of[key]) if all_of[key] else 0 for key in all_of
    }
