"""Delivery: nodes are named when it comes near, handed over, and accepted; billing starts there."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rackrate.app.ports import Tx
from rackrate.app.promising import held_by
from rackrate.app.sales import owner_of
from rackrate.app.world import World, acting, reading
from rackrate.core.access import Actor, Verb
from rackrate.core.calendar import SPOT_ACCOUNT, Claim, Reservation
from rackrate.core.contract import (
    Acceptance,
    Commitment,
    Contract,
    Delivery,
    chain,
    delivery_id,
)
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import ContractId, NodeId, PoolId, SiteId
from rackrate.core.inventory import Node, NodeState

NAMED_AHEAD = timedelta(days=30)
BY_HEALTH = "health"
BY_NOBODY = "nobody: the terms ask for no acceptance"


@dataclass(frozen=True, slots=True)
class Replaced:
    """A batch in which a node was named in the place of another."""

    batch: Delivery
    gone: NodeId
    came: NodeId


@dataclass(frozen=True, slots=True)
class Failed:
    """A node that was handed over and is out of service, and those that could take its place."""

    node: Node
    batch: str
    free: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """For whom a node was handed over, and how many free nodes could take its place."""

    node: NodeId
    contract: ContractId
    batch: str
    free: int

    @property
    def said(self) -> str:
        can = f"{self.free:,} free nodes" if self.free != 1 else "1 free node"
        how = f": rackrate contract replace {self.contract} {self.node}" if self.free else ""
        return f"1 node of {self.contract} is named here; {can} could take its place{how}"


def deliver(
    world: World,
    actor: Actor,
    id: ContractId,
    commitment: int,
    number: int,
    names: Sequence[NodeId] = (),
) -> Delivery:
    """Hand over a batch: its nodes are named, by the asker or from those that are free.

    Until it is accepted, other nodes may be named; when it was handed over stays.
    """
    batch = delivery_id(id, commitment, number)
    with acting(world, actor, Verb.FLEET_WRITE, owner_of(id)) as tx:
        _, _, promised = _found(tx, id, batch)
        if not promised.nodes:
            return _done(world, tx, batch, names)
        assert promised.site is not None
        fleet, now = tx.fleet(promised.site), world.clock.now()
        contract, delivery = tx.get(Contract, id), tx.get(Delivery, batch)
        promised = _in_force(contract, delivery, now)
        free = _free(tx, contract, promised, delivery, list(fleet.nodes), now)
        left = _left(tx, contract, promised, delivery)
        named = _given(names, free, left, delivery) if names else _chosen(free, left, delivery)
        after = delivery.handed_over(delivery.delivered or now, named)
        if contract.terms.acceptance is Acceptance.NONE:
            after = after.taken(now, BY_NOBODY)
        tx.put(after, *_marked(tx, contract, delivery.names, named))
        return after


def _done(world: World, tx: Tx, batch: str, names: Sequence[NodeId]) -> Delivery:
    """What is paid once is handed over: it waits to be accepted, by the customer or with health."""
    delivery = tx.get(Delivery, batch)
    if names:
        raise Invalid("names", f"{batch} is work, and no nodes")
    if delivery.delivered is not None:
        when = f"{delivery.delivered:%Y-%m-%d %H:%M} UTC"
        raise Refused(Reason.WRONG_STATE, f"{batch} was handed over at {when}")
    after = delivery.handed_over(world.clock.now(), ())
    tx.put(after)
    return after


def replace_node(
    world: World, actor: Actor, id: ContractId, name: NodeId, by: NodeId | None = None
) -> Replaced:
    """Name a free, healthy node of the same pool in the place of one that was handed over.

    Acceptance and billing stay as they are. Without `by`: the first that is free and unnamed.
    """
    with acting(world, actor, Verb.FLEET_WRITE, owner_of(id)) as tx:
        tx.get(Contract, id)
        node, now = tx.get(Node, name), world.clock.now()
        tx.fleet(node.site)
        contract, batch = tx.get(Contract, id), _naming(tx, id, name, now)
        if batch is None:
            raise Refused(Reason.WRONG_STATE, f"{name} is named in no batch of {id} that goes on")
        free = _standing_by(tx, contract, batch, node, now)
        if not free or (by is not None and by not in free):
            these = f"{by} cannot take the place of {name}; these could: {', '.join(free[:8])}"
            none = f"no node of {node.pool} is in service, free and named for nobody"
            raise Refused(Reason.NO_CAPACITY, these if free else none, {"nodes": len(free)})
        came = by or free[0]
        names = tuple(sorted({*batch.names, came} - {name}))
        after = replace(batch, names=names)
        tx.put(after, *_marked(tx, contract, (name,), (came,)))
        return Replaced(after, name, came)


def failed(world: World, actor: Actor, id: ContractId) -> list[Failed]:
    """Nodes of a contract's batches that are out of service, for whoever may replace them."""
    with reading(world, actor, Verb.FLEET_WRITE, owner_of(id)) as tx:
        contract, now = tx.get(Contract, id), world.clock.now()
        found: list[Failed] = []
        for batch in tx.find(Delivery, contract=id):
            if not _goes_on(contract, batch, now):
                continue
            for node in (tx.get(Node, name) for name in batch.names):
                if node.state is not NodeState.IN_SERVICE:
                    free = _standing_by(tx, contract, batch, node, now)
                    found.append(Failed(node, batch.id, tuple(free)))
        return found


def named_at(tx: Tx, id: NodeId, now: datetime) -> Named | None:
    """Whose node this is by a delivery, and how many could take its place; as the fleet is now."""
    node = tx.get(Node, id)
    contract = None if node.named_for is None else tx.peek(Contract, ContractId(node.named_for))
    batch = None if contract is None else _naming(tx, contract.id, id, now)
    if contract is None or batch is None:
        return None
    free = _standing_by(tx, contract, batch, node, now)
    return Named(id, contract.id, batch.id, len(free))


def accept(world: World, actor: Actor, id: ContractId, commitment: int, number: int) -> Delivery:
    """The customer accepts a batch that was handed over: it is billed from now on."""
    with acting(world, actor, Verb.DELIVERY_ACCEPT, owner_of(id)) as tx:
        _, delivery, _ = _found(tx, id, delivery_id(id, commitment, number))
        if delivery.accepted is not None:
            when = f"{delivery.accepted:%Y-%m-%d %H:%M} UTC"
            raise Refused(Reason.WRONG_STATE, f"{delivery.id} was accepted at {when}")
        if delivery.delivered is None:
            due = f"{delivery.due:%Y-%m-%d %H:%M} UTC"
            raise Refused(Reason.TOO_EARLY, f"{delivery.id} is not delivered yet; due at {due}")
        after = delivery.taken(world.clock.now(), actor.principal)
        tx.put(after)
        return after


def accept_healthy(tx: Tx, site: SiteId, now: datetime) -> list[Delivery]:
    """After a pass in which the site's engine answered: what health evidence accepts.

    Every named node is in service, and the engine that answered has them.
    """
    taken: list[Delivery] = []
    for each in tx.find(Delivery, awaiting=True):
        if tx.get(Contract, each.contract).terms.acceptance is not Acceptance.HEALTH:
            continue
        nodes = [tx.peek(Node, name) for name in each.names]
        if all(node is not None and _healthy(node, site) for node in nodes):
            taken.append(each.taken(now, BY_HEALTH))
    tx.put(*taken)
    return taken


def _healthy(node: Node, site: SiteId) -> bool:
    return node.site == site and node.state is NodeState.IN_SERVICE


def _found(tx: Tx, id: ContractId, batch: str) -> tuple[Contract, Delivery, Commitment]:
    contract, delivery = tx.get(Contract, id), tx.get(Delivery, batch)
    commitment = contract.commitment(delivery.commitment)
    assert commitment is not None, delivery
    return contract, delivery, commitment


def _naming(tx: Tx, id: ContractId, name: NodeId, now: datetime) -> Delivery | None:
    """The batch of a contract in which a node is named, of what is not over."""
    contract = tx.get(Contract, id)
    named = (each for each in tx.find(Delivery, contract=id) if name in each.names)
    return next((each for each in named if _goes_on(contract, each, now)), None)


def _standing_by(
    tx: Tx, contract: Contract, batch: Delivery, node: Node, now: datetime
) -> list[NodeId]:
    """Nodes of the same pool that could be named in its place; none that is to be drained."""
    pool = [
        each
        for each in tx.fleet(node.site).nodes
        if each.pool == node.pool and each.drained is None and each.id not in batch.names
    ]
    free = _free(tx, contract, _going_on(contract, batch, now)[0], batch, pool, now)
    return list(free)


def _going_on(contract: Contract, delivery: Delivery, now: datetime) -> list[Commitment]:
    """What a batch is for by now, and then what follows that."""
    going = [
        (each.lasts.start, each)
        for each in chain(contract, delivery.commitment)
        if each.lasts is not None and now < each.lasts.end
    ]
    return [each for _, each in sorted(going, key=lambda one: one[0])]


def _in_force(contract: Contract, delivery: Delivery, now: datetime) -> Commitment:
    """What a batch can be handed over for by now: its commitment, or what goes on after that."""
    if delivery.accepted is not None:
        raise Refused(Reason.WRONG_STATE, f"{delivery.id} is delivered and accepted")
    going = _going_on(contract, delivery, now)
    if not going:
        raise Refused(Reason.TOO_LATE, f"what {delivery.id} is for is over")
    first = delivery.due - NAMED_AHEAD
    if now < first:
        raise Refused(
            Reason.TOO_EARLY,
            f"{delivery.id} is due at {delivery.due:%Y-%m-%d %H:%M} UTC; its nodes are named from "
            f"{first:%Y-%m-%d %H:%M} UTC on, and may be planned anew until then",
            {"earliest": first.isoformat()},
        )
    return going[0]


def _free(
    tx: Tx,
    contract: Contract,
    commitment: Commitment,
    delivery: Delivery,
    nodes: Iterable[Node],
    now: datetime,
) -> dict[NodeId, PoolId]:
    """Nodes of its pools that can be handed over: in service, not others', not named before."""
    pools = _promised(tx, contract, commitment)
    named = _named(tx, pools, delivery, now)
    return {
        node.id: node.pool
        for node in sorted(nodes, key=lambda node: (node.drained is not None, node.id))
        if pools[node.pool] > 0
        and node.state is NodeState.IN_SERVICE
        and node.id not in named
        and not _held_by_others(tx, node, contract)
    }


def _marked(
    tx: Tx, contract: Contract, before: Sequence[NodeId], named: Sequence[NodeId]
) -> list[Node]:
    """Nodes say for whom they were named: leases of the contract go there first, others last."""
    marked = [replace(tx.get(Node, name), named_for=contract.id) for name in named]
    left = (tx.get(Node, name) for name in sorted({*before} - {*named}))
    return marked + [replace(n, named_for=None) for n in left if n.named_for == contract.id]


def _promised(tx: Tx, contract: Contract, commitment: Commitment) -> Counter[PoolId]:
    """How many nodes of each pool are promised to the commitment."""
    pools = Counter[PoolId]()
    for held in held_by(tx, contract, commitment):
        if held.holder == contract.id:
            pools[held.pool] += held.nodes
    return pools


def _left(
    tx: Tx, contract: Contract, commitment: Commitment, delivery: Delivery
) -> Counter[PoolId]:
    """How many nodes of each pool its other batches leave."""
    left = _promised(tx, contract, commitment)
    for each in tx.find(Delivery, contract=contract.id):
        if each.commitment == delivery.commitment and each.id != delivery.id:
            left.subtract(tx.get(Node, name).pool for name in each.names)
    return left


def _named(tx: Tx, pools: Iterable[PoolId], delivery: Delivery, now: datetime) -> set[NodeId]:
    """Nodes that are named for other batches, of anybody whose term is not over."""
    held = tx.find(Reservation, pool=tuple(pools))
    holders = tuple(sorted({each.holder for each in held if now < each.during.end}))
    if not holders:
        return set()
    contracts = {each.id: each for each in tx.find(Contract, id=holders)}
    return {
        name
        for each in tx.find(Delivery, contract=holders)
        if each.id != delivery.id and _goes_on(contracts[each.contract], each, now)
        for name in each.names
    }


def _goes_on(contract: Contract, delivery: Delivery, now: datetime) -> bool:
    """Whether what the batch is for is not over, or what follows it."""
    return bool(_going_on(contract, delivery, now))


def _held_by_others(tx: Tx, node: Node, contract: Contract) -> bool:
    """Of others, that is, than the contract itself and spot, which makes room for it."""
    here = {claim.account for claim in tx.find(Claim, node=node.id, open=True)}
    return bool(here - {contract.id, SPOT_ACCOUNT})


def _chosen(
    free: Mapping[NodeId, PoolId], left: Counter[PoolId], delivery: Delivery
) -> tuple[NodeId, ...]:
    """The first of each pool, from the pool that has most to give."""
    chosen: list[NodeId] = []
    for pool, most in sorted(left.items(), key=lambda item: (-item[1], item[0])):
        here = [name for name, place in free.items() if place == pool]
        chosen += here[: max(0, min(most, delivery.nodes - len(chosen)))]
    if len(chosen) < delivery.nodes:
        raise Refused(
            Reason.NO_CAPACITY,
            f"{len(chosen)} of {delivery.nodes} nodes of {delivery.id} are in service and free",
            {"nodes": len(chosen)},
        )
    return tuple(sorted(chosen))


def _given(
    names: Sequence[NodeId],
    free: Mapping[NodeId, PoolId],
    left: Counter[PoolId],
    delivery: Delivery,
) -> tuple[NodeId, ...]:
    if len(set(names)) != delivery.nodes or len(names) != delivery.nodes:
        raise Invalid("names", f"{delivery.id} is {delivery.nodes} nodes, each named once")
    wrong = next((name for name in sorted(names) if name not in free), None)
    if wrong is not None:
        could = ", ".join(list(free)[:8]) or "none"
        raise Refused(
            Reason.NO_CAPACITY,
            f"{wrong} is not in service and free among the nodes promised; these are: {could}",
            {"nodes": len(free)},
        )
    for pool, count in Counter(free[name] for name in names).items():
        if count > left[pool]:
            raise Refused(
                Reason.NO_CAPACITY,
                f"{max(0, left[pool])} nodes of pool {pool} are promised and not named yet, "
                f"not {count}",
                {"nodes": max(0, left[pool])},
            )
    return tuple(sorted(names))
