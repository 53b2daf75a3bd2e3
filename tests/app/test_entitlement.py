"""What a contract does not cover any more ends: nobody pays for it."""

from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.app import leasing, loops, sales
from rackrate.app.amending import End, Extend, Fewer, amend
from rackrate.app.leasing import Ask
from rackrate.core.contract import Commitment, CommitmentKind, EarlyEnd, Terms
from rackrate.core.ids import ContractId, LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.lease import LeaseClass, Wanted
from rackrate.core.money import Money
from rackrate.sim.engine import SimEngine
from tests.build import CUSTOMERS, SMALL, Built, build

FIRST = Month(2026, 11).interval("Asia/Shanghai").start
TRAIN, K1, NODE = ProjectId("robotics-train"), ContractId("k1"), SkuId("h100.node")
TERMS = Terms(early_end=EarlyEnd(Decimal(0)), may_shrink_percent=Decimal(100))


def after(days: int) -> datetime:
    return FIRST + timedelta(days=days)


def shop(nodes: int = 3) -> Built:
    """`nodes` under contract for a hundred days."""
    engines: dict[SiteId, SimEngine] = {}
    built = build(SMALL, CUSTOMERS, engines=engines, now=FIRST)
    engines[SiteId("east")] = SimEngine(built.clock, timedelta(0))
    wanted = Commitment(
        1,
        CommitmentKind.CAPACITY,
        "",
        Interval(FIRST, after(100)),
        Money.parse("3000.00", "CNY"),
        NODE,
        None,
        nodes,
    )
    sales.sign(built.world, built.admin, sales.Offer(K1, TRAIN, (wanted,), Decimal(0), terms=TERMS))
    return built


def start(built: Built, nodes: int) -> LeaseId:
    wish = Ask(TRAIN, NODE, nodes, klass=LeaseClass.CONTRACT, contract=K1)
    lease = leasing.start(built.world, built.admin, wish).id
    loop(built)
    built.clock.advance(timedelta(minutes=1))
    return lease


def loop(built: Built) -> None:
    leader = loops.lead(built.world, "test")
    assert leader is not None
    for _ in range(2):
        loops.provision(built.world, leader)


def wanted(built: Built, lease: LeaseId) -> Wanted:
    return leasing.show(built.world, built.admin, lease)[0].wanted


def test_leases_end_with_their_contract() -> None:
    built = shop()
    lease = start(built, 2)
    amend(built.world, built.admin, K1, End(after(10)))
    built.clock.instant = after(10) - timedelta(seconds=1)
    loop(built)
    assert wanted(built, lease) is Wanted.RUNNING
    built.clock.instant = after(10)
    loop(built)
    assert wanted(built, lease) is Wanted.ENDED


def test_the_newest_leases_end_when_nodes_are_given_back() -> None:
    built = shop()
    first, second, third = (start(built, 1) for _ in range(3))
    amend(built.world, built.admin, K1, Fewer(1, 2, after(10)))
    built.clock.instant = after(10)
    loop(built)
    kept = [wanted(built, lease) for lease in (first, second, third)]
    assert kept == [Wanted.RUNNING, Wanted.RUNNING, Wanted.ENDED]


def test_what_goes_on_under_an_extension_is_left_alone() -> None:
    built = shop()
    lease = start(built, 3)
    amend(built.world, built.admin, K1, Extend(1, after(200)))
    built.clock.instant = after(150)
    loop(built)
    assert wanted(built, lease) is Wanted.RUNNING
