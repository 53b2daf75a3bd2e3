"""Running the loops: who leads, when to look at what, and going on when something fails."""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterable

from rackrate.app import loops
from rackrate.app.world import World
from rackrate.core.errors import RackrateError
from rackrate.core.ids import LeaseId

LOG = logging.getLogger("rackrate.loops")
FULL_PASS_S = 10.0
LOOK_AGAIN_S = (0.02, 0.5)
LEAD_EVERY_S = 5.0


class Runner:
    """The loops of one control plane, until `stopping` is set.

    `alone`: no other control plane can be on this database, so that a dead one's lead is void.
    """

    def __init__(self, world: World, stopping: threading.Event, alone: bool) -> None:
        self._world = world
        self._stopping = stopping
        self._alone = alone
        self._pace = Pace()

    def run(self) -> None:
        """Lead while we may; look at what was hinted or is unsettled, and now and then at all."""
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        leader = None
        while not self._stopping.is_set():
            try:
                if self._pace.lead_is_due():
                    leader = loops.lead(self._world, holder, alone=self._alone)
                if leader is None:
                    self._stopping.wait(1.0)
                    continue
                self._pace.unsettled(self._pass(leader))
            except Exception as error:  # noqa: BLE001
                # A loop that dies is worse than one that fails: say it, and be repeated.
                _say(error)
                leader = None
                self._pace.lead_again()
                self._stopping.wait(1.0)

    def _pass(self, leader: loops.Leader) -> set[LeaseId]:
        hinted = set(self._world.hints.take(self._pace.patience_s()))
        full = self._pace.full_is_due()
        look_at = hinted | self._pace.waiting()
        if not full and not look_at:
            return set()
        try:
            return set(loops.provision(self._world, leader, None if full else sorted(look_at)))
        except Exception as error:  # noqa: BLE001
            _say(error)
        # One of them fails the pass: let the others go on without it.
        return self._one_by_one(leader, loops.live(self._world) if full else sorted(look_at))

    def _one_by_one(self, leader: loops.Leader, leases: Iterable[LeaseId]) -> set[LeaseId]:
        unsettled: set[LeaseId] = set()
        for lease in leases:
            try:
                unsettled |= set(loops.provision(self._world, leader, [lease]))
            except Exception as error:  # noqa: BLE001
                _say(error)
                unsettled.add(lease)
        return unsettled


def _say(error: Exception) -> None:
    """What is expected, in a line; what is not, with where it came from."""
    if isinstance(error, RackrateError):
        LOG.warning("the loops try again: %s", error)
    else:
        LOG.error("the loops failed, and try again", exc_info=error)


class Pace:
    """When to look at what: unsettled leases soon and then less often, all of them now and then."""

    def __init__(self) -> None:
        self._lead_at = 0.0
        self._full_at = 0.0
        self._waiting: dict[LeaseId, float] = {}
        self._due: dict[LeaseId, float] = {}

    def lead_is_due(self) -> bool:
        now = time.monotonic()
        if now < self._lead_at:
            return False
        self._lead_at = now + LEAD_EVERY_S
        return True

    def lead_again(self) -> None:
        self._lead_at = 0.0

    def full_is_due(self) -> bool:
        now = time.monotonic()
        if now < self._full_at:
            return False
        self._full_at = now + FULL_PASS_S
        return True

    def patience_s(self) -> float:
        """How long to wait for a hint: until the next unsettled lease, or the next full pass."""
        until = min([self._full_at, self._lead_at, *self._due.values()])
        return max(0.001, min(until - time.monotonic(), 5.0))

    def waiting(self) -> set[LeaseId]:
        now = time.monotonic()
        return {id for id, due in self._due.items() if due <= now}

    def unsettled(self, ids: set[LeaseId]) -> None:
        """These are not settled yet: look again, each time after twice as long."""
        now = time.monotonic()
        looked = self.waiting() | ids
        for id in looked:
            if id not in ids:
                self._waiting.pop(id, None)
                self._due.pop(id, None)
                continue
            wait = min(self._waiting.get(id, LOOK_AGAIN_S[0] / 2) * 2, LOOK_AGAIN_S[1])
            self._waiting[id] = wait
            self._due[id] = now + wait
