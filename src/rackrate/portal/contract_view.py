"""The course of a contract as its page shows it: two charts, and one table that says the same."""

from collections.abc import Iterator, Sequence
from typing import Any

from rackrate.core.contract import AmendmentKind, Broken
from rackrate.core.course import CourseMonth
from rackrate.core.money import Money
from rackrate.portal.messages import msg
from rackrate.portal.page import Page

KINDS = {
    AmendmentKind.MORE: msg("More nodes"),
    AmendmentKind.FEWER: msg("Fewer nodes"),
    AmendmentKind.EXTEND: msg("Longer"),
    AmendmentKind.SWAP: msg("Newer nodes"),
    AmendmentKind.RENEW: msg("Renewed"),
    AmendmentKind.END: msg("Ended early"),
}
BROKEN = {
    Broken.SECOND: msg("by the second"),
    Broken.DAY: msg("by the day"),
    Broken.THIRTY: msg("by days of thirty a month"),
}
COLUMNS = (
    "month", "currency", "value", "from_prepayment", "instalment", "prepaid_left", "earned_net",
    "backlog_net", "invoiced_in", "invoices", "amendments",
)  # fmt: skip


def values_of(page: Page, months: Sequence[CourseMonth]) -> dict[str, Any]:
    """What `parts/contract_course.html` shows."""
    return {
        "months": [(month, _state(page, month)) for month in months],
        "instalments_chart": _instalments(page, months),
        "left_chart": _left(page, months),
        "left_now": _left_now(page, months),
        "amendment_kinds": KINDS,
        "broken": BROKEN,
    }


def _state(page: Page, month: CourseMonth) -> tuple[str, str]:
    if month.during.end <= page.now:
        return "", msg("Served")
    if month.during.contains(page.now):
        return "ok", msg("This month")
    return "wait", msg("To come")


def _left_now(page: Page, months: Sequence[CourseMonth]) -> CourseMonth | None:
    """The last month that is over: what is left after it."""
    over = [month for month in months if month.during.end <= page.now]
    return over[-1] if over else None


def _figures(amounts: Iterator[Money]) -> list[float]:
    return [float(amount.amount) for amount in amounts]


def _instalments(page: Page, months: Sequence[CourseMonth]) -> dict[str, Any]:
    """What each month costs: of the prepayment, invoiced already or begun, and to come."""
    begun = [month.during.start <= page.now or bool(month.invoices) for month in months]
    due = _figures(month.due for month in months)
    return {
        "kind": "stack",
        "label": page.say(msg("Instalments by month; the table says the same")),
        "categories": [str(month.month) for month in months],
        "marks": _marks(page, months),
        "series": [
            {
                "name": page.say(msg("drawn from the prepayment")),
                "fill": "flex",
                "data": _figures(month.drawdown for month in months),
            },
            {
                "name": page.say(msg("instalment, begun or invoiced")),
                "fill": "contract",
                "data": [value if so else 0 for value, so in zip(due, begun, strict=True)],
            },
            {
                "name": page.say(msg("instalment, to come")),
                "fill": "hold",
                "data": [0 if so else value for value, so in zip(due, begun, strict=True)],
            },
        ],
    }


def _left(page: Page, months: Sequence[CourseMonth]) -> dict[str, Any]:
    """The drawdown: what is left of the prepayment and of the contract after each month."""
    return {
        "kind": "levels",
        "label": page.say(
            msg("Prepayment and backlog left after each month; the table says the same")
        ),
        "categories": [str(month.month) for month in months],
        "marks": _marks(page, months),
        "series": [
            {
                "name": page.say(msg("backlog")),
                "fill": "contract",
                "data": _figures(month.backlog for month in months),
            },
            {
                "name": page.say(msg("prepayment left")),
                "fill": "flex",
                "data": _figures(month.prepaid_left for month in months),
            },
        ],
    }


def _marks(page: Page, months: Sequence[CourseMonth]) -> list[dict[str, Any]]:
    """Where the contract was amended, by the place of the month."""
    return [
        {
            "at": place,
            "text": ", ".join(page.say(KINDS[each.kind]) for each in month.amendments),
        }
        for place, month in enumerate(months)
        if month.amendments
    ]


def rows_of(months: Sequence[CourseMonth]) -> Iterator[tuple[object, ...]]:
    """The table as CSV."""
    for each in months:
        yield (
            each.month, each.value.currency, each.value.amount, each.drawdown.amount,
            each.due.amount, each.prepaid_left.amount, each.earned.amount, each.backlog.amount,
            " ".join(map(str, each.asked)), " ".join(each.invoices),
            " ".join(str(one.number) for one in each.amendments),
        )  # fmt: skip
