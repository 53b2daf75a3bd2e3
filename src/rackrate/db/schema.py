"""The schema is numbered SQL files; this applies those that a database does not have yet."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg

from rackrate.core.errors import Reason, Refused, Unavailable

FOLDER = Path(__file__).with_name("schema")
NUMBERED = re.compile(r"(\d{4})-([a-z0-9-]+)\.sql")
OLDEST_SERVER = 150_000
ROLE = "rackrate_app"
LOCK = 7_225_722_572
LOCK_TIMEOUT = "10s"

_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_version (
    number  bigint PRIMARY KEY,
    name    text NOT NULL,
    digest  text NOT NULL,
    applied timestamptz NOT NULL DEFAULT now()
)"""
_MAKE_ROLE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        BEGIN
            CREATE ROLE {ROLE} NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another database of this server was quicker
        END;
    END IF;
    -- From PostgreSQL 16 on, whoever makes a role may grant it and not yet become it.
    IF current_setting('server_version_num')::int < 160000 THEN
        IF NOT pg_has_role(current_user, '{ROLE}', 'MEMBER') THEN
            EXECUTE format('GRANT {ROLE} TO %I', current_user);
        END IF;
    ELSIF NOT pg_has_role(current_user, '{ROLE}', 'SET') THEN
        EXECUTE format('GRANT {ROLE} TO %I WITH SET TRUE', current_user);
    END IF;
END $$"""
_MAY_MAKE_ROLES = """
SELECT rolsuper OR rolcreaterole OR EXISTS (
    SELECT FROM pg_roles AS app
    WHERE app.rolname = %s AND pg_has_role(current_user, app.oid, 'MEMBER')
) FROM pg_roles WHERE rolname = current_user"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. Once released its text never changes: `digest` tells."""

    number: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """All steps, in order, numbered from 1 without a gap."""
    found = []
    for path in sorted(folder.glob("[0-9]*.sql")):
        match = NUMBERED.fullmatch(path.name)
        assert match, f"name it like 0007-what-it-does.sql: {path.name}"
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    assert [step.number for step in found] == list(range(1, len(found) + 1)), "numbers have a gap"
    return tuple(found)


def migrate(dsn: str, folder: Path = FOLDER, lock_timeout: str = LOCK_TIMEOUT) -> int:
    """Bring a database up to this program; returns how many steps that took.

    Safe to repeat, and safe to run by several at once. Refuses a database that is newer.
    """
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            if connection.info.server_version < OLDEST_SERVER:
                raise Refused(
                    Reason.WRONG_STATE,
                    f"this server is PostgreSQL {connection.info.server_version // 10_000}; "
                    f"rackrate needs {OLDEST_SERVER // 10_000} or newer",
                )
            connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            connection.execute("SELECT set_config('lock_timeout', %s, false)", [lock_timeout])
            connection.execute(_VERSIONS)
            return _apply(connection, migrations(folder), folder)
    except psycopg.errors.LockNotAvailable as error:
        raise Unavailable(
            f"the database is busy, so its schema was left as it was; try again: {error}"
        ) from error
    except psycopg.OperationalError as error:
        raise Unavailable(f"the database does not answer: {error}") from error


def _apply(
    connection: psycopg.Connection[tuple[object, ...]], steps: tuple[Migration, ...], folder: Path
) -> int:
    known = "SELECT number, name, digest FROM schema_version ORDER BY number"
    applied = connection.execute(known).fetchall()
    if len(applied) > len(steps):
        raise Refused(
            Reason.WRONG_STATE,
            f"the database has schema {len(applied)} and this program knows {len(steps)}: "
            "upgrade rackrate, or restore a backup from before",
        )
    for row, step in zip(applied, steps, strict=False):
        if row != (step.number, step.name, step.digest):
            raise Refused(
                Reason.WRONG_STATE,
                f"step {step.number} of the database's schema is another than this program's: "
                "it was made by a version that was never released",
            )
    for step in steps[len(applied) :]:
        with connection.transaction():
            connection.execute(step.text.encode())
            connection.execute(
                "INSERT INTO schema_version (number, name, digest) VALUES (%s, %s, %s)",
                [step.number, step.name, step.digest],
            )
    _grant(connection, folder)
    return len(steps) - len(applied)


def _grant(connection: psycopg.Connection[tuple[object, ...]], folder: Path) -> None:
    """Give the program's own role its rights, where the owner of the database may make roles."""
    allowed = connection.execute(_MAY_MAKE_ROLES, [ROLE]).fetchone()
    if allowed is not None and allowed[0]:
        with connection.transaction():
            connection.execute(_MAKE_ROLE.encode())
            connection.execute((folder / "grants.sql").read_bytes())
