"""Issuing: an invoice or credit note gets its number, its lines are kept, and it is posted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rackrate.app import exchange, outbox, settling
from rackrate.app.instalments import in_arrears
from rackrate.app.metering import last_close
from rackrate.app.ports import Tx
from rackrate.app.world import World
from rackrate.core.billing_terms import BillingTerms, SellerTerms, standard
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import CustomerId, EntityId, InvoiceId, ProjectId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice, InvoiceKind, InvoiceLine, Line, Totals, totals
from rackrate.core.ledger import not_before
from rackrate.core.money import Money
from rackrate.core.parties import Customer, InvoiceParties
from rackrate.core.recognition import invoiced, usage_earned
from rackrate.core.tax import check_together, tax_rule
from rackrate.core.treatment import Supply
from rackrate.core.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Seller:
    """Who issues, by which rules, to whom; `ahead` are those who pay ahead. `locked` is the end
    of the last month that is closed.
    """

    entity: Entity
    terms: SellerTerms
    own: Mapping[CustomerId, BillingTerms] = field(default_factory=dict)
    locked: datetime | None = None
    ahead: frozenset[CustomerId] = frozenset()

    def order(self, line: Line, project: ProjectId | None, customer: Customer) -> str:
        """The purchase-order number that a line is bought under."""
        own = self.own.get(customer.id)
        return "" if own is None else own.order(project, line.contract)

    def patience(self, customer: CustomerId) -> timedelta:
        """How long this customer has to pay."""
        own = self.own.get(customer)
        agreed = None if own is None else own.payment_days
        return timedelta(days=self.entity.payment_days if agreed is None else agreed)

    def check_open(self, month: Month) -> None:
        """Refused for a month that is closed: it is not opened again."""
        if self.locked is None:
            return
        first = Month.of(self.locked, self.entity.time_zone)
        if month < first:
            raise Refused(
                Reason.WRONG_STATE,
                f"{month} of {self.entity.id} is closed and is not opened again; {first} is open",
                {"month": str(first)},
            )


def seller_of(tx: Tx, id: EntityId) -> Seller:
    entity = tx.get(Entity, id)
    last = last_close(tx, entity)
    return Seller(
        entity,
        tx.peek(SellerTerms, id) or standard(id, entity.invoice_series),
        {each.id: each for each in tx.find(BillingTerms, entity=id)},
        None if last is None else last.month.interval(entity.time_zone).end,
        frozenset(each.id for each in tx.find(Wallet, entity=id)),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be issued. A credit of an invoice brings its own `sums`."""

    customer: Customer
    cause: str
    month: Month
    lines: Sequence[Line]
    sums: Totals | None = None
    credits: InvoiceId | None = None
    reason: str = ""
    project: ProjectId | None = None
    purchase_order: str = ""


def issue_asked(world: World, tx: Tx, seller: Seller, asked: Asked) -> Invoice:
    """Number it, keep its lines, post it; who pays ahead has paid it then, as far as that goes.

    The same cause cannot be invoiced twice.
    """
    if asked.customer.id in seller.ahead:
        settling.lock(tx, asked.customer.id)
    invoice = _issued(world, tx, seller, asked)
    if asked.customer.id not in seller.ahead:
        return invoice
    settling.changed(tx, asked.customer.id)
    if invoice.kind is InvoiceKind.INVOICE:
        settling.pay_ahead(world, tx, asked.customer.id)
    return tx.get(Invoice, invoice.id)


def _issued(world: World, tx: Tx, seller: Seller, asked: Asked) -> Invoice:
    entity, customer, now = seller.entity, asked.customer, world.clock.now()
    exchange.hold(tx, entity, customer.currency)
    check_together(tax_rule(id) for id in {line.tax_rule for line in asked.lines} - {""})
    rule = entity.taxes(customer).rule(Supply.SERVICE, asked.month)
    sums = asked.sums or totals(asked.lines, rule, customer.currency)
    kind = InvoiceKind.CREDIT_NOTE if sums.gross.minor < 0 else InvoiceKind.INVOICE
    zero = Money.zero(customer.currency)
    invoice = Invoice(
        _number(tx, seller, kind, Month.of(now, entity.time_zone).year),
        entity.id,
        customer.id,
        asked.cause,
        asked.month,
        now,
        now if kind is InvoiceKind.CREDIT_NOTE else now + seller.patience(customer.id),
        sums.rule,
        sums.net,
        sums.tax,
        sums.gross,
        zero,
        zero,
        kind,
        asked.credits,
        asked.reason,
        asked.project,
        asked.purchase_order,
        taxes=sums.parts,
    )
    tx.add(invoice, InvoiceParties(invoice.id, customer.id, entity.party, customer.party))
    tx.add(*_in_place(invoice, asked.lines))
    entry = invoiced(invoice, asked.lines, in_arrears(tx, asked.lines))
    earned = usage_earned(invoice, asked.lines, entity.time_zone, now)
    exchange.post(tx, entity, (not_before(each, seller.locked) for each in earned))
    exchange.post_issued(tx, entity, invoice, entry and not_before(entry, seller.locked))
    outbox.invoice_issued(world, tx, invoice)
    return invoice


def _in_place(invoice: Invoice, lines: Sequence[Line]) -> Iterator[InvoiceLine]:
    for place, line in enumerate(lines, 1):
        yield InvoiceLine(f"{invoice.id}/{place:06}", invoice.id, invoice.customer, place, line)


def _number(tx: Tx, seller: Seller, kind: InvoiceKind, year: int) -> InvoiceId:
    """The next of its series, without a gap: credit notes count in their own, or with invoices."""
    entity, own = seller.entity, seller.terms.credit_series
    if kind is InvoiceKind.CREDIT_NOTE and own:
        number = tx.number(f"credit/{entity.id}/{year}")
        return InvoiceId(f"{own}-{year}-{number:06}")
    number = tx.number(f"invoice/{entity.id}/{year}")
    return InvoiceId(f"{entity.invoice_series}-{year}-{number:06}")


def replaced_by(void: Invoice, again: InvoiceId) -> Invoice:
    """A void invoice whose lines came again on another."""
    return replace(void, replaced=again)
