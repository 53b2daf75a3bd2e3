"""What a site keeps: contracts stop at one share, on demand at another, and each hears how much."""

from dataclasses import replace
from decimal import Decimal

import pytest

from rackrate.core.errors import Refused
from rackrate.core.giveway import NOTICE
from rackrate.core.interval import Interval
from rackrate.core.inventory import Site
from rackrate.core.promise import Shortfall, Wish, assign, kept_back, room_in
from tests.app.test_giveway import BOOK, DAY, EAST, quote, shop, start
from tests.build import Built


def headroom(built: Built, contract: int = 0, spare: int = 0) -> None:
    with built.world.store.transaction() as tx:
        site = tx.get(Site, EAST)
        kept = replace(site, contract_percent=Decimal(contract), spare_percent=Decimal(spare))
        tx.put(kept)


def test_on_demand_stops_at_what_is_kept_for_contracts_and_hears_how_much_that_is() -> None:
    """Four nodes in two blocks, half of each kept for contracts: on demand has two of them."""
    built = shop()
    headroom(built, contract=50)
    start(built, count=2)
    with pytest.raises(Refused) as refused:
        start(built)
    assert refused.value.detail == (
        "at most 0 h100.node are free, not 1; 2 more nodes are kept for contracts and as spare"
    )
    assert refused.value.facts["nodes_kept"] == 2 and refused.value.facts["members_fit"] == 0


def test_spare_is_kept_from_on_demand_too() -> None:
    built = shop()
    headroom(built, spare=25)
    start(built, count=2)
    with pytest.raises(Refused, match="2 more nodes are kept"):
        start(built)


def test_contracts_stop_at_what_is_kept_for_the_moment_and_the_number_beyond_it_is_known() -> None:
    built = shop()
    now = built.clock.now()
    with built.world.store.transaction() as tx:
        pools = list(tx.fleet(EAST).pools.values())
    half = Decimal(50)
    month = Interval(now + 30 * DAY, now + 60 * DAY)
    wish = Wish(3, month, now, NOTICE, half, moment_percent=half)
    assert assign(pools, wish) == Shortfall(2, None)
    assert kept_back(pools, wish) == 2
    assert kept_back(pools, replace(wish, same_block=True)) == 1


def test_on_demand_that_fills_its_own_share_takes_nothing_from_contracts() -> None:
    """One node of each block is kept for the moment; on demand is on it, so the other is free."""
    built = shop()
    now = built.clock.now()
    start(built, count=2)
    half = Decimal(50)
    with built.world.store.transaction() as tx:
        pools = list(tx.fleet(EAST).pools.values())
    soon = Wish(1, Interval(now, now + 30 * DAY), now, NOTICE, half, moment_percent=half)
    both = {pool.id: room_in(pool, soon) for pool in pools}
    assert sum(both.values()) == 2 - sum(max(0, pool.sold_by_the_moment - 1) for pool in pools)


def test_a_contract_that_the_headroom_stands_in_the_way_of_hears_how_much_is_kept() -> None:
    built = shop(BOOK)
    headroom(built, spare=50)
    with pytest.raises(Refused, match="2 more nodes are kept") as refused:
        quote(built, 3, 30 * DAY)
    assert refused.value.facts["nodes"] == 2 and refused.value.facts["nodes_kept"] == 2
