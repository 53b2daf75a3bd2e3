"""Without a quote, nobody signs or amends below the discount floor."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from rackrate.app import amending, quotes, sales
from rackrate.app.amending import Change, Extend, More, Swap
from rackrate.core.access import Actor, Role
from rackrate.core.contract import Contract, Opening, Step, Terms, UpgradeRight
from rackrate.core.errors import RackrateError, Reason
from rackrate.core.ids import ChipId, ContractId
from rackrate.core.interval import Interval, Month
from rackrate.core.money import Money
from tests.app.test_quotes import (
    H20,
    MARCH,
    NODE,
    SLOW,
    TRAIN,
    refused,
    seller,
    shop,
    wish,
)
from tests.build import CUSTOMERS, SMALL, Built, build

ONE = ContractId("one")
YEAR = Interval(MARCH, datetime(2028, 2, 29, 16, tzinfo=UTC))  # To the first of March.
FOLLOWING = datetime(2029, 2, 28, 16, tzinfo=UTC)
APRIL = datetime(2027, 3, 31, 16, tzinfo=UTC)


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


def sign(built: Built, actor: Actor, monthly: str, nodes: int = 1) -> Contract:
    offer = sales.Offer.of(ONE, TRAIN, NODE, nodes, YEAR, cny(monthly), Decimal(0))
    return sales.sign(built.world, actor, offer)


def below(error: RackrateError) -> str:
    assert error.reason is Reason.NOT_APPROVED
    assert "a quote for less can be approved" in error.detail
    lowest = error.facts["lowest"]
    assert isinstance(lowest, dict)
    return str(lowest["amount"])


def test_a_salesperson_signs_down_to_the_floor_and_not_a_cent_below_it() -> None:
    # The book: 70,000 for a year, and 5 % that one person may give.
    built = shop()
    no = refused(sign, built, seller(built), "1.00")
    assert below(no) == "66500.00"
    assert "66,500.00 CNY a month is the lowest that needs nobody else" in no.detail
    below(refused(sign, built, seller(built), "66499.99"))
    assert sales.find(built.world, built.admin) == []
    assert sign(built, seller(built), "66500.00").id == ONE


def test_the_floor_is_that_of_the_volume() -> None:
    # From three nodes on the book says 68,000 each.
    built = shop()
    assert below(refused(sign, built, seller(built), "193799.99", 3)) == "193800.00"
    sign(built, seller(built), "193800.00", 3)


def test_a_term_shorter_than_the_book_begins_at_is_no_way_around_it() -> None:
    built = shop()
    week = Interval(MARCH, datetime(2027, 3, 7, 16, tzinfo=UTC))
    offer = sales.Offer.of(ONE, TRAIN, NODE, 1, week, cny("1.00"), Decimal(0))
    assert below(refused(sales.sign, built.world, seller(built), offer)) == "66500.00"


def test_who_may_approve_a_quote_does_not_go_below_it_alone_either() -> None:
    built = shop()
    assert below(refused(sign, built, built.admin, "66499.99")) == "66500.00"
    sign(built, built.admin, "66500.00")
    low = Extend(1, FOLLOWING, cny("66499.99"))
    for act in (amending.amend, amending.preview):
        assert below(refused(act, built.world, built.admin, ONE, low)) == "66500.00"


def test_what_was_signed_elsewhere_before_comes_as_it_was_agreed() -> None:
    built = shop()
    offer = sales.Offer.of(ONE, TRAIN, NODE, 1, YEAR, cny("1.00"), Decimal(0))
    month = Month(2026, 10)
    opening = Opening(datetime(2026, 1, 5, tzinfo=UTC), month, month, cny("0.00"))
    offer = replace(offer, opening=opening)
    assert sales.sign(built.world, built.admin, offer).id == ONE


def test_where_the_book_has_no_contract_price_nothing_is_checked() -> None:
    built = build(SMALL, H20, CUSTOMERS)
    assert sign(built, seller(built), "1.00").id == ONE


def test_a_quote_that_was_approved_is_signed_below_it() -> None:
    built = shop()
    quote = quotes.create(built.world, seller(built), wish(1, monthly=cny("1.00")))
    finance = built.actor("money@compute.example", Role.FINANCE)
    quotes.approve(built.world, finance, quote.id)
    assert quotes.sign(built.world, seller(built), quote.id).commitments[0].amount == cny("1.00")


@pytest.mark.parametrize(
    ("low", "enough", "lowest"),
    [
        (
            More((sales.capacity(1, NODE, 1, YEAR, cny("0.01")),)),
            More((sales.capacity(1, NODE, 1, YEAR, cny("66500.00")),)),
            "66500.00",
        ),
        (Extend(1, FOLLOWING, cny("0.01")), Extend(1, FOLLOWING, cny("66500.00")), "66500.00"),
    ],
)
def test_an_amendment_needs_as_much(low: Change, enough: Change, lowest: str) -> None:
    built = shop()
    sign(built, seller(built), "70000.00")
    before = sales.show(built.world, built.admin, ONE)
    for act in (amending.amend, amending.preview):
        assert below(refused(act, built.world, seller(built), ONE, low)) == lowest
    assert sales.show(built.world, built.admin, ONE) == before
    amending.amend(built.world, seller(built), ONE, enough)


def test_an_upgrade_to_another_chip_needs_the_floor_of_that_chip() -> None:
    built = shop()
    terms = Terms(upgrade=UpgradeRight(ChipId("h20"), MARCH))
    offer = sales.Offer.of(ONE, TRAIN, NODE, 1, YEAR, cny("70000.00"), Decimal(0))
    sales.sign(built.world, built.admin, replace(offer, terms=terms))
    no = refused(amending.amend, built.world, seller(built), ONE, Swap(1, SLOW, cny("0.01"), APRIL))
    assert below(no) == "23750.00"
    amending.amend(built.world, seller(built), ONE, Swap(1, SLOW, cny("23750.00"), APRIL))


def test_what_goes_on_in_two_parts_is_priced_as_one() -> None:
    """Three nodes at the price of three; one of them goes on on another block."""
    built = shop()
    sign(built, built.admin, "193800.00", 3)
    other = Interval(YEAR.end, FOLLOWING)
    offer = sales.Offer.of(ContractId("two"), TRAIN, NODE, 1, other, cny("70000.00"), Decimal(0))
    sales.sign(built.world, built.admin, offer)
    done = amending.amend(built.world, seller(built), ONE, Extend(1, FOLLOWING))
    assert [(each.nodes, each.anew) for each in done.commitments[1:]] == [(2, False), (1, True)]


def test_going_on_at_what_was_approved_before_needs_nobody_again() -> None:
    built = shop()
    low = replace(wish(1, monthly=cny("1.00")), months=12)
    quote = quotes.create(built.world, seller(built), low)
    quotes.approve(built.world, built.admin, quote.id)
    quotes.sign(built.world, built.admin, quote.id, ONE)
    amending.amend(built.world, seller(built), ONE, Extend(1, FOLLOWING))


def test_steps_are_no_way_around_it() -> None:
    """Half a year at 80 % is 90 % of a year: 63,000 a month on the average of 70,000."""
    built = shop()
    terms = Terms(steps=(Step(1, Decimal(80)), Step(7, Decimal(100))))
    offer = sales.Offer.of(ONE, TRAIN, NODE, 1, YEAR, cny("70000.00"), Decimal(0))
    error = refused(sales.sign, built.world, seller(built), replace(offer, terms=terms))
    assert below(error) == "66500.00"
    assert "63,0" in error.detail and "with its steps and indexation" in error.detail
    low = wish(nodes=1, months=12)
    assert not quotes.ask(built.world, seller(built), low).needs_approval
    assert quotes.ask(built.world, seller(built), replace(low, terms=terms)).needs_approval
    gentle = Terms(steps=(Step(1, Decimal(95)),))
    sales.sign(built.world, seller(built), replace(offer, terms=gentle))


def test_a_total_with_tax_inside_is_held_to_the_list_before_tax() -> None:
    """66,500 a month and 6 % on top are 70,490: 845,880 a year."""
    built = shop()
    asked = wish(nodes=1, months=12, tax_included=True)
    least = quotes.ask(built.world, seller(built), replace(asked, total=cny("845880.00")))
    assert (least.tax_included, least.needs_approval) == (True, False)
    assert str(least.plan.value) == "845,880.00 CNY"
    assert least.first.basis == "in all, VAT inside, as agreed"
    assert least.first.discount_percent == 5
    less = quotes.ask(built.world, seller(built), replace(asked, total=cny("845879.00")))
    assert less.needs_approval
    no = refused(quotes.ask, built.world, seller(built), asked)
    assert "the list of h100.node is before tax: name its price" in no.detail
    offer = sales.Offer.of(ONE, TRAIN, NODE, 1, YEAR, cny("70489.00"), Decimal(0), True)
    assert below(refused(sales.sign, built.world, seller(built), offer)) == "66500.00"
    made = quotes.create(built.world, seller(built), replace(asked, total=cny("845880.00")))
    signed = quotes.sign(built.world, seller(built), made.id)
    assert signed.tax_included
    assert str(signed.commitments[0].total) == "845,880.00 CNY"
