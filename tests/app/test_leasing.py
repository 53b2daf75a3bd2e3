"""Leases through the use cases: promised, refused, kept apart, and once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import leasing, loops, sales
from rackrate.app.leasing import Ask
from rackrate.app.once import once
from rackrate.app.world import Settings
from rackrate.core.access import Actor, Role
from rackrate.core.calendar import Claim, HolderKind
from rackrate.core.errors import Forbidden, Invalid, Missing, RackrateError, Refused
from rackrate.core.giveway import CHANGEOVER
from rackrate.core.ids import ContractId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.lease import LeaseClass, Phase
from rackrate.core.money import Money
from rackrate.core.parties import Audit
from rackrate.core.workload import Mount, Spec
from rackrate.sim.engine import SimEngine
from tests.build import CUSTOMERS, SMALL, Built, SetClock, build

EAST = SiteId("east")
TRAIN, RENDER = ProjectId("robotics-train"), ProjectId("studio-render")
GPU, NODE = SkuId("h100.1"), SkuId("h100.node")


def shop(isolation: str = "simulated", settings: Settings | None = None) -> Built:
    engines: dict[SiteId, SimEngine] = {}
    built = build(SMALL, CUSTOMERS, engines=engines, settings=settings)
    engine = SimEngine(built.clock)
    engine.isolation = isolation
    engines[EAST] = engine
    return built


def settle(built: Built) -> None:
    leader = loops.lead(built.world, "test")
    assert leader is not None
    loops.provision(built.world, leader, built.world.hints.take())


def owner(built: Built) -> Actor:
    return built.actor("owner@robotics.example", Role.OWNER, "robotics")


def audits(built: Built) -> list[Audit]:
    with built.world.store.transaction() as tx:
        return tx.find(Audit)


def contract(built: Built, nodes: int = 2, days: int = 30) -> ContractId:
    now = built.clock.now()
    offer = sales.Offer.of(
        ContractId("k1"),
        TRAIN,
        NODE,
        nodes,
        Interval(now, now + timedelta(days=days)),
        Money.parse("1000.00", "CNY"),
        Decimal(20),
    )
    return sales.sign(built.world, built.admin, offer).id


def test_a_lease_is_promised_then_runs_then_ends_and_its_slots_are_cleaned() -> None:
    built = shop()
    lease = leasing.start(built.world, owner(built), Ask(TRAIN, GPU, 2))
    assert lease.phase is Phase.QUEUED
    settle(built)
    built.clock.advance(timedelta(hours=1))
    leasing.end(built.world, owner(built), lease.id)
    settle(built)
    done, history = leasing.show(built.world, built.admin, lease.id)
    assert done.phase is Phase.ENDED
    kinds = [event.kind.value for event in history]
    assert kinds == ["requested", "starting", "running", "end_requested", "stopping", "ended"]
    with built.world.store.transaction() as tx:
        claims = tx.find(Claim, holder=lease.id)
        assert [c.kind for c in claims] == [HolderKind.LEASE, HolderKind.CLEANING]
        assert claims[0].during.end == claims[1].during.start
        assert not any(claim.open for claim in claims)
        assert set(tx.fleet(EAST).free_slots().values()) == {8}


def test_slots_are_held_by_cleaning_until_the_engine_says_that_they_are_clean() -> None:
    built = shop()

    class Slow(SimEngine):
        dirty = True

        def sanitise(self, node: object, slots: object) -> bool:
            return not self.dirty

    engine = Slow(built.clock)
    built.world.engines[EAST] = engine  # type: ignore[index]
    lease = leasing.start(built.world, built.admin, Ask(TRAIN, NODE, 4))
    settle(built)
    leasing.end(built.world, built.admin, lease.id)
    settle(built)
    with pytest.raises(Refused, match=r"at most 0 h100\.node are free"):
        leasing.start(built.world, built.admin, Ask(TRAIN, NODE, 1))
    engine.dirty = False
    leader = loops.lead(built.world, "test")
    assert leader is not None
    loops.provision(built.world, leader)
    leasing.start(built.world, built.admin, Ask(TRAIN, NODE, 4))


def test_a_gang_is_all_or_none() -> None:
    built = shop()
    leasing.start(built.world, built.admin, Ask(TRAIN, GPU, 8))
    with pytest.raises(Refused) as refusal:
        leasing.start(built.world, built.admin, Ask(TRAIN, GPU, 8, nodes=4))
    assert refusal.value.reason == "no_capacity"
    assert refusal.value.facts == {
        "slots_free": 24,
        "nodes_free": 3,
        "one_node": 8,
        "members_fit": 3,
    }
    with built.world.store.transaction() as tx:
        assert len([claim for claim in tx.find(Claim) if claim.open]) == 1


def test_a_stopped_lease_goes_back_to_its_old_node() -> None:
    built = shop()
    first = leasing.start(built.world, built.admin, Ask(TRAIN, GPU, 3))
    second = leasing.start(built.world, built.admin, Ask(TRAIN, NODE, 1))
    settle(built)
    for lease in (first, second):
        leasing.stop(built.world, built.admin, lease.id)
    settle(built)
    again = leasing.resume(built.world, built.admin, second.id)
    assert [m.node for m in again.members] == [m.node for m in second.members]
    settle(built)
    shown, _ = leasing.show(built.world, built.admin, second.id)
    assert (shown.phase, shown.generation) == (Phase.RUNNING, 2)


def test_what_a_contract_reserves_is_not_sold_and_its_own_leases_claim_it() -> None:
    built = shop()
    k1 = contract(built, nodes=3)
    with pytest.raises(Refused, match=r"at most 1 h100\.node are free"):
        leasing.start(built.world, built.admin, Ask(RENDER, NODE, 2))
    wish = Ask(TRAIN, NODE, 3, klass=LeaseClass.CONTRACT, contract=k1)
    leasing.start(built.world, built.admin, wish)
    with pytest.raises(Refused, match="k1 has room for 0 more nodes"):
        leasing.start(built.world, built.admin, replace(wish, count=1))


def test_another_s_contract_is_not_found() -> None:
    built = shop()
    k1 = contract(built)
    wish = Ask(RENDER, NODE, 1, klass=LeaseClass.CONTRACT, contract=k1)
    with pytest.raises(Missing):
        leasing.start(built.world, built.admin, wish)


def test_a_contract_that_is_over_gives_nothing() -> None:
    built = shop()
    k1 = contract(built, days=1)
    built.clock.advance(timedelta(days=1))
    wish = Ask(TRAIN, NODE, 1, klass=LeaseClass.CONTRACT, contract=k1)
    with pytest.raises(Refused, match="runs over"):
        leasing.start(built.world, built.admin, wish)


def test_an_on_demand_lease_is_told_until_when_it_is_safe() -> None:
    built = shop()
    start = built.clock.now() + timedelta(days=30)
    offer = sales.Offer.of(
        ContractId("later"),
        TRAIN,
        NODE,
        4,
        Interval(start, start + timedelta(days=10)),
        Money.parse("1000.00", "CNY"),
        Decimal(0),
    )
    sales.sign(built.world, built.admin, offer)
    lease = leasing.start(built.world, built.admin, Ask(RENDER, GPU, 1))
    assert lease.safe_until == start - CHANGEOVER


def test_a_running_lease_learns_of_a_promise_that_will_need_its_node() -> None:
    built = shop()
    lease = leasing.start(built.world, built.admin, Ask(RENDER, GPU, 1))
    settle(built)
    assert lease.safe_until is None
    start = built.clock.now() + timedelta(days=30)
    offer = sales.Offer.of(
        ContractId("later"),
        TRAIN,
        NODE,
        4,
        Interval(start, start + timedelta(days=10)),
        Money.parse("1000.00", "CNY"),
        Decimal(0),
    )
    sales.sign(built.world, built.admin, offer)
    shown, history = leasing.show(built.world, built.admin, lease.id)
    assert shown.safe_until in (start, start - CHANGEOVER)
    assert len(history) == shown.seq


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"count": 0}, "count"),
        ({"count": -1}, "count"),
        ({"count": 10**9}, "count"),
        ({"nodes": 0}, "nodes"),
        ({"sku": NODE, "nodes": 2}, "nodes"),
        ({"klass": LeaseClass.SPOT, "contract": ContractId("k1")}, "contract"),
        ({"klass": LeaseClass.CONTRACT}, "contract"),
        ({"contract": ContractId("k1"), "overage": True}, "overage"),
        ({"spec": Spec(env={"A B": ""})}, "env"),
        ({"spec": Spec(env={"A": "\0"})}, "command"),
        ({"spec": Spec(command=("x" * 70_000,))}, "command"),
        ({"spec": Spec(ports=(0,))}, "ports"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_changes_nothing(
    change: dict[str, object], where: str
) -> None:
    built = shop()
    with pytest.raises(Invalid) as refusal:
        leasing.start(built.world, built.admin, replace(Ask(TRAIN, GPU), **change))  # type: ignore[arg-type]
    assert refusal.value.where == where
    assert leasing.find(built.world, built.admin, leasing.Filter()) == []


def test_a_volume_goes_to_an_absolute_path_only() -> None:
    for path in ("data", "../data", "/a/../../b"):
        with pytest.raises(ValueError, match="absolute path"):
            Mount("data", path)


def test_a_customer_sees_and_touches_only_its_own() -> None:
    built = shop()
    mine, other = owner(built), built.actor("o@studio.example", Role.OWNER, "studio")
    lease = leasing.start(built.world, mine, Ask(TRAIN, GPU))
    for act in (leasing.show, leasing.stop, leasing.end, leasing.resume, leasing.logs):
        with pytest.raises(Missing):
            act(built.world, other, lease.id)
    with pytest.raises(Missing):
        leasing.start(built.world, other, Ask(TRAIN, GPU))
    assert leasing.find(built.world, other, leasing.Filter()) == []
    assert [one.id for one in leasing.find(built.world, mine, leasing.Filter())] == [lease.id]


def test_every_act_and_every_refusal_is_in_the_audit_log() -> None:
    built = shop()
    guest = built.actor("g@robotics.example", Role.GUEST, "robotics", TRAIN)
    before = len(audits(built))
    leasing.start(built.world, built.admin, Ask(TRAIN, GPU))
    with pytest.raises(Forbidden):
        leasing.start(built.world, guest, Ask(TRAIN, GPU))
    with pytest.raises(Refused):
        leasing.start(built.world, built.admin, Ask(TRAIN, NODE, 5))
    rows = [(row.principal, row.outcome, row.customer) for row in audits(built)[before:]]
    assert rows == [
        ("admin", "done", "robotics"),
        ("g@robotics.example", "not_allowed", "robotics"),
        ("admin", "no_capacity", "robotics"),
    ]


def test_plain_processes_are_for_the_operator_alone_unless_a_flag_says_so() -> None:
    built = shop("plain")
    with pytest.raises(Refused, match="plain processes"):
        leasing.start(built.world, built.admin, Ask(TRAIN, GPU))
    allowed = shop("plain", Settings(plain_for_customers=True))
    leasing.start(allowed.world, allowed.admin, Ask(TRAIN, GPU))


def test_a_request_with_a_key_is_carried_out_once() -> None:
    built = shop()

    def act() -> tuple[int, str]:
        return 201, leasing.start(built.world, built.admin, Ask(TRAIN, GPU)).id

    first = once(built.world, built.admin, "key-1", "print", act)
    again = once(built.world, built.admin, "key-1", "print", act)
    assert (again[0], again[1], again[2]) == (first[0], first[1], True)
    assert len(leasing.find(built.world, built.admin, leasing.Filter())) == 1
    with pytest.raises(Refused, match="another request"):
        once(built.world, built.admin, "key-1", "another print", act)
    built.clock.advance(timedelta(days=8))
    assert once(built.world, built.admin, "key-1", "print", act)[2] is False


def test_a_refused_request_leaves_its_key_free_and_its_refusal_audited() -> None:
    built = shop()

    def act() -> tuple[int, str]:
        return 201, leasing.start(built.world, built.admin, Ask(TRAIN, NODE, 5)).id

    for _ in range(2):
        with pytest.raises(RackrateError, match="no_capacity"):
            once(built.world, built.admin, "key-1", "print", act)
    assert [row.outcome for row in audits(built)].count("no_capacity") == 2


def test_an_unpriced_sku_is_not_leased() -> None:
    built = shop()
    early = SetClock(datetime(2025, 1, 1, tzinfo=UTC))
    world = replace(built.world, clock=early)
    with pytest.raises(Refused, match="not_priced"):
        leasing.start(world, built.admin, Ask(TRAIN, GPU))
