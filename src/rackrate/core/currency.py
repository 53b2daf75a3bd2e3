"""Rates between currencies: dated, with their source, never edited, only superseded."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import ContractId, CustomerId, EntityId, InvoiceId
from rackrate.core.interval import check_instant, zone
from rackrate.core.money import Money, digits
from rackrate.core.words import counted

LEAST, MOST = Decimal("0.0000001"), Decimal(1_000_000)
MOST_DIGITS = 12
LONGEST_SOURCE = 200
FIRST_YEAR = 1970
# Between two rates of one pair nobody sees more than this; it is a slip of the keyboard.
FARTHEST_APART = Decimal("1.5")
STALE = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class CurrencyRate:
    """One unit of `currency` is `rate` units of `target`, from `effective` until superseded.

    `sure`: somebody has said that it is meant, though it is far from the one before.
    """

    id: str
    currency: str
    target: str
    effective: datetime
    rate: Decimal
    source: str
    sure: bool = False

    def __post_init__(self) -> None:
        digits(self.currency)
        digits(self.target)
        check_instant(self.effective)
        if self.currency == self.target:
            raise ValueError(f"{self.currency} is {self.target}: there is no rate between them")
        exponent = self.rate.as_tuple().exponent
        if not self.rate.is_finite() or not LEAST <= self.rate <= MOST:
            raise ValueError(f"a rate of {self.rate} is not from {LEAST:f} to {MOST:,}")
        if isinstance(exponent, int) and exponent < -MOST_DIGITS:
            raise ValueError(f"a rate of {self.rate} has more than {MOST_DIGITS} decimals")
        if self.effective.year < FIRST_YEAR:
            raise ValueError(f"no rate is from {self.effective:%Y-%m-%d}")
        if not 1 <= len(self.source.strip()) <= LONGEST_SOURCE or not self.source.isprintable():
            raise ValueError(
                f"say in one line of 1 to {LONGEST_SOURCE} letters where the rate is from"
            )

    def __str__(self) -> str:
        return f"{self.rate:f} {self.target} for 1 {self.currency}"


@dataclass(frozen=True, slots=True)
class InvoiceRate:
    """At which rate an invoice in another currency is in the books, and its tax in theirs."""

    id: InvoiceId
    customer: CustomerId
    rate: Decimal
    effective: datetime
    source: str
    tax: Money


def rate_id(currency: str, target: str, effective: datetime) -> str:
    """One rate for a pair and instant; in the order of time. Setting it twice is once."""
    return f"{currency}/{target}/{effective:%Y-%m-%dT%H:%M:%SZ}"


def new_rate(
    pair: tuple[str, str], effective: datetime, rate: Decimal, source: str, sure: bool = False
) -> CurrencyRate:
    return CurrencyRate(rate_id(*pair, effective), *pair, effective, rate, source.strip(), sure)


def check_new(new: CurrencyRate, before: CurrencyRate | None, after: CurrencyRate | None) -> None:
    """Refused where it is another rate of the same instant, or far from its neighbours."""
    if before is not None and before.id == new.id:
        raise Refused(
            Reason.WRONG_STATE,
            f"1 {new.currency} is {before.rate:f} {new.target} from {_said(new.effective)} "
            f"({before.source}), and rates are never edited: supersede it with a later one",
            _facts(before),
        )
    for near in (before, after):
        if near is not None and not new.sure and _apart(new.rate, near.rate) > FARTHEST_APART:
            raise Refused(
                Reason.UNLIKELY_RATE,
                f"{new.rate:f} is far from {near.rate:f}, the rate of {near.currency} in "
                f"{near.target} from {_said(near.effective)}; if it is meant, say that you are "
                "sure of it",
                _facts(near),
            )


def check_target(new: CurrencyRate, books: Collection[str]) -> None:
    """Invalid where no books are kept in what it is a rate in: most likely it is turned around."""
    if new.target not in books:
        kept = ", ".join(sorted(set(books))) or "nothing yet"
        raise Invalid(
            "target",
            f"no books are kept in {new.target}, but in {kept}; a rate says what one "
            f"{new.currency} is in the currency of the books",
        )


def check_open(new: CurrencyRate, entity: EntityId, open_from: datetime) -> None:
    """Refused for a time that is closed in the books that it is for."""
    if new.effective < open_from:
        raise Refused(
            Reason.WRONG_STATE,
            f"a rate from {_said(new.effective)} would change what {entity} has closed; its books "
            f"are open from {_said(open_from)}",
            {"entity": entity, "open_from": f"{open_from:%Y-%m-%dT%H:%M:%SZ}"},
        )


def no_rate(
    pair: tuple[str, str], at: datetime, time_zone: str, later: CurrencyRate | None
) -> Refused:
    """What is said where a pair has no rate yet: what there is instead, and how to set one.

    `time_zone` is where the books are kept, whose day is said.
    """
    currency, target = pair
    day = at.astimezone(zone(time_zone))
    known = (
        "none is known"
        if later is None
        else f"the first that is known is {later.rate:f} from {_said(later.effective)}"
    )
    return Refused(
        Reason.NO_RATE,
        f"1 {currency} has no rate in {target} at {_said(at)}: {known}; set it with: "
        f"rackrate rate set {currency} {target} RATE --from {day:%Y-%m-%d} --source TEXT",
        {"currency": currency, "target": target} | ({} if later is None else _facts(later)),
    )


def in_force(rates: Iterable[CurrencyRate], at: datetime) -> dict[tuple[str, str], CurrencyRate]:
    """The latest of each pair that has begun."""
    found: dict[tuple[str, str], CurrencyRate] = {}
    for each in sorted(rates, key=lambda one: one.effective):
        if each.effective <= at:
            found[each.currency, each.target] = each
    return found


class Fault(StrEnum):
    """What is wrong with a pair that somebody needs."""

    MISSING = "missing"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Need:
    """Who of an entity is billed in another currency than its books, by customer and contract."""

    entity: EntityId
    currency: str
    target: str
    customers: tuple[CustomerId, ...]
    contracts: tuple[ContractId, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A pair that is needed and has no rate now, or only an old one: `last`, if any."""

    need: Need
    fault: Fault
    last: CurrencyRate | None
    age_days: int | None


def check(
    needs: Iterable[Need],
    rates: Mapping[tuple[str, str], CurrencyRate],
    now: datetime,
    stale: timedelta = STALE,
) -> list[Finding]:
    """Which of the pairs that are needed would stop a close, or book it at an old rate."""
    found: list[Finding] = []
    for need in needs:
        last = rates.get((need.currency, need.target))
        if last is None:
            found.append(Finding(need, Fault.MISSING, None, None))
        elif now - last.effective > stale:
            found.append(Finding(need, Fault.STALE, last, (now - last.effective).days))
    return found


def said(finding: Finding) -> str:
    """A finding in one sentence."""
    need, last = finding.need, finding.last
    if last is None:
        return f"{need.entity} needs {need.currency} in {need.target}, and there is no rate"
    return (
        f"{need.entity} needs {need.currency} in {need.target}; {last.rate:f} of "
        f"{_said(last.effective)} is {counted(finding.age_days or 0, 'day')} old"
    )


def _apart(one: Decimal, other: Decimal) -> Decimal:
    return max(one, other) / min(one, other)


def _said(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _facts(rate: CurrencyRate) -> dict[str, object]:
    return {
        "currency": rate.currency,
        "target": rate.target,
        "rate": f"{rate.rate:f}",
        "effective": f"{rate.effective:%Y-%m-%dT%H:%M:%SZ}",
    }
