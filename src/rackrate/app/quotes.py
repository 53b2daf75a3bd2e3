"""Quotes: an offer and its hold are written together, signed together, and end together."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rackrate.app import giveway, sales
from rackrate.app.holds import drop_expired
from rackrate.app.ports import Tx
from rackrate.app.quoting import QUOTED, Answer, Ask, answer, plan_of, project_of
from rackrate.app.world import Locate, World, acting, confine, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.alternatives import Alternative, Way
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.contract import Contract, Schedule
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import ContractId, CustomerId, PoolId, QuoteId
from rackrate.core.interval import zone
from rackrate.core.money import Money
from rackrate.core.parties import Customer
from rackrate.core.promise import Assigned, kept_words
from rackrate.core.quote import Quote, QuoteState


def ask(world: World, actor: Actor, wish: Ask) -> Answer:
    """What a quote would say; nothing is written, and nothing held."""
    with reading(world, actor, Verb.QUOTE_WRITE, _asked(wish)) as tx:
        return answer(world, tx, wish)


def create(world: World, actor: Actor, wish: Ask) -> Quote:
    """The quote and its hold, or Refused with what would do instead. All of it or nothing."""
    with acting(world, actor, Verb.QUOTE_WRITE, _asked(wish)) as tx:
        given = answer(world, tx, wish)
        if not given.fits:
            raise refusal(given)
        quote = _quote(QuoteId(world.ids.new("quo")), actor, wish, given)
        drop_expired(tx, quote.site, given.at)
        tx.add(quote)
        tx.add(*(_hold(quote, quote.id, pool, nodes) for pool, nodes in given.placed))
        if quote.dedicated:
            _hold_the_rest(tx, quote, given.placed)
        giveway.tell(world, tx, quote.site)
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


def show(world: World, actor: Actor, id: QuoteId) -> Shown:
    """A quote as it is now."""
    with reading(world, actor, Verb.QUOTE_READ, _owner(id)) as tx:
        quote, now = tx.get(Quote, id), world.clock.now()
        held = tuple(each for each in tx.find(Reservation, holder=id) if each.counts(now))
        plan = plan_of(tx.get(Customer, quote.customer), offer_of(quote, QUOTED))
        return Shown(quote, now, plan, held)


def offer_of(quote: Quote, id: ContractId) -> sales.Offer:
    """What signing it signs."""
    offer = sales.Offer.of(
        id,
        quote.project,
        quote.sku,
        quote.nodes,
        quote.during,
        quote.monthly,
        quote.prepayment_percent,
        quote.tax_included,
        quote.name,
        quote.same_block,
    )
    return replace(offer, terms=replace(quote.terms, dedicated=quote.dedicated))


def find(
    world: World,
    actor: Actor,
    customer: CustomerId | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Quote]:
    """Quotes that the actor may see, the newest first."""
    if customer is None and not actor.operator:
        customer = min(actor.customers, default=None)
    with reading(world, actor, Verb.QUOTE_READ, Target("quote", "", customer)) as tx:
        confine(tx, actor)
        equal: dict[str, Any] = {} if customer is None else {"customer": customer}
        return tx.find(Quote, after=after, limit=limit, newest_first=True, **equal)


def sign(world: World, actor: Actor, id: QuoteId, contract: ContractId | None = None) -> Contract:
    """The quote becomes a contract, and its hold the contract's reservations, in one step."""
    with acting(world, actor, Verb.QUOTE_SIGN, _owner(id)) as tx:
        now, quote = world.clock.now(), _locked(tx, id)
        signed = quote.sign(actor.principal, now, contract or ContractId(world.ids.new("con")))
        assert signed.contract is not None
        held = _release(tx, quote)
        drop_expired(tx, quote.site, now)
        offer = replace(offer_of(quote, signed.contract), held={1: held})
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
        giveway.tell(world, tx, quote.site)
        return quote


def refusal(given: Answer) -> Refused:
    """Why it does not fit, for people and for programs, with everything that would."""
    assert given.short is not None
    short, zone = given.short, given.customer.time_zone
    where = " on one block" if given.same_block else ""
    when = f"from {_day(given.during.start, zone)} to {_day(given.during.end, zone)}"
    said = f"{given.nodes} nodes of {given.sku.id}{where} cannot be promised {when}: "
    said += f"{'none' if not short.nodes else f'at most {short.nodes}'} can"
    if short.earliest is not None:
        said += f"; all of them from {_day(short.earliest, zone)}"
    else:
        said += "; no date for all of them within the calendar"
    said += kept_words(given.kept)
    facts: dict[str, object] = {
        "nodes": short.nodes,
        "earliest": None if short.earliest is None else short.earliest.isoformat(),
        "alternatives": [
            {**_facts(each.what, each.value), "said": sentence(each.what, each.value, zone)}
            for each in given.alternatives
        ],
    }
    if given.kept:
        facts["nodes_kept"] = given.kept
    return Refused(Reason.NO_CAPACITY, said, facts)


def sentence(one: Alternative, value: Money | None, zone: str) -> str:
    """An alternative as a salesperson would say it."""
    blocks = {0: "", 1: " on one block"}.get(one.blocks, f" over {one.blocks} blocks")
    share = ""
    if one.way is Way.OTHER:
        share = " at the same time"
        if one.pflops_percent is not None:
            share += f", {one.pflops_percent} % of the dense FLOPS of what was asked for"
    when = f"from {_day(one.during.start, zone)} to {_day(one.during.end, zone)}"
    cost = "no price in the book"
    if one.priced is not None:
        cost = f"{one.priced.monthly} a month, {value} in all"
    return f"{one.nodes} x {one.sku} at {one.site}{blocks} {when}{share}: {cost}"


def _facts(one: Alternative, value: Money | None) -> dict[str, object]:
    monthly = None if one.priced is None else one.priced.monthly
    return {
        "way": str(one.way),
        "sku": one.sku,
        "site": one.site,
        "nodes": one.nodes,
        "same_block": one.same_block,
        "blocks": one.blocks,
        "start": one.during.start.isoformat(),
        "end": one.during.end.isoformat(),
        "pflops_percent": one.pflops_percent,
        "monthly": _money(monthly),
        "value": _money(value),
    }


def _money(amount: Money | None) -> dict[str, str] | None:
    if amount is None:
        return None
    return {"amount": f"{amount.amount:f}", "currency": amount.currency}


def _day(instant: datetime, zone_name: str) -> str:
    local = instant.astimezone(zone(zone_name))
    midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    return f"{local:%Y-%m-%d}" if midnight else f"{local:%Y-%m-%d %H:%M:%S}"


def _asked(wish: Ask) -> Locate:
    def locate(tx: Tx) -> Target:
        if wish.project is None and wish.customer is not None:
            # Which projects it has is told only to who may know of the customer.
            return Target("quote", "", tx.get(Customer, wish.customer).id)
        project = project_of(tx, wish)
        return Target("quote", "", project.customer, project.id)

    return locate


def _owner(id: QuoteId) -> Locate:
    def locate(tx: Tx) -> Target:
        quote = tx.get(Quote, id)
        return Target("quote", id, quote.customer, quote.project)

    return locate


def _locked(tx: Tx, id: QuoteId) -> Quote:
    """The quote as it is while nobody else can touch the site: two signers come one by one."""
    tx.fleet(tx.get(Quote, id).site)
    return tx.get(Quote, id)


def _quote(id: QuoteId, actor: Actor, wish: Ask, given: Answer) -> Quote:
    cost = given.priced
    price, tier = cost.price, cost.tier
    return Quote(
        id,
        given.site.entity,
        given.customer.id,
        given.project.id,
        given.site.id,
        given.sku.id,
        given.nodes,
        given.same_block,
        given.terms.dedicated,
        given.during,
        "" if price is None else price.id,
        0 if tier is None else tier.months,
        0 if tier is None else tier.nodes,
        Money.zero(given.customer.currency) if tier is None else tier.amount,
        given.basis,
        given.tax_included,
        cost.discount_percent,
        cost.monthly,
        wish.prepayment_percent,
        cost.needs_approval,
        actor.principal,
        given.at,
        given.expires,
        wish.name,
        terms=given.terms,
    )


def _hold(quote: Quote, holder: str, pool: PoolId, nodes: int) -> Reservation:
    return Reservation(
        f"{holder}/{pool}",
        quote.site,
        pool,
        nodes,
        quote.during,
        ReservationKind.HOLD,
        holder,
        quote.customer,
        quote.expires,
    )


def _private(quote: Quote) -> str:
    """Who holds what is left of blocks that are to be shared with nobody."""
    return f"{quote.id}/private"


def _hold_the_rest(tx: Tx, quote: Quote, placed: Assigned) -> None:
    fleet = tx.fleet(quote.site)
    blocks = {fleet.pools[pool].block for pool, _ in placed}
    for pool in sorted(fleet.pools.values(), key=lambda pool: pool.id):
        left = pool.calendar.available(quote.during, quote.created)
        if pool.block in blocks and left > 0:
            tx.add(_hold(quote, _private(quote), pool.id, left))


def _holds(tx: Tx, quote: Quote) -> list[Reservation]:
    return tx.find(Reservation, holder=(quote.id, _private(quote)))


def _release(tx: Tx, quote: Quote) -> Assigned:
    """Let the hold go; the nodes that it was on."""
    found = _holds(tx, quote)
    for held in found:
        tx.remove(Reservation, held.id)
    return tuple((held.pool, held.nodes) for held in found if held.holder == quote.id)
