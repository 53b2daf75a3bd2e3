"""Invoices: lines that are rounded once, tax, and a number without gaps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import (
    ContractId,
    CustomerId,
    EntityId,
    InvoiceId,
    LeaseId,
    SkuId,
)
from rackrate.core.interval import Interval, Month
from rackrate.core.lease import LeaseClass
from rackrate.core.money import Money, total
from rackrate.core.quick import quick
from rackrate.core.tax import TaxRule, net_of, tax_on


class LineKind(StrEnum):
    USAGE = "usage"
    CORRECTION = "correction"
    PREPAYMENT = "prepayment"
    INSTALMENT = "instalment"
    FEE = "fee"
    CREDIT = "credit"
    DAMAGES = "damages"
    REFUND = "refund"
    OPENING = "opening"


@quick
@dataclass(frozen=True, slots=True)
class Line:
    """One rounded amount. `source` is its cause: no two lines of all invoices share one.

    `net` is without tax; `gross` is set when the price had tax inside, and then net follows from
    it. `quantity` is in milli-slot-seconds for usage, else 0. `during` is when it is earned.
    """

    source: str
    kind: LineKind
    description: str
    month: Month
    during: Interval
    net: Money
    gross: Money | None = None
    lease: LeaseId | None = None
    contract: ContractId | None = None
    sku: SkuId | None = None
    klass: LeaseClass | None = None
    price: str = ""
    per_hour: str = ""
    quantity: int = 0
    commitment: int = 0


class InvoiceStatus(StrEnum):
    ISSUED = "issued"
    PART_PAID = "part_paid"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Invoice:
    """What a customer owes. `id` is its number; `cause` is what it was issued for, once."""

    id: InvoiceId
    entity: EntityId
    customer: CustomerId
    cause: str
    month: Month
    issued: datetime
    due: datetime
    tax_rule: str
    net: Money
    tax: Money
    gross: Money
    paid: Money

    @property
    def status(self) -> InvoiceStatus:
        if self.paid.minor >= self.gross.minor:
            return InvoiceStatus.PAID
        return InvoiceStatus.PART_PAID if self.paid else InvoiceStatus.ISSUED

    @property
    def open(self) -> Money:
        return self.gross - self.paid


@quick
@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """A line in its place on an invoice."""

    id: str
    invoice: InvoiceId
    customer: CustomerId
    place: int
    line: Line

    @property
    def contract(self) -> ContractId | None:
        return self.line.contract


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in for an invoice. `reference` is the payer's; it makes paying twice once."""

    id: str
    invoice: InvoiceId
    customer: CustomerId
    at: datetime
    amount: Money
    reference: str


@dataclass(frozen=True, slots=True)
class Totals:
    net: Money
    tax: Money
    gross: Money


def priced(gross_or_net: Money, tax_included: bool, rule: TaxRule) -> tuple[Money, Money | None]:
    """(net, gross): gross only where the price had tax inside."""
    if tax_included:
        return net_of(gross_or_net, rule), gross_or_net
    return gross_or_net, None


def totals(lines: Sequence[Line], rule: TaxRule, currency: str) -> Totals:
    """Sums of an invoice. Tax is rounded once on the net sum; where prices had it inside, it is
    what is left of them, so that their gross stands as quoted.
    """
    inside = [line for line in lines if line.gross is not None]
    on_top = [line for line in lines if line.gross is None]
    net = total((line.net for line in lines), currency)
    tax = tax_on(total((line.net for line in on_top), currency), rule)
    for line in inside:
        assert line.gross is not None
        tax = tax + (line.gross - line.net)
    return Totals(net, tax, net + tax)


def pay(invoice: Invoice, amount: Money) -> Invoice:
    """The invoice after a payment; Refused if nothing is open, or less than is paid."""
    if amount.currency != invoice.gross.currency:
        raise Refused(
            Reason.INVALID,
            f"{invoice.id} is in {invoice.gross.currency}, not in {amount.currency}",
        )
    if amount.minor <= 0:
        raise Refused(Reason.INVALID, f"a payment of {amount} is not positive")
    if not invoice.open:
        raise Refused(Reason.ALREADY_PAID, f"{invoice.id} is paid in full")
    if invoice.open < amount:
        raise Refused(
            Reason.TOO_MUCH_PAID,
            f"{invoice.open} of {invoice.id} is open, less than {amount}",
            {"open": str(invoice.open.amount), "currency": invoice.open.currency},
        )
    return replace(invoice, paid=invoice.paid + amount)
