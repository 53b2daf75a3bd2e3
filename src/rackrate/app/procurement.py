"""Purchase orders: placed, advanced, slipped and cancelled; each at once in the calendar."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rackrate.app import breaches, giveway
from rackrate.app.breaches import Consequence
from rackrate.app.electricity import check_fits, check_may_come
from rackrate.app.holds import drop_expired
from rackrate.app.ports import Tx
from rackrate.app.sales import check_amount
from rackrate.app.world import World, acting, check_near, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.contract import Contract
from rackrate.core.errors import Conflict, Invalid, Reason, Refused
from rackrate.core.ids import ContractId, NodeId, PurchaseId, RackId, SiteId
from rackrate.core.interval import Interval, check_instant
from rackrate.core.inventory import ARRIVING, Block, Node, NodeState, Rack, Site
from rackrate.core.money import MOST_WORTH, Money
from rackrate.core.promise import Wish, earliest, room_in
from rackrate.core.purchase import Batch, LeaseBack, PurchaseOrder, steps_to
from rackrate.core.words import nodes_said, part_said


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch with its nodes by state. `late`: its day has passed, and not all are in service."""

    batch: Batch
    states: Mapping[NodeState, int]
    nodes: tuple[NodeId, ...]
    late: bool

    @property
    def arriving(self) -> int:
        return sum(count for state, count in self.states.items() if state in ARRIVING)


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order, where its batches are, and what was leased back of it."""

    order: PurchaseOrder
    batches: tuple[BatchView, ...]
    leased_back: tuple[LeaseBack, ...]

    @property
    def late(self) -> bool:
        return any(batch.late for batch in self.batches)


@dataclass(frozen=True, slots=True)
class Changed:
    """An order after an act, or as it would be after it; and what that does to promises."""

    view: OrderView
    told: Consequence
    dry_run: bool = False


# -- looking ------------------------------------------------------------------------------------


def find(
    world: World,
    actor: Actor,
    site: SiteId | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[OrderView]:
    """Orders by name, with what has become of their batches."""
    with reading(world, actor, Verb.FLEET_READ, Target("purchase_order")) as tx:
        equal: dict[str, Any] = {} if site is None else {"site": tx.get(Site, site).id}
        orders = tx.find(PurchaseOrder, after=after, limit=limit, **equal)
        return _views(tx, orders, world.clock.now())


def show(world: World, actor: Actor, id: PurchaseId) -> OrderView:
    with reading(world, actor, Verb.FLEET_READ, Target("purchase_order", id)) as tx:
        return _views(tx, [tx.get(PurchaseOrder, id)], world.clock.now())[0]


def _views(tx: Tx, orders: Sequence[PurchaseOrder], now: datetime) -> list[OrderView]:
    if not orders:
        return []
    ids = tuple(order.id for order in orders)
    nodes: dict[tuple[PurchaseId, int], list[Node]] = {}
    for node in tx.find(Node, order=ids):
        assert node.order is not None
        nodes.setdefault((node.order, node.batch), []).append(node)
    back: dict[PurchaseId, list[LeaseBack]] = {}
    for each in tx.find(LeaseBack, order=ids):
        back.setdefault(each.order, []).append(each)
    return [
        OrderView(
            order,
            tuple(
                _batch(batch, nodes.get((order.id, batch.number), []), now)
                for batch in sorted(order.batches, key=lambda each: each.number)
            ),
            tuple(back.get(order.id, ())),
        )
        for order in orders
    ]


def _batch(batch: Batch, nodes: Sequence[Node], now: datetime) -> BatchView:
    states = Counter(node.state for node in nodes)
    late = batch.expected <= now and any(node.state in ARRIVING for node in nodes)
    return BatchView(batch, states, tuple(node.id for node in nodes), late)


# -- placing ------------------------------------------------------------------------------------


def place(world: World, actor: Actor, order: PurchaseOrder) -> OrderView:
    """Its nodes are made at once, as ordered, so that the calendar and quotes see them."""
    now = world.clock.now()
    if order.ordered > now:
        raise Invalid("ordered", f"{order.ordered:%Y-%m-%d %H:%M} UTC is still to come")
    check_near("until", order.until, now)
    for batch in order.batches:
        check_near("batches", batch.expected, now)
        if batch.expected <= now:
            day = f"{batch.expected:%Y-%m-%d}"
            raise Invalid("batches", f"batch {batch.number} is expected on {day}, a past day")
    return record(world, actor, order, order.serves)


def record(
    world: World, actor: Actor, order: PurchaseOrder, signed: Sequence[ContractId] = ()
) -> OrderView:
    """The same for an order that runs already: a batch of it may be late, and contracts that it
    serves may come with it; those of `signed` must be there.
    """
    check_amount("price", order.price)
    if order.price_of_all.amount > MOST_WORTH:
        said = f"all nodes come to {order.price_of_all}; {MOST_WORTH:,f} is the most of one order"
        raise Invalid("price", said)
    with acting(world, actor, Verb.FLEET_WRITE, Target("purchase_order", order.id)) as tx:
        if tx.peek(PurchaseOrder, order.id) is not None:
            raise Conflict(f"purchase order {order.id} is already there")
        site, block = tx.get(Site, order.site), tx.get(Block, order.block)
        if block.site != site.id:
            raise Invalid("block", f"{block.id} is at site {block.site}, not at {site.id}")
        if order.entity != site.entity:
            raise Invalid("entity", f"site {site.id} belongs to {site.entity}")
        for contract in signed:
            tx.get(Contract, contract)
        tx.fleet(site.id)
        nodes = tuple(order.new_nodes())
        check_may_come(tx, site.id, nodes, world.clock.now())
        tx.add(order, *nodes)
        cause = f"order {order.id} was placed"
        breaches.write_down(world, tx, site.id, [order.pool], cause)
        return _views(tx, [order], world.clock.now())[0]


def serve(world: World, actor: Actor, id: PurchaseId, contracts: Sequence[ContractId]) -> OrderView:
    """Say which contracts the order was placed for: when it is late, they go short first."""
    with acting(world, actor, Verb.FLEET_WRITE, Target("purchase_order", id)) as tx:
        order = _locked(tx, id)
        for contract in contracts:
            tx.get(Contract, contract)
        return _amended(world, tx, replace(order, serves=tuple(dict.fromkeys(contracts))))


def amend(world: World, actor: Actor, order: PurchaseOrder) -> OrderView:
    """Other words, or other contracts that it serves; what was ordered stays."""
    with acting(world, actor, Verb.FLEET_WRITE, Target("purchase_order", order.id)) as tx:
        old = _locked(tx, order.id)
        new = replace(
            old, supplier=order.supplier, conditions=order.conditions, serves=order.serves
        )
        return _amended(world, tx, new)


def _amended(world: World, tx: Tx, order: PurchaseOrder) -> OrderView:
    tx.put(order)
    cause = f"{order.id} serves {', '.join(order.serves) or 'no contract'}"
    breaches.write_down(world, tx, order.site, [order.pool], cause)
    return _views(tx, [order], world.clock.now())[0]


# -- what becomes of a batch --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """Some nodes of a batch: all that are still to come, so many of them, or just these."""

    batch: int
    count: int | None = None
    nodes: tuple[NodeId, ...] = ()


def advance(
    world: World,
    actor: Actor,
    id: PurchaseId,
    part: Part,
    to: NodeState,
    rack: RackId | None = None,
) -> Changed:
    """These nodes have come so far. Those left behind become a batch of their own."""
    with acting(world, actor, Verb.FLEET_WRITE, Target("purchase_order", id)) as tx:
        order, now = _locked(tx, id), world.clock.now()
        moving, staying = _parted(tx, order, part)
        ahead = [node for node in moving if steps_to(node, to)]
        if not ahead:
            said = f"batch {part.batch} is {' and '.join(sorted({node.state for node in moving}))}"
            raise Refused(Reason.WRONG_STATE, f"{said}: no node of it has {to} before it")
        if to is NodeState.IN_SERVICE and order.until is not None and order.until <= now:
            raise Refused(Reason.WRONG_STATE, f"{id} went back on {order.until:%Y-%m-%d}")
        if rack is not None and tx.get(Rack, rack).site != order.site:
            raise Invalid("rack", f"{rack} is not at site {order.site}")
        order = _split(tx, order, part.batch, moving, staying)
        moved = [_moved(node, to, rack, now) for node in ahead]
        check_fits(tx, order.site, moved)
        tx.put(*moved)
        cause = f"{nodes_said(len(moved))} of {id} batch {part.batch} went to {to}"
        told = breaches.write_down(world, tx, order.site, [order.pool], cause)
        return Changed(_views(tx, [order], now)[0], told)


def slip(
    world: World, actor: Actor, id: PurchaseId, batch: int, to: datetime, dry_run: bool = False
) -> Changed:
    """Another day for what has not come of a batch, and at once every promise that this breaks.

    An earlier day is a slip, too, and mends. With `dry_run` nothing is changed.
    """
    check_instant(to)
    now = world.clock.now()
    if to <= now:
        raise Invalid("to", f"{to:%Y-%m-%d %H:%M} UTC has passed; say when they will come")
    check_near("to", to, now)
    target = Target("purchase_order", id)
    opened = reading(world, actor, Verb.FLEET_READ, target)
    if not dry_run:
        opened = acting(world, actor, Verb.FLEET_WRITE, target)
    with opened as tx:
        order = _locked(tx, id)
        before = order.batch(batch).expected
        late = [node for node in _nodes(tx, order, batch) if node.state in ARRIVING]
        if not late:
            said = f"batch {batch} of {id} is in service already: nothing slips"
            raise Refused(Reason.WRONG_STATE, said)
        if order.until is not None and to >= order.until:
            raise Invalid("to", f"{id} goes back on {order.until:%Y-%m-%d}, before that")
        order = order.expecting(batch, to)
        nodes = [replace(node, ready=to) for node in late]
        check_may_come(tx, order.site, nodes, now)
        if dry_run:
            fleet = tx.fleet(order.site)
            with breaches.supposing(fleet, nodes):
                told = breaches.consequence(tx, order.site, [order.pool], now)
        else:
            tx.put(order, *nodes)
            site = tx.get(Site, order.site)
            days = f"from {breaches.day_at(site, before)} to {breaches.day_at(site, to)}"
            cause = f"{id} batch {batch} slipped {days}"
            told = breaches.write_down(world, tx, order.site, [order.pool], cause)
        return Changed(_views(tx, [order], now)[0], told, dry_run)


def cancel(
    world: World,
    actor: Actor,
    id: PurchaseId,
    batch: int,
    force: bool = False,
    dry_run: bool = False,
) -> Changed:
    """What has not come of a batch never will. Refused where that breaks a promise, unless forced:
    then the breach is written down.
    """
    target = Target("purchase_order", id)
    opened = reading(world, actor, Verb.FLEET_READ, target)
    if not dry_run:
        opened = acting(world, actor, Verb.FLEET_WRITE, target)
    with opened as tx:
        order, now = _locked(tx, id), world.clock.now()
        every = _nodes(tx, order, batch)
        gone = [node for node in every if node.state in ARRIVING]
        if not gone:
            raise Refused(Reason.WRONG_STATE, f"batch {batch} of {id} has nothing left to cancel")
        if len(gone) == len(every):
            order = order.cancelling(batch)
        else:
            came = [node for node in every if node.state not in ARRIVING]
            order, rest = order.split(batch, len(came))
            order = order.cancelling(rest)
            gone = [replace(node, batch=rest) for node in gone]
        note = f"batch {batch} of {id} was cancelled"
        retired = [node.move(NodeState.RETIRED, note) for node in gone]
        fleet = tx.fleet(order.site)
        with breaches.supposing(fleet, retired):
            told = breaches.consequence(tx, order.site, [order.pool], now)
        if not dry_run:
            breaches.refuse_breaking(told, force, f"cancelling batch {batch} of {id}")
            tx.put(order, *retired)
            told = breaches.write_down(world, tx, order.site, [order.pool], note)
        return Changed(_views(tx, [order], now)[0], told, dry_run)


def _locked(tx: Tx, id: PurchaseId) -> PurchaseOrder:
    """The order as it is once nobody else can change its site's fleet."""
    tx.fleet(tx.get(PurchaseOrder, id).site)
    return tx.get(PurchaseOrder, id)


def _nodes(tx: Tx, order: PurchaseOrder, batch: int) -> list[Node]:
    known = order.batch(batch)
    if known.cancelled:
        raise Refused(Reason.WRONG_STATE, f"batch {batch} of {order.id} is cancelled")
    return [node for node in tx.find(Node, order=order.id) if node.batch == batch]


def _parted(tx: Tx, order: PurchaseOrder, part: Part) -> tuple[list[Node], list[Node]]:
    """The nodes that are meant, and the others of their batch."""
    every = _nodes(tx, order, part.batch)
    if part.nodes:
        known = {node.id for node in every}
        unknown = [node for node in part.nodes if node not in known]
        if unknown:
            raise Invalid("nodes", f"{unknown[0]} is not of batch {part.batch} of {order.id}")
        chosen = frozenset(part.nodes)
    elif part.count is not None:
        coming = [node.id for node in every if node.state in ARRIVING]
        if not 1 <= part.count <= len(coming):
            there = f"batch {part.batch} has {nodes_said(len(coming))} still to come"
            raise Invalid("count", f"{there}, not {part.count}")
        chosen = frozenset(coming[: part.count])
    else:
        chosen = frozenset(node.id for node in every)
    return (
        [node for node in every if node.id in chosen],
        [node for node in every if node.id not in chosen],
    )


def _split(
    tx: Tx, order: PurchaseOrder, batch: int, moving: Sequence[Node], staying: Sequence[Node]
) -> PurchaseOrder:
    """What is left behind and still to come becomes a batch of its own, which may slip."""
    behind = [node for node in staying if node.state in ARRIVING]
    if not behind:
        return order
    order, rest = order.split(batch, len(moving) + len(staying) - len(behind))
    tx.put(order, *(replace(node, batch=rest) for node in behind))
    return order


def _moved(node: Node, to: NodeState, rack: RackId | None, now: datetime) -> Node:
    for state in steps_to(node, to):
        node = node.move(state, node.note)
    ready = now if to is NodeState.IN_SERVICE else node.ready
    return replace(node, ready=ready, rack=node.rack if rack is None else rack)


# -- leased back --------------------------------------------------------------------------------


def lease_back(
    world: World, actor: Actor, id: PurchaseId, nodes: int, during: Interval, monthly: Money
) -> LeaseBack:
    """Promise nodes of the order's pool to its supplier, as a reservation of its own kind."""
    if not 1 <= nodes <= 1_000_000:
        raise Invalid("nodes", f"{nodes} is not 1 to 1,000,000")
    if monthly.minor < 0:
        raise Invalid("monthly", f"{monthly} is negative")
    with acting(world, actor, Verb.FLEET_WRITE, Target("purchase_order", id)) as tx:
        order, now = _locked(tx, id), world.clock.now()
        if during.end <= now:
            raise Invalid("until", f"{during.end:%Y-%m-%d} has passed")
        drop_expired(tx, order.site, now)
        site, pool = tx.get(Site, order.site), tx.fleet(order.site).pools[order.pool]
        kept, moment = site.spare_percent + site.moment_percent, site.moment_percent
        notice = giveway.longest_notice(tx, site.id, order.chip, now)
        wish = Wish(nodes, during, now, notice, kept, moment_percent=moment)
        room = room_in(pool, wish)
        if room < nodes:
            starts = earliest([pool], wish)
            said = f"{part_said(room, nodes)} of {pool.id} can be promised over {during}"
            said += "" if starts is None else f"; all from {starts:%Y-%m-%d %H:%M} UTC"
            first = None if starts is None else starts.isoformat()
            raise Refused(Reason.NO_CAPACITY, said, {"nodes": room, "earliest": first})
        name = world.ids.new("lbk")
        back = LeaseBack(name, id, order.site, order.pool, nodes, during, monthly, now)
        held = Reservation(
            back.id, order.site, order.pool, nodes, during, ReservationKind.LEASE_BACK, back.id
        )
        tx.add(back, held)
        giveway.tell(world, tx, order.site)
        return back
