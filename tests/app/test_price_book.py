"""A price book that is dated, narrowed and ruled; what holds when, for whom, and what is wrong."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from rackrate.app import catalogue
from rackrate.core.access import Actor, Role
from rackrate.core.errors import Forbidden, Invalid, Missing
from rackrate.core.ids import CustomerId, SkuId
from rackrate.core.lease import LeaseClass
from rackrate.core.pricing import Price, PriceBook
from tests.app.operator_files import rows
from tests.build import CUSTOMERS, NOON, SMALL, Built, build

JANUARY, MARCH = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
ONE, NODE = SkuId("h100.1"), SkuId("h100.node")
ROBOTICS = CustomerId("robotics")


def book(**fields: object) -> str:
    """A price book from 2027 on, in UTC, with these fields."""
    head = {"currency": "CNY", "tax_included": "false", "effective": "2027-01-01"}
    return "kind: price_book\ntime_zone: UTC\n" + "".join(
        f"{name}: {value}\n" for name, value in (head | fields).items()
    )


def matrix(amount: str, effective: str = "2026-01-01") -> str:
    return (
        f"kind: contract_price\nsku: h100.node\ncurrency: CNY\ntax_included: false\n"
        f"basis: a node and month\nfloor_percent: 5\neffective: {effective}\ntime_zone: UTC\n"
        f"tiers:\n- {{months: 12, nodes: 1, amount: 80000.00}}\n"
        f"- {{months: 36, nodes: 1, amount: {amount}}}\n"
    )


def held(built: Built, sku: SkuId, at: datetime, customer: CustomerId | None = None) -> Price:
    prices = PriceBook(rows(built, Price).values()).of(customer)
    return prices.at(sku, LeaseClass.ON_DEMAND, "CNY", at)


def refused(built: Built, *texts: str) -> str:
    with pytest.raises(Invalid) as error:
        built.apply(*texts)
    return str(error.value)


def faults(built: Built) -> list[str]:
    return [each.text for each in catalogue.check_prices(built.world, built.admin)]


# -- for whom, and when -------------------------------------------------------------------------


def test_the_narrowest_price_holds_and_what_ends_gives_way_to_what_was_before() -> None:
    """The list is 17.00. East is 16.00 from January, Robotics pays 15.00 until March, there 14.00
    in February only.
    """
    built = build(SMALL, CUSTOMERS)
    price = "{h100.1: {on_demand: %s}}"
    february = {"effective": "2027-02-01", "until": "2027-03-01"}
    built.apply(
        book(site="east", per_slot_hour=price % "16.00"),
        book(customer="robotics", until="2027-03-01", per_slot_hour=price % "15.00"),
        book(customer="robotics", site="east", **february, per_slot_hour=price % "14.00"),
    )
    whens = [NOON, JANUARY, JANUARY + timedelta(days=40), MARCH]
    mine = [str(held(built, ONE, when, ROBOTICS).amount) for when in whens]
    others = [str(held(built, ONE, when).amount) for when in whens]
    assert mine == ["17.00", "15.00", "14.00", "16.00"]
    assert others == ["17.00", "16.00", "16.00", "16.00"]


def test_a_change_that_is_to_come_is_seen_before_it_holds() -> None:
    built = build(SMALL, CUSTOMERS)
    built.apply(book(per_slot_hour="{h100.1: {on_demand: 15.00}}"))

    def listed(at: datetime) -> list[str]:
        found = catalogue.list_prices(built.world, built.admin, at, ONE, LeaseClass.ON_DEMAND)
        return [str(price.amount) for price in found]

    assert (listed(NOON), listed(JANUARY)) == (["17.00"], ["15.00"])


def test_a_customer_sees_the_list_and_its_own_prices_and_nobody_else_s() -> None:
    built = build(SMALL, CUSTOMERS)
    built.apply(book(customer="robotics", per_slot_hour="{h100.1: {on_demand: 12.00}}"))

    def amounts(actor: Actor) -> set[str]:
        found = catalogue.list_prices(built.world, actor, sku=ONE, klass=LeaseClass.ON_DEMAND)
        return {str(price.amount) for price in found}

    mine = built.actor("o@robotics.example", Role.OWNER, "robotics")
    other = built.actor("o@studio.example", Role.OWNER, "studio")
    assert amounts(mine) == amounts(built.admin) == {"17.00", "12.00"}
    assert amounts(other) == {"17.00"}
    built.clock.instant = JANUARY
    offered = {
        who: str(next(o for o in found if o.sku.id == ONE).prices[LeaseClass.ON_DEMAND].amount)
        for who, found in (
            ("mine", catalogue.list_offerings(built.world, mine)),
            ("other", catalogue.list_offerings(built.world, other)),
            ("operator", catalogue.list_offerings(built.world, built.admin)),
        )
    }
    assert offered == {"mine": "12.00", "other": "17.00", "operator": "17.00"}


# -- units --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words", "an_hour"),
    [
        ({"per_slot_second": "{h100.1: {on_demand: 0.005}}"}, "slot-second", "18"),
        ({"per_gpu_hour": "{h100.1: {on_demand: 18.00}}"}, "GPU-hour", "18"),
        (
            {"per_node_month": "{h100.node: {on_demand: 105120}}", "month_hours": "730"},
            "node-month of 730 h",
            "18",
        ),
        (
            {"per_node_month": "{h100.node: {on_demand: 103680}}", "month_hours": "720"},
            "node-month of 720 h",
            "18",
        ),
        (
            {"per_pflops_month": "{h100.node: {pflops: 7.9, on_demand: 13140}}"},
            "calendar PFLOPS-month",
            "17.775",
        ),
    ],
)
def test_a_unit_says_what_an_amount_is_for(
    fields: dict[str, object], words: str, an_hour: str
) -> None:
    built = build(SMALL, CUSTOMERS)
    built.apply(book(**fields))
    price = next(p for p in rows(built, Price).values() if p.effective == JANUARY)
    assert price.per == words
    assert price.hourly == Fraction(an_hour)


def test_a_gpu_that_is_cut_costs_what_its_parts_cost_together() -> None:
    cut = SMALL.replace("gpus: 8", "gpus: 8\nparts: 4").replace("slots: 8", "slots: 32")
    built = build(cut, CUSTOMERS)
    built.apply(book(per_gpu_hour="{h100.1: {on_demand: 18.00}}"))
    assert held(built, ONE, JANUARY).hourly == Fraction("4.5")


# -- rules --------------------------------------------------------------------------------------


def test_a_price_by_rule_follows_what_it_is_a_rule_of() -> None:
    """On demand is 1.6 times the contract price of 36 months, which goes down in March."""
    built = build(SMALL, CUSTOMERS)
    built.apply(matrix("65000.00"))
    rules = "{h100.1: {on_demand: {of: contract-36, sku: h100.node, times: 1.6}}}"
    text = book(month_hours="730", rules=rules)
    built.apply(text)
    # 1.6 x 65,000 a node and month of 730 hours, of which one GPU is an eighth.
    assert held(built, ONE, JANUARY).amount == Decimal(104000)
    assert held(built, ONE, JANUARY).hourly == Fraction(104_000, 730 * 8)
    made = built.apply(matrix("60000.00", "2027-03-01")).changes
    assert [change.kind for change in made] == ["price", "contract_price"]
    assert held(built, ONE, MARCH - timedelta(seconds=1)).amount == Decimal(104000)
    assert held(built, ONE, MARCH).amount == Decimal(96000)
    assert str(held(built, ONE, MARCH).rule) == "1.6 x contract-36 of h100.node"
    assert not built.apply(text, matrix("60000.00", "2027-03-01")).changes


def test_a_customer_s_share_of_the_list_follows_the_list() -> None:
    built = build(SMALL, CUSTOMERS)
    share = "{h100.1: {on_demand: {of: on_demand, times: 0.9}}}"
    built.apply(book(customer="robotics", rules=share))
    built.apply(book(effective="2027-03-01", per_slot_hour="{h100.1: {on_demand: 20.00}}"))
    assert held(built, ONE, JANUARY, ROBOTICS).amount == Decimal("15.3")
    assert held(built, ONE, MARCH, ROBOTICS).amount == Decimal(18)
    assert held(built, ONE, MARCH).amount == Decimal("20.00")


def test_a_price_by_rule_that_has_not_begun_is_worked_out_again_when_what_it_follows_changes() -> (
    None
):
    """Nine tenths of the list from March are 15.30, until the list is 20.00 from January on. What
    has begun is never worked out again.
    """
    built = build(SMALL, CUSTOMERS)
    share = "{h100.1: {on_demand: {of: on_demand, times: 0.9}}}"
    built.apply(book(customer="robotics", effective="2027-03-01", rules=share))
    assert held(built, ONE, MARCH, ROBOTICS).amount == Decimal("15.3")
    made = built.apply(book(per_slot_hour="{h100.1: {on_demand: 20.00}}")).changes
    changed = [(each.name, each.old, each.new) for one in made for each in one.fields]
    assert changed == [("amount", "15.300", "18.000")]
    assert held(built, ONE, MARCH, ROBOTICS).amount == Decimal(18)
    assert held(built, ONE, JANUARY, ROBOTICS).amount == Decimal("20.00")


def test_a_price_that_follows_itself_by_way_of_others_is_refused() -> None:
    built = build(SMALL, CUSTOMERS)
    built.apply(book(rules="{h100.1: {on_demand: {of: on_demand, sku: h100.node, times: 1.1}}}"))
    back = "{h100.node: {on_demand: {of: on_demand, sku: h100.1, times: 0.9}}}"
    told = refused(built, book(effective="2027-02-01", rules=back))
    assert "h100.node on_demand follows itself, by way of on_demand of h100.1, on_demand of" in told


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"per_node_month": "{h100.1: {on_demand: 1}}"}, "'h100.1' is not whole nodes"),
        ({"per_gb_month": "1", "customer": "nobody"}, "no customer is called 'nobody'"),
        (
            {"per_gb_month": "1", "currency": "USD", "customer": "robotics"},
            "customer 'robotics' pays in CNY, not in USD",
        ),
        ({"per_gb_month": "1", "until": "2026-12-01"}, "not after its beginning"),
        ({"per_gb_month": "1", "month_hours": "744"}, "'744' is unknown"),
        ({}, "`per_slot_hour` is missing, and so is every other price"),
        (
            {
                "per_gpu_hour": "{h100.1: {on_demand: 1}}",
                "per_slot_hour": "{h100.1: {on_demand: 1}}",
            },
            "h100.1 has two on_demand prices in this book",
        ),
        (
            {"rules": "{h100.1: {on_demand: {of: contract-36, sku: h100.node, times: 1}}}"},
            "follows 1 x contract-36 of h100.node, which has no price in CNY at 2027-01-01",
        ),
        (
            {"rules": "{h100.1: {on_demand: {of: on_demand, times: 2}}}"},
            "h100.1 cannot follow its own on_demand price",
        ),
        ({"rules": "{h100.1: {on_demand: {of: contract, times: 2}}}"}, "neither contract-36"),
        ({"per_pflops_month": "{h100.node: {on_demand: 1}}"}, "pflops"),
        ({"per_gb_month": "1", "effective": "2026-01-01", "site": "west"}, "no site is called"),
    ],
)
def test_a_price_that_cannot_be_is_refused_and_nothing_is_changed(
    fields: dict[str, object], said: str
) -> None:
    built = build(SMALL, CUSTOMERS)
    before = rows(built, Price)
    assert said in refused(built, book(**fields))
    assert rows(built, Price) == before


def test_a_gap_may_be_filled_and_what_was_sold_may_not_be_changed() -> None:
    """A price until March was all there was; in April one is found that holds since then."""
    text = SMALL.replace("effective: 2026-01-01", "effective: 2026-01-01\nuntil: 2027-03-01")
    built = build(text, CUSTOMERS)
    built.clock.instant = datetime(2027, 4, 1, tzinfo=UTC)
    price = {"per_slot_hour": "{h100.1: {on_demand: 16.00}}"}
    assert "effective after now" in refused(built, book(effective="2027-02-01", **price))
    built.apply(book(effective="2027-03-01", **price))
    assert held(built, ONE, MARCH).amount == Decimal("16.00")


# -- what is wrong with it ----------------------------------------------------------------------


def test_a_price_check_finds_gaps_overlaps_and_currencies_that_nobody_pays_in() -> None:
    text = SMALL.replace("effective: 2026-01-01", "effective: 2026-01-01\nuntil: 2027-03-01")
    built = build(text, CUSTOMERS)
    later = "{h100.1: {on_demand: 20.00}}"
    built.apply(
        book(effective="2027-04-01", per_slot_hour=later),
        book(effective="2027-02-01", per_slot_hour="{h100.node: {on_demand: 1.00}}"),
        book(currency="SEK", per_slot_hour=later),
    )
    assert faults(built) == [
        "there are prices in SEK, in which nobody pays",
        "h100.1 has no on_demand price in CNY from 2027-02-28 16:00 UTC until 2027-04-01 00:00 UTC",
        "h100.1 has no spot price in CNY from 2027-02-28 16:00 UTC on",
        (
            "h100.node has a on_demand price until 2027-02-28 16:00 UTC and another from "
            "2027-02-01 00:00 UTC on, which holds instead"
        ),
    ]


def test_a_price_check_of_what_is_whole_finds_nothing_and_is_the_operator_s() -> None:
    built = build(SMALL, CUSTOMERS)
    assert faults(built) == []
    customer = built.actor("o@robotics.example", Role.OWNER, "robotics")
    with pytest.raises((Forbidden, Missing)):
        catalogue.check_prices(built.world, customer)


MATRIX = """
kind: contract_price
sku: {}
currency: {}
tax_included: false
basis: power included
floor_percent: 5
effective: 2027-05-01
time_zone: UTC
per: gpu_hour
month_hours: {}
gpus: {}
tiers: [{{months: 12, nodes: 1, amount: 2.178}}]
"""


def test_contract_prices_are_checked_as_they_are_applied_and_afterwards() -> None:
    built = build(SMALL, CUSTOMERS)
    for sku, hours, gpus, why in (
        ("h100.node", "730", 4, "nodes of h100.node have 8 GPUs, not 4"),
        ("h100.1", "730", 8, "not whole nodes"),
        ("h100.node", "744", 8, "'744' is unknown"),
    ):
        with pytest.raises(Invalid, match=why):
            built.apply(MATRIX.format(sku, "CNY", hours, gpus))
    built.apply(MATRIX.format("h100.node", "SEK", "calendar", 8))
    assert faults(built) == [
        "there are prices in SEK, in which nobody pays",
        "h100.node has a contract price in SEK from 2027-05-01 00:00 UTC on, and none until then",
    ]
