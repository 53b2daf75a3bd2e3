"""The SQL of what is asked for; that of what is written comes with the codecs."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from rackrate.app.rows import KINDS
from rackrate.core.lease import Lease
from rackrate.db.pending import array
from rackrate.db.rows import CODECS, EVENT, POSTING

EVENTS = f"SELECT {EVENT.select} FROM lease_event WHERE lease = $1 ORDER BY seq"
EVENTS_OF = (
    f"SELECT {EVENT.select} FROM lease_event WHERE lease = ANY($1::text[]) ORDER BY lease, seq"
)
LEASES_OF = f"SELECT {CODECS[Lease].select} FROM lease WHERE id = ANY($1::text[]) ORDER BY id"
ALONE = (
    f"SELECT {CODECS[Lease].select} FROM lease WHERE id = ANY($1::text[]) ORDER BY id "
    "FOR NO KEY UPDATE SKIP LOCKED"
)
MAY_HAVE_RUN = """
SELECT id FROM lease
WHERE customer = $1 AND (ended > $2 OR ended IS NULL) AND created < $3
ORDER BY id"""
LEARNT = f"""
SELECT {CODECS[Lease].select} FROM lease
WHERE customer = ANY($1::text[])
  AND id IN (SELECT lease FROM lease_event WHERE recorded_at >= $2 AND at < $3)
ORDER BY id"""
POSTINGS = (
    f"SELECT {POSTING.select} FROM posting WHERE entry = ANY($1::text[]) ORDER BY entry, place"
)
NUMBER = """
INSERT INTO series (id, last) VALUES ($1, 1)
ON CONFLICT (id) DO UPDATE SET last = series.last + 1 RETURNING last"""
_BALANCES = """
SELECT account, customer, amount_currency, book_currency, sum(amount)::bigint, sum(book)::bigint
FROM posting JOIN entry ON entry.id = posting.entry
WHERE entry.entity = $1 AND ($2::timestamptz IS NULL OR entry.at < $2){also}
GROUP BY account, customer, amount_currency, book_currency
ORDER BY account COLLATE "C", coalesce(customer, '') COLLATE "C", amount_currency COLLATE "C",
         book_currency COLLATE "C" """
BALANCES = _BALANCES.format(also="")
FOREIGN_BALANCES = _BALANCES.format(
    also=" AND amount_currency <> book_currency AND ($3::text IS NULL OR customer = $3)"
)


def finding(
    kind: type, equal: Mapping[str, object], after: str, limit: int | None, newest_first: bool
) -> tuple[str, list[str]]:
    """The text and the parameters of `find`."""
    unknown = equal.keys() - set(KINDS[kind].finds)
    assert not unknown, f"{kind.__name__} is not found by {unknown}"
    values: list[str] = []
    tests = [_test(f'"{name}"', value, values) for name, value in equal.items()]
    if after:
        tests.append(f"id {'<' if newest_first else '>'} {_next(values, after)}")
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    order = "ORDER BY id DESC" if newest_first else "ORDER BY id"
    codec = CODECS[kind]
    text = f"SELECT {codec.read} FROM {codec.table}{where} {order}"
    return (text if limit is None else f"{text} LIMIT {_next(values, str(limit))}"), values


def _next(values: list[str], value: str) -> str:
    """The placeholder of one more parameter."""
    values.append(value)
    return f"${len(values)}"


def _test(column: str, value: object, values: list[str]) -> str:
    """One condition. Truth values stand in the text, so that partial indexes can be used."""
    if isinstance(value, tuple | frozenset | list):
        known = [part for part in value if part is not None]
        if any(isinstance(part, bool) for part in known):
            return " OR ".join(_test(column, part, values) for part in value).join("()")
        test = f"{column} = ANY({_next(values, array(map(_plain, known)))}::text[])"
        return test if len(known) == len(value) else f"({test} OR {column} IS NULL)"
    if value is None:
        return f"{column} IS NULL"
    if isinstance(value, bool):
        return column if value else f"NOT {column}"
    return f"{column} = {_next(values, _plain(value))}"


def _plain(value: Any) -> str:
    return value.value if isinstance(value, StrEnum) else str(value)
