"""Commitments on the calendar: nodes are reserved when they are signed, and freed when cut."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from rackrate.app.giveway import longest_notice, tell
from rackrate.app.holds import drop_expired
from rackrate.app.ports import Tx
from rackrate.app.world import World
from rackrate.core.calendar import NOTHING, Reservation, ReservationKind
from rackrate.core.contract import Commitment, Contract
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import PoolId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Site, Sku
from rackrate.core.placement import OPEN, Fleet, Pool
from rackrate.core.promise import Assigned, Shortfall, Wish, assign, kept_back, kept_words, room_in


def reserve(
    world: World,
    tx: Tx,
    contract: Contract,
    commitments: Iterable[Commitment],
    held: Assigned = (),
) -> None:
    """Promise the nodes of each: those it goes on with where it follows another, else the best.

    `held` were held for the first until now: leases by the moment have had their notice for them.
    """
    for each in commitments:
        if each.sku is None or each.site is None:
            continue
        drop_expired(tx, each.site, world.clock.now())
        if each.follows:
            placed = _same_nodes(world, tx, contract, each)
        else:
            placed = _as_held(world, tx, each, held) or _new_nodes(world, tx, contract, each)
            held = ()
        _promise(tx, contract, each, placed)
        if contract.terms.dedicated:
            _keep_to_itself(world, tx, contract, each, placed)


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
    """A new promise may need nodes that are sold by the moment: their leases learn from when."""
    for site in sorted(set(sites)):
        tell(world, tx, site)


def check_covered(tx: Tx, contract: Contract, sku: Sku, now: datetime) -> None:
    """Whether the contract has nodes of this chip at this site now."""
    in_force = contract.capacity_at(now)
    if not in_force:
        raise Refused(Reason.BEYOND_CONTRACT, f"{contract.id} runs over {contract.during}")
    sold = [tx.get(Sku, each.sku) for each in in_force if each.sku is not None]
    if not any((each.chip, each.site) == (sku.chip, sku.site) for each in sold):
        has = ", ".join(sorted({each.id for each in sold}))
        raise Refused(Reason.BEYOND_CONTRACT, f"{contract.id} is for {has}, not {sku.id}")


def sites_of(commitments: Iterable[Commitment]) -> tuple[SiteId, ...]:
    """Where they reserve nodes, in the order in which locks are taken."""
    return tuple(sorted({each.site for each in commitments if each.site is not None}))


def private_holder(contract: Contract) -> str:
    """Who holds the rest of a dedicated block: nobody's account, so that nobody may use it."""
    return f"{contract.id}/private"


def _as_held(world: World, tx: Tx, commitment: Commitment, held: Assigned) -> Assigned:
    """The nodes that were held, where they are all of it and all still there."""
    assert commitment.site is not None
    pools, now = tx.fleet(commitment.site).pools, world.clock.now()
    there = all(
        pool in pools and pools[pool].calendar.available(commitment.during, now) >= nodes
        for pool, nodes in held
    )
    whole = sum(nodes for _, nodes in held) == commitment.nodes
    return held if there and whole else ()


def _new_nodes(world: World, tx: Tx, contract: Contract, commitment: Commitment) -> Assigned:
    assert commitment.sku is not None and commitment.site is not None
    fleet, wish = tx.fleet(commitment.site), _wish(world, tx, commitment)
    pools = _fitting(tx, fleet, commitment)
    if contract.terms.dedicated:
        pools = [pool for pool in pools if is_empty(fleet, pool, wish)]
    placed = assign(pools, wish)
    if isinstance(placed, Shortfall):
        raise _shortage(contract, commitment, placed, kept_back(pools, wish))
    return placed


def _same_nodes(world: World, tx: Tx, contract: Contract, commitment: Commitment) -> Assigned:
    """As many as it has of the nodes that the commitment before it has."""
    assert commitment.site is not None
    before = contract.commitment(commitment.follows)
    assert before is not None
    fleet, left = tx.fleet(commitment.site), commitment.nodes
    placed: list[tuple[PoolId, int]] = []
    for held in sorted(held_by(tx, contract, before), key=lambda r: (-r.nodes, r.id)):
        nodes = min(left, held.nodes)
        if held.holder != contract.id or not nodes:
            continue
        room = room_in(fleet.pools[held.pool], _wish(world, tx, replace(commitment, nodes=nodes)))
        if room < nodes:
            kept = commitment.nodes - left
            short = Shortfall(kept + room, None)
            raise _shortage(contract, commitment, short, where=" on the blocks that it has")
        placed.append((held.pool, nodes))
        left -= nodes
    return tuple(placed)


def _wish(world: World, tx: Tx, commitment: Commitment) -> Wish:
    assert commitment.site is not None and commitment.sku is not None
    site, sku, now = tx.get(Site, commitment.site), tx.get(Sku, commitment.sku), world.clock.now()
    return Wish(
        commitment.nodes,
        commitment.during,
        now,
        longest_notice(tx, site.id, sku.chip, now),
        site.spare_percent + site.moment_percent,
        commitment.same_block,
        site.moment_percent,
    )


def _fitting(tx: Tx, fleet: Fleet, commitment: Commitment) -> list[Pool]:
    assert commitment.sku is not None
    sku = tx.get(Sku, commitment.sku)
    shape = (sku.chip, sku.slots)
    ids = {node.pool for node in fleet.nodes if (node.chip, node.slots) == shape}
    return [fleet.pools[id] for id in sorted(ids)]


def is_empty(fleet: Fleet, pool: Pool, wish: Wish) -> bool:
    """Whether nothing of the pool's block is promised, or sold by the moment beyond its notice."""
    soon = wish.during.start < wish.now + wish.notice
    for other in fleet.pools.values():
        if other.block != pool.block:
            continue
        held = other.calendar.reservations.values()
        if any(each.during.intersect(wish.during) and each.counts(wish.now) for each in held):
            return False
        if soon and other.owned.get(OPEN, 0):
            return False
    return True


def _promise(tx: Tx, contract: Contract, commitment: Commitment, placed: Assigned) -> None:
    assert commitment.site is not None
    tx.add(
        *(_reservation(contract, commitment, pool, nodes, contract.id) for pool, nodes in placed)
    )


def _keep_to_itself(
    world: World, tx: Tx, contract: Contract, commitment: Commitment, placed: Assigned
) -> None:
    """What is left of its blocks is reserved, too, so that nobody else comes in."""
    assert commitment.site is not None
    fleet, now = tx.fleet(commitment.site), world.clock.now()
    blocks = {fleet.pools[pool].block for pool, _ in placed}
    for pool in sorted(fleet.pools.values(), key=lambda pool: pool.id):
        left = pool.calendar.available(commitment.during, now, NOTHING)
        if pool.block in blocks and left > 0:
            holder = private_holder(contract)
            tx.add(_reservation(contract, commitment, pool.id, left, holder))


def _reservation(
    contract: Contract, commitment: Commitment, pool: PoolId, nodes: int, holder: str
) -> Reservation:
    assert commitment.site is not None
    return Reservation(
        f"{holder}/{commitment.number}/{pool}",
        commitment.site,
        pool,
        nodes,
        commitment.during,
        ReservationKind.CONTRACT,
        holder,
        contract.customer,
    )


def held_by(tx: Tx, contract: Contract, commitment: Commitment) -> list[Reservation]:
    """The promises that a commitment is kept by."""
    holders = (contract.id, private_holder(contract))
    starts = tuple(f"{holder}/{commitment.number}/" for holder in holders)
    return [held for held in tx.find(Reservation, holder=holders) if held.id.startswith(starts)]


def _shortage(
    contract: Contract, commitment: Commitment, short: Shortfall, kept: int = 0, where: str = ""
) -> Refused:
    when = "" if short.earliest is None else f"; all from {short.earliest:%Y-%m-%d %H:%M} UTC"
    if not where and contract.terms.dedicated:
        where = " in blocks of its own"
    elif not where and commitment.same_block:
        where = " in one block"
    return Refused(
        Reason.NO_CAPACITY,
        f"at most {short.nodes} of {commitment.nodes} nodes of {commitment.sku} can be promised"
        f"{where} over {commitment.during}{when}{kept_words(kept)}",
        {
            "nodes": short.nodes,
            "earliest": None if short.earliest is None else short.earliest.isoformat(),
            **({"nodes_kept": kept} if kept else {}),
        },
    )
