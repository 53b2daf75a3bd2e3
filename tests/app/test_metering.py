"""Golden scenarios of metering at its edges, as an accountant would tell them."""

from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.app import billing, catalogue, giveway, leasing, loops
from rackrate.app.leasing import Ask
from rackrate.core.ids import CustomerId, EntityId, LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Month
from rackrate.core.invoice import Invoice, Line, LineKind
from rackrate.core.lease import EventKind, Lease, LeaseEvent
from rackrate.core.workload import Mount, Spec
from rackrate.sim.engine import SimEngine
from tests.build import CUSTOMERS, SMALL, Built, build

SELLER, ROBOTICS = EntityId("example"), CustomerId("robotics")
TRAIN, ONE = ProjectId("robotics-train"), SkuId("h100.1")
SHANGHAI = "Asia/Shanghai"
NOVEMBER = Month(2026, 11)
FIRST = NOVEMBER.interval(SHANGHAI).start
STORAGE = """
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
month_hours: 720
basis: replicated twice
per_gb_month: 0.30
"""


class Sim(SimEngine):
    """An engine that can be away, and can lose what it runs."""

    def lose(self, lease: LeaseId) -> None:
        self._running.pop(lease)


def shop(*texts: str, now: datetime = FIRST) -> Built:
    engines: dict[SiteId, SimEngine] = {}
    built = build(SMALL, CUSTOMERS, *texts, engines=engines, now=now)
    engines[SiteId("east")] = Sim(built.clock)
    return built


def settle(built: Built) -> None:
    leader = loops.lead(built.world, "test")
    assert leader is not None
    built.world.hints.take()
    loops.provision(built.world, leader, None)


def start(built: Built, slots: int = 1, *volumes: Mount) -> LeaseId:
    wish = Ask(TRAIN, ONE, slots, spec=Spec(volumes=volumes))
    lease = leasing.start(built.world, built.admin, wish)
    settle(built)
    return lease.id


def end(built: Built, lease: LeaseId) -> None:
    leasing.end(built.world, built.admin, lease)
    settle(built)


def close(built: Built, month: Month) -> tuple[Invoice, ...]:
    end = month.interval(SHANGHAI).end
    built.clock.instant = max(built.clock.instant, end)
    return billing.close(built.world, built.admin, SELLER, month)


def lines(built: Built, invoice: Invoice) -> list[Line]:
    return [each.line for each in billing.show(built.world, built.admin, invoice.id)[1]]


def shown(found: list[Line]) -> list[tuple[str, str]]:
    return [(line.description, str(line.net.amount)) for line in found]


def test_two_gpus_for_twenty_minutes_and_eight_for_the_rest_of_the_hour() -> None:
    """A shape that changes inside an hour splits it: 2 x 20 min and 8 x 40 min at 17.00."""
    built = shop()
    small = start(built, 2)
    built.clock.advance(timedelta(minutes=20))
    end(built, small)
    large = start(built, 8)
    built.clock.advance(timedelta(minutes=40))
    end(built, large)
    (invoice,) = close(built, NOVEMBER)
    found = lines(built, invoice)
    assert [line.quantity for line in found] == [2 * 1200 * 1000, 8 * 2400 * 1000]
    assert [str(line.net.amount) for line in found] == ["11.33", "90.67"]


def test_a_price_that_changes_inside_an_hour_splits_it_too() -> None:
    """From 00:15 it is 20.00: a quarter of an hour at 17.00, and three at 20.00."""
    built = shop()
    change = (FIRST + timedelta(minutes=15)).isoformat()
    built.clock.instant = FIRST - timedelta(hours=1)
    built.apply(
        STORAGE.replace(
            "per_gb_month: 0.30", "per_slot_hour: {h100.1: {on_demand: 20.00}}"
        ).replace("effective: 2026-01-01", f'effective: "{change}"')
    )
    built.clock.instant = FIRST
    lease = start(built)
    built.clock.advance(timedelta(hours=1))
    end(built, lease)
    (invoice,) = close(built, NOVEMBER)
    assert shown(lines(built, invoice)) == [
        ("1 slots of h100.1, on_demand", "4.25"),
        ("1 slots of h100.1, on_demand; replicated twice", "15.00"),
    ]


def test_storage_goes_on_while_a_lease_is_stopped_and_ends_with_it() -> None:
    """500 GB for ten days, of which the GPU ran for one hour: 500 x 240 / 720 x 0.30 is 50.00."""
    built = shop(STORAGE)
    lease = start(built, 1, Mount("data", "/data", 500))
    built.clock.advance(timedelta(hours=1))
    leasing.stop(built.world, built.admin, lease)
    settle(built)
    built.clock.advance(timedelta(days=10) - timedelta(hours=1))
    end(built, lease)
    (invoice,) = close(built, NOVEMBER)
    assert shown(lines(built, invoice)) == [
        ("1 slots of h100.1, on_demand", "17.00"),
        ("Storage: volume data of robotics-train; replicated twice", "50.00"),
    ]
    storage = lines(built, invoice)[1]
    assert (storage.rate, storage.unit, storage.month_hours) == ("0.30", "gb_month", 720)
    assert storage.quantity == 500 * 10 * 86_400 * 1000
    assert (storage.project, storage.lease, storage.sku) == (TRAIN, None, None)
    assert str(invoice.net.amount) == "67.00"


def test_a_volume_that_several_leases_share_is_kept_once_at_its_largest_size() -> None:
    """Two days of 100 GB, of which the middle one is 300 GB for a second lease, in one line."""
    built = shop(STORAGE)
    first = start(built, 1, Mount("data", "/a", 100))
    built.clock.advance(timedelta(hours=12))
    second = start(built, 1, Mount("data", "/a", 300))
    built.clock.advance(timedelta(hours=24))
    end(built, second)
    built.clock.advance(timedelta(hours=12))
    end(built, first)
    (invoice,) = close(built, NOVEMBER)
    (storage,) = [line for line in lines(built, invoice) if line.sku is None]
    assert storage.quantity == (100 * 24 + 300 * 24) * 3600 * 1000
    assert str(storage.net.amount) == "4.00"


def test_storage_without_a_price_costs_nothing_and_is_found() -> None:
    built = shop()
    start(built, 1, Mount("data", "/data", 500))
    (found,) = catalogue.check_prices(built.world, built.admin)
    assert found.text.endswith(
        "keeps data (500 GB) at east, where storage has no price in CNY from now on: "
        "it costs nothing"
    )
    built.apply(STORAGE)
    assert catalogue.check_prices(built.world, built.admin) == []


def test_time_after_the_end_of_a_notice_is_not_billed_however_late_it_ends() -> None:
    """Told to give way at 07:00, and carried out three hours late: billed are seven hours."""
    built = shop()
    lease = start(built)
    with built.world.store.transaction() as tx:
        row = tx.get(Lease, lease)
        until = FIRST + timedelta(hours=7)
        now = built.clock.advance(timedelta(hours=1))
        event = LeaseEvent(lease, row.seq + 1, now, now, EventKind.NOTICE, "", until=until)
        tx.record(row.apply(event), event)
    built.clock.instant = FIRST + timedelta(hours=10)
    before = billing.preview(built.world, built.admin, ROBOTICS, NOVEMBER)
    assert str(before.totals.net.amount) == "119.00"
    with built.world.store.transaction() as tx:
        giveway.end_due(built.world, tx, SiteId("east"))
    settle(built)
    (invoice,) = close(built, NOVEMBER)
    assert invoice.net == before.totals.net


def test_what_is_learnt_months_late_of_a_lease_long_over_is_corrected() -> None:
    """Its site was away from the 10th of November on. In February it is there again, and the
    workload had died that day: what November, December and January were billed is given back.
    """
    built = shop(STORAGE)
    lease = start(built, 1, Mount("data", "/data", 720))
    built.clock.instant = FIRST + timedelta(days=10)
    settle(built)
    engine = built.world.engines[SiteId("east")]
    assert isinstance(engine, Sim)
    billed = [close(built, NOVEMBER.plus(n))[0] for n in range(3)]
    with built.world.store.transaction() as tx:
        row = tx.get(Lease, lease)
        at, now = FIRST + timedelta(days=10), built.clock.advance(timedelta(hours=1))
        told = [(EventKind.END_REQUESTED, 1), (EventKind.STOPPING, 2), (EventKind.ENDED, 3)]
        events = [LeaseEvent(lease, row.seq + n, at, now, kind) for kind, n in told]
        for event in events:
            row = row.apply(event)
        tx.record(row, *events)
    (given_back,) = close(built, NOVEMBER.plus(3))
    found = lines(built, given_back)
    assert {line.kind for line in found} == {LineKind.CORRECTION}
    assert [line.description.partition(":")[0] for line in found] == [
        f"Correction of 2026-{month}" if month > 9 else "Correction of 2027-01"
        for month in (11, 11, 12, 12, 1)
    ] + ["Correction of 2027-01"]
    # Ten days of 24 hours stay: at 17.00, and 720 GB at 0.30 for 240 of 720 hours.
    owed = sum((invoice.net.amount for invoice in [*billed, given_back]), Decimal(0))
    assert owed == Decimal("4080.00") + Decimal("72.00")
    assert close(built, NOVEMBER.plus(4)) == ()


def test_a_calendar_month_at_a_month_s_price_costs_that_price_however_long_it_is() -> None:
    """A node at 100,000 a calendar month: whole in November and in February of a leap year."""
    price = STORAGE.replace("month_hours: 720\n", "").replace(
        "per_gb_month: 0.30", "per_node_month: {h100.node: {on_demand: 100000}}"
    )
    for month in (NOVEMBER, Month(2028, 2), Month(2027, 2)):
        built = shop(now=month.interval(SHANGHAI).start - timedelta(days=1))
        built.apply(price.replace("2026-01-01", f"{month.first}"))
        built.clock.instant = month.interval(SHANGHAI).start
        lease = leasing.start(built.world, built.admin, Ask(TRAIN, SkuId("h100.node")))
        settle(built)
        (invoice,) = close(built, month)
        assert str(invoice.net.amount) == "100000.00"
        assert lines(built, invoice)[0].lease == lease.id
