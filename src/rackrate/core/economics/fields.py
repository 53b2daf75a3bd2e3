"""Reads a plan's plain values by name; what is wrong is said with its path and a right example."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from rackrate.core.errors import Invalid
from rackrate.core.money import digits, half_up

Choice = TypeVar("Choice", bound=StrEnum)
TIMES = {"": 0, "万": 4, "亿": 8, "k": 3, "M": 6, "bn": 9}
AMOUNT = re.compile(r"\s*(-?[0-9][0-9_,]*(?:\.[0-9]+)?)\s*(万|亿|k|M|bn|)\s*")
RATE = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)\s*%\s*")
MOST = Decimal(10) ** 16  # major units; beyond it a number is a slip of the keyboard
FIRST, LAST = 1990, 2199  # years in which a plan may start
SECTION = "a section with named values"


@dataclass(frozen=True, slots=True)
class Fields:
    """One section of a plan; `path` is where it stands in the file."""

    path: str
    values: Mapping[str, object]

    @classmethod
    def of(cls, path: str, value: object) -> "Fields":
        if not isinstance(value, Mapping):
            raise Invalid(path or "plan", f"is {shown(value)}, should be {SECTION}")
        for key in value:
            if not isinstance(key, str):
                raise Invalid(path or "plan", f"has the key {key!r}, should have words as keys")
        return cls(path, value)

    def only(self, *names: str) -> "Fields":
        """Refuses a name that means nothing here: most often a slip."""
        for key in self.values:
            if key not in names:
                raise Invalid(self.at(key), f"is not known here, should be one of {listed(names)}")
        return self

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def section(self, name: str) -> "Fields":
        return Fields.of(self.at(name), self._given(name, SECTION))

    def sections(self, name: str) -> tuple["Fields", ...]:
        """A list of sections; none where the name is not there."""
        return tuple(Fields.of(where, value) for where, value in self.items(name))

    def items(self, name: str) -> list[tuple[str, object]]:
        value = self.values.get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self.wrong(name, "a list")
        return [(f"{self.at(name)}[{k}]", item) for k, item in enumerate(value)]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, default)
        if not isinstance(value, str) or not value.strip():
            if value is None:
                raise self.missing(name, "a text")
            if value != default:
                raise self.wrong(name, "a text")
        return " ".join(str(value).split())

    def flag(self, name: str, default: bool | None = None) -> bool:
        value = self.values.get(name, default)
        if value is None:
            raise self.missing(name, "true or false")
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def count(self, name: str, most: int, default: int | None = None, least: int = 1) -> int:
        right = f"a whole number from {least} to {most}"
        value = self._given(name, right, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(name, right)
        return value

    def share(self, name: str, default: str | None = None, most: int = 1) -> Fraction:
        """A share or rate, as `0.045` or `4.5%`; `most` is the largest that makes sense."""
        value = self._given(name, "a share such as 0.045 or 4.5%", default)
        read = rate(value)
        if read is None or not 0 <= read <= most:
            raise self.wrong(name, f"a share such as 0.045 or 4.5%, from 0% up to {most * 100}%")
        return read

    def amount(self, name: str, currency: str, default: str | None = None) -> int:
        """Money in major units, as `2600000`, `2,600,000.00`, `260万` or `38.5亿`; minor units."""
        value = self._given(name, "an amount such as 2600000 or 260万", default)
        read = number(value)
        if read is None or read < 0 or read >= MOST:
            raise self.wrong(name, "an amount from 0 such as 2600000, 260万 or 38.5亿")
        exact = Fraction(read) * 10 ** digits(currency)
        if exact.denominator != 1:
            raise self.wrong(name, f"an amount with at most {digits(currency)} decimals")
        return half_up(exact)

    def price(self, name: str, currency: str) -> int:
        """An amount above 0."""
        value = self.amount(name, currency)
        if not value:
            raise self.wrong(name, "an amount above 0 such as 2600000, 260万 or 38.5亿")
        return value

    def number(self, name: str, default: str | None = None) -> Fraction:
        """Any number from 0, with 万 and 亿."""
        read = number(self._given(name, "a number", default))
        if read is None or read < 0 or read >= MOST:
            raise self.wrong(name, "a number from 0")
        return Fraction(read)

    def month(self, name: str) -> date:
        right = f"the first day of a month such as 2027-01-01, from {FIRST} to {LAST}"
        value = self._given(name, right)
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                raise self.wrong(name, "a day such as 2027-01-01") from None
        if not isinstance(value, date) or value.day != 1 or not FIRST <= value.year <= LAST:
            raise self.wrong(name, right)
        return date(value.year, value.month, 1)

    def choice(self, name: str, kind: type[Choice], default: Choice | None = None) -> Choice:
        value = self._given(name, f"one of {listed(kind)}", default)
        try:
            return kind(str(value))
        except ValueError:
            raise self.wrong(name, f"one of {listed(kind)}") from None

    def currency(self, name: str) -> str:
        value = self.text(name)
        try:
            digits(value)
        except ValueError as error:
            raise Invalid(self.at(name), str(error)) from None
        return value

    def wrong(self, name: str, right: str) -> Invalid:
        return Invalid(self.at(name), f"is {shown(self.values.get(name))}, should be {right}")

    def missing(self, name: str, right: str) -> Invalid:
        return Invalid(self.at(name), f"is missing, should be {right}")

    def _given(self, name: str, right: str, default: object = None) -> object:
        value = self.values.get(name)
        if value is None and default is None:
            raise self.missing(name, right)
        return default if value is None else value


def number(value: object) -> Decimal | None:
    """The exact decimal that was written; None where it is no number."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float | Decimal):
        read = Decimal(str(value))
        return read if read.is_finite() else None
    found = AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        plain = Decimal(found[1].replace(",", "").replace("_", ""))
    except InvalidOperation:
        return None
    return plain.scaleb(TIMES[found[2]])


def rate(value: object) -> Fraction | None:
    if isinstance(value, str) and (found := RATE.fullmatch(value)):
        return Fraction(found[1]) / 100
    read = number(value)
    return None if read is None else Fraction(read)


def shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def listed(names: object) -> str:
    return ", ".join(str(name) for name in names)  # type: ignore[attr-defined]
