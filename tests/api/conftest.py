"""A small cloud behind a real server: a simulated site, and two customers apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from rackrate.api.app import create_app
from rackrate.app import identity, loops, manifest
from rackrate.app.ports import Store
from rackrate.app.rows import KINDS
from rackrate.app.world import World
from rackrate.core.ids import PrincipalId, SiteId
from rackrate.core.parties import Audit
from rackrate.db.store import PostgresStore
from rackrate.memory import MemoryStore
from rackrate.sim.engine import SimEngine
from rackrate.sim.world import VirtualClock
from rackrate.wiring import RandomIds
from tests.api.serve import Client, served

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
SITE = SiteId("site")
FLEET = """
kind: entity
name: example
title: Example Compute (sample)
country: CN
time_zone: Asia/Shanghai
currency: CNY
invoice_series: EX
output_tax: cn-service-6
---
{kind: chip, name: h100, vendor: NVIDIA, model: H100, source: test, confidence: operator}
---
kind: site
name: site
title: Site (simulated)
entity: example
country: CN
time_zone: Asia/Shanghai
engine: sim
simulated: true
---
{kind: block, name: block, site: site, fabric: simulated}
---
kind: node
name: node-{}
count: 4
site: site
block: block
chip: h100
gpus: 8
cpus: 64
memory_gib: 512
disk_gib: 1000
---
kind: sku
name: h100.1
title: One GPU
site: site
chip: h100
slots: 1
cpus: 8
memory_gib: 64
disk_gib: 100
---
kind: sku
name: h100.node
title: One node
site: site
chip: h100
slots: 8
whole_node: true
cpus: 64
memory_gib: 512
disk_gib: 800
---
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
per_slot_hour: {h100.1: {on_demand: 17.00}, h100.node: {on_demand: 16.00}}
"""
BUYER = """
---
kind: customer
name: BUYER
title: Example BUYER (sample)
entity: example
country: CN
time_zone: Asia/Shanghai
currency: CNY
---
{kind: project, name: BUYER-work, title: Work, customer: BUYER}
---
{kind: member, email: owner@BUYER.example, role: owner, customer: BUYER}
"""
CLOUD = FLEET + BUYER.replace("BUYER", "acme") + BUYER.replace("BUYER", "bolt")


@dataclass(frozen=True, slots=True)
class Cloud:
    """What a test acts on: over HTTP as the administrator or a customer, and the world behind."""

    world: World
    clock: VirtualClock
    app: FastAPI
    port: int
    admin: Client
    acme: Client
    bolt: Client

    def later(self, **time: int) -> None:
        self.clock.to(self.clock.now() + timedelta(**time))

    def provision(self) -> None:
        """Let the loop make machines match leases."""
        leader = loops.lead(self.world, "test")
        assert leader is not None
        loops.provision(self.world, leader)

    def rows(self) -> dict[str, Any]:
        """Everything that is stored but for the audit log, to see whether anything changed."""
        with self.world.store.transaction() as tx:
            return {kind.__name__: tx.find(kind) for kind in KINDS if kind is not Audit}

    def lease(self, **asked: object) -> str:
        body = {"project": "acme-work", "sku": "h100.1", **asked}
        answer = self.acme.post("/v1/leases", body)
        assert answer.status == 201, answer.text
        return str(answer.json["id"])


def open_cloud(store: Store) -> Iterator[Cloud]:
    clock = VirtualClock(START)
    world = World(store, {SITE: SimEngine(clock)}, clock, RandomIds())
    first = identity.bootstrap(world)
    assert first is not None
    operator = identity.administrator(world)
    manifest.apply(world, operator, [("cloud.yaml", CLOUD)])
    tokens = [
        identity.create_token(world, operator, "test", None, PrincipalId(f"owner@{who}.example"))
        for who in ("acme", "bolt")
    ]
    app = create_app(world)
    with served(app) as port:
        acme, bolt = (Client(port, token.secret) for token in tokens)
        yield Cloud(world, clock, app, port, Client(port, first.secret), acme, bolt)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """The cloud with its rows in memory."""
    yield from open_cloud(MemoryStore())


@pytest.fixture
def cloud_on_postgres(database: str) -> Iterator[Cloud]:
    """The cloud with its rows in PostgreSQL."""
    with PostgresStore(database) as store:
        yield from open_cloud(store)


@pytest.fixture(params=["cloud", "cloud_on_postgres"])
def either(request: pytest.FixtureRequest) -> Cloud:
    """The cloud on each kind of store."""
    cloud: Cloud = request.getfixturevalue(request.param)
    return cloud
