"""What a source states against what its own inputs give: the evidence ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from rackrate.core.economics.fields import Fields, number, rate
from rackrate.core.errors import Invalid


class Verdict(StrEnum):
    """Whether a figure may be used."""

    OK = "OK"
    READING = "OK under stated reading"
    INCONSISTENT = "inconsistent"
    NOT_STATED = "not stated"  # recomputed only: the source gives no figure


class Unit(StrEnum):
    MONEY = "money"
    SHARE = "share"
    COUNT = "count"
    TIMES = "times"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to compute the figure, in major units. The first sound one is the plain meaning.

    A reading that is not `sound` reproduces the arithmetic of the source and not its concept.
    """

    label: str
    value: Fraction
    sound: bool = True


@dataclass(frozen=True, slots=True)
class Stated:
    """A figure as its source gives it; it agrees with what lies from `low` to `high`.

    `says` is the claim in our own words. Without a range of its own a figure agrees with what
    rounds to it.
    """

    says: str
    value: Fraction | None
    low: Fraction
    high: Fraction
    shown: str

    def agrees(self, reading: Reading) -> bool:
        return self.value is not None and self.low <= reading.value <= self.high


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the evidence: as stated, as recomputed in every reading, and the verdict."""

    id: str
    stated: Stated
    readings: tuple[Reading, ...]
    unit: Unit
    currency: str
    remark: str = ""

    @property
    def plain(self) -> Reading:
        return next(reading for reading in self.readings if reading.sound)

    @property
    def agreeing(self) -> tuple[Reading, ...]:
        return tuple(reading for reading in self.readings if self.stated.agrees(reading))

    @property
    def verdict(self) -> Verdict:
        if self.stated.value is None:
            return Verdict.NOT_STATED
        if self.stated.agrees(self.plain):
            return Verdict.OK
        sound = any(reading.sound for reading in self.agreeing)
        return Verdict.READING if sound else Verdict.INCONSISTENT

    @property
    def reversed(self) -> bool:
        """A ratio on the other side of 1 than its source says turns the conclusion round."""
        if self.unit is not Unit.TIMES or self.stated.value is None:
            return False
        return (self.stated.value - 1) * (self.plain.value - 1) < 0

    @property
    def recomputed(self) -> str:
        return shown(self.plain.value, self.unit, self.currency)

    @property
    def lines(self) -> tuple[str, ...]:
        """Every reading with its value, those that agree with the source marked."""
        return tuple(
            f"{shown(r.value, self.unit, self.currency)} {r.label}"
            + (" (as stated)" if self.stated.agrees(r) else "")
            for r in self.readings
        )


def stated(at: Fields) -> dict[str, Stated]:
    """The section `stated`: for each id what the source says, its figure, and maybe a range."""
    return {name: _stated(at.section(name)) for name in at.values}


def _stated(at: Fields) -> Stated:
    at.only("says", "value", "low", "high", "shown")
    value, low, high = (_figure(at, name) for name in ("value", "low", "high"))
    if value is None:
        return Stated(
            at.text("says"), None, Fraction(0), Fraction(0), at.text("shown", "not stated")
        )
    slack = _half_of_last_digit(at.values["value"])
    low = value - slack if low is None else low
    high = value + slack if high is None else high
    if not low <= value <= high:
        raise at.wrong("value", "from `low` to `high`")
    return Stated(at.text("says"), value, low, high, at.text("shown", str(at.values["value"])))


def _figure(at: Fields, name: str) -> Fraction | None:
    if not at.has(name):
        return None
    read = rate(at.values[name])
    if read is None:
        raise at.wrong(name, "a figure such as 26.6亿 or 85%")
    return read


def _half_of_last_digit(value: object) -> Fraction:
    """A figure written as 26.6亿 stands for all that rounds to it."""
    percent = isinstance(value, str) and value.strip().endswith("%")
    read = number(str(value).strip().removesuffix("%"))
    exponent = int((read or Decimal(0)).as_tuple().exponent)
    return Fraction(10) ** exponent / 2 / (100 if percent else 1)


def chosen(at: Fields, known: Sequence[str]) -> dict[str, Stated]:
    """As `stated`, refusing ids that nothing here can recompute."""
    return stated(at.only(*known))


def needed(figures: Mapping[str, Stated], name: str) -> Fraction:
    """The stated figure that another row builds on."""
    figure = figures[name].value if name in figures else None
    if figure is None:
        raise Invalid(f"stated.{name}", "is missing, should be there: another row builds on it")
    return figure


def shown(value: Fraction, unit: Unit, currency: str) -> str:
    """For people: 26.62亿, 6.27万, 18.9%, 8,192."""
    if unit is Unit.SHARE:
        return f"{float(value):.1%}"
    if unit is Unit.TIMES:
        return f"{float(value):.2f}x"
    if unit is Unit.MONTHS:
        return f"{float(value):.2f} months"
    if unit is Unit.COUNT:
        return f"{float(value):,.0f}"
    for size, name in ((10**8, "亿"), (10**4, "万")) if currency == "CNY" else ():
        if abs(value) >= size:
            return f"{float(value / size):,.2f}{name}"
    return f"{float(value):,.2f}"
