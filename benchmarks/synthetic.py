"""A large operator that does not exist, for measurements: pools, nodes, contracts, promises.

`ground("1x")` has 1,000 pools of 64 nodes, 10,000 contracts and 100,000 reservations over five
years, without overselling any; "0.1x" and "10x" a tenth and ten times of each. The same size is
always the same ground.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.ids import BlockId, ChipId, CustomerId, EntityId, NodeId, PoolId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState, Site
from rackrate.core.placement import Fleet
from rackrate.core.workload import Limits

SIZES = {"0.1x": 100, "1x": 1_000, "10x": 10_000}
NODES = 64
ARRIVING = 6
PROMISES = 100
CONTRACTS = 10
CUSTOMERS = 100
NOW = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
YEARS_5 = Interval(NOW, NOW + 1826 * DAY)
CHIP = ChipId("h100")
SITE = Site(
    SiteId("site"), EntityId("example"), "Site (simulated)", "CN", "UTC", "sim", simulated=True
)
LIMITS = Limits(192_000, 2_097_152, 28_672_000)
KW = Decimal("10.2")
# A promise's whole nodes: many small ones, and some that take half a block.
SHARES = (1, 1, 1, 2, 2, 4, 8, 16)
LENGTHS = (30, 90, 180, 365)
# Days on which promises begin, before now and after it; and the longest of them.
PAST, FUTURE, LONGEST = 300, 1700, 365


@dataclass(frozen=True, slots=True)
class Ground:
    """The rows of it, and the fleet index that has them all."""

    nodes: tuple[Node, ...]
    reservations: tuple[Reservation, ...]
    fleet: Fleet
    contracts: int


def ground(size: str) -> Ground:
    """Nodes, of which a tenth are still to arrive, and promises that all of them can keep."""
    dice = random.Random(20261123)
    fleet = Fleet()
    nodes: list[Node] = []
    reservations: list[Reservation] = []
    pools = SIZES[size]
    for number in range(pools):
        first = dice.randrange(1, 400)
        mine = list(_nodes(number, first))
        for node in mine:
            fleet.set_node(node)
        nodes += mine
        for held in _promises(number, pools, first, dice):
            fleet.promise(held)
            reservations.append(held)
    return Ground(tuple(nodes), tuple(reservations), fleet, pools * CONTRACTS)


def _nodes(number: int, first: int) -> Iterator[Node]:
    for place in range(NODES):
        comes = place < ARRIVING
        yield Node(
            NodeId(f"n{number:05}-{place:02}"),
            SITE.id,
            BlockId(f"b{number:05}"),
            CHIP,
            8,
            1,
            LIMITS,
            NodeState.ORDERED if comes else NodeState.IN_SERVICE,
            ready=NOW + first * DAY if comes else None,
            kw=KW,
        )


def _promises(number: int, pools: int, first: int, dice: random.Random) -> Iterator[Reservation]:
    """So many for each pool; the next is made as small, or put where, it fits."""
    free = np.full(PAST + FUTURE + LONGEST, NODES)
    free[: PAST + first] -= ARRIVING
    made = 0
    while made < PROMISES:
        start, length = dice.randrange(PAST + FUTURE), dice.choice(LENGTHS)
        nodes = min(dice.choice(SHARES), int(free[start : start + length].min()))
        if nodes < 1:
            continue
        free[start : start + length] -= nodes
        begins = NOW + (start - PAST) * DAY
        contract = dice.randrange(pools * CONTRACTS)
        hold = made % 20 == 0
        yield Reservation(
            f"con{contract:06}/{number:05}/{made:03}",
            SITE.id,
            PoolId(f"b{number:05}/{CHIP}x8"),
            nodes,
            Interval(begins, begins + length * DAY),
            ReservationKind.HOLD if hold else ReservationKind.CONTRACT,
            f"con{contract:06}",
            CustomerId(f"c{contract % CUSTOMERS:03}"),
            expires=NOW + dice.randrange(1, 30) * DAY if hold else None,
        )
        made += 1
