"""What of a contract's rows is due and earned: the core decides, here it meets the rows."""

from collections.abc import Iterable
from datetime import datetime

from rackrate.app.ports import Tx
from rackrate.core.contract import Contract, Delivery, Schedule, paid_parts, schedule
from rackrate.core.ids import ContractId
from rackrate.core.instalment import Due, Earned, earned, lines_due
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import InvoiceLine, Line, LineKind
from rackrate.core.ledger import Entry
from rackrate.core.parties import Customer
from rackrate.core.recognition import contract_earned
from rackrate.core.tax import TaxRule, tax_rule


def plan_of(tx: Tx, contract: Contract, now: datetime, expected: bool = False) -> Schedule:
    """Its payment plan. With `expected`, nodes count that are not accepted yet, from now on."""
    deliveries = tx.find(Delivery, contract=contract.id)
    parts = paid_parts(contract, deliveries, now if expected else None)
    return schedule(contract, tx.get(Customer, contract.customer).time_zone, parts)


def contract_lines(
    tx: Tx, contract: Contract, until: Month, now: datetime, closed: Month | None = None
) -> list[Line]:
    """Lines that are not on an invoice yet: what is asked for by `until`, and what is due once."""
    customer = tx.get(Customer, contract.customer)
    due = Due(
        contract,
        plan_of(tx, contract, now),
        rule_of(tx, contract, customer),
        customer.time_zone,
        until,
        now,
        tx.find(Delivery, contract=contract.id),
        # What comes again after its invoice was void is of the line that stands there still.
        [e.line for e in tx.find(InvoiceLine, contract=contract.id) if not e.line.again],
        closed,
    )
    return lines_due(due)


def entries_earned(
    tx: Tx, contract: Contract, seller: Entity, until: Month, now: datetime
) -> list[Entry]:
    """Every month of service up to `until` that is done and not in the books yet."""
    months: dict[Month, list[Earned]] = {}
    done = contract.opening.earned if contract.opening else None
    for each in earned_of(tx, contract, plan_of(tx, contract, now)):
        if each.month <= until and (done is None or each.month > done):
            months.setdefault(each.month, []).append(each)
    entries = (
        contract_earned(contract, month, parts, seller.time_zone, now)
        for month, parts in sorted(months.items())
    )
    return [e for e in entries if e is not None and tx.peek(Entry, e.id) is None]


def earned_of(tx: Tx, contract: Contract, plan: Schedule) -> list[Earned]:
    """What each month of its plan earns, net of tax."""
    return earned(contract, plan, rule_of(tx, contract, tx.get(Customer, contract.customer)))


def in_arrears(tx: Tx, lines: Iterable[Line]) -> frozenset[ContractId]:
    """The contracts of instalments among these that are paid in arrears."""
    instalments = (line for line in lines if line.kind is LineKind.INSTALMENT)
    contracts = {line.contract for line in instalments if line.contract is not None}
    return frozenset(id for id in contracts if tx.get(Contract, id).terms.payment.in_arrears)


def rule_of(tx: Tx, contract: Contract, customer: Customer) -> TaxRule:
    """The tax rule of the customer, or the seller's."""
    return tax_rule(customer.tax_rule or tx.get(Entity, contract.entity).output_tax)
