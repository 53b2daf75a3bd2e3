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

# A custom-format archive begins with this.
MAGIC = b"PGDMP"
# The schema `public` as initdb makes it.
FRESH_SCHEMA = (
    "CREATE SCHEMA public;",
    "ALTER SCHEMA public OWNER TO pg_database_owner;",
    "GRANT USAGE ON SCHEMA public TO PUBLIC;",
)


def backup(dsn: str, file: Path) -> int:
    """Everything as of one instant, in one file; its size in bytes. Whole, or not there at all."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _run("pg_dump", dsn, ["--format=custom", "--compress=6", "--no-owner", f"--file={part}"])
        os.fsync(handle)
        part.replace(file)
    finally:
        os.close(handle)
        part.unlink(missing_ok=True)
    return file.stat().st_size


def restore(dsn: str, file: Path, *, replace: bool = False) -> None:
    """Make the database what the file says, in one transaction: all of it, or nothing changes."""
    _check(file)
    tables = _tables(dsn)
    if tables and not replace:
        raise Refused(
            Reason.IN_USE,
            f"the database holds {tables} tables already; restore into an empty one, "
            "or say that what it holds may be replaced",
            {"tables": tables},
        )
    script = _run("pg_restore", None, ["--no-owner", "--file=-", str(file)])
    _ensure_roles(dsn, script)
    _run(
        "psql",
        dsn,
        ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-"],
        (_empty(dsn) + script).encode(),
    )


def _check(file: Path) -> None:
    try:
        with file.open("rb") as archive:
            found = archive.read(len(MAGIC))
    except OSError as error:
        raise Invalid("file", f"{file} cannot be read: {error.strerror}") from error
    if found != MAGIC:
        raise Invalid("file", f"{file} is no backup that `rackrate backup` made")


def _tables(dsn: str) -> int:
    with _connect(dsn) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' "
            "AND n.nspname <> 'information_schema'"
        ).fetchone()
    assert row is not None
    return int(row[0])


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


def _ensure_roles(dsn: str, script: str) -> None:
    """Roles belong to a server and not to a database: those that the rules name must exist."""
    named = set()
    for line in script.splitlines():
        if line.startswith(("GRANT ", "REVOKE ", "CREATE POLICY ", "ALTER DEFAULT PRIVILEGES ")):
            words = line.rstrip(";").replace(",", " ").split()
            starts = [i for i, word in enumerate(words) if word in ("TO", "FROM")]
            named |= {words[i + 1] for i in starts if i + 1 < len(words)}
    with _connect(dsn) as connection:
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
        for role in sorted(named - known - {"PUBLIC"}):
            if role.isidentifier():
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))


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
