"""What a simulated firm sells, each act with its chances; and all of it over years."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rackrate.app import amending, maintenance, procurement, sales
from rackrate.core.contract import Acceptance, EarlyEnd, Renewal, Terms, UpgradeRight
from rackrate.core.errors import RackrateError, Reason
from rackrate.core.ids import (
    ChipId,
    ContractId,
    PoolId,
    ProjectId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from rackrate.core.purchase import PurchaseOrder
from tests.sim import years_ground as ground
from tests.sim.years import DAY, HOUR, SECOND, Told
from tests.sim.years_book import Levels, Piece, month_end
from tests.sim.years_buying import CENT, Rights
from tests.sim.years_delivery import Plan
from tests.sim.years_quotes import Quoting

CNY, MONTHLY = "CNY", 10**6
FAR = datetime(2100, 1, 1, tzinfo=UTC)


class Firm(Quoting):
    """Contracts and their rights, maintenance and leases by the moment."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.orders = []
        self.deals = {}
        self.planned = set()
        self.works: list[str] = []

    # -- contracts --------------------------------------------------------------------------------

    def contract(self) -> None:
        """Signed at the table: a ramp, with all rights."""
        chance, start = self.chance, self.soon(self.chance.choice([6, 60]))
        sku, end = chance.choice(list(ground.SKUS)), month_end(start, chance.choice([3, 6, 12, 24]))
        starts = [start, *(start + (end - start) * n / 8 // DAY * DAY for n in (1, 2))]
        starts = starts[: chance.randint(1, 3)]
        self.table(sku, starts, end, chance.randint(1, 5 - len(starts)))

    def sold(self, order: PurchaseOrder) -> None:
        """What was ordered is sold before it comes, with all else that is free then."""
        chance = self.chance
        start = max(batch.expected for batch in order.batches)
        end = min(month_end(start, chance.choice([3, 6, 12])), order.until or FAR)
        rooms = self.auditor.room(order.site, order.chip, (start, end), self.now, kept=True)
        nodes = min(12, sum(rooms))
        if not nodes or chance.random() < 0.2:
            return
        id = self.table(f"{order.site}.{order.chip}", [start], end, nodes)
        if id is not None and chance.random() < 0.5:
            serves = (*(ContractId(each) for each in self.supply.serves[order.id]), id)
            call = lambda: procurement.serve(self.world, self.admin, order.id, serves)  # noqa: E731
            self.act("serve", call, lambda _: self.supply.serves.update({order.id: serves}))

    def table(
        self, sku: str, starts: list[datetime], end: datetime, nodes: int
    ) -> ContractId | None:
        """A contract of as many nodes from each of these days on."""
        chance, (site, chip) = self.chance, ground.SKUS[sku]
        id = ContractId(f"deal-{next(self.numbers)}")
        terms = self._rights(starts[0], end)
        prepaid = terms.acceptance is Acceptance.NONE
        pieces: list[Piece] = []
        plan: Plan = []

        def call(nodes: int) -> Any:
            plan[:] = self.batches(nodes, starts[0], end)
            pieces[:] = [Piece(site, chip, nodes, at, end, nodes * MONTHLY) for at in starts]
            wanted = tuple(
                sales.capacity(n, SkuId(sku), nodes, Interval(at, end), Money(nodes * MONTHLY, CNY))
                for n, at in enumerate(starts, 1)
            )
            project = ProjectId(f"{chance.choice(ground.CUSTOMERS)}-one")
            percent, batches = Decimal(20 if prepaid else 0), {1: tuple(plan)} if plan else {}
            offer = sales.Offer(id, project, wanted, percent, terms=terms, batches=batches)
            return sales.sign(self.world, self.admin, offer)

        agreed = self.noted(terms, prepaid)
        then = lambda made: self.signed(made, pieces, agreed, plan)  # noqa: E731
        if len(starts) == 1:
            made = self.at_most("contract", nodes, call, then)
        else:
            made = self.act("contract", lambda: call(nodes), then)
        if isinstance(made, RackrateError):
            return None
        self.deals[id] = Rights(sku, terms)
        self.follow(id)
        self.hand_over(id)
        assert terms.renewal is not None
        late = chance.choice([-SECOND, timedelta(0)])
        if chance.random() < 0.6:
            self.later(terms.renewal.decide_by + late, lambda: self.renew(id))
        return id

    def _rights(self, start: datetime, end: datetime) -> Terms:
        chance = self.chance
        return replace(
            self.handing_terms(),
            renewal=Renewal(chance.choice([1, 6]), end - chance.randint(1, 60) * DAY),
            early_end=EarlyEnd(Decimal(20), chance.choice([0, 10])),
            upgrade=UpgradeRight(ChipId("h200"), start, Decimal(10)),
            may_shrink_percent=Decimal(50),
        )

    def renew(self, id: str) -> None:
        renewal = self.deals[id].terms.renewal
        assert renewal is not None
        expected = self.book.plus(id, *self.book.would_renew(id))
        done = self._amend(id, amending.Renew(), expected)
        held = self.now < renewal.decide_by and self.book.held(id, self.now)
        if held and isinstance(done, RackrateError) and not self.short(id):
            self.auditor.find(self.now, f"{id} is held what it may renew, and may not: {done}")
        if self.now >= renewal.decide_by and not isinstance(done, RackrateError):
            self.auditor.find(self.now, f"{id} was renewed after its right had lapsed")

    def _amend(self, id: str, change: Any, expected: Levels) -> Any:
        """A change, after which the contract has so much."""
        what = f"amend, {type(change).__name__.lower()}"

        def then(made: Any) -> None:
            if isinstance(change, amending.Renew):
                self.book.renewed.add(id)
            if isinstance(change, amending.End):
                self.book.over.add(id)
            self.agreed(made, expected)

        call = lambda: amending.amend(self.world, self.admin, ContractId(id), change)  # noqa: E731
        done = self.act(what, call, then)
        if not isinstance(done, RackrateError):
            self.make_room(id, self.now)
            self.follow(id)
            self.hand_over(id)
        elif (
            done.reason is Reason.NO_CAPACITY
            and isinstance(change, amending.Fewer | amending.End)
            and not self.short(id)  # What is not there cannot be laid anew.
        ):
            self.auditor.find(self.now, f"{id} may not give nodes back: {done.detail}")
        return done

    def amend(self) -> None:
        running = [id for id in self.deals if self.running(id)]
        free = [id for id in running if self.deals[id].terms.may_shrink_percent]
        if running:
            id = self.chance.choice(free or running)
            way = self.chance.choice([self.more, self.fewer, self.longer, self.swap, self.stop])
            way(id)

    def _piece(self, id: str) -> tuple[int, Piece, datetime]:
        """A piece that is in force or to come, and an instant in it."""
        pieces = self.book.agreed[id].items()
        number, piece = self.chance.choice([(n, p) for n, p in pieces if self.now < p.end])
        first = max(self.now, piece.start)
        at = first + (piece.end - first) * self.chance.random() // HOUR * HOUR
        return number, piece, at

    def more(self, id: str) -> None:
        _, piece, at = self._piece(id)
        if at >= piece.end:
            return
        sku = self.deals[id].sku
        site, chip = ground.SKUS[sku]
        nodes = self.chance.randint(1, 3)
        wanted = sales.capacity(1, SkuId(sku), nodes, Interval(at, piece.end), CENT)
        brought = Piece(site, chip, nodes, at, piece.end)
        self._amend(id, amending.More((wanted,)), self.book.plus(id, brought))

    def fewer(self, id: str) -> None:
        number, piece, at = self._piece(id)
        nodes = self.chance.randint(max(1, piece.nodes // 2), piece.nodes)
        expected = self.book.fewer(id, number, nodes, at)
        self._amend(id, amending.Fewer(number, nodes, at), expected)

    def longer(self, id: str) -> None:
        number, piece, _ = self._piece(id)
        until = piece.end + self.chance.randint(1, 90) * DAY
        longer = Piece(piece.site, piece.chip, piece.nodes, piece.end, until)
        self._amend(id, amending.Extend(number, until), self.book.plus(id, longer))

    def swap(self, id: str) -> None:
        number, _, at = self._piece(id)
        change = amending.Swap(number, SkuId("west.h200"), CENT, at)
        self._amend(id, change, self.book.swapped(id, number, ("west", "h200"), at))

    def stop(self, id: str) -> None:
        at = self.now + self.chance.randint(0, 60) * DAY
        if self.chance.random() < 0.5:
            self._amend(id, amending.End(at), self.book.ended(id, at))

    # -- maintenance and the moment ---------------------------------------------------------------

    def work(self) -> None:
        if self.works and self.chance.random() < 0.2:
            id = self.works.pop()
            call_off = lambda: maintenance.remove(self.world, self.admin, id)  # noqa: E731
            self.act("call off", call_off, lambda _: self.book.called_off(id))
            return
        start = self.soon(60)
        span = Interval(start, start + self.chance.randint(1, 4) * DAY)
        block, (site, chip) = self.chance.choice(list(ground.BLOCKS.items()))
        pool = PoolId(f"{block}/{chip}x8") if self.chance.random() < 0.7 else None

        def call(nodes: int) -> Any:
            where = SiteId(site) if pool is None else None
            wanted = maintenance.Work(nodes, span, "switches", pool, where)
            return maintenance.add(self.world, self.admin, wanted)

        def then(made: Any) -> None:
            self.works.append(made.id)
            self.book.others[made.id] = made.nodes, span.start, span.end

        self.at_most("maintenance", self.chance.randint(1, 3), call, then)

    def moment(self) -> None:
        ids = self.leases.setdefault("", [])
        if ids and self.chance.random() < 0.4:
            self.end(self.chance.choice(ids))
            return
        sku = self.chance.choice(list(ground.SKUS))
        if self.chance.random() < 0.3:
            sku, nodes = f"{sku}.1", self.chance.randint(1, 8)
        else:
            nodes = self.chance.randint(1, 3)
        self.start(f"{self.chance.choice(ground.CUSTOMERS)}-one", sku, nodes)


ACTS = {
    "quote": 30,
    "contract": 8,
    "amend": 12,
    "order": 7,
    "pull": 7,
    "lend": 2,
    "repair": 8,
    "retire": 3,
    "work": 5,
    "moment": 30,
}
PAYDAY = 91 * DAY


def years(seed: int, days: int, each: float = 1.0) -> Told:
    """So many days of business, with an act in `each` of them on average."""
    firm = Firm(seed)
    firm.look()
    end = ground.START + days * DAY
    names, weights = list(ACTS), list(ACTS.values())
    for day in range(1, days // PAYDAY.days + 1):
        firm.later(ground.START + day * PAYDAY, firm.bills)
    while firm.now < end:
        pause = timedelta(seconds=1 + int(firm.chance.expovariate(1 / (each * 86_400))))
        firm.until(min(end, firm.now + pause))
        getattr(firm, firm.chance.choices(names, weights)[0])()
        firm.look()
    return firm.told()
