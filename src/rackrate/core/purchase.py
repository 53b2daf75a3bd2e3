"""Purchase orders: nodes that were bought or leased in, which arrive in batches."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from rackrate.core.errors import Invalid, Missing
from rackrate.core.ids import (
    BlockId,
    ChipId,
    ContractId,
    EntityId,
    NodeId,
    PoolId,
    PurchaseId,
    SiteId,
)
from rackrate.core.interval import Interval, check_instant
from rackrate.core.inventory import ARRIVING, Node, NodeState, pool_of
from rackrate.core.money import Money
from rackrate.core.workload import Limits

MOST_NODES = 20_000
# The way of a node into service. A batch may be reported late: steps in between are passed.
ARRIVAL = (
    NodeState.ORDERED,
    NodeState.IN_TRANSIT,
    NodeState.RACKED,
    NodeState.BURN_IN,
    NodeState.IN_SERVICE,
)


class Terms(StrEnum):
    """Bought, or leased from another provider for a while and resold."""

    PURCHASE = "purchase"
    LEASE_IN = "lease_in"


@dataclass(frozen=True, slots=True)
class Batch:
    """What comes together. `expected`: from then on it should be in service."""

    number: int
    nodes: int
    expected: datetime
    cancelled: bool = False

    def __post_init__(self) -> None:
        check_instant(self.expected)
        if not 1 <= self.nodes <= MOST_NODES:
            raise ValueError(f"batch {self.number}: {self.nodes} is not 1 to {MOST_NODES:,} nodes")


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """Nodes of one shape for one block. `price` is for a node; leased in, for a node a month.

    `serves` are the contracts that it was placed for: when it is late, they are. What is leased in
    goes back at `until`, under `conditions`. Its nodes are called `names`-001 and so on, or after
    the order itself.
    """

    id: PurchaseId
    entity: EntityId
    site: SiteId
    supplier: str
    terms: Terms
    block: BlockId
    chip: ChipId
    gpus: int
    parts: int
    capacity: Limits
    kw: Decimal | None
    price: Money
    ordered: datetime
    batches: tuple[Batch, ...]
    serves: tuple[ContractId, ...] = ()
    until: datetime | None = None
    conditions: str = ""
    names: str = ""
    first: int = 1

    def __post_init__(self) -> None:
        check_instant(self.ordered)
        if not self.batches or len({batch.number for batch in self.batches}) < len(self.batches):
            raise ValueError(f"order {self.id}: at least one batch, and each with its own number")
        if self.nodes > MOST_NODES:
            raise ValueError(f"order {self.id}: {self.nodes:,} is more than {MOST_NODES:,} nodes")
        if self.price.minor < 0:
            raise ValueError(f"order {self.id}: a price of {self.price}")
        if self.kw is not None and not 0 < self.kw <= 100_000:
            raise ValueError(f"order {self.id}: {self.kw} kW")
        if (self.until is None) is (self.terms is Terms.LEASE_IN):
            raise ValueError(
                f"order {self.id}: what is leased in ends on a day; what is bought does not"
            )
        if self.until is not None:
            check_instant(self.until)
        for batch in self.batches:
            if batch.expected < self.ordered:
                raise ValueError(
                    f"order {self.id}: batch {batch.number} is expected on "
                    f"{batch.expected:%Y-%m-%d}, before it was ordered, {self.ordered:%Y-%m-%d}"
                )
            if self.until is not None and not batch.expected < self.until:
                raise ValueError(
                    f"order {self.id}: batch {batch.number} is expected on "
                    f"{batch.expected:%Y-%m-%d}, when its lease-in has ended, "
                    f"{self.until:%Y-%m-%d}"
                )

    @property
    def nodes(self) -> int:
        return sum(batch.nodes for batch in self.batches if not batch.cancelled)

    @property
    def pool(self) -> PoolId:
        return pool_of(self.block, self.chip, self.gpus)

    @property
    def price_of_all(self) -> Money:
        """What all nodes cost together: once, or each month where they are leased in."""
        return Money(self.price.minor * self.nodes, self.price.currency)

    def batch(self, number: int) -> Batch:
        for batch in self.batches:
            if batch.number == number:
                return batch
        *most, last = (str(batch.number) for batch in self.batches)
        known = f"{', '.join(most)} and {last}" if most else last
        said = f"{self.id} has no batch {number}; it has {known}"
        raise Missing("batch", f"{self.id}/{number}", said)

    def new_nodes(self) -> Iterator[Node]:
        """The nodes that placing the order makes: they are in the calendar from that moment on."""
        number = self.first
        for batch in self.batches:
            for _ in range(batch.nodes):
                yield Node(
                    NodeId(f"{self.names or self.id}-{number:03}"),
                    self.site,
                    self.block,
                    self.chip,
                    self.gpus,
                    self.parts,
                    self.capacity,
                    NodeState.ORDERED,
                    f"{self.supplier}, order {self.id}, batch {batch.number}",
                    batch.expected,
                    self.until,
                    self.id,
                    batch.number,
                    None,
                    self.kw,
                )
                number += 1

    def expecting(self, number: int, day: datetime) -> "PurchaseOrder":
        """The order with another day for one batch."""
        return self._with(replace(self.batch(number), expected=day))

    def cancelling(self, number: int) -> "PurchaseOrder":
        return self._with(replace(self.batch(number), cancelled=True))

    def split(self, number: int, staying: int) -> tuple["PurchaseOrder", int]:
        """`staying` nodes remain that batch; the others become a new one, whose number comes back.

        They keep the day on which the batch is expected.
        """
        whole = self.batch(number)
        if not 1 <= staying < whole.nodes:
            has = "1 node" if whole.nodes == 1 else f"{whole.nodes} nodes"
            raise Invalid("nodes", f"batch {number} has {has}, not {staying}")
        rest = replace(
            whole,
            number=max(batch.number for batch in self.batches) + 1,
            nodes=whole.nodes - staying,
        )
        shrunk = self._with(replace(whole, nodes=staying))
        return replace(shrunk, batches=(*shrunk.batches, rest)), rest.number

    def _with(self, changed: Batch) -> "PurchaseOrder":
        batches = (changed if batch.number == changed.number else batch for batch in self.batches)
        return replace(self, batches=tuple(batches))


@dataclass(frozen=True, slots=True)
class LeaseBack:
    """Nodes that a supplier has back for a while, for `monthly` a month: a promise like others."""

    id: str
    order: PurchaseId
    site: SiteId
    pool: PoolId
    nodes: int
    during: Interval
    monthly: Money
    at: datetime


def steps_to(node: Node, to: NodeState) -> tuple[NodeState, ...]:
    """The states that an arriving node passes on its way; Invalid where that is no way forward."""
    if to not in ARRIVAL[1:]:
        ways = ", ".join(ARRIVAL[1:])
        raise Invalid("to", f"a batch does not go to {to}; it goes to: {ways}")
    if node.state not in ARRIVING:
        return ()
    here, there = ARRIVAL.index(node.state), ARRIVAL.index(to)
    return ARRIVAL[here + 1 : there + 1]
