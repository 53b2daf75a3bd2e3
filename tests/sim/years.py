"""Years of business at random, on a clock that is told: bought, sold, late, broken, given back.

Everything is done through the use cases, as people and loops would. After each act, and at each
instant at which time alone changes anything, an auditor counts for itself.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from rackrate.app import leasing, loops
from rackrate.app.rows import KINDS
from rackrate.core.access import Actor, Role
from rackrate.core.errors import RackrateError
from rackrate.core.ids import ContractId, LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.lease import LeaseClass
from rackrate.core.parties import Audit
from rackrate.sim.engine import SimEngine
from tests.build import build
from tests.sim import years_ground as ground
from tests.sim import years_handing as handing
from tests.sim.years_auditor import CHANGEOVER, Auditor, pool_of

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
TABLES = {kind.__name__: kind for kind in KINDS}
# What the auditor reads of tables that only grow.
MOVED = ("Lease", "Claim", "Node", "Breach", "Delivery")  # By the loops.
NARROW: dict[str, dict[str, Any]] = {"Claim": {"open": True}, "Lease": {"live": True}}


class _Undo(Exception):
    """Leaves a transaction without a trace."""


@dataclass(frozen=True, slots=True)
class Told:
    """What years came to: how often what was done and refused, and what the auditor found."""

    seed: int
    done: Counter[str]
    refused: Counter[str]
    seen: Counter[str]
    findings: tuple[str, ...]


class Years:
    """The world, its auditor and a diary; `tests.sim.years_acts` has what people do in it."""

    def __init__(self, seed: int) -> None:
        engines: dict[SiteId, SimEngine] = {}
        self.built = build(ground.ground(), engines=engines, now=ground.START)
        for site in ground.HEADROOM:
            engines[SiteId(site)] = SimEngine(self.built.clock, timedelta(0))
        self.world, self.admin = self.built.world, self.built.admin
        self.second: Actor = self.built.actor("finance@example.org", Role.FINANCE)
        self.seed, self.chance, self.numbers = seed, Random(seed), count(1)
        self.auditor = Auditor(self.rows, ground.NOTICES, ground.HEADROOM)
        self.book, self.supply = self.auditor.book, self.auditor.supply
        self.supply.begins(ground.BLOCKS, ground.NODES_AT_FIRST)
        self.diary: list[tuple[datetime, bool, int, Callable[[], None]]] = []
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.leases: dict[str, list[str]] = {}  # By contract; those by the moment under "".

    # -- reading ----------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.built.clock.now()

    def rows(self, name: str) -> list[Any]:
        with self.world.store.transaction() as tx:
            return tx.find(TABLES[name], **NARROW.get(name, {}))

    def row(self, name: str, id: str) -> Any:
        with self.world.store.transaction() as tx:
            return tx.get(TABLES[name], id)

    def everything(self) -> dict[str, list[Any]]:
        """Every row but the record of who tried what."""
        with self.world.store.transaction() as tx:
            return {kind.__name__: tx.find(kind) for kind in KINDS if kind is not Audit}

    def short(self, holder: str) -> bool:
        """Whether it was told that a contract or a quote lacks nodes of what it is promised."""
        rows = self.rows("Breach")
        return any(row.holder == holder and row.open(self.now) for row in rows)

    # -- acting -----------------------------------------------------------------------------------

    def act(
        self,
        what: str,
        call: Callable[[], Any],
        then: Callable[[Any], None] | None = None,
        *,
        pool: str = "",
    ) -> Any:
        """The answer, or the refusal; audited either way. `then` is for the auditor's book. `pool`
        is whose supply it changes: who is short there is written down in the act itself.
        """
        before = self.everything()
        try:
            answer = call()
            self.done[what] += 1
            if then is not None:
                then(answer)
        except RackrateError as refusal:
            answer = refusal
            self.refused[f"{what}: {refusal.reason}"] += 1
            self.auditor.unchanged(what, self.now, before, self.everything())
            pool = ""
        self.auditor.audit(self.now, passed=False, pool=pool)
        return answer

    def would(self, call: Callable[[], Any]) -> bool:
        """Whether it could be done now; nothing is."""
        answered = False
        with suppress(_Undo), self.world.store.transaction():
            with suppress(RackrateError):
                call()
                answered = True
            raise _Undo
        return answered

    def look(self) -> None:
        """The full pass of the loops, until nothing is left to do."""
        leader = loops.lead(self.world, "years")
        assert leader is not None
        before = None
        while before != (after := [self.rows(name) for name in MOVED]):
            loops.provision(self.world, leader)
            before = after
        handing.healthy(self.book, self.rows, self.now)
        self.auditor.audit(self.now, passed=True)

    def later(self, at: datetime, what: Callable[[], None], early: bool = False) -> None:
        """Note in the diary what is to be done then; `early`: before the loops look."""
        heappush(self.diary, (max(at, self.now), not early, next(self.numbers), what))

    def until(self, end: datetime) -> None:
        """Let time pass, and stop wherever it changes something or the diary says so."""
        while True:
            instants = [end, *(at for at in (self.auditor.due,) if at is not None)]
            if self.diary:
                instants.append(self.diary[0][0])
            at = min(instants)
            self.built.clock.instant = max(at, self.now)
            while self.diary and self.diary[0][:2] <= (self.now, False):
                heappop(self.diary)[-1]()
            self.look()
            while self.diary and self.diary[0][0] <= self.now:
                heappop(self.diary)[-1]()
                self.look()
            if at >= end:
                return

    def told(self) -> Told:
        findings = tuple(self.auditor.findings)
        return Told(self.seed, self.done, self.refused, self.auditor.seen, findings)

    # -- the nodes that contracts and others use --------------------------------------------------

    def start(self, project: str, sku: str, count: int, contract: str | None = None) -> Any:
        """A lease, and who was refused one."""
        site, chip = ground.SKUS[sku.removesuffix(".1")]
        klass = LeaseClass.ON_DEMAND if contract is None else LeaseClass.CONTRACT
        wish = leasing.Ask(
            ProjectId(project), SkuId(sku), count, klass=klass,
            contract=None if contract is None else ContractId(contract),
        )  # fmt: skip
        what = "claim" if contract else "on demand"
        answer = self.act(what, lambda: leasing.start(self.world, self.admin, wish))
        if not isinstance(answer, RackrateError):
            self.leases.setdefault(contract or "", []).append(answer.id)
            self.look()
        elif contract is not None:
            self.auditor.turned_away(contract, site, chip, count, self.now)
        return answer

    def end(self, lease: str) -> None:
        """Its owner lets it go."""
        for ids in self.leases.values():
            if lease in ids:
                ids.remove(lease)
        if str(self.row("Lease", lease).wanted) == "running":
            self.auditor.words.let_go.add(lease)
            self.act("end", lambda: leasing.end(self.world, self.admin, LeaseId(lease)))
            self.look()

    def room_for(self, contract: str, at: datetime) -> Counter[str]:
        """Nodes of each pool that are promised to it at an instant, less those it holds now."""
        left: Counter[str] = Counter()
        for row in self.rows("Reservation"):
            mine = row.holder == contract and not row.renews
            if mine and row.during.start <= at < row.during.end:
                left[row.pool] += row.nodes
        pools = {node.id: pool_of(node) for node in self.rows("Node")}
        left.subtract(
            pools[node] for node in {c.node for c in self.rows("Claim") if c.account == contract}
        )
        return left

    def make_room(self, contract: str, at: datetime) -> None:
        """It lets go, in time, what it is not promised any more at an instant."""
        pools = {node.id: pool_of(node) for node in self.rows("Node")}
        for lease in list(self.leases.get(contract, ())):
            over = {pool for pool, left in self.room_for(contract, at).items() if left < 0}
            if over & {pools[member.node] for member in self.row("Lease", lease).members}:
                self.end(lease)

    def claim(self, contract: str, sku: str, whole: bool) -> None:
        """It takes all the nodes that it is promised now, or some of them."""
        site, chip = ground.SKUS[sku]
        promised = self.book.promised_to(contract, self.now)[(site, chip)]
        pools = {node.id: pool_of(node) for node in self.rows("Node") if node.chip == chip}
        mine = {c.node for c in self.rows("Claim") if c.account == contract and c.node in pools}
        left = promised - len(mine)
        self.leases.setdefault(contract, [])
        if left > 0:
            size = left if whole else self.chance.randint(1, left)
            project = self.row("Contract", contract).project
            self.start(project, sku, size, contract)

    def follow(self, contract: str) -> None:
        """At every change of what it is promised, it lets go in time and takes what is new."""
        whole = self.chance.random() < 0.7
        skus = {place: sku for sku, place in ground.SKUS.items()}
        for piece in self.book.agreed[contract].values():
            sku = skus[(piece.site, piece.chip)]
            for at in (piece.start, piece.end):
                if self.now < at - CHANGEOVER:
                    self.later(at - CHANGEOVER, lambda at=at: self.make_room(contract, at))  # type: ignore[misc]
            if self.now < piece.end and self.chance.random() < 0.8:
                self.later(piece.start, lambda sku=sku: self.claim(contract, sku, whole))  # type: ignore[misc]
