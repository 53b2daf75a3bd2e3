"""The four numbers that a buyer asks for: delivered, healthy, reserved, in use; now."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from rackrate.core.calendar import SPOT_ACCOUNT, HolderKind, Reservation, ReservationKind
from rackrate.core.contract import Acceptance, Contract, Delivery
from rackrate.core.ids import LeaseId, NodeId, PoolId, SiteId
from rackrate.core.inventory import ARRIVING, Node, NodeState
from rackrate.core.placement import Fleet, Pool

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

    `delivered`: of those, nodes that are there for them: that have entered service and not left.
    Where nodes are handed over by name, and the terms ask for acceptance or one batch was so handed
    over, they are the named ones of the batches that were delivered, and what is still to be
    delivered counts nothing. Else they are those that the pool has for them: first those on which
    their leases run; where it has fewer than it has promised, promises that began earlier come
    first. Never more than `reserved`.
    `healthy`: of those, nodes that are in service now, and on which none of their leases is
    interrupted. A node that drains, is repaired or cleaned is delivered, and not healthy; where it
    was handed over by name, no other node stands in for it.
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


@dataclass(frozen=True, slots=True)
class Handed:
    """What was handed over of a contract: nodes by name, and how many of which none is known, as
    of contracts that ran before they were entered.
    """

    names: frozenset[NodeId] = frozenset()
    unnamed: int = 0


def handed_over(
    contract: Contract, deliveries: Iterable[Delivery], site: SiteId, now: datetime
) -> Handed | None:
    """What counts as delivered at a site now. None: nobody hands over or accepts anything of it."""
    batches = tuple(deliveries)
    waits = contract.terms.acceptance is not Acceptance.NONE
    if not waits and not any(each.names for each in batches):
        return None
    in_force = [each for each in contract.capacity_at(now) if each.site == site]
    brought = {contract.origin(each).number for each in in_force}
    come = [each for each in batches if each.delivered is not None and each.commitment in brought]
    return Handed(
        frozenset(name for each in come for name in each.names),
        sum(each.nodes for each in come if not each.names),
    )


def neighbours(fleet: Fleet, holders: Set[str], now: datetime) -> Set[str]:
    """Whoever was sold nodes of the pools in which these were promised some, themselves too."""
    return {
        held.holder for pool in _pools(fleet, holders) for held in _in_force(fleet.pools[pool], now)
    }


def promised_tallies(
    fleet: Fleet,
    holders: Set[str],
    interrupted: Set[LeaseId],
    now: datetime,
    handed: Mapping[str, Handed],
) -> Mapping[str, Tally]:
    """For each of these contracts: reserved, delivered and healthy at the fleet's site. `handed`
    is of them and of their neighbours, where something is handed over.
    """
    found = dict.fromkeys(holders, Tally())
    by_pool: dict[PoolId, list[Node]] = {pool: [] for pool in _pools(fleet, holders)}
    for node in fleet.nodes:
        if node.pool in by_pool and _there(node, now):
            by_pool[node.pool].append(node)
    accounts, failing = _occupied(fleet, interrupted)
    unnamed = {holder: each.unnamed for holder, each in handed.items()}
    for pool, nodes in by_pool.items():
        gpus, reserved = fleet.pools[pool].gpus, _reserved(_in_force(fleet.pools[pool], now))
        mine = _named(reserved, nodes, handed)
        wanted = {
            holder: min(count, len(mine[holder]) + unnamed.get(holder, count))
            for holder, count in reserved.items()
        }
        taken = {node.id for held in mine.values() for node in held}
        of_nobody = [node for node in nodes if node.id not in taken]
        for holder, has in _shared(wanted, mine, of_nobody, accounts).items():
            if holder in unnamed:
                unnamed[holder] -= len(has) - len(mine[holder])
            if holder in found:
                count = reserved[holder]
                found[holder] += Tally(
                    Count(count, count * gpus), Count(len(has), len(has) * gpus),
                    _sound(has, failing),
                )  # fmt: skip
    return found


def _pools(fleet: Fleet, holders: Set[str]) -> list[PoolId]:
    return [
        pool.id
        for pool in fleet.pools.values()
        if any(held.holder in holders for held in pool.calendar.reservations.values())
    ]


def _in_force(pool: Pool, now: datetime) -> list[Reservation]:
    return [
        held
        for held in pool.calendar.reservations.values()
        if held.kind in SOLD and held.during.contains(now) and held.counts(now)
    ]


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
        accounts[claim.node] = "" if claim.account == SPOT_ACCOUNT else claim.account
        if claim.kind is HolderKind.LEASE and claim.holder in interrupted:
            failing.add(claim.node)
    return accounts, failing


def _reserved(held: Iterable[Reservation]) -> dict[str, int]:
    """How many nodes each was promised, whoever was promised first leading."""
    reserved: dict[str, int] = {}
    for one in sorted(held, key=lambda one: (one.during.start, one.id)):
        reserved[one.holder] = reserved.get(one.holder, 0) + one.nodes
    return reserved


def _named(
    reserved: Mapping[str, int], nodes: Iterable[Node], handed: Mapping[str, Handed]
) -> dict[str, list[Node]]:
    """Of a pool's nodes those that were handed over by name; not more than are still reserved."""
    whose = {
        name: holder for holder in reserved if holder in handed for name in handed[holder].names
    }
    mine: dict[str, list[Node]] = {holder: [] for holder in reserved}
    for node in sorted(nodes, key=_sound_first):
        holder = whose.get(node.id)
        if holder is not None and len(mine[holder]) < reserved[holder]:
            mine[holder].append(node)
    return mine


def _sound_first(node: Node) -> tuple[bool, NodeId]:
    return node.state is not NodeState.IN_SERVICE, node.id


def _shared(
    wanted: Mapping[str, int],
    named: Mapping[str, Sequence[Node]],
    others: Iterable[Node],
    accounts: Mapping[NodeId, str],
) -> dict[str, list[Node]]:
    """Who has which of a pool's nodes: those handed over, then whoever is on them, then whoever
    was promised first.
    """
    mine = {holder: list(nodes) for holder, nodes in named.items()}
    rest: list[Node] = []
    for node in others:
        holder = accounts.get(node.id)
        if holder in mine and len(mine[holder]) < wanted[holder]:
            mine[holder].append(node)
        elif not holder:
            rest.append(node)
    # What works goes first, and what is sold by the moment, which gives way, last.
    rest.sort(key=lambda node: (node.id in accounts, *_sound_first(node)))
    for holder, count in wanted.items():
        take = max(count - len(mine[holder]), 0)
        mine[holder] += rest[:take]
        rest = rest[take:]
    return mine


def _sound(nodes: Iterable[Node], failing: Set[NodeId]) -> Count:
    good = [n for n in nodes if n.state is NodeState.IN_SERVICE and n.id not in failing]
    return Count(len(good), sum(node.gpus for node in good))
