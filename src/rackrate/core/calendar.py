"""The capacity calendar: promises of whole nodes over time, against what a pool has."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from heapq import heappop, heappush

import numpy as np

from rackrate.core.ids import CustomerId, NodeId, PoolId, SiteId
from rackrate.core.interval import Interval, Span
from rackrate.core.inventory import ARRIVING, Node, NodeState
from rackrate.core.quick import quick
from rackrate.core.slots import Slots
from rackrate.core.timeline import BEGINNING, Timeline, instant, seconds

A_SECOND = timedelta(seconds=1)
NOTHING = Decimal(0)
NEVER = 2**62
SPOT_ACCOUNT = "/spot"  # Whose nodes those are on which spot runs, and nothing else.
PRIVATE = "/private"  # Ends the name under which the rest of a dedicated block is kept free.
# A node in these states is capacity from the day that it is expected, where one is told.
AWAITED = ARRIVING | {NodeState.IN_REPAIR}
Spans = tuple[tuple[int, int], ...]
# From when before a promise begins, and until when after it, its nodes are not lent to spot.
SPOT_AHEAD, SPOT_AFTER = timedelta(minutes=30), timedelta(days=1)


class ReservationKind(StrEnum):
    HOLD = "hold"
    CONTRACT = "contract"
    FLEX = "flex"
    MAINTENANCE = "maintenance"
    LEASE_BACK = "lease_back"


# What is lent while nobody uses it. A hold takes nothing from spot until it is signed.
_LENT = frozenset({ReservationKind.CONTRACT, ReservationKind.FLEX})


@dataclass(frozen=True, slots=True)
class Reservation:
    """A promise: `nodes` whole nodes of a pool for an interval. It names no node.

    A hold counts until `expires`, and from that second on never. `renews` is the commitment that a
    right to renew would go on with, where it is that right's hold; else 0.
    """

    id: str
    site: SiteId
    pool: PoolId
    nodes: int
    during: Interval
    kind: ReservationKind
    holder: str
    customer: CustomerId | None = None
    expires: datetime | None = None
    note: str = ""
    renews: int = 0

    def __post_init__(self) -> None:
        if self.nodes < 1:
            raise ValueError(f"a reservation of {self.nodes} nodes")

    @property
    def private(self) -> bool:
        """Whether it only keeps others out of a dedicated block: the rest of it, however much."""
        return self.holder.endswith(PRIVATE)

    def counts(self, now: datetime) -> bool:
        return self.expires is None or now < self.expires


class HolderKind(StrEnum):
    LEASE = "lease"
    REPAIR = "repair"
    CLEANING = "cleaning"


@quick
@dataclass(frozen=True, slots=True)
class Claim:
    """A fact: slots of a node are physically held, from an instant to a known or open end.

    `account` is the contract whose reserved nodes these are, empty for what is sold on demand,
    or `SPOT_ACCOUNT`: no two of them share a node.
    """

    id: str
    site: SiteId
    node: NodeId
    slots: Slots
    during: Span
    kind: HolderKind
    holder: str
    account: str = ""

    def __post_init__(self) -> None:
        if not self.slots.bits:
            raise ValueError(f"claim {self.id} holds no slots")

    @property
    def open(self) -> bool:
        """Whether it still holds: its end is not known yet."""
        return self.during.end is None

    def ended(self, at: datetime) -> "Claim":
        """The claim with an end: `at`, or a second after its start where that is later."""
        start = self.during.start
        end = at if at > start else start + A_SECOND
        return self._over(self.id, Span(start, end), self.kind)

    def cleaning(self, since: datetime) -> "Claim":
        """The same slots, held for cleaning from `since` on."""
        return self._over(f"{self.id}/cleaning", Span(since), HolderKind.CLEANING)

    def _over(self, id: str, during: Span, kind: HolderKind) -> "Claim":
        return Claim(id, self.site, self.node, self.slots, during, kind, self.holder, self.account)


class PoolCalendar:
    """What one pool has and has promised, over time. Kept and changed, as the fleet index is.

    A node that was expected by now, or back from a drain, and is not in service has no date any
    more: it is no capacity until it is given a new one.
    """

    __slots__ = (
        "_awaited",
        "_by_kind",
        "_free",
        "_held",
        "_held_within",
        "_kinds",
        "_lapses",
        "_promised",
        "_spans",
        "_supply",
        "_there",
        "reservations",
        "version",
    )

    def __init__(self) -> None:
        self.reservations: dict[str, Reservation] = {}
        self.version = 0  # Grows with every change, a lapse among them.
        self._spans: dict[NodeId, Spans] = {}
        self._awaited: dict[NodeId, int] = {}
        self._supply: dict[int, int] = {}
        self._promised: dict[int, int] = {}
        self._kinds: dict[ReservationKind, dict[int, int]] = {}
        self._lapses: list[tuple[int, str]] = []
        self._free: dict[Decimal, Timeline] = {}
        self._there: Timeline | None = None
        self._by_kind: dict[ReservationKind, Timeline] | None = None
        self._held: dict[str, int] = {}
        self._held_within = (0, 0)

    def copy(self) -> "PoolCalendar":
        """One like it, to change for a question that begins with "what if"."""
        twin = PoolCalendar()
        twin.reservations = dict(self.reservations)
        twin._spans, twin._awaited = dict(self._spans), dict(self._awaited)
        twin._supply, twin._promised = dict(self._supply), dict(self._promised)
        twin._kinds = {kind: dict(changes) for kind, changes in self._kinds.items()}
        twin._lapses = list(self._lapses)
        return twin

    # -- what changes it ------------------------------------------------------------------------

    def set_node(self, node: Node) -> None:
        """A node of this pool is there, or is expected, or has changed."""
        self.drop_node(node.id)
        if node.state == NodeState.RETIRED:
            return
        expected = node.ready if node.state in AWAITED else node.back
        if expected is not None:
            self._awaited[node.id] = seconds(expected)
            heappush(self._lapses, (seconds(expected), node.id))
        self._spans[node.id] = spans = _spans(node)
        for start, end in spans:
            self._change(self._supply, start, end, 1)

    def drop_node(self, node: NodeId) -> None:
        """It is no node of this pool any more."""
        self._awaited.pop(node, None)
        for start, end in self._spans.pop(node, ()):
            self._change(self._supply, start, end, -1)

    def promise(self, held: Reservation) -> None:
        """Add or replace a reservation."""
        self.withdraw(held.id)
        self.reservations[held.id] = held
        start, end = seconds(held.during.start), seconds(held.during.end)
        self._change(self._promised, start, end, held.nodes)
        self._change(self._kinds.setdefault(held.kind, {}), start, end, held.nodes)
        if held.expires is not None:
            heappush(self._lapses, (seconds(held.expires), held.id))

    def withdraw(self, id: str) -> None:
        held = self.reservations.pop(id, None)
        if held is not None:
            start, end = seconds(held.during.start), seconds(held.during.end)
            self._change(self._promised, start, end, -held.nodes)
            self._change(self._kinds[held.kind], start, end, -held.nodes)

    def _change(self, changes: dict[int, int], start: int, end: int, difference: int) -> None:
        changes[start] = changes.get(start, 0) + difference
        if end < NEVER:
            changes[end] = changes.get(end, 0) - difference
        self._free.clear()
        self._there = self._by_kind = None
        self._held_within = (0, 0)
        self.version += 1

    @property
    def next_lapse(self) -> int:
        """The second at which it changes by itself; NEVER, if it does not."""
        return self._lapses[0][0] if self._lapses else NEVER

    def lapse(self, now: datetime) -> None:
        """Forget what is over by now."""
        self._lapse(seconds(now))

    def _lapse(self, now: int) -> None:
        """Forget holds that have expired by now, and days on which nothing came."""
        while self._lapses and self._lapses[0][0] <= now:
            _, id = heappop(self._lapses)
            held = self.reservations.get(id)
            if held is not None and held.expires is not None and seconds(held.expires) <= now:
                self.withdraw(id)
            expected = self._awaited.get(NodeId(id))
            if expected is not None and expected <= now:
                self.drop_node(NodeId(id))

    # -- what asks it ---------------------------------------------------------------------------

    def free(self, now: datetime, kept_percent: Decimal = NOTHING) -> Timeline:
        """Supply less what is promised and less a share that is kept, rounded up to nodes."""
        self._lapse(seconds(now))
        line = self._free.get(kept_percent)
        if line is None:
            supply, promised = self.there(now), Timeline.summed(self._promised)
            times = np.union1d(supply.times, promised.times)
            there = supply.at(times)
            kept = there * 0
            if kept_percent:
                part, whole = (kept_percent / 100).as_integer_ratio()
                kept = -(-there * part // whole)
            line = self._free[kept_percent] = Timeline(times, there - kept - promised.at(times))
        return line

    def there(self, now: datetime) -> Timeline:
        """Its nodes over time: those that are there, less those that leave, with those to come."""
        self._lapse(seconds(now))
        if self._there is None:
            self._there = Timeline.summed(self._supply)
        return self._there

    def by_kind(self, now: datetime) -> dict[ReservationKind, Timeline]:
        """What is promised over time, apart by kind; kinds of which there is none are left out."""
        self._lapse(seconds(now))
        if self._by_kind is None:
            kinds = (kind for kind, changes in self._kinds.items() if changes)
            self._by_kind = {kind: Timeline.summed(self._kinds[kind]) for kind in kinds}
        return self._by_kind

    def available(self, window: Interval, now: datetime, kept_percent: Decimal = NOTHING) -> int:
        """Available to promise over the whole of `window`; below zero by what is oversold."""
        line = self.free(now, kept_percent)
        return line.least(seconds(window.start), seconds(window.end))

    def first_below(self, level: int, since: datetime) -> datetime | None:
        """The first instant from `since` on at which fewer than `level` nodes are not promised."""
        line, start = self.free(since), seconds(since)
        first = int(np.searchsorted(line.times, start, "right")) - 1
        below = np.flatnonzero(line.levels[first:] < level)
        return instant(max(start, int(line.times[first + below[0]]))) if len(below) else None

    def supply(self, now: datetime) -> int:
        """Nodes that are there now, or should be: not what is to come, is drained or has left."""
        self._lapse(seconds(now))
        at = seconds(now)
        return sum(change for moment, change in self._supply.items() if moment <= at)

    def not_for_spot(self, now: datetime) -> dict[str, int]:
        """Whole nodes by holder that are not lent to spot, though nobody may be on them yet.

        What a contract's promise grows by from shortly before that until a day after it: its holder
        comes to take them. And what is nobody's: for work on it, or beside a dedicated contract.
        """
        soon, lately = now + SPOT_AHEAD, now - SPOT_AFTER
        found: dict[str, int] = {}
        for held in self.reservations.values():
            during, here = held.during, held.during.contains(soon)
            if held.kind in _LENT and not held.private:
                more = here - during.contains(lately)
            else:
                more = held.kind is not ReservationKind.HOLD and (here or during.contains(now))
            found[held.holder] = found.get(held.holder, 0) + held.nodes * more
        return {holder: nodes for holder, nodes in found.items() if nodes > 0}

    def promised(self, now: datetime) -> dict[str, int]:
        """Whole nodes that are reserved now, by holder."""
        at = seconds(now)
        self._lapse(at)
        since, until = self._held_within
        if not since <= at < until:
            self._held = {}
            for held in self.reservations.values():
                if held.during.contains(now):
                    self._held[held.holder] = self._held.get(held.holder, 0) + held.nodes
            changes = [moment for moment in self._promised if moment > at]
            self._held_within = at, min(changes, default=NEVER)
        return self._held


def _spans(node: Node) -> Spans:
    """When a node is capacity, in seconds: before it is drained, and again from when it is back."""
    end = NEVER if node.until is None else seconds(node.until)
    if node.state in AWAITED:
        return ((BEGINNING if node.ready is None else seconds(node.ready), end),)
    if node.drained is None:
        return () if node.state is NodeState.DRAINING else ((BEGINNING, end),)
    before = (BEGINNING, min(seconds(node.drained), end))
    if node.back is None or seconds(node.back) >= end:
        return (before,)
    return before, (seconds(node.back), end)
