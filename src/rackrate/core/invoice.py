"""Invoices and credit notes: lines rounded once, tax, a number without gaps, and what is open."""

from collections.abc import Iterator, Sequence
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
    ProjectId,
    SkuId,
)
from rackrate.core.interval import Interval, Month
from rackrate.core.lease import LeaseClass
from rackrate.core.money import Money, total
from rackrate.core.quick import quick
from rackrate.core.tax import TaxPart, TaxRule, net_of, tax_of, tax_rule, taxes_on
from rackrate.core.treatment import Supply, TaxTable


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
    MANUAL = "manual"
    INTEREST = "interest"
    CREDIT_NOTE = "credit_note"
    SHORTFALL = "shortfall"
    DRAWDOWN = "drawdown"
    CREDITED = "credited"


# A line that comes again, because the invoice on which it was is void, is named after that.
AGAIN = "/again/"
# Contract, commitment and month stand in its source between slashes; a change has a number, too.
_PARTS_OF_INSTALMENT = 2


@quick
@dataclass(frozen=True, slots=True)
class Line:
    """One rounded amount. `source` is its cause: no two lines of all invoices share one.

    `net` is without tax; `gross` is set when the price had tax inside, and then net follows from
    it. `quantity` is in milli-slot-seconds for usage (of storage in milli-GB-seconds), else 0, and
    was rated at `rate` for a `unit`, as its price says, of a month of `month_hours`. `during` is
    when it is earned. `credits` is the source of the line that a credit note takes back, of which
    this is a part. `project` is whose storage it is; the rest is of a lease's or a contract's.
    `supply` is what it is to the tax law, and `tax_rule` the rule that follows from it. `drawn`,
    without tax, is what of a month's instalment was prepaid: with it, `net` is the whole month's.
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
    credits: str = ""
    rate: str = ""
    unit: str = ""
    month_hours: int = 0
    project: ProjectId | None = None
    supply: Supply = Supply.SERVICE
    tax_rule: str = ""
    drawn: Money | None = None

    @property
    def again(self) -> bool:
        """Whether it was on a void invoice before: what it is of is in the books already."""
        return AGAIN in self.source

    @property
    def void(self) -> str:
        """The number of the void invoice on which it was before. Empty: on none."""
        return self.source.rpartition(AGAIN)[2] if self.again else ""

    @property
    def asked(self) -> Money:
        """The amount as it was priced: with tax where the price has it inside."""
        return self.net if self.gross is None else self.gross


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    ISSUED = "issued"
    PART_PAID = "part_paid"
    PAID = "paid"
    OVERDUE = "overdue"
    VOID = "void"


class InvoiceKind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class Invoice:
    """What a customer owes. `id` is its number; `cause` is what it was issued for, once.

    A credit note is one that is negative; `credits` is the invoice that it takes back in part or
    whole, none for a month that came out below zero. Of what is settled, `paid` is money in (or,
    of a credit note, out), and `credited` what invoices and credit notes were set off for.
    `voided` it is owed no more, and keeps its number; what it asked for comes again on `replaced`.
    `taxes` are its net and tax by rule; `tax_rule` is that rule, or all of them with + between.
    """

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
    credited: Money
    kind: InvoiceKind = InvoiceKind.INVOICE
    credits: InvoiceId | None = None
    reason: str = ""
    project: ProjectId | None = None
    purchase_order: str = ""
    voided: datetime | None = None
    replaced: InvoiceId | None = None
    taxes: tuple[TaxPart, ...] = ()

    @property
    def by_rule(self) -> tuple[TaxPart, ...]:
        """Its net and tax by rule; all of it, where it was never under more than one."""
        return self.taxes or (TaxPart(self.tax_rule, self.net, self.tax),)

    def rule_of(self, line: Line) -> TaxRule:
        """The rule of a line of it."""
        return tax_rule(line.tax_rule or self.by_rule[0].rule)

    @property
    def status(self) -> InvoiceStatus:
        if self.voided is not None:
            return InvoiceStatus.VOID
        if not self.open:
            return InvoiceStatus.PAID
        if self.paid or self.credited:
            return InvoiceStatus.PART_PAID
        return InvoiceStatus.ISSUED

    def standing(self, now: datetime) -> InvoiceStatus:
        """Its status as of `now`: overdue when it was due before, until it is settled."""
        return InvoiceStatus.OVERDUE if self.overdue(now) else self.status

    def overdue(self, now: datetime) -> bool:
        return self.due < now and self.open.minor > 0

    @property
    def open(self) -> Money:
        """What is still owed; of a credit note, as a negative amount, what is still to be used."""
        if self.voided is not None:
            return Money.zero(self.gross.currency)
        return self.gross - self.paid - self.credited

    @property
    def unsettled(self) -> bool:
        return bool(self.open)

    @property
    def lapsed(self) -> bool:
        """Whether it is void, and what it asked for is on no other invoice yet."""
        return self.voided is not None and self.replaced is None


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

    @property
    def source(self) -> str:
        return self.line.source


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of an invoice, and by tax rule what they are made of."""

    net: Money
    tax: Money
    gross: Money
    parts: tuple[TaxPart, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[TaxPart], currency: str) -> "Totals":
        net = total((part.net for part in parts), currency)
        tax = total((part.tax for part in parts), currency)
        return cls(net, tax, net + tax, tuple(parts))

    @property
    def rule(self) -> str:
        """The rule, or all of them with + between."""
        return "+".join(part.rule for part in self.parts)


def priced(gross_or_net: Money, tax_included: bool, rule: TaxRule) -> tuple[Money, Money | None]:
    """(net, gross): gross only where the price had tax inside."""
    if tax_included:
        return net_of(gross_or_net, rule), gross_or_net
    return gross_or_net, None


def totals(lines: Sequence[Line], rule: TaxRule, currency: str) -> Totals:
    """Sums of an invoice, and by rule; `rule` is that of lines that name none."""
    by_rule: dict[str, list[Line]] = {rule.id: []} if not lines else {}
    for line in lines:
        by_rule.setdefault(line.tax_rule or rule.id, []).append(line)
    parts = [_taxed(of, tax_rule(id), currency) for id, of in sorted(by_rule.items())]
    return Totals.of(parts, currency)


def _taxed(lines: Sequence[Line], rule: TaxRule, currency: str) -> TaxPart:
    """Lines under one rule. Tax is rounded where the rule says; where prices had it inside, it is
    what is left of them, so that their gross stands as quoted.
    """
    inside = [line for line in lines if line.gross is not None]
    on_top = [line for line in lines if line.gross is None]
    net = total((line.net for line in lines), currency)
    tax = tax_of([line.net for line in on_top], rule, currency)
    for line in inside:
        assert line.gross is not None
        tax = tax + (line.gross - line.net)
    return TaxPart(rule.id, net, tax)


def line_taxes(invoice: Invoice, lines: Sequence[Line]) -> tuple[Money, ...]:
    """The tax of each line; those under one rule are together, to the cent, the tax of it."""
    taxes = [Money.zero(invoice.tax.currency)] * len(lines)
    for part in invoice.by_rule:
        rule = tax_rule(part.rule)
        places = [n for n, line in enumerate(lines) if invoice.rule_of(line) == rule]
        if not places:
            continue
        rest = iter(taxes_on((lines[n].net for n in places if lines[n].gross is None), rule))
        for n in places:
            gross = lines[n].gross
            taxes[n] = next(rest) if gross is None else gross - lines[n].net
        # Credits in parts take back what all of them come to: a part may be a cent beside.
        taxes[places[-1]] += part.tax - total((taxes[n] for n in places), part.tax.currency)
    return tuple(taxes)


def pay(invoice: Invoice, amount: Money) -> Invoice:
    """The invoice after a payment; Refused if nothing is open, or less than is paid."""
    check_room(invoice, amount)
    return replace(invoice, paid=invoice.paid + amount)


def check_room(invoice: Invoice, amount: Money) -> None:
    """Refused unless so much of the invoice is open."""
    if amount.currency != invoice.gross.currency:
        raise Refused(
            Reason.INVALID,
            f"{invoice.id} is in {invoice.gross.currency}, not in {amount.currency}",
        )
    if amount.minor <= 0:
        raise Refused(Reason.INVALID, f"a payment of {amount} is not positive")
    if invoice.kind is InvoiceKind.CREDIT_NOTE:
        raise Refused(
            Reason.WRONG_STATE, f"{invoice.id} is a credit note: it is set off, or paid back"
        )
    if invoice.voided is not None:
        raise Refused(Reason.WRONG_STATE, f"{invoice.id} is void: nothing of it is owed")
    if not invoice.open:
        raise Refused(Reason.ALREADY_PAID, f"{invoice.id} is paid in full")
    if invoice.open < amount:
        raise Refused(
            Reason.TOO_MUCH_PAID,
            f"{invoice.open} of {invoice.id} is open, less than {amount}",
            {"open": str(invoice.open.amount), "currency": invoice.open.currency},
        )


def void(invoice: Invoice, now: datetime, reason: str) -> Invoice:
    """It is owed no more; Refused once something was paid or credited. Twice is once."""
    if invoice.voided is not None:
        return invoice
    if invoice.kind is InvoiceKind.CREDIT_NOTE:
        raise Refused(
            Reason.WRONG_STATE, f"{invoice.id} is a credit note: it is set off, or paid back"
        )
    for amount, how in ((invoice.paid, "paid"), (invoice.credited, "credited")):
        if amount:
            raise Refused(
                Reason.ALREADY_PAID,
                f"{amount} of {invoice.id} is {how}: what was never paid can be void; credit it",
                {how: str(amount.amount), "currency": amount.currency},
            )
    return replace(invoice, voided=now, reason=reason)


def preceding_sources(line: Line) -> Iterator[str]:
    """The sources of earlier lines that this one changes, gives back, or draws down."""
    kind, _, of = line.source.partition(AGAIN)[0].partition("/")
    if line.kind is LineKind.CORRECTION:
        yield f"{LineKind.USAGE}/{of.rpartition('/')[0]}"
    if line.kind is LineKind.INSTALMENT and of.count("/") > _PARTS_OF_INSTALMENT:
        yield f"{kind}/{of.rpartition('/')[0]}"
    if line.drawn or line.kind in (LineKind.REFUND, LineKind.DRAWDOWN):
        for tail in ("", *(f"/{supply}" for supply in Supply)):
            yield f"{LineKind.PREPAYMENT}/{line.contract}{tail}"


def once_more(line: Line, void: InvoiceId, taxes: TaxTable) -> Line:
    """The line of a void invoice, as it is asked for again: of the same cause, under its own.

    Tax on top of it is that of now, of its month. What had tax inside stays under its rule: it
    comes to the same without tax, too, as the books have it.
    """
    again = f"{line.source}{AGAIN}{void}"
    if line.gross is not None:
        return replace(line, source=again)
    return replace(line, source=again, tax_rule=taxes.rule(line.supply, line.month).id)
