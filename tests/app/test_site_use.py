"""Public addresses and readings: who may, what is refused, and on which invoice they are."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from rackrate.app import (
    addresses,
    billing,
    books,
    budgets,
    catalogue,
    credit,
    documents,
    leasing,
    readings,
    receivables,
)
from rackrate.app.addresses import Filter, NewAddress
from rackrate.app.budgets import NewBudget
from rackrate.app.leasing import Ask
from rackrate.app.readings import Recorded, Told
from rackrate.core.access import Actor, Role
from rackrate.core.address import Address, AddressPool
from rackrate.core.billing_terms import BillingTerms
from rackrate.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Missing,
    RackrateError,
    Reason,
    Refused,
)
from rackrate.core.ids import LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.ledger import Account
from rackrate.core.price_check import Fault
from rackrate.core.reading import Item, Reading
from tests.app.money_shop import FIRST, NOVEMBER, ROBOTICS, SELLER, Shop, cny, open_shop

TRAIN, RENDER, EAST = ProjectId("robotics-train"), ProjectId("studio-render"), SiteId("east")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAB = "kind: project\nname: robotics-lab\ntitle: Lab\ncustomer: robotics\n"
PUBLIC = """
kind: address_pool
name: east-public
site: east
ranges: [192.0.2.0/29]
per_project: 3
"""
PRICES = """
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
per_address_hour: 0.05
per_egress_gb: 0.50
"""


@pytest.fixture
def shop() -> Shop:
    shop = open_shop(FIRST, None, PUBLIC, PRICES, LAB)
    shop.built.clock.advance(DAY)
    return shop


def reserve(shop: Shop, project: str = TRAIN, actor: Actor | None = None) -> Address:
    new = NewAddress(ProjectId(project), EAST)
    return addresses.reserve(shop.built.world, actor or shop.built.admin, new)


def told(shop: Shop, key: str = "r1", **other: object) -> Told:
    now = shop.built.clock.now()
    said: dict[str, object] = {
        "quantity": 10**9, "during": Interval(now - HOUR, now), "project": TRAIN, "site": EAST,
    }  # fmt: skip
    return Told(key, Item.EGRESS, **{**said, **other})  # type: ignore[arg-type]


def tell(shop: Shop, *said: Told, actor: Actor | None = None) -> Recorded:
    return readings.record(shop.built.world, actor or shop.built.admin, "edge", said)


def recorded(shop: Shop) -> list[Reading]:
    return readings.find(shop.built.world, shop.built.admin, readings.Filter())


def lease_of(shop: Shop, project: str = TRAIN) -> LeaseId:
    ask = Ask(ProjectId(project), SkuId("h100.1"))
    lease = leasing.start(shop.built.world, shop.built.admin, ask)
    shop._settle()
    return lease.id


def test_who_may_hold_addresses_and_who_tells_readings(shop: Shop) -> None:
    world = shop.built.world
    member = shop.built.actor("m@robotics.example", Role.MEMBER, "robotics", TRAIN)
    guest = shop.built.actor("g@robotics.example", Role.GUEST, "robotics", TRAIN)
    other = shop.built.actor("o@studio.example", Role.OWNER, "studio")
    meter = shop.built.actor("edge@example.org", Role.METER)
    mine = reserve(shop, actor=member)
    tell(shop, told(shop), actor=meter)
    for who, error in ((guest, Forbidden), (other, Missing), (meter, Forbidden)):
        with pytest.raises(error):
            addresses.release(world, who, mine.id)
    assert addresses.find(world, guest, Filter()) == [mine]
    assert addresses.find(world, other, Filter()) == []
    assert [r.id for r in readings.find(world, member, readings.Filter())] == ["edge/r1"]
    assert readings.find(world, other, readings.Filter()) == []
    for who in (member, other):
        with pytest.raises(Forbidden):
            tell(shop, told(shop, "r2"), actor=who)
    with pytest.raises(Forbidden):
        readings.find(world, meter, readings.Filter())


def test_an_address_belongs_to_a_lease_of_its_project_until_that_ends(shop: Shop) -> None:
    world, admin = shop.built.world, shop.built.admin
    mine, lease, foreign = reserve(shop), lease_of(shop), lease_of(shop, RENDER)
    with pytest.raises(Missing):
        addresses.attach(world, admin, mine.id, foreign)
    attached = addresses.attach(world, admin, mine.id, lease)
    assert attached == addresses.attach(world, admin, mine.id, lease)
    assert leasing.detail(world, admin, lease).addresses == (attached,)
    leasing.end(world, admin, lease)
    shop._settle()
    assert leasing.detail(world, admin, lease).addresses == ()
    assert addresses.show(world, admin, mine.id) == mine
    with pytest.raises(Refused, match="has ended"):
        addresses.attach(world, admin, mine.id, lease)
    shop.built.clock.advance(HOUR)
    once = addresses.release(world, admin, mine.id)
    shop.built.clock.advance(HOUR)
    assert addresses.release(world, admin, mine.id) == once and once.during.end is not None
    with pytest.raises(Refused, match="was released"):
        addresses.detach(world, admin, mine.id)


def test_what_is_held_without_a_price_costs_nothing_and_is_told(shop: Shop) -> None:
    mine = reserve(shop)
    shop.built.apply(PRICES.replace("2026-01-01", "2027-01-01") + "until: 2027-02-01\n")
    found = catalogue.check_prices(shop.built.world, shop.built.admin)
    assert [each for each in found if each.fault is Fault.ADDRESS] == []
    bare = open_shop(FIRST, None, PUBLIC)
    reserve(bare)
    (told_of,) = [
        each
        for each in catalogue.check_prices(bare.built.world, bare.built.admin)
        if each.fault is Fault.ADDRESS
    ]
    assert told_of.item == mine.id and "it costs nothing" in told_of.text
    assert not bare.close()


def test_a_project_holds_so_many_and_a_pool_keeps_what_is_held(shop: Shop) -> None:
    held = [reserve(shop).address for _ in range(3)]
    assert held == ["192.0.2.0", "192.0.2.1", "192.0.2.2"]
    with pytest.raises(Refused) as no:
        reserve(shop)
    assert no.value.reason is Reason.IN_USE and no.value.facts == {"held": 3, "most": 3}
    for text, said in (
        (PUBLIC.replace("/29", "/31"), "192.0.2.2 is held by 'robotics-train'"),
        (PUBLIC.replace("east-public", "twice"), "192.0.2.0 is in pool 'east-public', too"),
        (PUBLIC.replace("192.0.2.0/29", "192.0.2.1/29"), "is not a network"),
        (PUBLIC.replace("192.0.2.0/29", "192.0.2.9-192.0.2.1"), "ends before it begins"),
        (PUBLIC + "kept_back: [192.0.2.9]\n", "kept back, and not in pool"),
    ):
        with pytest.raises(Invalid, match=said):
            shop.built.apply(text)
    with shop.built.world.store.transaction() as tx:
        assert [pool.ranges for pool in tx.find(AddressPool)] == [("192.0.2.0/29",)]


Wrong = Callable[[Shop], Told]
WRONG: tuple[tuple[Wrong, type[RackrateError], str], ...] = (
    (lambda s: told(s, during=Interval(FIRST, FIRST + 2 * DAY)), Refused, "of the future"),
    (lambda s: told(s, during=Interval(FIRST - 1200 * DAY, FIRST)), Refused, "days old"),
    (lambda s: told(s, during=Interval(FIRST - 32 * DAY, FIRST)), Invalid, "at most 31 days"),
    (lambda s: told(s, quantity=-1), Invalid, "is not from 0"),
    (lambda s: told(s, quantity=10**18 + 1), Invalid, "is not from 0"),
    (lambda s: told(s, project=ProjectId("nobody")), Missing, "no project"),
    (lambda s: told(s, site=SiteId("west")), Missing, "no site"),
    (lambda s: told(s, site=None), Invalid, "a project at a site"),
    (lambda s: told(s, lease=LeaseId("lse_9")), Missing, "no lease"),
    (lambda s: told(s, lease=lease_of(s, RENDER)), Invalid, "is of studio-render"),
    (lambda s: told(s, lease=lease_of(s)), Refused, "was not there yet"),
    (lambda s: told(s, key="a\nb"), Invalid, "one line"),
    (lambda s: told(s, key="known", quantity=1), Conflict, "before, and otherwise"),
)


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_reading_that_cannot_be_is_refused_with_all_that_came_with_it(
    shop: Shop, number: int
) -> None:
    make, error, said = WRONG[number]
    tell(shop, told(shop, "known"))
    with pytest.raises(error, match=said):
        tell(shop, told(shop, "good"), make(shop))
    assert [row.id for row in recorded(shop)] == ["edge/known"]


def test_a_meter_that_says_two_things_at_once_is_refused_and_the_same_is_once(shop: Shop) -> None:
    with pytest.raises(Conflict):
        tell(shop, told(shop), told(shop, quantity=2))
    assert tell(shop, told(shop), told(shop)) == Recorded(1, 1)
    assert tell(shop, told(shop), told(shop, "r2")) == Recorded(1, 1)


def test_an_address_is_held_against_credit_with_all_that_is_held(shop: Shop) -> None:
    """At 0.05 an hour each, with tax, looked at an hour ahead."""
    credit.set_limit(shop.built.world, shop.mei, ROBOTICS, cny("0.12"))
    assert [reserve(shop).address, reserve(shop).address] == ["192.0.2.0", "192.0.2.1"]
    with pytest.raises(Refused) as no:
        reserve(shop)
    assert no.value.reason is Reason.CREDIT_LIMIT
    stands = credit.show(shop.built.world, shop.mei, ROBOTICS)
    assert (stands.hourly, stands.left) == (cny("0.11"), cny("0.01"))


def test_a_reading_of_a_lease_is_its_projects_and_none_is_of_a_lease_that_is_gone(
    shop: Shop,
) -> None:
    lease = lease_of(shop)
    shop.built.clock.advance(HOUR)
    tell(shop, told(shop, project=None, site=None, lease=lease))
    assert [(row.project, row.site, row.lease) for row in recorded(shop)] == [(TRAIN, EAST, lease)]
    leasing.end(shop.built.world, shop.built.admin, lease)
    shop._settle()
    shop.built.clock.advance(2 * HOUR)
    with pytest.raises(Refused, match="had ended"):
        tell(shop, told(shop, "late", project=None, site=None, lease=lease))


def test_an_invoice_of_an_address_says_that_its_site_is_simulated() -> None:
    """Another site of the seller's is not."""
    real = "kind: site\nname: real\ntitle: Real\nentity: example\ncountry: CN\n"
    shop = open_shop(FIRST, None, PUBLIC, PRICES, f"{real}time_zone: UTC\nengine: local\n")
    reserve(shop)
    (invoice,) = shop.close()
    assert documents.document(shop.built.world, shop.mei, invoice.id).sample


def test_projects_with_invoices_and_budgets_of_their_own_have_their_own_lines(shop: Shop) -> None:
    world, mei = shop.built.world, shop.mei
    receivables.set_terms(world, mei, BillingTerms(ROBOTICS, SELLER, per_project=True))
    reserve(shop, "robotics-lab")
    tell(shop, told(shop))
    shop.built.clock.advance(20 * HOUR)
    spent = {
        project: budgets.set_budget(world, mei, NewBudget(ROBOTICS, project, cny("100"))).spent
        for project in (TRAIN, ProjectId("robotics-lab"))
    }
    # A GB at 0.50, and twenty hours at 0.05, with tax of 6 percent.
    assert spent == {TRAIN: cny("0.53"), "robotics-lab": cny("1.06")}
    issued = {invoice.project: invoice for invoice in shop.close()}
    assert {project: i.net for project, i in issued.items()} == {
        TRAIN: cny("0.50"),
        "robotics-lab": cny("34.80"),
    }


def test_the_books_begin_with_what_was_read_first(shop: Shop) -> None:
    """There was never a lease. What is told later of a month before is a correction of it."""
    earlier = Interval(FIRST - DAY, FIRST - DAY + HOUR)
    tell(shop, told(shop))
    shop.close()
    tell(shop, told(shop, "before", during=earlier))
    (invoice,) = shop.close(NOVEMBER.plus(1))
    (line,) = shop.lines(invoice.id)
    assert (line.description, str(line.month), line.net) == (
        "Correction of 2026-10: Egress of robotics-train at east", "2026-10", cny("0.50"),
    )  # fmt: skip
    assert shop.balance(Account.USAGE_REVENUE) == "-1.00"
    assert shop.balance(Account.UNBILLED) == "0.00"
    assert books.balances(shop.built.world, shop.built.admin, SELLER)


def test_what_is_told_in_the_second_of_a_close_is_billed_once(shop: Shop) -> None:
    tell(shop, told(shop))
    shop.built.clock.instant = NOVEMBER.interval("Asia/Shanghai").end
    end = shop.built.clock.instant
    tell(shop, told(shop, "last", during=Interval(end - HOUR, end)))
    (first,) = shop.close()
    (second,) = shop.close(NOVEMBER.plus(1))
    assert (first.net, second.net) == (cny("0.50"), cny("0.50"))
    assert not shop.close(NOVEMBER.plus(2))
    assert not billing.preview(shop.built.world, shop.mei, ROBOTICS, NOVEMBER.plus(3)).lines
