"""Readings: what meters outside tell, once each, early or late; and looking at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rackrate.app.ports import Tx
from rackrate.app.world import World, acting, confine, home, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.errors import Conflict, Invalid, Reason, Refused
from rackrate.core.ids import CustomerId, LeaseId, ProjectId, SiteId, is_name
from rackrate.core.interval import Interval
from rackrate.core.inventory import Site
from rackrate.core.lease import Lease
from rackrate.core.parties import Customer, Project
from rackrate.core.reading import LONGEST_KEY, Item, Reading, check_period, reading_id

MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """What a meter says, under its own `key`: of a lease, or of a project at a site."""

    key: str
    item: Item
    quantity: int
    during: Interval
    project: ProjectId | None = None
    lease: LeaseId | None = None
    site: SiteId | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many of them are new, and how many had been told before, word for word."""

    added: int
    known: int


@dataclass(frozen=True, slots=True)
class Filter:
    customer: CustomerId | None = None
    project: ProjectId | None = None
    lease: LeaseId | None = None
    meter: str | None = None


def record(world: World, actor: Actor, meter: str, told: Sequence[Told]) -> Recorded:
    """All of them or none. The same key again is once; with other words it is a conflict."""
    if not is_name(meter):
        raise Invalid("meter", f"{meter[:80]!r} is not a name")
    if not 1 <= len(told) <= MOST_AT_ONCE:
        raise Invalid("readings", f"1 to {MOST_AT_ONCE} at a time")
    with acting(world, actor, Verb.READING_WRITE, Target("meter", meter)) as tx:
        owners = _Owners(tx)
        whose = [_placed(owners, one, place) for place, one in enumerate(told)]
        for entity in sorted({owners.entity(project.customer) for project, _ in whose}):
            # A month is closed before what is told now, or after it: never in between.
            tx.number(f"closing/{entity}")
        now = world.clock.now()
        new: dict[str, Reading] = {}
        ids = tuple(reading_id(meter, one.key) for one in told)
        before = {row.id: row for row in tx.find(Reading, id=ids)}
        for place, (one, (project, site)) in enumerate(zip(told, whose, strict=True)):
            row = _row(meter, one, (project, site), now, f"readings[{place}]")
            known = before.get(row.id) or new.setdefault(row.id, row)
            if not known.same(row):
                raise Conflict(
                    f"meter {meter} has told {one.key!r} before, and otherwise: "
                    f"{known.quantity} bytes of {known.project} over {known.during}"
                )
        tx.add(*new.values())
        return Recorded(len(new), len(told) - len(new))


def find(
    world: World, actor: Actor, which: Filter, after: str = "", limit: int | None = None
) -> list[Reading]:
    """Readings that the actor may see, by meter and the meter's own name."""
    target = Target("reading", "", which.customer, which.project)
    if target.customer is None and not actor.operator:
        target = Target("reading", "", *home(actor, which.project))
    with reading(world, actor, Verb.LEASE_READ, target) as tx:
        confine(tx, actor)
        asked = {
            "customer": target.customer, "project": target.project, "lease": which.lease,
            "meter": which.meter,
        }  # fmt: skip
        equal: dict[str, Any] = {name: each for name, each in asked.items() if each is not None}
        return tx.find(Reading, after=after, limit=limit, **equal)


class _Owners:
    """Whose readings are, each looked up once."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._projects: dict[ProjectId, Project] = {}
        self._leases: dict[LeaseId, Lease] = {}
        self._sites: set[SiteId] = set()

    def project(self, id: ProjectId) -> Project:
        if id not in self._projects:
            self._projects[id] = self._tx.get(Project, id)
        return self._projects[id]

    def lease(self, id: LeaseId) -> Lease:
        if id not in self._leases:
            self._leases[id] = self._tx.get(Lease, id)
        return self._leases[id]

    def site(self, id: SiteId) -> SiteId:
        if id not in self._sites:
            self._sites.add(self._tx.get(Site, id).id)
        return id

    def entity(self, customer: CustomerId) -> str:
        return self._tx.get(Customer, customer).entity


def _placed(owners: _Owners, one: Told, place: int) -> tuple[Project, SiteId]:
    """The project and the site of a reading, which its lease says where it names one."""
    where = f"readings[{place}]"
    if not 1 <= len(one.key) <= LONGEST_KEY or not one.key.isprintable():
        raise Invalid(f"{where}.id", f"is one line of 1 to {LONGEST_KEY} characters")
    if one.lease is None:
        if one.project is None or one.site is None:
            raise Invalid(where, "is of a lease, or of a project at a site")
        return owners.project(one.project), owners.site(one.site)
    lease = owners.lease(one.lease)
    for name, said, known in (
        ("project", one.project, lease.project), ("site", one.site, lease.site),
    ):  # fmt: skip
        if said not in (None, known):
            raise Invalid(f"{where}.{name}", f"{one.lease} is of {known}, not of {said}")
    during = one.during
    if during.end <= lease.created or (lease.ended is not None and lease.ended <= during.start):
        lived = "was not there yet" if during.end <= lease.created else "had ended"
        raise Refused(Reason.WRONG_STATE, f"{one.lease} {lived} over {during}")
    return owners.project(lease.project), lease.site


def _row(
    meter: str, one: Told, whose: tuple[Project, SiteId], now: datetime, where: str
) -> Reading:
    check_period(one.during, now)
    project, site = whose
    try:
        return Reading(
            reading_id(meter, one.key),
            meter,
            project.customer,
            project.id,
            site,
            one.item,
            one.quantity,
            one.during,
            now,
            one.lease,
        )
    except ValueError as error:
        raise Invalid(where, str(error)) from None
