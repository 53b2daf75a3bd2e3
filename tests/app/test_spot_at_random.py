"""Random days of spot, on demand and contracts on few nodes: what holds whatever happens."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest

from rackrate.app import billing, indices, leasing, sales
from rackrate.app.leasing import Ask
from rackrate.app.ports import Store
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import ContractId, EntityId, IndexId, LeaseId, ProjectId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent, Phase
from rackrate.core.money import Money
from tests.app.slow_rater import in_use, rounded
from tests.app.test_giveway import DAY, loop, shop
from tests.app.test_price_index import index
from tests.app.test_spot import GPU, NODE, RENDER, TRAIN

MINUTE, NOTICE = timedelta(minutes=1), timedelta(minutes=5)
INDEX, SELLER = IndexId("example-h100"), EntityId("example")
CONTRACT = ContractId("k1")
BOOK = """
kind: price_book
currency: CNY
tax_included: false
effective: 2026-11-22T12:00:00Z
rules: {h100.1: {spot: {index: example-h100, times: 0.7, floor: 3.00, cap: 9.00}}}
"""


class Days:
    """A shop of four nodes, two of which are a contract's; and what was said of each start."""

    def __init__(self, seed: int, store: Store | None = None) -> None:
        self.chance = Random(seed)
        self.built = shop(index("2026-11-01 10.00"), BOOK, store=store)
        self.values: list[tuple[datetime, Decimal]] = [(self.now - DAY, Decimal("10.00"))]
        self.waited: dict[LeaseId, datetime] = {}
        during = Interval(self.now, self.now + 100 * DAY)
        offer = sales.Offer.of(
            CONTRACT, TRAIN, NODE, 2, during, Money.parse("1000.00", "CNY"), Decimal(0)
        )
        sales.sign(self.built.world, self.built.admin, offer)

    @property
    def now(self) -> datetime:
        return self.built.clock.now()

    def leases(self, live: bool | None = True) -> list[Lease]:
        return leasing.find(self.built.world, self.built.admin, leasing.Filter(live=live))

    def act(self) -> None:
        acts = [self.spot, self.spot, self.on_demand, self.own, self.end, self.stop, self.publish]
        self.chance.choice(acts)()
        loop(self.built)
        loop(self.built)
        minutes = self.chance.choice([0, 0, 1, 3, 5, 7, 60, 60 * 24])
        for _ in range(min(minutes, 7)):
            self.built.clock.advance(minutes // min(minutes, 7) * MINUTE)
            loop(self.built)
        self.check()

    def start(self, project: ProjectId, sku: SkuId, count: int, klass: LeaseClass) -> None:
        contract = CONTRACT if klass is LeaseClass.CONTRACT else None
        held = [each for each in self.leases() if each.terms.klass is LeaseClass.CONTRACT]
        free = 2 - sum(each.terms.nodes for each in held)
        ask = Ask(project, sku, count, klass=klass, contract=contract)
        said = self.said(lambda: leasing.start(self.built.world, self.built.admin, ask))
        assert said is None or contract is None or count > free, "a promise is kept"

    def said(self, act: Callable[[], object]) -> Reason | None:
        """Why it was refused, if it was: for want of room, and for nothing else."""
        try:
            act()
        except Refused as no:
            if no.reason not in (Reason.NO_CAPACITY, Reason.BEYOND_CONTRACT):
                raise
            return no.reason
        return None

    def spot(self) -> None:
        self.start(RENDER, GPU, self.chance.choice([1, 3, 8]), LeaseClass.SPOT)

    def on_demand(self) -> None:
        sku, most = self.chance.choice([(GPU, 8), (NODE, 2)])
        self.start(TRAIN, sku, self.chance.randint(1, most), LeaseClass.ON_DEMAND)

    def own(self) -> None:
        self.start(TRAIN, NODE, self.chance.randint(1, 2), LeaseClass.CONTRACT)

    def end(self) -> None:
        wanted = [each for each in self.leases() if each.wanted == "running"]
        if wanted:
            leasing.end(self.built.world, self.built.admin, self.chance.choice(wanted).id)

    def stop(self) -> None:
        running = [each for each in self.leases() if each.phase is Phase.RUNNING]
        stopped = [each for each in self.leases(False) if each.phase is Phase.STOPPED]
        if stopped and self.chance.random() < 0.5:
            id = self.chance.choice(stopped).id
            self.said(lambda: leasing.resume(self.built.world, self.built.admin, id))
        elif running:
            leasing.stop(self.built.world, self.built.admin, self.chance.choice(running).id)

    def publish(self) -> None:
        if self.values[-1][0] < self.now:
            value = Decimal(self.chance.randint(0, 2000)) / 100
            done = indices.publish(self.built.world, self.built.admin, INDEX, value)
            self.values.append((done.value.effective, value))

    # -- what holds -------------------------------------------------------------------------

    def check(self) -> None:
        """Nobody waits for longer than a notice, and no node has spot and another."""
        on: dict[str, set[bool]] = defaultdict(set)
        waiting = set()
        for lease in self.leases():
            for member in lease.members:
                on[member.node].add(lease.terms.klass is LeaseClass.SPOT)
            if lease.waits:
                waiting.add(lease.id)
                since = self.waited.setdefault(lease.id, self.now)
                assert self.now <= since + 2 * NOTICE, f"{lease.id} has waited since {since}"
        assert all(len(kinds) == 1 for kinds in on.values()), on
        self.waited = {id: at for id, at in self.waited.items() if id in waiting}

    def told(self, acts: int) -> list[tuple[LeaseId, EventKind, datetime, datetime | None]]:
        """Every event of every lease, after so many acts."""
        for _ in range(acts):
            self.act()
        logs = (
            leasing.show(self.built.world, self.built.admin, e.id)[1] for e in self.leases(None)
        )
        return [(each.lease, each.kind, each.at, each.until) for log in logs for each in log]

    def logs(self) -> list[tuple[Lease, tuple[LeaseEvent, ...]]]:
        return [
            leasing.show(self.built.world, self.built.admin, each.id)
            for each in self.leases(None)
            if each.terms.klass is LeaseClass.SPOT
        ]


def price(days: Days, at: datetime) -> Fraction:
    """0.7 of the index as it was published, between 3.00 and 9.00."""
    value = [value for since, value in days.values if since <= at][-1]
    return min(Fraction(9), max(Fraction(3), Fraction(7, 10) * Fraction(value)))


@pytest.mark.parametrize("seed", range(4))
def test_spot_goes_with_its_notice_and_is_billed_to_its_end_and_nobody_waits_for_longer(
    seed: int,
) -> None:
    days = Days(seed)
    days.told(40)
    for lease in days.leases():
        if lease.wanted == "running":
            leasing.end(days.built.world, days.built.admin, lease.id)
    loop(days.built)
    owed, found = slow_bill(days), invoiced(days)
    for id, exact in owed.items():
        # Lines are rounded for each price and month: half a cent for each at most.
        assert abs(found[id] - rounded(exact)) <= Decimal("0.01") * (len(days.values) + 2), id
    assert {id for id, amount in found.items() if amount} <= set(owed)


def slow_bill(days: Days) -> dict[LeaseId, Fraction]:
    """What each spot lease owes, from its log alone: it is in use, or not, between its changes."""
    owed: dict[LeaseId, Fraction] = defaultdict(Fraction)
    for lease, events in days.logs():
        log = _plain(events)
        for event in events:
            if event.kind is EventKind.NOTICE:
                assert event.until == event.at + NOTICE
        first, last = log[0][0], log[-1][0]
        changes = {at for at, _, _ in log} | {until for _, _, until in log if until}
        changes |= {round(at.timestamp()) for at, _ in days.values} | {first, last}
        for since, until in pairwise(sorted(at for at in changes if first <= at <= last)):
            if in_use(log, since):
                rate = price(days, datetime.fromtimestamp(since, UTC))
                owed[lease.id] += rate * lease.terms.slots * (until - since) / 3600
    return owed


def invoiced(days: Days) -> dict[LeaseId, Decimal]:
    found: dict[LeaseId, Decimal] = defaultdict(Decimal)
    month, last = Month(2026, 11), Month.of(days.now, "Asia/Shanghai")
    while month <= last:
        days.built.clock.instant = max(days.now, month.interval("Asia/Shanghai").end)
        for invoice in billing.close(days.built.world, days.built.admin, SELLER, month):
            for row in billing.show(days.built.world, days.built.admin, invoice.id)[1]:
                if row.line.klass is LeaseClass.SPOT and row.line.lease:
                    found[row.line.lease] += row.line.net.amount
        month = month.plus(1)
    return found


def _plain(events: tuple[LeaseEvent, ...]) -> list[tuple[int, str, int | None]]:
    return [
        (
            round(event.at.timestamp()),
            event.kind.value,
            round(event.until.timestamp())
            if event.kind is EventKind.NOTICE and event.until
            else None,
        )
        for event in events
    ]
