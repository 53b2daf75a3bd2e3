"""What there is: sellers, sites, blocks, nodes and the SKUs that are sold of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import BlockId, ChipId, EntityId, NodeId, PoolId, SiteId, SkuId
from rackrate.core.interval import zone
from rackrate.core.money import digits
from rackrate.core.workload import Limits


@dataclass(frozen=True, slots=True)
class Entity:
    """The seller of record. `invoice_series` begins every invoice number: `EX-2026-000001`.

    `output_tax` names the tax rule (core.tax) that its sales are under unless a customer's differs.
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

    def __post_init__(self) -> None:
        zone(self.time_zone)
        digits(self.currency)


@dataclass(frozen=True, slots=True)
class Site:
    """A data centre, run by one engine. `simulated` sites have no machines, and say so."""

    id: SiteId
    entity: EntityId
    name: str
    country: str
    time_zone: str
    engine: str
    simulated: bool

    def __post_init__(self) -> None:
        zone(self.time_zone)


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes on one fast fabric."""

    id: BlockId
    site: SiteId
    fabric: str


class NodeState(StrEnum):
    """Only a node in service is offered. A draining one keeps what it runs until that ends."""

    IN_SERVICE = "in_service"
    DRAINING = "draining"
    IN_REPAIR = "in_repair"
    RETIRED = "retired"


# The legal moves of a node. Only an empty node goes into repair; use cases see to that.
NODE_MOVES: Mapping[NodeState, frozenset[NodeState]] = {
    NodeState.IN_SERVICE: frozenset({NodeState.DRAINING}),
    NodeState.DRAINING: frozenset({NodeState.IN_SERVICE, NodeState.IN_REPAIR, NodeState.RETIRED}),
    NodeState.IN_REPAIR: frozenset({NodeState.IN_SERVICE, NodeState.RETIRED}),
    NodeState.RETIRED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A server: `gpus` chips (or CPU slots), each cut into `parts` slots."""

    id: NodeId
    site: SiteId
    block: BlockId
    chip: ChipId
    gpus: int
    parts: int
    capacity: Limits
    state: NodeState = NodeState.IN_SERVICE
    note: str = ""

    def __post_init__(self) -> None:
        if not (1 <= self.gpus <= 1024 and 1 <= self.parts <= 1000):
            raise ValueError(f"node {self.id}: gpus must be 1 to 1024 and parts 1 to 1000")

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
    it has `count` nodes. `limits` are for one unit (for a whole node: all of it).
    """

    id: SkuId
    site: SiteId
    chip: ChipId
    name: str
    slots: int
    whole_node: bool
    limits: Limits

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise ValueError(f"sku {self.id}: slots must be at least 1")
