"""Spot by an index, pre-empted: its bill against a rater that asks the index each second."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rackrate.app import billing
from rackrate.core.ids import IndexId
from rackrate.core.interval import Month
from rackrate.core.lease import LeaseClass
from rackrate.core.price_index import IndexValue, PriceIndex, value_id
from rackrate.core.price_rule import Basis, Ground, follow_ups, following
from rackrate.core.pricing import Price, Rule, Unit, price_id
from tests.app.slow_rater import SlowLease, in_use, month_of, rounded
from tests.app.test_exactness import (
    BUYER,
    EDGES,
    SECONDS,
    SELLER,
    SKU,
    SPREAD,
    Story,
    opened,
    record,
    slow,
    stories,
    told,
)

INDEX = IndexId("example-h100")
BEGAN = -(10**6)
VALUES = st.decimals(0, 40, places=2)


@st.composite
def published(draw: st.DrawFn) -> dict[str, Any]:
    """Values around the edge, and a rule of which the floor is not above the cap."""
    later = draw(st.dictionaries(SECONDS, VALUES, max_size=6))
    bounds = sorted(draw(st.lists(st.none() | VALUES, min_size=2, max_size=2)), key=_first)
    return {
        "values": {BEGAN: draw(VALUES), **later},
        "times": draw(st.decimals("0.1", 2, places=3)),
        "floor": bounds[0],
        "cap": bounds[1],
    }


def _first(bound: Decimal | None) -> Decimal:
    return Decimal(-1) if bound is None else bound


def written(index: dict[str, Any], edge: datetime) -> list[Price]:
    """The prices that are written when all of it has been published."""
    base = edge + timedelta(seconds=BEGAN)
    rule = Rule(f"index/{INDEX}", SKU, index["times"], index["floor"], index["cap"])
    plain = Price(
        price_id(SKU, "spot", "CNY", base), SKU, LeaseClass.SPOT, "CNY", Decimal(0), False, base,
        timedelta(minutes=5), Unit.GPU_HOUR, rule=rule,
    )  # fmt: skip
    values = [
        IndexValue(value_id(INDEX, at), INDEX, at, value, "a test")
        for at, value in ((edge + timedelta(seconds=s), v) for s, v in index["values"].items())
    ]
    what = PriceIndex(INDEX, "a test", "CNY", Unit.GPU_HOUR, False, "a test", 31)
    basis = Basis(indices=(what,), values=values)
    first = following(plain, Ground((plain,), basis), base)
    assert first is not None
    return [first, *follow_ups((first,), basis)]


def asked(index: dict[str, Any], second: int) -> Decimal:
    """What the index and its bounds make of the price in this second."""
    latest = max(at for at in index["values"] if at <= second)
    price: Decimal = index["values"][latest] * index["times"]
    if index["floor"] is not None and price < index["floor"]:
        price = index["floor"]
    if index["cap"] is not None and price > index["cap"]:
        price = index["cap"]
    return price


def expected(
    leases: list[SlowLease], index: dict[str, Any], edge: int, zone: ZoneInfo
) -> dict[tuple[str, int, tuple[int, int]], Decimal]:
    """What is owed for each lease, stretch of one price, and month."""
    exact: defaultdict[tuple[str, int, tuple[int, int]], Fraction] = defaultdict(Fraction)
    since, before = BEGAN, asked(index, BEGAN)
    for second in range(-SPREAD, SPREAD + 1):
        price = asked(index, second)
        if price != before:
            since, before = second, price
        for lease in leases:
            if in_use(lease.log, edge + second):
                key = lease.id, since, month_of(zone, edge + second)
                exact[key] += Fraction(price) * lease.slots / 3600
    return {key: rounded(owed) for key, owed in exact.items() if rounded(owed)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(stories(), min_size=1, max_size=2), published())
def test_spot_by_an_index_is_billed_as_a_rater_finds_that_asks_it_every_second(
    told_of: list[Story], index: dict[str, Any]
) -> None:
    edge = "a month's end"
    built, instant, zone = opened(edge, [])
    prices = written(index, instant)
    with built.world.store.transaction() as tx:
        tx.add(*prices)
    told_of.sort(key=lambda story: story.log[0][1])  # Leases are numbered as they come.
    first = told_of[0].log[0][1]
    months = sorted({Month.of(instant + timedelta(seconds=s), zone) for s in (first, SPREAD)})
    for number, story in enumerate(told_of):
        record(built, story, told(story, number, instant, instant), LeaseClass.SPOT)
    found: defaultdict[tuple[str, int, tuple[int, int]], Decimal] = defaultdict(Decimal)
    began = {price.id: round((price.effective - instant).total_seconds()) for price in prices}
    for month in months:
        built.clock.instant = max(month.interval(name).end for name in EDGES[edge][:2])
        for invoice in billing.close(built.world, built.admin, SELLER, month):
            assert invoice.customer == BUYER
            for row in billing.show(built.world, built.admin, invoice.id)[1]:
                line = row.line
                if line.lease:
                    key = line.lease, began[line.price], (line.month.year, line.month.month)
                    found[key] += line.net.amount
    start = round(instant.timestamp())
    leases = [slow(story, n, instant) for n, story in enumerate(told_of)]
    billed = {key: owed for key, owed in found.items() if owed}
    assert billed == expected(leases, index, start, ZoneInfo(zone))
