"""Whatever happened, voids among it: each line that was ever invoiced is explained, and adds up."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rackrate.app import billing, explaining, voiding
from rackrate.core.errors import Refused
from rackrate.core.explanation import Explanation
from rackrate.core.interval import Month
from rackrate.core.invoice import LineKind
from rackrate.core.lease import LeaseClass, LeaseEvent
from tests.app import test_exactness_of_use as of_use
from tests.app.test_exact_spot import published, written
from tests.app.test_exactness import (
    EDGES,
    SELLER,
    SPREAD,
    Story,
    opened,
    price_books,
    record,
    stories,
    told,
)
from tests.build import Built

CLASSES = st.sampled_from(("use", "use", "flex", "alone", "spot"))
VOID = ("", "", "with the next close", "at once")
# What is learnt late is learnt with one of the closes; after the last nothing new comes.
CLOSES = 4


def write(built: Built, story: Story, klass: str, events: list[LeaseEvent]) -> None:
    if klass in ("use", "flex"):
        of_use.record(built, story, klass, events)
    else:
        record(built, story, events, LeaseClass.SPOT if klass == "spot" else LeaseClass.ON_DEMAND)


def void_some(built: Built, data: st.DataObject) -> None:
    for each in billing.find(built.world, built.admin):
        how = data.draw(st.sampled_from(VOID))
        if how and each.voided is None:
            try:
                again = how == "at once"
                voiding.void_invoice(built.world, built.admin, each.id, "a wrong name", again)
            except Refused:
                continue  # A credit note.


def check(why: Explanation) -> None:
    """What is measured rounds to the line; what was used and asked for are the minimum."""
    line = why.line.line
    assert why.taxed.rule
    if line.kind in (LineKind.USAGE, LineKind.CORRECTION):
        used = why.measured
        assert used is not None and used.matches and used.rounded == line.asked, line
        assert sum(part.exact for part in used.parts) == used.exact
    elif line.kind is LineKind.SHORTFALL:
        assert why.owing is not None and why.owing.matches, line
        assert all(row.invoice != line.void for row in why.owing.before)
    elif line.kind is LineKind.DRAWDOWN:
        assert why.drawn is not None and why.drawn.left.minor >= 0, line
        assert f" {why.drawn.left} is left" in line.description


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(EDGES)),
    st.lists(st.tuples(stories(), CLASSES, st.integers(0, CLOSES - 2)), min_size=1, max_size=3),
    price_books(),
    of_use.agreements(),
    st.data(),
)
def test_every_line_of_every_invoice_is_explained_whatever_was_void(
    edge: str,
    told_of: list[tuple[Story, str, int]],
    prices: list[dict[str, Any]],
    agreed: dict[str, Any],
    data: st.DataObject,
) -> None:
    built, instant, zone = opened(edge, prices)
    contract, _ = of_use.in_words(agreed, instant, zone)
    first = Month.of(instant - timedelta(seconds=SPREAD), zone)
    with built.world.store.transaction() as tx:
        tx.add(replace(contract, signed=first.interval(zone).start))
        tx.add(*written(data.draw(published()), instant))
    closes = [_close_of(first.plus(number), edge) for number in range(CLOSES)]
    logs = [told(story, n, instant, closes[k]) for n, (story, _, k) in enumerate(told_of)]
    for number, at in enumerate(closes):
        for (story, klass, _), events in zip(told_of, logs, strict=True):
            write(built, story, klass, [each for each in events if each.recorded_at < at])
        built.clock.instant = at
        billing.close(built.world, built.admin, SELLER, first.plus(number))
        built.clock.advance(timedelta(hours=1))
        if number < CLOSES - 1:
            void_some(built, data)
    for invoice in billing.find(built.world, built.admin):
        for row in billing.show(built.world, built.admin, invoice.id)[1]:
            check(explaining.explain(built.world, built.admin, invoice.id, row.place))


def _close_of(month: Month, edge: str) -> datetime:
    return max(month.interval(name).end for name in EDGES[edge][:2])
