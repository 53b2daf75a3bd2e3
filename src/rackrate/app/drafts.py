"""Drafts: one person writes lines or a credit, a second approves, then they are issued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rackrate.app.beside import drafted_lines
from rackrate.app.issuing import Asked, issue_asked, seller_of
from rackrate.app.payments import of_invoice
from rackrate.app.ports import Tx
from rackrate.app.settling import lock, set_off_shares
from rackrate.app.world import Locate, World, acting, confine, owned, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.contract import Contract
from rackrate.core.credit_note import (
    check_creditable,
    check_lines,
    check_not_of_contract,
    check_whole,
    credit_totals,
    credited_lines,
    everything,
    left_to_credit,
    spread,
)
from rackrate.core.draft import Draft, DraftKind, DraftLine, check_draft
from rackrate.core.errors import Invalid, Missing
from rackrate.core.ids import CustomerId, InvoiceId
from rackrate.core.interval import Month
from rackrate.core.invoice import Invoice, InvoiceLine, Line, LineKind
from rackrate.core.money import Money
from rackrate.core.parties import Customer, Project


@dataclass(frozen=True, slots=True)
class NewLines:
    """Lines for an invoice of the customer's: that of `month`, or the first that is open."""

    customer: CustomerId
    lines: tuple[DraftLine, ...]
    reason: str
    month: Month | None = None


@dataclass(frozen=True, slots=True)
class NewCredit:
    """What is to be credited of an invoice: amounts by the place of a line, or one for all its
    lines, or (neither) everything that is left of it.
    """

    invoice: InvoiceId
    reason: str
    lines: Mapping[int, Money]
    amount: Money | None = None
    goodwill: bool = False


def write_lines(world: World, actor: Actor, new: NewLines) -> Draft:
    """They stand on no invoice before somebody else has approved them."""
    target = Target("draft", "", new.customer)
    with acting(world, actor, Verb.INVOICE_WRITE, target) as tx:
        customer = tx.get(Customer, new.customer)
        seller, now = seller_of(tx, customer.entity), world.clock.now()
        month = new.month or Month.of(max(now, seller.locked or now), seller.entity.time_zone)
        seller.check_open(month)
        draft = Draft(
            world.ids.new("drf"),
            DraftKind.LINES,
            seller.entity.id,
            customer.id,
            month,
            new.lines,
            new.reason,
            actor.principal,
            now,
        )
        check_draft(draft, customer.currency)
        _check_owners(tx, draft)
        tx.add(draft)
        return draft


def write_credit(world: World, actor: Actor, new: NewCredit) -> Draft:
    """Nothing is credited before somebody else has approved it."""
    with acting(world, actor, Verb.INVOICE_WRITE, of_invoice(new.invoice)) as tx:
        invoice = tx.get(Invoice, new.invoice)
        check_creditable(invoice)
        lines, before = _credits_of(tx, invoice)
        left = left_to_credit(lines, before, _of_contracts(tx, lines))
        check_not_of_contract(lines, new.lines, left)
        asked = _asked_lines(new, lines, left)
        draft = Draft(
            world.ids.new("drf"),
            DraftKind.CREDIT,
            invoice.entity,
            invoice.customer,
            Month.of(world.clock.now(), seller_of(tx, invoice.entity).entity.time_zone),
            asked,
            new.reason,
            actor.principal,
            world.clock.now(),
            invoice.id,
            new.goodwill,
        )
        check_draft(draft, invoice.gross.currency)
        _as_credit(tx, draft, invoice)
        tx.add(draft)
        return draft


def approve(world: World, actor: Actor, id: str) -> Draft:
    """A second person agrees: lines go on the next invoice, a credit note is issued at once."""
    with acting(world, actor, Verb.INVOICE_WRITE, _owner(id)) as tx:
        lock(tx, tx.get(Draft, id).customer)
        draft = tx.get(Draft, id)
        approved = draft.approve(actor.principal, world.clock.now())
        if approved is draft:
            return draft
        if approved.kind is DraftKind.CREDIT:
            approved = _issue_credit(world, tx, approved)
        tx.put(approved)
        return approved


def withdraw(world: World, actor: Actor, id: str) -> Draft:
    """Take it back before it is issued."""
    with acting(world, actor, Verb.INVOICE_WRITE, _owner(id)) as tx:
        lock(tx, tx.get(Draft, id).customer)
        draft = tx.get(Draft, id).withdraw(world.clock.now())
        tx.put(draft)
        return draft


def issue_now(world: World, actor: Actor, id: str) -> Invoice:
    """Approved lines as an invoice of their own, without waiting for the month's."""
    with acting(world, actor, Verb.INVOICE_WRITE, _owner(id)) as tx:
        draft = tx.get(Draft, id)
        lock(tx, draft.customer)
        draft = tx.get(Draft, id)
        if draft.kind is DraftKind.CREDIT:
            raise Invalid("", f"{id} is a credit: it is issued when it is approved")
        draft.issue(InvoiceId(""))  # Refused before anything is numbered.
        customer, seller = tx.get(Customer, draft.customer), seller_of(tx, draft.entity)
        month = Month.of(world.clock.now(), customer.time_zone)
        pairs = list(drafted_lines(draft, seller.entity, customer, month))
        projects = {project for _, project in pairs}
        project = next(iter(projects)) if len(projects) == 1 else None
        numbers = {seller.order(line, own, customer) for line, own in pairs}
        asked = Asked(
            customer,
            f"manual/{draft.id}",
            month,
            [line for line, _ in pairs],
            reason=draft.reason,
            project=project,
            purchase_order=next(iter(numbers)) if len(numbers) == 1 else "",
        )
        invoice = issue_asked(world, tx, seller, asked)
        tx.put(draft.issue(invoice.id))
        return invoice


def show(world: World, actor: Actor, id: str) -> Draft:
    with reading(world, actor, Verb.INVOICE_WRITE, _owner(id)) as tx:
        return tx.get(Draft, id)


def find(
    world: World,
    actor: Actor,
    customer: CustomerId | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Draft]:
    """Drafts, the newest first. They are the seller's own until they are issued."""
    with reading(world, actor, Verb.INVOICE_WRITE, Target("draft", "", customer)) as tx:
        confine(tx, actor)
        equal: dict[str, Any] = {} if customer is None else {"customer": customer}
        return tx.find(Draft, after=after, limit=limit, newest_first=True, **equal)


def _owner(id: str) -> Locate:
    return owned("draft", Draft, id)


def _check_owners(tx: Tx, draft: Draft) -> None:
    """What lines name is the customer's own."""
    for line in draft.lines:
        if line.project is not None and tx.get(Project, line.project).customer != draft.customer:
            raise Missing("project", line.project)
        if line.contract is not None and tx.get(Contract, line.contract).customer != draft.customer:
            raise Missing("contract", line.contract)


def _credits_of(tx: Tx, invoice: Invoice) -> tuple[list[InvoiceLine], list[Line]]:
    """The invoice's lines, and those of the credit notes that have taken from it."""
    lines = sorted(tx.find(InvoiceLine, invoice=invoice.id), key=lambda each: each.place)
    notes = tuple(each.id for each in tx.find(Invoice, credits=invoice.id))
    before = tx.find(InvoiceLine, invoice=notes) if notes else []
    return lines, [each.line for each in before]


def _of_contracts(tx: Tx, lines: Sequence[InvoiceLine]) -> list[Line]:
    """All that was invoiced of the contracts whose instalments are among these."""
    of = {each.contract for each in lines if each.line.kind is LineKind.INSTALMENT}
    found = tx.find(InvoiceLine, contract=tuple(of)) if of else []
    return [each.line for each in found if not each.line.again]


def _asked_lines(
    new: NewCredit, lines: Sequence[InvoiceLine], left: Mapping[int, Money]
) -> tuple[DraftLine, ...]:
    if new.lines and new.amount is not None:
        raise Invalid("amount", "is for the whole invoice; or name lines, each with its own")
    amounts: Mapping[int, Money]
    if new.lines:
        amounts = new.lines
    elif new.amount is not None:
        amounts = spread(new.amount, left)
    else:
        amounts = everything(lines, left)
    said = {each.place: each.line.description for each in lines}
    head = "Goodwill: " if new.goodwill else ""
    return tuple(
        DraftLine(f"{head}{said.get(place, '')}"[:300] or new.reason, amount, place)
        for place, amount in sorted(amounts.items())
    )


def _as_credit(tx: Tx, draft: Draft, invoice: Invoice) -> Asked:
    """The credit note that a draft asks for; Refused where it is more than is left."""
    check_creditable(invoice)
    lines, before = _credits_of(tx, invoice)
    left = left_to_credit(lines, before, _of_contracts(tx, lines))
    check_not_of_contract(lines, [each.place for each in draft.lines], left)
    check_lines(draft.lines, left)
    made = credited_lines(f"credit/{draft.id}", lines, draft.lines, before, invoice)
    sums = credit_totals(made, before, invoice.rule_of(made[0]))
    check_whole(invoice, sums, tx.find(Invoice, credits=invoice.id))
    return Asked(
        tx.get(Customer, draft.customer),
        f"credit/{draft.id}",
        draft.month,
        made,
        sums,
        invoice.id,
        draft.reason,
        invoice.project,
        invoice.purchase_order,
    )


def _issue_credit(world: World, tx: Tx, draft: Draft) -> Draft:
    """It is set off against its invoice as far as that is open; the rest is open itself."""
    assert draft.invoice is not None, draft
    invoice = tx.get(Invoice, draft.invoice)
    asked = _as_credit(tx, draft, invoice)
    credit = issue_asked(world, tx, seller_of(tx, draft.entity), asked)
    if invoice.open.minor > 0:
        set_off_shares(world, tx, credit, [(invoice, min(invoice.open, -credit.open))])
    return draft.issue(credit.id)
