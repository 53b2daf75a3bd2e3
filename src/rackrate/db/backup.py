"""Backup and restore with PostgreSQL's own tools: also the way from one version to the next."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from rackrate.core.errors import Invalid, Reason, Refused, Unavailable
from rackrate.db.owner import wheel
from rackrate.db.schema import migrate

# A custom-format archive begins with this, and ours holds this table.
MAGIC = b"PGDMP"
OURS = " TABLE public schema_version "
# The schema `public` as initdb makes it.
FRESH_SCHEMA = (
    "CREATE SCHEMA public;",
    "ALTER SCHEMA public OWNER TO pg_database_owner;",
    "GRANT USAGE ON SCHEMA public TO PUBLIC;",
)
# PostgreSQL 18's tools say this, and servers before 17 do not know it.
TOO_NEW = "SET transaction_timeout = 0;\n"


def backup(dsn: str, file: Path) -> int:
    """Everything as of one instant, in one file; its size in bytes. Whole, or not there at all."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Invalid("file", f"{file} cannot be written: {error.strerror}") from error
    try:
        # The rules about rows say who sees what; the operator, who dumps, sees everything.
        _run("pg_dump", dsn, ["--format=custom", "--enable-row-security", f"--file={part}"])
        os.fsync(handle)
        part.replace(file)
    finally:
        os.close(handle)
        part.unlink(missing_ok=True)
    return file.stat().st_size


def restore(dsn: str, file: Path, *, replace: bool = False) -> None:
    """Make the database what the file says, in one transaction: all of it, or nothing changes.

    Then bring it up to this program, as a backup may be older. What the database holds is
    replaced only when the caller says so.
    """
    _check(file)
    tables = _tables_with_rows(dsn)
    if tables and not replace:
        raise Refused(
            Reason.IN_USE,
            f"the database holds rows in {len(tables)} tables ({', '.join(tables[:3])} …); "
            "restore into an empty one, or say that what it holds may be replaced",
            {"tables": len(tables)},
        )
    script = _run(
        "pg_restore", None, ["--no-owner", "--no-privileges", "--file=-", str(file)]
    ).replace(TOO_NEW, "", 1)
    _run(
        "psql",
        dsn,
        ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-"],
        (_empty(dsn) + script).encode(),
    )
    migrate(dsn)


def _check(file: Path) -> None:
    try:
        with file.open("rb") as archive:
            found = archive.read(len(MAGIC))
    except OSError as error:
        raise Invalid("file", f"{file} cannot be read: {error.strerror}") from error
    if found != MAGIC or OURS not in _run("pg_restore", None, ["--list", str(file)]):
        raise Invalid("file", f"{file} is no backup that `rackrate backup` made")


def _tables_with_rows(dsn: str) -> list[str]:
    with _connect(dsn) as connection:
        names = connection.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' "
            "AND n.nspname <> 'information_schema' AND c.relname <> 'schema_version' ORDER BY 1, 2"
        ).fetchall()
        return [table for schema, table in names if _has_rows(connection, schema, table)]


def _has_rows(connection: psycopg.Connection[TupleRow], schema: str, table: str) -> bool:
    question = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(schema, table))
    return connection.execute(question).fetchone() is not None


def _empty(dsn: str) -> str:
    """The statements that drop whatever is there, for the head of the restoring transaction."""
    with _connect(dsn) as connection:
        schemas = connection.execute(
            "SELECT nspname FROM pg_namespace "
            "WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname"
        ).fetchall()
        lines = [
            sql.SQL("DROP SCHEMA {} CASCADE;").format(sql.Identifier(name)).as_string(connection)
            for (name,) in schemas
        ]
    return "\n".join([*lines, *FRESH_SCHEMA, ""])


def _connect(dsn: str) -> psycopg.Connection[TupleRow]:
    try:
        return psycopg.connect(dsn, autocommit=True)
    except psycopg.OperationalError as error:
        raise Unavailable(f"the database does not answer: {error}") from error


def _run(tool: str, dsn: str | None, arguments: Sequence[str], given: bytes = b"") -> str:
    """One of the wheel's tools. A password goes through the environment: `ps` shows arguments."""
    environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    command = [str(wheel().tool(tool)), *arguments]
    if dsn is not None:
        parts = conninfo_to_dict(dsn)
        password = parts.pop("password", None)
        if password is not None:
            environment["PGPASSWORD"] = str(password)
        command.append(f"--dbname={make_conninfo('', **parts)}")
    result = subprocess.run(command, env=environment, input=given, capture_output=True, check=False)
    if result.returncode:
        words = result.stderr.decode(errors="replace").strip().splitlines()
        raise Unavailable(f"{tool} failed: {words[0] if words else 'it said nothing'}")
    return result.stdout.decode()
