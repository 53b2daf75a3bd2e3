"""Published indices, their values, and the prices that follow them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import Field

from rackrate.api.schemas.catalogue import Price
from rackrate.api.schemas.parts import INDEX_VALUE, Instant, Schema
from rackrate.app import indices
from rackrate.core import price_index, pricing
from rackrate.core.pricing import Unit


class IndexValue(Schema):
    """What an index is from `effective` on, until its next value. Never edited."""

    effective: datetime
    value: str = Field(examples=["9.80"])
    source: str

    @classmethod
    def of(cls, value: price_index.IndexValue) -> "IndexValue":
        return cls(
            effective=value.effective,
            value=f"{value.value:f}",
            source=value.source,
        )


class PriceIndex(Schema):
    """What is published by others, and prices follow."""

    id: str
    title: str
    currency: str
    unit: Unit
    per: str = Field(description="The unit in words", examples=["GPU-hour"])
    tax_included: bool
    source: str = Field(description="Who publishes it, and where")
    stale_days: int = Field(description="After so many days a value is said to be old")
    latest: IndexValue | None = Field(description="The value in force; null: there is none yet")
    values: int = Field(description="How many were published")
    follows: int = Field(description="Prices in force, or to come, that follow it")

    @classmethod
    def of(cls, found: indices.Index) -> "PriceIndex":
        return cls(**_plain(found))


class PriceIndexDetail(PriceIndex):
    """The same with its values, the last first, and the prices that follow it."""

    published: list[IndexValue]
    prices: list[Price]

    @classmethod
    def detail(cls, found: indices.Index) -> "PriceIndexDetail":
        return cls(
            **_plain(found),
            published=[IndexValue.of(value) for value in found.values],
            prices=[Price.of(price) for price in found.follows],
        )


class ValueRequest(Schema):
    """A value of an index, from `effective` on."""

    value: str = Field(pattern=INDEX_VALUE, examples=["9.80"])
    effective: Instant | None = Field(default=None, description="Left out: from now on")
    source: str = Field(
        default="",
        max_length=indices.LONGEST_SOURCE,
        description="Where this value was read; left out: the index's own source",
    )

    @property
    def decimal(self) -> Decimal:
        return Decimal(self.value)


class Published(Schema):
    """A value, and the prices that came of it: none where it was published before."""

    index: str
    value: IndexValue
    prices: list[Price]

    @classmethod
    def of(cls, done: indices.Published) -> "Published":
        return cls(
            index=done.value.index,
            value=IndexValue.of(done.value),
            prices=[Price.of(change.row) for change in done.changes],
        )


def _plain(found: indices.Index) -> dict[str, Any]:
    index = found.index
    return {
        "id": index.id,
        "title": index.title,
        "currency": index.currency,
        "unit": index.unit,
        "per": pricing.per(index.unit),
        "tax_included": index.tax_included,
        "source": index.source,
        "stale_days": index.stale_days,
        "latest": None if found.latest is None else IndexValue.of(found.latest),
        "values": len(found.values),
        "follows": len(found.follows),
    }
