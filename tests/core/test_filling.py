"""Several lines on one calendar, against somebody who tries every way and counts every day."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest

from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.chips import Chip, Confidence
from rackrate.core.filling import Filled, earliest, place
from rackrate.core.ids import BlockId, ChipId, NodeId, PoolId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState
from rackrate.core.placement import Fleet
from rackrate.core.promise import Assigned, Wish
from rackrate.core.several import Candidate, Several, Want
from rackrate.core.workload import Limits

NOW = datetime(2027, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SITE, CHIP, SKU = SiteId("s"), ChipId("c"), SkuId("c.node")
LAST = 40  # No promise and no line of these calendars goes on after that day.
Days = list[int]


def ground(dice: random.Random) -> tuple[Fleet, dict[PoolId, Days]]:
    """One to three blocks of a few nodes with promises; and what is free on each day, counted."""
    fleet, free = Fleet(), dict[PoolId, Days]()
    for block in range(dice.randint(1, 3)):
        pool, nodes = PoolId(f"b{block}/cx8"), dice.randint(1, 4)
        free[pool] = [nodes] * 400
        for number in range(nodes):
            name = NodeId(f"n{block}-{number}")
            fleet.set_node(
                Node(name, SITE, BlockId(f"b{block}"), CHIP, 8, 1, Limits(1, 1, 1),
                     NodeState.IN_SERVICE)
            )  # fmt: skip
        for number in range(dice.randint(0, 3)):
            first, taken = dice.randint(1, LAST - 12), dice.randint(1, nodes)
            until = first + dice.randint(1, 12)
            if all(left >= taken for left in free[pool][first:until]):
                free[pool][first:until] = [left - taken for left in free[pool][first:until]]
                during = Interval(NOW + first * DAY, NOW + until * DAY)
                fleet.promise(
                    Reservation(
                        f"r{block}-{number}", SITE, pool, taken, during,
                        ReservationKind.CONTRACT, "k",
                    )
                )  # fmt: skip
    return fleet, free


def asked(dice: random.Random, fleet: Fleet) -> Several:
    """One to three lines of a few nodes."""
    chip = Chip(CHIP, "v", "m", None, None, None, None, "", Confidence.OPERATOR)
    what = Candidate(
        SKU, SITE, chip, 8, fleet.shape(CHIP, 8), Decimal(0), Decimal(0), timedelta(0), None
    )
    together, wants = dice.random() < 0.3, []
    for number in range(1, dice.randint(1, 3) + 1):
        first = dice.randint(1, LAST - 15)
        during = Interval(NOW + first * DAY, NOW + (first + dice.randint(1, 15)) * DAY)
        one = together or dice.random() < 0.4
        wish = Wish(dice.randint(1, 4), during, NOW, timedelta(0), same_block=one)
        wants.append(Want(number, what, wish))
    return Several(tuple(wants), together)


def days_of(want: Want) -> range:
    return range((want.during.start - NOW) // DAY, (want.during.end - NOW) // DAY)


def shares(nodes: int, pools: int) -> Iterator[tuple[int, ...]]:
    """Every way to lay so many nodes on so many pools."""
    if pools == 1:
        yield (nodes,)
        return
    for here in range(nodes + 1):
        for rest in shares(nodes - here, pools - 1):
            yield (here, *rest)


def ways(several: Several, free: dict[PoolId, Days]) -> Iterator[tuple[Assigned, ...]]:
    """Every way to lay all lines that breaks no promise."""
    pools = sorted(free)
    each = [list(shares(want.wish.nodes, len(pools))) for want in several.wants]
    for choice in product(*each):
        laid = tuple(tuple((p, n) for p, n in zip(pools, one, strict=True) if n) for one in choice)
        if is_right(several, laid, free):
            yield laid


def is_right(several: Several, laid: tuple[Assigned, ...], free: dict[PoolId, Days]) -> bool:
    left = {pool: list(days) for pool, days in free.items()}
    for want, placed in zip(several.wants, laid, strict=True):
        if sum(nodes for _, nodes in placed) != want.wish.nodes:
            return False
        if want.wish.same_block and len(placed) > 1:
            return False
        for pool, nodes in placed:
            for day in days_of(want):
                left[pool][day] -= nodes
    if several.together and len({pool for placed in laid for pool, _ in placed}) > 1:
        return False
    return min(level for days in left.values() for level in days) >= 0


def later(several: Several, days: int) -> Several:
    """The same so many days later: the calendar of UTC has no other days."""
    moved = tuple(
        want.over(Interval(want.during.start + days * DAY, want.during.end + days * DAY))
        for want in several.wants
    )
    return replace(several, wants=moved)


@pytest.mark.parametrize("seed", [*range(57), 1003, 1016, 1103])
def test_all_lines_fit_where_any_way_is_right_and_from_the_first_day_on_which_one_is(
    seed: int,
) -> None:
    dice = random.Random(seed)
    fleet, free = ground(dice)
    several = asked(dice, fleet)
    found = place(several)
    right = next(ways(several, free), None)
    if not isinstance(found, Filled):
        assert is_right(several, found, free)
        return
    assert right is None
    # What it says could be had of each line can be had, all of it at once.
    parts = [
        (want.of(nodes), placed)
        for want, nodes, placed in zip(several.wants, found.possible, found.placed, strict=True)
        if nodes
    ]
    wants, laid = tuple(want for want, _ in parts), tuple(placed for _, placed in parts)
    assert is_right(replace(several, wants=wants), laid, free)
    start = earliest(several, "UTC")
    first = next((n for n in range(1, LAST + 1) if next(ways(later(several, n), free), None)), None)
    assert start == (None if first is None else several.start + first * DAY)
