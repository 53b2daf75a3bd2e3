"""Rates as files mean them: none of a closed month, none that is far from its neighbours."""

from collections.abc import Iterator

from rackrate.app.manifest.prices import Rows
from rackrate.app.rows import Close
from rackrate.core.currency import CurrencyRate, check_new, check_open, check_target
from rackrate.core.errors import Invalid, Refused
from rackrate.core.inventory import Entity


def misfits(row: CurrencyRate, known: Rows) -> Iterator[str]:
    """What speaks against a rate that is not there yet."""
    if row.id in known.stored(CurrencyRate):
        return
    try:
        entities = known.all(Entity).values()
        check_target(row, [each.currency for each in entities])
        check_new(row, *_neighbours(row, known))
        for entity in entities:
            closed = [c.month for c in known.stored(Close).values() if c.entity == entity.id]
            if closed and entity.currency == row.target:
                check_open(row, entity.id, max(closed).interval(entity.time_zone).end)
    except (Invalid, Refused) as refusal:
        yield refusal.detail


def _neighbours(row: CurrencyRate, known: Rows) -> tuple[CurrencyRate | None, CurrencyRate | None]:
    """The rates of the pair before and after, in the files or in force."""
    pair = (row.currency, row.target)
    others: list[CurrencyRate] = [
        each
        for each in known.all(CurrencyRate).values()
        if (each.currency, each.target) == pair and each.id != row.id
    ]
    before = [each for each in others if each.effective < row.effective]
    after = [each for each in others if each.effective > row.effective]
    return (
        max(before, key=lambda each: each.effective, default=None),
        min(after, key=lambda each: each.effective, default=None),
    )
