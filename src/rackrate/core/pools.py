"""Pools: what a block has of one node shape, and all pools of a chip with their calendars."""

from bisect import bisect_left

from rackrate.core.calendar import PoolCalendar
from rackrate.core.calendars import Calendars
from rackrate.core.ids import ChipId, PoolId

OPEN = 0  # The account of what is sold on demand.
SPOT = 1  # That of spot, which any other may have moved. Contracts follow.


class Pool:
    """One block x node shape: who has whole nodes of it, and what of it is promised."""

    __slots__ = (
        *("block", "calendar", "chip", "gpus", "id", "number"),
        *("broken", "leaving", "owned", "untouched", "usable"),
    )

    def __init__(self, id: PoolId, number: int, block: str, chip: ChipId, gpus: int) -> None:
        self.id = id
        self.number = number
        self.block = block
        self.chip = chip
        self.gpus = gpus
        self.owned: dict[int, int] = {}
        self.usable = 0  # Nodes in service.
        self.untouched = 0  # Of them, those of which nothing is held.
        self.broken = 0  # Nodes that are drained or in repair, and come back.
        self.leaving = 0  # Drained nodes on which something still runs that is sold by the moment.
        self.calendar = PoolCalendar()

    @property
    def sold_by_the_moment(self) -> int:
        """Nodes on which something runs on demand, and which could be promised else."""
        return self.owned.get(OPEN, 0) - self.leaving

    @property
    def spot(self) -> int:
        """Nodes on which spot runs: they are anybody's else, after its notice."""
        return self.owned.get(SPOT, 0)


class Shape:
    """The pools of one chip and node size by name, with their calendars in the same order."""

    __slots__ = ("calendars", "pools")

    def __init__(self) -> None:
        self.pools: list[Pool] = []
        self.calendars = Calendars()

    def add(self, pool: Pool) -> None:
        place = bisect_left(self.pools, pool.id, key=lambda one: one.id)
        if place == len(self.pools) or self.pools[place] is not pool:
            self.pools.insert(place, pool)
            self.calendars.insert(place, pool.calendar)
