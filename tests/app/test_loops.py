"""Who leads the loop, and what becomes of one who led too long."""

from datetime import timedelta

from rackrate.app import leasing, loops
from rackrate.app.leasing import Ask
from rackrate.app.loops import LEADS_FOR, Leader
from rackrate.core.ids import LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.lease import Phase
from rackrate.sim.engine import SimEngine
from tests.build import CUSTOMERS, SMALL, Built, build

WISH = Ask(ProjectId("studio-render"), SkuId("h100.1"))


def shop() -> Built:
    engines: dict[SiteId, SimEngine] = {}
    built = build(SMALL, CUSTOMERS, engines=engines)
    engines[SiteId("east")] = SimEngine(built.clock, timedelta(0))
    return built


def phase(built: Built, lease: LeaseId) -> Phase:
    return leasing.show(built.world, built.admin, lease)[0].phase


def test_another_leads_only_once_the_leader_is_silent() -> None:
    built = shop()
    assert loops.lead(built.world, "one") == Leader("one", 1)
    built.clock.advance(LEADS_FOR - timedelta(seconds=1))
    assert loops.lead(built.world, "two") is None
    assert loops.lead(built.world, "one") == Leader("one", 1)
    built.clock.advance(LEADS_FOR)
    assert loops.lead(built.world, "two") == Leader("two", 2)


def test_a_leader_that_was_replaced_writes_nothing() -> None:
    built = shop()
    old = loops.lead(built.world, "old")
    lease = leasing.start(built.world, built.admin, WISH).id
    built.clock.advance(LEADS_FOR)
    new = loops.lead(built.world, "new")
    assert old is not None and new is not None
    assert loops.provision(built.world, old) == (lease,)
    assert phase(built, lease) is Phase.QUEUED
    loops.provision(built.world, new)
    assert phase(built, lease) is Phase.RUNNING


def test_what_a_replaced_leader_still_tells_the_engine_starts_nothing_again() -> None:
    built = shop()
    leader = loops.lead(built.world, "one")
    assert leader is not None
    lease = leasing.start(built.world, built.admin, WISH).id
    loops.provision(built.world, leader)
    late = leasing.show(built.world, built.admin, lease)[0].deployment
    leasing.end(built.world, built.admin, lease)
    loops.provision(built.world, leader)
    engine = built.world.engines[SiteId("east")]
    assert phase(built, lease) is Phase.ENDED and not engine.observe()
    engine.ensure(late)
    assert not engine.observe()
