"""Promises that the supply no longer covers: found, written down at once, and shown with mends."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rackrate.app import dedicated, giveway, outbox
from rackrate.app.ports import Tx
from rackrate.app.world import World, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.breach import (
    Around,
    Arrival,
    Breach,
    Mends,
    Short,
    Standing,
    at_stake,
    compared,
    is_short,
    mends,
    shorts,
)
from rackrate.core.calendar import AWAITED, Reservation
from rackrate.core.contract import Contract
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import PoolId, PurchaseId, SiteId
from rackrate.core.interval import zone
from rackrate.core.inventory import ARRIVING, Node, NodeState, Site
from rackrate.core.lease import LeaseClass
from rackrate.core.placement import Fleet
from rackrate.core.pricing import Price
from rackrate.core.purchase import LeaseBack, PurchaseOrder
from rackrate.core.words import nodes_said

NOTICE = timedelta(days=7)
MOST_MENDED = 200  # Beyond so many broken promises at once, the others are told without mends.


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that cannot be kept, and what would mend it. `row` is None before it is so."""

    short: Short
    row: Breach | None
    mends: Mends

    @property
    def id(self) -> str:
        return "" if self.row is None else self.row.id


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a change of the supply does to the promises of the pools that it touches.

    `broken` is new; `still` was broken before; `mended` is so no longer.
    """

    broken: tuple[Broken, ...] = ()
    still: tuple[Broken, ...] = ()
    mended: tuple[Breach, ...] = ()


def show(
    world: World, actor: Actor, site: SiteId | None = None, all_of_them: bool = False
) -> tuple[Broken, ...]:
    """Broken promises, with what would mend each now; with `all_of_them` the mended ones too."""
    with reading(world, actor, Verb.FLEET_READ, Target("breach")) as tx:
        now = world.clock.now()
        sites = tx.find(Site) if site is None else [tx.get(Site, site)]
        found: list[Broken] = []
        for each in sites:
            rows = [row for row in tx.find(Breach, site=each.id) if all_of_them or row.open(now)]
            if rows:
                found += _with_mends(tx, each.id, rows, now)
        return tuple(sorted(found, key=lambda b: (b.short.during.start, b.short.reservation.id)))


def write_down(
    world: World, tx: Tx, site: SiteId, pools: Iterable[PoolId], cause: str
) -> Consequence:
    """Compare the pools' promises with their supply as this transaction has made it, and keep
    what has become so and what is so no longer.
    """
    now, pools = world.clock.now(), tuple(pools)
    dedicated.keep(tx, site, now, pools)
    told = consequence(tx, site, pools, now)
    rows = [_row(world.ids.new("brc"), broken.short, site, cause, now) for broken in told.broken]
    tx.add(*rows)
    outbox.promises_broken(world, tx, rows)
    tx.put(*(replace(row, mended=now) for row in told.mended))
    broken = tuple(replace(each, row=row) for each, row in zip(told.broken, rows, strict=True))
    if broken:
        giveway.tell(world, tx, site)
    return replace(told, broken=broken)


def consequence(tx: Tx, site: SiteId, pools: Iterable[PoolId], now: datetime) -> Consequence:
    """The same, with nothing written: what would have to be told."""
    fleet, named = tx.fleet(site), frozenset(pools)
    written: dict[PoolId, list[Breach]] = {}
    for row in tx.find(Breach, site=site, unmended=True):
        if row.pool in named:
            written.setdefault(row.pool, []).append(row)
    news: list[Short] = []
    still: list[tuple[Breach, Short]] = []
    mended: list[Breach] = []
    staying = _staying(tx, fleet, site, now)
    for pool in sorted(named):
        found = _shorts(tx, fleet, pool, now, staying.get(pool, ()))
        if found or pool in written:
            difference = compared(written.get(pool, ()), found, now)
            news += difference.news
            still += difference.told
            mended += difference.mended
    mending = _Mending(tx, fleet, now)
    return Consequence(
        tuple(Broken(short, None, mending.of(short)) for short in news),
        tuple(Broken(short, row, mending.of(short)) for row, short in still),
        tuple(mended),
    )


@contextmanager
def supposing(fleet: Fleet, nodes: Sequence[Node]) -> Iterator[None]:
    """The fleet as if these nodes were so: for a question before the act."""
    before = [fleet.nodes[fleet.number[node.id]] for node in nodes]
    try:
        _as_if(fleet, nodes)
        yield
    finally:
        _as_if(fleet, before)


def _as_if(fleet: Fleet, nodes: Sequence[Node]) -> None:
    for node in nodes:
        fleet.nodes[fleet.number[node.id]] = node
        fleet.pools[node.pool].calendar.set_node(node)


def look_at(world: World, tx: Tx, site: SiteId) -> tuple[Breach, ...]:
    """Write down what time alone has broken or mended at a site. Cheap when that is nothing.

    A batch that has not come by its day is no capacity any more, nor is a node that is not back
    from a drain; a node that is to be drained, or whose lease-in has ended, is offered to nobody.
    """
    fleet, now = tx.fleet(site), world.clock.now()
    _turn(tx, fleet, now)
    dedicated.keep(tx, site, now)
    staying = _staying(tx, fleet, site, now)
    concerned = {
        pool.id
        for pool in fleet.pool_list
        if is_short(pool.calendar, now, staying.get(pool.id, ()))
    }
    concerned |= {row.pool for row in tx.find(Breach, site=site, unmended=True) if row.open(now)}
    news: list[Breach] = []
    for pool in sorted(concerned):
        told = write_down(world, tx, site, [pool], _why(fleet, pool, tx.get(Site, site), now))
        news += [broken.row for broken in told.broken if broken.row is not None]
    return tuple(news)


def day_at(site: Site, at: datetime) -> str:
    """The day on the site's calendar, for what is written down and read later."""
    try:
        local = at.astimezone(zone(site.time_zone))
    except OverflowError:  # It would be beyond the last year that there is.
        local = at
    return f"{local:%Y-%m-%d}"


def _turn(tx: Tx, fleet: Fleet, now: datetime) -> None:
    """Nodes whose day has come to be drained or given back, or whose contract is over."""
    held: dict[PoolId, frozenset[str]] = {}
    for node in fleet.nodes:
        if node.until is None and node.drained is None and node.named_for is None:
            continue
        after = node
        if node.state is NodeState.IN_SERVICE:
            if node.until is not None and node.until <= now:
                after = replace(node, state=NodeState.DRAINING, note="to be given back")
            elif node.drained is not None and node.drained <= now:
                after = replace(node, state=NodeState.DRAINING)
        if node.named_for is not None:
            if node.pool not in held:
                calendar = fleet.pools[node.pool].calendar
                to_come = (each for each in calendar.reservations.values() if now < each.during.end)
                held[node.pool] = frozenset(each.holder for each in to_come)
            if node.named_for not in held[node.pool]:
                after = replace(after, named_for=None)
        if after is not node:
            tx.put(after)


def _why(fleet: Fleet, pool: PoolId, site: Site, now: datetime) -> str:
    """What has not come: the commonest cause that nobody reports."""
    late: dict[tuple[str, datetime], int] = {}
    for node in fleet.nodes:
        day = _expected(node)
        if day is not None and day <= now and node.pool == pool:
            arriving = node.order is not None and node.state in ARRIVING
            of = f" of {node.order} batch {node.batch}" if arriving else f" {node.id}"
            late[of, day] = late.get((of, day), 0) + 1
    if not late:
        return "more is promised than there is"
    return "; ".join(
        f"{nodes_said(count)}{of} did not come by {day_at(site, day)}"
        if of.startswith(" of")
        else f"node{of} was not back by {day_at(site, day)}"
        for (of, day), count in sorted(late.items())
    )


def _expected(node: Node) -> datetime | None:
    """When it is to be capacity that it is not: it arrives, or is back."""
    return node.ready if node.state in AWAITED else node.back


def _row(id: str, short: Short, site: SiteId, cause: str, now: datetime) -> Breach:
    held = short.reservation
    return Breach(
        id,
        now,
        site,
        held.pool,
        held.id,
        held.kind,
        held.holder,
        held.customer,
        short.nodes,
        short.during,
        cause,
    )


def _staying(
    tx: Tx, fleet: Fleet, site: SiteId, now: datetime
) -> Mapping[PoolId, Sequence[datetime]]:
    """Until when nodes that are sold by the moment are in the way of promises."""
    if fleet.promised and any(pool.sold_by_the_moment for pool in fleet.pool_list):
        return giveway.staying(tx, site, now)
    return {}


def _shorts(
    tx: Tx, fleet: Fleet, id: PoolId, now: datetime, staying: Sequence[datetime]
) -> tuple[Short, ...]:
    pool = fleet.pools.get(id)
    if pool is None or not is_short(pool.calendar, now, staying):
        return ()
    stakes = at_stake(pool.calendar, now, staying)
    standing = Standing(_served(tx, fleet, id, now), _signed(tx, stakes))
    return shorts(pool.calendar, now, standing, stakes, staying)


def _served(tx: Tx, fleet: Fleet, pool: PoolId, now: datetime) -> Mapping[str, datetime | None]:
    """Holders for whom orders of this pool were placed, until when their nodes are missing."""
    missing: dict[PurchaseId, datetime | None] = {}
    for node in fleet.nodes:
        if node.order is None or node.state not in ARRIVING or node.pool != pool:
            continue
        day = None if node.ready is None or node.ready <= now else node.ready
        missing[node.order] = _later(day, missing.get(node.order, day))
    served: dict[str, datetime | None] = {}
    for id, until in missing.items():
        order = tx.peek(PurchaseOrder, id)
        for holder in order.serves if order is not None else ():
            served[holder] = _later(until, served.get(holder, until))
    return served


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two days; one that nobody knows is later than all."""
    return None if one is None or other is None else max(one, other)


def _signed(tx: Tx, stakes: Sequence[Reservation]) -> Mapping[str, datetime]:
    holders = tuple(sorted({held.holder for held in stakes}))
    if not holders:
        return {}
    signed: dict[str, datetime] = {row.id: row.signed for row in tx.find(Contract, id=holders)}
    signed.update((row.id, row.at) for row in tx.find(LeaseBack, id=holders))
    return signed


class _Mending:
    """What would mend broken promises at one site; what it needs is gathered once, when asked."""

    def __init__(self, tx: Tx, fleet: Fleet, now: datetime) -> None:
        self._tx, self._fleet, self._now = tx, fleet, now
        self._around: dict[PoolId, Around] = {}
        self._asked = 0

    def of(self, short: Short) -> Mends:
        self._asked += 1
        if self._asked > MOST_MENDED:
            return Mends((), None, (), ())
        pool = short.reservation.pool
        if pool not in self._around:
            self._around[pool] = self._gathered(pool)
        return mends(short, self._around[pool])

    def _gathered(self, id: PoolId) -> Around:
        chip = self._fleet.pools[id].chip
        coming: dict[tuple[PurchaseId | None, int, PoolId, datetime, int], int] = {}
        for node in self._fleet.nodes:
            if node.ready is None and node.back is None:
                continue
            day = _expected(node)
            if day is not None and node.chip == chip:
                key = (node.order, node.batch, node.pool, day, node.gpus)
                coming[key] = coming.get(key, 0) + 1
        arrivals = [
            Arrival(order, batch, pool_id, count, ready, gpus)
            for (order, batch, pool_id, ready, gpus), count in sorted(
                coming.items(), key=lambda each: (each[0][3], str(each[0]))
            )
        ]
        return Around(self._fleet.shape(chip), arrivals, self._now, notice_of(self._tx))


def notice_of(tx: Tx) -> timedelta:
    """The longest notice that what runs on demand has been promised."""
    prices = tx.find(Price, klass=LeaseClass.ON_DEMAND)
    return max((price.notice for price in prices), default=NOTICE)


def _with_mends(tx: Tx, site: SiteId, rows: Sequence[Breach], now: datetime) -> Iterator[Broken]:
    fleet = tx.fleet(site)
    mending = _Mending(tx, fleet, now)
    for row in rows:
        held = tx.peek(Reservation, row.reservation)
        if held is None:
            held = Reservation(
                row.reservation, site, row.pool, row.nodes, row.during, row.kind, row.holder,
                row.customer,
            )  # fmt: skip
        short = Short(held, row.nodes, row.during)
        mended = mending.of(short) if row.open(now) and row.pool in fleet.pools else None
        yield Broken(short, row, mended or Mends((), None, (), ()))


def refuse_breaking(told: Consequence, force: bool, what: str) -> None:
    """Refused, with whose promises and by how many nodes, unless it is done all the same."""
    if not told.broken or force:
        return
    shown = [
        f"{nodes_said(broken.short.nodes)} of {broken.short.reservation.holder} over "
        f"{broken.short.during}"
        for broken in told.broken[:5]
    ]
    more = f" and {len(told.broken) - 5} more" if len(told.broken) > 5 else ""
    many = "1 promise" if len(told.broken) == 1 else f"{len(told.broken)} promises"
    raise Refused(
        Reason.BREAKS_PROMISE,
        f"{what} breaks {many}: {'; '.join(shown)}{more}; say --force if it is so",
        {
            "broken": [
                {
                    "holder": broken.short.reservation.holder,
                    "nodes": broken.short.nodes,
                    "from": broken.short.during.start.isoformat(),
                    "until": broken.short.during.end.isoformat(),
                }
                for broken in told.broken[:50]
            ]
        },
    )
