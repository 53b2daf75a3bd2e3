"""How long does it take to say what can be promised over five years, on all blocks of a chip?

    python -m benchmarks.calendar [0.1x] [1x] [10x]

1x has 1,000 pools, 10,000 contracts and 100,000 reservations. Asked as a salesperson asks: over the
whole of five years, of every pool. "again" asks the same calendar at another time; "after a
signature" is the first question after a promise was made, "after a hold expired" after one lapsed.
Beside it, in the same run: a plain loop that adds up every reservation of each pool and sweeps over
the changes, which is what a table of bookings does. Both must give the same answer for every pool.
`peer_over` is its CPU time over that of the question, since other work delays the clock.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from benchmarks.measure import keep, show
from benchmarks.synthetic import CHIP, DAY, NOW, SIZES, YEARS_5, Ground, ground
from rackrate.core.calendar import Reservation
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node
from rackrate.core.placement import Shape
from rackrate.core.promise import Wish, rooms
from rackrate.core.stack import Asked, stack_of, together
from rackrate.core.timeline import seconds

RUNS = {"0.1x": 201, "1x": 101, "10x": 31}
TARGET = {"size": "1x", "question": "again", "median_ms": 1.0}
NOTICE = 7 * DAY


def wish(now: datetime, window: Interval = YEARS_5) -> Wish:
    return Wish(1, window, now, NOTICE)


def plain(there: Ground, now: datetime, window: Interval) -> list[int]:
    """Of each pool the least over the window, from its rows alone, one by one."""
    nodes: dict[str, list[Node]] = {}
    for node in there.nodes:
        nodes.setdefault(node.pool, []).append(node)
    held: dict[str, list[Reservation]] = {}
    for one in there.reservations:
        held.setdefault(one.pool, []).append(one)
    first, end = seconds(window.start), seconds(window.end)
    return [swept(nodes[pool], held[pool], now, first, end) for pool in sorted(nodes)]


def swept(nodes: list[Node], held: list[Reservation], now: datetime, first: int, end: int) -> int:
    level, steps = 0, []
    for node in nodes:
        ready = first if node.ready is None else seconds(node.ready)
        if ready <= first:
            level += 1
        elif ready < end:
            steps.append((ready, 1))
    for one in held:
        if one.counts(now):
            start, until = seconds(one.during.start), seconds(one.during.end)
            if start < end and until > first:
                level -= one.nodes if start <= first else 0
                steps += [(start, -one.nodes)] if start > first else []
                steps += [(until, one.nodes)] if until < end else []
    least, before = level, first
    for at, change in sorted(steps):
        if at != before:
            least, before = min(least, level), at
        level += change
    return max(min(least, level), 0)


def timed(runs: int, act: Callable[[int], object]) -> dict[str, Any]:
    took, worked = [], []
    for run in range(runs):
        began, cpu = time.perf_counter(), time.process_time()
        act(run)
        worked.append(1000 * (time.process_time() - cpu))
        took.append(1000 * (time.perf_counter() - began))
    took.sort()
    return {
        "median_ms": round(statistics.median(took), 3),
        "p95_ms": round(took[int(len(took) * 0.95)], 3),
        "cpu_ms": round(statistics.median(worked), 3),
    }


def measure(size: str) -> Iterator[dict[str, Any]]:
    there = ground(size)
    shape, runs = there.fleet.shape(CHIP, 8), RUNS[size]
    row = {"size": size, "pools": len(shape.pools), "reservations": len(there.reservations)}
    began, cpu = time.perf_counter(), time.process_time()
    expected = plain(there, NOW, YEARS_5)
    peer, worked = 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - cpu)
    assert [int(room) for room in rooms(shape, wish(NOW))] == expected, "the plain loop differs"

    def found(question: str, took: dict[str, Any]) -> dict[str, Any]:
        return {
            **row,
            "question": question,
            **took,
            "peer_over": round(worked / (took["cpu_ms"] or took["median_ms"]), 1),
        }

    yield {**found("again", timed(runs, lambda run: _again(shape, run)))}
    yield {**found("after a signature", timed(runs, lambda run: _signed(there, shape, run)))}
    yield {**found("after a hold expired", _expiring(shape, runs))}
    yield {
        **found("the whole calendar", timed(1 if size == "10x" else 3, lambda _: _calendar(shape)))
    }
    loop = {"median_ms": round(peer, 3), "p95_ms": round(peer, 3), "cpu_ms": round(worked, 3)}
    yield {**row, "question": "none: a plain loop", **loop, "peer_over": 1}


def _again(shape: Shape, run: int) -> object:
    window = Interval(YEARS_5.start + run * DAY, YEARS_5.end)
    return rooms(shape, wish(NOW, window))


def _signed(there: Ground, shape: Shape, run: int) -> object:
    """A promise is changed, and then all are asked: both are in the time."""
    held = there.reservations[run * 7 % len(there.reservations)]
    there.fleet.promise(replace(held, during=Interval(held.during.start, held.during.end + DAY)))
    return rooms(shape, wish(NOW))


def _expiring(shape: Shape, runs: int) -> dict[str, Any]:
    """Every hold that expires changes a pool: so the clock goes on to the next one each time."""
    moments = sorted(
        {
            held.expires
            for pool in shape.pools
            for held in pool.calendar.reservations.values()
            if held.expires is not None
        }
    )
    return timed(min(runs, len(moments)), lambda run: rooms(shape, wish(moments[run])))


def _calendar(shape: Shape) -> object:
    """Every class at every instant, as the page and the chart show it."""
    asked = Asked(YEARS_5, NOW + 31 * DAY, NOTICE)
    return together([stack_of(pool, asked) for pool in shape.pools], YEARS_5)


def main(sizes: list[str]) -> None:
    rows = [row for size in sizes or list(SIZES) for row in measure(size)]
    show(rows)
    keep("calendar", "What can be promised over five years, of every pool?", TARGET, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
