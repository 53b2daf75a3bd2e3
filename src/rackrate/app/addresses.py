"""Public addresses: a project reserves one, says where it belongs, and releases it.

Nothing here sets up a router: what an address is attached to is written down for whoever does.
"""

from dataclasses import dataclass, replace
from typing import Any

from rackrate.app import credit
from rackrate.app.ports import Tx
from rackrate.app.world import Locate, World, acting, confine, home, owned_by_project, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.address import Address, AddressPool, choose, maybe_busy
from rackrate.core.errors import Invalid, Missing, Reason, Refused
from rackrate.core.ids import CustomerId, LeaseId, ProjectId, SiteId
from rackrate.core.interval import Span
from rackrate.core.inventory import Site
from rackrate.core.lease import Lease
from rackrate.core.parties import Customer, Project

LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class NewAddress:
    """One of the site's public addresses for a project; of a `pool` where there are several."""

    project: ProjectId
    site: SiteId
    name: str = ""
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which addresses to list. `held`: not released."""

    customer: CustomerId | None = None
    project: ProjectId | None = None
    site: SiteId | None = None
    held: bool | None = None


def reserve(world: World, actor: Actor, new: NewAddress) -> Address:
    """The project's own from now on, and billed until it is released; on credit that it fits."""
    if len(new.name) > LONGEST_NAME or not new.name.isprintable():
        raise Invalid("name", f"is one line of at most {LONGEST_NAME} characters")

    def owner(tx: Tx) -> Target:
        project = tx.get(Project, new.project)
        return Target("project", project.id, project.customer, project.id)

    with acting(world, actor, Verb.ADDRESS_WRITE, owner) as tx:
        project = tx.get(Project, new.project)
        pool, address = _chosen(world, tx, new)
        row = Address(
            world.ids.new("adr"),
            project.customer,
            project.id,
            pool.site,
            pool.id,
            address,
            new.name,
            Span(world.clock.now()),
        )
        credit.check_address(world, tx, tx.get(Customer, project.customer), row)
        tx.add(row)
        return row


def attach(world: World, actor: Actor, id: str, lease: LeaseId) -> Address:
    """Say to which lease of its project and site it belongs; instead of another, if it did."""
    with acting(world, actor, Verb.ADDRESS_WRITE, _owner(id)) as tx:
        row, to = tx.get(Address, id), tx.get(Lease, lease)
        if to.project != row.project:
            raise Missing("lease", lease)
        if to.site != row.site:
            raise Invalid("lease", f"{lease} is at {to.site}, and {row.address} at {row.site}")
        if to.ended is not None:
            raise Refused(Reason.WRONG_STATE, f"{lease} has ended")
        row = row.attach(lease, world.clock.now())
        tx.put(row)
        return row


def detach(world: World, actor: Actor, id: str) -> Address:
    """It belongs to no lease, stays the project's, and is billed as before."""
    with acting(world, actor, Verb.ADDRESS_WRITE, _owner(id)) as tx:
        row = tx.get(Address, id).detach()
        tx.put(row)
        return row


def release(world: World, actor: Actor, id: str) -> Address:
    """Give it back: billed until now. It rests before anybody else is given it."""
    with acting(world, actor, Verb.ADDRESS_WRITE, _owner(id)) as tx:
        row = tx.get(Address, id)
        row = row.release(tx.get(AddressPool, row.pool), world.clock.now())
        tx.put(row)
        return row


def show(world: World, actor: Actor, id: str) -> Address:
    with reading(world, actor, Verb.LEASE_READ, _owner(id)) as tx:
        return _as_attached(tx, tx.get(Address, id))


def find(
    world: World, actor: Actor, which: Filter, after: str = "", limit: int | None = None
) -> list[Address]:
    """Addresses that the actor may see, the newest first."""
    target = Target("address", "", which.customer, which.project)
    if target.customer is None and not actor.operator:
        target = Target("address", "", *home(actor, which.project))
    with reading(world, actor, Verb.LEASE_READ, target) as tx:
        confine(tx, actor)
        asked = {"customer": target.customer, "project": target.project, "site": which.site}
        equal: dict[str, Any] = {name: each for name, each in asked.items() if each is not None}
        if which.held:
            equal["freed"] = ""
        found = tx.find(Address, after=after, limit=limit, newest_first=True, **equal)
        return [_as_attached(tx, row) for row in found]


def pools(world: World, actor: Actor, site: SiteId | None = None) -> list[AddressPool]:
    """From what addresses are given. Everybody may know it, as they may know the sites."""
    with reading(world, actor, Verb.CATALOGUE_READ, Target("catalogue")) as tx:
        return tx.find(AddressPool) if site is None else tx.find(AddressPool, site=site)


def _chosen(world: World, tx: Tx, new: NewAddress) -> tuple[AddressPool, str]:
    """The first pool of the site, or the one that is named, that has an address to give."""
    site = tx.get(Site, new.site)
    found = [p for p in tx.find(AddressPool, site=site.id) if new.pool in ("", p.id)]
    if not found:
        if new.pool:
            raise Missing("address pool", new.pool)
        raise Refused(Reason.NO_CAPACITY, f"{site.id} has no public addresses")
    refusal: Refused | None = None
    for pool in found:
        # Of one pool addresses are given one after the other.
        tx.number(f"address/{pool.id}")
        now = world.clock.now()
        known = tx.find(Address, pool=pool.id, freed=maybe_busy(now))
        try:
            return pool, choose(pool, known, new.project, now)
        except Refused as why:
            refusal = refusal or why
    assert refusal is not None
    raise refusal


def _as_attached(tx: Tx, row: Address) -> Address:
    """A lease that has ended has no address any more."""
    if row.lease is None:
        return row
    lease = tx.peek(Lease, row.lease)
    gone = lease is None or lease.ended is not None
    return replace(row, lease=None, attached=None) if gone else row


def _owner(id: str) -> Locate:
    return owned_by_project("address", Address, id)
