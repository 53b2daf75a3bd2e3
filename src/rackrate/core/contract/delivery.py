"""Delivery of a commitment's nodes in batches: due, delivered, accepted; and what is late."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rackrate.core.contract.commitment import Commitment, Part
from rackrate.core.contract.schedule import share
from rackrate.core.contract.signed import Contract
from rackrate.core.contract.terms import Acceptance
from rackrate.core.ids import ContractId, CustomerId, NodeId
from rackrate.core.interval import Interval
from rackrate.core.money import Money, half_up_ratio

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch: `nodes` of a commitment, due at an instant; `names` are known from delivery on.

    `by` is who accepted it: `health`, or a principal. Of no nodes is what is paid once, such as an
    integration, where it waits for acceptance.
    """

    id: str
    contract: ContractId
    customer: CustomerId
    commitment: int
    number: int
    nodes: int
    due: datetime
    delivered: datetime | None = None
    accepted: datetime | None = None
    by: str = ""
    names: tuple[NodeId, ...] = ()

    def __post_init__(self) -> None:
        if self.nodes < 0:
            raise ValueError(f"a delivery of {self.nodes} nodes")
        if self.names and len(set(self.names)) != self.nodes:
            raise ValueError(f"{len(set(self.names))} names for {self.nodes} nodes")

    @property
    def awaiting(self) -> bool:
        """Whether it is handed over and not accepted yet."""
        return self.delivered is not None and self.accepted is None

    def handed_over(self, at: datetime, names: tuple[NodeId, ...]) -> "Delivery":
        return replace(self, delivered=at, names=names)

    def taken(self, at: datetime, by: str) -> "Delivery":
        return replace(self, accepted=at, by=by)

    def days_late(self, now: datetime) -> int:
        """Days begun between the due date and delivery, or now where it is still awaited."""
        late = (self.delivered or now) - self.due
        return max(0, -(-late // A_DAY))


def delivery_id(contract: ContractId, commitment: int, number: int) -> str:
    return f"{contract}/{commitment}/{number}"


def batches(
    contract: Contract, commitment: Commitment, plan: Iterable[tuple[int, datetime]] = ()
) -> tuple[Delivery, ...]:
    """Its deliveries as (nodes, due) plan them; one at its start where nothing is planned.

    ValueError unless they come to its nodes, and none is due after its end.
    """
    wanted = tuple(plan) or ((commitment.nodes, commitment.during.start),)
    together = sum(nodes for nodes, _ in wanted)
    if together != commitment.nodes:
        raise ValueError(f"batches of {together} nodes for a commitment of {commitment.nodes}")
    last = max(due for _, due in wanted)
    if last >= commitment.during.end:
        raise ValueError(f"a batch due {last:%Y-%m-%d %H:%M} UTC, after the commitment's end")
    return tuple(
        Delivery(
            delivery_id(contract.id, commitment.number, number),
            contract.id,
            contract.customer,
            commitment.number,
            number,
            nodes,
            due,
        )
        for number, (nodes, due) in enumerate(sorted(wanted, key=lambda each: each[1]), 1)
    )


def paid_parts(
    contract: Contract, deliveries: Iterable[Delivery], expected_from: datetime | None = None
) -> Mapping[int, tuple[Part, ...]]:
    """The nodes of each commitment that are paid for: from acceptance on, where that is agreed.

    What is not accepted is left out; or with `expected_from`, it counts from when it may come.
    What is paid once and waits is paid for on the day of its acceptance, or when it begins.
    """
    if contract.terms.acceptance is Acceptance.NONE:
        return {}
    found: dict[int, list[tuple[datetime, int]]] = {}
    for each in deliveries:
        starts = each.accepted
        if starts is None and expected_from is not None:
            starts = max(each.due, expected_from)
        if starts is not None:
            found.setdefault(each.commitment, []).append((starts, each.nodes))
    parts = {
        each.number: _parts(each, sorted(found.get(contract.origin(each).number, ())))
        for each in contract.capacity
    }
    for once in contract.commitments:
        if once.waits:
            taken = found.get(once.number, ())
            begins = (max(at, once.during.start) for at, _ in taken)
            parts[once.number] = tuple(Part(1, Interval(at, at + A_DAY)) for at in begins)
    return parts


def _parts(commitment: Commitment, accepted: Iterable[tuple[datetime, int]]) -> tuple[Part, ...]:
    """Batches in the order of their acceptance, as many nodes as the commitment has."""
    lasts, left = commitment.lasts, commitment.nodes
    parts: list[Part] = []
    for starts, nodes in accepted:
        counted = min(nodes, left)
        left -= counted
        if lasts is not None and counted and starts < lasts.end:
            parts.append(Part(counted, Interval(max(starts, lasts.start), lasts.end)))
    return tuple(parts)


def chain(contract: Contract, number: int) -> tuple[Commitment, ...]:
    """What goes on with the nodes that commitment `number` brought, itself first, without what was
    called off before it began.
    """
    return tuple(
        each
        for each in contract.capacity
        if each.lasts is not None and contract.origin(each).number == number
    )


def still_to_come(contract: Contract, deliveries: Iterable[Delivery]) -> tuple[Delivery, ...]:
    """What is left of batches that are not handed over, once commitments were cut.

    By their due dates, each up to as many nodes as there are then: the last shrink or go.
    """
    left: list[Delivery] = []
    have: Counter[int] = Counter()
    by_due = sorted(deliveries, key=lambda each: (each.delivered is None, each.due, each.number))
    for each in by_due:
        nodes = each.nodes
        if each.delivered is None and not each.nodes:
            left += [each] if _is_wanted(contract, each) else []
        elif each.delivered is None:
            room = _nodes_of(contract, each.commitment, each.due) - have[each.commitment]
            nodes = min(nodes, room)
            if nodes > 0:
                left.append(replace(each, nodes=nodes))
        have[each.commitment] += max(0, nodes)
    return tuple(left)


def _is_wanted(contract: Contract, delivery: Delivery) -> bool:
    commitment = contract.commitment(delivery.commitment)
    return commitment is not None and commitment.lasts is not None


def _nodes_of(contract: Contract, number: int, at: datetime) -> int:
    """With how many of the nodes that it brought anything goes on at an instant, or will first."""
    going = [
        (each.lasts.start, each.nodes)
        for each in chain(contract, number)
        if each.lasts is not None and at < each.lasts.end
    ]
    return min(going)[1] if going else 0


def days_late_of(contract: Contract, delivery: Delivery, now: datetime) -> int:
    """Days late, where anything depends on the handing over: its acceptance, or damages.

    What never came is late until what it is for is over, and no longer.
    """
    terms = contract.terms
    if terms.acceptance is Acceptance.NONE and terms.damages is None:
        return 0
    ends = [each.lasts.end for each in chain(contract, delivery.commitment) if each.lasts]
    return delivery.days_late(min(now, max(ends, default=now)))


def damages_of(contract: Contract, delivery: Delivery, now: datetime) -> Money:
    """What its lateness comes to by the terms: by days begun, capped, rounded once."""
    agreed, commitment = contract.terms.damages, contract.commitment(delivery.commitment)
    days = days_late_of(contract, delivery, now)
    if agreed is None or commitment is None or not days or not delivery.nodes:
        return Money.zero(contract.currency)
    monthly = Money(
        half_up_ratio(commitment.amount.minor * delivery.nodes, commitment.nodes),
        contract.currency,
    )
    return share(monthly, min(agreed.percent_per_day * days, agreed.cap_percent))
