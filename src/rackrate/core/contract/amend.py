"""Amendments as pure functions: the contract before and after, or why it cannot be so."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rackrate.core.contract.amended import (
    Amended,
    When,
    amended,
    carried_on,
    check_live,
    in_force,
    known,
    not_past,
    undelivered,
    with_amounts,
)
from rackrate.core.contract.commitment import Commitment
from rackrate.core.contract.cost import agreed_anew, at_amount, of_nodes, over, remaining
from rackrate.core.contract.renewal import RenewalState, renewal_state, would_renew
from rackrate.core.contract.schedule import share
from rackrate.core.contract.signed import AmendmentKind, Contract
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.interval import Interval
from rackrate.core.money import Money, split


def more(contract: Contract, when: When, wanted: Sequence[Commitment]) -> Amended:
    """Further commitments, prepaid like the others. None may begin in the past."""
    check_live(contract, when.now)
    if not wanted:
        raise Invalid("commitments", "an amendment adds at least one")
    for each in wanted:
        if each.amount.currency != contract.currency:
            raise Invalid("currency", f"{contract.id} is in {contract.currency}")
        not_past("from", each.during.start, when.now)
    said = "; ".join(each.what for each in wanted)
    start, costing = min(each.during.start for each in wanted), contract.costing(when.time_zone)
    added = [agreed_anew(each, costing) for each in wanted]
    return amended(contract, when, AmendmentKind.MORE, start, f"more: {said}", added=added)


def fewer(contract: Contract, when: When, number: int, nodes: int, at: datetime) -> Amended:
    """From `at` on only `nodes` of a commitment, where the terms allow to give so many back.

    What goes on after it has no more from then on either.
    """
    old = in_force(contract, number, at, when.now)
    percent = contract.terms.may_shrink_percent
    origin = contract.first_nodes(old)
    least = origin - int(origin * percent / 100)
    if not 1 <= nodes < old.nodes:
        raise Invalid("nodes", f"{nodes} is not 1 to {old.nodes - 1}")
    if nodes < least:
        raise Refused(
            Reason.NOT_AGREED,
            f"{contract.id} may shrink by {percent:f} percent: commitment {number} keeps at least "
            f"{least} of {origin} nodes",
            {"least": least},
        )
    place, costing = len(contract.commitments) + 1, contract.costing(when.time_zone)
    left = of_nodes(remaining(old, at, costing), nodes)
    rest = replace(left, number=place, follows=old.number, anew=False)
    after = carried_on(contract, old, rest, costing, _only)
    said = f"from {old.nodes} to {nodes} x {old.sku}{after}"
    cut, added = (old, *after.gone), (rest, *after.instead)
    return amended(contract, when, AmendmentKind.FEWER, at, said, added=added, cut=cut, at=at)


def _only(each: Commitment, most: int) -> Commitment | None:
    """The same with no more nodes than that; None where that is none."""
    return of_nodes(each, min(most, each.nodes)) if most else None


def extend(
    contract: Contract,
    when: When,
    number: int,
    until: datetime,
    amount: Money | None = None,
    moving: int = 0,
) -> Amended:
    """A commitment goes on up to `until`, at its amount or another; `moving` of it on other nodes,
    where its own are sold.
    """
    old, end = extendable(contract, when, number)
    if until <= end:
        raise Invalid("until", f"it lasts until {end:%Y-%m-%d %H:%M} UTC already")
    longer = longer_by(contract, old, until, when.time_zone, amount)
    said = f"{old.what} until {until:%Y-%m-%d %H:%M} UTC{_elsewhere(longer, moving)}"
    added = _apart(longer, moving)
    return amended(contract, when, AmendmentKind.EXTEND, end, said, added=added)


def extendable(contract: Contract, when: When, number: int) -> tuple[Commitment, datetime]:
    """A commitment that may be extended now, and where it ends; Refused where it may not."""
    check_live(contract, when.now)
    old = known(contract, number)
    why = _why_not_on(contract, old)
    if why or old.lasts is None:
        raise Refused(
            Reason.WRONG_STATE, f"commitment {number} of {contract.id} cannot go on: {why}"
        )
    not_past("until", old.lasts.end, when.now)
    return old, old.lasts.end


def longer_by(
    contract: Contract,
    old: Commitment,
    until: datetime,
    time_zone: str,
    amount: Money | None = None,
) -> Commitment:
    """What an extension until then would bring, all of it on its own nodes."""
    costing = contract.costing(time_zone)
    longer = over(old, Interval(old.during.end, until), costing)
    longer = replace(longer, follows=old.number, anew=False)
    return longer if amount is None else at_amount(longer, amount, costing)


def _why_not_on(contract: Contract, old: Commitment) -> str:
    if not old.monthly:
        return "it is paid once"
    followers = contract.followers(old)
    if followers:
        numbers = " and ".join(str(each.number) for each in followers)
        return f"{numbers} goes on after it already"
    return "" if old.ended is None else "it was ended early, or swapped for newer nodes"


def _apart(each: Commitment, moving: int) -> tuple[Commitment, ...]:
    """What stays on its nodes, and what goes to others: together they are all of it."""
    staying = each.nodes - moving
    if not moving or not staying:
        return (replace(each, anew=bool(moving)),)
    here, there = split(each.amount, [staying, moving])
    stays = replace(each, nodes=staying, amount=here)
    goes = replace(each, nodes=moving, amount=there, anew=True)
    if each.total is None:
        return stays, goes
    here, there = split(each.total, [staying, moving])
    return replace(stays, total=here), replace(goes, total=there)


def _elsewhere(each: Commitment, moving: int) -> str:
    """What an amendment says of nodes that go to other blocks."""
    if not moving:
        return ""
    of = f"{moving} of {each.what}" if moving < each.nodes else f"all {each.what}"
    return (
        f"; {of} on other blocks from {each.during.start:%Y-%m-%d %H:%M} UTC on, handed over anew"
    )


def renew(contract: Contract, when: When, moving: Mapping[int, int] | None = None) -> Amended:
    """The renewal right is used: everything that lasts to the end goes on, re-priced.

    `moving` are, by commitment, how many nodes go to other blocks, because their own are sold.
    """
    renewable(contract, when)
    right, going = contract.terms.renewal, moving or {}
    assert right is not None
    longer = would_renew(contract, when.time_zone)
    start = min((each.during.start for each in longer), default=contract.during.end)
    said = f"{right.months} months more at {right.price_percent:f} percent"
    said += "".join(_elsewhere(each, going.get(each.follows, 0)) for each in longer)
    added = [part for each in longer for part in _apart(each, going.get(each.follows, 0))]
    return amended(contract, when, AmendmentKind.RENEW, start, said, added=added)


def renewable(contract: Contract, when: When) -> None:
    """Refused where there is no right to renew, or no more."""
    right = contract.terms.renewal
    check_live(contract, when.now)
    if right is None:
        raise Refused(Reason.NOT_AGREED, f"{contract.id} has no right to renew; it can be extended")
    state = renewal_state(contract, when.now)
    if state is RenewalState.USED:
        raise Refused(Reason.NOT_AGREED, f"{contract.id} has been renewed already")
    if state is RenewalState.LAPSED:
        raise Refused(
            Reason.NOT_AGREED,
            f"{contract.id} could be renewed until {right.decide_by:%Y-%m-%d %H:%M} UTC",
            {"decide_by": right.decide_by.isoformat()},
        )


def end_early(contract: Contract, when: When, at: datetime) -> Amended:
    """Everything ends at `at`; the fee is for the value that is then not delivered any more."""
    check_live(contract, when.now)
    right = contract.terms.early_end
    if right is None:
        raise Refused(
            Reason.NOT_AGREED,
            f"{contract.id} has no right to end early; it runs until "
            f"{contract.during.end:%Y-%m-%d %H:%M} UTC",
            {"until": contract.during.end.isoformat()},
        )
    earliest = max(
        when.now + timedelta(days=right.notice_days), right.not_before or when.now, when.now
    )
    if at < earliest:
        raise Refused(
            Reason.NOT_AGREED,
            f"{contract.id} may end from {earliest:%Y-%m-%d %H:%M} UTC on",
            {"earliest": earliest.isoformat()},
        )
    if at >= contract.during.end:
        raise Invalid("at", f"it ends at {contract.during.end:%Y-%m-%d %H:%M} UTC anyway")
    gone = tuple(each for each in contract.commitments if each.cut(at) != each)
    said = f"ends {at:%Y-%m-%d %H:%M} UTC"
    done = amended(contract, when, AmendmentKind.END, at, said, cut=gone, at=at)
    fee = share(undelivered(contract, done.contract, when.time_zone), right.fee_percent)
    done = with_amounts(done, fee=fee)
    return replace(done, contract=replace(done.contract, ended=at))
