"""Who gives way: what on-demand leases are told, who has to go, and that contracts always fit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.calendar import Claim, HolderKind, Reservation, ReservationKind
from rackrate.core.giveway import CHANGEOVER, EARLY, NOTICE, Lodger, safe_at_start, settle
from rackrate.core.ids import BlockId, ChipId, LeaseId, NodeId, SiteId
from rackrate.core.interval import Interval, Span
from rackrate.core.inventory import Node
from rackrate.core.placement import Fleet, NoFit, Request
from rackrate.core.promise import Assigned, Shortfall, Wish, assign
from rackrate.core.workload import Limits, Member

SITE, H100 = SiteId("east"), ChipId("h100")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FAR = timedelta(days=3650)


class House:
    """One site with on-demand leases and promises, moved through time by hand.

    It keeps what every lease was ever told, and checks each new word against it.
    """

    def __init__(self, nodes: int, blocks: int = 1) -> None:
        self.now = NOW
        self.fleet = Fleet(
            Node(
                NodeId(f"n{i:02}"),
                SITE,
                BlockId(f"b{i % blocks}"),
                H100,
                8,
                1,
                Limits(8000, 8000, 8000),
            )
            for i in range(nodes)
        )
        self.lodgers: dict[LeaseId, Lodger] = {}
        self.claims: dict[str, list[Claim]] = {}
        self.notices: dict[LeaseId, int] = {}
        self.count = 0

    # -- what happens -------------------------------------------------------------------------

    def start(
        self, nodes: int = 1, slots: int = 8, notice: timedelta = NOTICE, spot: bool = False
    ) -> LeaseId | None:
        """A lease where there is room for it, as leasing does it; None where there is not."""
        self.count += 1
        id = LeaseId(f"lse_{self.count:03}")
        request = Request(H100, nodes, slots, lasting=notice + CHANGEOVER)
        members = self.fleet.place(request, self.now)
        if isinstance(members, NoFit):
            members = self.fleet.place(replace(request, lasting=CHANGEOVER), self.now)
        if isinstance(members, NoFit):
            return None
        self._hold(id, members, "")
        safe = safe_at_start(self.fleet, members, self.now)
        if safe is not None and safe <= self.now:
            self.end(id)
            return None
        held = frozenset(member.node for member in members)
        self.lodgers[id] = Lodger(id, spot, self.now, notice, held, safe)
        return id

    def _hold(self, holder: str, members: tuple[Member, ...], account: str) -> None:
        self.claims[holder] = [
            Claim(
                f"{holder}/{member.rank}",
                SITE,
                member.node,
                member.slots,
                Span(self.now),
                HolderKind.LEASE,
                holder,
                account,
            )
            for member in members
        ]
        for claim in self.claims[holder]:
            self.fleet.hold(claim)

    def end(self, holder: str) -> None:
        for claim in self.claims.pop(holder):
            self.fleet.free(claim.id, self.now)
        self.lodgers.pop(LeaseId(holder), None)

    def wish(self, nodes: int, start: timedelta, lasts: timedelta = FAR) -> Assigned | Shortfall:
        longest = max((one.notice for one in self.lodgers.values()), default=NOTICE)
        during = Interval(self.now + start, self.now + start + lasts)
        pools = [self.fleet.pools[id] for id in sorted(self.fleet.pools)]
        return assign(pools, Wish(nodes, during, self.now, longest + CHANGEOVER))

    def sign(
        self,
        id: str,
        nodes: int,
        start: timedelta,
        lasts: timedelta = FAR,
        expires: timedelta | None = None,
    ) -> bool:
        """A contract, or a hold where it expires; False where it cannot be promised."""
        placed = self.wish(nodes, start, lasts)
        if isinstance(placed, Shortfall):
            return False
        during = Interval(self.now + start, self.now + start + lasts)
        for pool, share in placed:
            kind = ReservationKind.CONTRACT if expires is None else ReservationKind.HOLD
            until = None if expires is None else self.now + expires
            held = Reservation(f"{id}/{pool}", SITE, pool, share, during, kind, id, expires=until)
            self.fleet.promise(held)
        self.tell()
        return True

    def cancel(self, id: str) -> None:
        for pool in self.fleet.pools.values():
            self.fleet.withdraw(f"{id}/{pool.id}")
        self.tell()

    def tell(self) -> None:
        """What leases hear now, held against what they heard before."""
        heard = settle(self.fleet, self.lodgers.values(), self.now)
        for id, lodger in heard.items():
            before = self.lodgers[id]
            earliest = self.now + lodger.notice
            if lodger.safe_until is not None and not lodger.spot:
                known = before.safe_until is not None and before.safe_until <= lodger.safe_until
                assert known or lodger.safe_until >= earliest, (before, lodger)
            if lodger.until is not None and lodger.until != before.until:
                self.notices[id] = self.notices.get(id, 0) + 1
                told = before.safe_until
                fair = earliest if told is None else min(earliest, told)
                assert lodger.spot or lodger.until >= fair, (before, lodger)
        self.lodgers = heard

    def to(self, moment: datetime) -> None:
        """Let time pass; whoever's notice is over meanwhile goes at that second."""
        while going := [x for x in self.lodgers.values() if x.until and x.until <= moment]:
            first = min(going, key=lambda one: (one.until, one.id))
            assert first.until is not None
            self.now = max(self.now, first.until)
            assert first.spot or first.safe_until is None or first.safe_until <= self.now
            self.end(first.id)
        self.now = moment
        self.tell()

    def live(self, moment: datetime) -> None:
        """Let time pass with a pass of the loop at least twice a day."""
        while self.now + DAY / 2 < moment:
            self.to(self.now + DAY / 2)
        self.to(moment)

    def claim(self, contract: str, nodes: int) -> bool:
        """The contract takes its nodes, all of them."""
        request = Request(H100, nodes, 8, whole_nodes=True, account=contract)
        members = self.fleet.place(request, self.now)
        if isinstance(members, NoFit):
            return False
        self._hold(contract, members, contract)
        return True

    # -- what is seen -------------------------------------------------------------------------

    def of(self, id: LeaseId | None) -> Lodger:
        assert id is not None
        return self.lodgers[id]

    def going(self) -> dict[str, datetime]:
        return {x.id: x.until for x in self.lodgers.values() if x.until is not None}


def test_nobody_is_told_an_end_while_there_is_room_for_all() -> None:
    house = House(4)
    one = house.start()
    assert house.sign("k", 3, 30 * DAY)
    assert house.of(one).safe_until is None and not house.going()


def test_a_contract_that_needs_its_node_tells_a_lease_from_when_and_notice_follows_in_time() -> (
    None
):
    """Four nodes, two leased on demand; a contract for three from day 30 needs one of them."""
    house = House(4)
    first, second = house.start(), house.start()
    assert house.sign("k", 3, 30 * DAY)
    from_then = NOW + 30 * DAY - CHANGEOVER
    assert house.of(first).safe_until == house.of(second).safe_until == from_then
    assert not house.going()
    house.to(NOW + 30 * DAY - NOTICE - EARLY - HOUR)
    assert not house.going()
    house.to(NOW + 30 * DAY - NOTICE - EARLY)
    # One is enough: it is who came last. The other is told that it is safe after all.
    assert house.going() == {"lse_002": from_then}
    assert house.of(first).safe_until is None
    house.to(NOW + 30 * DAY)
    assert set(house.lodgers) == {"lse_001"} and house.claim("k", 3)


def test_a_contract_counts_on_nodes_on_demand_only_after_their_notice() -> None:
    house = House(2)
    assert house.start(nodes=2)
    soon = house.wish(1, 3 * DAY)
    assert soon == Shortfall(0, NOW + NOTICE + CHANGEOVER)
    assert house.sign("k", 2, NOTICE + CHANGEOVER)
    assert house.going() == {"lse_001": NOW + NOTICE}


def test_one_gang_goes_rather_than_two_leases_and_none_larger_than_must() -> None:
    house = House(8)
    house.start()
    pair = house.start(nodes=2)
    house.start(nodes=4)
    house.start()
    assert house.sign("k", 2, 8 * DAY)
    assert list(house.going()) == [pair]


def test_who_started_last_goes_first_among_equals() -> None:
    house = House(3)
    house.start()
    house.to(NOW + HOUR)
    house.start()
    house.to(NOW + 2 * HOUR)
    last = house.start()
    assert house.sign("k", 1, 7 * DAY + HOUR)
    assert list(house.going()) == [last]


def test_a_node_with_one_lease_is_emptied_rather_than_one_with_eight() -> None:
    house = House(2)
    shared = [house.start(slots=1) for _ in range(8)]
    alone = house.start(slots=5)
    assert house.of(shared[0]).nodes != house.of(alone).nodes
    assert house.sign("k", 1, 8 * DAY)
    assert list(house.going()) == [alone]


def test_spot_goes_before_on_demand_and_with_its_own_notice() -> None:
    house = House(2)
    spot = house.start(notice=timedelta(minutes=5), spot=True)
    house.start()
    assert house.sign("k", 1, 8 * DAY)
    assert not house.going()
    house.to(NOW + 8 * DAY - HOUR)
    assert list(house.going()) == [spot]


def test_a_whole_gang_goes_where_one_of_its_nodes_is_needed() -> None:
    house = House(4, blocks=2)
    gang = house.start(nodes=4)
    assert house.sign("k", 1, 8 * DAY)
    assert list(house.going()) == [gang]


def test_a_notice_is_withdrawn_when_the_contract_is_or_nodes_are_free_again() -> None:
    house = House(2)
    first, second = house.start(), house.start()
    assert house.sign("k", 1, 8 * DAY)
    assert list(house.going()) == [second]
    house.cancel("k")
    assert not house.going() and house.of(second).safe_until is None
    assert house.sign("k", 1, 8 * DAY)
    house.end(str(first))
    house.tell()
    assert not house.going()


def test_a_notice_moves_to_the_later_day_when_the_contract_does() -> None:
    house = House(1)
    house.start()
    assert house.sign("k", 1, 7 * DAY + HOUR)
    house.fleet.withdraw("k/b0/h100x8")
    assert house.sign("k2", 1, 7 * DAY + 5 * HOUR)
    assert house.going() == {"lse_001": NOW + 7 * DAY + 5 * HOUR - CHANGEOVER}


def test_a_hold_counts_as_a_promise_until_it_expires() -> None:
    house = House(1)
    lease = house.start()
    assert house.sign("q", 1, 7 * DAY + HOUR, expires=DAY)
    assert house.going() == {"lse_001": NOW + 7 * DAY + HOUR - CHANGEOVER}
    house.to(NOW + DAY)
    assert not house.going() and house.of(lease).safe_until is None


def test_a_lease_that_begins_shortly_before_a_contract_has_its_notice_from_the_start() -> None:
    """Idle nodes are not wasted: whoever takes them for three days knows it before it pays."""
    house = House(2)
    assert house.sign("k", 2, 3 * DAY)
    lease = house.start()
    assert house.of(lease).safe_until == NOW + 3 * DAY - CHANGEOVER
    house.tell()
    assert house.going() == {"lse_001": NOW + 3 * DAY - CHANGEOVER}


def test_a_lease_goes_where_nothing_is_promised_soon_if_it_can() -> None:
    house = House(4, blocks=2)
    assert house.sign("k", 2, 3 * DAY)
    for _ in range(2):
        assert house.of(house.start()).safe_until is None
    assert house.of(house.start()).safe_until == NOW + 3 * DAY - CHANGEOVER


def test_nothing_begins_on_nodes_that_are_needed_within_minutes() -> None:
    house = House(1)
    assert house.sign("k", 1, timedelta(minutes=10))
    assert house.start() is None


def test_a_node_that_leaves_takes_its_lease_along_even_where_others_are_free() -> None:
    house = House(2)
    lease = house.start()
    (name,) = house.of(lease).nodes
    leaving = house.fleet.nodes[house.fleet.number[name]]
    house.fleet.set_node(replace(leaving, until=NOW + 20 * DAY))
    house.tell()
    assert house.of(lease).safe_until == NOW + 20 * DAY - CHANGEOVER
    house.to(NOW + 13 * DAY)
    assert house.going() == {"lse_001": NOW + 20 * DAY - CHANGEOVER}


def test_supply_that_is_lost_shortens_nobody_to_less_than_its_notice() -> None:
    house = House(2)
    lease = house.start()
    assert house.sign("k", 1, DAY)
    free = next(n for n in house.fleet.nodes if n.id not in house.of(lease).nodes)
    house.fleet.set_node(replace(free, until=NOW + 2 * DAY))
    house.tell()
    # The contract is short from day 2 to day 7: that is reported as a promise broken.
    assert house.going() == {"lse_001": NOW + NOTICE}


def test_a_control_plane_that_was_down_keeps_the_contract_and_what_was_told() -> None:
    """It was told of day 30 at the signing; that nobody repeated it changes nothing."""
    house = House(1)
    house.start()
    assert house.sign("k", 1, 30 * DAY)
    house.to(NOW + 30 * DAY - CHANGEOVER - HOUR)
    assert house.going() == {"lse_001": NOW + 30 * DAY - CHANGEOVER}
    house.to(NOW + 30 * DAY)
    assert not house.lodgers and house.claim("k", 1)


class Trade:
    """A house with random business in it, and the contracts that are to be delivered."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.house = House(self.chance.randint(1, 9), self.chance.randint(1, 3))
        self.terms: dict[str, tuple[Interval, int]] = {}
        self.claimed: set[str] = set()

    def deliver(self) -> None:
        """On to the next start or end of a contract, or less far; each gets its nodes at once."""
        house, chance = self.house, self.chance
        events = [at for during, _ in self.terms.values() for at in (during.start, during.end)]
        soon = min((at for at in events if at > house.now), default=house.now + 30 * DAY)
        house.live(min(soon, house.now + chance.randint(0, 96) * HOUR + HOUR))
        for id in [id for id, (during, _) in self.terms.items() if during.end <= house.now]:
            if id in self.claimed:
                house.end(id)
            del self.terms[id]
        for id in self.terms.keys() - self.claimed:
            during, nodes = self.terms[id]
            if during.start <= house.now:
                assert house.claim(id, nodes), f"{id} is refused {nodes} nodes"
                self.claimed.add(id)

    def act(self, id: str) -> None:
        house, chance = self.house, self.chance
        act = chance.choice(["start", "start", "start", "end", "sign", "hold", "cancel"])
        waiting = sorted(self.terms.keys() - self.claimed)
        if act == "start":
            notice = chance.choice([NOTICE, NOTICE, 2 * DAY, 30 * DAY])
            house.start(chance.randint(1, 3), chance.choice([8, 8, 1, 3]), notice)
            house.tell()
        elif act == "end" and house.lodgers:
            house.end(chance.choice(sorted(house.lodgers)))
        elif act in ("sign", "hold"):
            self.sign(id, None if act == "sign" else 9 * DAY)
        elif act == "cancel" and waiting:
            house.cancel(waiting[0])
            del self.terms[waiting[0]]

    def sign(self, id: str, expires: timedelta | None) -> None:
        start, lasts = self.chance.randint(0, 60) * DAY, self.chance.randint(1, 40) * DAY
        nodes, begins = self.chance.randint(1, 4), self.house.now + start
        if self.house.sign(id, nodes, start, lasts, expires) and expires is None:
            self.terms[id] = Interval(begins, begins + lasts), nodes


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_no_contract_is_ever_refused_for_a_lease_and_no_lease_goes_before_it_was_told(
    seed: int,
) -> None:
    """Random signings, holds, leases and ends: `House` checks each word that is given."""
    trade = Trade(seed)
    for step in range(40):
        trade.deliver()
        trade.act(f"k{step}")
