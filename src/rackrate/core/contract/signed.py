"""A signed contract: what it commits to, on which terms, and how it was amended since."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from rackrate.core.contract.commitment import OF_NODES, Commitment
from rackrate.core.contract.cost import Costing, cost_at
from rackrate.core.contract.terms import Terms
from rackrate.core.ids import ContractId, CustomerId, EntityId, ProjectId
from rackrate.core.interval import Interval, Month, check_instant
from rackrate.core.money import Money, total


class AmendmentKind(StrEnum):
    MORE = "more"
    FEWER = "fewer"
    EXTEND = "extend"
    SWAP = "swap"
    RENEW = "renew"
    END = "end"


@dataclass(frozen=True, slots=True)
class Amendment:
    """A change that was agreed at `at` and holds from `effective` on.

    `prepayment` is due for what it adds, `fee` for ending early, `credit` for what is swapped.
    """

    number: int
    kind: AmendmentKind
    at: datetime
    effective: datetime
    what: str
    note: str
    prepayment: Money
    fee: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class Opening:
    """A contract that ran before these books were opened, and how far the old ones took it.

    They have invoiced its signature and instalments up to month `invoiced`, and recognised its
    service up to month `earned`. `prepayment_left` is what later instalments will draw down.
    """

    signed: datetime
    invoiced: Month
    earned: Month
    prepayment_left: Money

    def __post_init__(self) -> None:
        check_instant(self.signed)
        if self.invoiced < self.earned:
            raise ValueError(f"{self.earned} is earned, and only {self.invoiced} invoiced")


@dataclass(frozen=True, slots=True)
class Contract:
    """Take-or-pay for commitments, `prepayment_percent` of each order's value due with the order.

    `tax_included` says whether amounts have VAT inside.
    """

    id: ContractId
    entity: EntityId
    customer: CustomerId
    project: ProjectId
    currency: str
    commitments: tuple[Commitment, ...]
    prepayment_percent: Decimal
    tax_included: bool
    signed: datetime
    name: str = ""
    terms: Terms = field(default_factory=Terms)
    amendments: tuple[Amendment, ...] = ()
    ended: datetime | None = None
    opening: Opening | None = None

    def __post_init__(self) -> None:
        numbers = [commitment.number for commitment in self.commitments]
        if not numbers or numbers != list(range(1, len(numbers) + 1)):
            raise ValueError(f"commitments are numbered from 1: {numbers}")
        if any(commitment.amount.currency != self.currency for commitment in self.commitments):
            raise ValueError(f"commitments are not all in {self.currency}")
        if not 0 <= self.prepayment_percent <= 100:
            raise ValueError(f"a prepayment of {self.prepayment_percent} percent")

    @property
    def during(self) -> Interval:
        """From the first start to the last end of what it commits to."""
        spans = [lasts for each in self.commitments if (lasts := each.lasts) is not None]
        spans = spans or [each.during for each in self.commitments]
        return Interval(min(s.start for s in spans), max(s.end for s in spans))

    @property
    def over(self) -> datetime:
        """From this instant on it commits to nothing any more."""
        return self.during.end if self.ended is None else min(self.ended, self.during.end)

    @property
    def capacity(self) -> tuple[Commitment, ...]:
        """Its commitments of nodes, flexible ones among them."""
        return tuple(c for c in self.commitments if c.kind in OF_NODES)

    @property
    def peak(self) -> int:
        """The most nodes at any instant."""
        starts = {lasts.start for each in self.capacity if (lasts := each.lasts) is not None}
        return max((self.nodes_at(start) for start in starts), default=0)

    def commitment(self, number: int) -> Commitment | None:
        return next((each for each in self.commitments if each.number == number), None)

    def capacity_at(self, instant: datetime) -> tuple[Commitment, ...]:
        return tuple(each for each in self.capacity if each.covers(instant))

    def nodes_at(self, instant: datetime) -> int:
        return sum(each.nodes for each in self.capacity_at(instant))

    def costing(self, time_zone: str) -> Costing:
        """How its months are costed: they count from the first start that was signed."""
        start = min(each.during.start for each in self.commitments if not each.order)
        return Costing.of(self.terms, start, time_zone)

    def monthly_at(self, instant: datetime, time_zone: str) -> Money:
        """What a calendar month costs with what is in force at `instant`."""
        monthly = (each for each in self.commitments if each.monthly and each.planned)
        in_force = (each for each in monthly if each.covers(instant))
        costing = self.costing(time_zone)
        return total((cost_at(each, instant, costing) for each in in_force), self.currency)

    def ordered(self, order: int) -> tuple[Commitment, ...]:
        """What the signature (0) or an amendment brought, as it was ordered."""
        return tuple(each.as_ordered() for each in self.commitments if each.order == order)

    @property
    def dedicated(self) -> bool:
        """Whether its blocks are its alone."""
        return self.terms.dedicated

    def origin(self, commitment: Commitment) -> Commitment:
        """The commitment that first brought the nodes which this one goes on with."""
        while commitment.follows and not commitment.anew:
            commitment = self.before(commitment)
        return commitment

    def before(self, commitment: Commitment) -> Commitment:
        """The commitment that this one follows."""
        before = self.commitment(commitment.follows)
        assert before is not None, commitment
        return before

    def followers(self, commitment: Commitment) -> tuple[Commitment, ...]:
        """What goes on after it: one, or two where a part of it goes to other nodes."""
        return tuple(
            each
            for each in self.commitments
            if each.follows == commitment.number and each.lasts is not None
        )

    def first_nodes(self, commitment: Commitment) -> int:
        """Of how many nodes it began, before any were given back: of a part, the part of them."""
        if not commitment.follows:
            return commitment.nodes
        before = self.before(commitment)
        beside = (each for each in self.followers(before) if each.order == commitment.order)
        parts = sum(each.nodes for each in beside)
        return -(-self.first_nodes(before) * commitment.nodes // parts)
