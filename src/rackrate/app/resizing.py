"""Another shape for a lease: more or fewer units, or another SKU of its site, while it is stopped.

What it used before is billed as it was, and what it uses from its next start on as it is then.
"""

from dataclasses import dataclass

from rackrate.app.leasing import check_promise, shape_of
from rackrate.app.world import World, acting, owned_by_project
from rackrate.core.access import Actor, Verb
from rackrate.core.errors import Invalid
from rackrate.core.ids import LeaseId, SkuId
from rackrate.core.inventory import Sku
from rackrate.core.lease import Lease, Shape, Terms, reshape


@dataclass(frozen=True, slots=True)
class NewShape:
    """What of its shape changes; None stays as it is. `nodes` is not for whole nodes."""

    count: int | None = None
    nodes: int | None = None
    sku: SkuId | None = None


def resize(world: World, actor: Actor, id: LeaseId, new: NewShape) -> Lease:
    """Its next start places it anew, and may be refused. The shape that it has changes nothing."""
    owner = owned_by_project("lease", Lease, id)
    with acting(world, actor, Verb.LEASE_WRITE, owner) as tx:
        # The site's lock orders this with the loop's own writing of the same lease.
        tx.fleet(tx.get(Lease, id).site)
        lease = tx.get(Lease, id)
        terms = lease.terms
        sku = tx.get(Sku, new.sku or terms.sku)
        if sku.site != terms.site:
            raise Invalid("sku", f"{sku.id} is at {sku.site}, and {id} stays at {terms.site}")
        shape = _wanted(tx.get(Sku, terms.sku), sku, terms, new)
        if shape == terms.shape:
            return lease
        check_promise(world, tx, terms.shaped(shape), sku, starts=False)
        cause = f"asked by {actor.principal}: {_said(shape.count, shape.nodes, sku)}"
        lease, event = reshape(lease, shape, world.clock.now(), cause)
        tx.record(lease, event)
        return lease


def _wanted(old: Sku, sku: Sku, terms: Terms, new: NewShape) -> Shape:
    """What is left out stays; from whole nodes to parts of them, or back, the count is said."""
    if old.whole_node != sku.whole_node and new.count is None:
        raise Invalid("count", f"say how many {sku.id}: {old.id} is counted otherwise")
    gang = not sku.whole_node and not old.whole_node
    nodes = new.nodes or (terms.nodes if gang else 1)
    return shape_of(sku, new.count or terms.count, nodes)


def _said(count: int, nodes: int, sku: Sku) -> str:
    return f"{count} x {sku.id}" + ("" if sku.whole_node or nodes == 1 else f" on {nodes} nodes")
