"""What simulated years should cost, by the book: months from acceptance on, and damages."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.sim.years_book import Book

EIGHT_HOURS = timedelta(hours=8)
A_DAY = timedelta(days=1)
Months = Counter[tuple[str, int, str]]


def wrong(book: Book, lines: Iterable[Any], now: datetime) -> Iterator[str]:
    """Months and damages on invoices, and on those to come up to the end of the next month."""
    months, damages = Months(), Counter[str]()
    for line in lines:
        if str(line.kind) == "instalment" and not book.terms[line.contract].prepaid:
            months[(line.contract, line.commitment, str(line.month))] += line.net.minor
        elif str(line.kind) == "damages":
            damages[line.source.removeprefix("damages/")] -= line.net.minor
    last = _begins(*_month(now, 2))
    for contract in book.agreed:
        if not book.terms[contract].prepaid:
            yield from _months(book, contract, months, last)
        for id in book.batches[contract]:
            yield from _damages(book, contract, id, damages.pop(id, 0))
    for key in [key for key, minor in months.items() if minor]:
        yield f"{months[key]} asked for {key}, and nothing owed"
    if damages:
        yield f"damages that nobody agreed to: {dict(damages)}"


def _months(book: Book, contract: str, months: Months, last: datetime) -> Iterator[str]:
    for number in book.agreed[contract]:
        for month, value in _values(book, contract, number, last):
            asked = months.pop((contract, number, month), 0)
            if asked != value:
                yield f"{month} of {contract}, piece {number}: {asked} asked, {value} owed"


def _values(book: Book, contract: str, number: int, last: datetime) -> Iterator[tuple[str, int]]:
    """What each month of a piece costs: by the seconds for which its nodes are paid for."""
    piece = book.agreed[contract][number]
    at = piece.start
    while at < min(piece.end, last):
        year, month = _month(at)
        begins, ends = _begins(year, month), _begins(*_month(at, 1))
        paid = _paid(book, contract, number, (at, min(ends, piece.end)))
        whole = piece.nodes * int((ends - begins).total_seconds())
        yield f"{year}-{month:02}", (2 * piece.monthly * paid + whole) // (2 * whole)
        at = ends


def _paid(book: Book, contract: str, number: int, span: tuple[datetime, datetime]) -> int:
    """Node-seconds: all of them; or from its acceptance on, each batch."""
    piece, (start, end) = book.agreed[contract][number], span
    if book.terms[contract].acceptance == "none":
        return piece.nodes * int((end - start).total_seconds())
    accepted = [
        (batch.accepted, batch.nodes)
        for batch in book.batches[contract].values()
        if batch.piece == book.origin(contract, number) and batch.accepted
    ]
    times = sorted({start, end, *(at for at, _ in accepted if start < at < end)})
    seconds = 0
    for at, until in pairwise(times):
        nodes = min(piece.nodes, sum(n for since, n in accepted if since <= at))
        seconds += nodes * int((until - at).total_seconds())
    return seconds


def _damages(book: Book, contract: str, id: str, asked: int) -> Iterator[str]:
    """By days begun from the day that it was due to the day that it came, up to the cap."""
    batch, agreed = book.batches[contract][id], book.terms[contract].damages
    piece = book.agreed[contract][batch.piece]
    of_month = (2 * piece.monthly * batch.nodes + piece.nodes) // (2 * piece.nodes)
    percent, cap = agreed or (0, 0)
    due = any(one.start <= batch.due < one.end for one in book.lasting(contract, batch.piece))
    days = 0
    if batch.delivered and due:
        days = max(0, -((batch.due - batch.delivered) // A_DAY))
    owed = (2 * of_month * min(percent * days, cap) + 100) // 200
    if batch.delivered and asked != owed:
        yield f"{asked} of damages for {id}, and {owed} owed: {batch}"
    most = (2 * of_month * cap + 100) // 200 if due else 0
    if not batch.delivered and not 0 <= asked <= most:
        yield f"{asked} of damages for {id}, which never came, and at most {most} owed"


def _month(at: datetime, later: int = 0) -> tuple[int, int]:
    """Year and month in a zone that is eight hours ahead, so many months later."""
    local = at + EIGHT_HOURS
    years, month = divmod(local.month - 1 + later, 12)
    return local.year + years, month + 1


def _begins(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC) - EIGHT_HOURS
