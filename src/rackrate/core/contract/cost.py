"""What a month of a commitment costs: the one place that knows broken months, steps and indices."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from math import lcm

from rackrate.core.contract.commitment import Commitment, Part
from rackrate.core.contract.terms import Broken, Indexation, Step, Terms
from rackrate.core.contract_price import plus_months
from rackrate.core.interval import Interval, Month, months_over, zone
from rackrate.core.money import Money, digits, half_up, split, total

A_SECOND = timedelta(seconds=1)
AN_HOUR = 3600
# What a month of a price by the hour of the calendar comes to, where one month stands for all.
MEAN_MONTH_HOURS = 730
# A price of an hour that follows another: more digits than any list has.
HOURLY = Decimal("0.000000001")
_THIRTY = 30


@dataclass(frozen=True, slots=True)
class Costing:
    """How the months of a contract are costed. `start` is its first, from which months count.

    Where nothing changes over the term it is left out, so that contracts have it in common.
    """

    time_zone: str
    broken: Broken = Broken.SECOND
    start: datetime | None = None
    indexation: Indexation | None = None
    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, terms: Terms, start: datetime, time_zone: str) -> "Costing":
        if terms.indexation is None and not terms.steps:
            return cls(time_zone, terms.payment.broken)
        return cls(time_zone, terms.payment.broken, start, terms.indexation, terms.steps)

    def month_of(self, instant: datetime) -> int:
        """How many whole months of the contract are over at an instant; none before its start."""
        if self.start is None:
            return 0
        elapsed = _elapsed(self.start, Month.of(instant, self.time_zone), self.time_zone)
        return max(0, elapsed if _turn(self, elapsed) <= instant else elapsed - 1)

    def level(self, elapsed: int, since: datetime | None) -> Fraction:
        """By what an agreed amount is multiplied after so many months.

        What was agreed anew `since` an instant has no steps, and is indexed from there on.
        """
        level = Fraction(1)
        if self.indexation is not None:
            level = _indexed(self.indexation, elapsed)
            if since is not None:
                level /= _indexed(self.indexation, self.month_of(since))
        if since is None:
            reached = [step.percent for step in self.steps if step.month <= elapsed + 1]
            level *= Fraction(reached[-1]) / 100 if reached else 1
        return level


def _elapsed(start: datetime, month: Month, time_zone: str) -> int:
    first = Month.of(start, time_zone)
    return (month.year - first.year) * 12 + month.month - first.month


@lru_cache(maxsize=4096)
def _turn(costing: Costing, elapsed: int) -> datetime:
    """Where in its calendar month a month of the contract begins: in each there is just one."""
    assert costing.start is not None
    return plus_months(costing.start, elapsed, costing.time_zone)


def _indexed(indexation: Indexation, elapsed: int) -> Fraction:
    """What the index has come to after so many months of the contract."""
    steps = elapsed // indexation.every_months
    return _levels(indexation, -(-steps // 64) * 64)[steps]


@lru_cache(maxsize=256)
def _levels(indexation: Indexation, steps: int) -> tuple[Fraction, ...]:
    """From each step to the next, exactly. The cap of a year is of what held as the year began."""
    every, growth = indexation.every_months, 1 + Fraction(indexation.percent) / 100
    levels = [Fraction(1)]
    for step in range(1, steps + 1):
        level = levels[-1] * growth
        if indexation.cap_year_percent is not None:
            year_began = -(-(step * every // 12 * 12) // every)  # The first step of that year.
            before = levels[max(0, year_began - 1)]
            level = min(level, before * (1 + Fraction(indexation.cap_year_percent) / 100))
        if indexation.cap_percent is not None:
            level = min(level, 1 + Fraction(indexation.cap_percent) / 100)
        levels.append(level)
    return tuple(levels)


def _units(broken: Broken, month: Month, inside: Interval, time_zone: str) -> tuple[int, int]:
    """How much of a month an interval inside it is, and what the whole month has.

    By days, and by thirtieths, a day counts whole, for what is in force in its last second: that on
    which something begins counts, and that on which it ends does not. So a day on which one thing
    takes the place of another is billed once, for what comes. By thirtieths the last day of a
    shorter month is all that it lacks, and a thirty-first is none.
    """
    whole = month.interval(time_zone)
    if broken is Broken.SECOND:
        return inside.seconds, whole.seconds
    if broken is Broken.DAY:
        length = (month.plus(1).first - month.first).days
        ends = (_day(at, whole, length, time_zone) for at in (inside.start, inside.end))
        first, last = ends
        return last - first, length
    first, last = (_day(at, whole, _THIRTY, time_zone) for at in (inside.start, inside.end))
    return last - first, _THIRTY


def _day(instant: datetime, whole: Interval, length: int, time_zone: str) -> int:
    """How many days of the month are over as the day of an instant begins."""
    if instant == whole.end:
        return length
    return min(instant.astimezone(zone(time_zone)).day - 1, length)


def _share(costing: Costing, month: Month, inside: Interval, since: datetime | None) -> Fraction:
    """What an interval inside a month costs, in amounts of a month as they were agreed."""
    if costing.start is None:
        return Fraction(*_units(costing.broken, month, inside, costing.time_zone))
    share = Fraction(0)
    for elapsed, piece in _pieces(costing, month, inside):
        units, whole = _units(costing.broken, month, piece, costing.time_zone)
        share += Fraction(units, whole) * costing.level(elapsed, since)
    return share


def _pieces(costing: Costing, month: Month, inside: Interval) -> Iterator[tuple[int, Interval]]:
    """What is before the turn of the contract's month, and what is after it."""
    assert costing.start is not None
    elapsed = _elapsed(costing.start, month, costing.time_zone)
    turn = _turn(costing, elapsed) if elapsed >= 0 else inside.end
    if inside.start < turn:
        yield max(0, elapsed - 1), Interval(inside.start, min(turn, inside.end))
    if turn < inside.end:
        yield max(0, elapsed), Interval(max(turn, inside.start), inside.end)


def month_values(
    commitment: Commitment, costing: Costing, parts: tuple[Part, ...] | None = None
) -> tuple[tuple[Month, Interval, Money], ...]:
    """What each month that it touches costs: its amount, or its share of that, rounded once.

    A month's value rests on nothing outside that month, so no later change reaches one that is
    billed. `parts` are the nodes that are paid for; None: all of them, all the time. What is paid
    once is of the month in which it begins, or in which its part does, where it waits for that.
    """
    lasts = commitment.lasts
    if lasts is None or not commitment.planned:
        return ()
    if not commitment.monthly:
        if parts is not None and not parts:
            return ()
        inside = lasts if parts is None else parts[0].during
        return ((Month.of(inside.start, costing.time_zone), inside, commitment.amount),)
    if parts is None:
        return _all_paid(commitment, costing)
    return _paid(commitment, costing, parts)


def _paid(
    commitment: Commitment, costing: Costing, parts: tuple[Part, ...]
) -> tuple[tuple[Month, Interval, Money], ...]:
    assert commitment.lasts is not None
    costing, currency = _for(commitment, costing), commitment.amount.currency
    whole = _whole_months(commitment, costing)
    return tuple(
        (month, inside, Money(half_up(whole[month] * share), currency))
        for month, inside in months_over(commitment.lasts, costing.time_zone)
        for share in (_share_of(commitment, costing, month, inside, parts),)
    )


@lru_cache(maxsize=1024)
def _all_paid(
    commitment: Commitment, costing: Costing
) -> tuple[tuple[Month, Interval, Money], ...]:
    """One payment plan asks for it several times."""
    assert commitment.lasts is not None
    if commitment.total is None and commitment.hourly is None:
        amount = commitment.amount
        return tuple(
            (month, inside, amount if share == 1 else _times(amount, share))
            for month, inside, share in _shares(commitment.lasts, costing, commitment.since)
        )
    return _paid(commitment, costing, (Part(commitment.nodes or 1, commitment.lasts),))


@lru_cache(maxsize=1024)
def _shares(
    during: Interval, costing: Costing, since: datetime | None
) -> tuple[tuple[Month, Interval, Fraction], ...]:
    """What each month of an interval costs, in amounts of a month: many have it in common."""
    months = months_over(during, costing.time_zone)
    return tuple((month, inside, _share(costing, month, inside, since)) for month, inside in months)


def _for(commitment: Commitment, costing: Costing) -> Costing:
    """What was agreed as a total is neither indexed nor stepped. It is cut as all the rest, unless
    that leaves nothing of it: of less than a day.
    """
    if commitment.total is None:
        return costing
    plain = Costing(costing.time_zone, costing.broken)
    shares = _shares(commitment.during, plain, None)
    return plain if any(share for _, _, share in shares) else Costing(costing.time_zone)


def _share_of(
    commitment: Commitment,
    costing: Costing,
    month: Month,
    inside: Interval,
    parts: Iterable[Part],
) -> Fraction:
    """What the nodes that are paid for come to, in months of all of them."""
    share, nodes = Fraction(0), commitment.nodes or 1
    for part in parts:
        common = part.during.intersect(inside)
        if common is not None:
            of = _share(costing, month, common, commitment.since)
            share += of if part.nodes == nodes else of * part.nodes / nodes
    return share


@lru_cache(maxsize=1024)
def _whole_months(commitment: Commitment, costing: Costing) -> Mapping[Month, Fraction]:
    """What each month would cost if it were whole, in minor units, before any step or index."""
    months = list(months_over(commitment.during, costing.time_zone))
    if commitment.total is not None:
        values = split(commitment.total, month_weights(commitment, costing))
        shares = (_share(costing, month, inside, None) for month, inside in months)
        return {
            month: Fraction(value.minor) / share if share else Fraction(0)
            for (month, _), value, share in zip(months, values, shares, strict=True)
        }
    if commitment.hourly is None:
        return dict.fromkeys((month for month, _ in months), Fraction(commitment.amount.minor))
    hour = Fraction(commitment.hourly) * commitment.nodes
    hour *= 10 ** digits(commitment.amount.currency)
    return {
        month: hour * Fraction(month.interval(costing.time_zone).seconds, AN_HOUR)
        for month, _ in months
    }


def month_weights(commitment: Commitment, costing: Costing) -> tuple[int, ...]:
    """Integer weights of its months as it was ordered, in proportion to what they cost."""
    by_hour = commitment.hourly is not None
    return _weights(commitment.during, _for(commitment, costing), commitment.since, by_hour)


@lru_cache(maxsize=1024)
def _weights(
    during: Interval, costing: Costing, since: datetime | None, by_hour: bool
) -> tuple[int, ...]:
    weights = [
        share * (month.interval(costing.time_zone).seconds if by_hour else 1)
        for month, _, share in _shares(during, costing, since)
    ]
    common = lcm(*(weight.denominator for weight in weights))
    whole = tuple(weight.numerator * (common // weight.denominator) for weight in weights)
    return whole if any(whole) else (1,) * len(whole)


# -- what was agreed, for another time or another number of nodes ----------------------------------


def with_month(
    commitment: Commitment, time_zone: str, broken: Broken = Broken.SECOND
) -> Commitment:
    """With what a month comes to, where it was agreed as a total or by the hour."""
    amount = commitment.amount
    if commitment.hourly is not None:
        exact = Fraction(commitment.hourly) * commitment.nodes * MEAN_MONTH_HOURS
        amount = Money.rounded(exact, amount.currency)
    elif commitment.total is not None:
        months = _months_in(commitment.during, _for(commitment, Costing(time_zone, broken)))
        amount = Money(half_up(Fraction(commitment.total.minor) / months), amount.currency)
    return replace(commitment, amount=amount)


def _months_in(during: Interval, costing: Costing) -> Fraction:
    """How many months it is, with what is broken of the first and the last."""
    months = months_over(during, costing.time_zone)
    return sum((_share(costing, month, inside, None) for month, inside in months), Fraction(0))


def over(commitment: Commitment, during: Interval, costing: Costing) -> Commitment:
    """The same for another time: of a total as much as its months come to."""
    longer = replace(commitment, during=during, ended=None)
    if commitment.total is None:
        return longer
    plain = _for(commitment, costing)
    times = _months_in(during, plain) / _months_in(commitment.during, plain)
    minor = half_up(commitment.total.minor * times)
    return replace(longer, total=Money(minor, commitment.total.currency))


def remaining(commitment: Commitment, at: datetime, costing: Costing) -> Commitment:
    """The same from `at` to where it ends now: of a total what is left of it."""
    lasts = commitment.lasts
    assert lasts is not None
    rest = replace(commitment, during=Interval(at, lasts.end), ended=None)
    if commitment.total is None:
        return rest
    return replace(rest, total=_worth(commitment, costing) - _worth(commitment.cut(at), costing))


def _worth(commitment: Commitment, costing: Costing) -> Money:
    months = (value for _, _, value in month_values(commitment, costing))
    return total(months, commitment.amount.currency)


def of_nodes(commitment: Commitment, nodes: int) -> Commitment:
    """The same with so many nodes, at what they cost."""
    share = Fraction(nodes, commitment.nodes)
    total = None if commitment.total is None else _times(commitment.total, share)
    return replace(commitment, nodes=nodes, amount=_times(commitment.amount, share), total=total)


def agreed_anew(commitment: Commitment, costing: Costing) -> Commitment:
    """With a price that holds as it begins, and is indexed from there on."""
    changes = costing.start is not None and commitment.monthly and commitment.planned
    return replace(commitment, since=commitment.during.start if changes else None)


def at_amount(commitment: Commitment, amount: Money, costing: Costing) -> Commitment:
    """At another amount of a month."""
    plain = replace(commitment, amount=amount, total=None, hourly=None)
    return agreed_anew(plain, costing)


def renewed(
    commitment: Commitment, percent: Decimal, during: Interval, costing: Costing
) -> Commitment:
    """The same for another time, at `percent` of what a month costs as that begins."""
    level = level_at(commitment, during.start - A_SECOND, costing) * Fraction(percent) / 100
    longer = over(commitment, during, costing)
    hourly, total = commitment.hourly, longer.total
    if hourly is not None:
        exact = Fraction(hourly) * level
        hourly = (Decimal(exact.numerator) / exact.denominator).quantize(HOURLY, ROUND_HALF_UP)
    amount = _times(commitment.amount, level)
    total = None if total is None else _times(total, level)
    return agreed_anew(replace(longer, amount=amount, total=total, hourly=hourly), costing)


def level_at(commitment: Commitment, instant: datetime, costing: Costing) -> Fraction:
    """By what its amount is multiplied at an instant."""
    if costing.start is None or commitment.total is not None or not commitment.monthly:
        return Fraction(1)
    return costing.level(costing.month_of(instant), commitment.since)


def cost_at(commitment: Commitment, instant: datetime, costing: Costing) -> Money:
    """What a whole calendar month of it costs at an instant."""
    return _times(commitment.amount, level_at(commitment, instant, costing))


def mean_month(commitment: Commitment, costing: Costing) -> Money:
    """What a month of it costs on the average, with its steps and indices."""
    if costing.start is None or commitment.total is not None or not commitment.monthly:
        return commitment.amount
    months, since = list(months_over(commitment.during, costing.time_zone)), commitment.since
    changing = sum((_share(costing, *each, since) for each in months), Fraction(0))
    flat = sum(
        (_share(Costing(costing.time_zone, costing.broken), *each, None) for each in months),
        Fraction(0),
    )
    return _times(commitment.amount, changing / flat) if flat else commitment.amount


def _times(amount: Money, share: Fraction) -> Money:
    return Money(half_up(amount.minor * share), amount.currency)
