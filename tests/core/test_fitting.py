"""All pools at once say the same as one by one, on random calendars."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.core import fitting
from rackrate.core.calendar import Claim, HolderKind, Reservation, ReservationKind
from rackrate.core.ids import BlockId, ChipId, NodeId, PoolId, SiteId
from rackrate.core.interval import Interval, Span
from rackrate.core.inventory import Node, NodeState
from rackrate.core.placement import Fleet
from rackrate.core.promise import Shortfall, Wish, assign, earliest, kept_back, room_in
from rackrate.core.slots import all_slots
from rackrate.core.workload import Limits

NOW = datetime(2027, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SITE, CHIP = SiteId("s"), ChipId("c")


def ground(dice: random.Random) -> Fleet:
    """A few pools with nodes that come and go, promises, holds, and leases by the moment."""
    fleet = Fleet()
    for block in range(dice.randrange(1, 6)):
        for number in range(dice.randrange(1, 9)):
            ready = NOW + dice.randrange(-10, 200) * DAY if dice.random() < 0.3 else None
            until = NOW + dice.randrange(200, 500) * DAY if dice.random() < 0.2 else None
            state = NodeState.IN_SERVICE if ready is None else NodeState.ORDERED
            node = Node(
                NodeId(f"n{block}-{number}"), SITE, BlockId(f"b{block}"), CHIP, 8, 1,
                Limits(1, 1, 1), state, ready=ready, until=until,
            )  # fmt: skip
            fleet.set_node(node)
            if ready is None and dice.random() < 0.3:
                fleet.hold(
                    Claim(node.id, SITE, node.id, all_slots(8), Span(NOW), HolderKind.LEASE, "l")
                )
        for number in range(dice.randrange(0, 8)):
            start = NOW + dice.randrange(-50, 300) * DAY
            hold = dice.random() < 0.3
            fleet.promise(
                Reservation(
                    f"r{block}-{number}",
                    SITE,
                    PoolId(f"b{block}/cx8"),
                    dice.randrange(1, 4),
                    Interval(start, start + dice.randrange(1, 200) * DAY),
                    ReservationKind.HOLD if hold else ReservationKind.CONTRACT,
                    "h",
                    None,
                    NOW + dice.randrange(-5, 20) * DAY if hold else None,
                )
            )
    return fleet


def wish(dice: random.Random) -> Wish:
    start = NOW + dice.randrange(0, 200) * DAY
    kept = Decimal(dice.choice([0, 0, 10, 30]))
    return Wish(
        dice.randrange(1, 25),
        Interval(start, start + dice.randrange(1, 300) * DAY),
        NOW,
        dice.choice([7, 30]) * DAY,
        kept,
        dice.random() < 0.5,
        kept / 2 if dice.random() < 0.5 else Decimal(0),
    )


@pytest.mark.parametrize("seed", range(400))
def test_all_at_once_is_as_one_by_one(seed: int) -> None:
    dice = random.Random(seed)
    fleet, asked = ground(dice), wish(dice)
    shape, pools = fleet.shape(CHIP, 8), fleet.pools_of(CHIP, 8)
    slow = assign(pools, asked)
    fast = fitting.place(shape, asked)
    assert fast == (slow.nodes if isinstance(slow, Shortfall) else slow)
    if isinstance(slow, Shortfall):
        assert fitting.first_start(shape, asked) == earliest(pools, asked)
    assert fitting.kept_back(shape, asked) == kept_back(pools, asked)
    cuts = [asked.during.start + day * DAY for day in sorted(dice.sample(range(300), 4))]
    for start, end, row in zip(
        cuts[:-1], cuts[1:], fitting.between(shape, asked, cuts), strict=True
    ):
        then = replace(asked, during=Interval(start, end))
        assert row.tolist() == [room_in(pool, then) for pool in pools]


def test_nothing_fits_where_nothing_is() -> None:
    asked = wish(random.Random(1))
    shape = Fleet().shape(CHIP, 8)
    assert fitting.place(shape, asked) == 0
    assert fitting.first_start(shape, asked) is None
