"""The fleet as the operator sees it: nodes, what holds them, what is free, and draining them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import Any

from rackrate.app import breaches
from rackrate.app.breaches import Consequence
from rackrate.app.delivery import Named, named_at
from rackrate.app.ports import Tx
from rackrate.app.world import World, acting, check_near, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.calendar import Claim, HolderKind, Reservation
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import BlockId, ChipId, LeaseId, NodeId, PoolId, SiteId
from rackrate.core.inventory import Block, Node, NodeState, Site
from rackrate.core.lease import Lease, LeaseClass

LONGEST_NOTE = 500
ELSEWHERE = frozenset({NodeState.ORDERED, NodeState.IN_TRANSIT, NodeState.RETIRED})
FEW = 16  # Beyond this many, one query for all live leases is cheaper than one for each.


class SlotClass(IntEnum):
    """What a slot is used for. The number is the byte of the fleet map; never change one."""

    FREE = 0
    CONTRACT = 1
    FLEX = 2
    ON_DEMAND = 3
    SPOT = 4
    CLEANING = 5
    REPAIR = 6
    DRAINING = 7
    ARRIVING = 8


_OF_LEASE: Mapping[LeaseClass, SlotClass] = {
    LeaseClass.CONTRACT: SlotClass.CONTRACT,
    LeaseClass.FLEX: SlotClass.FLEX,
    LeaseClass.ON_DEMAND: SlotClass.ON_DEMAND,
    LeaseClass.SPOT: SlotClass.SPOT,
}
# An unclaimed slot of a node that is not in service is not free.
_UNCLAIMED: Mapping[NodeState, SlotClass] = {
    NodeState.IN_SERVICE: SlotClass.FREE,
    NodeState.DRAINING: SlotClass.DRAINING,
    NodeState.IN_REPAIR: SlotClass.REPAIR,
    NodeState.CLEANING: SlotClass.CLEANING,
    NodeState.ORDERED: SlotClass.ARRIVING,
    NodeState.IN_TRANSIT: SlotClass.ARRIVING,
    NodeState.RACKED: SlotClass.ARRIVING,
    NodeState.BURN_IN: SlotClass.ARRIVING,
    NodeState.RETIRED: SlotClass.REPAIR,
}


@dataclass(frozen=True, slots=True)
class Holding:
    """One claim on a node, with the lease that holds it, where one does."""

    claim: Claim
    lease: Lease | None
    use: SlotClass


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node, what holds it, and its slots one by one. `free` slots are offered now."""

    node: Node
    holdings: tuple[Holding, ...]
    slots: bytes

    @property
    def free(self) -> int:
        return self.slots.count(SlotClass.FREE)

    @property
    def empty(self) -> bool:
        """Nothing is on it: a draining node that is empty may be worked on."""
        return not self.holdings

    @property
    def leases(self) -> tuple[LeaseId, ...]:
        return tuple(dict.fromkeys(h.lease.id for h in self.holdings if h.lease is not None))


@dataclass(frozen=True, slots=True)
class Away:
    """From when a node is drained, and until when it is back.

    Left out: since it was drained, or from now on; and nobody knows until when.
    """

    start: datetime | None = None
    until: datetime | None = None


AT_ONCE = Away()


@dataclass(frozen=True, slots=True)
class Drained:
    """A node that takes no new leases. `running` go on until they end; nobody is moved.

    `told` is what that does to promises. `short` is by how many nodes its pool is then below what
    it has promised; `when` says the days, where it is not just from now on.
    """

    view: NodeView
    running: tuple[Lease, ...]
    told: Consequence
    short: int
    when: str = ""
    named: Named | None = None

    @property
    def consequence(self) -> str:
        """What happens now, in words that can be shown before the click."""
        if self.running:
            ids = ", ".join(lease.id for lease in self.running)
            said = f"no new lease starts on it{self.when}; what runs stays until it ends: {ids}"
        elif self.view.empty:
            said = f"no new lease starts on it{self.when}, and it is empty"
        else:
            said = f"no new lease starts on it{self.when}; it is empty once it is cleaned"
        if self.short:
            nodes = "node" if self.short == 1 else "nodes"
            then = "now" if self.view.node.state is NodeState.DRAINING else "then"
            said += f"; its pool is {self.short} {nodes} short of what is promised {then}"
        if self.named is not None:
            said += f"; {self.named.said}"
        return said


@dataclass(frozen=True, slots=True)
class PoolView:
    """A block x node shape: how much there is, is promised, and is wholly free."""

    id: PoolId
    block: BlockId
    chip: ChipId
    nodes: int
    in_service: int
    promised: int
    untouched: int


@dataclass(frozen=True, slots=True)
class SiteMap:
    """A site at one glance. `slots` has a byte (SlotClass) for each slot, node after node."""

    site: Site
    at: datetime
    nodes: tuple[Node, ...]
    slots: bytes
    pools: tuple[PoolView, ...]
    counts: Mapping[SlotClass, int] = field(default_factory=dict)


def list_sites(world: World, actor: Actor) -> list[Site]:
    with reading(world, actor, Verb.FLEET_READ, Target("site")) as tx:
        return tx.find(Site)


def show_site(world: World, actor: Actor, id: SiteId) -> Site:
    with reading(world, actor, Verb.FLEET_READ, Target("site", id)) as tx:
        return tx.get(Site, id)


def list_blocks(world: World, actor: Actor, site: SiteId) -> list[Block]:
    with reading(world, actor, Verb.FLEET_READ, Target("site", site)) as tx:
        tx.get(Site, site)
        return tx.find(Block, site=site)


def list_nodes(
    world: World,
    actor: Actor,
    site: SiteId | None = None,
    state: NodeState | None = None,
    after: str = "",
    limit: int | None = None,
    chip: ChipId | None = None,
) -> list[NodeView]:
    """Nodes by name, each with what holds it."""
    with reading(world, actor, Verb.FLEET_READ, Target("node")) as tx:
        equal: dict[str, Any] = {} if site is None else {"site": tx.get(Site, site).id}
        if state is not None:
            equal["state"] = state
        if chip is not None:
            equal["chip"] = chip
        return node_views(tx, tx.find(Node, after=after, limit=limit, **equal))


def show_node(world: World, actor: Actor, id: NodeId) -> NodeView:
    with reading(world, actor, Verb.FLEET_READ, Target("node", id)) as tx:
        return node_views(tx, [tx.get(Node, id)])[0]


def drain(
    world: World,
    actor: Actor,
    id: NodeId,
    note: str,
    dry_run: bool = False,
    away: Away = AT_ONCE,
) -> Drained:
    """Offer the node to nobody while it is away, and tell at once which promises that breaks.

    What runs on it stays until it ends, and is told. With `dry_run` nothing is changed. Draining
    twice is draining once.
    """
    check_note(note)
    target = Target("node", id)
    opened = reading(world, actor, Verb.FLEET_READ, target)
    if not dry_run:
        opened = acting(world, actor, Verb.FLEET_WRITE, target)
    with opened as tx:
        fleet, now = tx.fleet(tx.get(Node, id).site), world.clock.now()
        old = tx.get(Node, id)
        node, site = _away(old, away, note, now), tx.get(Site, old.site)
        when, shown = _days(site, node), "" if away == AT_ONCE else _days(site, node)
        if old.drained is not None and (old.drained, old.back) != (node.drained, node.back):
            shown = f"{when}, instead of{_days(site, old)}"
        if dry_run:
            with breaches.supposing(fleet, [node]):
                told = breaches.consequence(tx, node.site, [node.pool], now)
        else:
            tx.put(node)
            cause = f"node {id} is drained{when}"
            told = breaches.write_down(world, tx, node.site, [node.pool], cause)
        return replace(_drained(tx, node, told, shown), named=named_at(tx, id, now))


def _away(old: Node, away: Away, note: str, now: datetime) -> Node:
    """The node as it is drained now, or is to be."""
    start, back = away.start, away.until
    check_near("from", start, now)
    check_near("until", back, now)
    if start is None:
        start = now if old.drained is None or now < old.drained else old.drained
    elif start < now and start != old.drained:
        raise Invalid("from", f"{start:%Y-%m-%d %H:%M} UTC has passed; leave it out for now")
    if back is not None and back <= max(start, now):
        raise Invalid("until", f"{back:%Y-%m-%d %H:%M} UTC is not after it is drained")
    if old.until is not None and now < old.until <= max(start, back or start):
        raise Invalid("until", f"{old.id} leaves on {old.until:%Y-%m-%d}, before that")
    drained = old.move(NodeState.DRAINING, note or old.note)
    if now < start:
        if old.state is not NodeState.IN_SERVICE:
            raise Refused(Reason.WRONG_STATE, f"{old.id} is {old.state} already: return it first")
        drained = replace(drained, state=old.state)
    return replace(drained, drained=start, back=back)


def _days(site: Site, node: Node) -> str:
    assert node.drained is not None
    until = "on" if node.back is None else f"until {breaches.day_at(site, node.back)}"
    return f" from {breaches.day_at(site, node.drained)} {until}"


def site_map(world: World, actor: Actor, site: SiteId) -> SiteMap:
    """The whole site: a byte a slot, and what each pool has and has promised.

    What is not in the building yet, or no more, is not on the map.
    """
    with reading(world, actor, Verb.FLEET_READ, Target("site", site)) as tx:
        row = tx.get(Site, site)
        there = (node for node in tx.find(Node, site=site) if node.state not in ELSEWHERE)
        nodes = sorted(there, key=lambda node: (node.block, node.id))
        claims = tx.find(Claim, site=site, open=True)
        leases = {lease.id: lease for lease in tx.find(Lease, site=site, live=True)}
        reservations = tx.find(Reservation, site=site)
    now = world.clock.now()
    views = _joined(nodes, claims, leases)
    slots = b"".join(view.slots for view in views)
    counts = {use: slots.count(use) for use in SlotClass}
    return SiteMap(row, now, tuple(nodes), slots, _pools(views, reservations, now), counts)


def _drained(tx: Tx, node: Node, told: Consequence, when: str) -> Drained:
    view = node_views(tx, [node])[0]
    running = {h.lease.id: h.lease for h in view.holdings if h.lease is not None}
    assert node.drained is not None
    short = sum(
        each.short.nodes
        for each in (*told.broken, *told.still)
        if each.short.during.end > node.drained >= each.short.during.start
    )
    return Drained(view, tuple(running.values()), told, short, when)


def node_views(tx: Tx, nodes: list[Node]) -> list[NodeView]:
    claims = tx.find(Claim, node=tuple(node.id for node in nodes), open=True) if nodes else []
    holders = {claim.holder for claim in claims if claim.kind == HolderKind.LEASE}
    if len(holders) > FEW:
        sites = tuple({node.site for node in nodes})
        return _joined(nodes, claims, {x.id: x for x in tx.find(Lease, site=sites, live=True)})
    found = (tx.peek(Lease, holder) for holder in sorted(holders))
    return _joined(nodes, claims, {lease.id: lease for lease in found if lease is not None})


def _joined(
    nodes: Iterable[Node], claims: Iterable[Claim], leases: Mapping[LeaseId, Lease]
) -> list[NodeView]:
    held: dict[NodeId, list[Holding]] = {}
    for claim in claims:
        lease = leases.get(LeaseId(claim.holder)) if claim.kind == HolderKind.LEASE else None
        held.setdefault(claim.node, []).append(Holding(claim, lease, _use(claim, lease)))
    views = []
    for node in nodes:
        holdings = tuple(held.get(node.id, ()))
        slots = bytearray([_UNCLAIMED[node.state]]) * node.slots
        for holding in holdings:
            for slot in holding.claim.slots:
                slots[slot] = holding.use
        views.append(NodeView(node, holdings, bytes(slots)))
    return views


def _use(claim: Claim, lease: Lease | None) -> SlotClass:
    if claim.kind == HolderKind.CLEANING:
        return SlotClass.CLEANING
    if claim.kind == HolderKind.REPAIR:
        return SlotClass.REPAIR
    if lease is not None:
        return _OF_LEASE[lease.terms.klass]
    return SlotClass.CONTRACT if claim.account else SlotClass.ON_DEMAND


def _pools(
    views: Iterable[NodeView], reservations: Iterable[Reservation], now: datetime
) -> tuple[PoolView, ...]:
    shapes: dict[PoolId, Node] = {}
    nodes, serving, untouched = Counter[PoolId](), Counter[PoolId](), Counter[PoolId]()
    for view in views:
        pool = view.node.pool
        shapes.setdefault(pool, view.node)
        nodes[pool] += view.node.state != NodeState.RETIRED
        serving[pool] += view.node.state == NodeState.IN_SERVICE
        untouched[pool] += view.node.state == NodeState.IN_SERVICE and view.empty
    promised = Counter[PoolId]()
    for held in reservations:
        promised[held.pool] += held.nodes if _in_force(held, now) else 0
    return tuple(
        PoolView(
            pool, node.block, node.chip, nodes[pool], serving[pool], promised[pool], untouched[pool]
        )
        for pool, node in sorted(shapes.items())
    )


def _in_force(held: Reservation, now: datetime) -> bool:
    return held.during.contains(now) and held.counts(now)


def check_note(note: str) -> None:
    if len(note) > LONGEST_NOTE or not all(char.isprintable() for char in note):
        raise Invalid("note", f"a note is one line of at most {LONGEST_NOTE} characters")
