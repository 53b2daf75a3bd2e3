"""Changes of shape, public addresses and readings, late and twice, against a rater of seconds."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rackrate.app import addresses, billing, books, explaining, readings
from rackrate.app.addresses import NewAddress
from rackrate.app.readings import Told
from rackrate.core.address import AddressPool
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import InvoiceLine
from rackrate.core.lease import EventKind, LeaseEvent, Shape
from rackrate.core.ledger import Account
from rackrate.core.pricing import OF_A_SITE, Unit
from rackrate.core.reading import Item
from tests.app.slow_rater import SlowAddress, SlowReading, bill
from tests.app.test_exactness import (
    AMOUNTS,
    BEGINNING,
    EDGES,
    ENDINGS,
    LIMITS,
    SECONDS,
    SELLER,
    SITE,
    SKUS,
    SPREAD,
    WHEN,
    WORK,
    Story,
    opened,
    record,
    slow,
    told,
)
from tests.build import Built

RESHAPING = (
    EventKind.STOP_REQUESTED, EventKind.STOPPING, EventKind.STOPPED, EventKind.RESHAPED,
    EventKind.START_REQUESTED, EventKind.STARTING, EventKind.RUNNING,
)  # fmt: skip
KINDS = (*SKUS, "address", "egress")
Key = tuple[str, str, tuple[int, int]]
Happening = tuple[datetime, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Life:
    """A lease with the shapes that it is given, and what is held and read beside it. A reading is
    from, until, bytes, and whether it is told after the first close.
    """

    story: Story
    shapes: tuple[tuple[str, int], ...]
    held: tuple[tuple[int, int], ...]
    read: tuple[tuple[int, int, int, bool], ...]


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, int]:
    start = draw(st.integers(-SPREAD, SPREAD - 1))
    return start, draw(st.integers(start + 1, SPREAD))


@st.composite
def lives(draw: st.DrawFn) -> Life:
    shape = st.tuples(st.sampled_from(sorted(SKUS)), st.integers(1, 16))
    shapes = draw(st.lists(shape, max_size=3))
    kinds = [*BEGINNING, *(RESHAPING * len(shapes)), *draw(st.sampled_from(ENDINGS))]
    size = len(kinds)
    instants = draw(st.sampled_from((SECONDS, st.integers(-2, 2))))
    seconds = sorted(draw(st.lists(instants, min_size=size, max_size=size)))
    log = tuple((kind, second, 0) for kind, second in zip(kinds, seconds, strict=True))
    story = Story(draw(st.integers(1, 16)), 0, log, draw(st.integers(0, size - 1)))
    held = tuple(draw(st.lists(spans(), max_size=3)))
    sizes = st.one_of(st.integers(0, 100), st.integers(0, 10**13))
    read = draw(st.lists(st.tuples(spans(), sizes, st.booleans()), max_size=4))
    return Life(story, tuple(shapes), held, tuple((*span, size, late) for span, size, late in read))


@st.composite
def price_books(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Prices since ever of both kinds of slots, and of anything from around the edge on."""
    found = {}
    for number in range(draw(st.integers(2, 8))):
        first = number < 2
        what = sorted(SKUS)[number] if first else draw(st.sampled_from(KINDS))
        units = [u for u in Unit if OF_A_SITE.get(u, "gpu") == ("gpu" if what in SKUS else what)]
        begins, unit = -(10**6) if first else draw(SECONDS), draw(st.sampled_from(units))
        price = {
            "id": f"price-{number}",
            "what": what,
            "unit": unit,
            "amount": draw(AMOUNTS),
            "month_hours": draw(st.sampled_from((0, 720, 730))),
            "pflops": Decimal("7.9") if unit is Unit.PFLOPS_MONTH else None,
            "own": not first and draw(st.booleans()),
            "here": not first and draw(st.booleans()),
            "from": begins,
            "until": None if first else begins + draw(st.integers(1, 2 * SPREAD)),
        }
        found[what, price["own"], price["here"], begins] = price
    return list(found.values())


def shaped(life: Life, events: list[LeaseEvent]) -> list[LeaseEvent]:
    shapes = iter(life.shapes)
    made = []
    for event in events:
        shape = None
        if event.kind is EventKind.RESHAPED:
            what, slots = next(shapes)
            shape = Shape(SKUS[what], 1, 1, slots, LIMITS)
        made.append(replace(event, shape=shape))
    return made


def happenings(built: Built, life: Life, edge: datetime, close: datetime) -> list[Happening]:
    """What is held, given back and told, each at its second; late readings after the close."""
    ids: dict[int, str] = {}

    def at(second: int) -> datetime:
        return edge + timedelta(seconds=second)

    def hold(place: int) -> None:
        ids[place] = addresses.reserve(built.world, built.admin, NewAddress(WORK, SITE)).id

    def give_back(place: int) -> None:
        addresses.release(built.world, built.admin, ids[place])

    def tell(place: int) -> None:
        start, end, size, _ = life.read[place]
        during = Interval(at(start), at(end))
        one = Told(f"r{place}", Item.EGRESS, size, during, WORK, None, SITE)
        for _ in range(2):  # Told twice is once.
            readings.record(built.world, built.admin, "edge", [one])

    found: list[tuple[datetime, int, Callable[[], object]]] = []
    for place, (start, end) in enumerate(life.held):
        found.append((at(start), 0, lambda p=place: hold(p)))  # type: ignore[misc]
        found.append((at(end), 1, lambda p=place: give_back(p)))  # type: ignore[misc]
    for place, (_, end, _, late) in enumerate(life.read):
        when = max(at(end), close) if late else at(end)
        found.append((when, 2, lambda p=place: tell(p)))  # type: ignore[misc]
    return [(when, act) for when, _, act in sorted(found, key=lambda each: each[:2])]


def summed(rows: list[InvoiceLine]) -> dict[Key, Decimal]:
    found: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for row in rows:
        line = row.line
        month = line.month.year, line.month.month
        found[line.lease or line.source.split("/")[1], line.price, month] += line.net.amount
    return {key: owed for key, owed in found.items() if owed}


def expected(
    life: Life, prices: list[dict[str, Any]], edge: datetime, zone: str
) -> dict[Key, Decimal]:
    start = round(edge.timestamp())
    dated = [
        price | {name: None if price[name] is None else start + price[name] for name in WHEN}
        for price in prices
    ]
    lease = slow(life.story, 0, edge)
    when = [start + second for kind, second, _ in life.story.log if kind is EventKind.RESHAPED]
    lease.shapes = [(at, *shape) for at, shape in zip(when, life.shapes, strict=True)]
    beside: list[SlowAddress | SlowReading] = [
        SlowAddress(start + since, start + until) for since, until in life.held
    ]
    beside += [SlowReading(start + a, start + b, size) for a, b, size, _ in life.read]
    owed = bill([lease], dated, ZoneInfo(zone), range(start - SPREAD, start + SPREAD), beside)
    return {key: amount for key, amount in owed.items() if amount}


@pytest.mark.parametrize("edge", EDGES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives(), price_books())
def test_shapes_addresses_and_readings_are_billed_as_every_second_says(
    edge: str, life: Life, prices: list[dict[str, Any]]
) -> None:
    """Two months are closed; lines, invoices and books agree, and every line can be explained."""
    built, instant, zone = opened(edge, prices)
    with built.world.store.transaction() as tx:
        tx.add(AddressPool("pool", SITE, ("192.0.2.0/28",)))
    # The books begin with the first of the two months, whatever happens in it.
    months = sorted({Month.of(instant + timedelta(seconds=s), zone) for s in (-SPREAD, SPREAD)})
    (first, last) = months if len(months) == 2 else (months[0], months[0].plus(1))
    closes = [max(month.interval(name).end for name in EDGES[edge][:2]) for month in (first, last)]
    events = shaped(life, told(life.story, 0, instant, closes[0]))
    rest = happenings(built, life, instant, closes[0])
    for number, month in enumerate((first, last)):
        while rest and (number or rest[0][0] < closes[0]):
            built.clock.instant, act = rest.pop(0)
            act()
        built.clock.instant = closes[number]
        known = [each for each in events if number or each.recorded_at < closes[0]]
        record(built, life.story, known)
        billing.close(built.world, built.admin, SELLER, month)
    issued = billing.find(built.world, built.admin)
    rows = [row for i in issued for row in billing.show(built.world, built.admin, i.id)[1]]

    assert summed(rows) == expected(life, prices, instant, zone)
    net = sum(row.line.net.amount for row in rows)
    assert sum(i.net.amount for i in issued) == net
    balances = books.balances(built.world, built.admin, SELLER)
    sums = {one.account: one.amount.amount for one in balances}
    assert -sums.get(Account.USAGE_REVENUE, Decimal(0)) == net
    assert sums.get(Account.UNBILLED, Decimal(0)) == 0
    for row in rows:
        why = explaining.explain(built.world, built.admin, row.invoice, row.place).measured
        assert why is not None and why.matches and why.rounded == row.line.net
