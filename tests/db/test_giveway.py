"""On demand gives way to contracts on PostgreSQL as it does in memory."""

from rackrate.db.store import PostgresStore
from tests.app.test_giveway import Business


def test_random_business_refuses_no_contract_its_nodes_on_postgresql_either(database: str) -> None:
    with PostgresStore(database) as store:
        assert Business(3, store).run() == Business(3).run()
