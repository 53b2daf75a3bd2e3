"""Leases under a contract have what it commits to now: what is beyond it is told to end."""

from collections import Counter
from datetime import datetime

from rackrate.app.ports import Tx
from rackrate.app.world import World, hint
from rackrate.core.contract import Contract
from rackrate.core.ids import ChipId, ContractId, NodeId, SiteId
from rackrate.core.inventory import Sku
from rackrate.core.lease import EventKind, Lease, LeaseEvent, Wanted

BEYOND = "its contract has no nodes for it any more"


def end_uncovered(world: World, tx: Tx, site: SiteId) -> None:
    """Leases whose contract is over, has shrunk, or has other chips by now; the newest go first.

    Nobody pays for them any more, and their nodes may be promised to others.
    """
    now = world.clock.now()
    under: dict[ContractId, list[Lease]] = {}
    for lease in tx.find(Lease, live=True, site=site):
        if lease.terms.contract is not None and lease.members and lease.wanted is Wanted.RUNNING:
            under.setdefault(lease.terms.contract, []).append(lease)
    for id, leases in under.items():
        left = _committed(tx, tx.get(Contract, id), site, now)
        used: set[NodeId] = set()
        for lease in sorted(leases, key=lambda lease: (lease.created, lease.id)):
            chip = tx.get(Sku, lease.terms.sku).chip
            more = {member.node for member in lease.members} - used
            if len(more) <= left[chip]:
                left[chip] -= len(more)
                used |= more
            else:
                _end(world, tx, lease, now)


def _committed(tx: Tx, contract: Contract, site: SiteId, now: datetime) -> Counter[ChipId]:
    """How many nodes of each chip the contract has at the site now."""
    nodes = Counter[ChipId]()
    for each in contract.capacity_at(now):
        if each.site == site and each.sku is not None:
            nodes[tx.get(Sku, each.sku).chip] += each.nodes
    return nodes


def _end(world: World, tx: Tx, lease: Lease, now: datetime) -> None:
    event = LeaseEvent(lease.id, lease.seq + 1, now, now, EventKind.END_REQUESTED, BEYOND)
    tx.record(lease.apply(event), event)
    hint(world, lease.id)
