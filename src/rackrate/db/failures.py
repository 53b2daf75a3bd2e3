"""What PostgreSQL says went wrong, in Rackrate's own words."""

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from rackrate.core.errors import Conflict, Invalid, Reason, Refused, Unavailable

Failure = psycopg.Error | PoolTimeout | PoolClosed | TooManyRequests


class GuardHeld(AssertionError):
    """The database refused what the core should never have asked for: a mistake of ours."""


_NOT_NOW = (
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.QueryCanceled,
    errors.IdleInTransactionSessionTimeout,
)


def translated(error: Failure) -> Exception:
    """What to raise instead of `error`."""
    if not isinstance(error, psycopg.Error):
        return Unavailable("the database has no connection free; try again")
    first = str(error).strip().split("\n", 1)[0]
    if isinstance(error, errors.UniqueViolation):
        return Conflict(f"{_table(error)} is already there")
    if isinstance(error, errors.SerializationFailure):
        return Conflict("somebody else changed it first; look at it again")
    if isinstance(error, errors.ForeignKeyViolation):
        if "is still referenced" in (error.diag.message_detail or ""):
            return Refused(Reason.IN_USE, f"a {_table(error)} still needs it")
        return Conflict(f"a {_table(error)} names something that is not there (any more)")
    if isinstance(error, _NOT_NOW):
        return Unavailable(f"the database is busy; try again: {first}")
    if isinstance(error, errors.IntegrityError | errors.InsufficientPrivilege):
        return GuardHeld(f"the database refused it: {first}")
    if isinstance(error, psycopg.DataError):
        return Invalid("", f"this cannot be stored: {first}")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Unavailable(f"the database does not answer: {first}")
    return GuardHeld(f"the database did not understand us: {first}")


def _table(error: psycopg.Error) -> str:
    return (error.diag.table_name or "row").replace("_", " ")
