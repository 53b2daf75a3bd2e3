"""A cloud with a past, for looking at: the demo's own files, leases, contracts, closed months."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import uvicorn

from rackrate.api.app import create_app
from rackrate.app import billing, fleet, identity, leasing, loops, manifest, quotes, quoting, sales
from rackrate.app.world import World
from rackrate.core.access import Actor, Role
from rackrate.core.ids import CustomerId, EntityId, LeaseId, NodeId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Month
from rackrate.core.lease import LeaseClass
from rackrate.portal.app import create_portal
from rackrate.portal.page import Options
from rackrate.sim.channel import SimulatedChannel
from rackrate.sim.world import VirtualClock, virtual_world

DEMO = Path(__file__).parents[2] / "examples" / "demo"
SITES = (SiteId("sim-north"), SiteId("sim-east"))
ENTITY = EntityId("example-compute")
NOW = datetime(2026, 11, 23, 6, 32, 10, tzinfo=UTC)
STARTS_IN = timedelta(seconds=41)


@dataclass
class Cloud:
    """A world of which every instant is written down, and those who may sign in."""

    world: World
    clock: VirtualClock
    admin: Actor
    tokens: dict[str, str] = field(default_factory=dict)
    leases: dict[str, LeaseId] = field(default_factory=dict)

    def to(self, instant: datetime) -> None:
        """Let time pass: machines get ready, loops look."""
        self.clock.to(instant)
        self.settle()

    def settle(self) -> None:
        leader = loops.lead(self.world, "tests")
        assert leader is not None
        loops.provision(self.world, leader)

    def lease(self, name: str, project: str, sku: str, count: int = 1, nodes: int = 1) -> LeaseId:
        """A lease on demand, running as soon as its health check has passed."""
        wish = leasing.Ask(ProjectId(project), SkuId(sku), count, nodes, name=name)
        return self._start(wish)

    def under_contract(self, name: str, project: str, sku: str, count: int) -> LeaseId:
        contract = sales.find(self.world, self.admin)[0].id
        wish = leasing.Ask(
            ProjectId(project), SkuId(sku), count, 1, LeaseClass.CONTRACT, contract, name=name
        )
        return self._start(wish)

    def _start(self, wish: leasing.Ask) -> LeaseId:
        lease = leasing.start(self.world, self.admin, wish)
        self.leases[wish.name] = lease.id
        self.settle()
        self.to(self.clock.now() + STARTS_IN + timedelta(seconds=1))
        return lease.id


def files() -> list[tuple[str, str]]:
    return [(path.name, path.read_text()) for path in sorted(DEMO.glob("*.yaml"))]


def cloud() -> Cloud:
    """From September to the 23rd of November: two months are closed, one is open."""
    world, clock = virtual_world(datetime(2026, 9, 1, tzinfo=UTC), SITES, STARTS_IN)
    world = replace(world, channels={SimulatedChannel.name: SimulatedChannel()})
    first = identity.bootstrap(world)
    assert first is not None
    admin = identity.administrator(world)
    manifest.apply(world, admin, files())
    made = Cloud(world, clock, admin, {"admin": first.secret})
    for email in ("owner@robotics.example", "owner@studio.example", "engineer@robotics.example"):
        who = identity.person(email).id
        made.tokens[email] = identity.create_token(world, admin, "browser", 90, who).secret
    finance = identity.grant(world, admin, "finance@compute.example", Role.FINANCE, None, None)
    made.tokens["finance"] = identity.create_token(
        world, admin, "desk", 90, finance.principal
    ).secret
    _september(made)
    _october(made)
    _november(made)
    return made


def at(month: int, day: int, hour: int = 1, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def _september(made: Cloud) -> None:
    made.to(at(9, 3))
    made.under_contract("foundation", "robotics-training", "h100.node", 6)
    made.to(at(9, 10))
    frames = made.lease("frames", "studio-render", "h20.1", 4)
    made.to(at(9, 17, 8, 20))
    leasing.end(made.world, made.admin, frames)
    made.to(at(9, 20))
    made.lease("sweep", "robotics-simulation", "a800.1", 2, 4)


def _october(made: Cloud) -> None:
    made.to(at(10, 1, 2))
    issued = billing.close(made.world, made.admin, ENTITY, Month(2026, 9))
    made.to(at(10, 9))
    for invoice in issued:
        billing.settle(made.world, made.admin, invoice.id, invoice.gross, f"bank {invoice.id}")
    made.to(at(10, 12, 9, 14))
    made.lease("render farm", "studio-render", "h800.1", 8)
    made.lease("pretraining", "robotics-training", "h800.node", 18)
    made.lease("fine-tuning", "robotics-training", "h100.node", 7)
    made.to(at(10, 28))
    leasing.stop(made.world, made.admin, made.leases["sweep"])
    made.to(at(10, 28, 2))


def _november(made: Cloud) -> None:
    made.to(at(11, 1, 2))
    billing.close(made.world, made.admin, ENTITY, Month(2026, 10))
    made.to(at(11, 5))
    made.lease("evaluation", "robotics-training", "h20.1", 8, 6)
    made.lease("notebook", "studio-render", "ascend-910b.1", 1)
    made.lease("porting", "robotics-simulation", "ascend-910b.node", 6)
    made.lease("rollouts", "robotics-simulation", "h20.node", 14)
    made.to(at(11, 19))
    made.lease("long run", "robotics-simulation", "a800.node", 5)
    for name in ("one", "two", "three"):
        made.lease(f"study {name}", "studio-render", "h20.1", 3)
    _repairs(made)
    march = datetime(2027, 2, 28, 16, tzinfo=UTC)
    asked = quoting.Ask(
        SkuId("h100.node"), 4, march, months=36, project=ProjectId("robotics-training"),
        same_block=True, prepayment_percent=Decimal(20), name="Foundation model",
    )  # fmt: skip
    quotes.create(made.world, made.admin, asked)
    made.to(NOW - timedelta(seconds=20))
    wish = leasing.Ask(ProjectId("studio-render"), SkuId("h800.1"), 2, name="just asked for")
    made.leases["just asked for"] = leasing.start(made.world, made.admin, wish).id
    made.settle()
    made.to(NOW)


def _repairs(made: Cloud) -> None:
    made.to(at(11, 20))
    fleet.drain(made.world, made.admin, NodeId("north-h20-009"), "fan 3 is slow")
    fleet.drain(made.world, made.admin, NodeId("north-ascend-910b-004"), "waits for a new board")


@contextlib.contextmanager
def served(made: Cloud, port: int = 0) -> Iterator[str]:
    """API and portal at an address of this machine, until the block ends."""
    options = Options(sample=True, gateway="127.0.0.1", gateway_port=2222)
    app = create_app(made.world)
    app.mount("/", create_portal(made.world, options))
    config = uvicorn.Config(app, "127.0.0.1", port, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < until and thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    bound = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{bound}"
    finally:
        server.should_exit = True
        thread.join(10)


CUSTOMER = CustomerId("example-robotics")
