"""The parts that every schema is made of: texts, ids, instants, months, money, pages."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from rackrate.core import interval, money
from rackrate.core.ids import NAME
from rackrate.core.workload import Limits as CoreLimits

T = TypeVar("T")


class Schema(BaseModel):
    """What has a field that is not written here is refused, in requests and in answers."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


def utc_second(instant: datetime) -> datetime:
    """The instant in UTC; ValueError unless it is at a whole second."""
    try:
        utc = instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("too far away") from None
    interval.check_instant(utc)
    return utc


def month_text(text: str) -> str:
    interval.Month.parse(text)
    return text


def written_out(given: object) -> object:
    """Not a count of seconds, which would be read as an instant, too."""
    if isinstance(given, str) and given[10:11] not in ("T", "t"):
        raise ValueError("write it as 2026-11-22T08:00:00Z")
    if isinstance(given, int | float):
        raise ValueError("write it as text, such as 2026-11-22T08:00:00Z")
    return given


NO_NUL = r"^[^\x00]*$"
AMOUNT = r"^-?[0-9]{1,16}(\.[0-9]{1,4})?$"
PRICE = r"^[0-9]{1,12}(\.[0-9]{1,9})?$"
INDEX_VALUE = r"^[0-9]{1,12}(\.[0-9]{1,12})?$"
MONTH = r"^2[0-9]{3}-(0[1-9]|1[0-2])$"
CURRENCY = r"^[A-Z]{3}$"
COUNTRY = r"^[A-Z]{2}$"
# What does not match is told in words.
IN_WORDS: Mapping[str, str] = {
    NO_NUL: "write it without a NUL character",
    AMOUNT: "write it as a decimal, such as 1234.50, of at most 16 digits before the point",
    PRICE: "write it as a decimal, such as 2.178, of at most 12 digits before the point",
    INDEX_VALUE: "write it as a decimal, such as 9.80, of at most 12 digits before the point",
    MONTH: "write it as a month, such as 2026-11",
    CURRENCY: "write it as the three letters of a currency, such as CNY",
    COUNTRY: "write it as the two letters of a country, such as CN",
    f"^{NAME.pattern}$": "write it with 1 to 63 of a-z, 0-9, dot, dash and underscore",
}
Text = Annotated[str, Field(max_length=200, pattern=NO_NUL)]
LongText = Annotated[str, Field(max_length=65536, pattern=NO_NUL)]
Id = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Name = Annotated[
    str,
    Field(
        pattern=f"^{NAME.pattern}$",
        description="1 to 63 of a-z, 0-9, dot, dash and underscore",
        examples=["acme"],
    ),
]
MonthText = Annotated[
    str,
    Field(pattern=MONTH, examples=["2026-11"]),
    AfterValidator(month_text),
]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(written_out),
    AfterValidator(utc_second),
    Field(
        description="RFC 3339 with an offset, at a whole second; answered in UTC",
        examples=["2026-11-22T08:00:00Z"],
    ),
]
Country = Annotated[str, Field(pattern=COUNTRY, description="ISO 3166 alpha-2", examples=["CN"])]


class Money(Schema):
    """An exact amount: a decimal as text, in a currency of ISO 4217."""

    amount: str = Field(pattern=AMOUNT, examples=["1234.50"])
    currency: str = Field(pattern=CURRENCY, examples=["CNY"])

    @model_validator(mode="after")
    def _exists(self) -> "Money":
        money.Money.parse(self.amount, self.currency)
        return self

    @property
    def value(self) -> money.Money:
        return money.Money.parse(self.amount, self.currency)

    @classmethod
    def of(cls, value: money.Money) -> "Money":
        return cls.model_construct(amount=f"{value.amount:f}", currency=value.currency)


class Rate(Schema):
    """An exact price, which may have more digits than money has."""

    amount: str = Field(pattern=PRICE, examples=["2.178"])
    currency: str = Field(pattern=CURRENCY, examples=["USD"])

    @model_validator(mode="after")
    def _exists(self) -> "Rate":
        money.digits(self.currency)
        return self

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> "Rate":
        return cls.model_construct(amount=f"{amount:f}", currency=currency)


class Limits(Schema):
    """What one unit may use: CPU cores in thousandths, memory and disk in MiB."""

    milli_cpus: int
    memory_mib: int
    disk_mib: int

    @classmethod
    def of(cls, limits: CoreLimits) -> "Limits":
        return cls(
            milli_cpus=limits.milli_cpus, memory_mib=limits.memory_mib, disk_mib=limits.disk_mib
        )


class Period(Schema):
    """From `start` up to, but not including, `end`."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, during: interval.Interval) -> "Period":
        return cls(start=during.start, end=during.end)


class Page(Schema, Generic[T]):
    """One page of a list. Give `next` as `after` to get the following one; null: this is all."""

    items: list[T]
    next: str | None = None


class Problem(Schema):
    """Why the answer is no (RFC 9457). Programs match on `reason`, which is stable; people read
    `detail`. Further members carry the facts that the asker needs next.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(examples=["urn:rackrate:problem:no_capacity"])
    title: str = Field(examples=["No capacity"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["at most 3 h100.1 are free on one node, 3 in all"])
    reason: str = Field(examples=["no_capacity"])
    request_id: str = Field(examples=["req_000000000042"])
