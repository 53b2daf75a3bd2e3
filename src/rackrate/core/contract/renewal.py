"""The right to renew: what it would bring, and what has become of it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count

from rackrate.core.contract.commitment import Commitment
from rackrate.core.contract.cost import renewed
from rackrate.core.contract.signed import AmendmentKind, Contract
from rackrate.core.interval import Interval, zone


class RenewalState(StrEnum):
    HELD = "held"  # what it would bring is on the calendar until its day
    IF_FREE = "if_free"  # it brings what is free when it is used: nothing is held for it
    USED = "used"
    LAPSED = "lapsed"  # its day has passed
    VOID = "void"  # the contract was ended early


def renewal_state(contract: Contract, now: datetime) -> RenewalState | None:
    """What has become of the right by now; None where none was agreed."""
    right = contract.terms.renewal
    if right is None:
        return None
    if any(each.kind is AmendmentKind.RENEW for each in contract.amendments):
        return RenewalState.USED
    if contract.ended is not None:
        return RenewalState.VOID
    # What is over cannot go on: a right without a day of its own would reach into billed months.
    if min(right.decide_by, term_of(contract.ordered(0)) or right.decide_by) <= now:
        return RenewalState.LAPSED
    return RenewalState.HELD if right.held else RenewalState.IF_FREE


def would_renew(contract: Contract, time_zone: str) -> tuple[Commitment, ...]:
    """What using the right would bring: each follows what it goes on with."""
    first, order = len(contract.commitments) + 1, len(contract.amendments) + 1
    return tuple(
        replace(_renewed(contract, each, time_zone), number=number, order=order)
        for number, each in enumerate(_lasting(contract), first)
    )


def held_renewal(contract: Contract, time_zone: str, now: datetime) -> tuple[Commitment, ...]:
    """Of that the nodes, while they are to be held."""
    if renewal_state(contract, now) is not RenewalState.HELD:
        return ()
    return tuple(each for each in would_renew(contract, time_zone) if each.nodes)


def term_of(commitments: Iterable[Commitment]) -> datetime | None:
    """Where the term ends that was signed: with the last of what is paid by the month."""
    return max((each.during.end for each in commitments if each.monthly), default=None)


def months_later(instant: datetime, months: int, time_zone: str) -> datetime:
    """The same local time so many months later, on the month's last day where it is shorter."""
    local = instant.astimezone(zone(time_zone))
    years, month = divmod(local.month - 1 + months, 12)
    for days in count():
        try:
            moved = local.replace(year=local.year + years, month=month + 1, day=local.day - days)
        except ValueError:
            continue
        return moved.astimezone(UTC)
    raise AssertionError("a month without days")


def _lasting(contract: Contract) -> list[Commitment]:
    """What lasts to the end of the term that was signed, or beyond, and has nothing after it."""
    end = term_of(contract.ordered(0))
    if end is None:
        return []
    return [
        each
        for each in contract.commitments
        if each.monthly
        and each.ended is None
        and end <= each.during.end
        and not contract.followers(each)
    ]


def _renewed(contract: Contract, each: Commitment, time_zone: str) -> Commitment:
    right, end = contract.terms.renewal, each.during.end
    assert right is not None
    during = Interval(end, months_later(end, right.months, time_zone))
    longer = renewed(each, right.price_percent, during, contract.costing(time_zone))
    use = None if each.use is None else each.use.times(right.price_percent)
    return replace(longer, use=use, follows=each.number, anew=False)
