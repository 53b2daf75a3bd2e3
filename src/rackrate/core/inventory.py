"""What there is: sellers, sites, blocks, nodes and the SKUs that are sold of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import (
    BlockId,
    ChipId,
    ContractId,
    EntityId,
    NodeId,
    PoolId,
    PurchaseId,
    RackId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import check_instant, zone
from rackrate.core.money import digits
from rackrate.core.parties import NO_DETAILS, Customer, Details, Party
from rackrate.core.tax import vat_id_of
from rackrate.core.treatment import Dated, Supply, TaxChange, TaxTable, check_changes
from rackrate.core.workload import Limits


@dataclass(frozen=True, slots=True)
class TaxCode:
    """The tax authority's class of what is sold, in China of 19 digits (税收分类编码)."""

    supply: Supply
    code: str

    def __str__(self) -> str:
        return f"{self.supply} {self.code}"


@dataclass(frozen=True, slots=True)
class Entity:
    """The seller of record. `invoice_series` begins every invoice number: `EX-2026-000001`.

    `output_tax` names the treatment (core.treatment) of its sales unless a customer's differs,
    until one of `tax_changes`; `channel` who issues its digital invoices for a tax authority,
    empty: nobody. `tax_codes` are the authority's classes of what it sells, by supply.
    """

    id: EntityId
    name: str
    country: str
    tax_id: str
    time_zone: str
    currency: str
    invoice_series: str
    output_tax: str
    payment_days: int = 30
    details: Details = NO_DETAILS
    channel: str = ""
    tax_changes: tuple[TaxChange, ...] = ()
    tax_codes: tuple[TaxCode, ...] = ()

    def __post_init__(self) -> None:
        zone(self.time_zone)
        digits(self.currency)
        check_changes(self.tax_changes)

    @property
    def party(self) -> Party:
        return Party(self.name, self.country, self.tax_id, self.details)

    def taxes(self, customer: Customer) -> TaxTable:
        """Which rule each supply to a customer is under."""
        return TaxTable(customer.taxed, Dated(self.output_tax, self.tax_changes))

    def unnamed(self, customer: Customer) -> Iterator[tuple[Party, str]]:
        """Who of both has no VAT id, and the treatment that needs it (reverse charge)."""
        needing = [each.id for each in self.taxes(customer).every if each.names_both]
        for party in (self.party, customer.party) if needing else ():
            if not vat_id_of(party.tax_id, party.country):
                yield party, needing[0]

    def tax_code(self, supply: Supply) -> str:
        """The authority's class of a supply. Empty: it was not said."""
        return next((each.code for each in self.tax_codes if each.supply is supply), "")


@dataclass(frozen=True, slots=True)
class Site:
    """A data centre, run by one engine. `simulated` sites have no machines, and say so.

    Shares of each pool that are not sold to everybody, in percent of its nodes, rounded up:
    `spare_percent` is promised to nobody, and stands in for what breaks; `moment_percent` is kept
    free of contracts, for what is sold by the moment; `contract_percent` is kept free of what is
    sold by the moment, for contracts to come.
    Power is in MW: `contracted_mw` with the supplier of it, `active_mw` of that connected now;
    `pue` is all power over that of the nodes. None: not limited.
    """

    id: SiteId
    entity: EntityId
    name: str
    country: str
    time_zone: str
    engine: str
    simulated: bool
    spare_percent: Decimal = Decimal(0)
    moment_percent: Decimal = Decimal(0)
    contract_percent: Decimal = Decimal(0)
    contracted_mw: Decimal | None = None
    active_mw: Decimal | None = None
    pue: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        zone(self.time_zone)
        for share in (self.spare_percent, self.moment_percent, self.contract_percent):
            if not 0 <= share <= 100:
                raise ValueError(f"site {self.id}: {share} is not 0 to 100 percent")
        if not 1 <= self.pue <= 10:
            raise ValueError(f"site {self.id}: a PUE of {self.pue} is not 1 to 10")


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes on one fast fabric."""

    id: BlockId
    site: SiteId
    fabric: str


@dataclass(frozen=True, slots=True)
class Rack:
    """What feeds and cools nodes: a cabinet, a rack of 72 GPUs, a tank. `kw` is its limit."""

    id: RackId
    site: SiteId
    kw: Decimal

    def __post_init__(self) -> None:
        if not 0 < self.kw <= 100_000:
            raise ValueError(f"rack {self.id}: {self.kw} kW")


class NodeState(StrEnum):
    """Only a node in service is offered. A draining one keeps what it runs until that ends, and
    is no capacity to promise from the day that it is drained until it is back.
    """

    ORDERED = "ordered"
    IN_TRANSIT = "in_transit"
    RACKED = "racked"
    BURN_IN = "burn_in"
    IN_SERVICE = "in_service"
    DRAINING = "draining"
    IN_REPAIR = "in_repair"
    CLEANING = "cleaning"
    RETIRED = "retired"


# Not in service yet: they are capacity from the day that they are expected.
ARRIVING = frozenset({NodeState.ORDERED, NodeState.IN_TRANSIT, NodeState.RACKED, NodeState.BURN_IN})

# The legal moves of a node. Only an empty node goes into repair; use cases see to that. An order
# may be cancelled at every step, and a repaired node may have to be burnt in again.
NODE_MOVES: Mapping[NodeState, frozenset[NodeState]] = {
    NodeState.ORDERED: frozenset({NodeState.IN_TRANSIT, NodeState.RACKED, NodeState.RETIRED}),
    NodeState.IN_TRANSIT: frozenset({NodeState.RACKED, NodeState.RETIRED}),
    NodeState.RACKED: frozenset({NodeState.BURN_IN, NodeState.RETIRED}),
    NodeState.BURN_IN: frozenset({NodeState.IN_SERVICE, NodeState.IN_REPAIR, NodeState.RETIRED}),
    NodeState.IN_SERVICE: frozenset({NodeState.DRAINING}),
    NodeState.DRAINING: frozenset(
        {NodeState.IN_SERVICE, NodeState.IN_REPAIR, NodeState.CLEANING, NodeState.RETIRED}
    ),
    NodeState.IN_REPAIR: frozenset(
        {NodeState.BURN_IN, NodeState.CLEANING, NodeState.IN_SERVICE, NodeState.RETIRED}
    ),
    NodeState.CLEANING: frozenset({NodeState.IN_SERVICE, NodeState.IN_REPAIR, NodeState.RETIRED}),
    NodeState.RETIRED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A server: `gpus` chips (or CPU slots), each cut into `parts` slots.

    `ready` is when it is expected to be in service, while it is not; `until` when it leaves for
    good (its lease-in ends, it is retired), where that is known. `order` is the purchase order
    that it came with, and `batch` its delivery there. `kw` is what it draws at most.
    `drained` is from when it is taken out of service for a while, and `back` when it is to return;
    with the first and not the second nobody knows when. `named_for` is the contract that it was
    named for at delivery.
    """

    id: NodeId
    site: SiteId
    block: BlockId
    chip: ChipId
    gpus: int
    parts: int
    capacity: Limits
    state: NodeState = NodeState.IN_SERVICE
    note: str = ""
    ready: datetime | None = None
    until: datetime | None = None
    order: PurchaseId | None = None
    batch: int = 0
    rack: RackId | None = None
    kw: Decimal | None = None
    drained: datetime | None = None
    back: datetime | None = None
    named_for: ContractId | None = None

    def __post_init__(self) -> None:
        if not (1 <= self.gpus <= 1024 and 1 <= self.parts <= 1000):
            raise ValueError(f"node {self.id}: gpus must be 1 to 1024 and parts 1 to 1000")
        if self.ready is not None:
            check_instant(self.ready)
        if self.until is not None:
            check_instant(self.until)
            if self.ready is not None and not self.ready < self.until:
                raise ValueError(f"node {self.id}: leaves before it is ready")
        if self.drained is not None:
            check_instant(self.drained)
        if self.back is not None:
            check_instant(self.back)
            if self.drained is None or not self.drained < self.back:
                raise ValueError(f"node {self.id}: is back before it is drained")
        if self.ready is None and self.state in ARRIVING:
            raise ValueError(
                f"node {self.id}: {self.state} needs the day it is expected in service"
            )

    @property
    def slots(self) -> int:
        return self.gpus * self.parts

    def move(self, to: NodeState, note: str) -> "Node":
        """The node in another state, with a note why; Refused where no move leads there.

        Being there already is fine, so that a request may be repeated.
        """
        if to != self.state and to not in NODE_MOVES[self.state]:
            ways = ", ".join(sorted(NODE_MOVES[self.state])) or "nowhere"
            raise Refused(
                Reason.WRONG_STATE, f"node {self.id} is {self.state}; from there it goes to: {ways}"
            )
        return replace(self, state=to, note=note)

    @property
    def pool(self) -> PoolId:
        return pool_of(self.block, self.chip, self.gpus)


def pool_of(block: BlockId, chip: ChipId, gpus: int) -> PoolId:
    """A block x node shape: whole nodes of a pool are interchangeable."""
    return PoolId(f"{block}/{chip}x{gpus}")


@dataclass(frozen=True, slots=True)
class Sku:
    """What is sold: `slots` slots of a chip at a site, or whole nodes.

    A lease of `count` units has `count` x `slots` slots on each of its nodes; of a whole-node SKU
    it has `count` nodes. `limits` are for one unit (for a whole node: all of it). `supply` is what
    it is to the tax law, and `tax_code` the authority's class of it, where not its seller's.
    """

    id: SkuId
    site: SiteId
    chip: ChipId
    name: str
    slots: int
    whole_node: bool
    limits: Limits
    supply: Supply = Supply.SERVICE
    tax_code: str = ""

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise ValueError(f"sku {self.id}: slots must be at least 1")
