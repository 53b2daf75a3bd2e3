"""An engine without machines, for simulated sites, replay and tests. It says so itself."""

import json
import os
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rackrate.app.ports import Clock
from rackrate.core.errors import Unavailable
from rackrate.core.ids import LeaseId, NodeId
from rackrate.core.quick import quick
from rackrate.core.slots import Slots
from rackrate.core.workload import Deployment, Entry, Found, FoundMember, MemberPhase


@quick
@dataclass(frozen=True, slots=True)
class Pretended:
    """One lease as if it ran: of which generation, ready from when, and its members once ready."""

    generation: int
    ready_at: datetime
    members: tuple[FoundMember, ...]

    @classmethod
    def of(cls, generation: int, ready_at: datetime, members: int) -> "Pretended":
        ready = MemberPhase.READY
        found = [
            FoundMember(rank, ready, ready_at, "", "", (), "simulated") for rank in range(members)
        ]
        return cls(generation, ready_at, tuple(found))


class SimEngine:
    """Keeps what it was told. With a `journal` it remembers across restarts, as machines would."""

    name = "sim"
    isolation = "simulated"

    def __init__(
        self, clock: Clock, starts_in: timedelta = timedelta(0), journal: Path | None = None
    ) -> None:
        self._clock = clock
        self._starts_in = starts_in
        self._running: dict[LeaseId, Pretended] = {}
        self._released: dict[LeaseId, int] = {}
        self._lock = threading.Lock()
        self._journal = None if journal is None else _Journal(journal, self)

    def observe(self, only: Collection[LeaseId] | None = None) -> Mapping[LeaseId, Found]:
        now = self._clock.now()
        with self._lock:
            running = self._running
            if only is None:
                return {id: _found(pretended, now) for id, pretended in running.items()}
            found: dict[LeaseId, Found] = {}
            for id in only:
                pretended = running.get(id)
                if pretended is not None:
                    found[id] = _found(pretended, now)
            return found

    def ensure(self, deployment: Deployment) -> None:
        id, generation = deployment.lease, deployment.generation
        with self._lock:
            present = self._running.get(id)
            if present is not None and present.generation >= generation:
                return
            if self._released.get(id, 0) >= generation:
                return
            # What runs goes on under the new generation, as on a real engine.
            starts = self._clock.now() + self._starts_in
            ready_at = starts if present is None else present.ready_at
            pretended = Pretended.of(generation, ready_at, len(deployment.members))
            self._running[id] = pretended
            if self._journal is not None:
                self._journal.wrote(id, pretended, 0)

    def release(self, lease: LeaseId, generation: int) -> None:
        with self._lock:
            self._released[lease] = max(generation, self._released.get(lease, 0))
            present = self._running.get(lease)
            if present is not None and present.generation <= generation:
                del self._running[lease]
            if self._journal is not None:
                self._journal.wrote(lease, self._running.get(lease), self._released[lease])

    def sanitise(self, node: NodeId, slots: Slots) -> bool:
        return True

    def logs(self, lease: LeaseId, rank: int, after: int, limit: int) -> bytes:
        text = b"This site is simulated: nothing runs, so there is no output.\n"
        return text[after : after + limit]

    def entry(self, lease: LeaseId, rank: int) -> Entry:
        raise Unavailable("this site is simulated: there is no machine to enter")


def _found(pretended: Pretended, now: datetime) -> Found:
    members = pretended.members
    if now < pretended.ready_at:
        starting = MemberPhase.STARTING
        members = tuple(replace(member, phase=starting, since=now) for member in members)
    return Found(pretended.generation, members, now)


class _Journal:
    """Every change as a line of JSON, on disk before it is answered; shortened at start."""

    def __init__(self, path: Path, engine: SimEngine) -> None:
        last = {str(line["lease"]): line for line in _read(path)}
        for id, line in last.items():
            lease = LeaseId(id)
            if line["released"]:
                engine._released[lease] = line["released"]
            if line["generation"]:
                ready_at = datetime.fromtimestamp(line["ready_at"], UTC)
                engine._running[lease] = Pretended.of(line["generation"], ready_at, line["members"])
        kept = [line for line in last.values() if line["generation"] or line["released"]]
        fresh = path.with_suffix(".new")
        fresh.write_text("".join(json.dumps(line) + "\n" for line in kept))
        os.replace(fresh, path)
        self._file = path.open("a")

    def wrote(self, lease: LeaseId, pretended: Pretended | None, released: int) -> None:
        line = {
            "lease": lease,
            "generation": 0 if pretended is None else pretended.generation,
            "members": 0 if pretended is None else len(pretended.members),
            "ready_at": 0 if pretended is None else int(pretended.ready_at.timestamp()),
            "released": released,
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        # The machine is only pretended: what the kernel has survives the death of the process.


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines: list[dict[str, Any]] = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break  # The last line was cut off by a death.
    return lines
