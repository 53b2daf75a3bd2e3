"""Spot: it runs on nodes that nobody uses, and makes room for whoever is to have them.

It is on nodes of its own, lent ones of contracts among them. Who finds no place because spot is
there waits, in order, for as long as its notice takes; and no more of it goes than makes the room.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType

from rackrate.core.calendar import SPOT_ACCOUNT, SPOT_AHEAD, Claim, HolderKind
from rackrate.core.giveway import safe_at_start
from rackrate.core.ids import LeaseId, NodeId, PoolId
from rackrate.core.interval import Span
from rackrate.core.inventory import NodeState
from rackrate.core.placement import Fleet, NoFit, Request, Stock
from rackrate.core.workload import Member

# Up to so many are asked one by one whether they might stay after all.
_ASKED_ALONE = 64


@dataclass(frozen=True, slots=True)
class Guest:
    """A spot lease: the claims it holds, and whether it has been given notice."""

    id: LeaseId
    started: datetime
    claims: tuple[Claim, ...]
    going: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lease that waits for a place, as it is to be placed."""

    id: LeaseId
    request: Request


def who_goes(
    fleet: Fleet, guests: Collection[Guest], waiting: Sequence[Waiting], now: datetime
) -> frozenset[LeaseId]:
    """Guests that are to be given notice now: as few as give all that can be given.

    Those on nodes that are drained, or leave; then those who share their nodes with the fewest and
    have the fewest, the youngest first, until whoever waits has a place, and promises that begin
    have their nodes.
    """
    gone = [each for each in guests if each.going or _loses_a_node(fleet, each, now)]
    wanted = {each.request.chip for each in waiting} | {
        pool.chip for pool in fleet.pool_list if pool.spot and _lacks(fleet, pool.id, now)
    }
    rest = _easiest([e for e in guests if e not in gone and _chips(fleet, e) & wanted])
    best = _outcome(fleet, [*gone, *rest], waiting, now)
    low, high = 0, len(rest)
    while low < high:
        middle = (low + high) // 2
        if _outcome(fleet, [*gone, *rest[:middle]], waiting, now) == best:
            high = middle
        else:
            low = middle + 1
    chosen = rest[:high]
    for each in rest[:high][-_ASKED_ALONE:][::-1]:
        fewer = [one for one in chosen if one is not each]
        if _outcome(fleet, [*gone, *fewer], waiting, now) == best:
            chosen = fewer
    return frozenset(each.id for each in (*gone, *chosen) if not each.going)


def _easiest(guests: Sequence[Guest]) -> list[Guest]:
    """In the order in which they are asked to go."""
    shared = Counter(node for each in guests for node in {claim.node for claim in each.claims})
    youngest = sorted(guests, key=lambda each: (each.started, each.id), reverse=True)
    return sorted(
        youngest,
        key=lambda e: (max((shared[c.node] for c in e.claims), default=0), len(e.claims)),
    )


def gives_room(
    fleet: Fleet, guests: Iterable[Guest], waiting: Sequence[Waiting], asker: Waiting, now: datetime
) -> bool:
    """Whether the asker, behind those that wait, has a place once all spot has gone."""
    served, _ = _outcome(fleet, guests, [*waiting, asker], now)
    return asker.id in served


def without_spot(fleet: Fleet, request: Request, now: datetime) -> Stock:
    """What could be had of such a request, were all spot gone."""
    claims = [claim for claim in fleet.claims.values() if claim.account == SPOT_ACCOUNT]
    with _Trial(fleet, now) as trial:
        trial.go(claims)
        return fleet.stock(request, now)


def leaves_room(
    fleet: Fleet,
    guests: Iterable[Guest],
    waiting: Sequence[Waiting],
    members: Sequence[Member],
    account: str,
    now: datetime,
) -> bool:
    """Whether these members take nothing on which somebody counts who waits already."""
    if not waiting:
        return True
    going = [each for each in guests if each.going]
    without, _ = _outcome(fleet, going, waiting, now)
    with _Trial(fleet, now) as trial:
        trial.come(members, account)
        served, _ = _outcome(fleet, going, waiting, now)
    return without <= served


def safe_there(
    fleet: Fleet, members: Sequence[Member], account: str, now: datetime
) -> datetime | None:
    """Until when a lease on demand would be safe on these nodes, were it there now."""
    with _Trial(fleet, now) as trial:
        trial.come(members, account)
        return safe_at_start(fleet, members, now)


Outcome = tuple[frozenset[LeaseId], int]


def _outcome(
    fleet: Fleet, gone: Iterable[Guest], waiting: Iterable[Waiting], now: datetime
) -> Outcome:
    """Who of those that wait has a place once these have gone; and how many nodes promises lack."""
    served: list[LeaseId] = []
    with _Trial(fleet, now) as trial:
        for guest in gone:
            trial.go(guest.claims)
        for each in waiting:
            placed = fleet.place(each.request, now)
            if not isinstance(placed, NoFit):
                trial.come(placed, each.request.account)
                served.append(each.id)
        lacking = sum(_lacks(fleet, pool.id, now) for pool in fleet.pool_list if pool.spot)
    return frozenset(served), lacking


def _lacks(fleet: Fleet, pool: PoolId, now: datetime) -> int:
    """How many nodes are missing that promises want back from spot."""
    return max(0, -fleet.may_open(pool, SPOT_ACCOUNT, now))


def _loses_a_node(fleet: Fleet, guest: Guest, now: datetime) -> bool:
    nodes = (fleet.nodes[fleet.number[claim.node]] for claim in guest.claims)
    return any(
        node.state is NodeState.DRAINING
        or any(day is not None and day <= now + SPOT_AHEAD for day in (node.until, node.drained))
        for node in nodes
    )


def _chips(fleet: Fleet, guest: Guest) -> set[str]:
    return {fleet.nodes[fleet.number[claim.node]].chip for claim in guest.claims}


class _Trial:
    """Changes of the index that are undone at the end: it is asked "what if", under its lock."""

    def __init__(self, fleet: Fleet, now: datetime) -> None:
        self._fleet, self._now = fleet, now
        self._closed: dict[NodeId, datetime | None] = {}
        self._done: list[tuple[Claim, bool]] = []

    def __enter__(self) -> "_Trial":
        return self

    def go(self, claims: Iterable[Claim]) -> None:
        """They end."""
        for claim in claims:
            self._end(claim)
            self._done.append((claim, False))

    def come(self, members: Iterable[Member], account: str) -> None:
        """Somebody is there."""
        for member in members:
            site = self._fleet.nodes[self._fleet.number[member.node]].site
            id = f"trial/{len(self._fleet.claims)}/{len(self._done)}"
            claim = Claim(
                id, site, member.node, member.slots, Span(self._now), HolderKind.LEASE, id, account
            )
            self._fleet.hold(claim)
            self._done.append((claim, True))

    def _end(self, claim: Claim) -> None:
        self._closed.setdefault(claim.node, self._fleet.closed_until.get(claim.node))
        self._fleet.free(claim.id, claim.during.start)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for claim, came in reversed(self._done):
            if came:
                self._end(claim)
            else:
                self._fleet.hold(claim)
        for node, before in self._closed.items():
            if before is None:
                del self._fleet.closed_until[node]
            else:
                self._fleet.closed_until[node] = before
