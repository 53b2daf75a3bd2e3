"""Credit limits: what counts against them, who is refused with which numbers, and who never is."""

from datetime import timedelta

import pytest

from rackrate.app import credit, leasing
from rackrate.app.leasing import Ask
from rackrate.core.access import Role
from rackrate.core.credit import CreditTally
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import LeaseId, ProjectId, SkuId
from rackrate.core.lease import Lease, LeaseClass
from rackrate.core.parties import Customer
from tests.app.money_shop import FIRST, ROBOTICS, Shop, cny, open_shop
from tests.app.test_leasing import contract
from tests.app.test_leasing import shop as contracts

TRAIN, RENDER = ProjectId("robotics-train"), ProjectId("studio-render")
GPU, NODE = SkuId("h100.1"), SkuId("h100.node")


@pytest.fixture
def shop() -> Shop:
    """Robotics may owe 100.00. A GPU costs 17.00 an hour and 6 % of tax: 18.02."""
    found = open_shop()
    limit(found, "100.00")
    return found


def limit(shop: Shop, amount: str | None, actor: str = "mei") -> None:
    value = None if amount is None else cny(amount)
    credit.set_limit(shop.built.world, getattr(shop, actor), ROBOTICS, value)


def start(shop: Shop, count: int = 1, project: ProjectId = TRAIN) -> Lease:
    lease = leasing.start(shop.built.world, shop.built.admin, Ask(project, GPU, count))
    shop._settle()
    return lease


def refused(shop: Shop, count: int = 1) -> dict[str, object]:
    with pytest.raises(Refused) as found:
        start(shop, count)
    assert found.value.reason is Reason.CREDIT_LIMIT
    return found.value.facts


def left(shop: Shop) -> str:
    found = credit.show(shop.built.world, shop.mei, ROBOTICS).left
    assert found is not None
    return f"{found.amount:f}"


def test_what_runs_counts_for_an_hour_ahead_and_what_does_not_fit_says_what_would(
    shop: Shop,
) -> None:
    assert left(shop) == "100.00"
    start(shop, 4)
    assert left(shop) == "27.92"
    facts = refused(shop, 2)
    assert (facts["left"], facts["would_cost_an_hour"]) == ("27.92", "36.04")
    assert (facts["limit"], facts["owed"], facts["used"]) == ("100.00", "0.00", "0.00")
    assert left(shop) == "27.92"
    start(shop)
    assert left(shop) == "9.90"
    refused(shop)


def test_what_was_used_counts_until_it_is_paid_and_what_has_stopped_burns_no_more(
    shop: Shop,
) -> None:
    shop.lease(4)
    assert left(shop) == "27.92"
    first = start(shop)
    refused(shop)
    leasing.end(shop.built.world, shop.built.admin, first.id)
    second = start(shop)
    leasing.end(shop.built.world, shop.built.admin, second.id)
    shop._settle()
    shop.close()
    assert left(shop) == "27.92"
    refused(shop, 2)
    shop.receive("72.08", "wire 1")
    start(shop, 4)


def test_money_that_is_kept_for_later_is_a_wallet_for_a_limit_of_nothing(shop: Shop) -> None:
    limit(shop, "0")
    refused(shop)
    shop.receive("40.00", "top-up", keep=True)
    assert left(shop) == "40.00"
    start(shop)
    start(shop)
    assert refused(shop)["left"] == "3.96"


def test_a_refusal_says_what_is_open_and_used_and_how_much_more_is_needed(shop: Shop) -> None:
    shop.invoice("40.00")
    shop.lease(2)
    with pytest.raises(Refused) as found:
        start(shop, 2)
    assert found.value.detail == (
        "21.56 CNY of the credit limit of 100.00 CNY is left: 42.40 CNY is open, 36.04 CNY used, "
        "0.00 CNY running for the next hour; this would cost 36.04 CNY an hour: 14.48 CNY more "
        "has to be paid, or the limit raised to 114.48 CNY"
    )
    limit(shop, "50.00")
    with pytest.raises(Refused) as found:
        start(shop)
    assert found.value.detail == (
        "the credit limit of 50.00 CNY is exceeded by 28.44 CNY: 42.40 CNY is open, 36.04 CNY "
        "used, 0.00 CNY running for the next hour; this would cost 18.02 CNY an hour: 46.46 CNY "
        "more has to be paid, or the limit raised to 96.46 CNY"
    )
    assert found.value.facts["short"] == "46.46"
    shop.receive("46.45", "wire 1", keep=True)
    assert refused(shop)["limit_needed"] == "50.01"
    shop.receive("0.01", "wire 2", keep=True)
    start(shop)


def test_who_has_no_limit_is_not_counted_and_others_limits_are_not_ones_own(shop: Shop) -> None:
    limit(shop, "0")
    start(shop, 8, RENDER)
    with shop.built.world.store.transaction() as tx:
        assert tx.find(CreditTally) == []
    limit(shop, None)
    start(shop, 8)


def test_a_start_that_fits_rates_nothing_until_an_hour_has_passed(shop: Shop) -> None:
    limit(shop, "100000.00")
    for _ in range(3):
        start(shop)
    shop.built.clock.advance(timedelta(minutes=30))
    start(shop)
    with shop.built.world.store.transaction() as tx:
        tally = tx.get(CreditTally, ROBOTICS)
    assert tally.counted == FIRST
    assert (tally.used, tally.hourly) == (cny("27.03"), cny("72.08"))
    shop.built.clock.advance(timedelta(minutes=30))
    start(shop)
    with shop.built.world.store.transaction() as tx:
        tally = tx.get(CreditTally, ROBOTICS)
    assert (tally.counted, tally.used) == (shop.built.clock.now(), cny("63.07"))


def test_a_lease_under_a_contract_is_not_refused_whatever_is_owed() -> None:
    built = contracts()
    k1 = contract(built, nodes=3)
    finance = built.actor("mei@example.org", Role.FINANCE)
    credit.set_limit(built.world, finance, ROBOTICS, cny("0"))
    with pytest.raises(Refused, match="credit limit"):
        leasing.start(built.world, built.admin, Ask(TRAIN, NODE))
    wish = Ask(TRAIN, NODE, 3, klass=LeaseClass.CONTRACT, contract=k1)
    assert leasing.start(built.world, built.admin, wish).terms.contract == k1
    assert credit.show(built.world, finance, ROBOTICS).hourly == cny("0")


def test_a_stopped_lease_is_held_against_the_limit_when_it_starts_again(shop: Shop) -> None:
    lease = start(shop, 5)
    leasing.stop(shop.built.world, shop.built.admin, lease.id)
    shop._settle()
    limit(shop, "50.00")
    with pytest.raises(Refused, match=r"credit limit of 50\.00 CNY"):
        leasing.resume(shop.built.world, shop.built.admin, LeaseId(lease.id))


def test_a_limit_is_in_the_customers_currency_and_stays_where_its_file_says_nothing(
    shop: Shop,
) -> None:
    with pytest.raises(Invalid):
        limit(shop, "-1.00")
    text = (
        "kind: customer\nname: robotics\ntitle: Example Robotics\nentity: example\ncountry: CN\n"
        "time_zone: Asia/Shanghai\ncurrency: CNY\n"
    )
    shop.built.apply(text)
    with shop.built.world.store.transaction() as tx:
        assert tx.get(Customer, ROBOTICS).credit_limit == cny("100.00")
    shop.built.apply(text + "credit_limit: 70.5\n")
    assert left(shop) == "70.50"
