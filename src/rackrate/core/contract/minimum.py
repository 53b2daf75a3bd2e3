"""Minimums of use on the calendar: which months or contract years, and what each has to come to."""

from collections.abc import Iterator
from dataclasses import dataclass

from rackrate.core.contract.commitment import Commitment
from rackrate.core.contract.use import TrueUp
from rackrate.core.contract_price import plus_months
from rackrate.core.interval import Interval, Month, months_over
from rackrate.core.money import Money, half_up_ratio

A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Period:
    """A month or a contract year, as far as its commitment is in force: `minimum` is for that part.

    `last` is the month with whose close it is over; `number` counts from 1.
    """

    commitment: int
    number: int
    during: Interval
    last: Month
    minimum: Money
    true_up: TrueUp

    @property
    def name(self) -> str:
        """A month as 2026-11, a contract year as year-2."""
        return str(self.last) if self.true_up is TrueUp.MONTH else f"year-{self.number}"

    @property
    def said(self) -> str:
        return str(self.last) if self.true_up is TrueUp.MONTH else f"contract year {self.number}"


def periods(commitment: Commitment, time_zone: str) -> tuple[Period, ...]:
    """Those of a minimum of use, in order; none of what is no minimum.

    A period that is broken, at either end, has its minimum in proportion to its seconds.
    """
    lasts = commitment.lasts
    if commitment.planned or commitment.use is None or lasts is None:
        return ()
    true_up = commitment.use.true_up
    whole = _months if true_up is TrueUp.MONTH else _years
    found: list[Period] = []
    for number, (full, inside) in enumerate(whole(lasts, time_zone), 1):
        minimum = commitment.amount
        if full != inside:
            minor = half_up_ratio(minimum.minor * inside.seconds, full.seconds)
            minimum = Money(minor, minimum.currency)
        last = Month.of(inside.end, time_zone)
        if inside.end == last.interval(time_zone).start:
            last = last.plus(-1)
        found.append(Period(commitment.number, number, inside, last, minimum, true_up))
    return tuple(found)


def _months(lasts: Interval, time_zone: str) -> Iterator[tuple[Interval, Interval]]:
    for month, inside in months_over(lasts, time_zone):
        yield month.interval(time_zone), inside


def _years(lasts: Interval, time_zone: str) -> Iterator[tuple[Interval, Interval]]:
    """Each whole year with the part of it that is in force."""
    first, months, start = lasts.start, 0, lasts.start
    while start < lasts.end:
        months += A_YEAR
        end = plus_months(first, months, time_zone)
        yield Interval(start, end), Interval(start, min(end, lasts.end))
        start = end
