"""The loop that makes machines match leases: look, decide, write, act, and be repeated.

It takes no instruction. A hint says which leases to look at soon; a full pass looks at all, and
is the safety net. No transaction is open while an engine works: what is decided is written first,
so that a death in between is mended by the next pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rackrate.app import breaches, giveway, rounds, spot
from rackrate.app.delivery import accept_healthy
from rackrate.app.holds import drop_expired
from rackrate.app.ports import Engine, Tx
from rackrate.app.rows import LoopLease, SitePass, Stray
from rackrate.app.world import World
from rackrate.core.calendar import Claim, HolderKind
from rackrate.core.errors import Conflict, Unavailable
from rackrate.core.ids import LeaseId, SiteId
from rackrate.core.inventory import Site
from rackrate.core.lease import Lease, Phase
from rackrate.core.reconcile import AS_IT_IS, Act, Step, step
from rackrate.core.workload import Found

LEADER = "provision"
LEADS_FOR = timedelta(seconds=15)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
STEPS_AT_ONCE = 4
NOTHING = Act.NOTHING
# What an engine runs and nobody knows may be adopted for so long before it is let go.
GRACE = timedelta(hours=1)
_SETTLED = frozenset({Phase.RUNNING, Phase.INTERRUPTED, Phase.STOPPED, Phase.ENDED})


@dataclass(frozen=True, slots=True)
class Leader:
    """Who runs a loop. What an older epoch would still write is refused."""

    holder: str
    epoch: int
    loop: str = LEADER


def lead(world: World, holder: str, alone: bool = False) -> Leader | None:
    """Take or renew the lead of the loop that makes machines match leases."""
    return lead_of(world, LEADER, holder, alone)


def lead_of(world: World, loop: str, holder: str, alone: bool = False) -> Leader | None:
    """Take or renew the lead of a loop; None while another holds it.

    `alone`: the caller knows that whoever holds it is dead, and need not wait it out.
    """
    with world.store.transaction() as tx:
        now = world.clock.now()
        row = tx.peek(LoopLease, loop)
        if row is not None and row.holder != holder and now < row.until and not alone:
            return None
        epoch = 1 if row is None else row.epoch + (row.holder != holder)
        tx.put(LoopLease(loop, holder, epoch, now + LEADS_FOR))
        return Leader(holder, epoch, loop)


def live(world: World) -> tuple[LeaseId, ...]:
    """Every lease that loops may have work with."""
    with world.store.transaction() as tx:
        return tuple(lease.id for lease in tx.find(Lease, live=True))


def provision(
    world: World, leader: Leader, only: Iterable[LeaseId] | None = None
) -> tuple[LeaseId, ...]:
    """One pass over the leases of `only`, or over all. Returns those to look at again soon."""
    unsettled: list[LeaseId] = []
    if only is None:
        _give_way(world, leader)
        rounds.go(world, lambda tx: still_leads(tx, leader))
    for site, look in _sites(world, only).items():
        engine = world.engines.get(site)
        if engine is None:
            continue
        try:
            unsettled += _site(world, leader, engine, site, look)
        except Unavailable:
            # The engine or the database is away; the next pass is the retry.
            unsettled += [lease.id for lease in look.leases]
    return tuple(unsettled)


def _give_way(world: World, leader: Leader) -> None:
    """Leases learn what promises mean for them now, and those whose notice is over end."""
    with world.store.transaction() as tx:
        sites = [site.id for site in tx.find(Site)]
    for site in sites:
        try:
            with world.store.transaction() as tx:
                still_leads(tx, leader)
                drop_expired(tx, site, world.clock.now())
                breaches.look_at(world, tx, site)
                giveway.tell(world, tx, site)
                _make_way(world, tx, site)
        except (Conflict, Unavailable):
            continue  # Somebody was quicker, or leads now; the next pass is the retry.


def _make_way(world: World, tx: Tx, site: SiteId) -> None:
    """Whose notice is over ends, spot hears whether it must go, and who waits has its place."""
    giveway.end_due(world, tx, site)
    spot.make_room(world, tx, site)
    spot.seat(world, tx, site)


@dataclass(slots=True)
class _Look:
    """What one pass looks at in a site: these leases, or all that are live when it is `full`.

    `seen` is when a full pass last had an answer from the site's engine.
    """

    full: bool
    seen: datetime
    leases: list[Lease] = field(default_factory=list)


def _sites(world: World, only: Iterable[LeaseId] | None) -> Mapping[SiteId, _Look]:
    looks: dict[SiteId, _Look] = {}
    with world.store.transaction() as tx:
        if only is None:
            looks = {site.id: _Look(True, _seen(tx, site.id)) for site in tx.find(Site)}
            found = tx.find(Lease, live=True)
        else:
            found = [lease for id in only if (lease := tx.peek(Lease, id)) is not None]
        for lease in found:
            site = lease.terms.site
            if site not in looks:
                looks[site] = _Look(only is None, _seen(tx, site))
            looks[site].leases.append(lease)
    return looks


def _site(world: World, leader: Leader, engine: Engine, site: SiteId, look: _Look) -> list[LeaseId]:
    if not look.full and any(lease.waits for lease in look.leases):
        with world.store.transaction() as tx:
            still_leads(tx, leader)
            tx.fleet(site)
            _make_way(world, tx, site)
    observed = engine.observe(None if look.full else [lease.id for lease in look.leases])
    unsettled = [
        lease.id
        for lease in look.leases
        if not _settle(world, leader, engine, lease, observed.get(lease.id), look.seen)
    ]
    if look.full:
        live = {lease.id for lease in look.leases}
        _release_leaks(world, leader, engine, site, observed, live)
        _sweep(world, leader, engine, site)
        with world.store.transaction() as tx:
            still_leads(tx, leader)
            tx.put(SitePass(site, world.clock.now()))
            accept_healthy(tx, site, world.clock.now())
    return unsettled


def _settle(
    world: World,
    leader: Leader,
    engine: Engine,
    lease: Lease,
    found: Found | None,
    seen: datetime,
) -> bool:
    """Take a lease as far as it goes now; True when nothing is left to wait for."""
    for _ in range(STEPS_AT_ONCE):
        decided = step(lease, found, world.clock.now(), seen)
        if decided is AS_IT_IS:
            break
        if decided.events:
            try:
                lease, vacated = _write(world, leader, lease, decided)
            except Conflict:
                return False
            if vacated:
                _offer_again(world, leader, engine, lease.terms.site, vacated)
        if decided.act is NOTHING:
            break  # What was written asks nothing of the engine, so nothing follows from it now.
        if decided.act is Act.ENSURE:
            engine.ensure(lease.deployment)
        else:
            engine.release(lease.id, lease.generation)
        found = engine.observe((lease.id,)).get(lease.id)
    return lease.phase in _SETTLED


def _write(
    world: World, leader: Leader, lease: Lease, decided: Step
) -> tuple[Lease, Sequence[Claim]]:
    """The lease after what was decided, and what its slots are now held by until they are clean."""
    with world.store.transaction() as tx:
        still_leads(tx, leader)
        if decided.vacated:
            tx.fleet(lease.terms.site)
        after = lease
        for event in decided.events:
            after = after.apply(event)
        tx.record(after, *decided.events)
        if not decided.vacated:
            return after, ()
        return after, _hand_to_cleaning(tx, lease, world.clock.now())


def _hand_to_cleaning(tx: Tx, lease: Lease, now: datetime) -> list[Claim]:
    """The lease's claims end, and the slots stay held until the engine has cleaned them."""
    held: list[Claim] = []
    for claim in tx.find(Claim, holder=lease.id, open=True):
        if claim.kind is HolderKind.LEASE:
            over = claim.ended(now)
            assert over.during.end is not None
            cleaning = claim.cleaning(over.during.end)
            tx.put(over)
            tx.add(cleaning)
            held.append(cleaning)
        else:
            held.append(claim)
    return held


def _sweep(world: World, leader: Leader, engine: Engine, site: SiteId) -> None:
    with world.store.transaction() as tx:
        held = tx.find(Claim, site=site, open=True)
    _offer_again(world, leader, engine, site, held)


def _offer_again(
    world: World, leader: Leader, engine: Engine, site: SiteId, held: Sequence[Claim]
) -> None:
    """Offer what the engine has cleaned; what it has not stays held until a later pass."""
    cleaned = [
        claim
        for claim in held
        if claim.kind is HolderKind.CLEANING and engine.sanitise(claim.node, claim.slots)
    ]
    if not cleaned:
        return
    with world.store.transaction() as tx:
        still_leads(tx, leader)
        tx.fleet(site)
        for claim in cleaned:
            current = tx.get(Claim, claim.id)
            if current.open:
                tx.put(current.ended(world.clock.now()))


def _release_leaks(
    world: World,
    leader: Leader,
    engine: Engine,
    site: SiteId,
    observed: Mapping[LeaseId, Found],
    live: set[LeaseId],
) -> None:
    """What the engine has and no live lease wants is let go; what nobody knows, after a grace."""
    leaks: list[tuple[LeaseId, int]] = []
    with world.store.transaction() as tx:
        still_leads(tx, leader)
        now, strays = world.clock.now(), {one.id: one for one in tx.find(Stray, site=site)}
        for id, found in observed.items():
            lease = None if id in live else tx.peek(Lease, id)
            # A lease that was asked for after the list was read is no leak.
            if id in live or (lease is not None and lease.live):
                continue
            first = strays.pop(id, None)
            if lease is None and first is None:
                tx.put(Stray(id, site, now))
            elif lease is None and first is not None and now < first.seen + GRACE:
                continue
            else:
                leaks.append((id, found.generation))
        for gone in strays:
            tx.remove(Stray, gone)
    for id, generation in leaks:
        engine.release(id, generation)


def _seen(tx: Tx, site: SiteId) -> datetime:
    row = tx.peek(SitePass, site)
    return LONG_AGO if row is None else row.at


def still_leads(tx: Tx, leader: Leader) -> None:
    """Unavailable where another has taken the lead since."""
    row = tx.peek(LoopLease, leader.loop)
    if row is None or (row.holder, row.epoch) != (leader.holder, leader.epoch):
        raise Unavailable(f"{leader.holder} leads no more")
