"""What is sold and by whom: entities, chips, prices, and SKUs with their stock."""

from datetime import datetime

from pydantic import Field

from rackrate.api.schemas.parts import Limits, Schema
from rackrate.api.schemas.people import Details
from rackrate.api.schemas.tax import TaxChange
from rackrate.app import catalogue
from rackrate.core import chips, inventory, placement, price_check, pricing
from rackrate.core.lease import LeaseClass
from rackrate.core.price_check import Fault
from rackrate.core.pricing import HOURLY, Unit
from rackrate.core.treatment import Supply


class Entity(Schema):
    """The seller of record."""

    id: str
    name: str
    country: str
    tax_id: str
    time_zone: str
    currency: str
    invoice_series: str
    output_tax: str = Field(description="A tax rule, or one for each supply")
    tax_changes: list[TaxChange]
    tax_codes: dict[Supply, str] = Field(description="The authority's class of each supply")
    payment_days: int
    details: Details
    digital_invoices: str = Field(description="The channel that issues them; empty: none")

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
            tax_changes=[TaxChange.of(each) for each in entity.tax_changes],
            tax_codes={each.supply: each.code for each in entity.tax_codes},
            payment_days=entity.payment_days,
            details=Details.of(entity.details),
            digital_invoices=entity.channel,
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
    """What a unit costs, from `effective` on: until superseded, or `until`, where it says so.

    The narrowest in force holds: a customer's at a site, a customer's, a site's, then the list's.
    """

    id: str
    sku: str | None = Field(description="Null: of a site, as `item` says")
    item: str = Field(description="The SKU, or storage, address or egress")
    klass: LeaseClass | None = Field(serialization_alias="class")
    currency: str
    amount: str = Field(examples=["17.00"])
    unit: Unit = Field(description="A slot is a GPU, or a part of one where nodes are cut")
    per: str = Field(description="The unit in words", examples=["node-month of 730 h"])
    month_hours: int | None = Field(description="Of a month; null: no month, or a calendar month")
    slots: int = Field(description="How many slots a GPU, a node or `pflops` are")
    pflops: str | None
    per_hour: str | None = Field(
        examples=["17.00"], description="The amount, where it is for 3,600 metered seconds"
    )
    tax_included: bool
    effective: datetime
    until: datetime | None
    site: str | None = Field(description="Only there")
    customer: str | None = Field(description="Only for this customer")
    basis: str = Field(description="In words, what the price is for")
    rule: str | None = Field(
        description="What it follows; the amount is what that made of it",
        examples=["1.6 x contract-36 of h100.node"],
    )
    notice_seconds: int = Field(description="How long before it must give way a lease is told")

    @classmethod
    def of(cls, price: pricing.Price) -> "Price":
        return cls(
            id=price.id,
            sku=price.sku,
            item=price.item,
            klass=price.klass,
            currency=price.currency,
            amount=f"{price.amount:f}",
            unit=price.unit,
            per=price.per,
            month_hours=price.month_hours or None,
            slots=price.slots,
            pflops=None if price.pflops is None else f"{price.pflops:f}",
            per_hour=f"{price.amount:f}" if price.unit in HOURLY else None,
            tax_included=price.tax_included,
            effective=price.effective,
            until=price.until,
            site=price.site,
            customer=price.customer,
            basis=price.basis,
            rule=None if price.rule is None else str(price.rule),
            notice_seconds=int(price.notice.total_seconds()),
        )


class Finding(Schema):
    """Something that is wrong with the price book from now on."""

    fault: Fault
    item: str = Field(description="What it is about: a SKU, a lease, a currency")
    text: str

    @classmethod
    def of(cls, found: price_check.Finding) -> "Finding":
        return cls(fault=found.fault, item=found.item, text=found.text)


class PriceCheck(Schema):
    """Everything that is wrong with the price book; nothing, if that is empty."""

    items: list[Finding]


class Stock(Schema):
    """What could be leased in this instant, promises kept."""

    units: int = Field(description="In all")
    nodes: int = Field(description="On so many nodes")
    nodes_in_one_block: int

    @classmethod
    def of(cls, stock: placement.Stock) -> "Stock":
        return cls(
            units=stock.units, nodes=stock.nodes, nodes_in_one_block=stock.nodes_in_one_block
        )


class Sku(Schema):
    """What is sold, with its stock and its prices in force now. `simulated`: no machines."""

    id: str
    site: str
    chip: str
    name: str
    slots: int = Field(description="Slots of one unit")
    whole_node: bool
    limits: Limits
    supply: Supply = Field(description="What it is to the tax law")
    tax_code: str = Field(description="The tax authority's class; empty: its seller's")
    simulated: bool
    stock: Stock = Field(description="On demand")
    spot: Stock | None = Field(description="For spot, which is lent more; null: it has no price")
    after_spot: int = Field(
        description="Units on demand that spot would make room for, where there is nothing now"
    )
    prices: list[Price]

    @classmethod
    def of(cls, offering: catalogue.Offering) -> "Sku":
        sku = offering.sku
        return cls(
            id=sku.id,
            site=sku.site,
            chip=sku.chip,
            name=sku.name,
            slots=sku.slots,
            whole_node=sku.whole_node,
            limits=Limits.of(sku.limits),
            supply=sku.supply,
            tax_code=sku.tax_code,
            simulated=offering.site.simulated,
            stock=Stock.of(offering.stock),
            spot=None if offering.spot is None else Stock.of(offering.spot),
            after_spot=offering.after_spot,
            prices=[Price.of(price) for price in offering.prices.values()],
        )
