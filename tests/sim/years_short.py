"""Whose promises are short, from when and by how much: counted by the auditor, slowly, by itself.

What there is comes from its own book. Who goes short first is the rule that customers are told.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Spans = Sequence[tuple[datetime, datetime | None]]
Owed = dict[str, int]


@dataclass(frozen=True, slots=True)
class Ground:
    """One pool: nodes there and lodged by when, and who is promised how many.

    `served`: for whom what is missing was ordered, until when. `signed`: since when a holder is
    promised anything.
    """

    there: Spans
    lodged: Spans
    promises: Sequence[Any]
    served: Mapping[str, datetime | None]
    signed: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Step:
    """One stretch of time: whose promise lacks how many nodes, and who was told that of his."""

    start: datetime
    end: datetime | None
    there: int
    promised: int
    owed: Owed
    told: Owed

    @property
    def lacking(self) -> int:
        return sum(self.owed.values())

    @property
    def reported(self) -> int:
        return sum(self.told.values())


def steps(ground: Ground, breaches: Iterable[Any], now: datetime) -> Iterator[Step]:
    """From now on, stretch by stretch."""
    held = {row.id: row for row in ground.promises}
    told = [row for row in breaches if row.mended is None and row.reservation in held]
    times = {now}
    for start, end in (*ground.there, *ground.lodged):
        times |= {start, end or now}
    for row in (*held.values(), *told):
        times |= {row.during.start, row.during.end}
    times |= {day for day in ground.served.values() if day is not None}
    ordered = sorted(at for at in times if at >= now)
    for at, end in zip(ordered, [*ordered[1:], None], strict=True):
        there = _at(ground.there, at) - _at(ground.lodged, at)
        due = [row for row in held.values() if row.during.start <= at < row.during.end]
        promised = sum(row.nodes for row in due)
        owed: Owed = {}
        if promised > there:
            owed = _owed(due, promised - max(0, there), ground, at)
        said: dict[str, int] = defaultdict(int)
        for row in told:
            if row.during.start <= at < row.during.end:
                said[row.reservation] += row.nodes
        yield Step(at, end, there, promised, owed, dict(said))


def _at(spans: Spans, at: datetime) -> int:
    return sum(start <= at and (end is None or at < end) for start, end in spans)


def _owed(due: Iterable[Any], lacking: int, ground: Ground, at: datetime) -> Owed:
    """First the empty rest of somebody's own blocks, which is nobody's loss; then those for whom
    the missing nodes were ordered; holds of quotes; maintenance; what rights to renew hold; and of
    the others who came last.
    """

    def rank(row: Any) -> tuple[int, float, str]:
        signed = ground.signed.get(row.holder)
        late = 0.0 if signed is None else -signed.timestamp()
        if row.holder.endswith("/private"):
            return 0, late, row.id
        if row.holder in ground.served:
            until = ground.served[row.holder]
            if until is None or at < until:
                return 1, late, row.id
        if row.renews:
            return 4, late, row.id
        return {"hold": 2, "maintenance": 3}.get(str(row.kind), 5), late, row.id

    owed: Owed = {}
    for row in sorted(due, key=rank):
        nodes = min(lacking, row.nodes)
        lacking -= nodes
        if nodes and not row.holder.endswith("/private"):
            owed[row.id] = nodes
    return owed
