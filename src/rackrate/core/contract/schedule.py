"""The payment plan: what each month costs, what of it is prepaid, and what is due. To the cent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from rackrate.core.contract.commitment import Commitment, Part
from rackrate.core.contract.cost import Costing, month_values, month_weights
from rackrate.core.contract.minimum import periods
from rackrate.core.contract.rhythm import Rhythm
from rackrate.core.contract.signed import Contract
from rackrate.core.contract.terms import Prepaid
from rackrate.core.interval import Interval, Month
from rackrate.core.money import Money, split, total

Key = tuple[Month, int]


@dataclass(frozen=True, slots=True)
class Instalment:
    """A month of one commitment: `value` = `drawdown` of the prepayment + `due` to be invoiced.

    `invoiced` is the month in which it is invoiced, with the close of the one before it or with
    the order. In a sum over all commitments, `commitment` is 0, and there may be several.
    """

    commitment: int
    month: Month
    during: Interval
    value: Money
    drawdown: Money
    due: Money
    invoiced: tuple[Month, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a contract costs, as quoted (tax inside or not).

    value + left = prepayment + what is due: `left` was prepaid and never drawn down, since less
    was delivered than was ordered, and goes back at the end. `prepayments` are by order, and
    `planned` is what of them is for which commitment.
    """

    value: Money
    prepayments: tuple[tuple[int, Money], ...]
    instalments: tuple[Instalment, ...]
    left: Money
    planned: tuple[tuple[int, Money], ...] = ()

    @property
    def prepayment(self) -> Money:
        return total((amount for _, amount in self.prepayments), self.value.currency)

    @property
    def drawn(self) -> Money:
        """What of the prepayment instalments come to: value = drawn + due."""
        return self.prepayment - self.left

    @property
    def due(self) -> Money:
        """Everything that instalments come to."""
        return total((each.due for each in self.instalments), self.value.currency)

    @property
    def by_month(self) -> tuple[Instalment, ...]:
        """All commitments of a month together."""
        months: dict[Month, Instalment] = {}
        for each in self.instalments:
            before = months.get(each.month)
            months[each.month] = (
                replace(each, commitment=0) if before is None else _together(before, each)
            )
        return tuple(months[month] for month in sorted(months))

    def next_invoiced(self, now: Month) -> tuple[Month, Money] | None:
        """The first month after `now` in which instalments are invoiced, and what they come to."""
        later = [each for each in self.instalments if each.due and each.invoiced[0] > now]
        if not later:
            return None
        first = min(each.invoiced[0] for each in later)
        dues = (each.due for each in later if each.invoiced[0] == first)
        return first, total(dues, self.value.currency)


def schedule(
    contract: Contract,
    time_zone: str,
    parts: Mapping[int, tuple[Part, ...]] | None = None,
) -> Schedule:
    """The whole payment plan, by calendar months of `time_zone`.

    `parts` are, by commitment, the nodes that are paid for and when; all of one that is left out.
    """
    values = _values(contract, contract.costing(time_zone), parts or {})
    orders = [0, *(amendment.number for amendment in contract.amendments)]
    prepayments = [(order, prepayment_of(contract, order, time_zone)) for order in orders]
    planned = _planned(contract, time_zone, prepayments)
    drawn, left = _drawn({key: value.minor for key, (_, value) in values.items()}, planned)
    currency, asked = contract.currency, _asked(contract, time_zone, values)
    instalments = tuple(
        Instalment(
            key[1],
            key[0],
            inside,
            value,
            Money(drawn[key], currency),
            Money(value.minor - drawn[key], currency),
            (asked[key],),
        )
        for key, (inside, value) in sorted(values.items(), key=lambda item: item[0])
    )
    paid_for = total((each.value for each in instalments), currency)
    prepaid = tuple((order, amount) for order, amount in prepayments if amount)
    return Schedule(
        paid_for, prepaid, instalments, Money(left, currency), _by_commitment(planned, currency)
    )


def prepayment_of(contract: Contract, order: int, time_zone: str) -> Money:
    """What was due with the signature (0), or with an amendment."""
    if order:
        return contract.amendments[order - 1].prepayment
    return share(
        value_of(contract.ordered(0), contract.costing(time_zone), contract.currency),
        contract.prepayment_percent,
    )


def value_of(commitments: Iterable[Commitment], costing: Costing, currency: str) -> Money:
    """All months of all of them, and all minimums of use."""
    known = tuple(commitments)
    months = (value for each in known for _, _, value in month_values(each, costing))
    least = (period.minimum for each in known for period in periods(each, costing.time_zone))
    return total((*months, *least), currency)


def share(amount: Money, percent: object) -> Money:
    """`percent` of an amount, rounded half up once."""
    exact = Fraction(amount.amount) * Fraction(str(percent)) / 100
    return Money.rounded(exact, amount.currency)


def _together(one: Instalment, other: Instalment) -> Instalment:
    return Instalment(
        0,
        one.month,
        Interval(min(one.during.start, other.during.start), max(one.during.end, other.during.end)),
        one.value + other.value,
        one.drawdown + other.drawdown,
        one.due + other.due,
        tuple(sorted({*one.invoiced, *other.invoiced})),
    )


def _asked(contract: Contract, time_zone: str, keys: Iterable[Key]) -> dict[Key, Month]:
    """In which month each is invoiced: not before it was ordered."""
    rhythm = Rhythm.of(contract, time_zone)
    ordered = {0: Month.of(contract.signed, time_zone)}
    ordered |= {each.number: Month.of(each.at, time_zone) for each in contract.amendments}
    of = {each.number: each for each in contract.commitments}
    return {
        (month, number): max(rhythm.asked(of[number], month), ordered[of[number].order])
        for month, number in keys
    }


def _values(
    contract: Contract, costing: Costing, parts: Mapping[int, tuple[Part, ...]]
) -> dict[Key, tuple[Interval, Money]]:
    return {
        (month, each.number): (inside, value)
        for each in contract.commitments
        for month, inside, value in month_values(each, costing, parts.get(each.number))
    }


def _planned(
    contract: Contract, time_zone: str, prepayments: Iterable[tuple[int, Money]]
) -> dict[Key, int]:
    """Each order's prepayment over the months of what it ordered: by weight, or whole months."""
    planned: dict[Key, int] = {}
    costing = contract.costing(time_zone)
    prepaid = contract.terms.payment.prepaid
    if contract.terms.payment.balance:
        return planned
    for order, prepayment in prepayments:
        brought = contract.ordered(order)
        months = [month_values(each, costing) for each in brought]
        weights = [sum(value.minor for _, _, value in each) for each in months]
        if not prepayment or not sum(weights):
            continue
        if prepaid is not Prepaid.EVENLY:
            values = {
                (month, each.number): value.minor
                for each, of_each in zip(brought, months, strict=True)
                for month, _, value in of_each
            }
            planned |= _whole_months(values, prepayment.minor, last=prepaid is Prepaid.LAST)
            continue
        shares = split(prepayment, weights)
        for each, of_each, whole in zip(brought, months, shares, strict=True):
            by_time = month_weights(each, costing) if each.monthly else (1,)
            parts = split(whole, by_time)
            for (month, _, _), part in zip(of_each, parts, strict=True):
                planned[month, each.number] = part.minor
    return planned


def _by_commitment(planned: Mapping[Key, int], currency: str) -> tuple[tuple[int, Money], ...]:
    sums: dict[int, int] = {}
    for (_, number), minor in planned.items():
        sums[number] = sums.get(number, 0) + minor
    return tuple((number, Money(minor, currency)) for number, minor in sorted(sums.items()))


def _whole_months(values: Mapping[Key, int], prepayment: int, last: bool) -> dict[Key, int]:
    """It pays for the first or the last months in full, and for a part of one more."""
    planned: dict[Key, int] = {}
    for key in sorted(values, reverse=last):
        planned[key] = min(prepayment, values[key])
        prepayment -= planned[key]
    planned[key] += prepayment
    return planned


def _drawn(values: Mapping[Key, int], planned: Mapping[Key, int]) -> tuple[dict[Key, int], int]:
    """What is drawn down in each month, and what is left at the end.

    What a month cannot take, because less was delivered or ordered than planned, waits for the
    months after it.
    """
    drawn: dict[Key, int] = dict.fromkeys(values, 0)
    months: dict[Month, list[Key]] = {}
    for key in sorted({*values, *planned}):
        months.setdefault(key[0], []).append(key)
    waiting = 0
    for month in sorted(months):
        for key in months[month]:
            taken = min(planned.get(key, 0), values.get(key, 0))
            waiting += planned.get(key, 0) - taken
            if key in values:
                drawn[key] = taken
        for key in months[month]:
            taken = min(waiting, values.get(key, 0) - drawn.get(key, 0))
            if taken:
                drawn[key] += taken
                waiting -= taken
    return drawn, waiting
