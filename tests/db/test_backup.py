"""A backup is the whole of one instant; a restore is all of it or nothing."""

from pathlib import Path

import psycopg
import pytest

from rackrate.core.errors import Invalid, Refused, Unavailable
from rackrate.db.backup import backup, restore
from rackrate.db.schema import ROLE

ENTITIES = """
    INSERT INTO entity (id, name, country, tax_id, time_zone, currency, invoice_series, output_tax,
                        payment_days)
    SELECT 'entity-' || n, '示例 ' || n, 'CN', '', 'Asia/Shanghai', 'CNY', 'E' || n, 'none', 30
    FROM generate_series(1, 500) n
"""
AUDIT = "SELECT count(*) FROM pg_trigger WHERE tgname = 'append_only'"
POLICIES = "SELECT count(*) FROM pg_policy"
EXCLUSIONS = "SELECT count(*) FROM pg_constraint WHERE contype = 'x'"


def run(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def count(dsn: str, question: str = "SELECT count(*) FROM entity") -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def filled(database: str) -> str:
    run(database, ENTITIES)
    return database


@pytest.fixture
def archive(filled: str, tmp_path: Path) -> Path:
    file = tmp_path / "today.backup"
    assert backup(filled, file) == file.stat().st_size > 0
    return file


@pytest.mark.parametrize("guards", [AUDIT, POLICIES, EXCLUSIONS])
def test_what_is_restored_is_what_was_backed_up_guards_included(
    archive: Path, filled: str, empty_database: str, guards: str
) -> None:
    restore(empty_database, archive)
    assert count(empty_database) == 500
    assert count(empty_database, guards) == count(filled, guards) > 0


def test_the_program_may_work_with_what_was_restored(archive: Path, empty_database: str) -> None:
    restore(empty_database, archive)
    run(
        empty_database, f"SET ROLE {ROLE}; UPDATE entity SET name = 'Example' WHERE id = 'entity-1'"
    )


def test_a_restore_leaves_nothing_of_what_it_replaces(archive: Path, filled: str) -> None:
    run(filled, "DELETE FROM entity; CREATE TABLE later (n int); CREATE SCHEMA other")
    restore(filled, archive, replace=True)
    assert count(filled) == 500
    with pytest.raises(psycopg.errors.UndefinedTable):
        run(filled, "SELECT * FROM later")


def test_a_backup_of_a_restored_database_is_restored_again(archive: Path, filled: str) -> None:
    restore(filled, archive, replace=True)
    backup(filled, archive)
    restore(filled, archive, replace=True)
    assert count(filled) == 500


def test_a_database_that_holds_something_is_not_overwritten_unasked(
    archive: Path, filled: str
) -> None:
    run(filled, "DELETE FROM entity WHERE id <> 'entity-1'")
    with pytest.raises(Refused, match=r"holds rows in 1 tables \(entity") as refusal:
        restore(filled, archive)
    assert refusal.value.facts == {"tables": 1}
    assert count(filled) == 1


def test_a_schema_without_rows_is_empty(archive: Path, database: str) -> None:
    run(database, "DELETE FROM entity")
    restore(database, archive)
    assert count(database) == 500


def test_a_truncated_backup_changes_nothing(archive: Path, filled: str) -> None:
    archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(Unavailable, match="pg_restore failed"):
        restore(filled, archive, replace=True)
    assert count(filled) == 500


def test_a_file_that_is_no_backup_of_ours_is_refused_by_name(
    tmp_path: Path, filled: str, empty_database: str
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("CREATE TABLE x ();")
    with pytest.raises(Invalid, match=r"notes\.txt is no backup"):
        restore(filled, file, replace=True)
    backup(empty_database, file)
    with pytest.raises(Invalid, match=r"notes\.txt is no backup"):
        restore(filled, file, replace=True)
    with pytest.raises(Invalid, match="cannot be read: No such file"):
        restore(filled, tmp_path / "nowhere", replace=True)


def test_a_backup_is_private_and_a_failed_one_leaves_no_file(tmp_path: Path, archive: Path) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Unavailable, match="pg_dump failed"):
        backup(f"host={tmp_path} user=nobody dbname=none", tmp_path / "never.backup")
    with pytest.raises(Invalid, match="cannot be written"):
        backup(f"host={tmp_path}", tmp_path / "no" / "such" / "folder")
    assert [file.name for file in tmp_path.iterdir()] == ["today.backup"]
