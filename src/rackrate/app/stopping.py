"""Stopping and ending leases whose notice is over: what they are paid from is used up."""

from collections.abc import Callable, Iterable

from rackrate.app.ports import Tx
from rackrate.app.world import World, hint
from rackrate.core.lease import EventKind, Lease, LeaseEvent, ask


def ask_all(
    world: World,
    tx: Tx,
    leases: Iterable[Lease],
    kind: EventKind,
    still: Callable[[Lease], bool],
    cause: str,
) -> list[LeaseEvent]:
    """Ask each of them for this, if it is `still` one to be asked once its site is held."""
    found, asked = list(leases), list[LeaseEvent]()
    for site in sorted({lease.site for lease in found}):
        tx.fleet(site)
    for lease in (tx.get(Lease, each.id) for each in found):
        if still(lease):
            after, event = ask(lease, kind, world.clock.now(), cause)
            tx.record(after, event)
            hint(world, lease.id)
            asked.append(event)
    return asked
