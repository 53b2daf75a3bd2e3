"""What goes on a month's invoice beside use and contracts: approved lines, lines of void invoices,
interest; and how all of it is laid on one invoice, or on several.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rackrate.app.issuing import Seller, replaced_by
from rackrate.app.ports import Tx
from rackrate.core.contract import Contract
from rackrate.core.draft import Draft
from rackrate.core.ids import ContractId, CustomerId, InvoiceId, LeaseId, ProjectId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice, InvoiceKind, InvoiceLine, Line, LineKind, once_more
from rackrate.core.lease import Lease
from rackrate.core.money import Money, total
from rackrate.core.parties import Customer
from rackrate.core.payment import Allocation
from rackrate.core.receivable import Overdue, interest, interest_line, main_rule, runs
from rackrate.core.tax import apart, tax_rule


@dataclass(slots=True)
class Beside:
    """Read once for all customers of a seller. `projects` grows: whose project a source is of."""

    drafts: dict[CustomerId, list[Draft]] = field(default_factory=dict)
    lapsed: dict[CustomerId, list[Invoice]] = field(default_factory=dict)
    projects: dict[str, ProjectId | None] = field(default_factory=dict)

    @classmethod
    def read(cls, tx: Tx, seller: Seller) -> "Beside":
        found = cls()
        for draft in tx.find(Draft, entity=seller.entity.id, ready=True):
            found.drafts.setdefault(draft.customer, []).append(draft)
        for void in tx.find(Invoice, entity=seller.entity.id, lapsed=True):
            found.lapsed.setdefault(void.customer, []).append(void)
        return found

    def lines(
        self, tx: Tx, seller: Seller, customer: Customer, month: Month, now: datetime
    ) -> Iterator[Line]:
        """Of a customer, for the invoice of `month`."""
        for draft in self.drafts.get(customer.id, ()):
            if draft.month <= month:
                yield from self._drafted(draft, seller, customer, month)
        for void in self.lapsed.get(customer.id, ()):
            for each in tx.find(InvoiceLine, invoice=void.id):
                line = once_more(each.line, void.id, seller.entity.taxes(customer))
                self.projects[line.source] = void.project
                yield line
        percent = seller.terms.late(seller.own.get(customer.id))
        if percent:
            for late in _overdue(tx, customer, month, now):
                due = interest(late, month, percent, now, customer.time_zone)
                line_due = due and interest_line(
                    due, seller.terms.late_taxed, main_rule(late.invoice)
                )
                if line_due:
                    self.projects[line_due.source] = late.invoice.project
                    yield line_due

    def _drafted(
        self, draft: Draft, seller: Seller, customer: Customer, month: Month
    ) -> Iterator[Line]:
        for line, project in drafted_lines(draft, seller.entity, customer, month):
            self.projects[line.source] = project
            yield line

    def issued(self, tx: Tx, customer: CustomerId, month: Month, on: Mapping[str, str]) -> None:
        """Write down where drafts and lines of void invoices went: `on` is invoice by source."""
        for draft in self.drafts.get(customer, ()):
            if draft.month <= month:
                tx.put(draft.issue(InvoiceId(on[_manual(draft, 1)])))
        for void in self.lapsed.get(customer, ()):
            again = next((at for source, at in on.items() if source.endswith(f"/{void.id}")), "")
            if again:
                tx.put(replaced_by(void, InvoiceId(again)))


def drafted_lines(
    draft: Draft, seller: Entity, customer: Customer, month: Month
) -> Iterator[tuple[Line, ProjectId | None]]:
    """The lines that somebody wrote, as they stand on an invoice, each with its project."""
    during, taxes = month.interval(customer.time_zone), seller.taxes(customer)
    for place, each in enumerate(draft.lines, 1):
        line = Line(
            _manual(draft, place),
            LineKind.MANUAL,
            each.description,
            month,
            during,
            each.amount,
            contract=each.contract,
            supply=each.supply,
            tax_rule=taxes.rule(each.supply, month).id,
        )
        yield line, each.project


def _manual(draft: Draft, place: int) -> str:
    return f"manual/{draft.id}/{place}"


def _overdue(tx: Tx, customer: Customer, month: Month, now: datetime) -> Iterator[Overdue]:
    """The invoices of a customer that were late in the month, with what was paid when."""
    end = month.interval(customer.time_zone).end
    used: dict[InvoiceId, list[Allocation]] = {}
    for each in tx.find(Allocation, customer=customer.id):
        if each.invoice is not None:
            used.setdefault(each.invoice, []).append(each)
    for invoice in tx.find(Invoice, customer=customer.id):
        if invoice.kind is not InvoiceKind.INVOICE or invoice.due >= min(end, now):
            continue
        late = Overdue(invoice, used.get(invoice.id, ()), Money.zero(customer.currency))
        if runs(late, month, now, customer.time_zone):
            yield Overdue(invoice, late.allocations, _of_interest(tx, invoice))


def overdue_with(tx: Tx, invoice: Invoice) -> Overdue:
    """An invoice with what was allocated to it, and what of it is interest."""
    used = tuple(tx.find(Allocation, invoice=invoice.id))
    return Overdue(invoice, used, _of_interest(tx, invoice))


def _of_interest(tx: Tx, invoice: Invoice) -> Money:
    lines = (each.line for each in tx.find(InvoiceLine, invoice=invoice.id))
    asked = (line.asked for line in lines if line.kind is LineKind.INTEREST)
    return total(asked, invoice.gross.currency)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Lines that go on one invoice: of one project where invoices are, under one order number, and
    under tax rules that can stand beside each other.
    """

    project: ProjectId | None
    purchase_order: str
    lines: list[Line]


def sheets(
    tx: Tx,
    seller: Seller,
    customer: Customer,
    lines: Sequence[Line],
    known: Mapping[str, ProjectId | None],
) -> list[Sheet]:
    """On as few as can be, unless the customer wants it otherwise: by project, or by order."""
    own = seller.own.get(customer.id)
    places = apart(tax_rule(id) for id in {line.tax_rule for line in lines})
    if len(places) < 2 and (own is None or not (own.per_project or own.orders)):
        return [Sheet(None, "", list(lines))]
    projects = _Projects(tx, customer, known)
    found: dict[tuple[str, str, int], Sheet] = {}
    for line in lines:
        project = projects.of(line)
        number = "" if own is None else own.order(project, line.contract)
        kept = project if own is not None and own.per_project else None
        key = kept or "", number, places[line.tax_rule]
        found.setdefault(key, Sheet(kept, number, [])).lines.append(line)
    return [sheet for _, sheet in sorted(found.items(), key=lambda each: each[0])]


class _Projects:
    """Which project a line is of: its contract's, or its lease's."""

    def __init__(self, tx: Tx, customer: Customer, known: Mapping[str, ProjectId | None]) -> None:
        self._known = known
        self._contracts: dict[ContractId, ProjectId] = {
            each.id: each.project for each in tx.find(Contract, customer=customer.id)
        }
        self._leases: dict[LeaseId, ProjectId] = {
            each.id: each.project for each in tx.find(Lease, customer=customer.id)
        }

    def of(self, line: Line) -> ProjectId | None:
        project = line.project or self._known.get(line.source)
        if project is None and line.contract is not None:
            project = self._contracts.get(line.contract)
        if project is None and line.lease is not None:
            project = self._leases.get(line.lease)
        return project
