"""Where a lease goes: the fleet index, and the choice of nodes and slots.

The index is a plain mutable object that is kept, not rebuilt (decision 17): whoever holds the
site's lock changes it together with the rows that it mirrors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil

import numpy as np
from numpy.typing import NDArray

from rackrate.core.calendar import NOTHING, SPOT_ACCOUNT, Claim, Reservation
from rackrate.core.choice import NOBODY, Fitting, Ranks, choose, ranked, within
from rackrate.core.ids import ChipId, NodeId, PoolId
from rackrate.core.inventory import Node, NodeState
from rackrate.core.pools import OPEN as OPEN
from rackrate.core.pools import SPOT
from rackrate.core.pools import Pool as Pool
from rackrate.core.pools import Shape as Shape
from rackrate.core.slots import lowest
from rackrate.core.timeline import seconds
from rackrate.core.workload import Member

_ARRAYS = (
    *("_free", "_size", "_usable", "_drained", "_broken", "_leaves"),
    *("_owner", "_named", "_chip", "_pool", "_block"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """`members` nodes with `slots` slots each. `account`: a contract's id, spot's, or empty.

    A gang goes into one block if one fits it; `same_block` refuses it otherwise. `prefer` are nodes
    that it had before; after them come those that were named for its contract. What is sold by the
    moment leaves `kept_percent` of each pool untouched: broken nodes count towards it. `lasting`:
    not on nodes that promises will need before that.
    """

    chip: ChipId
    members: int
    slots: int
    whole_nodes: bool = False
    account: str = ""
    same_block: bool = False
    prefer: tuple[NodeId, ...] = ()
    kept_percent: Decimal = NOTHING
    lasting: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class NoFit:
    """Why nothing fits, with the numbers that the asker needs next.

    `slots_free` and `nodes_free` are what this asker could have now, over all nodes of the chip;
    `one_node` the most on one node; `members_fit` how many members of the size asked for.
    """

    slots_free: int
    nodes_free: int
    one_node: int
    members_fit: int


@dataclass(frozen=True, slots=True)
class Stock:
    """What could be had now, promises kept: units, on how many nodes, and the most in one block."""

    units: int
    nodes: int
    nodes_in_one_block: int


class Fleet:
    """Free slots of every node of one site, and the promises on its pools.

    A node belongs to one account while anything of it is claimed: to a contract, to what is sold
    on demand, or to spot. So a promise of whole nodes is never eaten by single GPUs.
    """

    def __init__(self, nodes: Iterable[Node] = (), version: int = 0) -> None:
        self.version = version
        self.nodes: list[Node] = []
        self.number: dict[NodeId, int] = {}
        self.pools: dict[PoolId, Pool] = {}
        self.pool_list: list[Pool] = []
        self._shapes: dict[tuple[ChipId, int | None], Shape] = {}
        self.claims: dict[str, Claim] = {}
        self.closed_until: dict[NodeId, datetime] = {}
        self.had_spot = False  # Since it was loaded: if not, nobody waits for spot to go.
        self._promises: dict[str, Pool] = {}
        self._bits: list[int] = []
        self._held: list[int] = []
        self._accounts: dict[str, int] = {"": OPEN, SPOT_ACCOUNT: SPOT}
        self._chips: dict[ChipId, int] = {}
        self._blocks: dict[str, int] = {}
        self._free = np.zeros(0, np.int32)
        self._size = np.zeros(0, np.int32)
        self._usable = np.zeros(0, np.bool_)
        self._drained = np.zeros(0, np.bool_)
        self._broken = np.zeros(0, np.bool_)
        self._leaves = np.zeros(0, np.bool_)
        self._marked = 0
        self._owner = np.zeros(0, np.int32)
        self._named = np.zeros(0, np.int32)
        self._chip = np.zeros(0, np.int32)
        self._pool = np.zeros(0, np.int32)
        self._block = np.zeros(0, np.int32)
        for node in nodes:
            self.set_node(node)

    # -- what changes it ------------------------------------------------------------------------

    def set_node(self, node: Node) -> None:
        """Add a node, or change its state. Its shape may change only while it is empty."""
        i = self.number.get(node.id)
        if i is None:
            i = self._append(node)
        else:
            was = self.nodes[i]
            self.pools[was.pool].calendar.drop_node(was.id)
            self._count(i, -1)
            assert self._held[i] == 0 or (was.slots, was.pool) == (
                node.slots,
                node.pool,
            ), node
        self.nodes[i] = node
        pool = self._pool_of(node)
        pool.calendar.set_node(node)
        for slots in (node.slots, None):
            self._shapes.setdefault((node.chip, slots), Shape()).add(pool)
        if self._held[i] == 0:
            self._bits[i] = (1 << node.slots) - 1
            self._free[i] = self._size[i] = node.slots
        self._usable[i] = node.state == NodeState.IN_SERVICE
        self._drained[i] = node.state == NodeState.DRAINING
        self._mark(i, node)
        self._chip[i] = self._chips.setdefault(node.chip, len(self._chips))
        self._pool[i] = pool.number
        self._block[i] = self._blocks.setdefault(node.block, len(self._blocks))
        self._count(i, 1)

    def hold(self, claim: Claim) -> None:
        """Take the claim's slots. They must be free: this is the first guard of promise 1."""
        i = self.number[claim.node]
        bits = claim.slots.bits
        assert self._bits[i] & bits == bits, f"sold twice: {claim}"
        assert claim.id not in self.claims, claim
        account = self._accounts.setdefault(claim.account, len(self._accounts))
        assert self._held[i] == 0 or self._owner[i] == account, f"two accounts on a node: {claim}"
        self.claims[claim.id] = claim
        self._bits[i] ^= bits
        self._free[i] -= bits.bit_count()
        self._held[i] += 1
        if self._held[i] == 1:
            self._owner[i] = account
            pool = self.pool_list[self._pool[i]]
            pool.owned[account] = pool.owned.get(account, 0) + 1
            pool.untouched -= int(self._usable[i])
            self.had_spot |= account == SPOT
            pool.leaving += int(account == OPEN and self._drained[i])

    def free(self, claim_id: str, ended: datetime) -> None:
        """Give a claim's slots back; its row ends at `ended`, and the next may begin there."""
        claim = self.claims.pop(claim_id)
        i = self.number[claim.node]
        self._bits[i] |= claim.slots.bits
        self._free[i] += claim.slots.bits.bit_count()
        self._held[i] -= 1
        if self._held[i] == 0:
            pool = self.pool_list[self._pool[i]]
            pool.owned[int(self._owner[i])] -= 1
            pool.untouched += int(self._usable[i])
            pool.leaving -= int(self._owner[i] == OPEN and self._drained[i])
            self._owner[i] = NOBODY
        self.closed_until[claim.node] = max(ended, self.closed_until.get(claim.node, ended))

    def closed(self, claim: Claim) -> None:
        """Take note of a claim that has ended already, when the index is loaded."""
        if claim.during.end is not None:
            until = self.closed_until.get(claim.node, claim.during.end)
            self.closed_until[claim.node] = max(until, claim.during.end)

    def promise(self, reservation: Reservation) -> None:
        """Add or replace a reservation."""
        self.withdraw(reservation.id)
        self._promises[reservation.id] = pool = self.pools[reservation.pool]
        pool.calendar.promise(reservation)

    def withdraw(self, id: str) -> None:
        """Forget a reservation, whichever pool it was in."""
        pool = self._promises.pop(id, None)
        if pool is not None:
            pool.calendar.withdraw(id)

    # -- what asks it ---------------------------------------------------------------------------

    def place(self, request: Request, now: datetime) -> tuple[Member, ...] | NoFit:
        """Nodes and slots for every member, or why not. Tightest first, so large holes stay whole.

        `now` decides which promises are in force: nodes that they still need are not offered.
        """
        fits = self._candidates(request, now)
        if len(fits) < request.members:
            return self._no_fit(request, now, len(fits))
        chosen = self._choose(request, fits)
        if chosen is None:
            return self._no_fit(request, now, self._largest_block(fits))
        return tuple(
            Member(rank, self.nodes[i].id, lowest(self._bits[i], request.slots))
            for rank, i in enumerate(chosen)
        )

    def stock(self, request: Request, now: datetime) -> Stock:
        """How many units of `request.slots` slots this account could have now, each on one node."""
        fits = self._candidates(request, now)
        units = int((self._free[fits] // request.slots).sum())
        return Stock(units, len(fits), self._largest_block(fits))

    def safe_until(self, members: Iterable[Member], now: datetime) -> datetime | None:
        """The first instant at which reservations would need one of these nodes (decision 2).

        Ask after the members are held: nodes sold by the moment count against each pool's supply.
        """
        first: datetime | None = None
        if not self._promises:
            return None
        for number in {int(self._pool[self.number[member.node]]) for member in members}:
            pool = self.pool_list[number]
            needed = pool.calendar.first_below(pool.sold_by_the_moment, now)
            if needed is not None and (first is None or needed < first):
                first = needed
        return first

    @property
    def promised(self) -> bool:
        """Whether anything of it is reserved for anybody, now or later."""
        return bool(self._promises)

    def may_open(self, pool: PoolId, account: str, now: datetime) -> int:
        """How many untouched nodes of the pool an account may begin to use now."""
        there = self.pools[pool]
        return self._may_open(there, Request(there.chip, 1, 1, account=account), now)

    def starts_at(self, members: Iterable[Member], now: datetime) -> datetime:
        """The first instant from which claims on these nodes may run: after what ended there."""
        return max([now, *(self.closed_until.get(member.node, now) for member in members)])

    def shape(self, chip: ChipId, slots: int | None = None) -> Shape:
        """Pools of the chip: all, or those that have had nodes of so many slots."""
        return self._shapes.get((chip, slots)) or Shape()

    def pools_of(self, chip: ChipId, slots: int | None = None) -> list[Pool]:
        """The same by name, without their calendars."""
        return self.shape(chip, slots).pools

    def free_slots(self) -> dict[NodeId, int]:
        """Free slots of each node, whatever its state."""
        return {node.id: int(self._free[i]) for i, node in enumerate(self.nodes)}

    def _candidates(self, request: Request, now: datetime) -> NDArray[np.intp]:
        chip = self._chips.get(request.chip)
        if chip is None:
            return np.zeros(0, np.intp)
        if request.whole_nodes:
            mine = (self._owner == NOBODY) & (self._size == request.slots)
        else:
            mine = self._free >= request.slots
            if request.account:
                account = self._accounts.get(request.account, -2)
                mine &= (self._owner == account) | (self._owner == NOBODY)
            else:
                mine &= self._owner <= OPEN
        mine &= self._usable
        if len(self._chips) > 1:
            mine &= self._chip == chip
        fits: NDArray[np.intp] = mine.nonzero()[0]
        return self._within_promises(fits, request, now)

    def _within_promises(
        self, fits: NDArray[np.intp], request: Request, now: datetime
    ) -> NDArray[np.intp]:
        """Drop untouched nodes beyond what this account may still open in each pool."""
        if not (request.account or self._promises or request.kept_percent):
            return fits
        pools, place = np.unique(self._pool[fits], return_inverse=True)
        limits = [self._limit(self.pool_list[number], request, now) for number in pools]
        fresh = self._owner[fits] == NOBODY
        return fits[within(np.array(limits, np.int64), place, fresh, self._ranks(request, fits))]

    def _limit(self, pool: Pool, request: Request, now: datetime) -> int:
        """How many untouched nodes of the pool may be offered; below zero: no part of any node."""
        may_open = max(0, self._may_open(pool, request, now))
        if request.lasting and not request.account:
            last = seconds(now + request.lasting)
            safe = pool.calendar.free(now).least(seconds(now), last) - pool.sold_by_the_moment
            return min(may_open, safe)
        return may_open

    def _may_open(self, pool: Pool, request: Request, now: datetime) -> int:
        """How many untouched nodes of the pool this account may begin to use now.

        Nodes of spot are there for whoever is promised some: it takes itself what is left idle.
        """
        spot = request.account == SPOT_ACCOUNT
        promised = pool.calendar.not_for_spot(now) if spot else pool.calendar.promised(now)
        if request.account and not spot:
            owned = pool.owned.get(self._accounts.get(request.account, -2), 0)
            return promised.get(request.account, 0) - owned
        kept = sum(
            max(0, nodes - pool.owned.get(self._accounts.get(holder, -2), 0))
            for holder, nodes in promised.items()
        )
        kept = kept if spot else max(0, kept - pool.spot)
        if request.kept_percent:
            there = pool.calendar.supply(now) + pool.broken
            spoilt = there - pool.usable
            kept += max(0, ceil(there * request.kept_percent / 100) - spoilt)
        return pool.untouched - kept

    def _ranks(self, request: Request, fits: NDArray[np.intp]) -> Ranks | None:
        if not self._marked:
            return None
        account = self._accounts.get(request.account, -2) if request.account else OPEN
        return ranked(self._named[fits], self._leaves[fits], account)

    def _choose(self, request: Request, fits: NDArray[np.intp]) -> list[int] | None:
        before = [self.number[node] for node in request.prefer if node in self.number]
        ranks = self._ranks(request, fits)
        found = Fitting(fits, ranks, self._free, self._block)
        return choose(found, request.members, request.same_block, before)

    def _largest_block(self, fits: NDArray[np.intp]) -> int:
        return int(np.bincount(self._block[fits]).max()) if len(fits) else 0

    def _no_fit(self, request: Request, now: datetime, members_fit: int) -> NoFit:
        single = Request(
            request.chip, 1, 1, account=request.account, kept_percent=request.kept_percent
        )
        fits = self._candidates(single, now)
        free = self._free[fits]
        return NoFit(
            slots_free=int(free.sum()),
            nodes_free=int(np.count_nonzero(self._owner[fits] == NOBODY)),
            one_node=int(free.max(initial=0)),
            members_fit=members_fit,
        )

    # -- upkeep ---------------------------------------------------------------------------------

    def _count(self, i: int, sign: int) -> None:
        """Count node `i` in its pool, or no more. Where it is drained no promise waits for it."""
        pool, owner = self.pool_list[self._pool[i]], self._owner[i]
        usable = sign * int(self._usable[i])
        pool.usable += usable
        pool.untouched += usable if owner == NOBODY else 0
        pool.broken += sign * int(self._broken[i])
        pool.leaving += sign if owner == OPEN and self._drained[i] else 0

    def _mark(self, i: int, node: Node) -> None:
        """Take note of whose node `i` is by name, whether it is to be drained, and is broken."""
        account = NOBODY
        if node.named_for is not None:
            account = self._accounts.setdefault(node.named_for, len(self._accounts))
        leaves = node.state == NodeState.IN_SERVICE and node.drained is not None
        was = self._named[i] != NOBODY or self._leaves[i]
        self._marked += int(account != NOBODY or leaves) - int(was)
        self._named[i], self._leaves[i] = account, leaves
        repaired = node.state == NodeState.IN_REPAIR and node.ready is not None
        self._broken[i] = repaired or (self._drained[i] and node.drained is not None)

    def _append(self, node: Node) -> int:
        i = len(self.nodes)
        self.number[node.id] = i
        self.nodes.append(node)
        self._bits.append(0)
        self._held.append(0)
        if i >= len(self._free):
            self._grow(max(64, 2 * i))
        self._owner[i] = self._named[i] = NOBODY
        return i

    def _grow(self, size: int) -> None:
        for name in _ARRAYS:
            old = getattr(self, name)
            new = np.zeros(size, old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)

    def _pool_of(self, node: Node) -> Pool:
        pool = self.pools.get(node.pool)
        if pool is None:
            pool = Pool(node.pool, len(self.pool_list), node.block, node.chip, node.gpus)
            self.pools[node.pool] = pool
            self.pool_list.append(pool)
        return pool
