"""The life of one node: into service, into repair and back, cleaned, and retired."""

from dataclasses import dataclass, replace
from datetime import datetime

from rackrate.app import breaches
from rackrate.app.breaches import Consequence
from rackrate.app.delivery import Named, named_at
from rackrate.app.electricity import check_fits
from rackrate.app.fleet import NodeView, check_note, node_views
from rackrate.app.ports import Tx
from rackrate.app.world import World, acting, check_near, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.calendar import AWAITED, Claim
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import NodeId, RackId
from rackrate.core.interval import check_instant
from rackrate.core.inventory import Node, NodeState, Rack, Site

EMPTY_FIRST = frozenset({NodeState.IN_REPAIR, NodeState.CLEANING, NodeState.RETIRED})


@dataclass(frozen=True, slots=True)
class Step:
    """Where a node goes. `expected` is when it will be in service; with `retired`, when it leaves:
    until then it serves on. `force`: even if that breaks a promise.
    """

    to: NodeState
    expected: datetime | None = None
    note: str = ""
    rack: RackId | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """A node after its step, or as it would be, and what that does to promises."""

    view: NodeView
    told: Consequence
    dry_run: bool = False
    named: Named | None = None


def move(world: World, actor: Actor, id: NodeId, step: Step, dry_run: bool = False) -> Moved:
    """Take the step and tell at once what it breaks. The same step twice is one step."""
    check_note(step.note)
    target = Target("node", id)
    opened = reading(world, actor, Verb.FLEET_READ, target)
    if not dry_run:
        opened = acting(world, actor, Verb.FLEET_WRITE, target)
    with opened as tx:
        fleet, now = tx.fleet(tx.get(Node, id).site), world.clock.now()
        old = tx.get(Node, id)
        _check_dates(step, now)
        node = _stepped(tx, old, step, now)
        check_fits(tx, node.site, [node])
        with breaches.supposing(fleet, [node]):
            told = breaches.consequence(tx, node.site, [node.pool], now)
        if not dry_run:
            if step.to is NodeState.RETIRED:
                breaches.refuse_breaking(told, step.force, f"retiring {id}")
            tx.put(node)
            told = breaches.write_down(
                world, tx, node.site, [node.pool], _cause(tx, old, node, step)
            )
        named = named_at(tx, id, now) if step.to in EMPTY_FIRST else None
        return Moved(node_views(tx, [node])[0], told, dry_run, named)


def return_node(world: World, actor: Actor, id: NodeId, note: str = "") -> NodeView:
    """Offer the node again, after a drain or a repair. Returning twice is returning once."""
    return move(world, actor, id, Step(NodeState.IN_SERVICE, note=note)).view


def _check_dates(step: Step, now: datetime) -> None:
    if step.expected is None:
        if step.to is NodeState.IN_REPAIR:
            raise Invalid("expected", "say when the node will be back from repair")
        return
    check_instant(step.expected)
    check_near("expected", step.expected, now)
    if step.expected <= now:
        raise Invalid("expected", f"{step.expected:%Y-%m-%d %H:%M} UTC has passed")
    if step.to not in AWAITED | {NodeState.RETIRED}:
        raise Invalid("expected", f"a node that goes to {step.to} is not awaited")


def _stepped(tx: Tx, old: Node, step: Step, now: datetime) -> Node:
    to = step.to
    if to is NodeState.DRAINING:
        raise Invalid("to", "a node is drained by itself: rackrate node drain")
    if step.rack is not None and tx.get(Rack, step.rack).site != old.site:
        raise Invalid("rack", f"{step.rack} is not at site {old.site}")
    note = step.note or ("" if to is NodeState.IN_SERVICE else old.note)
    if to is NodeState.RETIRED and step.expected is not None:
        if old.state is NodeState.RETIRED:
            raise Refused(Reason.WRONG_STATE, f"node {old.id} is retired already")
        return _dated(old, old.ready, step.expected, note)
    if to in EMPTY_FIRST:
        _check_empty(tx, old, to)
    node = _back(old, to)
    if node.state is NodeState.IN_SERVICE and to in EMPTY_FIRST:
        node = node.move(NodeState.DRAINING, note)
    moved = node.move(to, note)
    if step.rack is not None:
        moved = replace(moved, rack=step.rack)
    if to is NodeState.IN_SERVICE and old.until is not None and old.until <= now:
        raise Refused(Reason.WRONG_STATE, f"{old.id} left on {old.until:%Y-%m-%d}")
    if to is NodeState.IN_SERVICE and old.state in AWAITED:
        return replace(moved, ready=now)
    return _dated(moved, step.expected or moved.ready, moved.until, note)


def _back(node: Node, to: NodeState) -> Node:
    """Its drain is over, except where it is cleaned first."""
    return node if to is NodeState.CLEANING else replace(node, drained=None, back=None)


def _dated(node: Node, ready: datetime | None, until: datetime | None, note: str) -> Node:
    if ready is not None and until is not None and not ready < until:
        raise Invalid("expected", f"{node.id} leaves on {until:%Y-%m-%d}, before that")
    return replace(node, ready=ready, until=until, note=note)


def _check_empty(tx: Tx, node: Node, to: NodeState) -> None:
    held = [claim.holder for claim in tx.find(Claim, node=node.id, open=True)]
    if held:
        raise Refused(
            Reason.IN_USE,
            f"node {node.id} is not empty, and goes to {to} only then; it holds "
            f"{', '.join(sorted(set(held)))}: drain it first",
            {"holders": sorted(set(held))},
        )


def _cause(tx: Tx, old: Node, node: Node, step: Step) -> str:
    if step.expected is None:
        return f"node {node.id} went from {old.state} to {node.state}"
    word = "leaves on" if step.to is NodeState.RETIRED else f"is {node.state}, expected back on"
    return f"node {node.id} {word} {breaches.day_at(tx.get(Site, node.site), step.expected)}"
