"""Invoices, payments and the books."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field

from rackrate.api.schemas.parts import Id, Money, MonthText, Period, Schema
from rackrate.app import billing
from rackrate.core import currency, ledger, pricing
from rackrate.core import invoice as invoices
from rackrate.core import payment as payments
from rackrate.core import tax as tax_rules
from rackrate.core.invoice import InvoiceKind, InvoiceStatus, LineKind
from rackrate.core.lease import LeaseClass
from rackrate.core.ledger import Account
from rackrate.core.payment import LONGEST_REFERENCE
from rackrate.core.pricing import Unit
from rackrate.core.tax import TaxCategory
from rackrate.core.treatment import Supply


class Line(Schema):
    """One rounded amount, and the exact quantity of what was used, or of storage, at which rate."""

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
    per_hour: str = Field(description="The price, where it is for a slot and an hour")
    rate: str = Field(description="The price that it was rated at; empty: it was not metered")
    per: str = Field(description="What that is for", examples=["node-month of 730 h"])
    unit: str = Field(description="The same, for programs; empty: it was not metered")
    project: str | None = Field(description="Of what is of no lease and no contract")
    milli_slot_seconds: int
    milli_gb_seconds: int = Field(description="Of storage")
    milli_quantity: int = Field(
        description="Thousandths of slot-seconds, GB-seconds, address-seconds or bytes, by `unit`"
    )
    credits: str = Field(description="Of a credit note: the source of the line that it takes from")
    supply: Supply = Field(description="What it is to the tax law")
    tax_rule: str

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
            rate=line.rate,
            per=pricing.per(Unit(line.unit), line.month_hours) if line.unit else "",
            milli_slot_seconds=line.quantity if line.sku is not None else 0,
            milli_gb_seconds=line.quantity if line.unit == Unit.GB_MONTH else 0,
            milli_quantity=line.quantity,
            unit=line.unit,
            project=line.project,
            credits=line.credits,
            supply=line.supply,
            tax_rule=line.tax_rule,
        )


class TaxPart(Schema):
    """What of an invoice is under one tax rule."""

    rule: str = Field(examples=["cn-lease-13"])
    name: str
    percent: str = Field(examples=["13"])
    category: TaxCategory = Field(description="As EN 16931 codes it")
    net: Money
    tax: Money

    @classmethod
    def of(cls, part: tax_rules.TaxPart) -> "TaxPart":
        rule = tax_rules.tax_rule(part.rule)
        return cls(
            rule=rule.id,
            name=rule.name,
            percent=rule.percent,
            category=rule.category,
            net=Money.of(part.net),
            tax=Money.of(part.tax),
        )


class Invoice(Schema):
    """What a customer owes. `id` is its number, of a series without gaps.

    A credit note is negative, and `open` is then what is left of it to set off or pay back.
    """

    id: str
    kind: InvoiceKind
    entity: str
    customer: str
    cause: str
    month: str
    issued: datetime
    due: datetime
    tax_rule: str = Field(description="Or several, with + between", examples=["cn-service-6"])
    taxes: list[TaxPart] = Field(description="Net and tax by rule; they add up")
    net: Money
    tax: Money
    gross: Money
    paid: Money
    credited: Money = Field(description="What was set off against credit notes")
    open: Money
    status: InvoiceStatus
    credits: str | None = Field(description="Of a credit note: the invoice that it takes from")
    reason: str = Field(description="Why it was credited, or is void")
    project: str | None = Field(description="Set where invoices are made project by project")
    purchase_order: str = Field(description="The customer's own number")
    voided: datetime | None
    replaced: str | None = Field(description="Of a void one: where its lines came again")

    @classmethod
    def of(cls, invoice: invoices.Invoice, now: datetime) -> "Invoice":
        return cls(
            id=invoice.id,
            kind=invoice.kind,
            entity=invoice.entity,
            customer=invoice.customer,
            cause=invoice.cause,
            month=str(invoice.month),
            issued=invoice.issued,
            due=invoice.due,
            tax_rule=invoice.tax_rule,
            taxes=[TaxPart.of(part) for part in invoice.by_rule],
            net=Money.of(invoice.net),
            tax=Money.of(invoice.tax),
            gross=Money.of(invoice.gross),
            paid=Money.of(invoice.paid),
            credited=Money.of(invoice.credited),
            open=Money.of(invoice.open),
            status=invoice.standing(now),
            credits=invoice.credits,
            reason=invoice.reason,
            project=invoice.project,
            purchase_order=invoice.purchase_order,
            voided=invoice.voided,
            replaced=invoice.replaced,
        )


class Booked(Schema):
    """At which rate an invoice is in the books, and its tax in their currency."""

    rate: str
    effective: datetime
    source: str
    tax: Money

    @classmethod
    def of(cls, found: currency.InvoiceRate) -> "Booked":
        return cls(
            rate=f"{found.rate:f}",
            effective=found.effective,
            source=found.source,
            tax=Money.of(found.tax),
        )


class InvoiceDetail(Invoice):
    """An invoice with its lines, in order."""

    lines: list[Line]
    booked: Booked | None = Field(description="Set where the books are in another currency")

    @classmethod
    def detail(
        cls,
        invoice: invoices.Invoice,
        lines: Iterable[invoices.InvoiceLine],
        booked: currency.InvoiceRate | None,
        now: datetime,
    ) -> "InvoiceDetail":
        return cls(
            **dict(Invoice.of(invoice, now)),
            lines=[Line.of(each.line) for each in lines],
            booked=None if booked is None else Booked.of(booked),
        )


class Preview(Schema):
    """What closing the month would put on the invoice, if nothing more happened."""

    customer: str
    month: str
    status: InvoiceStatus = InvoiceStatus.DRAFT
    lines: list[Line]
    taxes: list[TaxPart]
    net: Money
    tax: Money
    gross: Money

    @classmethod
    def of(cls, preview: billing.Preview) -> "Preview":
        return cls(
            customer=preview.customer,
            month=str(preview.month),
            lines=[Line.of(line) for line in preview.lines],
            taxes=[TaxPart.of(part) for part in preview.totals.parts],
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


Reference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_REFERENCE,
        pattern=r"^[^\x00]*$",
        examples=["BANK-2026-11-30-17"],
    ),
]


class PaymentRequest(Schema):
    """Money that has come in. The same reference again changes nothing."""

    amount: Money
    reference: Reference
    keep_rest: bool = Field(
        default=False, description="Keep what is more than open; else it is refused"
    )


class Payment(Schema):
    """A payment, and what is left open on its invoice."""

    id: str
    invoice: Invoice
    at: datetime
    amount: Money
    reference: str

    @classmethod
    def of(cls, invoice: invoices.Invoice, payment: payments.Payment, now: datetime) -> "Payment":
        return cls(
            id=payment.id,
            invoice=Invoice.of(invoice, now),
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
