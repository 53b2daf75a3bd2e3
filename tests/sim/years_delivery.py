"""How a simulated firm hands over what it has sold, and what it is paid for that."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from rackrate.app import billing, delivery
from rackrate.core.contract import Acceptance, Damages, Terms
from rackrate.core.errors import RackrateError, Reason
from rackrate.core.ids import ContractId, CustomerId
from rackrate.core.interval import Month
from tests.sim import years_bills
from tests.sim import years_ground as ground
from tests.sim import years_handing as handing
from tests.sim.years import DAY, HOUR, SECOND
from tests.sim.years_book import Answer, Levels, Piece
from tests.sim.years_book import Terms as Agreed
from tests.sim.years_buying import Buying

Due = tuple[int, datetime]
Plan = list[Due]
MOST_TRIES = 4


class Delivering(Buying):
    """Batches with their days, nodes that are named, acceptance, and what all that costs."""

    planned: set[str]

    def handing_terms(self) -> Terms:
        """What waits for acceptance, what lateness costs, and who shares its blocks with nobody."""
        chance = self.chance
        damages = Damages(Decimal(chance.randint(1, 5)), Decimal(chance.choice([20, 100])))
        return Terms(
            chance.choice(list(Acceptance)),
            damages=chance.choice([None, damages]),
            dedicated=chance.random() < 0.2,
        )

    def noted(self, terms: Terms, prepaid: bool) -> Agreed:
        """The same for the auditor's book."""
        cost, renews = None, None
        if terms.damages is not None:
            cost = int(terms.damages.percent_per_day), int(terms.damages.cap_percent)
        if terms.renewal is not None and terms.renewal.held:
            renews = terms.renewal.months, terms.renewal.decide_by
        return Agreed(str(terms.acceptance), cost, terms.dedicated, prepaid, renews)

    def signed(
        self, made: Any, pieces: Iterable[Piece], terms: Agreed, plan: Iterable[Due] = ()
    ) -> None:
        """Into the auditor's book, held against what was asked."""
        pieces = list(pieces)
        self.tell(self.book.signed(made.id, self.now, pieces, terms, self._answer(made)))
        self._brought(made, 0, plan)

    def agreed(self, made: Any, expected: Levels) -> None:
        before = len(self.book.agreed[made.id])
        self.tell(self.book.agree(made.id, expected, self._answer(made)))
        self._brought(made, before)

    def _brought(self, made: Any, before: int, plan: Iterable[Due] = ()) -> None:
        """Nodes that come new are handed over: what is planned, of the first that brings any."""
        for number, piece in self.book.agreed[made.id].items():
            if number > before and (piece.anew or not piece.follows):
                self.book.due(made.id, number, plan)
                plan = ()

    def _answer(self, made: Any) -> Answer:
        """A contract's pieces, as the answer numbers them."""
        found: Answer = {}
        for one in made.commitments:
            site, chip = ground.SKUS[one.sku]
            start, end = one.during.start, one.during.end
            last = end if one.ended is None else max(start, min(end, one.ended))
            found[one.number] = Piece(
                site, chip, one.nodes, start, last, one.amount.minor, one.follows, one.anew,
                one.ended is not None,
            )  # fmt: skip
        return found

    def batches(self, nodes: int, start: datetime, end: datetime) -> Plan:
        """All at the start, or some of it later."""
        some = self.chance.randint(1, nodes)
        if some == nodes or self.chance.random() < 0.5:
            return []
        return [(some, start), (nodes - some, start + (end - start) / 4 // HOUR * HOUR)]

    def hand_over(self, contract: str) -> None:
        """When each batch that was agreed lately will come: in time, late, or never."""
        for id, batch in self.book.batches[contract].items():
            if id in self.planned:
                continue
            self.planned.add(id)
            fate = self.chance.choice(["in time", "in time", "late", "late", "never"])
            days = self.chance.randint(0, 20)
            at = batch.due + days * DAY + HOUR * (days % 3)
            if fate == "in time":
                at = batch.due - days * DAY
            if fate != "never":
                self.later(at, lambda id=id: self.deliver(contract, id, MOST_TRIES))  # type: ignore[misc]

    def deliver(self, contract: str, id: str, tries: int) -> None:
        """Nodes are named and handed over; where there are too few, it is tried again."""
        batch = self.book.batches[contract].get(id)
        if batch is None:
            return
        number, place = (int(part) for part in id.split("/")[-2:])
        done = self.act(
            "deliver",
            lambda: delivery.deliver(self.world, self.admin, ContractId(contract), number, place),
            lambda _: self.book.handed(contract, id, self.now),
        )
        if not isinstance(done, RackrateError):
            self._delivered(contract, id)
        elif done.reason is Reason.NO_CAPACITY:
            most = handing.could(self.book, self.rows, contract, id, self.now)
            if most >= batch.nodes:
                self.auditor.find(self.now, f"{id} could be handed over: {done.detail}")
            if tries:
                self.later(self.now + 5 * DAY, lambda: self.deliver(contract, id, tries - 1))

    def _delivered(self, contract: str, id: str) -> None:
        if self.chance.random() < 0.1:
            self.later(self.now + DAY, lambda: self.deliver(contract, id, 0))  # Others instead.
        if self.book.terms[contract].acceptance == "health" and self.chance.random() < 0.3:
            self._not_well(self.row("Delivery", id).names[0])
        if self.book.terms[contract].acceptance == "customer" and self.chance.random() < 0.8:
            at = self.now + self.chance.randint(0, 20 * 86_400) * SECOND
            self.later(at, lambda: self.accept(contract, id))

    def _not_well(self, node: str) -> None:
        """Drained before anybody has seen it in service, and back some days later."""
        self.drain(node, "not well")
        self.later(self.now + 3 * DAY, lambda: self.returned(node))

    def accept(self, contract: str, id: str) -> None:
        batch = self.book.batches[contract].get(id)
        if batch is None:
            return
        number, place = (int(part) for part in id.split("/")[-2:])
        open_ = batch.delivered is not None and batch.accepted is None

        def then(_: Any) -> None:
            batch.accepted = self.now
            if not open_:
                self.auditor.find(self.now, f"{id} was accepted, and may not have been")

        call = lambda: delivery.accept(  # noqa: E731
            self.world, self.admin, ContractId(contract), number, place
        )
        done = self.act("accept", call, then)
        if open_ and isinstance(done, RackrateError):
            self.auditor.find(self.now, f"{id} cannot be accepted: {done.detail}")

    def bills(self) -> None:
        """What has been invoiced and what is to come, held against the book."""
        lines = [row.line for row in self.rows("InvoiceLine")]
        for customer in ground.CUSTOMERS:
            month = Month.of(self.now, "Asia/Shanghai")
            coming = billing.preview(self.world, self.admin, CustomerId(customer), month)
            lines += coming.lines
        lines = [line for line in lines if line.contract is not None]
        self.auditor.find(self.now, *years_bills.wrong(self.book, lines, self.now))
