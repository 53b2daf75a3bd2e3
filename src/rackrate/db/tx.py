"""One transaction on PostgreSQL: writes are kept, and sent in one go before who needs them."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

import psycopg
from psycopg.pq.abc import PGresult

from rackrate.app.rows import KINDS
from rackrate.core.calendar import Claim, Reservation
from rackrate.core.errors import Missing
from rackrate.core.ids import CustomerId, EntityId, LeaseId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node
from rackrate.core.lease import Lease, LeaseEvent
from rackrate.core.ledger import Account, Balance, Entry
from rackrate.core.money import Money
from rackrate.core.placement import Fleet
from rackrate.db.failures import translated
from rackrate.db.fleets import LATEST, LOCK, Fleets, SiteIndex, mirror
from rackrate.db.pending import Pending, array
from rackrate.db.queries import (
    ALONE,
    BALANCES,
    EVENTS,
    EVENTS_OF,
    FOREIGN_BALANCES,
    LEARNT,
    LEASES_OF,
    MAY_HAVE_RUN,
    NUMBER,
    POSTINGS,
    finding,
)
from rackrate.db.rows import CODECS, EVENT, POSTING
from rackrate.db.wire import Row, Session, Statement

T = TypeVar("T")

AT_ONCE = 1000
BEGIN: Statement = ("BEGIN", ())
COMMIT: Statement = ("COMMIT", ())
CONFINE = "SELECT set_config('rackrate.customer', $1, true)"


class Lines(Protocol):
    """Where connections come from."""

    def take(self) -> Session: ...

    def give_back(self, session: Session) -> None: ...

    def replace(self, session: Session) -> Session:
        """Another for one that is dead."""


class PostgresTx:
    """Reads see what this transaction has written. After a failure it can only be undone."""

    def __init__(self, lines: Lines, fleets: Fleets) -> None:
        self._lines = lines
        self._session = lines.take()
        self._wire = self._session.wire
        self._fleets = fleets
        self._begun = False
        self._queue: list[Statement] = [BEGIN]
        self._sites: dict[SiteId, SiteIndex] = {}
        self._changed: set[SiteId] = set()
        self._pending = Pending()
        self._seen: dict[tuple[str, str], str | None] = {}
        self._failure: BaseException | None = None

    # -- rows --------------------------------------------------------------------------------------

    def get(self, kind: type[T], key: str) -> T:
        row = self.peek(kind, key)
        if row is None:
            raise Missing(KINDS[kind].table.replace("_", " "), key)
        return row

    def peek(self, kind: type[T], key: str) -> T | None:
        codec = CODECS[kind]
        rows = self._rows(codec.table, codec.by_key, [key])
        if codec.tracked:
            self._seen[codec.table, key] = rows[0][-1] if rows else None
        if not rows:
            return None
        row: T = self._entries(rows)[0] if kind is Entry else codec.decode(rows[0])
        return row

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
        codec = CODECS[kind]
        text, parameters = finding(kind, equal, after, limit, newest_first)
        rows = self._rows(codec.table, text, parameters)
        if codec.tracked:
            self._seen.update(((codec.table, row[0]), row[-1]) for row in rows)
        return self._entries(rows) if kind is Entry else list(map(codec.decode, rows))

    def put(self, *rows: object) -> None:
        for row in rows:
            kind, key = type(row), cast("Any", row).id
            assert not KINDS[kind].append_only, f"{kind.__name__} is only ever added"
            codec = CODECS[kind]
            self._mirror(row)
            version = self._seen.pop((codec.table, key), "")
            if version is None:  # it was not there: if it is now, somebody else was first
                self._pending.add(codec, row)
                continue
            if version:
                self._pending.expect(codec, key, version)
            self._pending.put(codec, row)

    def add(self, *rows: object) -> None:
        for row in rows:
            codec = CODECS[type(row)]
            self._mirror(row)
            self._pending.add(codec, row)
            if codec.tracked:
                self._seen.pop((codec.table, cast("Any", row).id), None)
            elif isinstance(row, Entry):
                for place, posting in enumerate(row.postings):
                    self._pending.add(POSTING, (row.id, place, posting))

    def remove(self, kind: type[object], key: str) -> None:
        assert not KINDS[kind].append_only, f"{kind.__name__} is never taken away"
        if kind in (Claim, Reservation, Node):
            gone = cast("Claim | Reservation | Node | None", self.peek(kind, key))
            if gone is None:
                return
            fleet = self.fleet(gone.site)
            self._changed.add(gone.site)
            if isinstance(gone, Reservation):
                fleet.withdraw(gone.id)
            else:
                self._sites[gone.site].fleet = None
        self._send()
        self._queue.append((CODECS[kind].delete, (key,)))
        self._seen.pop((CODECS[kind].table, key), None)

    # -- leases ------------------------------------------------------------------------------------

    def record(self, lease: Lease, *events: LeaseEvent) -> None:
        # The row before its events: whoever writes a lease takes the row's lock first.
        self._pending.put(CODECS[Lease], lease)
        for event in events:
            self._pending.add(EVENT, event)

    def alone(self, leases: Collection[LeaseId]) -> list[Lease]:
        codec = CODECS[Lease]
        return list(map(codec.decode, self._rows(codec.table, ALONE, [array(leases)])))

    def history(self, lease: LeaseId) -> tuple[LeaseEvent, ...]:
        return tuple(map(EVENT.decode, self._rows(EVENT.table, EVENTS, [lease])))

    def histories(
        self, customer: CustomerId, during: Interval
    ) -> Iterator[tuple[Lease, tuple[LeaseEvent, ...]]]:
        found = self._rows(
            "lease", MAY_HAVE_RUN, [customer, *map(datetime.isoformat, (during.start, during.end))]
        )
        ids = [key for (key,) in found]
        for first in range(0, len(ids), AT_ONCE):
            chunk = array(ids[first : first + AT_ONCE])
            logs: dict[LeaseId, list[LeaseEvent]] = {}
            for event in map(EVENT.decode, self._rows(EVENT.table, EVENTS_OF, [chunk])):
                logs.setdefault(event.lease, []).append(event)
            for lease in map(CODECS[Lease].decode, self._rows("lease", LEASES_OF, [chunk])):
                yield lease, tuple(logs.pop(lease.id, ()))

    def learnt(
        self, customers: Collection[CustomerId], since: datetime, before: datetime
    ) -> list[Lease]:
        given = [array(customers), since.isoformat(), before.isoformat()]
        return list(map(CODECS[Lease].decode, self._rows("lease", LEARNT, given)))

    # -- fleet -------------------------------------------------------------------------------------

    def fleet(self, site: SiteId) -> Fleet:
        index = self._sites.get(site)
        if index is None:
            index = self._fleets.site(site)
            index.take(site)
            self._sites[site] = index
            self._queue.append((LOCK, (site,)))
        elif index.fleet is not None:
            return index.fleet
        self._send()
        latest = self._query(LATEST, [site])[0][0]
        return index.catch_up(site, latest, self._query)

    def _mirror(self, row: object) -> None:
        if isinstance(row, Claim | Reservation | Node):
            fleet = self.fleet(row.site)
            self._changed.add(row.site)
            mirror(fleet, row)

    # -- money -------------------------------------------------------------------------------------

    def number(self, series: str) -> int:
        return int(self._query(NUMBER, [series])[0][0])

    def balances(self, entity: EntityId, until: datetime | None = None) -> tuple[Balance, ...]:
        return self._balances(BALANCES, [entity, None if until is None else until.isoformat()])

    def foreign_balances(
        self, entity: EntityId, until: datetime | None = None, customer: CustomerId | None = None
    ) -> tuple[Balance, ...]:
        before = None if until is None else until.isoformat()
        return self._balances(FOREIGN_BALANCES, [entity, before, customer])

    def _balances(self, text: str, values: Sequence[str | None]) -> tuple[Balance, ...]:
        self._send()
        return tuple(
            Balance(
                Account(account),
                None if customer is None else CustomerId(customer),
                Money(amount, currency),
                Money(book, book_currency),
            )
            for account, customer, currency, book_currency, amount, book in self._query(
                text, values
            )
        )

    def confine(self, customer: CustomerId | None) -> None:
        self._send()
        self._queue.append((CONFINE, (customer or "",)))

    def _entries(self, rows: Sequence[Row]) -> list[Any]:
        heads = [CODECS[Entry].decode(row) for row in rows]
        postings: dict[str, list[Any]] = {head[0]: [] for head in heads}
        for row in self._query(POSTINGS, [array(postings)]):
            postings[row[0]].append(POSTING.decode(row))
        return [
            Entry(key, entity, at, memo, tuple(postings[key])) for key, entity, at, memo in heads
        ]

    # -- the wire ---------------------------------------------------------------------------------

    def commit(self) -> None:
        """Make it so, for good. Whatever was refused on the way is raised here at the latest."""
        if self._failure is not None:
            raise self._failure
        self._queue += self._pending.statements()
        if self._queue == [BEGIN]:
            return
        if not self._begun:
            # On its own: from a dead connection it can be moved to another, a commit cannot.
            self._queue, rest = [BEGIN], self._queue[1:]
            self._exchange()
            self._queue = rest
        changed = sorted(self._changed)
        self._queue += [(LATEST, (site,)) for site in changed]
        self._queue.append(COMMIT)
        results = self._exchange()
        for site, result in zip(changed, results[-1 - len(changed) : -1], strict=True):
            fleet = self._sites[site].fleet
            if fleet is not None:
                fleet.version = self._wire.rows(result)[0][0] or 0
        self._changed.clear()

    def undo(self) -> None:
        """As if it had never been. Indexes that it changed are loaded anew when next asked for."""
        for site in self._changed:
            self._sites[site].fleet = None
        try:
            self._wire.rollback()
        except psycopg.Error:
            self._session.close()

    def close(self) -> None:
        """Give back the connection, and let others at the sites."""
        self._lines.give_back(self._session)
        for index in self._sites.values():
            index.mutex.release()

    def _rows(self, table: str, text: str, values: Sequence[str | None]) -> list[Row]:
        if table in self._pending.tables:
            self._queue += self._pending.statements()
        return self._query(text, values)

    def _query(self, text: str, values: Sequence[str | None]) -> list[Row]:
        self._queue.append((text, values))
        return self._wire.rows(self._exchange()[-1])

    def _send(self) -> None:
        """Put what is pending on its way, before what comes next."""
        self._queue += self._pending.statements()

    def _exchange(self) -> list[PGresult]:
        """Carry out what is queued. A connection that died while it lay idle is replaced once."""
        if self._failure is not None:
            raise self._failure
        queue, self._queue = self._queue, []
        try:
            try:
                results = self._wire.exchange(queue)
            except psycopg.OperationalError:
                if self._begun or not self._session.closed:
                    raise
                self._session = self._lines.replace(self._session)
                self._wire = self._session.wire
                results = self._wire.exchange(queue)
        except psycopg.Error as error:
            self._failure = translated(error)
            raise self._failure from error
        except BaseException as error:
            self._failure = error
            raise
        self._begun = True
        return results
