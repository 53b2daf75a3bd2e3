"""The world that use cases act on: a store, engines, a clock, ids; and how an act is done."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from rackrate.app.ports import Clock, Engine, Ids, IssuanceChannel, Store, Tx
from rackrate.core.access import Actor, Target, Verb, allows, knows_of
from rackrate.core.errors import Forbidden, Invalid, Missing, RackrateError, Unavailable
from rackrate.core.ids import CustomerId, LeaseId, ProjectId, SiteId
from rackrate.core.parties import Audit

FARTHEST = timedelta(days=366 * 30)


def check_near(where: str, at: datetime | None, now: datetime) -> None:
    """Invalid, with the latest that would do, where an instant is too far away to be meant."""
    if at is not None and at > now + FARTHEST:
        latest = now + FARTHEST
        raise Invalid(
            where, f"is more than 30 years away; {latest:%Y-%m-%d %H:%M} UTC is the latest"
        )


class Hints:
    """Which leases to look at soon. A hint says never what to do, and may be lost."""

    def __init__(self) -> None:
        self._leases: dict[LeaseId, None] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting = 0

    def add(self, lease: LeaseId) -> None:
        with self._lock:
            self._leases[lease] = None
            if self._waiting:
                self._changed.notify_all()

    def wake(self) -> None:
        """Let a waiting `take` return, with nothing if there is nothing."""
        with self._lock:
            self._changed.notify_all()

    def take(self, timeout_s: float = 0.0) -> tuple[LeaseId, ...]:
        """All hints, oldest first; waits for one if there is none."""
        with self._lock:
            if not self._leases and timeout_s > 0:
                self._waiting += 1
                try:
                    self._changed.wait(timeout_s)
                finally:
                    self._waiting -= 1
            taken = tuple(self._leases)
            self._leases.clear()
            return taken


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose at start. `plain_for_customers` lets customers onto engines that do
    not isolate; without it only the operator's own account may use those. `private_webhooks` lets
    what customers are told go to private addresses. `portal_url` is where people find the portal.
    """

    plain_for_customers: bool = False
    private_webhooks: bool = False
    portal_url: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a use case may touch. Simulation makes one with other ports."""

    store: Store
    engines: Mapping[SiteId, Engine]
    clock: Clock
    ids: Ids
    settings: Settings = Settings()
    hints: Hints = field(default_factory=Hints)
    outer: threading.local = field(default_factory=threading.local)
    channels: Mapping[str, IssuanceChannel] = field(default_factory=dict)

    def engine(self, site: SiteId) -> Engine:
        """The engine that runs the site; Unavailable where none is connected."""
        engine = self.engines.get(site)
        if engine is None:
            raise Unavailable(f"no engine is connected for site {site}")
        return engine


Locate = Callable[[Tx], Target]


UNKNOWN = Target("unknown")


def owned(name: str, kind: type[Any], id: str) -> Locate:
    """The row of this kind as a target, whose customer it says; Missing where there is none."""
    return lambda tx: Target(name, id, tx.get(kind, id).customer)


def owned_by_project(name: str, kind: type[Any], id: str) -> Locate:
    """The same of a row that belongs to a project, too."""

    def locate(tx: Tx) -> Target:
        row = tx.get(kind, id)
        return Target(name, id, row.customer, row.project)

    return locate


def home(actor: Actor, project: ProjectId | None) -> tuple[CustomerId, ProjectId | None]:
    """Where somebody who names no customer looks: at the one thing that was granted."""
    for grant in actor.grants:
        if grant.customer is not None and (project is None or grant.project in (None, project)):
            return grant.customer, project or grant.project
    raise Missing("project", project or "")


def whose(actor: Actor, customer: CustomerId | None) -> CustomerId | None:
    """Of whom a list is: who does not work for the operator sees its own. None: of all."""
    if customer is None and not actor.operator:
        return min(actor.customers, default=None)
    return customer


class _Act:
    """A transaction for one act. A context manager of its own, since every request opens one."""

    __slots__ = ("_actor", "_audited", "_known", "_open", "_target", "_tx", "_verb", "_world")

    def __init__(
        self, world: World, actor: Actor, verb: Verb, target: Target | Locate, audited: bool
    ) -> None:
        self._world = world
        self._actor = actor
        self._verb = verb
        self._target = target
        self._audited = audited
        self._known = UNKNOWN
        self._open = world.store.transaction()

    def __enter__(self) -> Tx:
        try:
            tx = self._tx = self._open.__enter__()
        except RackrateError as error:
            self._refused(error)
            raise
        try:
            target = self._target
            known = self._known = target if isinstance(target, Target) else target(tx)
            check(self._actor, self._verb, known)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return tx

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._end(kind, error, trace)
        except RackrateError as refusal:
            self._refused(refusal)
            raise
        if isinstance(error, RackrateError):
            self._refused(error)

    def _end(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write down what was done, and commit; or undo."""
        if error is None and self._audited:
            try:
                self._tx.add(_audit(self._world, self._actor, self._verb, self._known, "done", ""))
            except BaseException as failure:
                self._open.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._open.__exit__(kind, error, trace)

    def _refused(self, error: RackrateError) -> None:
        row = _audit(self._world, self._actor, self._verb, self._known, error.reason, error.detail)
        _write_down(self._world, row)


def acting(world: World, actor: Actor, verb: Verb, target: Target | Locate) -> _Act:
    """One transaction in which `actor` does `verb`: allowed or refused, audited either way.

    A target whose owner must first be looked up is given as a function. The audit row of what was
    done is in the transaction itself. A refusal rolls it back, and is written down on its own.
    """
    return _Act(world, actor, verb, target, audited=True)


def reading(world: World, actor: Actor, verb: Verb, target: Target | Locate) -> _Act:
    """A transaction that only reads. What is allowed is not audited; a refusal is."""
    return _Act(world, actor, verb, target, audited=False)


def _write_down(world: World, refusal: Audit) -> None:
    """Keep a refusal, whose own transaction has been undone."""
    pending: list[Audit] | None = getattr(world.outer, "refusals", None)
    if pending is not None:
        pending.append(refusal)
        return
    with world.store.transaction() as tx:
        tx.add(refusal)


@contextmanager
def together(world: World) -> Iterator[Tx]:
    """One transaction around several acts; their refusals are written down after it is undone,
    and their hints given after it is committed.
    """
    assert getattr(world.outer, "refusals", None) is None, "already together"
    refusals: list[Audit] = []
    hints: list[LeaseId] = []
    world.outer.refusals, world.outer.hints = refusals, hints
    try:
        with world.store.transaction() as tx:
            yield tx
    finally:
        world.outer.refusals = world.outer.hints = None
        for lease in hints:
            world.hints.add(lease)
        if refusals:
            with world.store.transaction() as tx:
                tx.add(*refusals)


def hint(world: World, lease: LeaseId) -> None:
    """Ask the loops to look at a lease soon, once what was written is committed."""
    pending: list[LeaseId] | None = getattr(world.outer, "hints", None)
    if pending is not None:
        pending.append(lease)
    else:
        world.hints.add(lease)


def check(actor: Actor, verb: Verb, target: Target) -> None:
    """Missing where the actor may not even know of the target, Forbidden where it may."""
    if allows(actor, verb, target):
        return
    if not knows_of(actor, target):
        raise Missing(target.kind, target.id)
    raise Forbidden(f"{actor.principal} may not do {verb} on {target.kind} {target.id}".rstrip())


def confine(tx: Tx, actor: Actor) -> None:
    """Let the database, too, show this actor nothing but its own customer's rows."""
    if not actor.operator and len(actor.customers) == 1:
        tx.confine(next(iter(actor.customers)))


def _audit(
    world: World, actor: Actor, verb: Verb, target: Target, outcome: str, detail: str
) -> Audit:
    customer: CustomerId | None = target.customer
    if customer is None and not actor.operator and len(actor.customers) == 1:
        customer = next(iter(actor.customers))
    return Audit(
        world.ids.new("aud"),
        world.clock.now(),
        actor.principal,
        verb,
        f"{target.kind}/{target.id}" if target.id else target.kind,
        customer,
        outcome,
        actor.request,
        detail,
    )
