"""Quotes: an offer and its hold are written together, signed together, and end together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from rackrate.app import giveway, renewing, sales
from rackrate.app.asking import project_of
from rackrate.app.holds import drop_expired
from rackrate.app.listing import Listing
from rackrate.app.ports import Tx
from rackrate.app.quote_words import refusal
from rackrate.app.quoting import QUOTED, Answer, Ask, answer, draft_of, plan_of
from rackrate.app.world import Locate, World, acting, owned_by_project, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.calendar import PRIVATE, Reservation, ReservationKind
from rackrate.core.contract import Contract, Schedule
from rackrate.core.ids import ContractId, CustomerId, PoolId, QuoteId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.parties import Customer
from rackrate.core.placement import Fleet
from rackrate.core.promise import Assigned
from rackrate.core.quote import Quote, QuoteLine, QuoteState


def ask(world: World, actor: Actor, wish: Ask) -> Answer:
    """What a quote would say; nothing is written, and nothing held."""
    with reading(world, actor, Verb.QUOTE_WRITE, _asked(wish)) as tx:
        return answer(world, tx, wish)


def create(world: World, actor: Actor, wish: Ask) -> Quote:
    """The quote and the hold of all its lines, or Refused with what would do instead."""
    with acting(world, actor, Verb.QUOTE_WRITE, _asked(wish)) as tx:
        given = answer(world, tx, wish)
        if not given.fits:
            raise refusal(given)
        quote = _quote(QuoteId(world.ids.new("quo")), actor, wish, given)
        for site in quote.sites:
            drop_expired(tx, site, given.at)
        tx.add(quote)
        for each in given.capacity:
            tx.add(*(_hold(quote, each.line, pool, nodes) for pool, nodes in each.placed))
        draft = draft_of(given.customer, offer_of(quote, ContractId(quote.id)))
        draft = replace(draft, terms=given.terms)
        renewing.hold_for_quote(world, tx, draft, given.by_line, quote.expires)
        if quote.dedicated:
            _hold_the_rest(tx, quote, given)
        for site in quote.sites:
            giveway.tell(world, tx, site)
        return quote


@dataclass(frozen=True, slots=True)
class Shown:
    """A quote with its payment plan, its state at `at`, and what is held for it then."""

    quote: Quote
    at: datetime
    plan: Schedule
    held: tuple[Reservation, ...]

    @property
    def state(self) -> QuoteState:
        return self.quote.state(self.at)

    def line_of(self, held: Reservation) -> int:
        """For which line it is held."""
        return _line_of(self.quote.id, held)


def show(world: World, actor: Actor, id: QuoteId) -> Shown:
    """A quote as it is now."""
    with reading(world, actor, Verb.QUOTE_READ, _owner(id)) as tx:
        quote, now = tx.get(Quote, id), world.clock.now()
        held = tuple(each for each in tx.find(Reservation, holder=id) if each.counts(now))
        plan = plan_of(tx.get(Customer, quote.customer), offer_of(quote, QUOTED))
        return Shown(quote, now, plan, held)


def offer_of(quote: Quote, id: ContractId) -> sales.Offer:
    """What signing it signs."""
    return sales.Offer(
        id,
        quote.project,
        quote.commitments,
        quote.prepayment_percent,
        quote.tax_included,
        quote.name,
        replace(quote.terms, dedicated=quote.dedicated),
    )


def find(
    world: World,
    actor: Actor,
    customer: CustomerId | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Quote]:
    """Quotes that the actor may see, the newest first."""
    listing = Listing("quote", Quote, Verb.QUOTE_READ)
    return listing.find(world, actor, customer, after, limit)


def sign(world: World, actor: Actor, id: QuoteId, contract: ContractId | None = None) -> Contract:
    """The quote becomes a contract, and its hold the contract's reservations, in one step."""
    with acting(world, actor, Verb.QUOTE_SIGN, _owner(id)) as tx:
        now, quote = world.clock.now(), _locked(tx, id)
        signed = quote.sign(actor.principal, now, contract or ContractId(world.ids.new("con")))
        assert signed.contract is not None
        held = _release(tx, quote)
        for site in quote.sites:
            drop_expired(tx, site, now)
        offer = replace(offer_of(quote, signed.contract), held=held)
        made = sales.sign(world, actor, offer, Verb.QUOTE_SIGN)
        tx.put(signed)
        return made


def approve(world: World, actor: Actor, id: QuoteId) -> Quote:
    """A second person agrees to a discount that one may not give alone."""
    with acting(world, actor, Verb.QUOTE_APPROVE, _owner(id)) as tx:
        quote = _locked(tx, id).approve(actor.principal, world.clock.now())
        tx.put(quote)
        return quote


def extend(world: World, actor: Actor, id: QuoteId, until: datetime) -> Quote:
    """The hold stands longer. It was never let go in between."""
    with acting(world, actor, Verb.QUOTE_WRITE, _owner(id)) as tx:
        quote = _locked(tx, id).extend(until, world.clock.now())
        tx.put(quote)
        for held in _holds(tx, quote):
            tx.put(replace(held, expires=quote.expires))
        return quote


def withdraw(world: World, actor: Actor, id: QuoteId) -> Quote:
    """The quote is taken back, and its nodes are free at once."""
    with acting(world, actor, Verb.QUOTE_WRITE, _owner(id)) as tx:
        quote = _locked(tx, id).withdraw(world.clock.now())
        tx.put(quote)
        _release(tx, quote)
        for site in quote.sites:
            giveway.tell(world, tx, site)
        return quote


def _asked(wish: Ask) -> Locate:
    def locate(tx: Tx) -> Target:
        if wish.project is None and wish.customer is not None:
            # Which projects it has is told only to who may know of the customer.
            return Target("quote", "", tx.get(Customer, wish.customer).id)
        project = project_of(tx, wish)
        return Target("quote", "", project.customer, project.id)

    return locate


def _owner(id: QuoteId) -> Locate:
    return owned_by_project("quote", Quote, id)


def _locked(tx: Tx, id: QuoteId) -> Quote:
    """The quote as it is while nobody else can touch its sites: two signers come one by one."""
    for site in tx.get(Quote, id).sites:
        tx.fleet(site)
    return tx.get(Quote, id)


def _quote(id: QuoteId, actor: Actor, wish: Ask, given: Answer) -> Quote:
    return Quote(
        id,
        given.entity,
        given.customer.id,
        given.project.id,
        tuple(each.line for each in given.lines),
        given.same_block,
        given.terms.dedicated,
        given.tax_included,
        wish.prepayment_percent,
        given.needs_approval,
        actor.principal,
        given.at,
        given.expires,
        wish.name,
        terms=given.terms,
    )


def _hold(quote: Quote, line: QuoteLine, pool: PoolId, nodes: int) -> Reservation:
    site = line.commitment.site
    assert site is not None
    id = f"{quote.id}/{line.number}/{pool}"
    return _reservation(quote, quote.id, site, (id, pool, nodes, line.during))


def _reservation(
    quote: Quote, holder: str, site: SiteId, what: tuple[str, PoolId, int, Interval]
) -> Reservation:
    id, pool, nodes, during = what
    return Reservation(
        id,
        site,
        pool,
        nodes,
        during,
        ReservationKind.HOLD,
        holder,
        quote.customer,
        quote.expires,
    )


def _private(quote: Quote) -> str:
    """Who holds what is left of blocks that are to be shared with nobody."""
    return f"{quote.id}{PRIVATE}"


def _hold_the_rest(tx: Tx, quote: Quote, given: Answer) -> None:
    """What is left of its blocks, from each change of its lines to the next."""
    for site in quote.sites:
        fleet = tx.fleet(site)
        for block, spans in sorted(_in_blocks(fleet, given).items()):
            pools = [pool for pool in fleet.pools.values() if pool.block == block]
            for pool in sorted(pools, key=lambda pool: pool.id):
                for number, span in enumerate(spans, 1):
                    left = pool.calendar.available(span, quote.created)
                    if left > 0:
                        id = f"{_private(quote)}/{number}/{pool.id}"
                        what = (id, pool.id, left, span)
                        tx.add(_reservation(quote, _private(quote), site, what))


def _in_blocks(fleet: Fleet, given: Answer) -> dict[str, list[Interval]]:
    """When lines are in which block, cut at each change."""
    found: dict[str, list[Interval]] = {}
    for each in given.capacity:
        for pool, _ in each.placed:
            if pool in fleet.pools:
                found.setdefault(fleet.pools[pool].block, []).append(each.line.during)
    return {block: _cut(spans) for block, spans in found.items()}


def _cut(spans: Sequence[Interval]) -> list[Interval]:
    cuts = sorted({at for span in spans for at in (span.start, span.end)})
    pieces = (Interval(start, end) for start, end in pairwise(cuts))
    return [piece for piece in pieces if any(span.contains(piece.start) for span in spans)]


def _holds(tx: Tx, quote: Quote) -> list[Reservation]:
    return tx.find(Reservation, holder=(quote.id, _private(quote)))


def _release(tx: Tx, quote: Quote) -> dict[int, Assigned]:
    """Let the hold go; the nodes that it was on, by line."""
    held: dict[int, Assigned] = {}
    for one in _holds(tx, quote):
        tx.remove(Reservation, one.id)
        if one.holder == quote.id and not one.renews:
            number = _line_of(quote.id, one)
            held[number] = (*held.get(number, ()), (one.pool, one.nodes))
    return held


def _line_of(id: QuoteId, held: Reservation) -> int:
    """A hold's id says it, as a contract's promise says of which commitment it is."""
    return held.renews or int(held.id.removeprefix(f"{id}/").partition("/")[0])
