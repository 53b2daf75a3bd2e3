"""The capacity calendar: promises of whole nodes over time, against what a pool has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rackrate.core.ids import CustomerId, NodeId, PoolId, SiteId
from rackrate.core.interval import Interval, Span
from rackrate.core.slots import Slots

A_SECOND = timedelta(seconds=1)


class ReservationKind(StrEnum):
    HOLD = "hold"
    CONTRACT = "contract"
    FLEX = "flex"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Reservation:
    """A promise: `nodes` whole nodes of a pool for an interval. It names no node."""

    id: str
    site: SiteId
    pool: PoolId
    nodes: int
    during: Interval
    kind: ReservationKind
    holder: str
    customer: CustomerId | None = None

    def __post_init__(self) -> None:
        if self.nodes < 1:
            raise ValueError(f"a reservation of {self.nodes} nodes")


class HolderKind(StrEnum):
    LEASE = "lease"
    REPAIR = "repair"
    CLEANING = "cleaning"


@dataclass(frozen=True, slots=True)
class Claim:
    """A fact: slots of a node are physically held, from an instant to a known or open end.

    `account` is the contract whose reserved nodes these are, or empty for what is sold by the
    moment: the two never share a node.
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
        return self._over(self.id, Span(start, max(at, start + A_SECOND)), self.kind)

    def cleaning(self, since: datetime) -> "Claim":
        """The same slots, held for cleaning from `since` on."""
        return self._over(f"{self.id}/cleaning", Span(since), HolderKind.CLEANING)

    def _over(self, id: str, during: Span, kind: HolderKind) -> "Claim":
        return Claim(id, self.site, self.node, self.slots, during, kind, self.holder, self.account)


def levels(reservations: Iterable[Reservation]) -> list[tuple[datetime, int]]:
    """The reserved quantity as steps: from each instant on, so many nodes. Empty: always none."""
    changes: dict[datetime, int] = {}
    for held in reservations:
        changes[held.during.start] = changes.get(held.during.start, 0) + held.nodes
        changes[held.during.end] = changes.get(held.during.end, 0) - held.nodes
    steps: list[tuple[datetime, int]] = []
    level = 0
    for instant in sorted(changes):
        level += changes[instant]
        steps.append((instant, level))
    return steps


def peak(reservations: Iterable[Reservation], window: Interval) -> int:
    """The most nodes that are reserved at any instant of `window`."""
    highest = level = 0
    for instant, next_level in levels(reservations):
        if instant >= window.end:
            break
        if instant > window.start:
            highest = max(highest, level)
        level = next_level
    return max(highest, level)


def reserved_at(reservations: Iterable[Reservation], instant: datetime) -> int:
    return sum(held.nodes for held in reservations if held.during.contains(instant))


def available(supply: int, reservations: Iterable[Reservation], window: Interval) -> int:
    """Available to promise over the whole of `window`: supply less the peak of what is reserved."""
    return supply - peak(reservations, window)


def first_excess(
    reservations: Sequence[Reservation], limit: int, since: datetime
) -> datetime | None:
    """The first instant from `since` on at which more than `limit` nodes are reserved."""
    level = 0
    for instant, next_level in levels(reservations):
        if instant > since and level > limit:
            return since
        level = next_level
        if level > limit and instant >= since:
            return instant
    return None
