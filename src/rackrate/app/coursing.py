"""The course of a contract, month by month: its payment plan beside what it earns and has left."""

from rackrate.app.instalments import earned_of, plan_of
from rackrate.app.sales import owner_of
from rackrate.app.world import World, reading
from rackrate.core.access import Actor, Target, Verb, allows
from rackrate.core.contract import Contract
from rackrate.core.course import CourseMonth, course
from rackrate.core.ids import ContractId
from rackrate.core.invoice import Invoice, InvoiceLine
from rackrate.core.parties import Customer


def course_of(world: World, actor: Actor, id: ContractId) -> tuple[CourseMonth, ...]:
    """As far as can be expected now. Invoices are named for those who may read them."""
    with reading(world, actor, Verb.CONTRACT_READ, owner_of(id)) as tx:
        contract = tx.get(Contract, id)
        zone = tx.get(Customer, contract.customer).time_zone
        plan = plan_of(tx, contract, world.clock.now(), expected=True)
        target = Target("contract", id, contract.customer, contract.project)
        billed = (
            tx.find(InvoiceLine, contract=id) if allows(actor, Verb.INVOICE_READ, target) else []
        )
        invoices = {id: tx.get(Invoice, id) for id in {row.invoice for row in billed}}
        owed = (row for row in billed if invoices[row.invoice].voided is None)
        return course(contract, plan, earned_of(tx, contract, plan), owed, zone)
