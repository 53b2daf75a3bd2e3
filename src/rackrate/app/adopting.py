"""Workloads that run already become leases: claimed, with a history from now on, and left alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rackrate.app import committed, giveway
from rackrate.app.ports import Engine, Tx
from rackrate.app.world import World, acting, hint
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.calendar import Claim, HolderKind
from rackrate.core.contract import Contract
from rackrate.core.errors import Conflict, Invalid, Missing, Reason, Refused
from rackrate.core.giveway import safe_at_start
from rackrate.core.ids import ContractId, LeaseId, NodeId, PoolId, ProjectId, SkuId
from rackrate.core.interval import Span
from rackrate.core.inventory import Node, NodeState, Sku
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent, Terms, requested
from rackrate.core.parties import Customer, Project
from rackrate.core.placement import Fleet
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.slots import Slots, all_slots
from rackrate.core.workload import Found, Limits, Member, MemberPhase, Spec

SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Adoption:
    """What runs where, for whom. `id` is its name here, and in the engine that already runs it.

    `nodes` are those of a whole-node SKU, or with the slots that it has of each. It has run
    `since` then; what it used before it is adopted was billed elsewhere.
    """

    id: LeaseId
    project: ProjectId
    sku: SkuId
    nodes: tuple[tuple[NodeId, Slots | None], ...]
    since: datetime
    contract: ContractId | None = None
    spec: Spec = field(default_factory=Spec)
    title: str = ""


def adopt(world: World, actor: Actor, row: Adoption) -> Lease:
    """The lease of a workload that runs already. Nothing is started where it is found running."""

    def owner(tx: Tx) -> Target:
        project = tx.get(Project, row.project)
        return Target("lease", row.id, project.customer, project.id)

    with acting(world, actor, Verb.FLEET_WRITE, owner) as tx:
        if tx.peek(Lease, row.id) is not None:
            raise Conflict(f"lease {row.id} is already there")
        sku = tx.get(Sku, row.sku)
        fleet, now = tx.fleet(sku.site), world.clock.now()
        members = _members(tx, row, sku)
        terms = _terms(tx, row, sku, members, now)
        _check_free(fleet, terms, members, now)
        found = _found(world.engine(sku.site), row)
        tx.add(*_claims(fleet, terms, members, now))
        safe = safe_at_start(fleet, members, now) if terms.contract is None else None
        lease, events = _history(terms, members, row, found, now, safe)
        tx.record(lease, *events)
        lease = giveway.begun(world, tx, lease)
    hint(world, lease.id)
    return lease


def _members(tx: Tx, row: Adoption, sku: Sku) -> tuple[Member, ...]:
    members: list[Member] = []
    for rank, (name, slots) in enumerate(row.nodes):
        node = tx.get(Node, name)
        if node.site != sku.site or node.chip != sku.chip:
            raise Invalid("nodes", f"{name} is {node.chip} at {node.site}, and {sku.id} is not")
        if node.state not in (NodeState.IN_SERVICE, NodeState.DRAINING):
            raise Invalid("nodes", f"{name} is {node.state}: nothing can run on it")
        whole = all_slots(node.slots)
        taken = whole if slots is None else slots
        if taken.bits & ~whole.bits:
            raise Invalid("nodes", f"{name} has slots 0 to {node.slots - 1}, not {taken}")
        if sku.whole_node and taken != whole:
            raise Invalid("nodes", f"{sku.id} is a whole node: leave out the slots of {name}")
        members.append(Member(rank, name, taken))
    sizes = {len(member.slots) for member in members}
    if len(sizes) > 1 or next(iter(sizes)) % sku.slots:
        raise Invalid("nodes", f"each must have as many slots, by {sku.slots}, as {sku.id} is")
    return tuple(members)


def _terms(tx: Tx, row: Adoption, sku: Sku, members: tuple[Member, ...], now: datetime) -> Terms:
    project = tx.get(Project, row.project)
    units = 1 if sku.whole_node else len(members[0].slots) // sku.slots
    klass = LeaseClass.ON_DEMAND
    if row.contract is None:
        currency = tx.get(Customer, project.customer).currency
        book = PriceBook(tx.find(Price, sku=sku.id, klass=klass, currency=currency))
        book.of(project.customer).at(sku.id, klass, currency, now)
    else:
        contract = tx.get(Contract, row.contract)
        if contract.customer != project.customer:
            raise Missing("contract", contract.id)
        klass = committed.class_under(tx, contract, sku, now)
        committed.check_reserved(tx, contract, sku, klass, now)
    return Terms(
        row.id,
        project.customer,
        project.id,
        sku.site,
        sku.id,
        klass,
        row.contract,
        len(members) if sku.whole_node else units,
        len(members),
        len(members[0].slots),
        Limits(
            sku.limits.milli_cpus * units,
            sku.limits.memory_mib * units,
            sku.limits.disk_mib * units,
        ),
        row.spec,
        row.title,
    )


def _check_free(fleet: Fleet, terms: Terms, members: tuple[Member, ...], now: datetime) -> None:
    """Refused where a node is taken by another, or promised to others than these."""
    by_node: dict[NodeId, list[Claim]] = {}
    for claim in fleet.claims.values():
        by_node.setdefault(claim.node, []).append(claim)
    opened: dict[PoolId, int] = {}
    for member in members:
        account = terms.account
        for claim in by_node.get(member.node, ()):
            if claim.slots.bits & member.slots.bits or claim.account != account:
                raise Refused(
                    Reason.NO_CAPACITY,
                    f"{member.node}[{member.slots}] is taken: {claim.holder} has "
                    f"{claim.node}[{claim.slots}] for {claim.kind}",
                    {"node": member.node, "holder": claim.holder},
                )
        if member.node not in by_node:
            pool = fleet.nodes[fleet.number[member.node]].pool
            opened[pool] = opened.get(pool, 0) + 1
    for pool, nodes in opened.items():
        free = fleet.may_open(pool, terms.account, now)
        if free < nodes:
            whose = f"{terms.contract} has" if terms.contract else "what is sold by the moment has"
            raise Refused(
                Reason.NO_CAPACITY,
                f"{whose} room for {max(0, free)} more nodes of {pool} now, not {nodes}; the "
                "others are promised",
                {"nodes_free": max(0, free)},
            )


def _found(engine: Engine, row: Adoption) -> Found | None:
    """What the engine has of it. A simulated site has no machines, and is told to pretend."""
    found = engine.observe((row.id,)).get(row.id)
    if found is None and engine.isolation != SIMULATED:
        raise Refused(
            Reason.WRONG_STATE,
            f"the engine finds nothing running that is called {row.id}; name it as the engine "
            "does, or start it with `rackrate lease start`",
        )
    if found is not None and found.phase is not MemberPhase.READY:
        raise Refused(Reason.WRONG_STATE, f"{row.id} is {found.phase} in its engine, not ready")
    if found is not None and found.generation != 1:
        # Events count the generations of a lease, and those before it was adopted are not known.
        text = f"{row.id} was started {found.generation} times in its engine; start it anew here"
        raise Refused(Reason.WRONG_STATE, text)
    if found is not None and len(found.members) != len(row.nodes):
        raise Invalid("nodes", f"{row.id} runs on {len(found.members)} nodes in its engine")
    return found


def _history(
    terms: Terms,
    members: tuple[Member, ...],
    row: Adoption,
    found: Found | None,
    now: datetime,
    safe: datetime | None,
) -> tuple[Lease, list[LeaseEvent]]:
    """From the adoption on. What is found running runs; what is simulated is to be started."""
    since = f"adopted; it has run since {row.since:%Y-%m-%d %H:%M} UTC"
    lease, first = requested(terms, members, now, safe)
    events = [replace(first, cause=since)]
    if found is None:
        return lease, events
    for kind in (EventKind.STARTING, EventKind.RUNNING):
        event = LeaseEvent(terms.id, lease.seq + 1, now, now, kind, "found running")
        lease = lease.apply(event)
        events.append(event)
    return lease, events


def _claims(fleet: Fleet, terms: Terms, members: tuple[Member, ...], now: datetime) -> list[Claim]:
    during = Span(fleet.starts_at(members, now))
    return [
        Claim(
            f"{terms.id}/1/{member.rank}",
            terms.site,
            member.node,
            member.slots,
            during,
            HolderKind.LEASE,
            terms.id,
            terms.account,
        )
        for member in members
    ]


def differences(lease: Lease, row: Adoption) -> Mapping[str, tuple[object, object]]:
    """What a file says otherwise of a lease that is there already; its spec is not compared."""
    terms = lease.asked_terms
    found: dict[str, tuple[object, object]] = {
        "project": (terms.project, row.project),
        "sku": (terms.sku, row.sku),
        "contract": (terms.contract, row.contract),
    }
    if lease.members and lease.generation == 1:
        was = ", ".join(sorted(member.node for member in lease.members))
        found["nodes"] = (was, ", ".join(sorted(node for node, _ in row.nodes)))
    return {name: pair for name, pair in found.items() if pair[0] != pair[1]}
