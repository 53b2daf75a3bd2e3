"""What of a contract's rows is due and earned: the core decides, here it meets the rows."""

from collections.abc import Iterable
from datetime import datetime

from rackrate.app.ports import Tx
from rackrate.core.committed import Books
from rackrate.core.contract import Contract, Delivery, Schedule, paid_parts, schedule
from rackrate.core.contract_tax import Taxing
from rackrate.core.ids import ContractId
from rackrate.core.instalment import Due, Earned, earned, lines_due
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity, Sku
from rackrate.core.invoice import InvoiceLine, Line, LineKind
from rackrate.core.ledger import Entry
from rackrate.core.parties import Customer
from rackrate.core.recognition import contract_earned


def plan_of(tx: Tx, contract: Contract, now: datetime, expected: bool = False) -> Schedule:
    """Its payment plan. With `expected`, nodes count that are not accepted yet, from now on."""
    deliveries = tx.find(Delivery, contract=contract.id)
    parts = paid_parts(contract, deliveries, now if expected else None)
    return schedule(contract, tx.get(Customer, contract.customer).time_zone, parts)


def contract_lines(
    tx: Tx, contract: Contract, until: Month, now: datetime, closed: Month | None = None
) -> list[Line]:
    """Lines that are not on an invoice yet: what is asked for by `until`, and what is due once."""
    customer, billed = tx.get(Customer, contract.customer), _billed(tx, contract)
    due = Due(
        contract,
        plan_of(tx, contract, now),
        _taxing(tx, contract, customer, billed),
        customer.time_zone,
        until,
        now,
        tx.find(Delivery, contract=contract.id),
        billed,
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
    customer = tx.get(Customer, contract.customer)
    return earned(contract, plan, _taxing(tx, contract, customer, _billed(tx, contract)))


def books_of(tx: Tx, contract: Contract, now: datetime, closed: Month) -> Books:
    """The contract with all that was invoiced of it, as a close of this month looks at its use."""
    customer, billed = tx.get(Customer, contract.customer), _billed(tx, contract)
    taxing = _taxing(tx, contract, customer, billed)
    plan = plan_of(tx, contract, now)
    return Books(contract, plan, taxing, customer.time_zone, closed, billed)


def in_arrears(tx: Tx, lines: Iterable[Line]) -> frozenset[ContractId]:
    """The contracts of instalments among these that are paid in arrears."""
    instalments = (line for line in lines if line.kind is LineKind.INSTALMENT)
    contracts = {line.contract for line in instalments if line.contract is not None}
    return frozenset(id for id in contracts if tx.get(Contract, id).terms.payment.in_arrears)


def _billed(tx: Tx, contract: Contract) -> list[Line]:
    """What comes again after its invoice was void is of the line that stands there still."""
    found = tx.find(InvoiceLine, contract=contract.id)
    return [each.line for each in found if not each.line.again]


def _taxing(tx: Tx, contract: Contract, customer: Customer, billed: Iterable[Line]) -> Taxing:
    """Which rule each line of it is under: the customer's, or the seller's, of its supply."""
    named = {each.sku for each in contract.commitments if each.sku is not None}
    named |= {each.use.rates.named[0] for each in contract.commitments if each.use is not None}
    skus = {sku: found.supply for sku in named if (found := tx.peek(Sku, sku)) is not None}
    table = tx.get(Entity, contract.entity).taxes(customer)
    return Taxing.of(table, customer.time_zone, skus, billed)
