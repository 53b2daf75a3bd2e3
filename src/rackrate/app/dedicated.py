"""A dedicated block is its contract's alone: what is not promised of it is kept from all others.

However it came there: nodes that are added later, repaired, or given back by the contract itself.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime

import numpy as np

from rackrate.app.holds import drop_expired
from rackrate.app.ports import Tx
from rackrate.core.calendar import PRIVATE, Reservation, ReservationKind
from rackrate.core.contract import Contract
from rackrate.core.ids import PoolId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.placement import Pool
from rackrate.core.timeline import Timeline, instant, seconds


def keep(tx: Tx, site: SiteId, now: datetime, pools: Iterable[PoolId] | None = None) -> None:
    """Reserve what is left of the dedicated blocks of the site, or of those of these pools.

    To be called, under the site's lock, by whatever changes a promise or the supply. What a quote
    or a right to renew holds of such a block is kept to itself as long as it is held.
    """
    fleet = tx.fleet(site)
    named = fleet.pools if pools is None else [id for id in pools if id in fleet.pools]
    blocks = {fleet.pools[id].block for id in named}
    here = [pool for pool in fleet.pool_list if pool.block in blocks]
    for pool in here:
        pool.calendar.lapse(now)
    holders = {held.holder for pool in here for held in pool.calendar.reservations.values()}
    alone = {holder.removesuffix(PRIVATE) for holder in holders if holder.endswith(PRIVATE)}
    if holders:
        alone |= holders & {contract.id for contract in tx.find(Contract, dedicated=True)}
    gone: list[str] = []
    rest: list[Reservation] = []
    for holder, pools_of in sorted(_blocks(here, alone).items()):
        for pool in pools_of:
            old, new = _kept(pool, holder), _rest(pools_of, pool, holder, now)
            gone += old.keys() - new.keys()
            rest += [held for id, held in new.items() if old.get(id) != held]
    if gone or rest:
        drop_expired(tx, site, now)
    for id in gone:
        tx.remove(Reservation, id)
    tx.put(*rest)


def lift(tx: Tx, contract: Contract) -> None:
    """Let a contract have what is left of its own blocks; `keep` takes what then still is."""
    if contract.dedicated:
        for held in tx.find(Reservation, holder=f"{contract.id}{PRIVATE}"):
            tx.remove(Reservation, held.id)


def _blocks(pools: Sequence[Pool], alone: Set[str]) -> dict[str, list[Pool]]:
    """For each of these holders all pools of the blocks in which they have, or had, something."""
    blocks: dict[str, set[str]] = {}
    for pool in pools if alone else ():
        for held in pool.calendar.reservations.values():
            holder = held.holder.removesuffix(PRIVATE)
            if holder in alone:
                blocks.setdefault(holder, set()).add(pool.block)
    by_block: dict[str, list[Pool]] = {}
    for pool in pools if blocks else ():
        by_block.setdefault(pool.block, []).append(pool)
    return {
        holder: [pool for block in sorted(mine) for pool in by_block[block]]
        for holder, mine in blocks.items()
    }


def _kept(pool: Pool, holder: str) -> Mapping[str, Reservation]:
    """What is kept of the pool for the holder now."""
    held = pool.calendar.reservations.values()
    return {each.id: each for each in held if each.holder == f"{holder}{PRIVATE}"}


Kind = tuple[bool, int, datetime | None]


def _kind(held: Reservation) -> Kind:
    """Promises that are alike, those that are signed first: what is kept beside them is as they."""
    return held.kind is ReservationKind.HOLD, held.renews, held.expires


def _rest(here: Sequence[Pool], pool: Pool, holder: str, now: datetime) -> dict[str, Reservation]:
    """What is left of the pool while the holder has nodes of its block, step by step."""
    alike: dict[Kind, list[Reservation]] = {}
    for other in here:
        if other.block == pool.block:
            for held in other.calendar.reservations.values():
                if held.holder == holder:
                    alike.setdefault(_kind(held), []).append(held)
    left = _with(pool.calendar.free(now), _kept(pool, holder).values())
    found: dict[str, Reservation] = {}
    for kind in sorted(alike, key=lambda kind: kind[:2]):
        mine = alike[kind]
        rows = [
            _row(mine[0], pool.id, during, nodes)
            for span in _joined(held.during for held in mine)
            for during, nodes in _steps(left, span)
        ]
        left = _with(left, rows, -1)
        found |= {held.id: held for held in rows}
    return found


def _row(like: Reservation, pool: PoolId, during: Interval, nodes: int) -> Reservation:
    holder = f"{like.holder}{PRIVATE}"
    id = f"{holder}/rest/{like.renews}/{pool}/{seconds(during.start)}"
    return replace(like, id=id, pool=pool, nodes=nodes, during=during, holder=holder)


def _with(line: Timeline, held: Iterable[Reservation], sign: int = 1) -> Timeline:
    """A line with what is held added to it, or taken from it."""
    other = Timeline.of(
        (seconds(at), nodes * sign)
        for each in held
        for at, nodes in ((each.during.start, each.nodes), (each.during.end, -each.nodes))
    )
    times = np.union1d(line.times, other.times)
    return Timeline(times, line.at(times) + other.at(times))


def _steps(line: Timeline, span: Interval) -> Iterable[tuple[Interval, int]]:
    """Where the line is above nothing within the span, and by how much."""
    start, end = seconds(span.start), seconds(span.end)
    inside = line.times[(start < line.times) & (line.times < end)]
    times = np.concatenate([[start], inside])
    levels = np.maximum(line.at(times), 0)
    changes = np.concatenate([[True], levels[1:] != levels[:-1]])
    times, levels = times[changes], levels[changes]
    for at, until, nodes in zip(times, [*times[1:], end], levels, strict=True):
        if nodes:
            yield Interval(instant(int(at)), instant(int(until))), int(nodes)


def _joined(spans: Iterable[Interval]) -> list[Interval]:
    """The same instants in as few intervals as can be."""
    joined: list[Interval] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Interval(joined[-1].start, max(span.end, joined[-1].end))
        else:
            joined.append(span)
    return joined
