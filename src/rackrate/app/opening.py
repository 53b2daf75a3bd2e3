"""Books that begin in the middle: running contracts and open invoices are taken over."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from rackrate.app import exchange
from rackrate.app.instalments import contract_lines, earned_of, plan_of
from rackrate.app.ports import Tx
from rackrate.app.world import World, acting
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.contract import Contract, Delivery
from rackrate.core.errors import Conflict, Invalid, Reason, Refused
from rackrate.core.ids import BlockId, CustomerId, InvoiceId, PoolId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity, Sku
from rackrate.core.invoice import Invoice, InvoiceLine, Line, LineKind, totals
from rackrate.core.money import Money
from rackrate.core.opening import check_opening, liability_taken_over, receivable_taken_over
from rackrate.core.parties import Customer
from rackrate.core.treatment import Supply
from rackrate.core.words import nodes_said

CAUSE = "opening/"


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice of the books of before that is not paid in full. `id` is its number there."""

    id: InvoiceId
    customer: CustomerId
    month: Month
    issued: datetime
    due: datetime
    net: Money
    tax: Money
    paid: Money
    title: str = ""

    def __post_init__(self) -> None:
        if self.due < self.issued:
            raise ValueError(f"invoice {self.id} is due before it was issued")
        open = self.net + self.tax - self.paid
        if open.minor <= 0:
            gross = self.net + self.tax
            raise ValueError(f"{self.paid} of {gross} is paid: nothing of {self.id} is open")


def as_taken_over(invoice: Invoice, title: str) -> OpenInvoice:
    """What was declared of an invoice, whatever was paid since."""
    return OpenInvoice(
        invoice.id,
        invoice.customer,
        invoice.month,
        invoice.issued,
        invoice.due,
        invoice.net,
        invoice.tax,
        Money.zero(invoice.net.currency),
        title,
    )


def record(world: World, actor: Actor, row: OpenInvoice) -> Invoice:
    """The invoice is owed here from now on, and can be paid here."""
    target = Target("invoice", row.id, row.customer)
    with acting(world, actor, Verb.INVOICE_WRITE, target) as tx:
        customer = tx.get(Customer, row.customer)
        entity, now = tx.get(Entity, customer.entity), world.clock.now()
        _check_invoice(row, customer, entity, now)
        if tx.peek(Invoice, row.id) is not None:
            raise Conflict(f"invoice {row.id} is already there")
        rule = entity.taxes(customer).rule(Supply.SERVICE, row.month)
        invoice = Invoice(
            row.id,
            entity.id,
            customer.id,
            f"{CAUSE}{row.id}",
            row.month,
            row.issued,
            row.due,
            rule.id,
            row.net,
            row.tax,
            row.net + row.tax,
            row.paid,
            Money.zero(row.net.currency),
        )
        title = row.title or f"Invoice {row.id} of the books before"
        line = Line(
            f"{CAUSE}{row.id}",
            LineKind.OPENING,
            title,
            row.month,
            row.month.interval(customer.time_zone),
            row.net,
            tax_rule=rule.id,
        )
        tx.add(invoice, InvoiceLine(f"{row.id}/000001", row.id, customer.id, 1, line))
        exchange.post(tx, entity, [receivable_taken_over(invoice, now)])
        return invoice


def take_over(world: World, tx: Tx, contract: Contract) -> None:
    """What was invoiced and earned before is written down as such: nothing of it is asked again."""
    if contract.opening is None:
        return
    now, customer = world.clock.now(), tx.get(Customer, contract.customer)
    plan, seller = plan_of(tx, contract, now), tx.get(Entity, contract.entity)
    check_opening(contract, plan, Month.of(now, customer.time_zone))
    lines = contract_lines(tx, contract, contract.opening.invoiced, now)
    if lines:
        rule = seller.taxes(customer).rule(Supply.SERVICE, contract.opening.invoiced)
        sums = totals(lines, rule, contract.currency)
        invoice = Invoice(
            InvoiceId(f"{CAUSE.rstrip('/')}-{contract.id}"),
            contract.entity,
            customer.id,
            f"{CAUSE}{contract.id}",
            contract.opening.invoiced,
            now,
            now,
            sums.rule,
            sums.net,
            sums.tax,
            sums.gross,
            sums.gross,
            Money.zero(contract.currency),
            taxes=sums.parts,
        )
        tx.add(invoice)
        tx.add(
            *(
                InvoiceLine(f"{invoice.id}/{place:06}", invoice.id, customer.id, place, line)
                for place, line in enumerate(lines, 1)
            )
        )
    entry = liability_taken_over(contract, lines, earned_of(tx, contract, plan), now)
    if entry is not None:
        exchange.post(tx, tx.get(Entity, contract.entity), [entry])


def delivered_before(
    contract: Contract, planned: Iterable[Delivery], now: datetime
) -> list[Delivery]:
    """Of a contract that runs already, what was due is there and accepted; the rest is to come."""
    if contract.opening is None:
        return list(planned)
    return [
        replace(each, delivered=each.due, accepted=each.due, by="opening")
        if each.due <= now
        else each
        for each in planned
    ]


def running_in(
    tx: Tx, contract: Contract, blocks: tuple[tuple[BlockId, int], ...], now: datetime
) -> tuple[tuple[PoolId, int], ...]:
    """The pools in which its first nodes run already; Refused where they are not free there."""
    if not blocks:
        return ()
    first = next((each for each in contract.capacity if each.number == 1), None)
    if first is None or first.sku is None or first.site is None:
        raise Invalid("blocks", "are for a contract whose first line is nodes")
    if sum(nodes for _, nodes in blocks) != first.nodes:
        together = sum(nodes for _, nodes in blocks)
        raise Invalid("blocks", f"have {together} nodes together, and the contract {first.nodes}")
    sku, fleet = tx.get(Sku, first.sku), tx.fleet(first.site)
    pools = {pool.block: pool for pool in fleet.pools_of(sku.chip, sku.slots)}
    held: list[tuple[PoolId, int]] = []
    for block, nodes in blocks:
        pool = pools.get(block)
        left = 0 if pool is None else pool.calendar.available(first.during, now)
        if pool is None or left < nodes:
            raise Refused(
                Reason.NO_CAPACITY,
                f"block {block} has {nodes_said(max(0, left))} of {sku.id} that are not promised "
                f"over {first.during}, not {nodes}",
                {"nodes": max(0, left)},
            )
        held.append((pool.id, nodes))
    return tuple(held)


def _check_invoice(row: OpenInvoice, customer: Customer, entity: Entity, now: datetime) -> None:
    if row.net.currency != customer.currency:
        raise Invalid("currency", f"{customer.id} pays in {customer.currency}")
    if row.issued > now:
        raise Invalid("issued", f"{row.issued:%Y-%m-%d} is to come; invoices are issued here then")
    if re.fullmatch(rf"{re.escape(entity.invoice_series)}(-CR)?-\d{{4}}-\d{{6}}", row.id):
        raise Invalid("number", f"{row.id} is a number that an invoice of these books will have")
