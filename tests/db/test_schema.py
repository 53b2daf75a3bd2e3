"""The schema and its runner: applied once, by one, in order, and the same as the values."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import psycopg
import pytest

from rackrate.core.errors import Refused, Unavailable
from rackrate.core.parties import Customer
from rackrate.db.rows import CODECS, EVENT, POSTING
from rackrate.db.schema import FOLDER, ROLE, migrate, migrations
from rackrate.db.store import PostgresStore
from tests.contract.stores import ACME, GROUND

# What rows have beside the fields of their values: derived in SQL, or the order of changes.
DERIVED = {
    "node": {"pool", "version"},
    "reservation": {"version"},
    "claim": {"open", "version"},
    "breach": {"unmended"},
    "sending": {"waiting"},
    "lease": {"live", "site"},
    "contract": {"dedicated"},
    "delivery": {"awaiting"},
    "invoice_line": {"source", "lease", "contract", "month", "net", "net_currency"},
    "posting": {"entry", "place"},
    "invoice": {"unsettled", "lapsed"},
    "draft": {"ready"},
}
TYPES = {"bigint", "boolean", "interval", "jsonb", "numeric", "text", "timestamp with time zone"}
RANGES = {"tstzrange", "int4multirange"}
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable = 'YES' FROM information_schema.columns
WHERE table_schema = 'public'"""


def asked(dsn: str, text: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(text.encode()).fetchall()


def test_columns_are_the_fields_of_the_values(database: str) -> None:
    columns: dict[str, set[str]] = {}
    for table, column, *_ in asked(database, COLUMNS):
        columns.setdefault(table, set()).add(column)
    for codec in (*CODECS.values(), EVENT, POSTING):
        derived = DERIVED.get(codec.table, set())
        written = set(codec.columns)
        assert columns.pop(codec.table) == written | derived, codec.table
    assert set(columns) == {"series", "fleet_removal", "schema_version"}


def test_columns_have_real_types_and_every_integer_is_a_bigint(database: str) -> None:
    for table, column, kind, _ in asked(database, COLUMNS):
        assert kind in TYPES | RANGES, f"{table}.{column} is {kind}"


def test_a_second_run_has_nothing_to_do(empty_database: str) -> None:
    assert migrate(empty_database) == len(migrations())
    before = asked(empty_database, "SELECT * FROM schema_version")
    assert migrate(empty_database) == 0
    assert asked(empty_database, "SELECT * FROM schema_version") == before


def test_several_at_once_apply_each_step_once(empty_database: str) -> None:
    done: list[int] = []
    runners = [
        threading.Thread(target=lambda: done.append(migrate(empty_database))) for _ in range(4)
    ]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    assert sorted(done) == [0, 0, 0, len(migrations())]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the schema's folder, to write next steps into."""
    return Path(copytree(FOLDER, tmp_path / "schema"))


def step(folder: Path, text: str) -> Path:
    path = folder / f"{migrations(folder)[-1].number + 1:04}-next.sql"
    path.write_text(text)
    return path


def test_a_step_that_fails_leaves_nothing(empty_database: str, folder: Path) -> None:
    bad = step(folder, "CREATE TABLE half (id text); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty_database, folder)
    assert len(asked(empty_database, "SELECT * FROM schema_version")) == len(migrations())
    assert asked(empty_database, "SELECT to_regclass('half')") == [(None,)]
    bad.write_text("CREATE TABLE half (id text);")
    assert migrate(empty_database, folder) == 1


def test_nodes_that_were_named_before_say_so_and_dedicated_contracts_are_known(
    empty_database: str, folder: Path
) -> None:
    """Rows from before step 4; later steps do not matter here, and neither do foreign keys."""
    (fourth,) = folder.glob("0004-*.sql")
    text = fourth.read_text()
    for path in folder.glob("[0-9]*.sql"):
        if path.name > "0004":
            path.unlink()
    (folder / "grants.sql").write_text("")
    migrate(empty_database, folder)
    with psycopg.connect(empty_database) as connection:
        connection.execute("SET session_replication_role = replica")
        for name in ("a", "b"):
            connection.execute(
                "INSERT INTO node (id, site, block, chip, gpus, parts, capacity, state, note,"
                " batch, version) VALUES (%s, 's', 'b', 'c', 8, 1, '{}', 'in_service', '', 0, 1)",
                [name],
            )
        connection.execute(
            "INSERT INTO delivery (id, contract, customer, commitment, number, nodes, due,"
            " delivered, by, names)"
            " VALUES ('k/1/1', 'k', 'c', 1, 1, 1, now(), now(), '', '[\"b\"]')"
        )
        connection.execute(
            "INSERT INTO contract (id, entity, customer, project, currency, commitments,"
            " prepayment_percent, tax_included, signed, name, terms, amendments)"
            " SELECT id, 'e', 'c', 'p', 'CNY', '[1]', 0, true, now(), '', terms::jsonb, '[]'"
            " FROM (VALUES ('k', '{\"dedicated\": true}'), ('m', '{}')) AS given (id, terms)"
        )
    fourth.write_text(text)
    assert migrate(empty_database, folder) == 1
    assert asked(empty_database, "SELECT id, named_for FROM node ORDER BY id") == [
        ("a", None), ("b", "k"),
    ]  # fmt: skip
    assert asked(empty_database, "SELECT id FROM contract WHERE dedicated") == [("k",)]


def test_a_newer_database_is_refused_and_left_alone(database: str, folder: Path) -> None:
    step(folder, "CREATE TABLE newer (id text);")
    migrate(database, folder)
    with pytest.raises(Refused, match="upgrade rackrate"):
        migrate(database)


def test_a_step_whose_text_changed_is_refused(database: str, folder: Path) -> None:
    first = next(folder.glob("0001-*.sql"))
    first.write_text(first.read_text() + "-- an afterthought\n")
    with pytest.raises(Refused, match="step 1"):
        migrate(database, folder)


def test_numbers_have_no_gap(folder: Path) -> None:
    (folder / "0099-too-far.sql").write_text("")
    with pytest.raises(AssertionError, match="gap"):
        migrations(folder)


def test_a_busy_database_is_left_as_it_was(database: str, folder: Path) -> None:
    step(folder, "ALTER TABLE lease ADD COLUMN next text;")
    with psycopg.connect(database) as reader:
        reader.execute("SELECT * FROM lease")
        with pytest.raises(Unavailable, match="busy"):
            migrate(database, folder, "20ms")
    assert migrate(database, folder) == 1


def test_no_database_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        migrate("host=/nonexistent dbname=x")


@contextmanager
def owned(postgres: Any, database: str, may: str = "") -> Iterator[tuple[str, str]]:
    """The database in the hands of a role that is no superuser: its dsn, and its name."""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    user = f"{name}_owner"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {user} LOGIN {may}".encode())
        connection.execute(f"ALTER DATABASE {name} OWNER TO {user}".encode())
        connection.execute(f"ALTER SCHEMA public OWNER TO {user}".encode())
    try:
        yield psycopg.conninfo.make_conninfo(database, user=user), user
    finally:
        postgres.drop(database)
        with psycopg.connect(postgres.server.dsn_of("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {user}; DROP ROLE {user}".encode())


def test_an_owner_who_is_not_a_superuser_can_migrate(postgres: Any, empty_database: str) -> None:
    """The operator's own server gives a database and little more."""
    with owned(postgres, empty_database) as (theirs, user):
        assert migrate(theirs) == len(migrations())
        member = f"SELECT pg_has_role('{user}', '{ROLE}', 'MEMBER')"
        assert asked(empty_database, member) == [(False,)]
        check_confined(theirs)


def test_who_made_the_role_may_become_it(postgres: Any, empty_database: str, database: str) -> None:
    """Since PostgreSQL 16 the maker of a role administers it, and cannot yet step down to it."""
    with owned(postgres, empty_database, "CREATEROLE") as (theirs, user):
        made = f"GRANT {ROLE} TO {user} WITH ADMIN TRUE, SET FALSE, INHERIT FALSE"
        with psycopg.connect(empty_database, autocommit=True) as connection:
            connection.execute(made.encode())
        migrate(theirs)
        check_confined(theirs)


def check_confined(dsn: str) -> None:
    """Without a role of its own to step down to, the program is confined as the owner."""
    with PostgresStore(dsn) as store:
        with store.transaction() as tx:
            tx.add(*GROUND)
        with store.transaction() as tx:
            tx.confine(ACME)
            assert [row.id for row in tx.find(Customer)] == [ACME]


def test_contract_prices_of_before_are_numbers_of_their_currency(
    empty_database: str, folder: Path
) -> None:
    """Rows from before step 18, whose amounts were money; it has to know how many digits."""
    (step_18,) = folder.glob("0018-*.sql")
    text = step_18.read_text()
    for path in folder.glob("[0-9]*.sql"):
        if path.name >= "0018":
            path.unlink()
    (folder / "grants.sql").write_text("")
    migrate(empty_database, folder)
    with psycopg.connect(empty_database) as connection:
        connection.execute("SET session_replication_role = replica")
        for currency in ("CNY", "JPY", "KWD"):
            money = f'{{"minor": 5670012, "currency": "{currency}"}}'
            tiers = f'[{{"months": 36, "nodes": 1, "amount": {money}}}]'
            connection.execute(
                "INSERT INTO contract_price (id, sku, currency, effective, tax_included, basis,"
                " floor_percent, tiers) VALUES (%s, 's', %s, now(), false, 'all', 5, %s)",
                [currency, currency, tiers],
            )
    step_18.write_text(text)
    assert migrate(empty_database, folder) == 1
    found = asked(empty_database, "SELECT id, tiers, unit FROM contract_price ORDER BY id")
    assert [(id, tiers[0]["amount"], unit) for id, tiers, unit in found] == [
        ("CNY", "56700.12", "node_month"),
        ("JPY", "5670012", "node_month"),
        ("KWD", "5670.012", "node_month"),
    ]
