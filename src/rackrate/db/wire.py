"""Statements on the wire: prepared once per session, and as many as are ready in one exchange.

This is psycopg below its cursors, which would cost a lease start as much as PostgreSQL does.
"""

import select
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result

from rackrate.core.errors import Invalid

Row = tuple[Any, ...]
Statement = tuple[str, Sequence[str | None]]

_FINE = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})


class Session(psycopg.Connection[Row]):
    """A connection with its wire, which lives as long."""

    @property
    def wire(self) -> "Wire":
        wire: Wire | None = self.__dict__.get("_wire")
        if wire is None:
            wire = self.__dict__["_wire"] = Wire(self)
        return wire


class Wire:
    """Parameters and statements are text: `$1` is where the first parameter goes."""

    def __init__(self, session: Session) -> None:
        self._pg = session.pgconn
        self._loader = Transformer(session)
        self._names: dict[str, bytes] = {}

    def exchange(self, statements: Sequence[Statement]) -> list[pq.abc.PGresult]:
        """Carry out all of them, in order; one answer for each. Stops at the first that fails."""
        ready = [(self._prepared(text), _encoded(values)) for text, values in statements]
        if len(ready) == 1:
            return [_checked(self._pg.exec_prepared(*ready[0]))]
        self._pg.enter_pipeline_mode()
        for name, values in ready:
            self._pg.send_query_prepared(name, values)
        self._pg.pipeline_sync()
        results = list(self._results())
        self._pg.exit_pipeline_mode()
        return [_checked(result) for result in results]

    def rows(self, result: pq.abc.PGresult) -> list[Row]:
        """The rows of an answer, as Python values."""
        self._loader.set_pgresult(result)
        return self._loader.load_rows(0, result.ntuples, tuple)

    def rollback(self) -> None:
        """End the transaction, if there is one, as if it had not been."""
        if self._pg.pipeline_status != pq.PipelineStatus.OFF:
            raise psycopg.InterfaceError("interrupted in the middle of an exchange")
        if self._pg.transaction_status != pq.TransactionStatus.IDLE:
            _checked(self._pg.exec_(b"ROLLBACK"))

    def _prepared(self, text: str) -> bytes:
        name = self._names.get(text)
        if name is None:
            name = b"s%d" % len(self._names)
            _checked(self._pg.prepare(name, text.encode()))
            self._names[text] = name
        return name

    def _results(self) -> Iterator[pq.abc.PGresult]:
        """What came back, until the mark that the pipeline has been emptied."""
        while True:
            result = self._next()
            if result is None:  # the end of one statement's answer
                if self._pg.status == pq.ConnStatus.BAD:
                    raise psycopg.OperationalError("the connection was lost")
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                return
            yield result

    def _next(self) -> pq.abc.PGresult | None:
        """The next answer; other threads run while this one waits for it."""
        unsent = self._pg.flush()
        while unsent or self._pg.is_busy():
            poll = select.poll()
            poll.register(self._pg.socket, select.POLLIN | (select.POLLOUT if unsent else 0))
            if any(event & ~select.POLLOUT for _, event in poll.poll()):
                self._pg.consume_input()
            unsent = self._pg.flush()
        return self._pg.get_result()


def _checked(result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status in _FINE:
        return result
    if result.error_field(pq.DiagnosticField.SQLSTATE) is None:  # not the server speaking
        raise psycopg.OperationalError(result.get_error_message())
    raise error_from_result(result)


def _encoded(values: Sequence[str | None]) -> list[Any]:
    try:
        encoded = [None if value is None else value.encode() for value in values]
    except UnicodeEncodeError:
        raise Invalid("", "text that is stored has no halves of characters") from None
    if any(value is not None and b"\0" in value for value in encoded):
        raise Invalid("", "text that is stored has no NUL characters")
    return encoded
