"""What the documents of an invoice say: loaded once, as it was when the invoice was issued."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction

from rackrate.app.committed import price_of
from rackrate.app.ports import Tx
from rackrate.app.world import World, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.contract import Contract
from rackrate.core.currency import InvoiceRate
from rackrate.core.digital import DigitalInvoice
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import InvoiceId, SiteId, SkuId
from rackrate.core.interval import Interval, zone
from rackrate.core.inventory import Entity, Site, Sku
from rackrate.core.invoice import (
    Invoice,
    InvoiceKind,
    InvoiceLine,
    Line,
    LineKind,
    line_taxes,
    preceding_sources,
)
from rackrate.core.lease import Lease
from rackrate.core.money import Money
from rackrate.core.parties import Customer, InvoiceParties, Party
from rackrate.core.pricing import Price
from rackrate.core.tax import RULES, TaxCategory, TaxPart, TaxRule, tax_rule, vat_id_of
from rackrate.core.usage import Place, usage_of

_EXACT = Context(prec=80)
# So many leases are looked at for the annex; a longer invoice has its lines and its sums.
MOST_EXPLAINED = 200


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which so many slots were measured."""

    during: Interval
    slots: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity at a price: `seconds` of slots, or of GB, at `top` for each `bottom` of them."""

    seconds: Decimal
    price: Price
    top: Decimal
    bottom: int

    @property
    def exact(self) -> Fraction:
        """What it costs before it is rounded."""
        return Fraction(self.seconds) * Fraction(self.top) / self.bottom

    @property
    def quantity(self) -> Fraction:
        """In the units of the price, such as GPU-hours or node-months."""
        units = Fraction(self.price.pflops or 1) / self.bottom
        return Fraction(self.seconds) * units


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice or a credit note with all that its documents say of it.

    By the place of a usage line, `measured` is its quantity at its price, and `stretches` when that
    was; `tax_codes` are the tax authority's classes, and `digital` what its channel has issued.
    `preceding` are the invoices that it credits, corrects, comes in the place of, or draws down.
    `booked` is its rate, and its tax in the books, where those are in another currency.
    `sample`: it is for machines that are simulated, and every document says so.
    """

    invoice: Invoice
    lines: tuple[InvoiceLine, ...]
    seller: Party
    buyer: Party
    time_zone: str
    sample: bool
    contracts: tuple[str, ...] = ()
    credited_on: date | None = None
    measured: Mapping[int, Measured] = field(default_factory=dict)
    stretches: Mapping[int, tuple[Stretch, ...]] = field(default_factory=dict)
    tax_codes: Mapping[int, str] = field(default_factory=dict)
    digital: tuple[DigitalInvoice, ...] = ()
    booked: InvoiceRate | None = None
    preceding: tuple[tuple[InvoiceId, date], ...] = ()

    @property
    def credit(self) -> bool:
        """Whether it is a credit note: its amounts are stated without their minus."""
        return self.invoice.kind is InvoiceKind.CREDIT_NOTE or self.invoice.gross.minor < 0

    @property
    def issued(self) -> date:
        return self.day(self.invoice.issued)

    @property
    def due(self) -> date:
        return self.day(self.invoice.due)

    @property
    def period(self) -> tuple[date, date] | None:
        """The first and the last day that its lines are for."""
        if not self.lines:
            return None
        first = min(each.line.during.start for each in self.lines)
        last = max(each.line.during.end for each in self.lines)
        return self.day(first), self.last_day(last)

    @property
    def taxes(self) -> tuple[Money, ...]:
        """The tax of each line; together, to the cent, that of the invoice."""
        return line_taxes(self.invoice, [each.line for each in self.lines])

    @property
    def parts(self) -> tuple[tuple[TaxRule, TaxPart], ...]:
        """What it comes to by rule, in the order of the rates."""
        known = [(tax_rule(part.rule), part) for part in self.invoice.by_rule]
        return tuple(sorted(known, key=lambda each: (each[0].rate, each[0].id)))

    @property
    def outside(self) -> bool:
        """Whether it is outside the scope of VAT: all of it is, or nothing."""
        return any(rule.category is TaxCategory.OUTSIDE_SCOPE for rule, _ in self.parts)

    @property
    def names_both(self) -> bool:
        return any(rule.names_both for rule, _ in self.parts)

    def rule(self, line: Line) -> TaxRule:
        return self.invoice.rule_of(line)

    def day(self, instant: datetime) -> date:
        """The day of an instant where the seller is."""
        return instant.astimezone(zone(self.time_zone)).date()

    def last_day(self, end: datetime) -> date:
        """The last day of a time that is over at `end`."""
        return self.day(end - timedelta(seconds=1))


def document(world: World, actor: Actor, id: InvoiceId) -> Document:
    """What the documents of an invoice say. Refused where the law asks for more than is known."""

    def locate(tx: Tx) -> Target:
        return Target("invoice", id, tx.get(Invoice, id).customer)

    with reading(world, actor, Verb.INVOICE_READ, locate) as tx:
        found = _load(tx, tx.get(Invoice, id))
    _check(found)
    return found


def tax_rules(_: Actor) -> list[TaxRule]:
    """All of them, for whoever is signed in."""
    return list(RULES.values())


def check_stated(found: Document) -> None:
    """Refused, with all that is missing, unless an electronic invoice can be made of it."""
    if found.invoice.voided is not None:
        raise Refused(
            Reason.WRONG_STATE,
            f"{found.invoice.id} is void: programs would ask for it; its PDF says that it is void",
        )
    lacking = [*_lacking(found)]
    if lacking:
        raise _not_stated(lacking, "an electronic invoice names both sides with their addresses")


def _load(tx: Tx, invoice: Invoice) -> Document:
    entity, customer = tx.get(Entity, invoice.entity), tx.get(Customer, invoice.customer)
    then = tx.peek(InvoiceParties, invoice.id)
    seller = entity.party if then is None else then.seller
    buyer = customer.party if then is None else then.buyer
    lines = tuple(sorted(tx.find(InvoiceLine, invoice=invoice.id), key=lambda each: each.place))
    original = None if invoice.credits is None else tx.get(Invoice, invoice.credits)
    return Document(
        invoice,
        lines,
        seller.with_what_is_known(entity.party),
        buyer.with_what_is_known(customer.party),
        entity.time_zone,
        _is_sample(tx, entity, lines),
        tuple(dict.fromkeys(each.line.contract for each in lines if each.line.contract)),
        None if original is None else original.issued.astimezone(zone(entity.time_zone)).date(),
        dict(_measured(tx, lines, customer.time_zone)),
        dict(_stretches(tx, lines)),
        dict(_tax_codes(tx, lines, entity)),
        tuple(one for one in tx.find(DigitalInvoice, invoice=invoice.id) if one.number),
        tx.peek(InvoiceRate, invoice.id),
        tuple(_preceding(tx, invoice, lines, entity.time_zone)),
    )


def _preceding(
    tx: Tx, invoice: Invoice, lines: tuple[InvoiceLine, ...], time_zone: str
) -> Iterator[tuple[InvoiceId, date]]:
    """The invoices before this one that it is about, each once, with the days of their issue."""
    found: dict[InvoiceId, None] = {}
    if invoice.credits is not None:
        found[invoice.credits] = None
    sources = dict.fromkeys(source for each in lines for source in preceding_sources(each.line))
    for source in [*sources][:MOST_EXPLAINED]:
        found |= {row.invoice: None for row in tx.find(InvoiceLine, source=source)}
    found |= {InvoiceId(id): None for each in lines if (id := each.line.void)}
    for id in found:
        if id != invoice.id:
            yield id, tx.get(Invoice, id).issued.astimezone(zone(time_zone)).date()


def _tax_codes(tx: Tx, lines: tuple[InvoiceLine, ...], entity: Entity) -> Iterator[tuple[int, str]]:
    """The tax authority's class of what each line is for: of its SKU, or of its supply."""
    of: dict[SkuId, str] = {}
    for each in lines:
        sku = each.line.sku
        if sku is not None and sku not in of:
            found = tx.peek(Sku, sku)
            of[sku] = "" if found is None else found.tax_code
        code = (of[sku] if sku is not None else "") or entity.tax_code(each.line.supply)
        if code:
            yield each.place, code


def _is_sample(tx: Tx, entity: Entity, lines: tuple[InvoiceLine, ...]) -> bool:
    """Whether any of what it is for has no machines; for nothing at a site, all of the seller's."""
    sites = {site.id: site for site in tx.find(Site, entity=entity.id)}
    named: set[SiteId] = set()
    for sold in dict.fromkeys(each.line.sku for each in lines if each.line.sku is not None):
        sku = tx.peek(Sku, sold)
        named |= set() if sku is None else {sku.site}
    places = (Place.of(each.line.source) for each in lines)
    named |= {place.site for place in places if place is not None}
    for signed in dict.fromkeys(each.line.contract for each in lines if each.line.contract):
        contract = tx.peek(Contract, signed)
        capacity = () if contract is None else contract.capacity
        named |= {one.site for one in capacity if one.site is not None}
    asked = [sites[id] for id in named if id in sites]
    if asked:
        return any(site.simulated for site in asked)
    return bool(sites) and all(site.simulated for site in sites.values())


def _measured(
    tx: Tx, lines: tuple[InvoiceLine, ...], time_zone: str
) -> Iterator[tuple[int, Measured]]:
    """The quantity of each line that has one, where it comes to what the line says."""
    prices: dict[str, Price | None] = {}
    for each in lines:
        line = each.line
        if not line.quantity:
            continue
        if line.price not in prices:
            prices[line.price] = tx.peek(Price, line.price) or price_of(tx, line)
        price = prices[line.price]
        if price is None:
            continue
        pieces = price.pflops or Decimal(1)
        one = replace(price, amount=Decimal(1), pflops=price.pflops and Decimal(1))
        _, bottom = one.per_second(line.month.interval(time_zone).seconds)
        seconds = Decimal(line.quantity).scaleb(-3)
        found = Measured(seconds, price, _EXACT.multiply(price.amount, pieces), bottom)
        corrected = line.kind is LineKind.CORRECTION
        if corrected or Money.rounded(found.exact, line.net.currency) == line.asked:
            yield each.place, found


def _stretches(tx: Tx, lines: tuple[InvoiceLine, ...]) -> Iterator[tuple[int, tuple[Stretch, ...]]]:
    """When each usage line was measured, as the leases' own logs say it."""
    for each in lines[:MOST_EXPLAINED]:
        line = each.line
        lease = None if line.lease is None else tx.peek(Lease, line.lease)
        if line.kind is not LineKind.USAGE or lease is None:
            continue
        used = usage_of(lease, tx.history(lease.id), line.during)
        # Where the price changed, or something was learnt since, the log says more than the line.
        if sum(one.milli_slot_seconds for one in used) == line.quantity:
            yield each.place, tuple(Stretch(one.during, one.slots) for one in used)


def _check(found: Document) -> None:
    if found.invoice.cause.startswith("opening/"):
        raise Refused(
            Reason.WRONG_STATE,
            f"{found.invoice.id} was taken over from the books before, where its document is",
        )
    if found.names_both:
        lacking = [name for name in _lacking(found) if name.endswith(".tax_id")]
        if lacking:
            why = "under reverse charge both are named with their VAT ids, such as DE123456788"
            raise _not_stated(lacking, why)


def _not_stated(lacking: list[str], why: str) -> Refused:
    return Refused(
        Reason.NOT_STATED,
        f"missing: {', '.join(lacking)}; {why}. Write it into the files of the entity and of the "
        "customer, and: rackrate apply -f FILE",
        {"missing": lacking},
    )


def _lacking(found: Document) -> Iterator[str]:
    """What an electronic invoice needs and nobody has said, as files call it."""
    sides = (("entity", found.seller), ("customer", found.buyer))
    for kind, party in sides:
        for name in ("street", "city"):
            if not getattr(party.details, name):
                yield f"{kind}.details.{name}"
    if found.names_both:
        for kind, party in sides:
            if not vat_id_of(party.tax_id, party.country):
                yield f"{kind}.tax_id"
    elif not found.outside and not found.seller.tax_id:
        yield "entity.tax_id"
