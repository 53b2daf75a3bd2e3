"""A quote carries the contract's terms: they are answered, held and signed with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rackrate.app import quotes, sales
from rackrate.app.quoting import Ask
from rackrate.core.calendar import Reservation
from rackrate.core.contract import Acceptance, Damages, EarlyEnd, Renewal, Terms, UpgradeRight
from rackrate.core.errors import Invalid, Reason
from rackrate.core.ids import ChipId, ContractId
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from tests.app.test_quotes import (
    H20,
    MARCH,
    NODE,
    PRICES,
    SLOW,
    STUDIO,
    TRAIN,
    alternatives,
    refused,
    shop,
    wish,
)
from tests.build import CUSTOMERS, SMALL, Built, build

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


# -- a right to renew --------------------------------------------------------------------------

THEN = datetime(2030, 2, 28, 16, tzinfo=UTC)  # The first of March in Shanghai, when it ends.
RIGHT = Terms(renewal=Renewal(12, datetime(2029, 11, 30, 16, tzinfo=UTC)))


def held(built: Built) -> list[tuple[str, int, int, datetime, datetime | None]]:
    with built.world.store.transaction() as tx:
        found = tx.find(Reservation)
    return sorted((r.holder, r.renews, r.nodes, r.during.start, r.expires) for r in found)


def test_a_quote_holds_what_may_be_renewed_with_it_and_signing_keeps_it_until_its_day() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, by(RIGHT, 2))
    assert held(built) == [
        (quote.id, 0, 2, MARCH, quote.expires),
        (quote.id, 1, 2, THEN, quote.expires),
    ]
    later = wish(3, customer=STUDIO, start=THEN)
    assert refused(quotes.create, built.world, built.admin, later).facts["nodes"] == 2
    longer = quotes.extend(built.world, built.admin, quote.id, quote.expires + timedelta(days=9))
    assert {row[-1] for row in held(built)} == {longer.expires}
    contract = quotes.sign(built.world, built.admin, quote.id)
    assert RIGHT.renewal is not None
    assert held(built) == [
        (contract.id, 0, 2, MARCH, None),
        (contract.id, 1, 2, THEN, RIGHT.renewal.decide_by),
    ]


def test_of_blocks_of_its_own_the_rest_is_held_for_the_renewal_too() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, by(replace(RIGHT, dedicated=True)))
    private = f"{quote.id}/private"
    assert [row[:4] for row in held(built)] == [
        (quote.id, 0, 1, MARCH),
        (quote.id, 1, 1, THEN),
        (private, 0, 1, MARCH),
        (private, 1, 1, THEN),
    ]
    contract = quotes.sign(built.world, built.admin, quote.id)
    assert [(row[0], row[1], row[2]) for row in held(built)] == [
        (contract.id, 0, 1),
        (contract.id, 1, 1),
        (f"{contract.id}/private", 0, 1),
        (f"{contract.id}/private", 1, 1),
    ]


def test_a_quote_that_expires_or_is_withdrawn_frees_both() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, by(RIGHT, 4))
    quotes.withdraw(built.world, built.admin, quote.id)
    assert held(built) == []
    quote = quotes.create(built.world, built.admin, by(RIGHT, 4))
    built.clock.instant = quote.expires
    quotes.create(built.world, built.admin, wish(4, customer=STUDIO, start=THEN))


def test_a_right_that_could_not_be_held_is_not_quoted_and_says_until_when_it_could_be() -> None:
    built = shop()
    until = datetime(2030, 8, 31, 16, tzinfo=UTC)
    quotes.create(built.world, built.admin, wish(4, customer=STUDIO, start=until))
    for act in (quotes.ask, quotes.create):
        no = refused(act, built.world, built.admin, by(RIGHT, 2))
        assert (no.reason, no.facts["nodes"]) == (Reason.NO_CAPACITY, 0)
        assert (no.facts["until"], no.facts["months"]) == (until.isoformat(), 6)
    assert RIGHT.renewal is not None
    loose = replace(RIGHT, renewal=replace(RIGHT.renewal, held=False))
    quotes.create(built.world, built.admin, by(loose, 2))


def test_lines_are_laid_where_what_follows_them_fits_too() -> None:
    """One block is another's from the end on: on one fabric, the right needs the other block."""
    built = shop()
    quotes.create(built.world, built.admin, wish(2, customer=STUDIO, start=THEN, same_block=True))
    quote = quotes.create(built.world, built.admin, by(RIGHT, 2, same_block=True))
    with built.world.store.transaction() as tx:
        pools = {row.pool for row in tx.find(Reservation, holder=quote.id)}
        others = {row.pool for row in tx.find(Reservation) if row.holder != quote.id}
    assert len(pools) == len(others) == 1 and pools != others


@pytest.mark.parametrize(
    ("terms", "where"),
    [
        (Terms(renewal=Renewal(12, THEN + timedelta(days=1))), "renewal.decide_by"),
        (Terms(upgrade=UpgradeRight(ChipId("h20"), THEN)), "upgrade.not_before"),
        (Terms(early_end=EarlyEnd(Decimal(1), 0, THEN)), "early_end.not_before"),
        (Terms(upgrade=UpgradeRight(ChipId("h999"), MARCH)), "upgrade.chip"),
    ],
)
def test_what_could_never_be_used_is_refused_as_at_the_signature(terms: Terms, where: str) -> None:
    built = shop()
    quoted = refused(quotes.create, built.world, built.admin, by(terms))
    offer = sales.Offer.of(
        ContractId("k"), TRAIN, NODE, 1, Interval(MARCH, THEN), Money(1, "CNY"), Decimal(0)
    )
    offer = replace(offer, terms=terms)
    signed = refused(sales.sign_now, built.world, built.admin, offer)
    assert isinstance(quoted, Invalid) and isinstance(signed, Invalid)
    assert quoted.where == signed.where == f"terms.{where}"
    assert str(quoted) == str(signed)
    assert held(built) == []


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
