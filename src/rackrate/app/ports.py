"""The ports: what use cases and loops need of the world, each with two implementations."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, TypeVar

from rackrate.core import outbox
from rackrate.core.digital import Issued, Order
from rackrate.core.ids import CustomerId, EntityId, LeaseId, NodeId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.lease import Lease, LeaseEvent
from rackrate.core.ledger import Balance
from rackrate.core.placement import Fleet
from rackrate.core.slots import Slots
from rackrate.core.workload import Deployment, Entry, Found

T = TypeVar("T")


class Clock(Protocol):
    """Where `now` comes from: UTC, whole seconds, never backwards."""

    def now(self) -> datetime: ...


class Ids(Protocol):
    """New identifiers and secrets. Ids of one prefix sort in the order of their making."""

    def new(self, prefix: str) -> str: ...

    def secret(self) -> str: ...


class Engine(Protocol):
    """Somewhere that leases run. Every call is safe to repeat, and none of them waits.

    There is one engine for each site. What engines differ in is data here, not their class:
    `isolation` is what contains a workload (`runc`, `bubblewrap`, `plain`, `simulated`, …).
    """

    name: str
    isolation: str

    def observe(self, only: Collection[LeaseId] | None = None) -> Mapping[LeaseId, Found]:
        """Everything of ours that is there now, whoever started it; or those of `only` that are."""

    def ensure(self, deployment: Deployment) -> None:
        """Make it so. Ignore a generation older than the one already there, or one released."""

    def release(self, lease: LeaseId, generation: int) -> None:
        """Make it gone, up to this generation. Already gone is success.

        When it is gone, `observe` no longer answers it. Never starts a lower generation again.
        """

    def sanitise(self, node: NodeId, slots: Slots) -> bool:
        """Clean what a tenant may have left on these slots. True once they are clean."""

    def logs(self, lease: LeaseId, rank: int, after: int, limit: int) -> bytes:
        """Output of a member from byte `after`, at most `limit` bytes; empty at the end."""

    def entry(self, lease: LeaseId, rank: int) -> Entry:
        """How to run a program inside a ready member; Unavailable if it is not ready."""


class IssuanceChannel(Protocol):
    """Who issues digital invoices for a tax authority. Every call is safe to repeat, none waits."""

    name: str

    def issue(self, order: Order) -> Issued | None:
        """The digital invoice of this order, asked for now or before; None: not yet.

        Refused where the authority says no; Unavailable where it does not answer.
        """


class Sender(Protocol):
    """Carries a letter over one medium, and returns when the other side has taken it.

    Unavailable: not now. Refused: never, as things are. It waits seconds, not minutes.
    """

    def send(self, letter: outbox.Letter, channel: outbox.Channel) -> None: ...


class Tx(Protocol):
    """One transaction over rows, which are values of the kinds that `app.rows` lists."""

    def get(self, kind: type[T], key: str) -> T:
        """The row, or Missing."""

    def peek(self, kind: type[T], key: str) -> T | None:
        """The row, or None."""

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
        """Rows whose fields equal these, in the order of their keys, from beyond `after`.

        A value that is a tuple or frozenset means any of its members. `newest_first` turns the
        order around, and `after` with it.
        """

    def put(self, *rows: object) -> None:
        """Write each row, whether or not its key is there.

        Conflict, at the latest when the transaction ends, if this transaction has read it and
        another has changed it since.
        """

    def add(self, *rows: object) -> None:
        """Write rows that must be new: Conflict if one is there. So do append-only kinds."""

    def remove(self, kind: type[object], key: str) -> None:
        """Take a row away; nothing to take is fine. Not for what is append-only."""

    def fleet(self, site: SiteId) -> Fleet:
        """Take the site's lock until the transaction ends; the index, as of now.

        Claims, reservations and nodes written in this transaction are in it at once.
        """

    def record(self, lease: Lease, *events: LeaseEvent) -> None:
        """Write a lease with the events that made it so: the row is the fold of its log."""

    def alone(self, leases: Collection[LeaseId]) -> list[Lease]:
        """These leases as they are, which nobody else writes until the transaction ends.

        Those that somebody is writing just now are left out, and not waited for.
        """

    def history(self, lease: LeaseId) -> tuple[LeaseEvent, ...]:
        """All events of a lease, in order."""

    def histories(
        self, customer: CustomerId, during: Interval
    ) -> Iterator[tuple[Lease, tuple[LeaseEvent, ...]]]:
        """Leases of the customer that may have run in `during`, each with all its events."""

    def learnt(
        self, customers: Collection[CustomerId], since: datetime, before: datetime
    ) -> list[Lease]:
        """Leases of these customers with an event that was written down from `since` on, and was
        true before `before`.
        """

    def number(self, series: str) -> int:
        """The next number of a gapless series, from 1. Rolled back with the transaction."""

    def balances(self, entity: EntityId, until: datetime | None = None) -> tuple[Balance, ...]:
        """Sums of the entity's postings by account, customer and currency, before `until`."""

    def foreign_balances(
        self, entity: EntityId, until: datetime | None = None, customer: CustomerId | None = None
    ) -> tuple[Balance, ...]:
        """Those in another currency than the books', of one customer or of all."""

    def confine(self, customer: CustomerId | None) -> None:
        """From here on this transaction sees and writes rows of this customer only."""


class Store(Protocol):
    """Where rows live. `transaction` joins the one already open in this thread, if there is one."""

    def transaction(self) -> AbstractContextManager[Tx]: ...
