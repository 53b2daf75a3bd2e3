"""A quote carries the contract's terms: they are answered, held and signed with it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rackrate.app import quotes
from rackrate.app.quoting import Ask
from rackrate.core.calendar import Reservation
from rackrate.core.contract import Acceptance, Damages, EarlyEnd, Renewal, Terms, UpgradeRight
from rackrate.core.errors import Reason
from rackrate.core.ids import ChipId
from tests.app.test_quotes import H20, PRICES, SLOW, STUDIO, alternatives, refused, shop, wish
from tests.build import CUSTOMERS, SMALL, build

LATER = datetime(2028, 2, 29, 16, tzinfo=UTC)
EVERYTHING = Terms(
    Acceptance.HEALTH,
    Renewal(12, LATER, Decimal(95)),
    EarlyEnd(Decimal(20), 90),
    Damages(Decimal("0.5"), Decimal(10)),
    UpgradeRight(ChipId("h20"), LATER, Decimal(50)),
    Decimal(25),
    ("CN",),
    True,
)


def by(terms: Terms, nodes: int = 1, **other: Any) -> Ask:
    return replace(wish(nodes, **other), terms=terms)


def test_what_was_quoted_is_what_the_contract_agrees() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, by(EVERYTHING))
    assert quotes.show(built.world, built.admin, quote.id).quote.terms == EVERYTHING
    assert quotes.sign(built.world, built.admin, quote.id).terms == EVERYTHING


def test_a_block_of_its_own_is_held_whole_for_whoever_asks_for_it() -> None:
    # Blocks of two nodes: one is asked for, and nobody else gets the other.
    built = shop()
    quote = quotes.create(built.world, built.admin, by(Terms(dedicated=True)))
    assert quote.dedicated
    with built.world.store.transaction() as tx:
        held = sorted((one.holder, one.nodes) for one in tx.find(Reservation))
    assert held == [(quote.id, 1), (f"{quote.id}/private", 1)]
    quotes.create(built.world, built.admin, wish(1, customer=STUDIO))
    # Somebody is in the other block now.
    no = refused(quotes.create, built.world, built.admin, by(Terms(dedicated=True)))
    assert no.reason is Reason.NO_CAPACITY


def test_outside_of_the_countries_that_are_agreed_nothing_is_quoted() -> None:
    built = shop()
    no = refused(quotes.create, built.world, built.admin, by(Terms(jurisdiction=("SG",))))
    assert no.reason is Reason.NOT_ELIGIBLE
    assert "h100.node is in CN; the contract is delivered in SG only" in no.detail
    with built.world.store.transaction() as tx:
        assert tx.find(Reservation) == []


ABROAD = H20.replace("site: east", "site: south").replace("name: slow-1", "name: far-1")
ABROAD = (
    """
kind: site
name: south
title: South (simulated)
entity: example
country: SG
time_zone: Asia/Singapore
engine: sim
simulated: true
---"""
    + ABROAD
)


def test_nothing_outside_of_them_is_offered_instead() -> None:
    built = build(SMALL, ABROAD.replace("block: slow-1", "block: far-1"), CUSTOMERS, PRICES)
    anywhere = refused(quotes.create, built.world, built.admin, by(Terms(), 5))
    assert SLOW in {one["sku"] for one in alternatives(anywhere)}
    at_home = refused(quotes.create, built.world, built.admin, by(Terms(jurisdiction=("CN",)), 5))
    assert {one["sku"] for one in alternatives(at_home)} == {"h100.node"}
