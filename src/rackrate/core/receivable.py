"""What is owed and late: ageing, reminders that are due, and interest by the day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from rackrate.core.billing_terms import Step
from rackrate.core.ids import CustomerId, EntityId, InvoiceId
from rackrate.core.interval import Interval, Month, zone
from rackrate.core.invoice import Invoice, InvoiceKind, Line, LineKind
from rackrate.core.money import Money, half_up, total
from rackrate.core.payment import Allocation
from rackrate.core.tax import TaxCategory, TaxRule, tax_rule

DAYS_A_YEAR = 365
# What stands for the price of a line of interest: the yearly rate that it was made with.
RATE = "late/"
UNTAXED = "late-interest"
LONGEST_REASON = 300
# By itself nobody is reminded earlier in the day, by the seller's clock.
FROM_HOUR = 9
# Up to so many days after it was due; what is older is in the last column.
BUCKETS = (0, 30, 60, 90)


@dataclass(frozen=True, slots=True)
class Ageing:
    """What a customer owes in one currency, by how late it is: not due, to 30, 60, 90, more.

    `credits` are credit notes not used yet, which are a part of the receivable, as negative
    amounts; `unapplied` is money of the customer's that is allocated to nothing, which is not.
    """

    customer: CustomerId
    buckets: tuple[Money, ...]
    credits: Money
    unapplied: Money

    @property
    def receivable(self) -> Money:
        return total((*self.buckets, self.credits), self.credits.currency)


@dataclass(frozen=True, slots=True)
class Reminder:
    """That an invoice was reminded of: once for each level."""

    id: str
    invoice: InvoiceId
    customer: CustomerId
    level: int
    at: datetime
    open: Money


@dataclass(frozen=True, slots=True)
class Dispute:
    """That a customer contests an invoice, and why: nobody reminds of it. `id` is its number."""

    id: InvoiceId
    customer: CustomerId
    since: datetime
    reason: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.reason.strip()) <= LONGEST_REASON or not self.reason.isprintable():
            raise ValueError(f"a reason is one line of 1 to {LONGEST_REASON} characters")


@dataclass(frozen=True, slots=True)
class LastReminding:
    """When an entity was last looked through for what is to be reminded of by itself."""

    id: EntityId
    at: datetime

    def today(self, now: datetime, time_zone: str) -> bool:
        """Whether that was on the seller's day of now."""
        where = zone(time_zone)
        return self.at.astimezone(where).date() >= now.astimezone(where).date()


def is_morning(now: datetime, time_zone: str) -> bool:
    """Whether it is late enough in the day to write to people."""
    return now.astimezone(zone(time_zone)).hour >= FROM_HOUR


@dataclass(frozen=True, slots=True)
class DueReminder:
    """A reminder that is to be sent now."""

    invoice: Invoice
    step: Step
    days_late: int


def days_late(due: datetime, now: datetime, time_zone: str) -> int:
    """Calendar days since the day on which it was due; negative before."""
    where = zone(time_zone)
    return (now.astimezone(where).date() - due.astimezone(where).date()).days


def aged(
    open: Iterable[Invoice], unapplied: Mapping[tuple[CustomerId, str], int], now: datetime, tz: str
) -> list[Ageing]:
    """One row for each customer and currency, in order. `unapplied` is in minor units."""
    sums: dict[tuple[CustomerId, str], list[int]] = {
        key: [0] * (len(BUCKETS) + 2) for key in unapplied
    }
    for invoice in open:
        row = sums.setdefault((invoice.customer, invoice.gross.currency), [0] * (len(BUCKETS) + 2))
        row[_column(invoice, now, tz)] += invoice.open.minor
    return [
        Ageing(
            customer,
            tuple(Money(minor, currency) for minor in row[:-1]),
            Money(row[-1], currency),
            Money(unapplied.get((customer, currency), 0), currency),
        )
        for (customer, currency), row in sorted(sums.items())
    ]


def _column(invoice: Invoice, now: datetime, tz: str) -> int:
    if invoice.kind is InvoiceKind.CREDIT_NOTE:
        return len(BUCKETS) + 1
    late = days_late(invoice.due, now, tz)
    return sum(late > days for days in BUCKETS)


def due_reminder(
    invoice: Invoice, steps: Sequence[Step], sent: Iterable[Reminder], now: datetime, tz: str
) -> DueReminder | None:
    """The next step of an overdue invoice, if it is time for it: none is left out, and between
    two there are as many days as between their days in the table.
    """
    if not invoice.overdue(now):
        return None
    before = max(sent, key=lambda each: each.level, default=None)
    level = 1 if before is None else before.level + 1
    step = next((each for each in steps if each.level == level), None)
    late = days_late(invoice.due, now, tz)
    if step is None or late < step.days:
        return None
    if before is not None:
        gap = step.days - next((each.days for each in steps if each.level == before.level), 0)
        if days_late(before.at, now, tz) < gap:
            return None
    return DueReminder(invoice, step, late)


@dataclass(frozen=True, slots=True)
class Interest:
    """Simple interest on an overdue invoice over the days of a month: exact until its line."""

    invoice: InvoiceId
    month: Month
    during: Interval
    percent: Decimal
    money_days: int
    currency: str

    @property
    def exact(self) -> Fraction:
        """In minor units."""
        return Fraction(self.percent) * self.money_days / (100 * DAYS_A_YEAR)


@dataclass(frozen=True, slots=True)
class Overdue:
    """An invoice with what was allocated to it when, and what of it is interest itself."""

    invoice: Invoice
    allocations: Sequence[Allocation]
    of_interest: Money


def interest(
    late: Overdue, month: Month, percent: Decimal, now: datetime, time_zone: str
) -> Interest | None:
    """For each day of the month after the day that it was due: what was open as the day began.

    Interest bears no interest. None where there is nothing to pay.
    """
    found = runs(late, month, now, time_zone)
    if not percent or not found:
        return None
    during = Interval(found[0].during.start, found[-1].during.end)
    money_days = sum(each.days * each.open.minor for each in found)
    currency = late.invoice.gross.currency
    return Interest(late.invoice.id, month, during, percent, money_days, currency)


@dataclass(frozen=True, slots=True)
class Run:
    """Days one after the other on which the same was open and late."""

    during: Interval
    days: int
    open: Money


def runs(late: Overdue, month: Month, now: datetime, time_zone: str) -> list[Run]:
    """The days of a month on which something was late, as each began, without its interest."""
    due_on = late.invoice.due.astimezone(zone(time_zone)).date()
    day = max(due_on + timedelta(days=1), month.first)
    found: list[Run] = []
    while day < month.plus(1).first and (begins := _midnight(day, time_zone)) < now:
        base = Money(_open_at(late, begins), late.invoice.gross.currency)
        day += timedelta(days=1)
        ends = _midnight(day, time_zone)
        last = found[-1] if found else None
        if base and last is not None and last.open == base and last.during.end == begins:
            found[-1] = Run(Interval(last.during.start, ends), last.days + 1, base)
        elif base:
            found.append(Run(Interval(begins, ends), 1, base))
    return found


def _midnight(day: date, time_zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone(time_zone)).astimezone(UTC)


def _open_at(late: Overdue, instant: datetime) -> int:
    """In minor units, what was open just before `instant`, less the interest in it."""
    if late.invoice.voided is not None:
        return 0
    since = sum(each.amount.minor for each in late.allocations if each.at >= instant)
    return max(0, late.invoice.open.minor + since - late.of_interest.minor)


def interest_line(due: Interest, taxed: bool, rule: TaxRule) -> Line | None:
    """Rounded once. Under the `rule` of what is late only if the seller's terms say that it is
    taxed. None for less than half.
    """
    amount = Money(half_up(due.exact), due.currency)
    if not amount:
        return None
    under = rule if taxed or rule.category is TaxCategory.OUTSIDE_SCOPE else tax_rule(UNTAXED)
    return Line(
        f"interest/{due.invoice}/{due.month}",
        LineKind.INTEREST,
        f"Interest on {due.invoice}, overdue in {due.month}: {due.percent:f} % a year",
        due.month,
        due.during,
        amount,
        None if taxed else amount,
        price=f"{RATE}{due.percent:f}",
        tax_rule=under.id,
    )


def main_rule(invoice: Invoice) -> TaxRule:
    """That of the most of it."""
    return tax_rule(max(invoice.by_rule, key=lambda part: part.net.minor).rule)
