"""Spot makes room: who comes waits for as long as its notice, and is placed when it has gone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rackrate.app import giveway, outbox, placing
from rackrate.app.ports import Tx
from rackrate.app.world import World, hint
from rackrate.core.ids import LeaseId, SiteId
from rackrate.core.inventory import Sku
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent, Phase, Terms
from rackrate.core.placement import Fleet, NoFit, Request
from rackrate.core.spot import Guest, Waiting, gives_room, leaves_room, safe_there, who_goes
from rackrate.core.workload import Member

WANTED = "its nodes are wanted by others, and spot makes room"
WAITS = "waits for spot to make room"
PLACED = "spot has made room"
NO_ROOM = "no room came free for it in time"
# Longer than any notice of spot that is worth its name; then the promise of a place is void.
WAITS_AT_MOST = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class _Site:
    """The spot leases of a site, and those that wait for a place, first come first."""

    fleet: Fleet
    guests: tuple[Guest, ...]
    waiting: tuple[Waiting, ...]
    leases: dict[LeaseId, Lease]


def find_place(
    world: World, tx: Tx, fleet: Fleet, request: Request, terms: Terms
) -> tuple[Member, ...]:
    """Nodes for a lease now; none, where it is to wait for spot to make room; or Refused."""
    now = world.clock.now()
    placed = placing.place(fleet, request, now)
    if not isinstance(placed, NoFit) and not (fleet.had_spot and _anybody_waits(tx, terms.site)):
        return placed
    here = _look(tx, terms.site, now)
    ahead = [each for each in here.waiting if each.request.chip == request.chip]
    if not isinstance(placed, NoFit):
        if leaves_room(fleet, here.guests, ahead, placed, request.account, now):
            return placed
        placed = NoFit(0, 0, 0, 0)
    asker = Waiting(terms.id, request)
    waits = terms.klass is not LeaseClass.SPOT and not request.same_block
    if waits and gives_room(fleet, here.guests, ahead, asker, now):
        return ()
    raise placing.refused(fleet, request, terms, placed, now)


def make_room(world: World, tx: Tx, site: SiteId) -> None:
    """Give notice to spot where others are to have its nodes: who waits, or promises that begin.

    To be called, under the site's lock, when a lease waits, and by every full pass of the loop.
    """
    fleet, now = tx.fleet(site), world.clock.now()
    if not _crowded(fleet):
        return
    here = _look(tx, site, now)
    goes = who_goes(fleet, here.guests, here.waiting, now)
    notice, told = giveway.Notices(tx, now), list[tuple[Lease, list[LeaseEvent]]]()
    # Who is being written just now is told by the next pass.
    for lease in tx.alone(tuple(sorted(goes))) if goes else ():
        if lease == here.leases[lease.id]:
            at = max(lease.since, now)
            until = at + notice.of_terms(lease.terms)
            event = LeaseEvent(
                lease.id, lease.seq + 1, at, now, EventKind.NOTICE, WANTED, until=until
            )
            tx.record(lease.apply(event), event)
            told.append((lease, [event]))
    outbox.leases_told(world, tx, told)


def seat(world: World, tx: Tx, site: SiteId) -> None:
    """Place those that wait, where they fit now; who waited too long ends without having begun."""
    fleet, now = tx.fleet(site), world.clock.now()
    if not _anybody_waits(tx, site):
        return
    here = _look(tx, site, now)
    left = list(here.waiting)
    for each in here.waiting:
        lease = here.leases[each.id]
        if lease.since + WAITS_AT_MOST <= now:
            event = _next(lease, EventKind.END_REQUESTED, now, NO_ROOM)
        else:
            placed = placing.place(fleet, each.request, now)
            if isinstance(placed, NoFit):
                continue
            ahead = [e for e in left[: left.index(each)] if e.request.chip == each.request.chip]
            if not leaves_room(fleet, here.guests, ahead, placed, each.request.account, now):
                continue
            safe = None
            if not each.request.account:
                safe = safe_there(fleet, placed, each.request.account, now)
                if safe is not None and safe <= now:
                    continue  # What is free is promised from now on.
            tx.add(*placing.claims(fleet, lease.terms, lease.generation, placed, now))
            event = _next(lease, EventKind.PLACED, now, PLACED)
            event = replace(event, members=placed, until=safe)
        left.remove(each)
        tx.record(lease.apply(event), event)
        hint(world, lease.id)


def _next(lease: Lease, kind: EventKind, now: datetime, cause: str) -> LeaseEvent:
    return LeaseEvent(lease.id, lease.seq + 1, max(lease.since, now), now, kind, cause)


def _crowded(fleet: Fleet) -> bool:
    """Whether there is any spot, for which somebody could wait."""
    return any(pool.spot for pool in fleet.pool_list)


def _anybody_waits(tx: Tx, site: SiteId) -> bool:
    queued = tx.find(Lease, site=site, live=True, phase=Phase.QUEUED)
    return any(lease.waits for lease in queued)


def _look(tx: Tx, site: SiteId, now: datetime) -> _Site:
    fleet = tx.fleet(site)
    leases = tx.find(Lease, live=True, site=site)
    spot = (each for each in leases if each.terms.klass is LeaseClass.SPOT and each.members)
    return _Site(
        fleet,
        tuple(_guests(fleet, spot)),
        _waiting(tx, fleet, [each for each in leases if each.waits], now),
        {each.id: each for each in leases},
    )


def _guests(fleet: Fleet, leases: Iterable[Lease]) -> Iterable[Guest]:
    """Whoever is on its way out makes room as well, notice or not."""
    for lease in leases:
        ids = (placing.claim_id(lease.id, lease.generation, m.rank) for m in lease.members)
        claims = tuple(fleet.claims[id] for id in ids if id in fleet.claims)
        stays = giveway.holds(lease) and lease.until is None
        yield Guest(lease.id, lease.created, claims, not stays)


def _waiting(tx: Tx, fleet: Fleet, leases: Sequence[Lease], now: datetime) -> tuple[Waiting, ...]:
    """Contracts first, then who came first."""
    found = []
    for lease in sorted(leases, key=lambda one: (not one.terms.account, one.since, one.id)):
        request = placing.request_of(tx, tx.get(Sku, lease.terms.sku), lease.terms)
        found.append(Waiting(lease.id, giveway.outlasting(tx, fleet, request, lease.terms, now)))
    return tuple(found)
