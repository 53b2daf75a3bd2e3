"""The four numbers that a buyer asks for: delivered, healthy, reserved, in use; now."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from rackrate.core.calendar import HolderKind, Reservation, ReservationKind
from rackrate.core.ids import LeaseId, NodeId, PoolId
from rackrate.core.inventory import ARRIVING, Node, NodeState
from rackrate.core.placement import Fleet

SOLD = frozenset({ReservationKind.CONTRACT, ReservationKind.FLEX})


@dataclass(frozen=True, slots=True)
class Count:
    """Whole nodes, and the GPUs that they are."""

    nodes: int = 0
    gpus: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.nodes + other.nodes, self.gpus + other.gpus)


@dataclass(frozen=True, slots=True)
class Tally:
    """`reserved`: promised to them in this instant, by contract or flex; a hold is not yet theirs.

    `delivered`: of those, nodes that are there for them: nodes that have entered service and have
    not left, first those on which their leases run; where a pool has fewer than it has promised,
    promises that began earlier come first. Never more than `reserved`.
    `healthy`: of those, nodes that are in service now, and on which none of their leases is
    interrupted. A node that drains, is repaired or cleaned is delivered, and not healthy.
    `in_use`: nodes on which a live lease of theirs holds anything, whether under a contract or by
    the moment; its GPUs are those that are held, so a part of a node is a part.
    """

    reserved: Count = Count()
    delivered: Count = Count()
    healthy: Count = Count()
    in_use: Count = Count()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.reserved + other.reserved,
            self.delivered + other.delivered,
            self.healthy + other.healthy,
            self.in_use + other.in_use,
        )


def promised_tallies(
    fleet: Fleet, holders: Set[str], interrupted: Set[LeaseId], now: datetime
) -> Mapping[str, Tally]:
    """For each of these contracts: reserved, delivered and healthy at the fleet's site."""
    found = dict.fromkeys(holders, Tally())
    by_pool: dict[PoolId, list[Node]] = {
        pool.id: []
        for pool in fleet.pools.values()
        if any(held.holder in holders for held in pool.calendar.reservations.values())
    }
    for node in fleet.nodes:
        if node.pool in by_pool and _there(node, now):
            by_pool[node.pool].append(node)
    accounts, failing = _occupied(fleet, interrupted)
    for pool, nodes in by_pool.items():
        calendar = fleet.pools[pool].calendar
        in_force = [
            held
            for held in calendar.reservations.values()
            if held.kind in SOLD and held.during.contains(now) and held.counts(now)
        ]
        for holder, tally in _shared(
            in_force, nodes, accounts, failing, fleet.pools[pool].gpus
        ).items():
            if holder in found:
                found[holder] += tally
    return found


def in_use(fleet: Fleet, leases: Set[LeaseId]) -> Count:
    """What these leases hold at the fleet's site."""
    slots: dict[NodeId, int] = {}
    for claim in fleet.claims.values():
        if claim.kind is HolderKind.LEASE and claim.holder in leases:
            slots[claim.node] = slots.get(claim.node, 0) + claim.slots.bits.bit_count()
    nodes = [(fleet.nodes[fleet.number[node]], held) for node, held in slots.items()]
    return Count(len(nodes), sum(-(-held // node.parts) for node, held in nodes))


def _there(node: Node, now: datetime) -> bool:
    gone = node.state is NodeState.RETIRED or (node.until is not None and node.until <= now)
    return not gone and node.state not in ARRIVING


def _occupied(fleet: Fleet, interrupted: Set[LeaseId]) -> tuple[Mapping[NodeId, str], Set[NodeId]]:
    """Whose account each claimed node is on, and those on which a lease is interrupted."""
    accounts: dict[NodeId, str] = {}
    failing: set[NodeId] = set()
    for claim in fleet.claims.values():
        accounts[claim.node] = claim.account
        if claim.kind is HolderKind.LEASE and claim.holder in interrupted:
            failing.add(claim.node)
    return accounts, failing


def _shared(
    held: Iterable[Reservation],
    nodes: Iterable[Node],
    accounts: Mapping[NodeId, str],
    failing: Set[NodeId],
    gpus: int,
) -> dict[str, Tally]:
    """Who has which of a pool's nodes: whoever is on them, then whoever was promised first."""
    wanted: dict[str, int] = {}
    for one in sorted(held, key=lambda one: (one.during.start, one.id)):
        wanted[one.holder] = wanted.get(one.holder, 0) + one.nodes
    mine: dict[str, list[Node]] = {holder: [] for holder in wanted}
    rest: list[Node] = []
    for node in nodes:
        holder = accounts.get(node.id)
        if holder in mine and len(mine[holder]) < wanted[holder]:
            mine[holder].append(node)
        elif not holder:
            rest.append(node)
    # What works goes first, and what is sold by the moment, which gives way, last.
    rest.sort(key=lambda n: (n.id in accounts, n.state is not NodeState.IN_SERVICE, n.id))
    for holder, count in wanted.items():
        take = count - len(mine[holder])
        mine[holder] += rest[:take]
        rest = rest[max(take, 0) :]
    return {
        holder: Tally(
            Count(count, count * gpus),
            Count(len(mine[holder]), len(mine[holder]) * gpus),
            _sound(mine[holder], failing),
        )
        for holder, count in wanted.items()
    }


def _sound(nodes: Iterable[Node], failing: Set[NodeId]) -> Count:
    good = [n for n in nodes if n.state is NodeState.IN_SERVICE and n.id not in failing]
    return Count(len(good), sum(node.gpus for node in good))
