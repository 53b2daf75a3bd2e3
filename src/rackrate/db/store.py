"""The store on PostgreSQL: one transaction per use case, writes sent together at its end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import psycopg
from psycopg.types.string import TextLoader
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from rackrate.core.errors import Reason, Refused
from rackrate.db.failures import translated
from rackrate.db.fleets import Fleets
from rackrate.db.schema import ROLE
from rackrate.db.tx import PostgresTx
from rackrate.db.wire import Session

CONNECTIONS = 32
CONNECT_SECONDS = 10.0
KEEP_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_SESSION = """
SELECT set_config('timezone', 'UTC', false),
       set_config('lock_timeout', '30s', false),
       set_config('idle_in_transaction_session_timeout', '10min', false),
       set_config('plan_cache_mode', 'force_generic_plan', false)"""
_BECOME = """
SELECT set_config('role', rolname, false) FROM pg_roles
WHERE rolname = %s AND pg_has_role(session_user, oid, 'MEMBER')"""
_ABOVE_RULES = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"


class PostgresStore:
    """Rows in PostgreSQL. Safe for threads; several stores may work on one database."""

    def __init__(
        self, dsn: str, connections: int = CONNECTIONS, wait_s: float = CONNECT_SECONDS
    ) -> None:
        """At most `connections` at once; who waits longer than `wait_s` for one is told so."""
        self._fleets = Fleets()
        self._local = threading.local()
        self._pool: ConnectionPool[Session] = ConnectionPool(
            dsn,
            connection_class=Session,
            kwargs=KEEP_ALIVE,
            min_size=1,
            max_size=connections,
            timeout=wait_s,
            configure=_prepare_session,
            open=False,
        )
        try:
            with Session.connect(dsn, connect_timeout=int(CONNECT_SECONDS)) as first:
                _prepare_session(first)
            self._pool.open(wait=True, timeout=CONNECT_SECONDS)
        except (psycopg.Error, PoolTimeout) as error:
            self._pool.close()
            raise translated(error) from error

    def __enter__(self) -> "PostgresStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections. What was not committed is undone by the server."""
        self._pool.close()

    @contextmanager
    def transaction(self) -> Iterator[PostgresTx]:
        """A transaction, or the one that this thread is in already."""
        joined: PostgresTx | None = getattr(self._local, "tx", None)
        if joined is not None:
            yield joined
            return
        tx = self._local.tx = PostgresTx(self, self._fleets)
        try:
            yield tx
            tx.commit()
        except BaseException:
            tx.undo()
            raise
        finally:
            self._local.tx = None
            tx.close()

    def take(self) -> Session:
        """A connection from the pool, which waits a while for one."""
        try:
            return self._pool.getconn()
        except (psycopg.Error, PoolTimeout, PoolClosed) as error:
            raise translated(error) from error

    def give_back(self, session: Session) -> None:
        self._pool.putconn(session)

    def replace(self, session: Session) -> Session:
        """One that works for one that does not. Where one died others did: all are looked at."""
        self._pool.putconn(session)
        self._pool.check()
        return self.take()


def _prepare_session(session: Session) -> None:
    """UTC, and the role for which the database's rules hold. Refuses to work above the rules."""
    session.adapters.register_loader("jsonb", TextLoader)
    session.execute(_SESSION)
    session.execute(_BECOME, [ROLE])
    above = session.execute(_ABOVE_RULES).fetchone()
    session.commit()
    if above is None or above[0]:
        raise Refused(
            Reason.WRONG_STATE,
            "this database user is above row-level security and there is no role "
            f"{ROLE}: run `rackrate up` once as this user, so that it is made",
        )
