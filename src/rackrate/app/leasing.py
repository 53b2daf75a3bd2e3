"""Leases: start, stop, start again, end, look. A promise is written here; loops make it real."""

from dataclasses import dataclass, replace
from datetime import datetime

from rackrate.app import committed, credit, giveway, placing, spot
from rackrate.app.ports import Tx
from rackrate.app.world import Locate, World, acting, confine, hint, home, owned_by_project, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.address import Address
from rackrate.core.chips import Chip
from rackrate.core.contract import Contract
from rackrate.core.eligibility import check_eligible
from rackrate.core.errors import Invalid, Missing, Reason, Refused, Unavailable
from rackrate.core.ids import ContractId, CustomerId, LeaseId, ProjectId, SkuId
from rackrate.core.inventory import Site, Sku
from rackrate.core.lease import (
    RESERVED,
    EventKind,
    Lease,
    LeaseClass,
    LeaseEvent,
    Phase,
    Shape,
    Terms,
    ask,
    requested,
)
from rackrate.core.parties import Customer, Project
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.quick import quick
from rackrate.core.workload import Found, Member, Spec

MOST_COUNT = 100_000
MOST_TEXT = 64 * 1024
_PLAIN = Spec()


@quick
@dataclass(frozen=True, slots=True)
class Ask:
    """What a customer asks for: `count` units of a SKU on each of `nodes` nodes.

    Without a `klass` it is what the contract has for the SKU, and on demand without a contract.
    With `overage` it starts on demand where the nodes that the contract reserves are in use.
    """

    project: ProjectId
    sku: SkuId
    count: int = 1
    nodes: int = 1
    klass: LeaseClass | None = LeaseClass.ON_DEMAND
    contract: ContractId | None = None
    spec: Spec = _PLAIN
    name: str = ""
    same_block: bool = False
    overage: bool = False


def start(world: World, actor: Actor, wish: Ask) -> Lease:
    """Promise capacity now: all members or none. Machines follow, and billing after them."""
    _check_ask(wish)

    def owner(tx: Tx) -> Target:
        project = tx.get(Project, wish.project)
        return Target("project", project.id, project.customer, project.id)

    with acting(world, actor, Verb.LEASE_WRITE, owner) as tx:
        sku = tx.get(Sku, wish.sku)
        terms = _terms(world, tx, wish, sku)
        try:
            members = _somewhere(world, tx, sku, terms, wish.same_block)
        except Refused as no:
            if no.reason is not Reason.BEYOND_CONTRACT or not wish.overage:
                raise
            terms = replace(terms, klass=LeaseClass.ON_DEMAND)
            check_promise(world, tx, terms, sku)
            members = _somewhere(world, tx, sku, terms, wish.same_block)
        lease, event = _claimed(world, tx, terms, members)
        tx.record(lease, event)
        lease = _begun(world, tx, lease)
    hint(world, lease.id)
    return lease


def stop(world: World, actor: Actor, id: LeaseId) -> Lease:
    """Billing of its GPUs ends now; its claim when the engine confirms. Volumes stay."""
    return _intend(world, actor, id, EventKind.STOP_REQUESTED)


def end(world: World, actor: Actor, id: LeaseId) -> Lease:
    """Over for good: billing ends now, its claim when the engine confirms."""
    return _intend(world, actor, id, EventKind.END_REQUESTED)


def resume(world: World, actor: Actor, id: LeaseId) -> Lease:
    """Place a stopped lease again, on its old nodes if they are free. May be refused."""
    with acting(world, actor, Verb.LEASE_WRITE, _owner(id)) as tx:
        lease = tx.get(Lease, id)
        if lease.phase != Phase.STOPPED:
            raise Refused(Reason.WRONG_STATE, f"{id} is {lease.phase}; only a stopped lease starts")
        terms = lease.terms
        sku = tx.get(Sku, terms.sku)
        check_promise(world, tx, terms, sku)
        before = _last_members(tx.history(id))
        request = replace(
            placing.request_of(tx, sku, terms),
            prefer=tuple(member.node for member in before),
        )
        fleet = tx.fleet(terms.site)
        request = giveway.outlasting(tx, fleet, request, terms, world.clock.now())
        members, now = spot.find_place(world, tx, fleet, request, terms), world.clock.now()
        cause = "" if members else spot.WAITS
        lease, event = ask(lease, EventKind.START_REQUESTED, now, cause, members)
        tx.add(*placing.claims(fleet, terms, lease.generation, members, now))
        safe = placing.safe_until(fleet, terms, members, now)
        lease, event = replace(lease, safe_until=safe), replace(event, until=safe)
        tx.record(lease, event)
        lease = _begun(world, tx, lease)
    hint(world, id)
    return lease


def show(world: World, actor: Actor, id: LeaseId) -> tuple[Lease, tuple[LeaseEvent, ...]]:
    """A lease with its whole history."""
    with reading(world, actor, Verb.LEASE_READ, _owner(id)) as tx:
        return tx.get(Lease, id), tx.history(id)


@dataclass(frozen=True, slots=True)
class Detail:
    """A lease with its history, what its engine sees of it now, the price in force, and the public
    addresses that are said to belong to it.

    `found` is None where the engine has nothing of it, or cannot be asked just now.
    """

    lease: Lease
    events: tuple[LeaseEvent, ...]
    price: Price | None
    found: Found | None
    isolation: str
    addresses: tuple[Address, ...] = ()


def detail(world: World, actor: Actor, id: LeaseId) -> Detail:
    """Everything that its owner may know of a lease."""
    with reading(world, actor, Verb.LEASE_READ, _owner(id)) as tx:
        lease, events = tx.get(Lease, id), tx.history(id)
        price = _price(tx, lease, world.clock.now())
        held = tx.find(Address, project=lease.project, freed="") if lease.ended is None else []
        mine = tuple(each for each in held if each.lease == id)
    try:
        engine = world.engine(lease.terms.site)
        seen = engine.observe([id]).get(id)
        return Detail(lease, events, price, seen, engine.isolation, mine)
    except Unavailable:
        return Detail(lease, events, price, None, "", mine)


def _price(tx: Tx, lease: Lease, now: datetime) -> Price | None:
    """What it is billed at: nothing on nodes paid by the month; once it ended, the last price."""
    terms, customer = lease.terms, tx.get(Customer, lease.customer)
    if terms.klass is LeaseClass.CONTRACT:
        return None
    try:
        book = _book(tx, lease)
        return book.at(terms.sku, terms.klass, customer.currency, lease.ended or now)
    except Refused:
        return None


def book_of(world: World, actor: Actor, id: LeaseId) -> PriceBook:
    """The prices at which a lease is billed: its contract's, where it is under one."""
    with reading(world, actor, Verb.LEASE_READ, _owner(id)) as tx:
        return _book(tx, tx.get(Lease, id))


def _book(tx: Tx, lease: Lease) -> PriceBook:
    customer = tx.get(Customer, lease.customer)
    plain = committed.plain_book(tx, customer, lease.terms.sku, lease.asked_terms.sku)
    if lease.terms.contract is None:
        return plain
    return committed.agreed_book(tx, tx.get(Contract, lease.terms.contract), customer, plain)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which leases to list; what is None does not matter. `live`: not at rest yet."""

    customer: CustomerId | None = None
    project: ProjectId | None = None
    phase: Phase | None = None
    live: bool | None = None


def find(
    world: World, actor: Actor, which: Filter, after: str = "", limit: int | None = None
) -> list[Lease]:
    """Leases that the actor may see, newest first, from beyond `after`."""
    target = Target("lease", "", which.customer, which.project)
    if target.customer is None and not actor.operator:
        target = Target("lease", "", *home(actor, which.project))
    with reading(world, actor, Verb.LEASE_READ, target) as tx:
        confine(tx, actor)
        equal: dict[str, object] = {}
        if target.customer is not None:
            equal["customer"] = target.customer
        if target.project is not None:
            equal["project"] = target.project
        if which.phase is not None:
            equal["phase"] = which.phase
        if which.live is not None:
            equal["live"] = which.live
        return tx.find(Lease, after=after, limit=limit, newest_first=True, **equal)


def logs(
    world: World, actor: Actor, id: LeaseId, rank: int = 0, after: int = 0, limit: int = 65536
) -> bytes:
    """Output of one member from byte `after` on, at most `limit` bytes."""
    if rank < 0 or after < 0 or not 1 <= limit <= 1 << 20:
        raise Invalid("logs", "rank and after are not negative, limit is 1 to 1048576")
    with reading(world, actor, Verb.LEASE_ENTER, _owner(id)) as tx:
        lease = tx.get(Lease, id)
    if rank >= lease.terms.nodes:
        raise Invalid("rank", f"{id} has members 0 to {lease.terms.nodes - 1}")
    return world.engine(lease.terms.site).logs(id, rank, after, limit)


def _intend(world: World, actor: Actor, id: LeaseId, kind: EventKind) -> Lease:
    with acting(world, actor, Verb.LEASE_WRITE, _owner(id)) as tx:
        # The site's lock orders this with the loop's own writing of the same lease.
        tx.fleet(tx.get(Lease, id).terms.site)
        lease, event = ask(
            tx.get(Lease, id), kind, world.clock.now(), f"asked by {actor.principal}"
        )
        tx.record(lease, event)
    hint(world, id)
    return lease


def _owner(id: LeaseId) -> Locate:
    return owned_by_project("lease", Lease, id)


def _check_ask(wish: Ask) -> None:
    if wish.klass in RESERVED and wish.contract is None:
        raise Invalid("contract", f"a lease of class {wish.klass} names its contract")
    if wish.klass is LeaseClass.SPOT and wish.contract is not None:
        raise Invalid("contract", "spot is under no contract")
    if wish.overage and (wish.contract is None or wish.klass is LeaseClass.ON_DEMAND):
        raise Invalid("overage", "is for a lease on nodes that a contract reserves")
    if wish.spec is not _PLAIN:
        _check_spec(wish.spec)


def _check_spec(spec: Spec) -> None:
    size = sum(map(len, spec.command)) + sum(len(k) + len(v) for k, v in spec.env.items())
    if size > MOST_TEXT or "\0" in "".join((*spec.command, *spec.env, *spec.env.values())):
        raise Invalid("command", f"command and environment: at most {MOST_TEXT} bytes, no NUL")
    for key in spec.env:
        if not key.replace("_", "a").isalnum() or key[0].isdigit() or not key.isascii():
            raise Invalid("env", f"{key!r} is not the name of an environment variable")
    for port in spec.ports:
        if not 1 <= port <= 65535:
            raise Invalid("ports", f"{port} is not a port")


def _terms(world: World, tx: Tx, wish: Ask, sku: Sku) -> Terms:
    project, shape = tx.get(Project, wish.project), shape_of(sku, wish.count, wish.nodes)
    klass = wish.klass or LeaseClass.ON_DEMAND
    if wish.klass is None and wish.contract is not None:
        contract = _contract(tx, wish.contract, project.customer)
        klass = committed.class_under(tx, contract, sku, world.clock.now())
    terms = Terms(
        LeaseId(world.ids.new("lse")),
        project.customer,
        project.id,
        sku.site,
        sku.id,
        klass,
        wish.contract,
        shape.count,
        shape.nodes,
        shape.slots,
        shape.limits,
        wish.spec,
        wish.name,
    )
    check_promise(world, tx, terms, sku)
    return terms


def shape_of(sku: Sku, count: int, nodes: int) -> Shape:
    """What `count` units of a SKU on each of `nodes` nodes are; of whole nodes `count` says all."""
    for name, value in (("count", count), ("nodes", nodes)):
        if not 1 <= value <= MOST_COUNT:
            raise Invalid(name, f"{value} is not 1 to {MOST_COUNT}")
    if not sku.whole_node:
        return Shape(sku.id, count, nodes, sku.slots * count, sku.limits.times(count))
    if nodes != 1:
        raise Invalid("nodes", f"{sku.id} is whole nodes: say how many with count")
    return Shape(sku.id, count, count, sku.slots, sku.limits)


def check_promise(world: World, tx: Tx, terms: Terms, sku: Sku, starts: bool = True) -> None:
    """Whether this customer may have this here now, at a price that exists; and, where it starts,
    on its credit, of which it has so much less then.
    """
    customer = tx.get(Customer, terms.customer)
    site = tx.get(Site, terms.site)
    check_eligible(customer, tx.get(Chip, sku.chip), site, alone=bool(terms.account))
    plain = world.engine(site.id).isolation == "plain"
    if plain and not customer.of_operator and not world.settings.plain_for_customers:
        raise Refused(
            Reason.NOT_ISOLATED,
            f"{site.name} runs plain processes, which do not keep customers apart; "
            "install bubblewrap or runc, or start with --plain-for-customers",
        )
    now = world.clock.now()
    if terms.contract is None:
        book = PriceBook(tx.find(Price, sku=sku.id, klass=terms.klass, currency=customer.currency))
        price = book.of(customer.id).at(sku.id, terms.klass, customer.currency, now)
        if starts:
            credit.check(world, tx, customer, terms, price)
        return
    contract = _contract(tx, terms.contract, customer.id)
    if terms.klass in RESERVED:
        committed.check_reserved(tx, contract, sku, terms.klass, now)
    else:
        price = committed.check_agreed(tx, contract, customer, sku, now)
        if starts:
            credit.check(world, tx, customer, terms, price)


def _contract(tx: Tx, id: ContractId, customer: CustomerId) -> Contract:
    """A contract of this customer's."""
    contract = tx.get(Contract, id)
    if contract.customer != customer:
        raise Missing("contract", id)
    return contract


def _somewhere(
    world: World, tx: Tx, sku: Sku, terms: Terms, same_block: bool
) -> tuple[Member, ...]:
    """Where a new lease runs, or Refused; beyond its contract's nodes with what more would cost."""
    fleet, now = tx.fleet(terms.site), world.clock.now()
    request = placing.request_of(tx, sku, terms, same_block)
    request = giveway.outlasting(tx, fleet, request, terms, now)
    try:
        return spot.find_place(world, tx, fleet, request, terms)
    except Refused as no:
        if no.reason is not Reason.BEYOND_CONTRACT or terms.contract is None:
            raise
        more = committed.overage_words(tx, tx.get(Contract, terms.contract), sku, now)
        raise Refused(no.reason, f"{no.detail}{more}", no.facts) from None


def _claimed(
    world: World, tx: Tx, terms: Terms, members: tuple[Member, ...]
) -> tuple[Lease, LeaseEvent]:
    """The new lease with its claims written: they are in the index before it looks ahead.

    Without members it waits, and has neither.
    """
    fleet, now = tx.fleet(terms.site), world.clock.now()
    tx.add(*placing.claims(fleet, terms, 1, members, now))
    safe = placing.safe_until(fleet, terms, members, now)
    lease, event = requested(terms, members, now, safe)
    return lease, event if members else replace(event, cause=spot.WAITS)


def _begun(world: World, tx: Tx, lease: Lease) -> Lease:
    """Told what there is to tell from its start: its end, or that spot makes room for it."""
    if lease.waits:
        spot.make_room(world, tx, lease.site)
    return giveway.begun(world, tx, lease)


def _last_members(events: tuple[LeaseEvent, ...]) -> tuple[Member, ...]:
    return next((event.members for event in reversed(events) if event.members), ())
