"""What promises mean for leases sold by the moment: they are told, have notice, and end in time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rackrate.app import outbox
from rackrate.app.ports import Tx
from rackrate.app.world import World, hint
from rackrate.core.calendar import NOTHING
from rackrate.core.errors import Refused
from rackrate.core.giveway import CHANGEOVER, EARLY, NOTICE, Lodger, settle, settle_within
from rackrate.core.ids import ChipId, LeaseId, NodeId, PoolId, SiteId, SkuId
from rackrate.core.inventory import Sku
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent, Phase, Terms, Wanted
from rackrate.core.parties import Customer
from rackrate.core.placement import Fleet, Request
from rackrate.core.pricing import Price, PriceBook

PROMISED = "its nodes are promised to others from then"
BEYOND = "its contract has no nodes for it from then"
NOT_NEEDED = "its nodes are not needed after all"
OVER = "its notice is over, and its nodes go to those they are promised to"
SPOT_NOTICE = timedelta(minutes=5)


def tell(world: World, tx: Tx, site: SiteId) -> None:
    """Tell every lease of the site until when it is safe, and give or withdraw notice.

    To be called, under the site's lock, by whatever changes a promise or the supply: a signing, a
    hold, an amendment, a slip; and by every full pass of the loop.
    """
    fleet, now = tx.fleet(site), world.clock.now()
    by_contract: dict[str, list[Lease]] = {}
    for lease in tx.find(Lease, live=True, site=site):
        if holds(lease) and lease.terms.klass is not LeaseClass.SPOT:
            by_contract.setdefault(lease.terms.account, []).append(lease)
    said: dict[LeaseId, tuple[Lease, tuple[LeaseEvent, ...]]] = {}
    for contract, leases in sorted(by_contract.items()):
        lodgers = _lodgers(tx, leases, now)
        told = (
            settle_within(fleet, contract, lodgers, now)
            if contract
            else settle(fleet, lodgers, now)
        )
        for lease in leases:
            if events := _said(lease, told[lease.id], now):
                said[lease.id] = lease, events
    # Who is being written just now is told by the next pass: CHANGEOVER leaves time for that.
    told_now: list[tuple[Lease, tuple[LeaseEvent, ...]]] = []
    for lease in tx.alone(tuple(said)) if said else ():
        before, events = said[lease.id]
        if lease == before:
            tx.record(_after(lease, events), *events)
            told_now.append((lease, events))
    outbox.leases_told(world, tx, told_now)


def staying(tx: Tx, site: SiteId, now: datetime) -> Mapping[PoolId, Sequence[datetime]]:
    """For each node that is sold by the moment, until when no promise can have it.

    What runs there ends when it has been given notice, or would be now. By pool.
    """
    fleet = tx.fleet(site)
    leases = [lease for lease in tx.find(Lease, live=True, site=site) if lodges(lease)]
    ends: dict[NodeId, datetime] = {}
    for lodger in settle(fleet, _lodgers(tx, leases, now), now).values():
        end = now + lodger.notice if lodger.until is None else lodger.until
        for name in lodger.nodes:
            ends[name] = max(end, ends.get(name, end))
    found: dict[PoolId, list[datetime]] = {}
    for id, end in ends.items():
        node = fleet.nodes[fleet.number[id]]
        gone = [day for day in (node.until, node.drained) if day is not None]
        found.setdefault(node.pool, []).append(min([end, *gone]))
    return found


def _lodgers(tx: Tx, leases: Iterable[Lease], now: datetime) -> list[Lodger]:
    notice = Notices(tx, now)
    return [
        Lodger(
            lease.id,
            lease.created,
            timedelta(0) if lease.terms.account else notice.of_terms(lease.terms),
            frozenset(member.node for member in lease.members),
            lease.safe_until,
            lease.until,
        )
        for lease in leases
    ]


def end_due(world: World, tx: Tx, site: SiteId) -> None:
    """Leases whose notice is over are told to end: billing stops where the notice said."""
    now = world.clock.now()
    for lease in tx.find(Lease, live=True, site=site):
        if holds(lease) and lease.until is not None and lease.until <= now:
            at = max(lease.since, lease.until)
            event = LeaseEvent(lease.id, lease.seq + 1, at, now, EventKind.END_REQUESTED, OVER)
            tx.record(lease.apply(event), event)
            hint(world, lease.id)


def outlasting(tx: Tx, fleet: Fleet, request: Request, terms: Terms, now: datetime) -> Request:
    """The request, for nodes that no promise needs before a notice given now would be over."""
    if terms.account or not fleet.promised:
        return request
    notice = Notices(tx, now).of_terms(terms)
    return replace(request, lasting=notice + CHANGEOVER)


def kept_back(fleet: Fleet, request: Request, now: datetime) -> int:
    """Nodes that a request by the moment could have, were no share kept for contracts and spare."""
    if not request.kept_percent:
        return 0
    open_to_all = replace(request, kept_percent=NOTHING)
    return fleet.stock(open_to_all, now).nodes - fleet.stock(request, now).nodes


def kept_words(nodes: int) -> str:
    """What a refusal adds where it is a headroom of the site that stands in the way."""
    if not nodes:
        return ""
    return f"; {nodes} more node{'s are' if nodes > 1 else ' is'} kept for contracts and as spare"


def begun(world: World, tx: Tx, lease: Lease) -> Lease:
    """A lease that begins where promises will need its nodes soon has its notice from the start."""
    if lease.safe_until is None or lease.terms.klass is LeaseClass.SPOT:
        return lease
    now = world.clock.now()
    if lease.safe_until > now + Notices(tx, now).of_terms(lease.terms) + EARLY:
        return lease
    tell(world, tx, lease.site)
    return tx.get(Lease, lease.id)


def lodges(lease: Lease) -> bool:
    """Whether it holds nodes that it may have to give back to promises: on demand, and to go on."""
    return lease.terms.klass is LeaseClass.ON_DEMAND and holds(lease)


def holds(lease: Lease) -> bool:
    """Whether it has nodes, and is to go on having them."""
    return (
        bool(lease.members) and lease.wanted is Wanted.RUNNING and lease.phase is not Phase.STOPPING
    )


def longest_notice(tx: Tx, site: SiteId, chip: ChipId, now: datetime) -> timedelta:
    """How long before a promise can count on nodes of the chip that are sold by the moment.

    The longest notice of any price in force for it, and the time to clean: what `Wish.notice` is.
    """
    longest = timedelta(0)
    for sku in tx.find(Sku, site=site, chip=chip):
        prices = tx.find(Price, sku=sku.id, klass=LeaseClass.ON_DEMAND)
        book = PriceBook(prices)
        for currency, customer in {(price.currency, price.customer) for price in prices}:
            longest = max(longest, _notice(book.of(customer), sku.id, currency, now) or longest)
    return (longest or NOTICE) + CHANGEOVER


def _notice(book: PriceBook, sku: SkuId, currency: str, now: datetime) -> timedelta | None:
    try:
        return book.at(sku, LeaseClass.ON_DEMAND, currency, now).notice
    except Refused:
        return None


class Notices:
    """The notice of each lease's class: that of its price in force, looked up once for each."""

    def __init__(self, tx: Tx, now: datetime) -> None:
        self._tx, self._now = tx, now
        self._currencies: dict[str, str] = {}
        self._known: dict[tuple[str, str, str], timedelta] = {}
        self._books: dict[tuple[str, str, str], PriceBook] = {}

    def of_terms(self, terms: Terms) -> timedelta:
        currency = self._currencies.get(terms.customer)
        if currency is None:
            currency = self._tx.get(Customer, terms.customer).currency
            self._currencies[terms.customer] = currency
        key = (terms.sku, terms.klass, terms.customer)
        if key not in self._known:
            self._known[key] = self._in_force(terms, currency)
        return self._known[key]

    def _in_force(self, terms: Terms, currency: str) -> timedelta:
        sku, klass = terms.sku, terms.klass
        book = self._books.get((sku, klass, currency))
        if book is None:
            book = PriceBook(self._tx.find(Price, sku=sku, klass=klass, currency=currency))
            self._books[sku, klass, currency] = book
        try:
            return book.of(terms.customer).at(sku, klass, currency, self._now).notice
        except Refused:
            return SPOT_NOTICE if klass is LeaseClass.SPOT else NOTICE


def _said(lease: Lease, told: Lodger, now: datetime) -> tuple[LeaseEvent, ...]:
    """What it is told is events, as everything that binds: only what changed is said."""
    said: list[tuple[EventKind, str, datetime | None]] = []
    if told.until is None and lease.until is not None:
        said.append((EventKind.NOTICE_WITHDRAWN, NOT_NEEDED, None))
    elif told.until != lease.until:
        cause = BEYOND if lease.terms.account else PROMISED
        said.append((EventKind.NOTICE, cause, told.until))
    # Until when a lease is safe under its contract is the contract's own date.
    if not lease.terms.account and told.until is None and told.safe_until != lease.safe_until:
        said.append((EventKind.TOLD, "", told.safe_until))
    at = max(lease.since, now)
    return tuple(
        LeaseEvent(lease.id, lease.seq + place, at, now, kind, cause, until=until)
        for place, (kind, cause, until) in enumerate(said, 1)
    )


def _after(lease: Lease, events: Iterable[LeaseEvent]) -> Lease:
    for event in events:
        lease = lease.apply(event)
    return lease
