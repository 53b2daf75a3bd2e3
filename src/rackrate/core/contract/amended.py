"""What every amendment does alike: the contract after it, and what may not be amended."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rackrate.core.contract.commitment import Commitment
from rackrate.core.contract.cost import Costing, remaining
from rackrate.core.contract.schedule import share, value_of
from rackrate.core.contract.signed import Amendment, AmendmentKind, Contract
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.interval import Interval
from rackrate.core.money import Money


@dataclass(frozen=True, slots=True)
class Amended:
    """The contract after it, with what it brought and what it ended early."""

    contract: Contract
    added: tuple[Commitment, ...]
    cut: tuple[Commitment, ...]

    @property
    def amendment(self) -> Amendment:
        return self.contract.amendments[-1]


@dataclass(frozen=True, slots=True)
class When:
    """When an amendment is agreed, in whose calendar, and what is to be remembered of it."""

    now: datetime
    time_zone: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class CarriedOn:
    """What went on after a commitment that is cut, and what goes on after what is left instead."""

    gone: tuple[Commitment, ...]
    instead: tuple[Commitment, ...]

    def __str__(self) -> str:
        numbers = " and ".join(str(each.number) for each in self.gone)
        news = (
            f"from {each.during.start:%Y-%m-%d %H:%M} UTC on {each.what} for {each.amount} a month"
            for each in self.instead
        )
        return f"; instead of commitment {numbers} {', '.join(news)}" if self.gone else ""


def carried_on(
    contract: Contract,
    old: Commitment,
    new: Commitment,
    costing: Costing,
    instead: Callable[[Commitment, int], Commitment | None],
) -> CarriedOn:
    """`instead` is asked for each that goes on after `old`, with how many nodes there are for it:
    those of what it goes on after, less those that others go on with.
    """
    gone: list[Commitment] = []
    found: list[Commitment] = []
    waiting: list[tuple[Commitment, Commitment | None]] = [
        (each, new) for each in contract.followers(old)
    ]
    while waiting:
        each, before = waiting.pop(0)
        gone.append(each)
        if before is None:  # All of it was given back: nothing goes on after it either.
            waiting += [(later, None) for later in contract.followers(each)]
            continue
        taken = sum(one.nodes for one in found if one.follows == before.number)
        after = instead(remaining(each, each.during.start, costing), before.nodes - taken)
        if after is not None:
            number = new.number + len(found) + 1
            after = replace(after, number=number, follows=before.number)
            found.append(after)
        waiting += [(later, after) for later in contract.followers(each)]
    return CarriedOn(tuple(gone), tuple(found))


def amended(
    contract: Contract,
    when: When,
    kind: AmendmentKind,
    effective: datetime,
    what: str,
    *,
    added: Iterable[Commitment] = (),
    cut: Sequence[Commitment] = (),
    at: datetime | None = None,
) -> Amended:
    number, first = len(contract.amendments) + 1, len(contract.commitments) + 1
    new = tuple(
        replace(each, number=place, order=number) for place, each in enumerate(added, first)
    )
    zero, costing = Money.zero(contract.currency), contract.costing(when.time_zone)
    after = contract if at is None else with_cut(contract, cut, at)
    gained = value_of(new, costing, contract.currency) - undelivered(
        contract, after, when.time_zone
    )
    prepaid = share(gained, contract.prepayment_percent) if zero < gained else zero
    amendment = Amendment(number, kind, when.now, effective, what, when.note, prepaid, zero, zero)
    after = replace(
        after,
        commitments=(*after.commitments, *new),
        amendments=(*contract.amendments, amendment),
    )
    numbers = {each.number for each in cut}
    return Amended(after, new, tuple(c for c in after.commitments if c.number in numbers))


def with_amounts(done: Amended, **amounts: Money) -> Amended:
    last = replace(done.amendment, **amounts)  # type: ignore[arg-type]
    listed = (*done.contract.amendments[:-1], last)
    return replace(done, contract=replace(done.contract, amendments=listed))


def with_cut(contract: Contract, cut: Sequence[Commitment], at: datetime) -> Contract:
    numbers = {each.number for each in cut}
    commitments = tuple(
        each.cut(at) if each.number in numbers else each for each in contract.commitments
    )
    return replace(contract, commitments=commitments)


def undelivered(before: Contract, after: Contract, time_zone: str) -> Money:
    """The value of the months that are not served any more, whatever was prepaid for them."""
    costing = before.costing(time_zone)
    values = (value_of(each.commitments, costing, each.currency) for each in (before, after))
    return next(values) - next(values)


def rest_of(old: Commitment, at: datetime) -> Interval:
    lasts = old.lasts
    assert lasts is not None
    return Interval(at, lasts.end)


def check_live(contract: Contract, now: datetime) -> None:
    if contract.ended is not None or contract.during.end <= now:
        when = f"{contract.over:%Y-%m-%d %H:%M} UTC"
        raise Refused(Reason.WRONG_STATE, f"{contract.id} ends at {when} and is not amended")


def known(contract: Contract, number: int) -> Commitment:
    found = contract.commitment(number)
    if found is None:
        raise Invalid("commitment", f"{contract.id} has 1 to {len(contract.commitments)}")
    return found


def in_force(contract: Contract, number: int, at: datetime, now: datetime) -> Commitment:
    """A commitment of nodes that is in force at `at`, which is not in the past."""
    check_live(contract, now)
    not_past("at", at, now)
    old = known(contract, number)
    lasts = old.lasts
    if old not in contract.capacity or lasts is None or not lasts.start < at < lasts.end:
        runs = "has no time left" if lasts is None else f"runs {_said(lasts)}"
        raise Refused(
            Reason.WRONG_STATE,
            f"commitment {number} of {contract.id} {runs}: nothing of it changes at "
            f"{at:%Y-%m-%d %H:%M} UTC",
        )
    return old


def _said(during: Interval) -> str:
    return f"from {during.start:%Y-%m-%d %H:%M} to {during.end:%Y-%m-%d %H:%M} UTC"


def not_past(field: str, instant: datetime, now: datetime) -> None:
    if instant < now:
        raise Refused(
            Reason.TOO_LATE,
            f"{field}: {instant:%Y-%m-%d %H:%M} UTC is past, and what is past is not amended",
            {"earliest": now.isoformat()},
        )
