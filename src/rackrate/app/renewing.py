"""Nodes for commitments, and for what a right to renew would bring: held from the signature on.

What goes on after a commitment stays on its blocks where it can. Where they are sold it goes to
others, unless it must stay; then it is refused, with until when it would fit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rackrate.app.holds import drop_expired
from rackrate.app.ports import Tx
from rackrate.app.promising import (
    Lack,
    as_held,
    facts_of,
    fitting,
    is_empty,
    is_tied,
    lay,
    lay_hold,
    new_nodes,
    own_pools,
    private_holder,
    shortage,
    sites_of,
    wish_for,
)
from rackrate.app.world import World
from rackrate.core.calendar import Reservation
from rackrate.core.contract import (
    Commitment,
    Contract,
    RenewalState,
    held_renewal,
    renewal_state,
    would_renew,
)
from rackrate.core.contract_price import whole_months
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import ContractId, PoolId
from rackrate.core.interval import Interval
from rackrate.core.parties import Customer
from rackrate.core.placement import Fleet, Pool
from rackrate.core.promise import Assigned, Wish, kept_back, kept_words, latest, room_in, spread
from rackrate.core.words import counted, part_said

# By commitment, where its nodes are or were found.
Placed = Mapping[int, Assigned]
Rooms = dict[PoolId, int]


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known before what goes on after a commitment looks for its nodes.

    `own` is where the commitment has its nodes; `held` what was held for this until now, whose
    leases have had their notice; `taken` what others have found in the same step.
    """

    own: Assigned
    held: Assigned = ()
    taken: Assigned = ()


@dataclass(frozen=True, slots=True)
class Going:
    """Where nodes go on: those that stay on their blocks, and those that go to others."""

    stays: Assigned
    moves: Assigned = ()

    @property
    def moving(self) -> int:
        return sum(nodes for _, nodes in self.moves)

    @property
    def pools(self) -> Assigned:
        """All of it by pool."""
        return _summed((*self.stays, *self.moves))


# -- commitments ----------------------------------------------------------------------------------


def reserve(
    world: World, tx: Tx, contract: Contract, commitments: Iterable[Commitment], placed: Placed
) -> None:
    """Promise the nodes of each and hold what its right to renew would bring, or refuse.

    `placed` are pools that were found or held before.
    """
    rights = rights_of(world, tx, contract)
    for site in sites_of((*contract.commitments, *rights.values())):
        drop_expired(tx, site, world.clock.now())
    done = _rows(tx, contract).keys() if rights else ()
    for each in commitments:
        if each.sku is None:
            continue
        found = _again(world, tx, contract, each, placed)
        found = found or new_nodes(world, tx, contract, each, _until(contract, each, rights))
        lay(tx, contract, each, found)
        if each.number in rights and each.number not in done:
            _hold(world, tx, contract, rights[each.number])
    for number in sorted(rights.keys() - _rows(tx, contract).keys()) if rights else ():
        _hold(world, tx, contract, rights[number])


def going_on(
    world: World, tx: Tx, contract: Contract, each: Commitment, held: Assigned = ()
) -> Going:
    """Where what follows a commitment has its nodes; Refused where nowhere. `held`: as `Ground`."""
    own = own_pools(tx, contract, contract.before(each))
    found = _going(world, tx, contract, each, Ground(own, held))
    if isinstance(found, Lack):
        raise shortage(contract, each, found, _where(contract, each))
    return found


def _again(world: World, tx: Tx, contract: Contract, each: Commitment, placed: Placed) -> Assigned:
    """The nodes that were found or held for it before, or those that it goes on with, if any."""
    before = placed.get(each.number, ())
    if not each.follows:
        return as_held(world, tx, each, before)
    if before or each.anew:
        return before
    followed = contract.before(each)
    cut = each.during.start < followed.during.end
    going = going_on(world, tx, contract, each, own_pools(tx, contract, followed) if cut else ())
    if going.moving:
        stay = sum(nodes for _, nodes in going.stays)
        raise shortage(contract, each, Lack(stay), " on the blocks that it has")
    return going.stays


def _until(contract: Contract, each: Commitment, rights: Mapping[int, Commitment]) -> datetime:
    """Until when as many nodes go on, by what follows and by the right to renew that."""
    last = each
    while after := [one for one in contract.followers(last) if one.nodes == each.nodes]:
        last = after[0]
    right = rights.get(last.number)
    return last.during.end if right is None else right.during.end


def _going(
    world: World, tx: Tx, contract: Contract, each: Commitment, ground: Ground
) -> Going | Lack:
    wish = replace(wish_for(world, tx, each), same_block=False)
    tied, own = is_tied(contract, each), {pool for pool, _ in ground.own}
    mine = [pool for pool in fitting(tx, each) if pool.id in own]
    assert each.site is not None
    fleet = tx.fleet(each.site)
    room = _room(fleet, contract, wish, ground, mine)
    stays: list[tuple[PoolId, int]] = []
    left = each.nodes
    for pool, nodes in ground.own:
        here = min(left, nodes, room.get(pool, 0))
        if here:
            stays.append((pool, here))
            room[pool] -= here
            left -= here
    if not left:
        return Going(tuple(stays))
    others = [] if tied else [pool for pool in fitting(tx, each) if pool.id not in own]
    room |= _room(fleet, contract, wish, ground, others)
    moves = 0 if tied else spread(room, replace(wish, nodes=left))
    if isinstance(moves, int):
        pools = [*mine, *others]
        until = None if contract.terms.dedicated else latest(pools, wish)
        return Lack(each.nodes - left + moves, until=until, kept=kept_back(pools, wish))
    return Going(tuple(stays), moves)


def _room(
    fleet: Fleet, contract: Contract, wish: Wish, ground: Ground, pools: Iterable[Pool]
) -> Rooms:
    """What each pool has for it: at least what was held there."""
    mine = (contract.id, private_holder(contract))
    held, taken = dict(ground.held), dict(ground.taken)
    rooms: Rooms = {}
    for pool in pools:
        if contract.terms.dedicated and not is_empty(fleet, pool, wish, mine):
            continue
        free = room_in(pool, wish)
        if pool.id in held:
            there = pool.calendar.available(wish.during, wish.now)
            free = max(free, min(held[pool.id], there))
        rooms[pool.id] = max(0, free - taken.get(pool.id, 0))
    return rooms


def _where(contract: Contract, each: Commitment) -> str:
    return " on the blocks that it has" if is_tied(contract, each) else ""


# -- what the right to renew holds ----------------------------------------------------------------


def rights_of(world: World, tx: Tx, contract: Contract) -> dict[int, Commitment]:
    """What is to be held now of what a renewal would bring, by what it would follow."""
    zone = tx.get(Customer, contract.customer).time_zone
    brings = held_renewal(contract, zone, world.clock.now())
    return {each.follows: each for each in brings}


def let_go(world: World, tx: Tx, before: Contract, after: Contract) -> Placed:
    """Free what was held for the contract as it was and is held otherwise, or not, as it becomes.

    What is still held so stays as it is, and what has fewer nodes shrinks where it is. Answers the
    pools of what was let go.
    """
    rights = rights_of(world, tx, after).values()
    same = {after.origin(after.before(each)).number: each for each in rights}
    freed: dict[int, Assigned] = {}
    for number, rows in _rows(tx, before).items():
        first = before.commitment(number)
        assert first is not None
        brings = same.get(before.origin(first).number)
        if brings is None or not _shrunk(tx, rows, brings):
            for row in rows:
                tx.remove(Reservation, row.id)
            freed[number] = tuple((row.pool, row.nodes) for row in rows)
    return freed


def for_quote(world: World, tx: Tx, draft: Contract, placed: Placed) -> Placed:
    """Where the right of a contract that is only quoted would be held, by what it would follow.

    `draft` is the contract that signing would make, `placed` where its commitments are. Refused
    where it cannot be held.
    """
    taken: Assigned = ()
    found: dict[int, Assigned] = {}
    for number, brings in sorted(rights_of(world, tx, draft).items()):
        ground = Ground(placed.get(number, ()), taken=taken)
        found[number] = _held(world, tx, draft, brings, ground)
        taken = _summed((*taken, *found[number]))
    return found


def hold_for_quote(
    world: World, tx: Tx, draft: Contract, placed: Placed, expires: datetime
) -> None:
    """Hold it, too, until the quote expires. The draft has the quote's id: that is the holder."""
    rights, found = rights_of(world, tx, draft), for_quote(world, tx, draft, placed)
    for number, pools in found.items():
        lay_hold(tx, draft, rights[number], pools, expires)
    for number, pools in found.items() if draft.terms.dedicated else ():
        rest = _rest_of(world, tx, rights[number], pools)
        alone = replace(draft, id=ContractId(private_holder(draft)))
        lay_hold(tx, alone, rights[number], rest, expires)


def _rest_of(world: World, tx: Tx, brings: Commitment, placed: Assigned) -> Assigned:
    """What is left of the blocks for that time, so that nobody else comes in."""
    assert brings.site is not None
    pools, now = tx.fleet(brings.site).pools, world.clock.now()
    blocks = {pools[pool].block for pool, _ in placed}
    left = {
        pool.id: pool.calendar.available(brings.during, now)
        for pool in pools.values()
        if pool.block in blocks
    }
    return tuple((pool, nodes) for pool, nodes in sorted(left.items()) if nodes > 0)


def _hold(world: World, tx: Tx, contract: Contract, brings: Commitment) -> None:
    """Put on the calendar what the right would bring."""
    right = contract.terms.renewal
    assert right is not None
    own = own_pools(tx, contract, contract.before(brings))
    pools = _held(world, tx, contract, brings, Ground(own))
    lay_hold(tx, contract, brings, pools, right.decide_by)


def _held(world: World, tx: Tx, contract: Contract, brings: Commitment, ground: Ground) -> Assigned:
    """Where what the right would bring can be held; or Refused with until when it could be."""
    found = _going(world, tx, contract, brings, ground)
    if isinstance(found, Going):
        return found.pools
    right = contract.terms.renewal
    assert right is not None
    facts, until = facts_of(found), ""
    if found.until is not None:
        zone = tx.get(Customer, contract.customer).time_zone
        facts["months"] = whole_months(Interval(brings.during.start, found.until), zone)
        until = f"; all until {found.until:%Y-%m-%d %H:%M} UTC"
    raise Refused(
        Reason.NO_CAPACITY,
        f"the right to renew for {counted(right.months, 'month')} cannot be held: "
        f"{part_said(found.nodes, brings.nodes)} of {brings.sku} can be promised"
        f"{_where(contract, brings)} over {brings.during}{until}{kept_words(found.kept)}; "
        "it can be agreed for fewer months, or without being held",
        facts,
    )


def _shrunk(tx: Tx, rows: Iterable[Reservation], brings: Commitment) -> bool:
    """Keep as much of the rows as is still to be held; False where they do not have it."""
    mine = sorted(rows, key=lambda row: (-row.nodes, row.id))
    left = brings.nodes
    if sum(row.nodes for row in mine) < left or any(row.during != brings.during for row in mine):
        return False
    for row in mine:
        keeps = min(left, row.nodes)
        left -= keeps
        if not keeps:
            tx.remove(Reservation, row.id)
        elif (keeps, brings.follows) != (row.nodes, row.renews):
            tx.put(replace(row, nodes=keeps, renews=brings.follows))
    return True


def _rows(tx: Tx, contract: Contract) -> dict[int, list[Reservation]]:
    """What is held for its right to renew, by the commitment that would go on."""
    found: dict[int, list[Reservation]] = {}
    for row in tx.find(Reservation, holder=contract.id):
        if row.renews:
            found.setdefault(row.renews, []).append(row)
    return found


def _summed(pairs: Iterable[tuple[PoolId, int]]) -> Assigned:
    together: dict[PoolId, int] = {}
    for pool, nodes in pairs:
        together[pool] = together.get(pool, 0) + nodes
    return tuple(together.items())


# -- as it is shown -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Right:
    """What has become of a right to renew. `brings` is what using it would add, while it can be
    used; `held` the nodes on the calendar for it, of which `elsewhere` on other blocks.
    """

    state: RenewalState
    decide_by: datetime
    brings: tuple[Commitment, ...] = ()
    held: tuple[Reservation, ...] = ()
    elsewhere: int = 0

    @property
    def nodes(self) -> int:
        return sum(row.nodes for row in self.held)


def right_of(world: World, tx: Tx, contract: Contract) -> Right | None:
    """The contract's right to renew as it is now; None where there is none."""
    now, agreed = world.clock.now(), contract.terms.renewal
    state = renewal_state(contract, now)
    if agreed is None or state is None:
        return None
    if state not in (RenewalState.HELD, RenewalState.IF_FREE):
        return Right(state, agreed.decide_by)
    brings = would_renew(contract, tx.get(Customer, contract.customer).time_zone)
    rows = [row for each in _rows(tx, contract).values() for row in each]
    held = tuple(row for row in rows if row.counts(now))
    elsewhere = 0
    for each in brings:
        own = dict(own_pools(tx, contract, contract.before(each)))
        mine = [row for row in held if row.renews == each.follows]
        elsewhere += sum(max(0, row.nodes - own.get(row.pool, 0)) for row in mine)
    return Right(state, agreed.decide_by, brings, held, elsewhere)
