"""What a simulated firm has, by a book of the auditor's own: which nodes, from when, until when.

It is written from what was asked and answered. No row of the calendar is read to write it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Spans = list[tuple[datetime, datetime | None]]


@dataclass(slots=True)
class Own:
    """A node. `comes`: when it was last said to come, or to be back; None where it is there.

    `drained` is from when it is taken out for a while, `back` when that is to be over.
    """

    pool: str
    order: str = ""
    batch: int = 0
    comes: datetime | None = None
    leaves: datetime | None = None
    broken: bool = False
    gone: bool = False
    drained: datetime | None = None
    back: datetime | None = None

    def there(self, now: datetime) -> Spans:
        """From when to when it counts, by all that is known now.

        What has not come by its day counts no more until somebody names another.
        """
        parts: Spans = [(self.comes or now, self.leaves)]
        if self.gone or any(day is not None and day <= now for day in (self.comes, self.back)):
            return []
        if self.drained is not None:
            parts = [(now, _first(self.drained, self.leaves))]
            if self.back is not None:
                parts.append((self.back, self.leaves))
        return [(start, end) for start, end in parts if end is None or max(start, now) < end]


def _first(day: datetime, other: datetime | None) -> datetime:
    return day if other is None else min(day, other)


@dataclass
class Supply:
    """Every node that the firm ever had or ordered, and for whom orders were placed."""

    nodes: dict[str, Own] = field(default_factory=dict)
    serves: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def begins(self, blocks: Mapping[str, tuple[str, str]], count: int) -> None:
        for block, (_, chip) in blocks.items():
            for number in range(1, count + 1):
                self.nodes[f"{block}-{number:02}"] = Own(f"{block}/{chip}x8")

    # -- orders ---------------------------------------------------------------------------------

    def ordered(self, order: Any, view: Any) -> Iterator[str]:
        """As it was asked; which nodes are meant, the answer says."""
        pool = f"{order.block}/{order.chip}x{order.gpus}"
        self.serves[order.id] = tuple(order.serves)
        named = {one.batch.number: one.nodes for one in view.batches}
        for batch in order.batches:
            ids = named.get(batch.number, ())
            if len(ids) != batch.nodes:
                yield f"{order.id} batch {batch.number} has {len(ids)}, not {batch.nodes}"
            for id in ids:
                self.nodes[id] = Own(pool, order.id, batch.number, batch.expected, order.until)

    def awaited(self, order: str, batch: int) -> dict[str, Own]:
        """What is still to come of a batch."""
        return {
            id: own
            for id, own in self.nodes.items()
            if (own.order, own.batch) == (order, batch)
            and own.comes is not None
            and not own.broken
            and not own.gone
        }

    def arrived(self, order: str, batch: int, some: int | None, view: Any) -> Iterator[str]:
        """So many of a batch, or all; what is left behind is a batch of its own, by the answer."""
        coming = self.awaited(order, batch)
        place = {id: one.batch.number for one in view.batches for id in one.nodes}
        came = [id for id in coming if place.get(id) == batch]
        if len(came) != (len(coming) if some is None else some):
            yield f"{len(came)} of {order} batch {batch} came, not {some or len(coming)}"
        for id, own in coming.items():
            if id in came:
                own.comes = None
            else:
                own.batch = place.get(id, batch)

    def slipped(self, order: str, batch: int, to: datetime) -> None:
        for own in self.awaited(order, batch).values():
            own.comes = to

    def cancelled(self, order: str, batch: int) -> None:
        for own in self.awaited(order, batch).values():
            own.gone = True

    def served(self, pool: str, now: datetime) -> dict[str, datetime | None]:
        """For whom what is missing of a pool was ordered, until when it is; None: nobody knows."""
        found: dict[str, datetime | None] = {}
        for own in self.nodes.values():
            if own.pool != pool or own.comes is None or own.broken or own.gone:
                continue
            day = own.comes if now < own.comes else None
            for holder in self.serves.get(own.order, ()):
                before = found.get(holder, day)
                found[holder] = None if day is None or before is None else max(day, before)
        return found

    # -- nodes ----------------------------------------------------------------------------------

    def drained(self, node: str, since: datetime, back: datetime | None) -> None:
        own = self.nodes[node]
        own.drained, own.back = own.drained or since, back or own.back

    def breaks(self, node: str, back: datetime) -> None:
        own = self.nodes[node]
        own.comes, own.broken, own.drained, own.back = back, True, None, None

    def returned(self, node: str) -> None:
        own = self.nodes[node]
        own.comes, own.broken, own.drained, own.back = None, False, None, None

    def leaves(self, node: str, day: datetime) -> None:
        self.nodes[node].leaves = day

    def retired(self, node: str) -> None:
        self.nodes[node].gone = True

    def wrong(self, rows: Iterable[Any], now: datetime) -> Iterator[str]:
        """Nodes of which the rows say something else."""
        known = {id for id, own in self.nodes.items() if not own.gone}
        for row in rows:
            own = self.nodes.get(row.id)
            if own is None:
                yield f"nobody bought {row.id}"
                continue
            known.discard(row.id)
            away = row.ready if str(row.state) in AWAITED else None
            said = (away, row.until, row.drained, row.back)
            mine = (own.comes, own.leaves, own.drained, own.back)
            if own.gone != (str(row.state) == "retired") or (not own.gone and said != mine):
                yield f"{row.id} is {row.state}, ready {row.ready}, until {row.until}, not {own}"
        if known:
            yield f"nodes are lost: {sorted(known)}"


AWAITED = ("ordered", "in_transit", "racked", "burn_in", "in_repair")
