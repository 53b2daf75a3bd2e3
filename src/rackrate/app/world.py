"""The world that use cases act on: a store, engines, a clock, ids; and how an act is done."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rackrate.app.ports import Clock, Engine, Ids, Store, Tx
from rackrate.core.access import Actor, Target, Verb, allows, knows_of
from rackrate.core.errors import Forbidden, Missing, RackrateError, Unavailable
from rackrate.core.ids import CustomerId, LeaseId, SiteId
from rackrate.core.parties import Audit


class Hints:
    """Which leases to look at soon. A hint says never what to do, and may be lost."""

    def __init__(self) -> None:
        self._leases: dict[LeaseId, None] = {}
        self._changed = threading.Condition()

    def add(self, lease: LeaseId) -> None:
        with self._changed:
            self._leases[lease] = None
            self._changed.notify_all()

    def wake(self) -> None:
        """Let a waiting `take` return, with nothing if there is nothing."""
        with self._changed:
            self._changed.notify_all()

    def take(self, timeout_s: float = 0.0) -> tuple[LeaseId, ...]:
        """All hints, oldest first; waits for one if there is none."""
        with self._changed:
            if not self._leases and timeout_s > 0:
                self._changed.wait(timeout_s)
            taken = tuple(self._leases)
            self._leases.clear()
            return taken


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose at start. `plain_for_customers` lets customers onto engines that do
    not isolate; without it only the operator's own account may use those.
    """

    plain_for_customers: bool = False


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

    def engine(self, site: SiteId) -> Engine:
        """The engine that runs the site; Unavailable where none is connected."""
        engine = self.engines.get(site)
        if engine is None:
            raise Unavailable(f"no engine is connected for site {site}")
        return engine


Locate = Callable[[Tx], Target]


@contextmanager
def acting(world: World, actor: Actor, verb: Verb, target: Target | Locate) -> Iterator[Tx]:
    """One transaction in which `actor` does `verb`: allowed or refused, audited either way.

    A target whose owner must first be looked up is given as a function. The audit row of what was
    done is in the transaction itself. A refusal rolls it back, and is written down on its own.
    """
    known = Target("unknown") if callable(target) else target
    try:
        with world.store.transaction() as tx:
            if callable(target):
                known = target(tx)
            check(actor, verb, known)
            yield tx
            tx.add(_audit(world, actor, verb, known, "done", ""))
    except RackrateError as refusal:
        _write_down(world, _audit(world, actor, verb, known, refusal.reason, refusal.detail))
        raise


@contextmanager
def reading(world: World, actor: Actor, verb: Verb, target: Target | Locate) -> Iterator[Tx]:
    """A transaction that only reads. What is allowed is not audited; a refusal is."""
    known = Target("unknown") if callable(target) else target
    try:
        with world.store.transaction() as tx:
            if callable(target):
                known = target(tx)
            check(actor, verb, known)
            yield tx
    except RackrateError as refusal:
        _write_down(world, _audit(world, actor, verb, known, refusal.reason, refusal.detail))
        raise


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
