"""What is sold and by whom: entities, chips, prices, and SKUs with their stock."""

from datetime import datetime

from pydantic import Field

from rackrate.api.schemas.parts import Limits, Schema
from rackrate.app import catalogue
from rackrate.core import chips, inventory, pricing
from rackrate.core.lease import LeaseClass


class Entity(Schema):
    """The seller of record."""

    id: str
    name: str
    country: str
    tax_id: str
    time_zone: str
    currency: str
    invoice_series: str
    output_tax: str
    payment_days: int

    @classmethod
    def of(cls, entity: inventory.Entity) -> "Entity":
        return cls(
            id=entity.id,
            name=entity.name,
            country=entity.country,
            tax_id=entity.tax_id,
            time_zone=entity.time_zone,
            currency=entity.currency,
            invoice_series=entity.invoice_series,
            output_tax=entity.output_tax,
            payment_days=entity.payment_days,
        )


class Chip(Schema):
    """An accelerator model. Dense and sparse BF16 peaks are apart; null: nobody states it."""

    id: str
    vendor: str
    model: str
    memory_gb: str | None
    dense_tflops: str | None
    sparse_tflops: str | None
    power_w: int | None
    source: str
    confidence: chips.Confidence
    accelerator: bool
    barred_countries: list[str]

    @classmethod
    def of(cls, chip: chips.Chip) -> "Chip":
        return cls(
            id=chip.id,
            vendor=chip.vendor,
            model=chip.model,
            memory_gb=None if chip.memory_gb is None else f"{chip.memory_gb:f}",
            dense_tflops=None if chip.dense_tflops is None else f"{chip.dense_tflops:f}",
            sparse_tflops=None if chip.sparse_tflops is None else f"{chip.sparse_tflops:f}",
            power_w=chip.power_w,
            source=chip.source,
            confidence=chip.confidence,
            accelerator=chip.accelerator,
            barred_countries=sorted(chip.barred_countries),
        )


class Price(Schema):
    """What one slot costs for an hour (3,600 metered seconds), from `effective` on."""

    id: str
    sku: str
    klass: LeaseClass = Field(serialization_alias="class")
    currency: str
    per_hour: str = Field(examples=["17.00"])
    tax_included: bool
    effective: datetime
    notice_seconds: int = Field(description="How long before it must give way a lease is told")

    @classmethod
    def of(cls, price: pricing.Price) -> "Price":
        return cls(
            id=price.id,
            sku=price.sku,
            klass=price.klass,
            currency=price.currency,
            per_hour=f"{price.per_hour:f}",
            tax_included=price.tax_included,
            effective=price.effective,
            notice_seconds=int(price.notice.total_seconds()),
        )


class Stock(Schema):
    """What could be leased on demand in this instant, promises kept."""

    units: int = Field(description="In all")
    nodes: int = Field(description="On so many nodes")
    nodes_in_one_block: int


class Sku(Schema):
    """What is sold, with its stock and its prices in force now. `simulated`: no machines."""

    id: str
    site: str
    chip: str
    name: str
    slots: int = Field(description="Slots of one unit")
    whole_node: bool
    limits: Limits
    simulated: bool
    stock: Stock
    prices: list[Price]

    @classmethod
    def of(cls, offering: catalogue.Offering) -> "Sku":
        sku, stock = offering.sku, offering.stock
        return cls(
            id=sku.id,
            site=sku.site,
            chip=sku.chip,
            name=sku.name,
            slots=sku.slots,
            whole_node=sku.whole_node,
            limits=Limits.of(sku.limits),
            simulated=offering.site.simulated,
            stock=Stock(
                units=stock.units, nodes=stock.nodes, nodes_in_one_block=stock.nodes_in_one_block
            ),
            prices=[Price.of(price) for price in offering.prices.values()],
        )
