"""Leases are started, stopped, started again and ended while everything is killed now and then."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from rackrate.db.embedded import Embedded
from rackrate.engines.local.engine import LocalEngine
from rackrate.wiring import SystemClock
from tests.torture.cloud import Cloud

SETTLES_IN_S = 90.0
MOST_LIVE = 10


@dataclass(slots=True)
class Story:
    """What was acknowledged, by the client's own notes: they share nothing with the server."""

    started: dict[str, str] = field(default_factory=dict)
    generations: Counter[str] = field(default_factory=Counter)
    resting: dict[str, str] = field(default_factory=dict)
    live: list[str] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    asked: int = 0


def torture(folder: Path, kills: int, seed: int) -> Story:
    """So many kills in a run of leases over a data folder of its own; asserts every promise."""
    chance = random.Random(seed)
    cloud, story = Cloud(folder / "data"), Story()
    try:
        cloud.start()
        killer = threading.Thread(target=_kill, args=(cloud, story, kills, random.Random(seed + 1)))
        killer.start()
        while killer.is_alive():
            _act(cloud, story, chance, seed)
        killer.join()
        _audit(cloud, story, folder)
    finally:
        cloud.stop()
        _purge(cloud.data / "sites" / "local")
    return story


def _kill(cloud: Cloud, story: Story, kills: int, chance: random.Random) -> None:
    """At random moments: the control plane, the database, or both at once."""
    for _ in range(kills):
        cloud.ask("GET", "/v1/ready")
        time.sleep(chance.uniform(0.0, 1.0))
        what = chance.choice(["control", "database", "both"])
        if what != "control":
            cloud.kill_database()
        if what != "database":
            cloud.kill_control()
        story.kills[what] += 1


def _act(cloud: Cloud, story: Story, chance: random.Random, seed: int) -> None:
    story.asked += 1
    key = f"{seed}-{story.asked}"
    if len(story.live) < MOST_LIVE and chance.random() < 0.6:
        _start(cloud, story, chance, key)
        return
    if not story.live:
        return
    lease = chance.choice(story.live)
    verb = "start" if story.resting.get(lease) == "stopped" else chance.choice(["stop", "end"])
    status, _ = cloud.ask("POST", f"/v1/leases/{lease}/{verb}", {}, key)
    assert status in (200, 202, 409), status
    if status == 409:
        return  # It still stops: only a stopped lease starts.
    if verb == "start":
        story.generations[lease] += 1
        del story.resting[lease]
    else:
        story.resting[lease] = {"stop": "stopped", "end": "ended"}[verb]
    if verb == "end":
        story.live.remove(lease)


def _start(cloud: Cloud, story: Story, chance: random.Random, key: str) -> None:
    real = chance.random() < 0.6
    wish: dict[str, Any] = {"project": "torture", "sku": "cpu.1" if real else "gpu.1"}
    if real:
        wish["volumes"] = [{"name": "notes", "path": "/notes"}]
        note = "echo $RACKRATE_LEASE >> /notes/starts; exec sleep 100000"
        wish["command"] = ["/bin/sh", "-c", note]
    status, answer = cloud.ask("POST", "/v1/leases", wish, key)
    assert status in (201, 202, 409), (status, answer)
    if status == 409:
        return
    story.started[key] = answer["id"]
    story.generations[answer["id"]] = 1
    story.live.append(answer["id"])
    again, same = cloud.ask("POST", "/v1/leases", wish, key)
    assert (again, same["id"]) == (status, answer["id"]), "the same key made another lease"


def _audit(cloud: Cloud, story: Story, folder: Path) -> None:
    leases = _settled(cloud, story)
    assert set(story.started.values()) == set(leases), "leases nobody asked for, or lost ones"
    assert len(story.started) == len(leases), "a key made two leases"
    starts = Counter(
        line
        for file in (folder / "data").rglob("notes/starts")
        for line in file.read_text().split()
    )
    for id, lease in leases.items():
        _audit_lease(lease, starts[id], story.generations[id])
    _audit_rows(cloud, leases)
    _audit_preview(cloud, leases)


def _settled(cloud: Cloud, story: Story) -> dict[str, Any]:
    """Every lease with its history, once each is where it was told to be."""
    until = time.monotonic() + SETTLES_IN_S
    while True:
        leases = _leases(cloud)
        waiting = [
            (id, lease["phase"])
            for id, lease in leases.items()
            if lease["phase"] != story.resting.get(id, "running")
        ]
        if not waiting:
            return {id: cloud.ask("GET", f"/v1/leases/{id}")[1] for id in leases}
        assert time.monotonic() < until, f"not where they were told to be: {waiting}"
        time.sleep(0.2)


def _leases(cloud: Cloud) -> dict[str, Any]:
    found: dict[str, Any] = {}
    after = ""
    while True:
        status, page = cloud.ask("GET", f"/v1/leases?limit=100&after={after}")
        assert status == 200, page
        found |= {lease["id"]: lease for lease in page["items"]}
        if page["next"] is None:
            return found
        after = page["next"]


def _audit_lease(lease: Any, starts: int, generations: int) -> None:
    """Each generation runs once: the workload's own note of it is the judge."""
    history = lease["history"]
    assert [event["seq"] for event in history] == list(range(1, len(history) + 1))
    kinds = Counter(event["kind"] for event in history)
    assert kinds["requested"] + kinds["start_requested"] == generations, lease["id"]
    if lease["sku"] != "cpu.1":
        return
    ran = kinds["running"] - sum("healthy again" in event["cause"] for event in history)
    assert ran <= starts <= generations, (lease["id"], starts, ran, generations, history)


def _audit_rows(cloud: Cloud, leases: dict[str, Any]) -> None:
    """Straight from the tables: nothing twice, and nothing held by what is at rest."""
    with psycopg.connect(Embedded(cloud.data).dsn, autocommit=True) as connection:
        twice = connection.execute(
            "SELECT a.id, b.id FROM claim a JOIN claim b ON a.id < b.id AND a.node = b.node "
            "AND a.slots && b.slots AND a.during && b.during"
        ).fetchall()
        assert twice == [], twice
        held = connection.execute(
            "SELECT holder FROM claim WHERE upper_inf(during) AND kind = 'lease'"
        ).fetchall()
    running = {id for id, lease in leases.items() if lease["phase"] == "running"}
    assert {holder for (holder,) in held} == running


def _audit_preview(cloud: Cloud, leases: dict[str, Any]) -> None:
    """The coming invoice has each lease at most once, for the seconds that its history shows."""
    month = time.strftime("%Y-%m", time.gmtime())
    path = f"/v1/invoices/preview?customer=torture&month={month}"
    status, preview = cloud.ask("GET", path)
    assert status == 200, preview
    billed = Counter(line["lease"] for line in preview["lines"])
    assert set(billed.values()) <= {1}, billed
    at_rest = {id: lease for id, lease in leases.items() if lease["phase"] != "running"}
    for line in preview["lines"]:
        if line["lease"] in at_rest:
            seconds = _billed_seconds(at_rest[line["lease"]]["history"])
            assert line["milli_slot_seconds"] == seconds * 1000, (line, at_rest[line["lease"]])


def _billed_seconds(history: list[Any]) -> int:
    """A rater of its own: from each `running` to the next thing that is not."""
    total, since = 0, None
    for event in history:
        at = _epoch(event["at"])
        if event["kind"] == "running":
            since = at if since is None else since
        elif since is not None and event["kind"] != "starting":
            total, since = total + at - since, None
    return total


def _epoch(text: str) -> int:
    return int(time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))) - time.timezone


def _purge(root: Path) -> None:
    """Nothing of a test runs on after it, however it ended."""
    engine = LocalEngine(root, SystemClock())
    until = time.monotonic() + SETTLES_IN_S
    while left := engine.observe():
        for id, found in left.items():
            engine.release(id, found.generation)
        assert time.monotonic() < until, f"still there: {sorted(left)}"
        time.sleep(0.1)
