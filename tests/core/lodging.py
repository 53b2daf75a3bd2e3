"""A site with on-demand leases and promises that a test moves through time, and random business."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from rackrate.core.calendar import Claim, HolderKind, Reservation, ReservationKind
from rackrate.core.giveway import CHANGEOVER, NOTICE, Lodger, safe_at_start, settle
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

    def start(self, nodes: int = 1, slots: int = 8, notice: timedelta = NOTICE) -> LeaseId | None:
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
        self.lodgers[id] = Lodger(id, self.now, notice, held, safe)
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
            if lodger.safe_until is not None:
                known = before.safe_until is not None and before.safe_until <= lodger.safe_until
                assert known or lodger.safe_until >= earliest, (before, lodger)
            if lodger.until is not None and lodger.until != before.until:
                self.notices[id] = self.notices.get(id, 0) + 1
                told = before.safe_until
                fair = earliest if told is None else min(earliest, told)
                assert lodger.until >= fair, (before, lodger)
        self.lodgers = heard

    def to(self, moment: datetime) -> None:
        """Let time pass; whoever's notice is over meanwhile goes at that second."""
        while going := [x for x in self.lodgers.values() if x.until and x.until <= moment]:
            first = min(going, key=lambda one: (one.until, one.id))
            assert first.until is not None
            self.now = max(self.now, first.until)
            assert first.safe_until is None or first.safe_until <= self.now
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
