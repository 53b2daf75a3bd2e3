"""Every bill against a rater that counts each second, at the edges of calendars; to the cent."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rackrate.app import billing, books
from rackrate.core.chips import Chip, Confidence
from rackrate.core.ids import (
    ChipId,
    CustomerId,
    EntityId,
    LeaseId,
    NodeId,
    ProjectId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity, Site, Sku
from rackrate.core.invoice import InvoiceLine, Line
from rackrate.core.lease import EventKind, LeaseClass, LeaseEvent, Terms, fold
from rackrate.core.ledger import Account
from rackrate.core.parties import Customer, Project
from rackrate.core.pricing import OF_A_SITE, Price, Unit
from rackrate.core.slots import Slots
from rackrate.core.treatment import Supply
from rackrate.core.workload import Limits, Member, Mount, Spec
from tests.app.slow_rater import SlowLease, bill
from tests.build import Built, build

SELLER, BUYER, WORK = EntityId("example"), CustomerId("robotics"), ProjectId("train")
SITE, CHIP, SKU = SiteId("east"), ChipId("h100"), SkuId("h100.node")
OTHER = SkuId("h100.other")
SKUS = {"gpu": SKU, "other": OTHER}
LIMITS = Limits(1000, 1000, 1000)
CLASS = LeaseClass.ON_DEMAND
# The zones of the seller and of the buyer, and an instant at which something turns over there.
EDGES = {
    "an ordinary noon": ("UTC", "UTC", "2026-11-12T12:00:00+00:00"),
    "a month's end": ("Asia/Shanghai", "Asia/Shanghai", "2026-11-01T00:00:00+08:00"),
    "a leap day's end": ("Asia/Shanghai", "Asia/Shanghai", "2028-03-01T00:00:00+08:00"),
    "summer time ends": ("Europe/Berlin", "Europe/Berlin", "2026-10-25T01:00:00+00:00"),
    "a month of 743 hours begins": ("Europe/Berlin", "Europe/Berlin", "2027-03-01T00:00:00+01:00"),
    "a year ends at the buyer": ("Asia/Shanghai", "America/New_York", "2027-01-01T00:00:00-05:00"),
    "a year ends at the seller": ("Asia/Shanghai", "America/New_York", "2027-01-01T00:00:00+08:00"),
}
SPREAD = 30
WHEN = ("from", "until")
SECONDS = st.integers(-SPREAD, SPREAD)
AMOUNTS = st.decimals("0.01", "99999999", places=4)
BEGINNING = (EventKind.REQUESTED, EventKind.STARTING, EventKind.RUNNING)
# What may come after it has run: each leads back to running.
TURNS = (
    (EventKind.INTERRUPTED, EventKind.RUNNING),
    (EventKind.TOLD,),
    (EventKind.NOTICE,),
    (EventKind.NOTICE, EventKind.NOTICE_WITHDRAWN),
    (
        EventKind.STOP_REQUESTED, EventKind.STOPPING, EventKind.STOPPED,
        EventKind.START_REQUESTED, EventKind.STARTING, EventKind.RUNNING,
    ),
)  # fmt: skip
ENDINGS = (
    (EventKind.END_REQUESTED, EventKind.STOPPING, EventKind.ENDED),
    (EventKind.STOPPING, EventKind.ENDED),
)


@dataclass(frozen=True, slots=True)
class Story:
    """A lease and its log, of which the last `late` events are learnt after the first close."""

    slots: int
    gb: int
    log: tuple[tuple[EventKind, int, int], ...]
    late: int


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Kinds in an order that can be, with seconds from the edge that never go back."""
    turns = draw(st.lists(st.sampled_from(TURNS), max_size=4))
    ending = draw(st.sampled_from(ENDINGS))
    kinds = [*BEGINNING, *(kind for turn in turns for kind in turn), *ending]
    size = len(kinds)
    seconds = sorted(draw(st.lists(SECONDS, min_size=size, max_size=size)))
    notices = draw(st.lists(st.integers(0, SPREAD), min_size=size, max_size=size))
    log = tuple(zip(kinds, seconds, notices, strict=True))
    gb = draw(st.sampled_from((0, 0, 1, 500)))
    return Story(draw(st.integers(1, 16)), gb, log, draw(st.integers(0, size - 1)))


@st.composite
def price_books(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A list price since ever, and others that begin and end around the edge, for some or all."""
    units = [unit for unit in Unit if unit not in OF_A_SITE]
    found: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 5))):
        first = number == 0
        begins = -(10**6) if first else draw(SECONDS)
        lasts = None if first else draw(st.none() | st.integers(1, SPREAD))
        storage = not first and draw(st.booleans())
        unit = Unit.GB_MONTH if storage else draw(st.sampled_from(units))
        found.append(
            {
                "id": f"price-{number}",
                "what": "storage" if storage else "gpu",
                "unit": unit,
                "amount": draw(AMOUNTS),
                "month_hours": draw(st.sampled_from((0, 720, 730))),
                "pflops": Decimal("7.9") if unit is Unit.PFLOPS_MONTH else None,
                "own": not first and draw(st.booleans()),
                "here": not first and draw(st.booleans()),
                "from": begins,
                "until": None if lasts is None else begins + lasts,
            }
        )
    # Of one rank two that begin at once would be one price, which the price book does not take.
    ranks = {(p["what"], p["own"], p["here"], p["from"]): p for p in found}
    return list(ranks.values())


def opened(edge: str, prices: list[dict[str, Any]]) -> tuple[Built, datetime, str]:
    """A seller and a buyer in their zones, with these prices; and the instant of the edge."""
    home, zone, at = EDGES[edge]
    instant = datetime.fromisoformat(at).astimezone(UTC)
    built = build(now=instant - timedelta(days=1), engines={})
    slots = {Unit.NODE_MONTH: 8, Unit.PFLOPS_MONTH: 8}
    with built.world.store.transaction() as tx:
        tx.add(
            Entity(SELLER, "Example", "CN", "", home, "CNY", "EX", "cn-general"),
            Chip(CHIP, "X", "Y", None, None, None, None, "a test", Confidence.OPERATOR),
            Site(SITE, SELLER, "East", "CN", home, "sim", True),
            # A node is leased, at 13 %; what is stored is a service, at 6 %.
            Sku(SKU, SITE, CHIP, "A node", 8, True, LIMITS, Supply.LEASE),
            Sku(OTHER, SITE, CHIP, "Another", 8, True, LIMITS),
            Customer(BUYER, SELLER, "Example Robotics", "CN", "", zone, "CNY"),
            Project(WORK, BUYER, "Training"),
            *(
                Price(
                    price["id"], SKUS.get(price["what"]),
                    CLASS if price["what"] in SKUS else None, "CNY", price["amount"], False,
                    instant + timedelta(seconds=price["from"]), timedelta(0), price["unit"],
                    price["month_hours"], slots.get(price["unit"], 1), price["pflops"],
                    SITE if price["here"] else None, BUYER if price["own"] else None,
                    None if price["until"] is None
                    else instant + timedelta(seconds=price["until"]),
                )
                for price in prices
            ),
        )  # fmt: skip
    return built, instant, zone


def told(story: Story, number: int, edge: datetime, known: datetime) -> list[LeaseEvent]:
    """The log as events; the late ones are written down at `known` and after."""
    members = (Member(0, NodeId("n1"), Slots(1)),)
    events = []
    for seq, (kind, second, notice) in enumerate(story.log, 1):
        at = edge + timedelta(seconds=second)
        late = seq > len(story.log) - story.late
        until = at + timedelta(seconds=notice) if kind is EventKind.NOTICE else None
        id, recorded = LeaseId(f"lse_{number}"), max(at, known) if late else at
        placed = members if kind in (EventKind.REQUESTED, EventKind.START_REQUESTED) else ()
        events.append(LeaseEvent(id, seq, at, recorded, kind, "", placed, until))
    return events


def record(built: Built, story: Story, events: list[LeaseEvent], klass: LeaseClass = CLASS) -> None:
    """Write down what is not written yet of these."""
    if not events:
        return
    volumes = (Mount("data", "/data", story.gb),)
    terms = Terms(
        events[0].lease, BUYER, WORK, SITE, SKU, klass, None, 1, 1, story.slots, LIMITS,
        Spec(volumes=volumes),
    )  # fmt: skip
    lease = fold(terms, events)
    with built.world.store.transaction() as tx:
        before = len(tx.history(lease.id))
        tx.record(lease, *events[before:])


def slow(story: Story, number: int, edge: datetime) -> SlowLease:
    start = round(edge.timestamp())
    log = [
        (start + second, kind.value, start + second + notice if kind == "notice" else None)
        for kind, second, notice in story.log
    ]
    return SlowLease(f"lse_{number}", story.slots, log, {"data": story.gb} if story.gb else {})


def summed(lines: list[Line]) -> dict[tuple[str, str, tuple[int, int]], Decimal]:
    """What was billed by lease or volume, price and month, over all invoices."""
    found: defaultdict[tuple[str, str, tuple[int, int]], Decimal] = defaultdict(Decimal)
    for line in lines:
        month = line.month.year, line.month.month
        found[line.lease or "data", line.price, month] += line.net.amount
    return {key: owed for key, owed in found.items() if owed}


@pytest.mark.parametrize("edge", EDGES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(stories(), min_size=1, max_size=2), price_books())
def test_invoices_are_what_a_rater_finds_that_counts_every_second(
    edge: str, told_of: list[Story], prices: list[dict[str, Any]]
) -> None:
    """Two months are closed, and some of it is learnt after the first: all lines together are
    what was used, and the books say the same.
    """
    built, instant, zone = opened(edge, prices)
    months = sorted({Month.of(instant + timedelta(seconds=s), zone) for s in (-SPREAD, SPREAD)})
    (first, last) = months if len(months) == 2 else (months[0], months[0].plus(1))
    closes = [max(month.interval(name).end for name in EDGES[edge][:2]) for month in (first, last)]
    logs = [told(story, n, instant, closes[0]) for n, story in enumerate(told_of)]
    for story, events in zip(told_of, logs, strict=True):
        record(built, story, [event for event in events if event.recorded_at < closes[0]])
    built.clock.instant = closes[0]
    billing.close(built.world, built.admin, SELLER, first)
    for story, events in zip(told_of, logs, strict=True):
        record(built, story, events)
    built.clock.instant = closes[1]
    billing.close(built.world, built.admin, SELLER, last)
    issued = billing.find(built.world, built.admin)
    lines = [row.line for i in issued for row in billing.show(built.world, built.admin, i.id)[1]]

    start = round(instant.timestamp())
    dated = [
        price | {name: None if price[name] is None else start + price[name] for name in WHEN}
        for price in prices
    ]
    leases = [slow(story, n, instant) for n, story in enumerate(told_of)]
    expected = bill(leases, dated, ZoneInfo(zone), range(start - SPREAD, start + SPREAD))
    assert summed(lines) == {key: owed for key, owed in expected.items() if owed}
    assert sum(i.net.amount for i in issued) == sum(line.net.amount for line in lines)
    balances = books.balances(built.world, built.admin, SELLER)
    sums = {one.account: one.amount.amount for one in balances}
    assert -sums.get(Account.USAGE_REVENUE, Decimal(0)) == sum(line.net.amount for line in lines)
    assert sums.get(Account.UNBILLED, Decimal(0)) == 0
    taxes = [slow_tax(billing.show(built.world, built.admin, i.id)[1]) for i in issued]
    assert [i.tax.amount for i in issued] == taxes
    assert -sums.get(Account.TAX, Decimal(0)) == sum(taxes)


def slow_tax(rows: list[InvoiceLine]) -> Decimal:
    """Of what is leased 13 %, of what is stored 6 %: each rounded once for the invoice."""
    nets = {rate: Decimal(0) for rate in ("0.13", "0.06")}
    for row in rows:
        nets["0.06" if row.line.lease is None else "0.13"] += row.line.net.amount
    cent = Decimal("0.01")
    return sum(
        ((net * Decimal(rate)).quantize(cent, ROUND_HALF_UP) for rate, net in nets.items()),
        Decimal(0),
    )
