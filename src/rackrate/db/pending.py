"""Writes that have not been sent yet, gathered so that many rows travel as one statement."""

from collections.abc import Iterable, Iterator
from typing import Any

from rackrate.db.rows import Codec
from rackrate.db.wire import Statement

AT_ONCE = 5000
UNCHANGED = """
SELECT unchanged($1::bigint, (SELECT count(*) FROM (
    SELECT FROM {0} JOIN unnest($2::text[], $3::text[]) AS seen (id, version)
    ON {0}.id = seen.id AND {0}.xmin::text = seen.version
    ORDER BY {0}.id FOR UPDATE OF {0}
) AS still))"""


class Pending:
    """In the order of writing within each table; tables do not wait for each other.

    That is safe because foreign keys and guards across tables are checked at commit.
    """

    def __init__(self) -> None:
        self._groups: list[tuple[Codec, bool, dict[object, Any]]] = []
        self._last: dict[str, tuple[bool, dict[object, Any]]] = {}
        self._as_read: dict[str, dict[str, str]] = {}

    @property
    def tables(self) -> dict[str, tuple[bool, dict[object, Any]]]:
        """The tables that something is to be written to, by name."""
        return self._last

    def put(self, codec: Codec, row: Any) -> None:
        """Of two puts of one key, one after the other, the last alone is sent."""
        self._group(codec, True)[row.id] = row

    def add(self, codec: Codec, row: object) -> None:
        group = self._group(codec, False)
        group[len(group)] = row

    def expect(self, codec: Codec, key: str, version: str) -> None:
        """Before anything is written: the row is still as it was read."""
        self._as_read.setdefault(codec.table, {})[key] = version

    def statements(self) -> Iterator[Statement]:
        """What to send, which is then no longer pending."""
        as_read, self._as_read = self._as_read, {}
        for table, versions in as_read.items():
            yield (
                UNCHANGED.format(table),
                (str(len(versions)), array(versions), array(versions.values())),
            )
        groups, self._groups, self._last = self._groups, [], {}
        for codec, overwrite, keyed in groups:
            rows = list(keyed.values())
            if len(rows) == 1:
                yield (codec.put_one if overwrite else codec.add_one), codec.encode(rows[0])
                continue
            text = codec.put_many if overwrite else codec.add_many
            for first in range(0, len(rows), AT_ONCE):
                columns = zip(*map(codec.encode, rows[first : first + AT_ONCE]), strict=True)
                yield text, [array(column) for column in columns]

    def _group(self, codec: Codec, overwrite: bool) -> dict[object, Any]:
        last = self._last.get(codec.table)
        if last is not None and last[0] is overwrite:
            return last[1]
        rows: dict[object, Any] = {}
        self._groups.append((codec, overwrite, rows))
        self._last[codec.table] = (overwrite, rows)
        return rows


def array(texts: Iterable[str | None]) -> str:
    """PostgreSQL's text form of an array of texts."""
    return "{" + ",".join(["NULL" if text is None else _quoted(text) for text in texts]) + "}"


def _quoted(text: str) -> str:
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
