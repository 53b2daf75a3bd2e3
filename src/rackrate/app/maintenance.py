"""Work that is planned on the machines: it reserves nodes as a contract does, and breaks none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from rackrate.app import breaches, giveway
from rackrate.app.holds import drop_expired
from rackrate.app.ports import Tx
from rackrate.app.world import World, acting, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.errors import Invalid, Missing, Reason, Refused
from rackrate.core.ids import PoolId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Block, Site
from rackrate.core.placement import Fleet, Pool
from rackrate.core.promise import Shortfall, Wish, assign
from rackrate.core.words import part_said

LONGEST = timedelta(days=366)
LONGEST_NOTE = 500
MOST_NODES = 1_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done: on `nodes` of one pool, or of a site, wherever promises leave room."""

    nodes: int
    during: Interval
    note: str
    pool: PoolId | None = None
    site: SiteId | None = None


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A maintenance window: so many nodes of each pool are kept free of promises for it."""

    id: str
    site: SiteId
    during: Interval
    note: str
    pools: tuple[tuple[PoolId, int], ...]

    @property
    def nodes(self) -> int:
        return sum(nodes for _, nodes in self.pools)


def add(world: World, actor: Actor, work: Work) -> Maintenance:
    """Reserve the nodes, or say how many could be, and from when all of them.

    It may use what is kept as spare, but nothing that is promised, nor what runs by the moment
    before its notice is over.
    """
    _check(world, work)

    def at(tx: Tx) -> Target:
        return Target("maintenance", _site_of(tx, work))

    with acting(world, actor, Verb.FLEET_WRITE, at) as tx:
        site, now = _site_of(tx, work), world.clock.now()
        drop_expired(tx, site, now)
        fleet = tx.fleet(site)
        pools = _pools(fleet, work)
        notices = [giveway.longest_notice(tx, site, pool.chip, now) for pool in _one_each(pools)]
        wish = Wish(work.nodes, work.during, now, max(notices, default=timedelta(0)))
        placed = assign(pools, wish)
        if isinstance(placed, Shortfall):
            raise _refusal(work, placed)
        id = world.ids.new("mnt")
        tx.add(*_reservations(id, site, work, placed))
        giveway.tell(world, tx, site)
        return Maintenance(id, site, work.during, work.note, placed)


def find(world: World, actor: Actor, site: SiteId | None = None) -> list[Maintenance]:
    """All windows that are not over, by their start."""
    with reading(world, actor, Verb.FLEET_READ, Target("maintenance")) as tx:
        sites = [one.id for one in tx.find(Site)] if site is None else [tx.get(Site, site).id]
        rows = tx.find(Reservation, kind=ReservationKind.MAINTENANCE, site=tuple(sites))
    now = world.clock.now()
    found = _grouped([row for row in rows if now < row.during.end])
    return sorted(found, key=lambda one: (one.during.start, one.id))


def remove(world: World, actor: Actor, id: str) -> Maintenance:
    """Give its nodes back to what can be promised."""
    with acting(world, actor, Verb.FLEET_WRITE, Target("maintenance", id)) as tx:
        rows = _rows(tx, id)
        if not rows:
            raise Missing("maintenance", id)
        tx.fleet(rows[0].site)
        rows = _rows(tx, id)
        if not rows:
            raise Missing("maintenance", id)
        for row in rows:
            tx.remove(Reservation, row.id)
        site, pools = rows[0].site, [row.pool for row in rows]
        breaches.write_down(world, tx, site, pools, f"maintenance {id} was called off")
        giveway.tell(world, tx, site)
        return _grouped(rows)[0]


def _check(world: World, work: Work) -> None:
    if (work.pool is None) == (work.site is None):
        raise Invalid("pool", "name a pool, or a site: one of them")
    if not 1 <= work.nodes <= MOST_NODES:
        raise Invalid("nodes", f"{work.nodes} is not 1 to {MOST_NODES}")
    if work.during.end <= world.clock.now():
        raise Invalid("until", "it is over already")
    if work.during.end - work.during.start > LONGEST:
        raise Invalid("until", "maintenance lasts for at most a year; take longer out of supply")
    if not work.note.strip() or len(work.note) > LONGEST_NOTE or not work.note.isprintable():
        raise Invalid("note", f"say what is done, in one line of at most {LONGEST_NOTE} characters")


def _site_of(tx: Tx, work: Work) -> SiteId:
    if work.site is not None:
        return tx.get(Site, work.site).id
    assert work.pool is not None
    block = tx.peek(Block, work.pool.rpartition("/")[0])
    if block is None or work.pool not in tx.fleet(block.site).pools:
        raise Missing("pool", work.pool)
    return block.site


def _pools(fleet: Fleet, work: Work) -> list[Pool]:
    if work.pool is not None:
        return [fleet.pools[work.pool]]
    return [fleet.pools[id] for id in sorted(fleet.pools)]


def _one_each(pools: Sequence[Pool]) -> list[Pool]:
    """One pool of each chip."""
    return list({pool.chip: pool for pool in pools}.values())


def _refusal(work: Work, short: Shortfall) -> Refused:
    where = work.pool or work.site
    first = short.earliest
    when = "never all" if first is None else f"all from {first:%Y-%m-%d %H:%M} UTC"
    return Refused(
        Reason.BREAKS_PROMISE,
        f"{part_said(short.nodes, work.nodes)} of {where} are free of promises over "
        f"{work.during}; {when}",
        {"nodes": short.nodes, "earliest": None if first is None else first.isoformat()},
    )


def _reservations(
    id: str, site: SiteId, work: Work, placed: tuple[tuple[PoolId, int], ...]
) -> list[Reservation]:
    kind = ReservationKind.MAINTENANCE
    return [
        Reservation(f"{id}/{pool}", site, pool, nodes, work.during, kind, id, note=work.note)
        for pool, nodes in placed
    ]


def _rows(tx: Tx, id: str) -> list[Reservation]:
    rows = tx.find(Reservation, holder=id)
    return [row for row in rows if row.kind is ReservationKind.MAINTENANCE]


def _grouped(rows: Sequence[Reservation]) -> list[Maintenance]:
    by_id: dict[str, list[Reservation]] = {}
    for row in rows:
        by_id.setdefault(row.holder, []).append(row)
    return [
        Maintenance(
            id, mine[0].site, mine[0].during, mine[0].note, tuple((r.pool, r.nodes) for r in mine)
        )
        for id, mine in by_id.items()
    ]
