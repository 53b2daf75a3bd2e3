"""A control plane for the program to talk to: HTTP, a loop, a store in memory, a clock to move."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from rackrate.api.app import create_app
from rackrate.app import identity, loops
from rackrate.app.world import World
from rackrate.core.ids import LeaseId, SiteId
from rackrate.sim.engine import SimEngine
from tests.api.serve import served
from tests.build import CUSTOMERS, SMALL, Built, build

A_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, the administrator's token, and the world behind it."""

    url: str
    token: str
    built: Built


@contextmanager
def serving(*texts: str) -> Iterator[Server]:
    """A small operator with two customers, whose leases start at once."""
    engines: dict[SiteId, SimEngine] = {}
    built = build(*(texts or (SMALL, CUSTOMERS)), engines=engines)
    engines[SiteId("east")] = SimEngine(built.clock, timedelta(0))
    made = identity.create_token(built.world, built.admin, "tests", None)
    stopping = threading.Event()
    loop = threading.Thread(target=_provision, args=(built.world, stopping), daemon=True)
    loop.start()
    try:
        with served(create_app(built.world)) as port:
            yield Server(f"http://127.0.0.1:{port}", made.secret, built)
    finally:
        stopping.set()
        loop.join()


def _provision(world: World, stopping: threading.Event) -> None:
    """Make hinted leases real until told to stop; what is not settled is looked at again."""
    leader = loops.lead(world, "test")
    assert leader is not None
    again: set[LeaseId] = set()
    while not stopping.is_set():
        looked = sorted({*world.hints.take(A_LOOK_S), *again})
        again = set(loops.provision(world, leader, looked)) if looked else set()
