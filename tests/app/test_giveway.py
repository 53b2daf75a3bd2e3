"""On demand and contracts on the same nodes: who is told what, who goes when, what is billed."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest

from rackrate.app import breaches, fleet, giveway, leasing, loops, quotes, quoting, upkeep
from rackrate.app.leasing import Ask
from rackrate.app.ports import Store
from rackrate.core.calendar import Claim, Reservation, ReservationKind
from rackrate.core.errors import Refused
from rackrate.core.giveway import CHANGEOVER, EARLY, NOTICE
from rackrate.core.ids import ContractId, LeaseId, PoolId, ProjectId, QuoteId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent, Phase, fold
from rackrate.core.usage import billed_spans
from rackrate.sim.engine import SimEngine
from tests.build import CUSTOMERS, SMALL, Built, build

EAST = SiteId("east")
TRAIN, RENDER = ProjectId("robotics-train"), ProjectId("studio-render")
GPU, NODE = SkuId("h100.1"), SkuId("h100.node")
POOLS = PoolId("east-1/h100x8"), PoolId("east-2/h100x8")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def shop(*more: str, store: Store | None = None) -> Built:
    engines: dict[SiteId, SimEngine] = {}
    built = build(SMALL, CUSTOMERS, *more, engines=engines, store=store)
    engines[EAST] = SimEngine(built.clock, timedelta(0))
    return built


def start(built: Built, sku: SkuId = NODE, count: int = 1) -> LeaseId:
    lease = leasing.start(built.world, built.admin, Ask(RENDER, sku, count)).id
    loop(built)
    return lease


def loop(built: Built) -> None:
    """A full pass, and one more over what it left to do."""
    leader = loops.lead(built.world, "test")
    assert leader is not None
    loops.provision(built.world, leader)
    loops.provision(built.world, leader)


def promise(
    built: Built, begins: timedelta, nodes: int = 2, kind: str = "contract", id: str = "k"
) -> None:
    """Nodes of both blocks from then on, as a signing leaves them."""
    start = built.clock.now() + begins
    expires = built.clock.now() + 2 * DAY if kind == "hold" else None
    with built.world.store.transaction() as tx:
        tx.fleet(EAST)
        for pool in POOLS:
            tx.add(
                Reservation(
                    f"{id}/{pool}",
                    EAST,
                    pool,
                    nodes,
                    Interval(start, start + 100 * DAY),
                    ReservationKind(kind),
                    id,
                    expires=expires,
                )
            )
        giveway.tell(built.world, tx, EAST)


def withdraw(built: Built, id: str = "k") -> None:
    with built.world.store.transaction() as tx:
        tx.fleet(EAST)
        for pool in POOLS:
            tx.remove(Reservation, f"{id}/{pool}")


def see(built: Built, id: LeaseId) -> tuple[Lease, tuple[LeaseEvent, ...]]:
    lease, events = leasing.show(built.world, built.admin, id)
    again = fold(lease.terms, events)
    assert lease == again, "the row is the fold of its log"
    return lease, events


def to(built: Built, moment: datetime) -> None:
    built.clock.advance(moment - built.clock.now())
    loop(built)


def test_a_lease_hears_of_a_contract_at_its_signing_has_notice_a_week_before_and_ends_in_time() -> (
    None
):
    built = shop()
    lease = start(built)
    begins = built.clock.now() + 30 * DAY
    promise(built, 30 * DAY)
    assert see(built, lease)[0].safe_until == begins - CHANGEOVER
    to(built, begins - CHANGEOVER - NOTICE - EARLY - HOUR)
    assert see(built, lease)[0].until is None
    to(built, begins - CHANGEOVER - NOTICE - EARLY)
    shown, events = see(built, lease)
    assert shown.until == begins - CHANGEOVER and shown.phase is Phase.RUNNING
    assert events[-1].kind is EventKind.NOTICE and events[-1].cause == giveway.PROMISED
    assert shown.billed_since is not None
    to(built, begins - CHANGEOVER - timedelta(seconds=1))
    assert see(built, lease)[0].phase is Phase.RUNNING
    to(built, begins - CHANGEOVER)
    assert see(built, lease)[0].phase is Phase.ENDED
    with built.world.store.transaction() as tx:
        loop(built)
        assert not tx.find(Claim, site=EAST, open=True)


def test_billing_ends_with_the_notice_however_late_the_loop_is() -> None:
    built = shop()
    lease = start(built)
    begun = built.clock.now()
    promise(built, 8 * DAY)
    until = see(built, lease)[0].until
    assert until == begun + 8 * DAY - CHANGEOVER
    to(built, until + timedelta(minutes=9))
    shown, events = see(built, lease)
    assert [span.end for span in billed_spans(events)] == [until]
    asked = next(event for event in events if event.kind is EventKind.END_REQUESTED)
    assert asked.cause == giveway.OVER and asked.at == until
    assert shown.phase is Phase.ENDED


def test_its_owner_may_end_it_sooner_and_a_notice_says_so_nothing_more() -> None:
    built = shop()
    lease = start(built)
    promise(built, 8 * DAY)
    leasing.end(built.world, built.admin, lease)
    loop(built)
    assert see(built, lease)[0].phase is Phase.ENDED


def test_a_lease_that_is_stopped_and_started_again_is_asked_anew() -> None:
    built = shop()
    lease = start(built)
    promise(built, 8 * DAY)
    leasing.stop(built.world, built.admin, lease)
    loop(built)
    assert see(built, lease)[0].until is None
    withdraw(built)
    leasing.resume(built.world, built.admin, lease)
    loop(built)
    shown = see(built, lease)[0]
    assert shown.until is None and shown.safe_until is None and shown.phase is Phase.RUNNING


def test_a_notice_is_withdrawn_by_the_next_pass_when_its_nodes_are_not_needed_any_more() -> None:
    built = shop()
    lease = start(built)
    promise(built, 8 * DAY)
    withdraw(built)
    loop(built)
    shown, events = see(built, lease)
    assert shown.until is None and shown.safe_until is None
    assert [event.kind for event in events[-2:]] == [EventKind.NOTICE_WITHDRAWN, EventKind.TOLD]
    assert events[-2].cause == giveway.NOT_NEEDED
    assert shown.billed_since is not None


def test_a_hold_is_a_promise_until_it_expires() -> None:
    built = shop()
    lease = start(built)
    promise(built, 8 * DAY, kind="hold")
    assert see(built, lease)[0].until is not None
    to(built, built.clock.now() + 2 * DAY)
    shown = see(built, lease)[0]
    assert shown.until is None and shown.safe_until is None


def test_the_notice_is_that_of_the_price_in_force() -> None:
    longer = """
kind: price_book
currency: CNY
tax_included: false
effective: 2026-06-01
time_zone: Asia/Shanghai
notice: {on_demand: 30 days}
per_slot_hour:
  h100.node: {on_demand: 16.00}
"""
    built = shop(longer)
    with built.world.store.transaction() as tx:
        chip = tx.get(Node, "h100-001").chip
        now = built.clock.now()
        assert giveway.longest_notice(tx, EAST, chip, now) == 30 * DAY + CHANGEOVER
    lease = start(built)
    promise(built, 40 * DAY)
    begins = built.clock.now() + 40 * DAY - CHANGEOVER
    assert see(built, lease)[0].until is None
    to(built, begins - 31 * DAY)
    assert see(built, lease)[0].until == begins


def test_a_lease_that_begins_shortly_before_a_contract_is_told_its_end_in_the_same_answer() -> None:
    built = shop()
    promise(built, 3 * DAY)
    lease = leasing.start(built.world, built.admin, Ask(RENDER, NODE, 1))
    assert lease.until == lease.safe_until == built.clock.now() + 3 * DAY - CHANGEOVER


def test_nothing_begins_on_demand_where_a_contract_begins_within_minutes() -> None:
    built = shop()
    promise(built, timedelta(minutes=10))
    with pytest.raises(Refused, match="at most 0"):
        leasing.start(built.world, built.admin, Ask(RENDER, NODE, 1))


def test_a_lease_goes_to_the_block_that_is_promised_to_nobody_soon() -> None:
    built = shop()
    promise(built, 3 * DAY, nodes=1)
    first, second = start(built), start(built)
    assert see(built, first)[0].safe_until is None and see(built, second)[0].safe_until is None
    third = leasing.start(built.world, built.admin, Ask(RENDER, NODE, 1))
    assert third.safe_until == built.clock.now() + 3 * DAY - CHANGEOVER


def test_a_node_that_is_to_leave_is_told_to_who_is_on_it() -> None:
    built = shop()
    lease = start(built)
    leaves = built.clock.now() + 20 * DAY
    with built.world.store.transaction() as tx:
        tx.fleet(EAST)
        node = tx.get(Node, see(built, lease)[0].members[0].node)
        tx.put(replace(node, until=leaves))
    loop(built)
    assert see(built, lease)[0].safe_until == leaves - CHANGEOVER


BOOK = """
kind: contract_price
sku: h100.node
currency: CNY
tax_included: false
basis: per node and calendar month, before VAT, power and cooling included
floor_percent: 5
effective: 2026-01-01
time_zone: Asia/Shanghai
tiers:
- {months: 1, nodes: 1, amount: 70000.00}
"""


def quote(built: Built, nodes: int, begins: timedelta) -> QuoteId:
    at = built.clock.now() + begins
    wish = quoting.Ask(NODE, nodes, at, project=TRAIN, months=12)
    return quotes.create(built.world, built.admin, wish).id


def test_a_quote_counts_nodes_on_demand_only_after_their_notice_and_says_from_when() -> None:
    built = shop(BOOK)
    start(built, count=3)
    with pytest.raises(Refused) as refused:
        quote(built, 4, 3 * DAY)
    first = built.clock.now() + NOTICE + CHANGEOVER
    assert refused.value.facts["nodes"] == 1
    assert refused.value.facts["earliest"] == first.isoformat()
    quote(built, 4, NOTICE + CHANGEOVER)


def test_a_hold_that_is_signed_days_later_has_the_nodes_that_were_given_notice_for_it() -> None:
    """At signing the start is nearer than a notice; the leases had theirs when it was quoted."""
    built = shop(BOOK)
    lease = start(built, count=4)
    held = quote(built, 4, 8 * DAY)
    begins = built.clock.now() + 8 * DAY
    assert see(built, lease)[0].until == begins - CHANGEOVER
    built.clock.advance(5 * DAY)
    loop(built)
    contract = quotes.sign(built.world, built.admin, held).id
    assert see(built, lease)[0].until == begins - CHANGEOVER
    to(built, begins - CHANGEOVER)
    to(built, begins)
    wish = Ask(TRAIN, NODE, 4, klass=LeaseClass.CONTRACT, contract=contract)
    assert len(leasing.start(built.world, built.admin, wish).members) == 4


class Business:
    """Quotes, signatures and leases at random; every contract takes its nodes as it begins."""

    def __init__(self, seed: int, store: Store | None = None) -> None:
        self.built, self.chance = shop(BOOK, store=store), Random(seed)
        self.due: list[tuple[datetime, ContractId, int]] = []
        self.held: list[tuple[QuoteId, datetime, int]] = []
        self.leases: list[LeaseId] = []

    def run(self) -> int:
        """How many leases had to give way in the end."""
        for _ in range(25):
            self.pass_time()
            with suppress(Refused):
                self.act()
        seen = (see(self.built, lease)[1] for lease in self.leases)
        return sum(event.cause == giveway.OVER for events in seen for event in events)

    def pass_time(self) -> None:
        """Up to the next contract at most, with a pass twice a day and when a notice is over."""
        now = self.built.clock.now()
        until = min([now + self.chance.randint(1, 60) * HOUR, *(at for at, _, _ in self.due)])
        ends = [see(self.built, lease)[0].until for lease in self.leases]
        halves = [now + DAY / 2 * n for n in range(1, 6)]
        for moment in sorted([at for at in (*ends, *halves) if at and now < at < until]):
            to(self.built, moment)
        to(self.built, until)
        for begun in [one for one in self.due if one[0] <= self.built.clock.now()]:
            self.due.remove(begun)
            _, contract, nodes = begun
            ask = Ask(TRAIN, NODE, nodes, klass=LeaseClass.CONTRACT, contract=contract)
            assert leasing.start(self.built.world, self.built.admin, ask).members

    def act(self) -> None:
        built, chance = self.built, self.chance
        act = chance.choice(["lease", "lease", "quote", "sign"])
        if act == "lease":
            sku, count = chance.choice([(NODE, 1), (NODE, 2), (GPU, 3)])
            self.leases.append(start(built, sku, count))
        elif act == "quote":
            begins, nodes = chance.randint(0, 20) * DAY, chance.randint(1, 2)
            at = built.clock.now() + begins
            self.held.append((quote(built, nodes, begins), at, nodes))
        elif self.held:
            held, at, nodes = self.held.pop(0)
            signed = quotes.sign(built.world, built.admin, held)
            self.due.append((max(at, built.clock.now()), signed.id, nodes))


def test_random_business_refuses_no_contract_the_nodes_that_it_was_promised() -> None:
    assert sum(Business(seed).run() for seed in range(12)) > 0


def test_a_node_that_breaks_while_others_have_their_notice_is_a_breach_at_once() -> None:
    """Two nodes a block: one on demand, one promised to a contract; then the free one breaks."""
    built = shop(BOOK)
    pool = see(built, start(built))[0].members[0].node
    with built.world.store.transaction() as tx:
        block = tx.get(Node, pool).pool
        other = next(n for n in tx.find(Node) if n.pool == block and n.id != pool)
        tx.fleet(EAST)
        now = built.clock.now()
        tx.add(
            Reservation(
                "k/1", EAST, block, 1, Interval(now, now + 100 * DAY), ReservationKind.CONTRACT, "k"
            )
        )
    loop(built)
    assert breaches.show(built.world, built.admin) == ()
    (broken,) = fleet.drain(built.world, built.admin, other.id, "smoke").told.broken
    back = built.clock.now() + 30 * DAY
    step = upkeep.Step(NodeState.IN_REPAIR, back, "smoke")
    told = upkeep.move(built.world, built.admin, other.id, step).told
    assert (told.broken, [still.id for still in told.still]) == ((), [broken.id])
    assert (broken.short.reservation.holder, broken.short.nodes) == ("k", 1)
    assert broken.short.during == Interval(built.clock.now(), built.clock.now() + NOTICE)
    (lease,) = leasing.find(built.world, built.admin, leasing.Filter(live=True))
    assert lease.until == built.clock.now() + NOTICE
    to(built, lease.until)
    assert breaches.show(built.world, built.admin) == ()
