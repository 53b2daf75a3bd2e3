"""Invoices, payments and the books."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from rackrate.api.schemas.parts import Id, Money, MonthText, Period, Schema
from rackrate.app import billing
from rackrate.core import invoice as invoices
from rackrate.core import ledger
from rackrate.core.invoice import InvoiceStatus, LineKind
from rackrate.core.lease import LeaseClass
from rackrate.core.ledger import Account


class Line(Schema):
    """One rounded amount. `milli_slot_seconds` is the exact quantity of what was used."""

    kind: LineKind
    description: str
    month: str
    during: Period
    net: Money
    gross: Money | None = Field(description="Set when the price had tax inside")
    lease: str | None
    contract: str | None
    commitment: int = Field(description="Of the contract; 0: all of it")
    sku: str | None
    klass: LeaseClass | None = Field(serialization_alias="class")
    price: str
    per_hour: str
    milli_slot_seconds: int

    @classmethod
    def of(cls, line: invoices.Line) -> "Line":
        return cls(
            kind=line.kind,
            description=line.description,
            month=str(line.month),
            during=Period.of(line.during),
            net=Money.of(line.net),
            gross=None if line.gross is None else Money.of(line.gross),
            lease=line.lease,
            contract=line.contract,
            commitment=line.commitment,
            sku=line.sku,
            klass=line.klass,
            price=line.price,
            per_hour=line.per_hour,
            milli_slot_seconds=line.quantity,
        )


class Invoice(Schema):
    """What a customer owes. `id` is its number, of a series without gaps."""

    id: str
    entity: str
    customer: str
    cause: str
    month: str
    issued: datetime
    due: datetime
    tax_rule: str
    net: Money
    tax: Money
    gross: Money
    paid: Money
    open: Money
    status: InvoiceStatus

    @classmethod
    def of(cls, invoice: invoices.Invoice) -> "Invoice":
        return cls(
            id=invoice.id,
            entity=invoice.entity,
            customer=invoice.customer,
            cause=invoice.cause,
            month=str(invoice.month),
            issued=invoice.issued,
            due=invoice.due,
            tax_rule=invoice.tax_rule,
            net=Money.of(invoice.net),
            tax=Money.of(invoice.tax),
            gross=Money.of(invoice.gross),
            paid=Money.of(invoice.paid),
            open=Money.of(invoice.open),
            status=invoice.status,
        )


class InvoiceDetail(Invoice):
    """An invoice with its lines, in order."""

    lines: list[Line]

    @classmethod
    def detail(
        cls, invoice: invoices.Invoice, lines: Iterable[invoices.InvoiceLine]
    ) -> "InvoiceDetail":
        return cls(**dict(Invoice.of(invoice)), lines=[Line.of(each.line) for each in lines])


class Preview(Schema):
    """What closing the month would put on the invoice, if nothing more happened."""

    customer: str
    month: str
    lines: list[Line]
    net: Money
    tax: Money
    gross: Money

    @classmethod
    def of(cls, preview: billing.Preview) -> "Preview":
        return cls(
            customer=preview.customer,
            month=str(preview.month),
            lines=[Line.of(line) for line in preview.lines],
            net=Money.of(preview.totals.net),
            tax=Money.of(preview.totals.tax),
            gross=Money.of(preview.totals.gross),
        )


class CloseRequest(Schema):
    """Close a month: issue its usage, and the instalments of the month after it."""

    month: MonthText
    entity: Id | None = Field(default=None, description="Needed only where there are several")


class Closed(Schema):
    """The invoices of the month. Closing it again answers the same."""

    entity: str
    month: str
    invoices: list[Invoice]


class PaymentRequest(Schema):
    """Money that has come in. The same reference again changes nothing."""

    amount: Money
    reference: str = Field(
        min_length=1, max_length=200, pattern=r"^[^\x00]*$", examples=["BANK-2026-11-30-17"]
    )


class Payment(Schema):
    """A payment, and what is left open on its invoice."""

    id: str
    invoice: Invoice
    at: datetime
    amount: Money
    reference: str

    @classmethod
    def of(cls, invoice: invoices.Invoice, payment: invoices.Payment) -> "Payment":
        return cls(
            id=payment.id,
            invoice=Invoice.of(invoice),
            at=payment.at,
            amount=Money.of(payment.amount),
            reference=payment.reference,
        )


class Balance(Schema):
    """The sum of an account of one customer in one currency. A debit is positive."""

    account: Account
    customer: str | None
    amount: Money
    book: Money = Field(description="In the currency of the books")

    @classmethod
    def of(cls, balance: ledger.Balance) -> "Balance":
        return cls(
            account=balance.account,
            customer=balance.customer,
            amount=Money.of(balance.amount),
            book=Money.of(balance.book),
        )


class Balances(Schema):
    """A trial balance: in each currency it sums to zero."""

    entity: str
    until: datetime | None
    items: list[Balance]


class Posting(Schema):
    """A debit is positive, a credit negative."""

    account: Account
    amount: Money
    book: Money
    customer: str | None
    sku: str | None

    @classmethod
    def of(cls, posting: ledger.Posting) -> "Posting":
        return cls(
            account=posting.account,
            amount=Money.of(posting.amount),
            book=Money.of(posting.book),
            customer=posting.customer,
            sku=posting.sku,
        )


class Entry(Schema):
    """A balanced set of postings. `id` is made from its cause."""

    id: str
    entity: str
    at: datetime
    memo: str
    postings: list[Posting]

    @classmethod
    def of(cls, entry: ledger.Entry) -> "Entry":
        return cls(
            id=entry.id,
            entity=entry.entity,
            at=entry.at,
            memo=entry.memo,
            postings=[Posting.of(posting) for posting in entry.postings],
        )
