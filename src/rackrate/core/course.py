"""The course of a contract: what each month is worth and earns, and what is left after it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rackrate.core.contract import Amendment, Contract, Schedule
from rackrate.core.ids import InvoiceId
from rackrate.core.instalment import Earned
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import InvoiceLine, LineKind
from rackrate.core.money import Money, total


@dataclass(frozen=True, slots=True)
class CourseMonth:
    """A month of all commitments together: `value` = `drawdown` + `due`, as quoted.

    After it, `prepaid_left` of what was prepaid by then is not drawn down, as quoted, too. What is
    `earned`, and the `backlog` that later months will earn, are net of tax. The instalment is
    `asked` for in these months, and stands on these `invoices`. The `amendments` hold from it on.
    """

    month: Month
    during: Interval
    value: Money
    drawdown: Money
    due: Money
    prepaid_left: Money
    earned: Money
    backlog: Money
    asked: tuple[Month, ...]
    invoices: tuple[InvoiceId, ...]
    amendments: tuple[Amendment, ...]


def course(
    contract: Contract,
    plan: Schedule,
    earned: Iterable[Earned],
    billed: Iterable[InvoiceLine],
    time_zone: str,
) -> tuple[CourseMonth, ...]:
    """Month by month. `billed` are lines of the contract that are owed, of whatever kind."""
    by_month = plan.by_month
    zero = Money.zero(contract.currency)
    earns: dict[Month, Money] = {each.month: zero for each in by_month}
    for one in earned:
        earns[one.month] += one.amount
    invoices: dict[Month, set[InvoiceId]] = {}
    for row in billed:
        if row.line.kind is LineKind.INSTALMENT:
            invoices.setdefault(row.line.month, set()).add(row.invoice)
    changes = _changes(contract, [each.month for each in by_month], time_zone)
    backlog, drawn, rows = total(earns.values(), contract.currency), zero, []
    for each in by_month:
        drawn += each.drawdown
        backlog -= earns[each.month]
        rows.append(
            CourseMonth(
                each.month,
                each.during,
                each.value,
                each.drawdown,
                each.due,
                _prepaid_by(contract, plan, each.month, time_zone) - drawn,
                earns[each.month],
                backlog,
                each.invoiced,
                tuple(sorted(invoices.get(each.month, ()))),
                tuple(changes.get(each.month, ())),
            )
        )
    return tuple(rows)


def _prepaid_by(contract: Contract, plan: Schedule, month: Month, time_zone: str) -> Money:
    """The prepayments of all that was ordered by then; that of the signature comes before all.

    What is prepaid for use is no month's: it is drawn down by what is used.
    """
    if contract.terms.payment.balance:
        return Money.zero(contract.currency)
    ordered = {each.number: Month.of(each.at, time_zone) for each in contract.amendments}
    due = (amount for order, amount in plan.prepayments if not order or ordered[order] <= month)
    return total(due, contract.currency)


def _changes(
    contract: Contract, months: Sequence[Month], time_zone: str
) -> dict[Month, list[Amendment]]:
    """Each amendment in the month from which it holds, or in the last that is before that."""
    found: dict[Month, list[Amendment]] = {}
    for each in contract.amendments if months else ():
        holds = Month.of(each.effective, time_zone)
        here = max((month for month in months if month <= holds), default=months[0])
        found.setdefault(here, []).append(each)
    return found
