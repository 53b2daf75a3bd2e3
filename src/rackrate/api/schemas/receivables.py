"""Payments and what they are allocated to, drafts, open items, ageing, reminders."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field

from rackrate.api.schemas.money import Invoice, Reference
from rackrate.api.schemas.parts import NO_NUL, Id, Instant, Money, MonthText, Schema
from rackrate.app import receivables
from rackrate.app.payments import Named
from rackrate.app.settling import Held
from rackrate.core import draft as drafts
from rackrate.core import payment, receivable
from rackrate.core.draft import LONGEST_TEXT, MOST_LINES, DraftKind, DraftState
from rackrate.core.ids import ContractId, InvoiceId, ProjectId
from rackrate.core.treatment import Supply

Sentence = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=NO_NUL)]


class Share(Schema):
    """An invoice, and how much of it; left out: as much as fits."""

    invoice: Id
    amount: Money | None = None


def named(shares: Iterable[Share]) -> Named:
    return [
        (InvoiceId(each.invoice), None if each.amount is None else each.amount.value)
        for each in shares
    ]


class ReceivedRequest(Schema):
    """Money that has come in from a customer: to these invoices, or to what was due first."""

    customer: Id
    amount: Money
    reference: Reference
    invoices: list[Share] = Field(default=[], max_length=MOST_LINES)
    keep_rest: bool = Field(
        default=False, description="Keep what is more than open; else it is refused"
    )
    on: Instant | None = Field(
        default=None, description="When it came in, in a month that is open; left out: now"
    )


class AllocateRequest(Schema):
    """Which invoices; none: what was due first."""

    invoices: list[Share] = Field(default=[], max_length=MOST_LINES)


class ReleaseRequest(Schema):
    """Of which invoice; left out: of all."""

    invoice: Id | None = None


class PayBackRequest(Schema):
    """How much; left out: all that is not used."""

    amount: Money | None = None
    reference: Reference


class Allocation(Schema):
    """What was used for an invoice; of none: paid back. A negative one undoes another."""

    id: str
    at: datetime
    source: str
    invoice: str | None
    amount: Money
    undoes: str
    reference: str

    @classmethod
    def of(cls, row: payment.Allocation) -> "Allocation":
        return cls(
            id=row.id,
            at=row.at,
            source=row.source,
            invoice=row.invoice,
            amount=Money.of(row.amount),
            undoes=row.undoes,
            reference=row.reference,
        )


class Received(Schema):
    """A payment, what it is allocated to, and what of it is allocated to nothing."""

    id: str
    entity: str
    customer: str
    at: datetime
    amount: Money
    left: Money
    reference: str
    allocations: list[Allocation]

    @classmethod
    def of(cls, held: Held) -> "Received":
        row = held.payment
        return cls(
            id=row.id,
            entity=row.entity,
            customer=row.customer,
            at=row.at,
            amount=Money.of(row.amount),
            left=Money.of(held.left),
            reference=row.reference,
            allocations=[Allocation.of(each) for each in held.allocations],
        )


class DisputeRequest(Schema):
    reason: Sentence = Field(description="What the customer contests")


class Dispute(Schema):
    """Nobody is reminded of a disputed invoice. It stays owed."""

    invoice: str
    customer: str
    since: datetime
    reason: str

    @classmethod
    def of(cls, row: receivable.Dispute) -> "Dispute":
        return cls(invoice=row.id, customer=row.customer, since=row.since, reason=row.reason)


class VoidRequest(Schema):
    reason: Sentence
    again: bool = Field(default=False, description="Issue what it asked for anew, at once")


class CreditLine(Schema):
    """A line of the invoice, and how much of it, as it was priced."""

    place: int = Field(ge=1, le=10**9)
    amount: Money


class CreditRequest(Schema):
    """Lines with amounts; or one amount for all lines; or neither: all that is left."""

    reason: Sentence
    lines: list[CreditLine] = Field(default=[], max_length=MOST_LINES)
    amount: Money | None = None
    goodwill: bool = Field(default=False, description="Given without being owed")


class NewLine(Schema):
    """An amount before tax; a negative one is a discount."""

    description: Sentence
    amount: Money
    project: Id | None = None
    contract: Id | None = None
    supply: Supply = Field(default=Supply.SERVICE, description="What it is to the tax law")

    @property
    def value(self) -> drafts.DraftLine:
        return drafts.DraftLine(
            self.description,
            self.amount.value,
            contract=None if self.contract is None else ContractId(self.contract),
            project=None if self.project is None else ProjectId(self.project),
            supply=self.supply,
        )


class LinesRequest(Schema):
    """Lines for the invoice of a month that is not closed; left out: the first of them."""

    customer: Id
    reason: Sentence
    lines: list[NewLine] = Field(min_length=1, max_length=MOST_LINES)
    month: MonthText | None = None


class DraftLine(Schema):
    description: str
    amount: Money
    place: int = Field(description="Of a credit: the line that it takes from")
    project: str | None
    contract: str | None
    supply: Supply

    @classmethod
    def of(cls, line: drafts.DraftLine) -> "DraftLine":
        return cls(
            description=line.description,
            amount=Money.of(line.amount),
            place=line.place,
            project=line.project,
            contract=line.contract,
            supply=line.supply,
        )


class Draft(Schema):
    """What one person wrote, and a second approves before it is issued."""

    id: str
    kind: DraftKind
    state: DraftState
    entity: str
    customer: str
    month: str
    lines: list[DraftLine]
    reason: str
    goodwill: bool
    author: str
    created: datetime
    approver: str | None
    approved: datetime | None
    withdrawn: datetime | None
    invoice: str | None = Field(description="Of a credit: the invoice that it takes from")
    issued: str | None = Field(description="The document on which it stands")

    @classmethod
    def of(cls, row: drafts.Draft) -> "Draft":
        return cls(
            id=row.id,
            kind=row.kind,
            state=row.state,
            entity=row.entity,
            customer=row.customer,
            month=str(row.month),
            lines=[DraftLine.of(each) for each in row.lines],
            reason=row.reason,
            goodwill=row.goodwill,
            author=row.author,
            created=row.created,
            approver=row.approver,
            approved=row.approved,
            withdrawn=row.withdrawn,
            invoice=row.invoice,
            issued=row.issued,
        )


class OpenItem(Schema):
    """An invoice or credit note that is not settled."""

    id: str
    invoice: Invoice
    days_late: int
    reminded: int = Field(description="The last level of reminder; 0: none")
    disputed: str = Field(description="Why it is contested; empty: it is not")

    @classmethod
    def of(cls, item: receivables.OpenItem, now: datetime) -> "OpenItem":
        return cls(
            id=item.invoice.id,
            invoice=Invoice.of(item.invoice, now),
            days_late=item.days_late,
            reminded=item.reminded,
            disputed=item.disputed,
        )


class Aged(Schema):
    """What a customer owes in one currency, by how many days late it is."""

    customer: str
    not_due: Money
    to_30: Money
    to_60: Money
    to_90: Money
    over_90: Money
    credits: Money = Field(description="Credit notes not used yet, negative")
    receivable: Money = Field(description="All of the above")
    unapplied: Money = Field(description="Money of the customer's that is allocated to nothing")
    ledger: Money = Field(description="The receivable as the books have it")
    book: Money = Field(description="What that is in the currency of the books")


class AgeingTable(Schema):
    entity: str
    at: datetime
    agrees: bool = Field(description="Whether the books say the same of every customer")
    total: Money = Field(description="What all of them owe, in the currency of the books")
    items: list[Aged]

    @classmethod
    def of(cls, table: receivables.Table) -> "AgeingTable":
        whole = zip(table.rows, table.ledger, table.books, strict=True)
        return cls(
            entity=table.entity,
            at=table.at,
            agrees=table.agrees,
            total=Money.of(table.total),
            items=[_aged(row, Money.of(ledger), Money.of(book)) for row, ledger, book in whole],
        )


def _aged(row: receivable.Ageing, ledger: Money, book: Money) -> Aged:
    not_due, to_30, to_60, to_90, over_90 = (Money.of(each) for each in row.buckets)
    return Aged(
        customer=row.customer,
        not_due=not_due,
        to_30=to_30,
        to_60=to_60,
        to_90=to_90,
        over_90=over_90,
        credits=Money.of(row.credits),
        receivable=Money.of(row.receivable),
        unapplied=Money.of(row.unapplied),
        ledger=ledger,
        book=book,
    )


class DueReminder(Schema):
    """A reminder of an overdue invoice, by the seller's table of steps."""

    id: str
    customer: str
    invoice: str
    level: int
    name: str
    days_late: int
    open: Money

    @classmethod
    def of(cls, due: receivable.DueReminder) -> "DueReminder":
        return cls(
            id=f"{due.invoice.id}/{due.step.level}",
            customer=due.invoice.customer,
            invoice=due.invoice.id,
            level=due.step.level,
            name=due.step.name,
            days_late=due.days_late,
            open=Money.of(due.invoice.open),
        )


class Reminders(Schema):
    entity: str
    items: list[DueReminder]
