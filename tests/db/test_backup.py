"""A backup is the whole of one instant; a restore is all of it or nothing."""

from pathlib import Path

import psycopg
import pytest

from rackrate.core.errors import Invalid, Refused, Unavailable
from rackrate.db.backup import backup, restore

SCHEMA = """
    CREATE EXTENSION btree_gist;
    CREATE TABLE claim (
        node text NOT NULL,
        during tstzrange NOT NULL,
        EXCLUDE USING gist (node WITH =, during WITH &&)
    );
    INSERT INTO claim SELECT '节点-' || n, '[2026-11-01, 2026-11-02)'
    FROM generate_series(1, 500) n;
"""
CLASH = "INSERT INTO claim VALUES ('节点-7', '[2026-11-01 12:00, 2026-11-03)')"


def run(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def count(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM claim").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def sold(empty_database: str) -> str:
    run(empty_database, SCHEMA)
    return empty_database


@pytest.fixture
def archive(sold: str, tmp_path: Path) -> Path:
    file = tmp_path / "today.backup"
    assert backup(sold, file) == file.stat().st_size > 0
    return file


def test_what_is_restored_is_what_was_backed_up_guards_included(
    archive: Path, database: str
) -> None:
    restore(database, archive, replace=True)
    assert count(database) == 500
    with pytest.raises(psycopg.errors.ExclusionViolation):
        run(database, CLASH)


def test_a_restore_leaves_nothing_of_what_it_replaces(archive: Path, sold: str) -> None:
    run(sold, "DELETE FROM claim; CREATE TABLE later (n int); CREATE SCHEMA other")
    restore(sold, archive, replace=True)
    assert count(sold) == 500
    with pytest.raises(psycopg.errors.UndefinedTable):
        run(sold, "SELECT * FROM later")


def test_a_database_that_holds_something_is_not_overwritten_unasked(
    archive: Path, sold: str
) -> None:
    run(sold, "DELETE FROM claim WHERE node <> '节点-1'")
    with pytest.raises(Refused, match="holds 1 tables already") as refusal:
        restore(sold, archive)
    assert refusal.value.facts == {"tables": 1}
    assert count(sold) == 1


def test_a_truncated_backup_changes_nothing(archive: Path, sold: str) -> None:
    archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(Unavailable, match="pg_restore failed"):
        restore(sold, archive, replace=True)
    assert count(sold) == 500


def test_a_file_that_is_no_backup_is_refused_by_name(tmp_path: Path, sold: str) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("CREATE TABLE x ();")
    with pytest.raises(Invalid, match=r"notes\.txt is no backup"):
        restore(sold, file, replace=True)
    with pytest.raises(Invalid, match="cannot be read: No such file"):
        restore(sold, tmp_path / "nowhere", replace=True)


def test_a_backup_is_private_and_a_failed_one_leaves_no_file(tmp_path: Path, archive: Path) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Unavailable, match="pg_dump failed"):
        backup(f"host={tmp_path} user=nobody dbname=none", tmp_path / "never.backup")
    assert [file.name for file in tmp_path.iterdir()] == ["today.backup"]


def test_roles_that_the_rules_name_exist_after_a_restore(archive: Path, sold: str) -> None:
    run(sold, "DROP ROLE IF EXISTS test_auditor; CREATE ROLE test_auditor")
    run(sold, "GRANT SELECT ON claim TO test_auditor")
    backup(sold, archive)
    run(sold, "DROP TABLE claim; DROP ROLE test_auditor")
    restore(sold, archive, replace=True)
    run(sold, "SET ROLE test_auditor; SELECT count(*) FROM claim")
    run(sold, "DROP TABLE claim; DROP ROLE test_auditor")
