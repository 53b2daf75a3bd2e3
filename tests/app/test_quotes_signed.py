"""Quotes that are signed, approved, private, or swept away when they have expired."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rackrate.app import billing, breaches, loops, quotes, upkeep
from rackrate.core.access import Role
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.errors import Forbidden, Missing, Reason
from rackrate.core.ids import ContractId
from rackrate.core.inventory import Node, NodeState
from rackrate.core.money import Money
from rackrate.core.quote import QuoteState
from tests.app.test_quotes import (
    H20,
    PRICES,
    SLOW,
    STUDIO,
    alternatives,
    free,
    refused,
    seller,
    shop,
    wish,
)
from tests.build import CUSTOMERS, NOON, SMALL, build

# -- signing ------------------------------------------------------------------------------------


def test_a_signed_quote_is_a_contract_on_the_same_nodes_and_its_prepayment_is_invoiced() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, wish(same_block=True, name="Foundation"))
    pools = [held.pool for held in quotes.show(built.world, built.admin, quote.id).held]
    made = quotes.sign(built.world, built.admin, quote.id, ContractId("rob-27"))
    assert (made.id, made.name) == ("rob-27", "Foundation")
    with built.world.store.transaction() as tx:
        (reserved,) = tx.find(Reservation)
    assert (reserved.holder, reserved.kind) == ("rob-27", ReservationKind.CONTRACT)
    assert [reserved.pool] == pools
    assert reserved.expires is None
    (invoice,) = billing.find(built.world, built.admin)
    assert str(invoice.net) == "864,000.00 CNY"
    shown = quotes.show(built.world, built.admin, quote.id)
    assert (shown.state, shown.quote.contract, shown.held) == (QuoteState.SIGNED, "rob-27", ())
    twice = refused(quotes.sign, built.world, built.admin, quote.id)
    assert "it is signed as contract rob-27 since" in twice.detail
    built.clock.advance(timedelta(days=20))
    assert free(built) == 2


def test_a_customer_s_owner_signs_its_own_quote_and_knows_of_no_other() -> None:
    built = shop()
    mine = quotes.create(built.world, built.admin, wish(1))
    other = quotes.create(built.world, built.admin, wish(1, customer=STUDIO))
    owner = built.actor("owner@robotics.example", Role.OWNER, "robotics")
    assert [quote.id for quote in quotes.find(built.world, owner)] == [mine.id]
    for see in (quotes.show, quotes.sign):
        with pytest.raises(Missing):
            see(built.world, owner, other.id)
    for act in (quotes.withdraw, quotes.approve):
        with pytest.raises(Forbidden):
            act(built.world, owner, mine.id)
    with pytest.raises(Forbidden):
        quotes.create(built.world, owner, wish(1))
    assert quotes.sign(built.world, owner, mine.id).customer == "robotics"


def test_a_hold_that_has_become_short_is_told_at_once_and_cannot_be_signed() -> None:
    """All four nodes are held, and one breaks for good: two in one block are not to be had."""
    built = shop()
    quote = quotes.create(built.world, built.admin, wish(2, same_block=True))
    quotes.create(built.world, built.admin, wish(2, customer=STUDIO))
    before = quotes.show(built.world, built.admin, quote.id).held
    with built.world.store.transaction() as tx:
        lost = next(row.id for row in tx.find(Node) if row.pool == before[0].pool)
    leaves = upkeep.Step(NodeState.RETIRED, force=True)
    upkeep.move(built.world, built.admin, lost, leaves)
    (told,) = breaches.show(built.world, built.admin)
    assert (told.short.reservation.holder, told.short.nodes) == (quote.id, 1)
    refusal = refused(quotes.sign, built.world, built.admin, quote.id)
    assert (refusal.reason, refusal.facts["nodes"]) == (Reason.NO_CAPACITY, 1)
    assert quotes.show(built.world, built.admin, quote.id).held == before


# -- discounts ----------------------------------------------------------------------------------


def test_up_to_the_floor_one_person_is_enough() -> None:
    built = shop()
    quote = quotes.create(built.world, seller(built), wish(discount_percent=Decimal(5)))
    assert not quote.needs_approval
    assert str(quote.monthly) == "114,000.00 CNY"
    quotes.sign(built.world, seller(built), quote.id)


@pytest.mark.parametrize(
    "given",
    [{"discount_percent": Decimal("5.01")}, {"monthly": Money.parse("113999.99", "CNY")}],
)
def test_below_the_floor_the_nodes_are_held_and_a_second_person_decides(
    given: dict[str, Any],
) -> None:
    built = shop()
    sales_person = seller(built)
    quote = quotes.create(built.world, sales_person, wish(**given))
    assert quote.needs_approval
    assert free(built) == 2
    no = refused(quotes.sign, built.world, built.admin, quote.id)
    assert no.reason is Reason.NOT_APPROVED
    with pytest.raises(Forbidden):
        quotes.approve(built.world, sales_person, quote.id)
    finance = built.actor("money@compute.example", Role.FINANCE)
    assert quotes.approve(built.world, finance, quote.id).approver == "money@compute.example"
    quotes.sign(built.world, sales_person, quote.id)


def test_who_made_a_quote_cannot_approve_it_whatever_else_it_may_do() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, wish(discount_percent=Decimal(50)))
    no = refused(quotes.approve, built.world, built.admin, quote.id)
    assert "admin made quote quo_000001; somebody else has to approve it" in no.detail


def test_without_a_contract_price_somebody_names_one_and_another_agrees() -> None:
    built = build(SMALL, CUSTOMERS)
    no = refused(quotes.create, built.world, built.admin, wish())
    assert no.reason is Reason.NOT_PRICED
    by_hand = wish(monthly=Money.parse("100000.00", "CNY"))
    quote = quotes.create(built.world, built.admin, by_hand)
    assert (quote.needs_approval, quote.first.price) == (True, "")


# -- who may have what --------------------------------------------------------------------------


def test_who_may_not_have_the_chip_is_quoted_none_and_offered_none() -> None:
    built = build(
        SMALL.replace("confidence: secondary", "confidence: secondary\nbarred_countries: [CN]", 1),
        H20,
        CUSTOMERS,
        PRICES,
    )
    no = refused(quotes.create, built.world, built.admin, wish())
    assert (no.reason, no.facts["rule"]) == (Reason.NOT_ELIGIBLE, "country")
    too_many = refused(quotes.create, built.world, built.admin, wish(17, sku=SLOW, months=12))
    assert {one["sku"] for one in alternatives(too_many)} == {"h20.node"}


PRIVATE = CUSTOMERS.replace("currency: CNY", "currency: CNY\ndedicated_block: true", 1)


def test_who_shares_no_block_has_the_whole_block_held_and_then_signed() -> None:
    built = build(SMALL, H20, PRIVATE, PRICES)
    quote = quotes.create(built.world, built.admin, wish(1))
    assert quote.dedicated
    with built.world.store.transaction() as tx:
        held = {(one.holder, one.pool, one.nodes) for one in tx.find(Reservation)}
    block = "east-1/h100x8"
    assert held == {(quote.id, block, 1), (f"{quote.id}/private", block, 1)}
    # Nobody else comes into the block, and it goes into no block where somebody is.
    quotes.create(built.world, built.admin, wish(1, customer=STUDIO))
    no = refused(quotes.create, built.world, built.admin, wish(1))
    assert no.reason is Reason.NO_CAPACITY
    made = quotes.sign(built.world, built.admin, quote.id)
    assert made.terms.dedicated
    with built.world.store.transaction() as tx:
        mine = [one for one in tx.find(Reservation) if one.pool == block]
    assert {(one.kind, one.nodes) for one in mine} == {(ReservationKind.CONTRACT, 1)}
    assert {one.holder for one in mine} == {made.id, f"{made.id}/private"}


def test_withdrawing_frees_a_private_block_as_a_whole() -> None:
    built = build(SMALL, H20, PRIVATE, PRICES)
    quote = quotes.create(built.world, built.admin, wish(1))
    assert free(built) == 2
    longer = quotes.extend(built.world, built.admin, quote.id, NOON + timedelta(days=40))
    with built.world.store.transaction() as tx:
        assert {one.expires for one in tx.find(Reservation)} == {longer.expires}
    quotes.withdraw(built.world, built.admin, quote.id)
    assert free(built) == 4


def test_a_block_of_its_own_is_found_later_where_none_is_empty_now() -> None:
    built = build(SMALL, H20, PRIVATE, PRICES)
    until = datetime(2028, 2, 29, 16, tzinfo=UTC)
    for _ in range(2):
        other = wish(2, customer=STUDIO, months=None, end=until)
        quotes.sign(built.world, built.admin, quotes.create(built.world, built.admin, other).id)
    no = refused(quotes.create, built.world, built.admin, wish(1))
    later = next(one for one in alternatives(no) if one["way"] == "later")
    assert later["start"] == until.isoformat()


# -- upkeep -------------------------------------------------------------------------------------


def test_a_full_pass_of_the_loops_takes_expired_holds_away() -> None:
    built = shop()
    quotes.create(built.world, built.admin, wish(4, lasts=timedelta(hours=1)))
    kept = quotes.create(built.world, built.admin, wish(4, sku=SLOW, months=12))
    built.clock.advance(timedelta(hours=1))
    leader = loops.lead(built.world, "test")
    assert leader is not None
    loops.provision(built.world, leader)
    with built.world.store.transaction() as tx:
        assert {held.holder for held in tx.find(Reservation)} == {kept.id}
