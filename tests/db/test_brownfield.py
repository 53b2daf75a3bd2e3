"""Taking over a running operator writes the same on PostgreSQL as in memory."""

from rackrate.app import billing, books
from rackrate.app.ports import Store
from rackrate.core.contract import Contract
from rackrate.core.ids import InvoiceId
from rackrate.core.lease import Lease
from rackrate.core.ledger import Balance
from rackrate.db.store import PostgresStore
from rackrate.sim.engine import SimEngine
from tests.app.test_brownfield import JANUARY, OPERATOR, RUNNING, SELLER, WEST
from tests.build import build

Taken = tuple[list[Contract], list[Lease], list[InvoiceId], tuple[Balance, ...]]


def taken_over(store: Store | None = None) -> Taken:
    engines: dict[str, SimEngine] = {}
    built = build(engines=engines, now=JANUARY, store=store)  # type: ignore[arg-type]
    engines[WEST] = SimEngine(built.clock)
    built.apply(OPERATOR, RUNNING)
    assert built.apply(OPERATOR, RUNNING).changes == ()
    with built.world.store.transaction() as tx:
        contracts, leases = tx.find(Contract), tx.find(Lease)
    invoices = [one.id for one in billing.find(built.world, built.admin)]
    return contracts, leases, invoices, books.balances(built.world, built.admin, SELLER)


def test_a_running_operator_is_taken_over_alike_in_memory_and_on_postgresql(database: str) -> None:
    with PostgresStore(database) as store:
        assert taken_over(store) == taken_over()
