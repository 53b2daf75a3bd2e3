"""Amendments as pure functions: the contract before and after, or why it cannot be so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from rackrate.core.contract.commitment import Commitment
from rackrate.core.contract.schedule import share, value_of
from rackrate.core.contract.signed import Amendment, AmendmentKind, Contract
from rackrate.core.contract.terms import Renewal
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import ChipId, SiteId, SkuId
from rackrate.core.interval import Interval, zone
from rackrate.core.money import Money, half_up_ratio


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


def more(contract: Contract, when: When, wanted: Sequence[Commitment]) -> Amended:
    """Further commitments, prepaid like the others. None may begin in the past."""
    _check_live(contract, when.now)
    if not wanted:
        raise Invalid("commitments", "an amendment adds at least one")
    for each in wanted:
        if each.amount.currency != contract.currency:
            raise Invalid("currency", f"{contract.id} is in {contract.currency}")
        _not_past("from", each.during.start, when.now)
    said = "; ".join(each.what for each in wanted)
    start = min(each.during.start for each in wanted)
    return _amended(contract, when, AmendmentKind.MORE, start, f"more: {said}", added=wanted)


def fewer(contract: Contract, when: When, number: int, nodes: int, at: datetime) -> Amended:
    """From `at` on only `nodes` of a commitment, where the terms allow to give so many back."""
    old = _capacity(contract, number, at, when.now)
    percent = contract.terms.may_shrink_percent
    origin = contract.origin(old).nodes
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
    amount = Money(half_up_ratio(old.amount.minor * nodes, old.nodes), contract.currency)
    rest = replace(
        old, during=_rest(old, at), amount=amount, nodes=nodes, follows=number, ended=None
    )
    said = f"from {old.nodes} to {nodes} x {old.sku}"
    return _amended(contract, when, AmendmentKind.FEWER, at, said, added=(rest,), cut=(old,), at=at)


def extend(
    contract: Contract,
    when: When,
    number: int,
    until: datetime,
    amount: Money | None = None,
) -> Amended:
    """A commitment goes on with its nodes up to `until`, at its amount or another."""
    _check_live(contract, when.now)
    old = _known(contract, number)
    lasts = old.lasts
    if lasts is None or not old.monthly or _followed(contract, old):
        raise Refused(Reason.WRONG_STATE, f"commitment {number} of {contract.id} cannot go on")
    _not_past("until", lasts.end, when.now)
    if until <= lasts.end:
        raise Invalid("until", f"it lasts until {lasts.end:%Y-%m-%d %H:%M} UTC already")
    longer = replace(
        old,
        during=Interval(lasts.end, until),
        amount=old.amount if amount is None else amount,
        follows=number,
        ended=None,
    )
    said = f"{old.what} until {until:%Y-%m-%d %H:%M} UTC"
    return _amended(contract, when, AmendmentKind.EXTEND, lasts.end, said, added=(longer,))


@dataclass(frozen=True, slots=True)
class Newer:
    """What nodes are swapped to."""

    chip: ChipId
    sku: SkuId
    site: SiteId
    nodes: int
    amount: Money
    same_block: bool = False


def swap(contract: Contract, when: When, number: int, newer: Newer, at: datetime) -> Amended:
    """From `at` on other nodes in a commitment's place, by the upgrade right, with its credit."""
    old = _capacity(contract, number, at, when.now)
    right = contract.terms.upgrade
    if right is None or right.chip != newer.chip:
        may = f"to {right.chip} only" if right is not None else "to no other chip"
        raise Refused(Reason.NOT_AGREED, f"{contract.id} may swap {may}, not to {newer.chip}")
    if at < right.not_before:
        raise Refused(
            Reason.NOT_AGREED,
            f"{contract.id} may swap from {right.not_before:%Y-%m-%d %H:%M} UTC on",
            {"not_before": right.not_before.isoformat()},
        )
    new = replace(
        old,
        during=_rest(old, at),
        sku=newer.sku,
        site=newer.site,
        nodes=newer.nodes,
        amount=newer.amount,
        same_block=newer.same_block,
        follows=0,
        ended=None,
    )
    said = f"{old.what} for {new.what}"
    done = _amended(contract, when, AmendmentKind.SWAP, at, said, added=(new,), cut=(old,), at=at)
    ended = _with_cut(contract, (old,), at)
    credit = share(_undelivered(contract, ended, when.time_zone), right.credit_percent)
    return _with(done, credit=credit)


def renew(contract: Contract, when: When) -> Amended:
    """The renewal right is used: everything that lasts to the end goes on, re-priced."""
    right = contract.terms.renewal
    _check_live(contract, when.now)
    if right is None:
        raise Refused(Reason.NOT_AGREED, f"{contract.id} has no right to renew; it can be extended")
    if any(each.kind is AmendmentKind.RENEW for each in contract.amendments):
        raise Refused(Reason.NOT_AGREED, f"{contract.id} has been renewed already")
    if when.now >= right.decide_by:
        raise Refused(
            Reason.NOT_AGREED,
            f"{contract.id} could be renewed until {right.decide_by:%Y-%m-%d %H:%M} UTC",
            {"decide_by": right.decide_by.isoformat()},
        )
    longer = tuple(_renewed(each, right, when) for each in _lasting(contract))
    start = min((each.during.start for each in longer), default=contract.during.end)
    said = f"{right.months} months more at {right.price_percent:f} percent"
    return _amended(contract, when, AmendmentKind.RENEW, start, said, added=longer)


def _lasting(contract: Contract) -> list[Commitment]:
    """What lasts to the end of the term that was signed, or beyond, and has nothing after it."""
    end = max(each.during.end for each in contract.ordered(0))
    return [
        each
        for each in contract.commitments
        if each.monthly
        and each.ended is None
        and each.lasts is not None
        and each.lasts.end >= end
        and not _followed(contract, each)
    ]


def _renewed(each: Commitment, right: Renewal, when: When) -> Commitment:
    assert each.lasts is not None
    end = each.lasts.end
    return replace(
        each,
        during=Interval(end, months_later(end, right.months, when.time_zone)),
        amount=share(each.amount, right.price_percent),
        follows=each.number,
        ended=None,
    )


def end_early(contract: Contract, when: When, at: datetime) -> Amended:
    """Everything ends at `at`; the fee is for the value that is then not delivered any more."""
    _check_live(contract, when.now)
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
    done = _amended(contract, when, AmendmentKind.END, at, said, cut=gone, at=at)
    fee = share(_undelivered(contract, done.contract, when.time_zone), right.fee_percent)
    done = _with(done, fee=fee)
    return replace(done, contract=replace(done.contract, ended=at))


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


def _amended(
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
    zero = Money.zero(contract.currency)
    after = contract if at is None else _with_cut(contract, cut, at)
    removed = value_of(contract.commitments, when.time_zone, contract.currency) - value_of(
        after.commitments, when.time_zone, contract.currency
    )
    gained = value_of(new, when.time_zone, contract.currency) - removed
    prepaid = share(gained, contract.prepayment_percent) if zero < gained else zero
    amendment = Amendment(number, kind, when.now, effective, what, when.note, prepaid, zero, zero)
    after = replace(
        after,
        commitments=(*after.commitments, *new),
        amendments=(*contract.amendments, amendment),
    )
    numbers = {each.number for each in cut}
    return Amended(after, new, tuple(c for c in after.commitments if c.number in numbers))


def _with(done: Amended, **amounts: Money) -> Amended:
    last = replace(done.amendment, **amounts)  # type: ignore[arg-type]
    listed = (*done.contract.amendments[:-1], last)
    return replace(done, contract=replace(done.contract, amendments=listed))


def _with_cut(contract: Contract, cut: Sequence[Commitment], at: datetime) -> Contract:
    numbers = {each.number for each in cut}
    commitments = tuple(
        each.cut(at) if each.number in numbers else each for each in contract.commitments
    )
    return replace(contract, commitments=commitments)


def _undelivered(before: Contract, after: Contract, time_zone: str) -> Money:
    """The value of the months that are not served any more, whatever was prepaid for them."""
    values = (value_of(each.commitments, time_zone, each.currency) for each in (before, after))
    return next(values) - next(values)


def _rest(old: Commitment, at: datetime) -> Interval:
    lasts = old.lasts
    assert lasts is not None
    return Interval(at, lasts.end)


def _check_live(contract: Contract, now: datetime) -> None:
    if contract.ended is not None or contract.during.end <= now:
        when = f"{contract.over:%Y-%m-%d %H:%M} UTC"
        raise Refused(Reason.WRONG_STATE, f"{contract.id} ends at {when} and is not amended")


def _known(contract: Contract, number: int) -> Commitment:
    found = contract.commitment(number)
    if found is None:
        raise Invalid("commitment", f"{contract.id} has 1 to {len(contract.commitments)}")
    return found


def _followed(contract: Contract, old: Commitment) -> bool:
    return any(each.follows == old.number for each in contract.commitments)


def _capacity(contract: Contract, number: int, at: datetime, now: datetime) -> Commitment:
    """A commitment of nodes that is in force at `at`, which is not in the past."""
    _check_live(contract, now)
    _not_past("at", at, now)
    old = _known(contract, number)
    lasts = old.lasts
    if old not in contract.capacity or lasts is None or not lasts.start < at < lasts.end:
        over = "never" if lasts is None else f"{lasts}"
        raise Refused(
            Reason.WRONG_STATE,
            f"commitment {number} of {contract.id} is over {over}: nothing of it changes at "
            f"{at:%Y-%m-%d %H:%M} UTC",
        )
    return old


def _not_past(field: str, instant: datetime, now: datetime) -> None:
    if instant < now:
        raise Refused(
            Reason.TOO_LATE,
            f"{field}: {instant:%Y-%m-%d %H:%M} UTC is past, and what is past is not amended",
            {"earliest": now.isoformat()},
        )
