"""The sector report's rent-or-own table, as stated and as recomputed (R1 to R10)."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from rackrate.core.economics.advice import Advice, Comparison, Server
from rackrate.core.economics.claims import Reading, Row, Unit, needed


def rent_evidence(advice: Advice) -> tuple[Row, ...]:
    """The rows that the question states, in order; economics.md 1.2 explains each."""
    question = advice.question
    return tuple(
        Row(name, question.stated[name], readings(advice), unit, question.currency, remark)
        for name, (readings, unit, remark) in ROWS.items()
        if name in question.stated and (question.server or name not in NEED_SERVER)
    )


def _labelled(comparison: Comparison) -> str:
    return f"{comparison.own.name}, {comparison.days_per_year} days"


def _hardware(advice: Advice) -> tuple[Reading, ...]:
    need, own = advice.question.need, advice.question.own
    return (Reading("GPUs x price", own.hardware_per_gpu * need.gpus),)


def _room_per_year(advice: Advice) -> tuple[Reading, ...]:
    """What the room adds to a year of owning; the report's yearly figure has none of it."""
    own = advice.question.own
    counted = [Reading(f"room over {n} years", own.room / n) for n in own.room_years if n]
    return (*counted, Reading("room left out", Fraction(0), sound=False))


def _monthly_rent(advice: Advice) -> tuple[Reading, ...]:
    question = advice.question
    days = question.need.days_per_month
    value = question.per_gpu_day * question.need.gpus * days
    return (Reading(f"price x GPUs x {days} days", value),)


def _yearly_rent(advice: Advice) -> tuple[Reading, ...]:
    seen = {comparison.days_per_year: comparison.rent for comparison in advice.comparisons}
    return tuple(Reading(f"{days} days", rent.yearly) for days, rent in seen.items())


def _yearly_own(advice: Advice) -> tuple[Reading, ...]:
    own = advice.question.own
    whole = own.hardware_per_gpu * advice.question.need.gpus + own.running_per_year
    seen = {comparison.own.name: comparison.own for comparison in advice.comparisons}
    return (
        *(Reading(name, option.yearly) for name, option in seen.items()),
        Reading("the whole price of the hardware in every year", whole, sound=False),
    )


def _own_over_rent(advice: Advice) -> tuple[Reading, ...]:
    """Own over rent in a year: above 1 renting is cheaper, below 1 owning is."""
    stated = advice.question.stated
    readings = [Reading(_labelled(c), c.own.yearly / c.rent.yearly) for c in advice.comparisons]
    if all(name in stated and stated[name].value for name in ("R4", "R5")):
        both = needed(stated, "R5") / needed(stated, "R4")
        readings.append(Reading("the stated own over the stated rent", both, sound=False))
    return tuple(readings)


def _totals(advice: Advice) -> tuple[Reading, ...]:
    """Cash over the years of the need."""
    seen = {comparison.own.name: comparison.own for comparison in advice.comparisons}
    rents = {c.rent.name: c.rent for c in advice.comparisons}
    options = [*rents.values(), *seen.values()]
    return tuple(Reading(option.name, option.total_cash) for option in options)


def _break_even(advice: Advice) -> tuple[Reading, ...]:
    """Renting is cheaper below this utilisation."""
    return tuple(Reading(_labelled(c), c.break_even_utilisation) for c in advice.comparisons)


def _months_to_price(advice: Advice) -> tuple[Reading, ...]:
    server = _server(advice)
    return (Reading("price / monthly rent", server.price / _server_month(server)),)


def _outlay_saved(advice: Advice) -> tuple[Reading, ...]:
    server = _server(advice)
    month = _server_month(server)
    return tuple(
        Reading(f"{months} months of rent", 1 - month * months / server.price)
        for months in (12, 4, 1)
    )


def _server(advice: Advice) -> Server:
    assert advice.question.server is not None
    return advice.question.server


def _server_month(server: Server) -> Fraction:
    return server.gpus * server.rent_per_gpu_month


NEED_SERVER = ("R9", "R10")
ROWS: Mapping[str, tuple[Callable[[Advice], tuple[Reading, ...]], Unit, str]] = {
    "R1": (_hardware, Unit.MONEY, ""),
    "R2": (_room_per_year, Unit.MONEY, "per year, in the cost of owning"),
    "R3": (_monthly_rent, Unit.MONEY, "price x quantity x time"),
    "R4": (_yearly_rent, Unit.MONEY, "follows from R3"),
    "R5": (_yearly_own, Unit.MONEY, "hardware is used up over its life, not in every year"),
    "R6": (
        _own_over_rent,
        Unit.TIMES,
        "own over rent: above 1 renting is cheaper, below 1 owning is",
    ),
    "R7": (_totals, Unit.MONEY, "cash over the years of the need"),
    "R8": (_break_even, Unit.SHARE, "renting is cheaper below this utilisation"),
    "R9": (_months_to_price, Unit.MONTHS, "until the rent has paid the price"),
    "R10": (_outlay_saved, Unit.SHARE, "of the price; it depends on the length of the rent"),
}
