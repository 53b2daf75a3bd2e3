"""Billing bugs that other systems have had in public, each as what happens here instead."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from rackrate.app import leasing, loops, readings, resizing
from rackrate.app.leasing import Ask
from rackrate.app.readings import Told
from rackrate.app.resizing import NewShape
from rackrate.core.ids import LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.lease import Phase
from rackrate.core.reading import Item
from tests.app.money_shop import FIRST, NOVEMBER, Shop, cny, open_shop
from tests.build import CUSTOMERS, SMALL, build

TRAIN, EAST = ProjectId("robotics-train"), SiteId("east")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EGRESS = """
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
per_egress_gb: 0.50
"""


def start(shop: Shop, count: int = 1) -> LeaseId:
    lease = leasing.start(shop.built.world, shop.built.admin, Ask(TRAIN, SkuId("h100.1"), count))
    shop._settle()
    return lease.id


def look(shop: Shop) -> None:
    leader = loops.lead(shop.built.world, "test")
    assert leader is not None
    loops.provision(shop.built.world, leader)


def tell(shop: Shop, key: str, size: int, during: Interval) -> None:
    told = Told(key, Item.EGRESS, size, during, TRAIN, None, EAST)
    readings.record(shop.built.world, shop.built.admin, "edge", [told])


def test_use_does_not_run_on_when_the_workload_is_gone() -> None:
    """GPUStack 6279: billed until somebody pressed stop. Here until it was last seen to run."""
    shop = open_shop()
    id = start(shop)
    shop.built.clock.advance(HOUR)
    look(shop)
    shop.built.clock.advance(HOUR)
    shop.built.world.engine(EAST).release(id, 1)
    look(shop)
    lease, _ = leasing.show(shop.built.world, shop.built.admin, id)
    assert lease.phase is Phase.INTERRUPTED and lease.billed_since is None
    shop.built.clock.advance(10 * DAY)
    leasing.end(shop.built.world, shop.built.admin, id)
    look(shop)
    (invoice,) = shop.close()
    assert invoice.net == cny("17.00")


def test_a_shape_that_changes_inside_an_hour_is_not_billed_as_the_larger_or_the_last() -> None:
    """GPUStack 6054: one row for each hour, whatever ran in it."""
    shop = open_shop()
    id = start(shop, 2)
    shop.built.clock.advance(20 * MINUTE)
    leasing.stop(shop.built.world, shop.built.admin, id)
    shop._settle()
    resizing.resize(shop.built.world, shop.built.admin, id, NewShape(8))
    leasing.resume(shop.built.world, shop.built.admin, id)
    shop._settle()
    shop.built.clock.advance(40 * MINUTE)
    leasing.end(shop.built.world, shop.built.admin, id)
    (invoice,) = shop.close()
    assert invoice.net == cny("102.00")  # (2 x 1/3 + 8 x 2/3) hours at 17.00.


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-10-24T22:00:00+00:00", 25), ("2027-03-27T23:00:00+00:00", 23)]
)
def test_an_hour_is_3600_seconds_on_the_nights_when_clocks_change(night: str, hours: int) -> None:
    """GPUStack 5710: hours by the wall, of which a day in autumn has one twice."""
    berlin = CUSTOMERS.replace("Asia/Shanghai", "Europe/Berlin")
    began = datetime.fromisoformat(night).astimezone(UTC)
    shop = Shop.of(build(SMALL.replace("Asia/Shanghai", "Europe/Berlin"), berlin, now=began))
    lease = shop.lease(hours)  # From midnight to midnight.
    month = NOVEMBER.plus(-1) if hours == 25 else NOVEMBER.plus(4)
    shop.built.clock.instant = month.interval("Europe/Berlin").end
    (invoice,) = shop.close(month)
    (line,) = shop.lines(invoice.id)
    assert (line.lease, line.quantity, line.net) == (lease, hours * 3_600_000, cny(f"{17 * hours}"))


def test_money_goes_back_as_a_matter_of_course() -> None:
    """Lago 168: refunds are for those who pay for the program. Here two people write a credit."""
    shop = open_shop(FIRST, None, EGRESS)
    tell(shop, "r1", 100 * 10**9, Interval(FIRST - HOUR, FIRST))
    shop.built.clock.advance(DAY)
    tell(shop, "r2", 100 * 10**9, Interval(FIRST, FIRST + HOUR))
    shop.close(NOVEMBER.plus(-1))
    (invoice,) = shop.close()
    note = shop.credit(invoice.id, lines={1: "20.00"})
    assert (invoice.net, note.net) == (cny("50.00"), cny("-20.00"))
    assert shop.show(invoice.id).open == invoice.gross + note.gross


def test_a_month_is_the_customers_where_the_customer_is() -> None:
    """Lago 61: months in UTC. Five in the afternoon of the 30th there is December in Shanghai."""
    shop = open_shop(FIRST, None, EGRESS)
    end = NOVEMBER.interval("Asia/Shanghai").end
    shop.built.clock.instant = end + 2 * HOUR
    tell(shop, "before", 10**9, Interval(end - HOUR, end))
    tell(shop, "after", 2 * 10**9, Interval(end, end + HOUR))
    shop.built.clock.advance(MINUTE)
    assert [[invoice.net for invoice in shop.close(NOVEMBER.plus(n))] for n in (0, 1)] == [
        [cny("0.50")], [cny("1.00")],
    ]  # fmt: skip


def test_the_order_and_the_number_of_times_in_which_meters_tell_change_no_bill() -> None:
    """Late, twice and out of order: three readings in every order, one of them over the turn of the
    month, and each told again after the month is closed.
    """
    end = NOVEMBER.interval("Asia/Shanghai").end
    spans = [(-3, -2), (-2, -1), (-1, 1)]
    billed: set[tuple[str, ...]] = set()
    for order in permutations(range(3)):
        for known in (1, 2):
            shop = open_shop(FIRST, None, EGRESS)
            shop.built.clock.instant = end + HOUR
            for place in order[:known]:
                start, until = spans[place]
                during = Interval(end + start * HOUR, end + until * HOUR)
                tell(shop, f"r{place}", 10**9 + place, during)
            shop.built.clock.advance(MINUTE)
            first = shop.close()
            for place in order:
                start, until = spans[place]
                during = Interval(end + start * HOUR, end + until * HOUR)
                tell(shop, f"r{place}", 10**9 + place, during)
            second = shop.close(NOVEMBER.plus(1))
            lines = [line for i in (*first, *second) for line in shop.lines(i.id)]
            months = sorted({line.month for line in lines})
            sums = [sum(e.net.minor for e in lines if e.month == month) for month in months]
            billed.add(tuple(map(str, sums)))
    assert billed == {("125", "25")}
