"""Receivables: what is open and how late, and the reminders that are due."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rackrate.app import outbox, settling
from rackrate.app.issuing import Seller, seller_of
from rackrate.app.payments import of_invoice
from rackrate.app.ports import Tx
from rackrate.app.world import World, acting, confine, reading, whose
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.billing_terms import BillingTerms, SellerTerms
from rackrate.core.contract import Contract
from rackrate.core.errors import Invalid, Missing, Reason, Refused
from rackrate.core.ids import CustomerId, EntityId, InvoiceId
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice
from rackrate.core.ledger import Account, Balance
from rackrate.core.money import Money, total
from rackrate.core.parties import Customer, Project
from rackrate.core.receivable import (
    Ageing,
    Dispute,
    DueReminder,
    LastReminding,
    Reminder,
    aged,
    days_late,
    due_reminder,
    is_morning,
)


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An invoice or credit note that is not settled, for how many days it is late, the last level
    that was reminded of, and why it is disputed.
    """

    invoice: Invoice
    days_late: int
    reminded: int
    disputed: str


@dataclass(frozen=True, slots=True)
class Table:
    """The ageing table of an entity as of `at`, beside what its books say of each customer.

    `ledger` is that in the customer's currency, `books` in theirs, at what it is carried at.
    """

    entity: EntityId
    at: datetime
    rows: tuple[Ageing, ...]
    ledger: tuple[Money, ...]
    books: tuple[Money, ...]
    currency: str

    @property
    def total(self) -> Money:
        """What all of them owe, in the books."""
        return total(self.books, self.currency)

    @property
    def agrees(self) -> bool:
        """Whether the open items are the receivable in the ledger, customer by customer."""
        return all(row.receivable == book for row, book in zip(self.rows, self.ledger, strict=True))


def open_items(
    world: World, actor: Actor, entity: EntityId, customer: CustomerId | None = None
) -> list[OpenItem]:
    """What is not settled, in the order in which it was due."""
    customer = whose(actor, customer)
    with _looking(world, actor, entity, customer) as tx:
        confine(tx, actor)
        now, tz = world.clock.now(), tx.get(Entity, entity).time_zone
        found = _unsettled(tx, entity, customer)
        sent, disputed = _sent(tx, found), _disputed(tx, found)
        items = [
            OpenItem(
                each,
                max(0, days_late(each.due, now, tz)) if each.overdue(now) else 0,
                max((one.level for one in sent.get(each.id, ())), default=0),
                disputed.get(each.id, ""),
            )
            for each in found
        ]
        return sorted(items, key=lambda item: (item.invoice.due, item.invoice.id))


def ageing(
    world: World, actor: Actor, entity: EntityId, customer: CustomerId | None = None
) -> Table:
    """What each customer owes by how late it is, and whether the books say the same."""
    customer = whose(actor, customer)
    with _looking(world, actor, entity, customer) as tx:
        confine(tx, actor)
        now = world.clock.now()
        seller = tx.get(Entity, entity)
        balances = tx.balances(entity)
        owed = _held(balances, customer, Account.RECEIVABLE)
        kept = _held(balances, customer, Account.UNAPPLIED)
        unapplied = {key: -minor for key, (minor, _) in kept.items() if minor}
        # A receivable in the books for which nothing is open would be a row of noughts.
        known = {key: 0 for key, (minor, _) in owed.items() if minor}
        rows = aged(_unsettled(tx, entity, customer), known | unapplied, now, seller.time_zone)
        found = [(row, owed.get((row.customer, row.credits.currency), (0, 0))) for row in rows]
        return Table(
            entity,
            now,
            tuple(rows),
            tuple(Money(minor, row.credits.currency) for row, (minor, _) in found),
            tuple(Money(book, seller.currency) for _, (_, book) in found),
            seller.currency,
        )


def _held(
    balances: Iterable[Balance], customer: CustomerId | None, account: Account
) -> dict[tuple[CustomerId, str], tuple[int, int]]:
    """By customer and currency what an account holds, in that currency and in the books'."""
    found: dict[tuple[CustomerId, str], tuple[int, int]] = {}
    for each in balances:
        if each.account is account and each.customer and customer in (None, each.customer):
            key = each.customer, each.amount.currency
            amount, book = found.get(key, (0, 0))
            found[key] = amount + each.amount.minor, book + each.book.minor
    return found


def reminders_due(world: World, actor: Actor, entity: EntityId) -> list[DueReminder]:
    """Which invoices are to be reminded of now, by the seller's table of steps."""
    with _looking(world, actor, entity, None) as tx:
        return _due(tx, seller_of(tx, entity), world.clock.now())


def remind(world: World, actor: Actor, entity: EntityId) -> list[DueReminder]:
    """Write the due reminders down: each level of an invoice is reminded of once."""
    with acting(world, actor, Verb.INVOICE_WRITE, Target("entity", entity)) as tx:
        return _remind(world, tx, entity)


def to_remind(world: World, tx: Tx) -> list[str]:
    """Entities that remind by themselves, and have not been looked through today."""
    now, found = world.clock.now(), list[str]()
    for entity in tx.find(Entity):
        if is_morning(now, entity.time_zone):
            last = tx.peek(LastReminding, entity.id)
            if last is None or not last.today(now, entity.time_zone):
                found.append(entity.id)
    return found


def remind_today(world: World, tx: Tx, id: str) -> None:
    """Once a day: what is due is reminded of, where the seller's terms say so."""
    entity = EntityId(id)
    tx.peek(LastReminding, entity)
    tx.put(LastReminding(entity, world.clock.now()))
    if seller_of(tx, entity).terms.reminds:
        _remind(world, tx, entity)


def _remind(world: World, tx: Tx, entity: EntityId) -> list[DueReminder]:
    """Whoever pays is let finish first, so that nobody is reminded of what has been paid."""
    tx.number(f"reminding/{entity}")
    seller, now = seller_of(tx, entity), world.clock.now()
    for customer in sorted({each.invoice.customer for each in _due(tx, seller, now)}):
        settling.lock(tx, customer)
    due = _due(tx, seller, now)
    for each in due:
        raise_reminder(tx, each, now)
        outbox.invoice_overdue(world, tx, each.invoice, each.step.level)
    return due


def dispute(world: World, actor: Actor, id: InvoiceId, reason: str) -> Dispute:
    """Nobody is reminded of it until that is settled; it stays owed, and bears interest."""
    with acting(world, actor, Verb.INVOICE_WRITE, of_invoice(id)) as tx:
        invoice = tx.get(Invoice, id)
        if invoice.open.minor <= 0:
            raise Refused(Reason.ALREADY_PAID, f"nothing of {id} is open")
        try:
            row = Dispute(id, invoice.customer, world.clock.now(), reason)
        except ValueError as error:
            raise Invalid("reason", str(error)) from None
        tx.peek(Dispute, id)
        tx.put(row)
        return row


def end_dispute(world: World, actor: Actor, id: InvoiceId) -> Dispute:
    """It is reminded of again, from the step at which it was."""
    with acting(world, actor, Verb.INVOICE_WRITE, of_invoice(id)) as tx:
        row = tx.peek(Dispute, id)
        if row is None:
            raise Refused(Reason.WRONG_STATE, f"{id} is not disputed")
        tx.remove(Dispute, id)
        return row


def raise_reminder(tx: Tx, due: DueReminder, now: datetime) -> None:
    """The one place where a reminder comes to be: it is kept here, and told from here."""
    invoice, level = due.invoice, due.step.level
    tx.add(
        Reminder(f"{invoice.id}/{level}", invoice.id, invoice.customer, level, now, invoice.open)
    )


def terms_of(world: World, actor: Actor, customer: CustomerId) -> tuple[BillingTerms, SellerTerms]:
    """A customer's own terms, and those of its seller."""
    target = Target("customer", customer, customer)
    with reading(world, actor, Verb.INVOICE_READ, target) as tx:
        confine(tx, actor)
        buyer = tx.get(Customer, customer)
        own = tx.peek(BillingTerms, customer) or BillingTerms(customer, buyer.entity)
        return own, seller_of(tx, buyer.entity).terms


def set_terms(world: World, actor: Actor, terms: BillingTerms) -> BillingTerms:
    """From now on; what is issued stays as it was."""
    target = Target("customer", terms.id, terms.id)
    with acting(world, actor, Verb.INVOICE_WRITE, target) as tx:
        buyer = tx.get(Customer, terms.id)
        for each in terms.orders:
            if each.project is not None:
                project = tx.get(Project, each.project)
                if project.customer != buyer.id:
                    raise Missing("project", each.project)
            # A contract may be numbered before it is signed, and never another's.
            contract = None if each.contract is None else tx.peek(Contract, each.contract)
            if contract is not None and contract.customer != buyer.id:
                raise Missing("contract", contract.id)
        kept = replace(terms, entity=buyer.entity)
        tx.peek(BillingTerms, terms.id)
        tx.put(kept)
        return kept


def seller_to(world: World, actor: Actor, customer: CustomerId) -> EntityId:
    """Who sells to a customer."""
    with _looking(world, actor, EntityId(""), customer) as tx:
        confine(tx, actor)
        return tx.get(Customer, customer).entity


def seller_terms(world: World, actor: Actor, entity: EntityId) -> SellerTerms:
    with _looking(world, actor, entity, None) as tx:
        return seller_of(tx, entity).terms


def set_seller_terms(world: World, actor: Actor, terms: SellerTerms) -> SellerTerms:
    """From now on. A series that counts another entity's documents is Invalid."""
    with acting(world, actor, Verb.INVOICE_WRITE, Target("entity", terms.id)) as tx:
        entity, series = tx.get(Entity, terms.id), terms.credit_series
        for other in tx.find(Entity):
            used = {other.invoice_series}
            if other.id != entity.id:
                used.add(seller_of(tx, other.id).terms.credit_series)
            if series and series in used:
                raise Invalid("credit_series", f"{series} is in use by {other.id}")
        tx.peek(SellerTerms, terms.id)
        tx.put(terms)
        return terms


def _looking(
    world: World, actor: Actor, entity: EntityId, customer: CustomerId | None
) -> AbstractContextManager[Tx]:
    return reading(world, actor, Verb.INVOICE_READ, Target("receivable", entity, customer))


def _unsettled(tx: Tx, entity: EntityId, customer: CustomerId | None) -> list[Invoice]:
    equal: dict[str, Any] = {} if customer is None else {"customer": customer}
    return tx.find(Invoice, entity=entity, unsettled=True, **equal)


def _disputed(tx: Tx, invoices: Sequence[Invoice]) -> dict[str, str]:
    """Why, of those that are."""
    ids = tuple(each.id for each in invoices)
    return {each.id: each.reason for each in (tx.find(Dispute, id=ids) if ids else ())}


def _sent(tx: Tx, invoices: Sequence[Invoice]) -> dict[str, list[Reminder]]:
    sent: dict[str, list[Reminder]] = {}
    for each in tx.find(Reminder, invoice=tuple(one.id for one in invoices)):
        sent.setdefault(each.invoice, []).append(each)
    return sent


def _due(tx: Tx, seller: Seller, now: datetime) -> list[DueReminder]:
    late = [each for each in _unsettled(tx, seller.entity.id, None) if each.overdue(now)]
    disputed = _disputed(tx, late)
    late = [each for each in late if each.id not in disputed]
    sent = _sent(tx, late)
    steps, tz = seller.terms.steps, seller.entity.time_zone
    due = (due_reminder(each, steps, sent.get(each.id, ()), now, tz) for each in late)
    return [each for each in due if each is not None]
