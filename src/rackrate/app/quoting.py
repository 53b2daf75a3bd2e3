"""The answer to a wish of capacity: whether it fits, at what price, and what would do instead."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rackrate.app.asking import Ask as Ask
from rackrate.app.asking import Wanted, line_name, project_of, wanted
from rackrate.app.committed import alike
from rackrate.app.giveway import longest_notice
from rackrate.app.ports import Tx
from rackrate.app.promising import is_empty
from rackrate.app.quote_prices import AnswerLine, Offered, Prices, Taxed, tax_included
from rackrate.app.renewing import for_quote, rights_of
from rackrate.app.sales import Offer, check_terms, check_worth
from rackrate.app.sales import placed as allowed
from rackrate.app.world import World
from rackrate.core.alternatives import Asked, alternatives
from rackrate.core.chips import Chip
from rackrate.core.contract import Commitment, Contract, Schedule, Terms, check_coherent, schedule
from rackrate.core.contract_price import ContractPrice, price_in_force
from rackrate.core.eligibility import why_not
from rackrate.core.errors import Invalid, Refused
from rackrate.core.filling import Filled, earliest, place
from rackrate.core.fitting import kept_back
from rackrate.core.ids import ChipId, ContractId, EntityId, SiteId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.inventory import Entity, Site, Sku
from rackrate.core.money import Money
from rackrate.core.parties import Customer, Project
from rackrate.core.placement import Fleet, Pool
from rackrate.core.promise import Assigned, Wish
from rackrate.core.quote import Priced, QuoteLine, most_a_month, most_at_once
from rackrate.core.several import Candidate, Several, Want

QUOTED = ContractId("quoted")
# From then on nothing that is sold by the moment now is in the way, however long its notice.
SOON = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Short:
    """The first line that does not fit, how many nodes of it would, and from when all lines do."""

    number: int
    nodes: int
    earliest: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the wish comes to. It fits where every line is `placed`; else `short` says which not.

    `kept` nodes more could be promised, were none kept for the moment and as spare.
    """

    at: datetime
    expires: datetime
    customer: Customer
    project: Project
    entity: EntityId
    lines: tuple[AnswerLine, ...]
    same_block: bool
    tax_included: bool
    plan: Schedule
    terms: Terms
    short: Short | None = None
    alternatives: tuple[Offered, ...] = ()
    kept: int = 0

    @property
    def fits(self) -> bool:
        return self.short is None

    @property
    def capacity(self) -> tuple[AnswerLine, ...]:
        return tuple(each for each in self.lines if each.priced is not None)

    @property
    def first(self) -> QuoteLine:
        """The first line of nodes."""
        return self.capacity[0].line

    @property
    def priced(self) -> Priced:
        """The first line's of nodes."""
        priced = self.capacity[0].priced
        assert priced is not None
        return priced

    @property
    def by_line(self) -> dict[int, Assigned]:
        return {each.line.number: each.placed for each in self.capacity}

    @property
    def placed(self) -> Assigned:
        return tuple(pair for each in self.lines for pair in each.placed)

    @property
    def commitments(self) -> tuple[Commitment, ...]:
        return tuple(each.line.commitment for each in self.lines)

    @property
    def nodes(self) -> int:
        """The most at any instant."""
        return most_at_once((c.during, c.nodes) for c in self.commitments)

    @property
    def during(self) -> Interval:
        ends = [each.during.end for each in self.commitments]
        return Interval(min(each.during.start for each in self.commitments), max(ends))

    @property
    def monthly(self) -> Money:
        """The most that a calendar month costs."""
        return most_a_month(self.commitments)

    @property
    def needs_approval(self) -> bool:
        return any(each.line.needs_approval for each in self.lines)


def answer(world: World, tx: Tx, ask: Ask) -> Answer:
    """Refused where the customer may not have it, or nothing says what it costs."""
    project = project_of(tx, ask)
    customer, now = tx.get(Customer, project.customer), world.clock.now()
    asked = wanted(tx, ask, customer, now)
    terms = replace(ask.terms, dedicated=ask.terms.dedicated or customer.dedicated_block)
    asked = tuple(_allowed(tx, customer, terms, each, len(asked)) for each in asked)
    check_terms(tx, customer, terms, [each.commitment for each in asked], now)
    start = min(each.commitment.during.start for each in asked)
    found = _Candidates(tx, customer, now, start, terms)
    several = _several(found, asked, ask.same_block, now)
    seller = _entity(tx, customer, asked)
    book = Prices(customer, asked, terms, _taxed(tx, ask, customer, seller, start))
    lines = book.lines(several.wants)
    draft = draft_of(customer, _offer(ask, project, [each.line.commitment for each in lines]))
    draft = replace(draft, terms=terms)
    check_coherent(draft, alike(tx))
    check_worth(draft.commitments, draft.costing(customer.time_zone))
    rights = rights_of(world, tx, draft)
    placed = place(_ahead(several, rights))
    if rights and isinstance(placed, Filled):
        placed = place(several)
    filled = placed if isinstance(placed, Filled) else Filled(_nodes(several), placed)
    plain = Answer(
        now,
        now + ask.lasts,
        customer,
        project,
        seller,
        tuple(_laid(lines, several, filled)),
        ask.same_block,
        tax_included(lines) if ask.tax_included is None else ask.tax_included,
        schedule(draft, customer.time_zone),
        terms,
    )
    if placed is filled:
        return _instead(plain, found, several, filled, book)
    for_quote(world, tx, draft, plain.by_line)
    return plain


def _taxed(tx: Tx, ask: Ask, customer: Customer, seller: EntityId, start: datetime) -> Taxed | None:
    """Whether amounts are with tax inside, where somebody said so."""
    if ask.tax_included is None:
        return None
    table = tx.get(Entity, seller).taxes(customer)
    return Taxed(ask.tax_included, table, Month.of(start, customer.time_zone))


def _ahead(several: Several, rights: Mapping[int, Commitment]) -> Several:
    """The lines with what a right to renew would bring after them: best on the same blocks."""
    longer = tuple(
        want.over(Interval(want.during.start, rights[want.number].during.end))
        if want.number in rights
        else want
        for want in several.wants
    )
    return replace(several, wants=longer)


def _laid(lines: Sequence[AnswerLine], several: Several, filled: Filled) -> Iterator[AnswerLine]:
    """The lines with how far each goes, and where."""
    numbers = [want.number for want in several.wants]
    found = dict(zip(numbers, zip(filled.possible, filled.placed, strict=True), strict=True))
    for each in lines:
        possible, placed = found.get(each.line.number, (0, ()))
        yield replace(each, possible=possible, placed=placed)


def _nodes(several: Several) -> tuple[int, ...]:
    return tuple(want.wish.nodes for want in several.wants)


def _instead(
    plain: Answer, found: "_Candidates", several: Several, filled: Filled, book: Prices
) -> Answer:
    """The answer where it does not fit: why not, and what would do."""
    zone = plain.customer.time_zone
    all_from = earliest(several, zone)
    asked = Asked(several, filled, all_from, zone, book.of)
    short = asked.short
    numbers = [want.number for want in several.wants]
    possible = filled.possible[numbers.index(short.number)]
    others = found.others(short.what.sku, plain.entity if len(several.wants) > 1 else None)
    instead = alternatives(asked, others)
    origin = Interval(several.start, max(want.during.end for want in several.wants))
    return replace(
        plain,
        lines=tuple(replace(each, placed=()) for each in plain.lines),
        short=Short(short.number, possible, all_from),
        alternatives=tuple(book.offered(each, origin) for each in instead),
        kept=kept_back(short.what.shape, short.wish),
    )


def _allowed(tx: Tx, customer: Customer, terms: Terms, each: Wanted, of: int) -> Wanted:
    """Refused, with the line named, where the customer may not have it there by these terms."""
    try:
        return replace(each, commitment=allowed(tx, customer, terms, each.commitment))
    except Refused as no:
        if of == 1:
            raise
        number = each.commitment.number
        said = f"{line_name(number, of)}, {each.commitment.what}: {no.detail}"
        raise Refused(no.reason, said, {**no.facts, "line": number}) from None


def _several(
    found: "_Candidates", asked: Sequence[Wanted], together: bool, now: datetime
) -> Several:
    """The lines of nodes, as they are asked of the calendar."""
    wants = []
    for each in asked:
        if each.sku is not None:
            what, line = found.of(each.sku), each.commitment
            plain = Wish(line.nodes, line.during, now, SOON, same_block=line.same_block)
            wants.append(Want(line.number, what, what.wish(plain, line.nodes)))
    return Several(tuple(wants), together)


def _entity(tx: Tx, customer: Customer, asked: Sequence[Wanted]) -> EntityId:
    """Who sells it, which is one."""
    sites = {each.sku.site for each in asked if each.sku is not None}
    entities = {tx.get(Site, site).entity for site in sites}
    if len(entities) > 1:
        raise Invalid("lines", "are at sites of several sellers: make one quote for each")
    return min(entities, default=customer.entity)


class _Candidates:
    """Everything that this customer could have whole nodes of, under the locks of its sites."""

    def __init__(
        self, tx: Tx, customer: Customer, now: datetime, start: datetime, terms: Terms
    ) -> None:
        sites = {site.id: site for site in tx.find(Site)}
        chips = {chip.id: chip for chip in tx.find(Chip)}
        alone, within = terms.dedicated, terms.jurisdiction
        self._tx, self._start, self._alone = tx, start, alone
        self._sites, self._chips = sites, chips
        self._skus = [
            sku
            for sku in tx.find(Sku)
            if sku.whole_node
            and not why_not(customer, chips[sku.chip], sites[sku.site], alone)
            and (not within or sites[sku.site].country in within)
        ]
        self._prices = tx.find(ContractPrice, currency=customer.currency)
        self._now, self._currency = now, customer.currency
        # In the order of their names, as every transaction takes them.
        wanted = sorted({sku.site for sku in self._skus})
        self._fleets: Mapping[SiteId, Fleet] = {site: tx.fleet(site) for site in wanted}
        self._known: dict[SkuId, Candidate] = {}

    def of(self, sku: Sku) -> Candidate:
        if sku.id not in self._known:
            self._known[sku.id] = self._candidate(sku)
        return self._known[sku.id]

    def _candidate(self, sku: Sku) -> Candidate:
        site, chip = self._sites[sku.site], self._chips[sku.chip]
        fleet = self._fleets[site.id]
        shape = fleet.shape(sku.chip, sku.slots)

        notice = self._notice(site.id, chip.id)

        def alone(pool: Pool, during: Interval) -> bool:
            return is_empty(fleet, pool, Wish(1, during, self._now, notice))

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

    def others(self, sku: SkuId, seller: EntityId | None = None) -> list[Candidate]:
        """All but the one that was asked for; beside other lines, of the same seller."""
        return [
            self.of(other)
            for other in self._skus
            if other.id != sku and seller in (None, self._sites[other.site].entity)
        ]

    def _notice(self, site: SiteId, chip: ChipId) -> timedelta:
        """After how long nodes that are sold by the moment count; looked up where it matters."""
        if self._start >= self._now + SOON:
            return SOON
        return longest_notice(self._tx, site, chip, self._now)

    def _price(self, sku: SkuId) -> ContractPrice | None:
        try:
            return price_in_force(self._prices, sku, self._currency, self._now)
        except Refused:
            return None


def _offer(ask: Ask, project: Project, commitments: Sequence[Commitment]) -> Offer:
    return Offer(QUOTED, project.id, tuple(commitments), ask.prepayment_percent, terms=ask.terms)


def plan_of(customer: Customer, offer: Offer) -> Schedule:
    """The payments of the contract that signing the offer would make."""
    return schedule(draft_of(customer, offer), customer.time_zone)


def draft_of(customer: Customer, offer: Offer) -> Contract:
    """The contract that signing the offer would make."""
    return Contract(
        offer.id,
        customer.entity,
        customer.id,
        offer.project,
        offer.currency,
        offer.commitments,
        offer.prepayment_percent,
        offer.tax_included,
        min(each.during.start for each in offer.commitments),
        terms=offer.terms,
    )
