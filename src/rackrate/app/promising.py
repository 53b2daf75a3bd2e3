"""Commitments on the calendar: nodes are reserved when they are signed, and freed when cut."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rackrate.app import dedicated
from rackrate.app.giveway import longest_notice, tell
from rackrate.app.ports import Tx
from rackrate.app.world import World
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.contract import Commitment, CommitmentKind, Contract
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import PoolId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Site, Sku
from rackrate.core.placement import OPEN, Fleet, Pool
from rackrate.core.promise import (
    Assigned,
    Shortfall,
    Wish,
    assign,
    kept_back,
    kept_words,
    latest,
    room_in,
)
from rackrate.core.words import part_said


@dataclass(frozen=True, slots=True)
class Lack:
    """Why nodes cannot be promised: how many could be, and from when, or until when, all could.

    `kept` more could be, were none kept for the moment and as spare. `after`: what goes on after
    them is counted in.
    """

    nodes: int
    earliest: datetime | None = None
    until: datetime | None = None
    kept: int = 0
    after: bool = False


def lay(tx: Tx, contract: Contract, each: Commitment, placed: Assigned) -> None:
    """Promise a commitment the nodes that were found for it.

    What is left of a dedicated block is kept from others once all its commitments are laid:
    another of them may have nodes there, too.
    """
    tx.add(*(_promise(contract, each, pool, nodes) for pool, nodes in placed))


def lay_hold(
    tx: Tx, contract: Contract, brings: Commitment, placed: Assigned, expires: datetime
) -> None:
    """Hold what a right to renew would bring, up to the second `expires`."""
    tx.add(*(_hold(contract, brings, expires, placing) for placing in placed))


def new_nodes(
    world: World, tx: Tx, contract: Contract, each: Commitment, until: datetime
) -> Assigned:
    """Nodes for a commitment, and where it can be for what goes on after it until then, too.

    What must stay on its blocks has them for all of that time, or is refused.
    """
    wish = wish_for(world, tx, each)
    pools = fitting(tx, each)
    longer = replace(wish, during=Interval(each.during.start, until))
    at_once = assign(_of_their_own(tx, contract, each, pools, longer), longer)
    if not isinstance(at_once, Shortfall):
        return at_once
    tied, after = is_tied(contract, each), longer.during != wish.during
    if after and not tied:
        placed = assign(pools, wish)
        if not isinstance(placed, Shortfall):
            return placed
        rest = replace(wish, during=Interval(each.during.end, until))
        could = min(placed.nodes, sum(room_in(pool, rest) for pool in pools))
        at_once = replace(at_once, nodes=could)
    beyond = None
    if after and tied:
        beyond = _latest(tx, contract, each, pools, longer)
    own = _of_their_own(tx, contract, each, pools, wish)
    lack = Lack(at_once.nodes, at_once.earliest, beyond, kept_back(own, wish), after)
    raise shortage(contract, replace(each, during=longer.during), lack)


def is_tied(contract: Contract, each: Commitment) -> bool:
    """Whether what goes on after it must stay on its blocks."""
    return contract.terms.dedicated or each.same_block


def cut_back(tx: Tx, contract: Contract, commitments: Iterable[Commitment]) -> None:
    """Promises of commitments that were ended early end with them."""
    for each in commitments:
        if each.site is None:
            continue
        tx.fleet(each.site)
        for held in held_by(tx, contract, each):
            if each.lasts is None:
                tx.remove(Reservation, held.id)
            elif each.lasts.end < held.during.end:
                tx.put(replace(held, during=Interval(held.during.start, each.lasts.end)))


def tell_until_when_safe(world: World, tx: Tx, sites: Iterable[SiteId]) -> None:
    """A new promise may need nodes that are sold by the moment: their leases learn from when.

    What is left of dedicated blocks is kept from others first.
    """
    for site in sorted(set(sites)):
        dedicated.keep(tx, site, world.clock.now())
        tell(world, tx, site)


def sites_of(commitments: Iterable[Commitment]) -> tuple[SiteId, ...]:
    """Where they reserve nodes, in the order in which locks are taken."""
    return tuple(sorted({each.site for each in commitments if each.site is not None}))


def private_holder(contract: Contract) -> str:
    """Who holds the rest of a dedicated block: nobody's account, so that nobody may use it."""
    return f"{contract.id}/private"


def as_held(world: World, tx: Tx, each: Commitment, held: Assigned) -> Assigned:
    """The nodes that were held for it, where they are all of it and all still there: leases by the
    moment have had their notice for them.
    """
    assert each.site is not None
    pools, now = tx.fleet(each.site).pools, world.clock.now()
    there = all(
        pool in pools and pools[pool].calendar.available(each.during, now) >= nodes
        for pool, nodes in held
    )
    return held if there and sum(nodes for _, nodes in held) == each.nodes else ()


def wish_for(world: World, tx: Tx, each: Commitment) -> Wish:
    assert each.site is not None and each.sku is not None
    site, sku, now = tx.get(Site, each.site), tx.get(Sku, each.sku), world.clock.now()
    return Wish(
        each.nodes,
        each.during,
        now,
        longest_notice(tx, site.id, sku.chip, now),
        site.spare_percent + site.moment_percent,
        each.same_block,
        site.moment_percent,
    )


def fitting(tx: Tx, each: Commitment) -> Sequence[Pool]:
    """The pools that have what it is for."""
    assert each.sku is not None and each.site is not None
    sku = tx.get(Sku, each.sku)
    return tx.fleet(each.site).pools_of(sku.chip, sku.slots)


def own_pools(tx: Tx, contract: Contract, each: Commitment) -> Assigned:
    """Where a commitment has its nodes, most of them first."""
    held = [row for row in held_by(tx, contract, each) if row.holder == contract.id]
    return tuple((r.pool, r.nodes) for r in sorted(held, key=lambda r: (-r.nodes, r.id)))


def _of_their_own(
    tx: Tx, contract: Contract, each: Commitment, pools: Sequence[Pool], wish: Wish
) -> Sequence[Pool]:
    """Those that may be had: all, or where blocks are shared with nobody the empty ones."""
    assert each.site is not None
    if not contract.terms.dedicated:
        return pools
    fleet = tx.fleet(each.site)
    mine = (contract.id, private_holder(contract))
    return [pool for pool in pools if is_empty(fleet, pool, wish, mine)]


def _latest(
    tx: Tx, contract: Contract, each: Commitment, pools: Sequence[Pool], longer: Wish
) -> datetime | None:
    """Until when it would fit from its start on, on blocks that it does not leave."""
    if not contract.terms.dedicated:
        return latest(pools, longer)
    assert each.site is not None
    others = (
        held.during.start
        for pool in tx.fleet(each.site).pools.values()
        for held in pool.calendar.reservations.values()
    )
    start, end = longer.during.start, longer.during.end
    for until in sorted({at for at in others if start < at < end}, reverse=True):
        shorter = replace(longer, during=Interval(start, until))
        own = _of_their_own(tx, contract, each, pools, shorter)
        if not isinstance(assign(own, shorter), Shortfall):
            return until
    return None


def is_empty(fleet: Fleet, pool: Pool, wish: Wish, but: Container[str] = ()) -> bool:
    """Whether nothing of the pool's block is promised, or sold by the moment beyond its notice.

    What is promised to holders in `but` does not count.
    """
    soon = wish.during.start < wish.now + wish.notice
    for other in fleet.pools.values():
        if other.block != pool.block:
            continue
        held = [r for r in other.calendar.reservations.values() if r.holder not in but]
        if any(each.during.intersect(wish.during) and each.counts(wish.now) for each in held):
            return False
        if soon and other.owned.get(OPEN, 0):
            return False
    return True


def _promise(contract: Contract, each: Commitment, pool: PoolId, nodes: int) -> Reservation:
    assert each.site is not None
    flexible = each.kind is CommitmentKind.FLEX
    return Reservation(
        f"{contract.id}/{each.number}/{pool}",
        each.site,
        pool,
        nodes,
        each.during,
        ReservationKind.FLEX if flexible else ReservationKind.CONTRACT,
        contract.id,
        contract.customer,
    )


def _hold(
    contract: Contract, brings: Commitment, expires: datetime, placing: tuple[PoolId, int]
) -> Reservation:
    """Named by what first brought the nodes, so that it stays the same row while they do."""
    assert brings.site is not None
    before, (pool, nodes) = contract.before(brings), placing
    return Reservation(
        f"{contract.id}/renewal/{contract.origin(before).number}/{pool}",
        brings.site,
        pool,
        nodes,
        brings.during,
        ReservationKind.HOLD,
        contract.id,
        contract.customer,
        expires,
        renews=before.number,
    )


def held_by(tx: Tx, contract: Contract, commitment: Commitment) -> list[Reservation]:
    """The promises that a commitment is kept by."""
    holders = (contract.id, private_holder(contract))
    starts = tuple(f"{holder}/{commitment.number}/" for holder in holders)
    return [held for held in tx.find(Reservation, holder=holders) if held.id.startswith(starts)]


def shortage(contract: Contract, each: Commitment, lack: Lack, where: str = "") -> Refused:
    """Why a commitment cannot be promised its nodes, with the numbers that are asked for next."""
    when = ", with what goes on after them" if lack.after else ""
    when += "" if lack.earliest is None else f"; all from {lack.earliest:%Y-%m-%d %H:%M} UTC"
    when += "" if lack.until is None else f"; all until {lack.until:%Y-%m-%d %H:%M} UTC"
    if not where and contract.terms.dedicated:
        where = " in blocks of its own"
    elif not where and each.same_block:
        where = " in one block"
    return Refused(
        Reason.NO_CAPACITY,
        f"{part_said(lack.nodes, each.nodes)} of {each.sku} can be promised"
        f"{where} over {each.during}{when}{kept_words(lack.kept)}",
        facts_of(lack),
    )


def facts_of(lack: Lack) -> dict[str, object]:
    """The numbers of a refusal, for programs."""
    return {
        "nodes": lack.nodes,
        "earliest": None if lack.earliest is None else lack.earliest.isoformat(),
        **({} if lack.until is None else {"until": lack.until.isoformat()}),
        **({"nodes_kept": lack.kept} if lack.kept else {}),
    }
