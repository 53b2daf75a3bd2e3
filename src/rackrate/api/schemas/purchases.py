"""Purchase orders, what becomes of their batches, and promises that the supply cannot keep."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from rackrate.api.schemas.breaches import Consequence
from rackrate.api.schemas.parts import Id, Instant, Limits, Money, Name, Period, Schema, Text
from rackrate.app import procurement
from rackrate.app.breaches import day_at
from rackrate.core import purchase
from rackrate.core.errors import Invalid
from rackrate.core.ids import (
    BlockId,
    ChipId,
    ContractId,
    NodeId,
    PurchaseId,
    SiteId,
)
from rackrate.core.interval import Interval
from rackrate.core.inventory import NodeState, Site
from rackrate.core.purchase import MOST_NODES, Terms
from rackrate.core.workload import Limits as CoreLimits

Batches = Annotated[list["BatchRequest"], Field(min_length=1, max_length=500)]


class BatchRequest(Schema):
    """Nodes that come together, and the day from which they are expected in service."""

    nodes: int = Field(ge=1, le=MOST_NODES)
    expected: Instant


class LimitsRequest(Schema):
    """What a node has for its workloads."""

    milli_cpus: int = Field(ge=1, le=100_000_000)
    memory_mib: int = Field(ge=1, le=10_000_000_000)
    disk_mib: int = Field(ge=0, le=10_000_000_000)


class PurchaseRequest(Schema):
    """Nodes of one shape for one block, from one supplier. Its nodes are in the calendar at once.

    `price` is for a node; with `terms` lease_in for a node a month, and then `until` says when it
    all goes back.
    """

    id: Name
    site: Id
    supplier: Text
    terms: Terms = Terms.PURCHASE
    block: Id
    chip: Id
    gpus: int = Field(ge=1, le=1024)
    parts: int = Field(default=1, ge=1, le=1000)
    capacity: LimitsRequest
    kw: Decimal | None = Field(
        default=None, gt=0, le=100_000, max_digits=12, decimal_places=6, examples=["10.2"]
    )
    price: Money
    ordered: Instant | None = Field(default=None, description="Left out: now")
    batches: Batches
    serves: list[Id] = Field(default_factory=list, max_length=1000)
    until: Instant | None = None
    conditions: Text = ""
    node_names: Text = Field(default="", description="Before their numbers; left out: the id")
    first: int = Field(default=1, ge=0, le=10_000_000)

    def order(self, site: Site, now: datetime) -> purchase.PurchaseOrder:
        self._check_days(site, now)
        try:
            return purchase.PurchaseOrder(
                PurchaseId(self.id),
                site.entity,
                SiteId(self.site),
                self.supplier,
                self.terms,
                BlockId(self.block),
                ChipId(self.chip),
                self.gpus,
                self.parts,
                CoreLimits(
                    self.capacity.milli_cpus, self.capacity.memory_mib, self.capacity.disk_mib
                ),
                self.kw,
                self.price.value,
                self.ordered or now,
                tuple(
                    purchase.Batch(number, batch.nodes, batch.expected)
                    for number, batch in enumerate(self.batches, 1)
                ),
                tuple(ContractId(contract) for contract in self.serves),
                self.until,
                self.conditions,
                self.node_names,
                self.first,
            )
        except ValueError as error:
            raise Invalid(self._at_fault, str(error)) from None

    def _check_days(self, site: Site, now: datetime) -> None:
        """On the site's calendar, on which its days were said."""
        ordered = self.ordered or now
        for number, batch in enumerate(self.batches, 1):
            said = f"batch {number} is expected on {day_at(site, batch.expected)}"
            if batch.expected < ordered:
                said += f", before it was ordered, {day_at(site, ordered)}"
                raise Invalid("batches", f"order {self.id}: {said}")
            if batch.expected <= now:
                raise Invalid("batches", f"{said}, a past day")
            if self.until is not None and self.until <= batch.expected:
                said += f", when its lease-in has ended, {day_at(site, self.until)}"
                raise Invalid("batches", f"order {self.id}: {said}")

    @property
    def _at_fault(self) -> str:
        """The field for which an order that cannot be meant is refused."""
        if self.price.value.minor < 0:
            return "price"
        if (self.until is None) is (self.terms is Terms.LEASE_IN):
            return "until"
        return "batches"


class Batch(Schema):
    """A batch and its nodes by state. `late`: its day has passed, and not all have come."""

    number: int
    nodes: int
    expected: datetime
    cancelled: bool
    late: bool
    states: dict[str, int] = Field(examples=[{"in_transit": 8}])
    arriving: int = Field(description="Of its nodes, those that are still to come")
    node_ids: list[str]

    @classmethod
    def of(cls, view: procurement.BatchView) -> "Batch":
        return cls(
            number=view.batch.number,
            nodes=view.batch.nodes,
            expected=view.batch.expected,
            cancelled=view.batch.cancelled,
            late=view.late,
            states={state.value: count for state, count in sorted(view.states.items())},
            arriving=view.arriving,
            node_ids=list(view.nodes),
        )


class LeaseBack(Schema):
    """Nodes that the supplier has back for a while."""

    id: str
    order: str
    pool: str
    nodes: int
    during: Period
    monthly: Money

    @classmethod
    def of(cls, back: purchase.LeaseBack) -> "LeaseBack":
        return cls(
            id=back.id,
            order=back.order,
            pool=back.pool,
            nodes=back.nodes,
            during=Period.of(back.during),
            monthly=Money.of(back.monthly),
        )


class PurchaseOrder(Schema):
    """An order with its batches as they are now."""

    id: str
    entity: str
    site: str
    supplier: str
    terms: Terms
    block: str
    chip: str
    gpus: int
    parts: int
    capacity: Limits
    kw: str | None
    price: Money
    price_of_all: Money
    nodes: int
    pool: str
    ordered: datetime
    until: datetime | None
    conditions: str
    serves: list[str]
    late: bool
    batches: list[Batch]
    leased_back: list[LeaseBack]

    @classmethod
    def of(cls, view: procurement.OrderView) -> "PurchaseOrder":
        order = view.order
        return cls(
            id=order.id,
            entity=order.entity,
            site=order.site,
            supplier=order.supplier,
            terms=order.terms,
            block=order.block,
            chip=order.chip,
            gpus=order.gpus,
            parts=order.parts,
            capacity=Limits.of(order.capacity),
            kw=None if order.kw is None else f"{order.kw:f}",
            price=Money.of(order.price),
            price_of_all=Money.of(order.price_of_all),
            nodes=order.nodes,
            pool=order.pool,
            ordered=order.ordered,
            until=order.until,
            conditions=order.conditions,
            serves=list(order.serves),
            late=view.late,
            batches=[Batch.of(batch) for batch in view.batches],
            leased_back=[LeaseBack.of(back) for back in view.leased_back],
        )


class AdvanceRequest(Schema):
    """How far nodes of a batch have come: all of it, so many, or just these."""

    to: NodeState = Field(examples=["racked"])
    count: int | None = Field(default=None, ge=1, le=MOST_NODES)
    nodes: list[Id] = Field(default_factory=list, max_length=1000)
    rack: Id | None = None

    @model_validator(mode="after")
    def _one(self) -> "AdvanceRequest":
        if self.count is not None and self.nodes:
            raise ValueError("either count or nodes")
        return self

    def part(self, batch: int) -> procurement.Part:
        return procurement.Part(batch, self.count, tuple(NodeId(node) for node in self.nodes))


class SlipRequest(Schema):
    """Another day for what has not come of a batch."""

    to: Instant
    dry_run: bool = Field(default=False, description="Only say what would break")


class CancelRequest(Schema):
    """What has not come of a batch never will."""

    force: bool = Field(
        default=False,
        description="It is so, even where it breaks a promise: that is written down as broken",
    )
    dry_run: bool = False


class ServesRequest(Schema):
    """The contracts that an order was placed for."""

    serves: list[Id] = Field(max_length=1000)


class LeaseBackRequest(Schema):
    """Nodes of the order's pool for its supplier."""

    nodes: int = Field(ge=1, le=1_000_000)
    start: Instant
    end: Instant
    monthly: Money

    @model_validator(mode="after")
    def _in_order(self) -> "LeaseBackRequest":
        if not self.start < self.end:
            raise ValueError("end must be after start")
        return self

    @property
    def during(self) -> Interval:
        return Interval(self.start, self.end)


class Changed(Schema):
    """The order after the act, and what that does to promises."""

    order: PurchaseOrder
    consequence: Consequence
    dry_run: bool

    @classmethod
    def of(cls, changed: procurement.Changed) -> "Changed":
        return cls(
            order=PurchaseOrder.of(changed.view),
            consequence=Consequence.of(changed.told),
            dry_run=changed.dry_run,
        )
