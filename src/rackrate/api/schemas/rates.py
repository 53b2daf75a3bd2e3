"""Rates between currencies."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from rackrate.api.schemas.parts import Instant, Schema
from rackrate.app.rates import NewRate
from rackrate.core.currency import LONGEST_SOURCE, CurrencyRate, Fault, Finding, said

Code = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217", examples=["USD"])]


def a_rate(text: str) -> str:
    if re.fullmatch(r"[0-9]{1,8}(\.[0-9]{1,12})?", text) is None:
        raise ValueError("write it as a decimal, such as 7.1203")
    return text


class RateRequest(Schema):
    """One unit of `currency` is `rate` units of `target`, until another rate supersedes it."""

    currency: Code
    target: Code = Field(description="The currency of the books", examples=["CNY"])
    rate: Annotated[str, AfterValidator(a_rate), Field(examples=["7.1203"])]
    source: str = Field(
        min_length=1,
        max_length=LONGEST_SOURCE,
        pattern=r"^[^\x00]*$",
        description="Where it is from, for whoever audits the books",
    )
    effective: Instant | None = Field(default=None, description="Left out: from now on")
    sure: bool = Field(default=False, description="It is meant, though far from the one before")

    def new(self) -> NewRate:
        return NewRate(
            self.currency,
            self.target,
            Decimal(self.rate),
            self.source,
            self.effective,
            self.sure,
        )


class Rate(Schema):
    """One unit of `currency` is `rate` units of `target`, from `effective` until superseded."""

    id: str
    currency: str
    target: str
    rate: str
    effective: datetime
    source: str
    sure: bool

    @classmethod
    def of(cls, found: CurrencyRate) -> "Rate":
        return cls(
            id=found.id,
            currency=found.currency,
            target=found.target,
            rate=f"{found.rate:f}",
            effective=found.effective,
            source=found.source,
            sure=found.sure,
        )


class RateFinding(Schema):
    """A pair that somebody is billed in, and that has no rate now, or only an old one."""

    fault: Fault
    entity: str
    currency: str
    target: str
    customers: list[str]
    contracts: list[str] = Field(description="Those that are not over")
    last: Rate | None
    age_days: int | None
    detail: str

    @classmethod
    def of(cls, found: Finding) -> "RateFinding":
        need = found.need
        return cls(
            fault=found.fault,
            entity=need.entity,
            currency=need.currency,
            target=need.target,
            customers=list(need.customers),
            contracts=list(need.contracts),
            last=None if found.last is None else Rate.of(found.last),
            age_days=found.age_days,
            detail=said(found),
        )
