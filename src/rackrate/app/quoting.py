"""The answer to a wish of capacity: whether it fits, at what price, and what would do instead."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from rackrate.app.giveway import longest_notice
from rackrate.app.ports import Tx
from rackrate.app.promising import is_empty
from rackrate.app.sales import LONGEST, MOST_NODES, Offer, capacity
from rackrate.app.sales import placed as allowed
from rackrate.app.world import World
from rackrate.core.alternatives import (
    Alternative,
    Asked,
    Candidate,
    alternatives,
)
from rackrate.core.chips import Chip
from rackrate.core.contract import Contract, Schedule, Terms, schedule, value_of
from rackrate.core.contract_price import (
    ContractPrice,
    plus_months,
    price_in_force,
    whole_months,
)
from rackrate.core.eligibility import why_not
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.fitting import kept_back
from rackrate.core.ids import ChipId, ContractId, CustomerId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Site, Sku
from rackrate.core.money import Money
from rackrate.core.parties import Customer, Project
from rackrate.core.placement import Fleet, Pool
from rackrate.core.promise import Assigned, Shortfall, Wish
from rackrate.core.quote import LONGEST_HOLD, Priced, priced, priced_by_hand

QUOTED = ContractId("quoted")
BY_HAND = "per calendar month, before VAT, as agreed: no contract price was in force"
FORTNIGHT = timedelta(days=14)
MOST_MONTHS = 360
SHORTEST_HOLD = timedelta(minutes=1)
# From then on nothing that is sold by the moment now is in the way, however long its notice.
SOON = timedelta(days=366)
# Somebody who says "from today" means the day that has begun.
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Ask:
    """Whole nodes of a SKU from `start` for so many months, or until `end`.

    A customer with one project need not name it. `monthly` names the price instead of the list;
    `lasts` is how long the hold stands; `terms` are the contract's.
    """

    sku: SkuId
    nodes: int
    start: datetime
    months: int | None = None
    end: datetime | None = None
    customer: CustomerId | None = None
    project: ProjectId | None = None
    same_block: bool = False
    discount_percent: Decimal = Decimal(0)
    prepayment_percent: Decimal = Decimal(0)
    monthly: Money | None = None
    lasts: timedelta = FORTNIGHT
    name: str = ""
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, slots=True)
class Offered:
    """An alternative with all that it would cost; None where it has no price."""

    what: Alternative
    value: Money | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the wish comes to. It fits where `placed` says on which pools; else `short` why not.

    `kept` nodes more could be promised, were none kept for the moment and as spare.
    """

    at: datetime
    expires: datetime
    customer: Customer
    project: Project
    sku: Sku
    site: Site
    nodes: int
    same_block: bool
    during: Interval
    priced: Priced
    plan: Schedule
    terms: Terms
    placed: Assigned = ()
    short: Shortfall | None = None
    alternatives: tuple[Offered, ...] = ()
    kept: int = 0

    @property
    def fits(self) -> bool:
        return self.short is None

    @property
    def basis(self) -> str:
        """What the price is for, in words."""
        return BY_HAND if self.priced.price is None else self.priced.price.basis

    @property
    def tax_included(self) -> bool:
        return self.priced.price is not None and self.priced.price.tax_included


def project_of(tx: Tx, ask: Ask) -> Project:
    """The project that is asked for, or the customer's only one."""
    if ask.project is not None:
        project = tx.get(Project, ask.project)
        if ask.customer not in (None, project.customer):
            raise Invalid("project", f"{project.id} is not a project of {ask.customer}")
        return project
    if ask.customer is None:
        raise Invalid("customer", "say for which customer, or for which project")
    found = tx.find(Project, customer=tx.get(Customer, ask.customer).id)
    if len(found) != 1:
        named = ", ".join(project.id for project in found[:8]) or "none"
        raise Invalid("project", f"say for which project of {ask.customer}: {named}")
    return found[0]


def answer(world: World, tx: Tx, ask: Ask) -> Answer:
    """Refused where the customer may not have it, or nothing says what it costs."""
    project = project_of(tx, ask)
    customer = tx.get(Customer, project.customer)
    sku = tx.get(Sku, ask.sku)
    during = _check(world, ask, customer, sku)
    site = tx.get(Site, sku.site)
    terms = _terms(tx, ask, customer, during)
    now = world.clock.now()
    plain = Wish(ask.nodes, during, now, SOON, same_block=ask.same_block)
    found = _Candidates(tx, customer, plain, terms)
    what = found.of(sku)
    cost = _priced(what, ask, whole_months(during, customer.time_zone), customer)
    wish = what.wish(plain, ask.nodes)
    placed = what.place(wish)
    short = Shortfall(placed, what.earliest(wish)) if isinstance(placed, int) else None
    offered: tuple[Offered, ...] = ()
    if short is not None:
        price_of = partial(_like, ask, customer.time_zone)
        asked = Asked(what, wish, short.earliest, customer.time_zone, price_of)
        instead = alternatives(asked, found.others(sku))
        offered = tuple(Offered(each, _value(customer, project, ask, each)) for each in instead)
    return Answer(
        now,
        now + ask.lasts,
        customer,
        project,
        sku,
        site,
        ask.nodes,
        ask.same_block,
        during,
        cost,
        plan_of(customer, _offer(ask, project, sku.id, ask.nodes, during, cost.monthly)),
        terms,
        () if isinstance(placed, int) else placed,
        short,
        offered,
        0 if short is None else kept_back(what.shape, wish),
    )


def _terms(tx: Tx, ask: Ask, customer: Customer, during: Interval) -> Terms:
    """Those of the contract; Refused where the customer may not have it there by these."""
    terms = replace(ask.terms, dedicated=ask.terms.dedicated or customer.dedicated_block)
    unpriced = Money.zero(customer.currency)
    allowed(tx, customer, terms, capacity(1, ask.sku, ask.nodes, during, unpriced))
    return terms


class _Candidates:
    """Everything that this customer could have whole nodes of, under the locks of its sites."""

    def __init__(self, tx: Tx, customer: Customer, wish: Wish, terms: Terms) -> None:
        sites = {site.id: site for site in tx.find(Site)}
        chips = {chip.id: chip for chip in tx.find(Chip)}
        alone, within = terms.dedicated, terms.jurisdiction
        self._tx, self._wish, self._alone = tx, wish, alone
        self._sites, self._chips = sites, chips
        self._skus = [
            sku
            for sku in tx.find(Sku)
            if sku.whole_node
            and not why_not(customer, chips[sku.chip], sites[sku.site], alone)
            and (not within or sites[sku.site].country in within)
        ]
        self._prices = tx.find(ContractPrice, currency=customer.currency)
        self._now, self._currency = wish.now, customer.currency
        # In the order of their names, as every transaction takes them.
        wanted = sorted({sku.site for sku in self._skus})
        self._fleets: Mapping[SiteId, Fleet] = {site: tx.fleet(site) for site in wanted}

    def of(self, sku: Sku) -> Candidate:
        site, chip = self._sites[sku.site], self._chips[sku.chip]
        fleet = self._fleets[site.id]
        shape = fleet.shape(sku.chip, sku.slots)

        notice = self._notice(site.id, chip.id)

        def alone(pool: Pool, during: Interval) -> bool:
            return is_empty(fleet, pool, replace(self._wish, during=during, notice=notice))

        return Candidate(
            sku.id,
            site.id,
            chip,
            shape.pools[0].gpus if shape.pools else sku.slots,
            shape,
            site.spare_percent + site.moment_percent,
            site.moment_percent,
            notice,
            self._price(sku.id),
            alone if self._alone else None,
        )

    def others(self, sku: Sku) -> list[Candidate]:
        """All but the one that was asked for."""
        return [self.of(other) for other in self._skus if other.id != sku.id]

    def _notice(self, site: SiteId, chip: ChipId) -> timedelta:
        """After how long nodes that are sold by the moment count; looked up where it matters."""
        if self._wish.during.start >= self._wish.now + SOON:
            return SOON
        return longest_notice(self._tx, site, chip, self._wish.now)

    def _price(self, sku: SkuId) -> ContractPrice | None:
        try:
            return price_in_force(self._prices, sku, self._currency, self._now)
        except Refused:
            return None


def _check(world: World, ask: Ask, customer: Customer, sku: Sku) -> Interval:
    """The interval; Invalid where the wish cannot be meant."""
    if not sku.whole_node:
        raise Invalid("sku", f"{sku.id} is not whole nodes, which is what contracts are for")
    if not 1 <= ask.nodes <= MOST_NODES:
        raise Invalid("nodes", f"{ask.nodes} is not 1 to {MOST_NODES}")
    if not SHORTEST_HOLD <= ask.lasts <= LONGEST_HOLD:
        raise Invalid("expires", f"a hold lasts from a minute to {LONGEST_HOLD.days} days")
    _check_terms(ask, customer)
    during = _interval(ask, customer)
    if during.start > world.clock.now() + LONGEST:
        raise Invalid("start", "is more than 30 years away")
    if during.start < world.clock.now() - A_DAY:
        raise Invalid("start", f"{ask.start:%Y-%m-%d %H:%M} UTC is over; quote from today on")
    return during


def _check_terms(ask: Ask, customer: Customer) -> None:
    if not 0 <= ask.prepayment_percent <= 100:
        raise Invalid("prepayment_percent", f"{ask.prepayment_percent} is not 0 to 100")
    if ask.monthly is not None and ask.discount_percent:
        raise Invalid("monthly", "name the price or a discount, not both")
    if ask.monthly is not None and ask.monthly.currency != customer.currency:
        raise Invalid("currency", f"{customer.id} pays in {customer.currency}")


def _interval(ask: Ask, customer: Customer) -> Interval:
    if (ask.months is None) == (ask.end is None):
        raise Invalid("months", "say for how many months, or until when: one of the two")
    if ask.months is not None and not 1 <= ask.months <= MOST_MONTHS:
        raise Invalid("months", f"{ask.months} is not 1 to {MOST_MONTHS}")
    try:
        end = ask.end or plus_months(ask.start, ask.months or 0, customer.time_zone)
        during = Interval(ask.start, end)
    except (ValueError, OverflowError):
        raise Invalid("until", "is not after the start, or too far away") from None
    if during.end - during.start > LONGEST:
        raise Invalid("until", "a contract runs for at most 30 years")
    return during


def _priced(what: Candidate, ask: Ask, months: int, customer: Customer) -> Priced:
    if ask.monthly is not None:
        return priced_by_hand(what.price, months, ask.nodes, ask.monthly)
    if what.price is None:
        raise Refused(
            Reason.NOT_PRICED,
            f"{what.sku} has no contract price in {customer.currency}; name one yourself, which "
            "a second person approves",
            {"sku": what.sku, "currency": customer.currency},
        )
    return priced(what.price, months, ask.nodes, ask.discount_percent)


def _like(
    ask: Ask, time_zone: str, other: Candidate, nodes: int, during: Interval
) -> Priced | None:
    """An alternative at its list and the same discount; None where the list has no price for it."""
    if other.price is None:
        return None
    try:
        return priced(other.price, whole_months(during, time_zone), nodes, ask.discount_percent)
    except Refused:
        return None


def _value(customer: Customer, project: Project, ask: Ask, other: Alternative) -> Money | None:
    if other.priced is None:
        return None
    monthly = other.priced.monthly
    offer = _offer(ask, project, other.sku, other.nodes, other.during, monthly)
    return value_of(offer.commitments, customer.time_zone, customer.currency)


def _offer(
    ask: Ask, project: Project, sku: SkuId, nodes: int, during: Interval, monthly: Money
) -> Offer:
    percent = ask.prepayment_percent
    return Offer.of(QUOTED, project.id, sku, nodes, during, monthly, percent)


def plan_of(customer: Customer, offer: Offer) -> Schedule:
    """The payments of the contract that signing the offer would make."""
    contract = Contract(
        offer.id,
        customer.entity,
        customer.id,
        offer.project,
        offer.currency,
        offer.commitments,
        offer.prepayment_percent,
        offer.tax_included,
        offer.commitments[0].during.start,
    )
    return schedule(contract, customer.time_zone)
