"""A world whose time is told, with a store in memory and engines that pretend."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rackrate.app.world import Settings, World
from rackrate.core.access import Actor, Grant, Role
from rackrate.core.ids import PrincipalId, SiteId
from rackrate.core.interval import check_instant
from rackrate.memory import MemoryStore
from rackrate.sim.engine import SimEngine

SIMULATOR = PrincipalId("simulator")
OPERATOR = Actor(SIMULATOR, (Grant("simulator:admin:operator", SIMULATOR, Role.ADMIN),))


class VirtualClock:
    """Stands still until it is told. It never goes back."""

    def __init__(self, start: datetime) -> None:
        check_instant(start)
        self._now = start

    def now(self) -> datetime:
        return self._now

    def to(self, instant: datetime) -> None:
        """Let it be `instant`, if that is not past already."""
        if instant > self._now:
            self._now = instant


class CountedIds:
    """Ids that count up, so that a run can be repeated to the letter."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}

    def new(self, prefix: str) -> str:
        number = self._count.get(prefix, 0) + 1
        self._count[prefix] = number
        return f"{prefix}_{number:08}"

    def secret(self) -> str:
        return self.new("secret")


def virtual_world(
    start: datetime, sites: Iterable[SiteId], starts_in: timedelta = timedelta(0)
) -> tuple[World, VirtualClock]:
    """A world at `start`, in which every site is simulated."""
    clock = VirtualClock(start)
    engines = {site: SimEngine(clock, starts_in) for site in sites}
    store = MemoryStore()
    return World(store, engines, clock, CountedIds(), Settings()), clock
