"""Fleet and catalogue: entities, sites, nodes, chips, SKUs, prices, and applying files."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from rackrate.api.schemas.parts import Limits, Schema, Text
from rackrate.core import chips, inventory, pricing
from rackrate.core.inventory import NodeState
from rackrate.core.lease import LeaseClass


class File(Schema):
    """One YAML file, as it is."""

    name: Text = Field(description="As it is to be named in messages", examples=["fleet.yaml"])
    text: str = Field(max_length=20_000_000, pattern=r"^[^\x00]*$")


class ApplyRequest(Schema):
    """Files that say what there should be. Nothing is applied unless all of it can be."""

    files: list[File] = Field(min_length=1, max_length=200)
    dry_run: bool = Field(default=False, description="Only show what would change")


class Change(Schema):
    """One row that the files add or change. `before` and `after` hold only what differs."""

    action: Literal["add", "change", "same"]
    kind: str = Field(examples=["node"])
    id: str
    source: str = Field(description="The document that says so, as node/h100-{:03}")
    before: dict[str, str] = Field(default_factory=dict)
    after: dict[str, str] = Field(default_factory=dict)


class Applied(Schema):
    """What was changed, or would be."""

    changes: list[Change]
    applied: bool


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


class Site(Schema):
    """A data centre. `simulated`: it has no machines."""

    id: str
    entity: str
    name: str
    country: str
    time_zone: str
    engine: str
    simulated: bool

    @classmethod
    def of(cls, site: inventory.Site) -> "Site":
        return cls(
            id=site.id,
            entity=site.entity,
            name=site.name,
            country=site.country,
            time_zone=site.time_zone,
            engine=site.engine,
            simulated=site.simulated,
        )


class MapNode(Schema):
    """One node on the map: how many of its slots are free, held or reserved out of service."""

    id: str
    chip: str
    state: NodeState
    slots: int
    slots_free: int


class MapBlock(Schema):
    """The nodes on one fast fabric."""

    id: str
    fabric: str
    nodes: list[MapNode]


class SiteMap(Schema):
    """Everything of a site at a glance."""

    site: Site
    slots: int
    slots_free: int
    blocks: list[MapBlock]


class Node(Schema):
    """A server: `gpus` chips (or CPU slots), each cut into `parts` slots."""

    id: str
    site: str
    block: str
    chip: str
    gpus: int
    parts: int
    capacity: Limits
    state: NodeState
    note: str
    slots_free: int

    @classmethod
    def of(cls, node: inventory.Node, slots_free: int) -> "Node":
        return cls(
            id=node.id,
            site=node.site,
            block=node.block,
            chip=node.chip,
            gpus=node.gpus,
            parts=node.parts,
            capacity=Limits.of(node.capacity),
            state=node.state,
            note=node.note,
            slots_free=slots_free,
        )


class NodeClaim(Schema):
    """Who holds which slots of a node, and since when."""

    slots: str = Field(examples=["0-3,7"])
    kind: str = Field(examples=["lease"])
    holder: str = Field(examples=["lse_00000042"])
    since: datetime


class NodeDetail(Node):
    """A node with what is on it."""

    claims: list[NodeClaim]


class DrainRequest(Schema):
    """Offer the node no more. What runs on it keeps it until that ends."""

    note: Text = Field(default="", examples=["fan 3 is loud"])


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


class Sku(Schema):
    """What is sold, with how many units are free at this moment and what they cost."""

    id: str
    site: str
    chip: str
    name: str
    slots: int
    whole_node: bool
    limits: Limits
    stock: int = Field(description="Units that could be leased now, over all nodes")
    simulated: bool
    prices: list[Price]

    @classmethod
    def of(
        cls, sku: inventory.Sku, stock: int, simulated: bool, prices: list[pricing.Price]
    ) -> "Sku":
        return cls(
            id=sku.id,
            site=sku.site,
            chip=sku.chip,
            name=sku.name,
            slots=sku.slots,
            whole_node=sku.whole_node,
            limits=Limits.of(sku.limits),
            stock=stock,
            simulated=simulated,
            prices=[Price.of(price) for price in prices],
        )
