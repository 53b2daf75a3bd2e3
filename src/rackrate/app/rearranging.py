"""Laying promises on other blocks before their nodes are handed over: shown first, then done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rackrate.app import breaches
from rackrate.app.giveway import longest_notice, tell
from rackrate.app.holds import drop_expired
from rackrate.app.ports import Tx
from rackrate.app.promising import is_tied
from rackrate.app.world import World, acting, check_near, reading
from rackrate.core import rearrange
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.breach import Breach, at_stake, is_short
from rackrate.core.calendar import Reservation
from rackrate.core.contract import Commitment, Contract, Delivery
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import ChipId, ContractId, PoolId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Site, Sku
from rackrate.core.placement import Pool
from rackrate.core.promise import Wish
from rackrate.core.rearrange import Along, Movable, Move, Rearranged
from rackrate.core.tally import SOLD
from rackrate.core.timeline import seconds
from rackrate.core.words import nodes_said

MOST_NODES = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is moved, and the pools that are short before and after it; `why` for each of these."""

    moves: tuple[Move, ...]
    short_before: tuple[PoolId, ...]
    short_after: tuple[PoolId, ...]
    done: bool
    why: Mapping[PoolId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Room:
    """What somebody wants on one block: so many nodes of a SKU, over a time."""

    sku: SkuId
    nodes: int
    during: Interval


def mend(world: World, actor: Actor, site: SiteId, dry_run: bool = False) -> Plan:
    """Move what is not delivered yet out of blocks that are short. Nothing is broken by it."""
    opened = reading if dry_run else acting
    verb = Verb.FLEET_READ if dry_run else Verb.FLEET_WRITE
    with opened(world, actor, verb, Target("rearrangement", site)) as tx:
        tx.get(Site, site)
        fleet, now = tx.fleet(site), world.clock.now()
        before = tuple(pool.id for pool in fleet.pool_list if is_short(pool.calendar, now))
        shapes = sorted({(fleet.pools[id].chip, fleet.pools[id].gpus) for id in before})
        moves: list[Move] = []
        short: list[PoolId] = []
        why: dict[PoolId, str] = {}
        for chip, gpus in shapes:
            alike = [pool for pool in fleet.pools_of(chip) if pool.gpus == gpus]
            asked = _wish(world, tx, site, chip, Interval(now, now + breaches.NOTICE), 1)
            movable, along = _movable(world, tx, alike)
            found = rearrange.mend(alike, asked, movable, along)
            moves += found.moves
            short += found.short
            known = {**movable, **{after: movable[id] for id, after in along.items()}}
            why |= {id: _why(fleet.pools[id], known, now) for id in found.short}
        every = Rearranged(tuple(moves), tuple(short))
        return replace(_carried_out(world, tx, site, every, before, dry_run), why=why)


def _why(pool: Pool, movable: Movable, now: datetime) -> str:
    """Why what is promised where a pool is short can make no way, or not enough of it."""
    kinds: dict[str, set[str]] = {}
    for held in at_stake(pool.calendar, now):
        if held.id not in movable:
            kind = "begun, handed over, dedicated, tied to what is, or no contract"
        elif movable[held.id]:
            kind = "no other block has room for more of it"
        else:
            kind = "must stay on one block, and no other has room for it"
        kinds.setdefault(kind, set()).add(held.holder)
    return "; ".join(
        f"{', '.join(sorted(holders)[:5])}{' and others' if len(holders) > 5 else ''}: {kind}"
        for kind, holders in sorted(kinds.items())
    )


def clear(world: World, actor: Actor, room: Room, dry_run: bool = False) -> Plan:
    """Make room on one block by moving the least; refused where no moves would do."""
    if not 1 <= room.nodes <= MOST_NODES:
        raise Invalid("nodes", f"{room.nodes} is not 1 to {MOST_NODES}")
    opened = reading if dry_run else acting
    verb = Verb.FLEET_READ if dry_run else Verb.FLEET_WRITE
    with opened(world, actor, verb, Target("rearrangement", room.sku)) as tx:
        now = world.clock.now()
        if room.during.start <= now:
            raise Invalid("from", f"{room.during.start:%Y-%m-%d %H:%M} UTC has passed")
        check_near("until", room.during.end, now)
        sku = tx.get(Sku, room.sku)
        if not sku.whole_node:
            raise Invalid(
                "sku", f"{sku.id} is not whole nodes, which is what blocks are promised by"
            )
        fleet = tx.fleet(sku.site)
        alike = fleet.pools_of(sku.chip, sku.slots)
        wish = _wish(world, tx, sku.site, sku.chip, room.during, room.nodes)
        found = rearrange.clear(alike, wish, *_movable(world, tx, alike))
        if found is None:
            raise Refused(
                Reason.NO_CAPACITY,
                f"no block can be cleared for {nodes_said(room.nodes)} of {sku.id} over "
                f"{room.during}: {_in_the_way(alike, wish)}",
            )
        return _carried_out(world, tx, sku.site, found, (), dry_run)


def _in_the_way(pools: Iterable[Pool], wish: Wish) -> str:
    start, end = seconds(wish.during.start), seconds(wish.during.end)
    there = [pool.calendar.there(wish.now).least(start, end) for pool in pools]
    most = max(there, default=0)
    if most < wish.nodes:
        return f"the largest block has {most}"
    return "what stands there is delivered, or fits nowhere else"


def _wish(world: World, tx: Tx, site: SiteId, chip: ChipId, during: Interval, nodes: int) -> Wish:
    row, now = tx.get(Site, site), world.clock.now()
    kept = row.spare_percent + row.moment_percent
    notice = longest_notice(tx, site, chip, now)
    return Wish(nodes, during, now, notice, kept, True, row.moment_percent)


def _movable(world: World, tx: Tx, pools: Iterable[Pool]) -> tuple[Movable, Along]:
    """Promises of contracts that are still to begin, and of which nothing is handed over; and what
    is held to go on after them, which goes with them.

    Where that is held after nodes that stay, it goes to other blocks alone, as a renewal would.
    """
    now = world.clock.now()
    later = [
        held
        for pool in pools
        for held in pool.calendar.reservations.values()
        if held.during.start > now and (held.kind in SOLD or held.renews) and held.counts(now)
    ]
    holders = tuple(sorted({held.holder for held in later}))
    if not holders:
        return {}, {}
    contracts = {row.id: row for row in tx.find(Contract, id=holders)}
    handed_over = {
        (row.contract, row.commitment)
        for row in tx.find(Delivery, contract=tuple(contracts))
        if row.delivered is not None
    }
    whose = [(held, contracts.get(ContractId(held.holder))) for held in later]
    known = [(held, contract) for held, contract in whose if contract is not None]
    movable: dict[str, bool] = {}
    where: dict[tuple[str, int, PoolId], str] = {}
    for held, contract in known:
        promised = None if held.renews else _of(contract, held)
        if promised is None or contract.terms.dedicated or _tied(contract, promised):
            continue
        if (contract.id, promised.number) not in handed_over:
            movable[held.id] = not promised.same_block
            where[contract.id, promised.number, held.pool] = held.id
    return _with_rights(movable, where, [each for each in known if each[0].renews])


def _with_rights(
    movable: dict[str, bool],
    where: Mapping[tuple[str, int, PoolId], str],
    rights: Iterable[tuple[Reservation, Contract]],
) -> tuple[Movable, Along]:
    """What rights hold goes along where what they renew may go, and alone where that stays."""
    along: dict[str, str] = {}
    for held, contract in rights:
        first = where.get((held.holder, held.renews, held.pool))
        if first is not None:
            along[first] = held.id
        elif _goes_alone(contract, held):
            movable[held.id] = True
    return movable, along


def _goes_alone(contract: Contract, held: Reservation) -> bool:
    """Whether what a right holds may be held elsewhere than the nodes that it would renew."""
    promised = contract.commitment(held.renews)
    return promised is not None and not is_tied(contract, promised)


def _of(contract: Contract, held: Reservation) -> Commitment | None:
    """The commitment that a promise keeps: its id says so."""
    number = held.id.removeprefix(f"{contract.id}/").partition("/")[0]
    return contract.commitment(int(number)) if number.isdigit() else None


def _tied(contract: Contract, promised: Commitment) -> bool:
    """Whether it goes on with the nodes of another commitment, or another with its nodes."""
    return not promised.brings_nodes or any(not each.anew for each in contract.followers(promised))


def _carried_out(
    world: World,
    tx: Tx,
    site: SiteId,
    found: Rearranged,
    before: tuple[PoolId, ...],
    dry_run: bool,
) -> Plan:
    if dry_run or not found.moves:
        return Plan(found.moves, before, found.short, done=False)
    drop_expired(tx, site, world.clock.now())
    touched: set[PoolId] = set()
    for move in found.moves:
        held = tx.get(Reservation, move.reservation.id)
        if held.nodes == move.nodes:
            tx.remove(Reservation, held.id)
        else:
            tx.put(replace(held, nodes=held.nodes - move.nodes))
        gone = rearrange.moved(held, move.nodes, move.to)
        there = tx.peek(Reservation, gone.id)
        tx.put(gone if there is None else replace(there, nodes=there.nodes + move.nodes))
        touched |= {held.pool, move.to}
    for pool in sorted(touched):
        breaches.write_down(world, tx, site, [pool], _cause(tx, site, pool))
    tell(world, tx, site)
    return Plan(found.moves, before, found.short, done=True)


def _cause(tx: Tx, site: SiteId, pool: PoolId) -> str:
    """What is still short is so for the reason that it was before."""
    open_ = [row for row in tx.find(Breach, site=site, unmended=True) if row.pool == pool]
    return open_[0].cause if open_ else "promises were laid on other blocks"
