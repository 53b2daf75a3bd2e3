"""What a simulated firm buys, and what becomes of its nodes, each act with its chances."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rackrate.app import fleet, procurement, upkeep
from rackrate.app.procurement import Part
from rackrate.core.contract import Terms
from rackrate.core.errors import RackrateError, Reason
from rackrate.core.ids import (
    BlockId,
    ChipId,
    ContractId,
    EntityId,
    NodeId,
    PurchaseId,
    SiteId,
)
from rackrate.core.interval import Interval
from rackrate.core.inventory import NodeState
from rackrate.core.money import Money
from rackrate.core.purchase import Batch, PurchaseOrder
from rackrate.core.purchase import Terms as Bought
from rackrate.core.workload import Limits
from tests.sim import years_ground as ground
from tests.sim.years import DAY, HOUR, SECOND, Years

SERVER = Limits(64_000, 512 * 1024, 1000 * 1024)
CENT = Money(1, "CNY")
MOST_NODES = 60  # Of one block: growth ends somewhere.


@dataclass(slots=True)
class Rights:
    """What a customer may do under its contract, as it was agreed."""

    sku: str
    terms: Terms


class Buying(Years):
    """Orders, and what becomes of them; nodes that break, come back and leave."""

    orders: list[str]
    deals: dict[str, Rights]

    def order(self) -> None:
        chance = self.chance
        block, (site, chip) = chance.choice(list(ground.BLOCKS.items()))
        if sum(node.block == block for node in self.rows("Node")) > MOST_NODES:
            return
        first = self.now + chance.randint(10, 90) * DAY
        batches = tuple(
            Batch(n, chance.randint(1, 4), first + (n - 1) * chance.randint(1, 30) * DAY)
            for n in range(1, chance.randint(1, 3) + 1)
        )
        until = None
        if chance.random() < 0.3:
            until = max(b.expected for b in batches) + chance.randint(30, 300) * DAY
        serves = [c for c in self.deals if self.running(c) and chance.random() < 0.2][:2]
        order = PurchaseOrder(
            PurchaseId(f"po-{next(self.numbers)}"), EntityId("example"), SiteId(site), "Example",
            Bought.PURCHASE if until is None else Bought.LEASE_IN, BlockId(block), ChipId(chip), 8,
            1, SERVER, None, Money(190_000_000, "CNY"), self.now, batches,
            tuple(ContractId(id) for id in serves), until,
        )  # fmt: skip
        call = lambda: procurement.place(self.world, self.admin, order)  # noqa: E731
        self.act("order", call, lambda view: self.tell(self.supply.ordered(order, view)))
        self.orders.append(order.id)
        for batch in batches:
            self.expect(order.id, batch.number, batch.expected)
        if until is not None:
            self.later(until, lambda: self.back(order.id))
        self.sold(order)

    def sold(self, order: PurchaseOrder) -> None:
        """What becomes of an order's nodes before they come."""

    def expect(self, order: str, batch: int, day: datetime) -> None:
        """What will become of a batch: in time, announced late, or late without a word."""
        chance = self.chance
        fate = chance.choice(["in time", "in time", "announced", "announced", "silent", "apart"])
        late = day + chance.randint(1, 30) * DAY
        if fate in ("in time", "apart"):
            early = max(self.now, day - chance.randint(1, 72) * HOUR)
            self.later(early, lambda: self.arrive(order, batch, fate == "apart"))
        elif fate == "announced":
            word = self.now + (day - self.now) * chance.random() // SECOND * SECOND
            self.later(word, lambda: self.slip(order, batch, late))
        elif chance.random() < 0.5:
            self.later(late, lambda: self.arrive(order, batch, False))
        else:
            word = day + chance.randint(0, 5) * DAY
            self.later(word, lambda: self.slip(order, batch, late + 5 * DAY))

    def pool(self, order: str) -> str:
        return next(own.pool for own in self.supply.nodes.values() if own.order == order)

    def arriving(self, order: str, batch: int) -> int:
        view = procurement.show(self.world, self.admin, PurchaseId(order))
        return sum(one.arriving for one in view.batches if one.batch.number == batch)

    def arrive(self, order: str, batch: int, apart: bool) -> None:
        coming = self.arriving(order, batch)
        if not coming:
            return
        some = self.chance.randint(1, coming - 1) if apart and coming > 1 else None
        to = self.chance.choice([NodeState.IN_SERVICE, NodeState.RACKED])
        part = Part(batch, some)
        id = PurchaseId(order)
        if to is NodeState.RACKED:
            self.act(
                "rack", lambda: procurement.advance(self.world, self.admin, id, Part(batch), to)
            )
        call = lambda: procurement.advance(  # noqa: E731
            self.world, self.admin, id, part, NodeState.IN_SERVICE
        )
        done = self.act(
            "arrive",
            call,
            lambda done: self.tell(self.supply.arrived(order, batch, some, done.view)),
            pool=self.pool(order),
        )
        if some is not None and not isinstance(done, RackrateError):
            rest = max(one.batch.number for one in done.view.batches)
            self.expect(order, rest, max(self.now + HOUR, done.view.order.batch(rest).expected))

    def slip(self, order: str, batch: int, to: datetime) -> None:
        if not self.arriving(order, batch):
            return
        id = PurchaseId(order)
        call = procurement.slip
        asked = self.act("ask", lambda: call(self.world, self.admin, id, batch, to, True))
        done = self.act(
            "slip",
            lambda: call(self.world, self.admin, id, batch, to),
            lambda _: self.supply.slipped(order, batch, to),
            pool=self.pool(order),
        )
        if isinstance(done, RackrateError):
            return
        if [each.short for each in asked.told.broken] != [each.short for each in done.told.broken]:
            self.auditor.find(self.now, f"{order}: a slip broke other promises than was said")
        self.expect(order, batch, to)

    def pull(self) -> None:
        """A batch comes earlier than was told, or never."""
        coming = [(id, n) for id in self.orders for n in range(1, 4) if self.known(id, n)]
        if not coming:
            return
        order, batch = self.chance.choice(coming)
        id = PurchaseId(order)
        if self.chance.random() < 0.5:
            self.slip(order, batch, self.now + self.chance.randint(1, 20) * DAY)
            return
        force = self.chance.random() < 0.3
        call = procurement.cancel
        then = lambda _: self.supply.cancelled(order, batch)  # noqa: E731
        ask = lambda: call(self.world, self.admin, id, batch, force)  # noqa: E731
        done = self.act("cancel", ask, then, pool=self.pool(order))
        if isinstance(done, RackrateError) and done.reason is Reason.BREAKS_PROMISE:
            forced = lambda: call(self.world, self.admin, id, batch, True)  # noqa: E731
            self.act("cancel all the same", forced, then, pool=self.pool(order))

    def known(self, order: str, batch: int) -> bool:
        return any(one.number == batch for one in self.row("PurchaseOrder", order).batches) and (
            self.arriving(order, batch) > 0
        )

    def lend(self) -> None:
        """Nodes are leased back to their supplier."""
        if not self.orders:
            return
        id, start = PurchaseId(self.chance.choice(self.orders)), self.soon(90)
        span = Interval(start, start + self.chance.randint(5, 60) * DAY)

        def call(nodes: int) -> Any:
            return procurement.lease_back(self.world, self.admin, id, nodes, span, CENT)

        self.at_most("lease back", self.chance.randint(1, 4), call, self.lent)

    def lent(self, back: Any) -> None:
        self.book.others[back.id] = back.nodes, back.during.start, back.during.end
        self.book.since[back.id] = self.now

    def tell(self, wrong: Iterable[str]) -> None:
        self.auditor.find(self.now, *wrong)

    # -- nodes ------------------------------------------------------------------------------------

    def drain(self, node: str, note: str) -> None:
        self.act(
            "drain",
            lambda: fleet.drain(self.world, self.admin, NodeId(node), note),
            lambda _: self.supply.drained(node, self.now, None),
            pool=self.supply.nodes[node].pool,
        )

    def empty(self, node: str, note: str) -> set[str]:
        """Everybody on the node lets it go; whose contracts they were."""
        self.drain(node, note)
        claims = [claim for claim in self.rows("Claim") if claim.node == node]
        for lease in sorted({claim.holder for claim in claims}):
            self.end(lease)
        return {claim.account for claim in claims if claim.account}

    def again(self, contracts: set[str]) -> None:
        """Contracts that lost a lease start it again elsewhere."""
        for contract in sorted(contracts):
            self.claim(contract, self.deals[contract].sku, True)

    def repair(self) -> None:
        serving = [n for n in self.rows("Node") if n.state is NodeState.IN_SERVICE]
        if not serving:
            return
        node = self.chance.choice(serving).id
        lost = self.empty(node, "broken")
        self.mend(node)
        self.again(lost)

    def mend(self, node: str) -> None:
        """Into repair, or there still: it comes back in time, later, or nobody says a word."""
        back = self.now + self.chance.randint(1, 15) * DAY
        until = self.row("Node", node).until
        if until is not None and back >= until:
            back = self.now + (until - self.now) / 2 // SECOND * SECOND
        if back <= self.now:
            return
        step = upkeep.Step(NodeState.IN_REPAIR, back, "broken")
        self.act(
            "repair",
            lambda: upkeep.move(self.world, self.admin, NodeId(node), step),
            lambda _: self.supply.breaks(node, back),
            pool=self.supply.nodes[node].pool,
        )
        fate = self.chance.random()
        if fate < 0.5:
            self.later(back - HOUR, lambda: self.returned(node))
        elif fate < 0.75:
            self.later(back - HOUR, lambda: self.mend(node))
        else:
            self.later(back + 3 * DAY, lambda: self.returned(node))

    def returned(self, node: str) -> None:
        if self.row("Node", node).state in (NodeState.IN_REPAIR, NodeState.DRAINING):
            call = lambda: upkeep.return_node(self.world, self.admin, NodeId(node))  # noqa: E731
            pool = self.supply.nodes[node].pool
            self.act("return", call, lambda _: self.supply.returned(node), pool=pool)

    def retire(self) -> None:
        """A node leaves for good on a day; where that breaks a promise, by force or not at all."""
        serving = [n for n in self.rows("Node") if n.state is NodeState.IN_SERVICE and not n.until]
        if len(serving) < 10:
            return
        node = self.chance.choice(serving).id
        day = self.now + self.chance.randint(1, 60) * DAY
        step = upkeep.Step(NodeState.RETIRED, day, "old", force=self.chance.random() < 0.3)
        call = lambda: upkeep.move(self.world, self.admin, NodeId(node), step)  # noqa: E731
        pool = self.supply.nodes[node].pool
        done = self.act("retire", call, lambda _: self.supply.leaves(node, day), pool=pool)
        if not isinstance(done, RackrateError):
            self.later(day, lambda: self.gone(node))

    def back(self, order: str) -> None:
        for node in self.rows("Node"):
            if node.order == order:
                self.gone(node.id)

    def gone(self, node: str) -> None:
        """Its last instant has come."""
        row = self.row("Node", node)
        if row.state is not NodeState.DRAINING or row.until is None or row.until > self.now:
            return
        lodged = {c.holder for c in self.rows("Claim") if c.node == node and not c.account}
        ends = [self.row("Lease", id).until for id in sorted(lodged)]
        if ends and None not in ends:
            self.later(max(ends), lambda: self.gone(node))  # It was not told in time to leave.
            return
        if ends:
            self.auditor.find(self.now, f"{node} is gone, and nobody told who is on it")
        lost = self.empty(node, "gone")
        step = upkeep.Step(NodeState.RETIRED, force=True)
        self.act(
            "gone",
            lambda: upkeep.move(self.world, self.admin, NodeId(node), step),
            lambda _: self.supply.retired(node),
            pool=self.supply.nodes[node].pool,
        )
        self.again(lost)

    # -- what several need ------------------------------------------------------------------------

    def soon(self, days: int) -> datetime:
        """Now, or a midnight before so many days are over."""
        day = self.chance.randint(0, days)
        midnight = ground.START + ((self.now - ground.START) // DAY + day) * DAY
        return max(self.now, midnight)

    def running(self, contract: str) -> bool:
        return any(self.now < one.end for one in self.book.agreed[contract].values())

    def at_most(self, what: str, nodes: int, call: Any, then: Any = None) -> Any:
        """An act over so many nodes: where it says `at most n`, n it is, and no more."""
        answer = self.act(what, lambda: call(nodes), then)
        if isinstance(answer, RackrateError) and "nodes" in answer.facts:
            most = int(str(answer.facts["nodes"]))
            if most and not self.would(lambda: call(most)):
                self.auditor.find(self.now, f"{what}: at most {most}, and {most} are refused")
            if self.would(lambda: call(most + 1)):
                self.auditor.find(self.now, f"{what}: at most {most}, and {most + 1} are had")
        return answer
