"""A store in memory: for tests, simulation and replay. A full citizen, under one contract."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from operator import attrgetter
from types import TracebackType
from typing import Any, TypeVar

from rackrate.app.rows import KINDS, Kind
from rackrate.core.calendar import Claim, Reservation
from rackrate.core.errors import Conflict, Missing
from rackrate.core.ids import CustomerId, EntityId, LeaseId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node
from rackrate.core.invoice import Invoice, InvoiceLine
from rackrate.core.lease import Lease, LeaseEvent
from rackrate.core.ledger import Balance, Entry, balances
from rackrate.core.outbox import Notification
from rackrate.core.payment import Payment
from rackrate.core.placement import Fleet

T = TypeVar("T")
Index = dict[object, dict[str, None]]
MANY = (tuple, frozenset, list)
# What no two rows of a kind may share, beside their key.
ONCE: Mapping[type, Callable[[Any], str]] = {
    Invoice: attrgetter("cause"),
    InvoiceLine: attrgetter("line.source"),
    Payment: attrgetter("key"),
    Notification: attrgetter("cause"),
}
FEW = 8  # So few rows are looked through faster than an index is kept.


class Table:
    """Rows of one kind by key. A field is indexed from the first time that it is asked for."""

    __slots__ = ("_indexes", "fact", "mine", "mirrored", "once", "rows", "seen")

    def __init__(self, kind: type, fact: Kind) -> None:
        self.rows: dict[str, Any] = {}
        self.fact = fact
        self.mine = attrgetter(fact.customer) if fact.customer else None
        self.mirrored = kind in (Claim, Reservation, Node)
        self.once = ONCE.get(kind)
        self.seen: set[str] = set()
        self._indexes: dict[str, tuple[Callable[[Any], Any], Index]] = {}

    def write(self, key: str, row: Any) -> Any:
        """Put `row`, or take it away when it is None; returns what was there."""
        rows = self.rows
        old = rows.get(key)
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = row
        if self._indexes:
            self._index_again(key, old, row)
        return old

    def _index_again(self, key: str, old: Any, row: Any) -> None:
        for value_of, index in self._indexes.values():
            if old is not None:
                value = value_of(old)
                if row is not None and value_of(row) == value:
                    continue
                index[value].pop(key, None)
            if row is not None:
                index.setdefault(value_of(row), {})[key] = None

    def keys_where(self, equal: Mapping[str, object]) -> Collection[str]:
        """Keys of the rows whose fields are as wanted, or any of what is wanted if that is many."""
        fewest: Collection[str] = self.rows
        chosen = ""
        for name, wanted in equal.items():
            if len(fewest) <= FEW:
                break
            _, index = self._indexes.get(name) or self._new_index(name)
            if isinstance(wanted, MANY):
                keys: Collection[str] = {key for value in wanted for key in index.get(value, ())}
            else:
                keys = index.get(wanted, ())
            if len(keys) <= len(fewest):
                fewest, chosen = keys, name
        rows = self.rows
        for name, wanted in equal.items():
            if name == chosen:
                continue
            value_of = _value_of(name)
            if isinstance(wanted, MANY):
                fewest = [key for key in fewest if value_of(rows[key]) in wanted]
            else:
                fewest = [key for key in fewest if value_of(rows[key]) == wanted]
        return fewest

    def _new_index(self, name: str) -> tuple[Callable[[Any], Any], Index]:
        value_of, index = self._indexes[name] = _value_of(name), {}
        for key, row in self.rows.items():
            index.setdefault(value_of(row), {})[key] = None
        return value_of, index


def _recorded(log: list[LeaseEvent], since: datetime) -> Iterator[LeaseEvent]:
    """Events that were written down from then on, which are the last of a log."""
    for event in reversed(log):
        if event.recorded_at < since:
            return
        yield event


@cache
def _value_of(name: str) -> Callable[[Any], Any]:
    return attrgetter(name)


@dataclass(slots=True)
class _State:
    tables: dict[type, Table] = field(
        default_factory=lambda: {kind: Table(kind, fact) for kind, fact in KINDS.items()}
    )
    events: dict[LeaseId, list[LeaseEvent]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    fleets: dict[SiteId, Fleet] = field(default_factory=dict)


class MemoryStore:
    """One process, one transaction at a time, undone as a whole if it fails.

    The store is the context manager of its own transactions: replay opens millions of them.
    """

    def __init__(self) -> None:
        self._state = _State()
        self._lock = threading.RLock()
        self._depth = 0
        self._tx = MemoryTx(self._state)

    def transaction(self) -> "MemoryStore":
        return self

    def __enter__(self) -> "MemoryTx":
        self._lock.acquire()
        self._depth += 1
        return self._tx

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._depth -= 1
        try:
            if not self._depth and self._tx.journal:
                self._tx.finish(undone=kind is not None)
        finally:
            self._lock.release()


class MemoryTx:
    """Writes at once, and keeps what it would take to undo them."""

    __slots__ = ("_customer", "_events", "_state", "_tables", "_touched", "journal")

    def __init__(self, state: _State) -> None:
        self._state = state
        self._tables = state.tables
        self._events = state.events
        self.journal: list[tuple[Any, ...]] = []
        self._touched: set[SiteId] = set()
        self._customer: CustomerId | None = None

    def get(self, kind: type[T], key: str) -> T:
        table = self._tables[kind]
        row: T | None = table.rows.get(key)
        if row is None or (self._customer is not None and not self._sees(table, row)):
            raise Missing(table.fact.table.replace("_", " "), key)
        return row

    def peek(self, kind: type[T], key: str) -> T | None:
        table = self._tables[kind]
        row: T | None = table.rows.get(key)
        if row is None or self._customer is None or self._sees(table, row):
            return row
        return None

    def find(
        self,
        kind: type[T],
        /,
        *,
        after: str = "",
        limit: int | None = None,
        newest_first: bool = False,
        **equal: object,
    ) -> list[T]:
        table = self._tables[kind]
        for name in equal:
            assert name in table.fact.finds, f"{kind.__name__} is not found by {name}"
        keys = table.keys_where(equal)
        keys = sorted(keys, reverse=newest_first) if len(keys) > 1 else list(keys)
        if after:
            keys = [key for key in keys if (key < after if newest_first else key > after)]
        rows = table.rows
        if self._customer is not None:
            keys = [key for key in keys if self._sees(table, rows[key])]
        return [rows[key] for key in keys[:limit]]

    def put(self, *rows: Any) -> None:
        for row in rows:
            table = self._tables[type(row)]
            assert not table.fact.append_only, f"{type(row).__name__} is only ever added"
            self._set(table, row.id, row)

    def add(self, *rows: Any) -> None:
        for row in rows:
            table = self._tables[type(row)]
            key = row.id
            if key in table.rows:
                raise Conflict(f"{table.fact.table} {key!r} is already there")
            if table.once is not None:
                self._once(table, table.once(row))
            self._set(table, key, row)

    def remove(self, kind: type[object], key: str) -> None:
        assert not KINDS[kind].append_only, f"{kind.__name__} is never taken away"
        self._set(self._tables[kind], key, None)

    def fleet(self, site: SiteId) -> Fleet:
        fleet = self._state.fleets.get(site)
        if fleet is None:
            fleet = self._state.fleets[site] = self._load_fleet(site)
        return fleet

    def record(self, lease: Lease, *events: LeaseEvent) -> None:
        id = lease.id
        log = self._events.get(id)
        if log is None:
            log = self._events[id] = []
        for event in events:
            if event.seq != len(log) + 1:
                raise Conflict(f"{id} has moved on: event {event.seq} is taken")
            log.append(event)
            self.journal.append((log,))
        self._set(self._tables[Lease], id, lease)

    def alone(self, leases: Collection[LeaseId]) -> list[Lease]:
        found = (self.peek(Lease, id) for id in sorted(leases))
        return [lease for lease in found if lease is not None]

    def history(self, lease: LeaseId) -> tuple[LeaseEvent, ...]:
        return tuple(self._state.events.get(lease, ()))

    def histories(
        self, customer: CustomerId, during: Interval
    ) -> Iterator[tuple[Lease, tuple[LeaseEvent, ...]]]:
        for lease in self.find(Lease, customer=customer):
            if lease.created < during.end and (lease.ended is None or lease.ended > during.start):
                yield lease, tuple(self._state.events[lease.id])

    def learnt(
        self, customers: Collection[CustomerId], since: datetime, before: datetime
    ) -> list[Lease]:
        return [
            lease
            for lease in self.find(Lease, customer=tuple(customers))
            if any(e.at < before for e in _recorded(self._events[lease.id], since))
        ]

    def number(self, series: str) -> int:
        number = self._state.numbers.get(series, 0) + 1
        self.journal.append((series, number - 1))
        self._state.numbers[series] = number
        return number

    def balances(self, entity: EntityId, until: datetime | None = None) -> tuple[Balance, ...]:
        return self._balances({"entity": entity}, until)

    def foreign_balances(
        self, entity: EntityId, until: datetime | None = None, customer: CustomerId | None = None
    ) -> tuple[Balance, ...]:
        equal: dict[str, object] = {"entity": entity, "foreign": True}
        return self._balances(equal | ({} if customer is None else {"customer": customer}), until)

    def _balances(self, equal: Mapping[str, object], until: datetime | None) -> tuple[Balance, ...]:
        table = self._tables[Entry]
        entries = (table.rows[key] for key in table.keys_where(equal))
        return balances(
            posting
            for entry in entries
            if until is None or entry.at < until
            for posting in entry.postings
        )

    def confine(self, customer: CustomerId | None) -> None:
        # Written down as what is to be undone, so that it ends with the transaction.
        self.journal.append(())
        self._customer = customer

    def finish(self, undone: bool) -> None:
        """Make ready for the next transaction; first put everything back if this one is undone."""
        if undone:
            self._undo()
        self.journal.clear()
        self._touched.clear()
        self._customer = None

    def _undo(self) -> None:
        """As it was, last change first."""
        for change in reversed(self.journal):
            match change:
                case (Table() as table, key, old):
                    table.write(key, old)
                case (list() as log,):
                    log.pop()
                case (set() as seen, key):
                    seen.discard(key)
                case (series, number):
                    self._state.numbers[series] = number
        for site in self._touched:
            self._state.fleets.pop(site, None)

    def _set(self, table: Table, key: str, row: Any) -> None:
        if self._customer is not None:
            self._check_mine(table, table.rows.get(key) if row is None else row)
        old = table.write(key, row)
        self.journal.append((table, key, old))
        if table.mirrored and (row is not None or old is not None):
            self._mirror(old, row)

    def _mirror(self, old: Any, row: Any) -> None:
        """Keep the fleet index in step with the row that was just written."""
        site = (old if row is None else row).site
        self._touched.add(site)
        fleet = self._state.fleets.get(site)
        if fleet is None:
            return
        if isinstance(row, Claim):
            end = row.during.end
            if old is None or old.during.end is not None:
                if end is None:
                    fleet.hold(row)
            elif end is not None:
                fleet.free(row.id, end)
        elif isinstance(row, Reservation):
            fleet.promise(row)
        elif isinstance(row, Node):
            fleet.set_node(row)
        elif isinstance(old, Reservation):
            fleet.withdraw(old.id)

    def _load_fleet(self, site: SiteId) -> Fleet:
        fleet = Fleet(self._raw(Node, site))
        for claim in self._raw(Claim, site):
            if claim.open:
                fleet.hold(claim)
            else:
                fleet.closed(claim)
        for reservation in self._raw(Reservation, site):
            fleet.promise(reservation)
        return fleet

    def _raw(self, kind: type[T], site: SiteId) -> list[T]:
        table = self._tables[kind]
        return [table.rows[key] for key in sorted(table.keys_where({"site": site}))]

    def _once(self, table: Table, key: str) -> None:
        if key in table.seen:
            what = table.fact.table.replace("_", " ")
            raise Conflict(f"an {what} for {key!r} is already there")
        table.seen.add(key)
        self.journal.append((table.seen, key))

    def _sees(self, table: Table, row: object) -> bool:
        if self._customer is None or table.mine is None:
            return True
        owner = table.mine(row)
        return owner == self._customer or (owner is None and table.fact.common)

    def _check_mine(self, table: Table, row: object) -> None:
        if row is not None and table.mine is not None and table.mine(row) != self._customer:
            raise AssertionError(f"{type(row).__name__} of another customer")
