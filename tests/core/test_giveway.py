"""Who gives way: what on-demand leases are told, who has to go, and that contracts always fit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.giveway import CHANGEOVER, EARLY, NOTICE
from rackrate.core.ids import ChipId, SiteId
from rackrate.core.promise import Shortfall
from tests.core.lodging import House, Trade

SITE, H100 = SiteId("east"), ChipId("h100")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FAR = timedelta(days=3650)


def test_nobody_is_told_an_end_while_there_is_room_for_all() -> None:
    house = House(4)
    one = house.start()
    assert house.sign("k", 3, 30 * DAY)
    assert house.of(one).safe_until is None and not house.going()


def test_a_contract_that_needs_its_node_tells_a_lease_from_when_and_notice_follows_in_time() -> (
    None
):
    """Four nodes, two leased on demand; a contract for three from day 30 needs one of them."""
    house = House(4)
    first, second = house.start(), house.start()
    assert house.sign("k", 3, 30 * DAY)
    from_then = NOW + 30 * DAY - CHANGEOVER
    assert house.of(first).safe_until == house.of(second).safe_until == from_then
    assert not house.going()
    house.to(NOW + 30 * DAY - NOTICE - EARLY - HOUR)
    assert not house.going()
    house.to(NOW + 30 * DAY - NOTICE - EARLY)
    # One is enough: it is who came last. The other is told that it is safe after all.
    assert house.going() == {"lse_002": from_then}
    assert house.of(first).safe_until is None
    house.to(NOW + 30 * DAY)
    assert set(house.lodgers) == {"lse_001"} and house.claim("k", 3)


def test_a_contract_counts_on_nodes_on_demand_only_after_their_notice() -> None:
    house = House(2)
    assert house.start(nodes=2)
    soon = house.wish(1, 3 * DAY)
    assert soon == Shortfall(0, NOW + NOTICE + CHANGEOVER)
    assert house.sign("k", 2, NOTICE + CHANGEOVER)
    assert house.going() == {"lse_001": NOW + NOTICE}


def test_one_gang_goes_rather_than_two_leases_and_none_larger_than_must() -> None:
    house = House(8)
    house.start()
    pair = house.start(nodes=2)
    house.start(nodes=4)
    house.start()
    assert house.sign("k", 2, 8 * DAY)
    assert list(house.going()) == [pair]


def test_who_started_last_goes_first_among_equals() -> None:
    house = House(3)
    house.start()
    house.to(NOW + HOUR)
    house.start()
    house.to(NOW + 2 * HOUR)
    last = house.start()
    assert house.sign("k", 1, 7 * DAY + HOUR)
    assert list(house.going()) == [last]


def test_a_node_with_one_lease_is_emptied_rather_than_one_with_eight() -> None:
    house = House(2)
    shared = [house.start(slots=1) for _ in range(8)]
    alone = house.start(slots=5)
    assert house.of(shared[0]).nodes != house.of(alone).nodes
    assert house.sign("k", 1, 8 * DAY)
    assert list(house.going()) == [alone]


def test_a_whole_gang_goes_where_one_of_its_nodes_is_needed() -> None:
    house = House(4, blocks=2)
    gang = house.start(nodes=4)
    assert house.sign("k", 1, 8 * DAY)
    assert list(house.going()) == [gang]


def test_a_notice_is_withdrawn_when_the_contract_is_or_nodes_are_free_again() -> None:
    house = House(2)
    first, second = house.start(), house.start()
    assert house.sign("k", 1, 8 * DAY)
    assert list(house.going()) == [second]
    house.cancel("k")
    assert not house.going() and house.of(second).safe_until is None
    assert house.sign("k", 1, 8 * DAY)
    house.end(str(first))
    house.tell()
    assert not house.going()


def test_a_notice_moves_to_the_later_day_when_the_contract_does() -> None:
    house = House(1)
    house.start()
    assert house.sign("k", 1, 7 * DAY + HOUR)
    house.fleet.withdraw("k/b0/h100x8")
    assert house.sign("k2", 1, 7 * DAY + 5 * HOUR)
    assert house.going() == {"lse_001": NOW + 7 * DAY + 5 * HOUR - CHANGEOVER}


def test_a_hold_counts_as_a_promise_until_it_expires() -> None:
    house = House(1)
    lease = house.start()
    assert house.sign("q", 1, 7 * DAY + HOUR, expires=DAY)
    assert house.going() == {"lse_001": NOW + 7 * DAY + HOUR - CHANGEOVER}
    house.to(NOW + DAY)
    assert not house.going() and house.of(lease).safe_until is None


def test_a_lease_that_begins_shortly_before_a_contract_has_its_notice_from_the_start() -> None:
    """Idle nodes are not wasted: whoever takes them for three days knows it before it pays."""
    house = House(2)
    assert house.sign("k", 2, 3 * DAY)
    lease = house.start()
    assert house.of(lease).safe_until == NOW + 3 * DAY - CHANGEOVER
    house.tell()
    assert house.going() == {"lse_001": NOW + 3 * DAY - CHANGEOVER}


def test_a_lease_goes_where_nothing_is_promised_soon_if_it_can() -> None:
    house = House(4, blocks=2)
    assert house.sign("k", 2, 3 * DAY)
    for _ in range(2):
        assert house.of(house.start()).safe_until is None
    assert house.of(house.start()).safe_until == NOW + 3 * DAY - CHANGEOVER


def test_nothing_begins_on_nodes_that_are_needed_within_minutes() -> None:
    house = House(1)
    assert house.sign("k", 1, timedelta(minutes=10))
    assert house.start() is None


def test_a_node_that_leaves_takes_its_lease_along_even_where_others_are_free() -> None:
    house = House(2)
    lease = house.start()
    (name,) = house.of(lease).nodes
    leaving = house.fleet.nodes[house.fleet.number[name]]
    house.fleet.set_node(replace(leaving, until=NOW + 20 * DAY))
    house.tell()
    assert house.of(lease).safe_until == NOW + 20 * DAY - CHANGEOVER
    house.to(NOW + 13 * DAY)
    assert house.going() == {"lse_001": NOW + 20 * DAY - CHANGEOVER}


def test_supply_that_is_lost_shortens_nobody_to_less_than_its_notice() -> None:
    house = House(2)
    lease = house.start()
    assert house.sign("k", 1, DAY)
    free = next(n for n in house.fleet.nodes if n.id not in house.of(lease).nodes)
    house.fleet.set_node(replace(free, until=NOW + 2 * DAY))
    house.tell()
    # The contract is short from day 2 to day 7: that is reported as a promise broken.
    assert house.going() == {"lse_001": NOW + NOTICE}


def test_who_was_spared_at_an_early_end_has_its_notice_when_nodes_are_lost_later() -> None:
    """Two leases share a node. One begins for two days only, but cannot make room without the
    other, which has a month's notice: so it is told another day, and not sent off within the hour.
    """
    house = House(3)
    long = house.start(slots=1, notice=30 * DAY)
    assert house.sign("k", 2, DAY)
    gone = next(n for n in house.fleet.nodes if n.id not in house.of(long).nodes)
    house.fleet.set_node(replace(gone, until=NOW + 2 * DAY))
    short = house.start(slots=1)
    assert house.of(short).safe_until == NOW + 2 * DAY - CHANGEOVER
    house.tell()
    assert house.of(short).nodes == house.of(long).nodes
    assert house.of(short).safe_until == NOW + NOTICE + EARLY
    house.live(NOW + 3 * DAY)
    assert str(long) not in house.going() or house.of(long).until == NOW + 30 * DAY
    house.end(str(long))
    house.tell()
    assert house.going() == {"lse_002": NOW + 3 * DAY + NOTICE}


def test_a_control_plane_that_was_down_keeps_the_contract_and_what_was_told() -> None:
    """It was told of day 30 at the signing; that nobody repeated it changes nothing."""
    house = House(1)
    house.start()
    assert house.sign("k", 1, 30 * DAY)
    house.to(NOW + 30 * DAY - CHANGEOVER - HOUR)
    assert house.going() == {"lse_001": NOW + 30 * DAY - CHANGEOVER}
    house.to(NOW + 30 * DAY)
    assert not house.lodgers and house.claim("k", 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_no_contract_is_ever_refused_for_a_lease_and_no_lease_goes_before_it_was_told(
    seed: int,
) -> None:
    """Random signings, holds, leases and ends: `House` checks each word that is given."""
    trade = Trade(seed)
    for step in range(40):
        trade.deliver()
        trade.act(f"k{step}")
