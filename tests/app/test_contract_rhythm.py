"""Instalments by month or quarter, in advance or in arrears: told as an accountant does."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rackrate.app import billing, explaining, sales, voiding
from rackrate.app.amending import End
from rackrate.core.contract import (
    Commitment,
    CommitmentKind,
    EarlyEnd,
    Every,
    InvoicedIn,
    Opening,
    PaymentTerm,
    Prepaid,
    Terms,
)
from rackrate.core.errors import Reason, Refused
from rackrate.core.interval import Interval
from rackrate.core.invoice import LineKind
from rackrate.core.ledger import Account
from tests.app.contract_shop import (
    K1,
    NOVEMBER,
    TRAIN,
    balance,
    change,
    close,
    close_until,
    cny,
    day,
    invoiced,
    nodes,
    shop,
    sign,
)
from tests.build import Built

ADVANCE, ARREARS = InvoicedIn.ADVANCE, InvoicedIn.ARREARS


def paid(every: Every, when: InvoicedIn) -> Terms:
    return Terms(early_end=EarlyEnd(Decimal(0)), payment=PaymentTerm(every, when))


def instalments(built: Built) -> dict[str, str]:
    """What was invoiced of each month."""
    lines = (line for line in reversed(invoiced(built)) if line.kind is LineKind.INSTALMENT)
    return dict(sorted((str(line.month), str(line.net.amount)) for line in lines))


def books(built: Built) -> tuple[object, object]:
    """(contract liability, unbilled receivable)"""
    return -balance(built, Account.CONTRACT_LIABILITY), balance(built, Account.UNBILLED)


def plan_says(built: Built) -> list[str]:
    _, plan = sales.show(built.world, built.admin, K1)
    return [f"{each.month} in {each.invoiced[0]}" for each in plan.instalments]


def test_a_quarter_in_advance_is_invoiced_with_the_close_before_it() -> None:
    """A year at 1,000 a month from November: the first quarter at signature, the next from
    February to April when January closes.
    """
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), percent=0, terms=paid(Every.QUARTER, ADVANCE))
    first = {"2026-11": "1000.00", "2026-12": "1000.00", "2027-01": "1000.00"}
    assert instalments(built) == first
    assert books(built) == (3000, 0)
    close_until(built, 2)
    assert instalments(built) == first
    assert books(built) == (1000, 0)
    close(built, NOVEMBER.plus(2))
    assert list(instalments(built)) == [*first, "2027-02", "2027-03", "2027-04"]
    assert books(built) == (3000, 0)
    assert plan_says(built)[2:5] == [
        "2027-01 in 2026-11",
        "2027-02 in 2027-02",
        "2027-03 in 2027-02",
    ]


def test_a_month_in_arrears_is_invoiced_when_it_closes() -> None:
    """Nothing is asked at signature, and nothing is ever owed to the customer."""
    built = shop()
    sign(built, nodes(2, 0, 2, "1000.00"), percent=0, terms=paid(Every.MONTH, ARREARS))
    assert invoiced(built) == []
    close(built, NOVEMBER)
    assert instalments(built) == {"2026-11": "1000.00"}
    assert books(built) == (0, 0)
    close(built, NOVEMBER.plus(1))
    assert instalments(built) == {"2026-11": "1000.00", "2026-12": "1000.00"}
    assert balance(built, Account.CONTRACT_REVENUE) == -2000
    assert plan_says(built) == ["2026-11 in 2026-12", "2026-12 in 2027-01"]


def test_quarters_in_arrears_with_a_prepayment_that_end_in_the_middle_of_one() -> None:
    """A year at 1,000 a month, 20 % prepaid: of each month 200 is drawn down and 800 invoiced after
    its quarter. Ended in the middle of March, the fifth month, half of which is paid for.
    """
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=paid(Every.QUARTER, ARREARS))
    assert books(built) == (2400, 0)
    close(built, NOVEMBER)
    assert (instalments(built), books(built)) == ({}, (2200, 800))
    close(built, NOVEMBER.plus(1))
    assert (instalments(built), books(built)) == ({}, (2000, 1600))
    close(built, NOVEMBER.plus(2))
    first = {"2026-11": "800.00", "2026-12": "800.00", "2027-01": "800.00"}
    assert (instalments(built), books(built)) == (first, (1800, 0))
    change(built, End(day(4) + timedelta(days=15, hours=12)))
    close(built, NOVEMBER.plus(3))
    assert (instalments(built), books(built)) == (first, (1600, 800))
    close(built, NOVEMBER.plus(4))
    # The broken quarter is over with the contract; what was prepaid and not drawn down goes back.
    assert instalments(built) == {**first, "2027-02": "800.00", "2027-03": "300.00"}
    back = [str(line.net.amount) for line in invoiced(built) if line.kind is LineKind.REFUND]
    assert back == ["-1400.00"]
    assert books(built) == (0, 0)
    assert balance(built, Account.CONTRACT_REVENUE) == -4500


def test_a_quarter_invoiced_in_advance_gives_back_what_an_early_end_cuts() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), percent=0, terms=paid(Every.QUARTER, ADVANCE))
    change(built, End(day(1)))
    assert sum(line.net.amount for line in invoiced(built)) == 1000
    assert books(built) == (1000, 0)
    close(built, NOVEMBER)
    assert books(built) == (0, 0)


@pytest.mark.parametrize(
    ("months", "due", "left"),
    [
        (Prepaid.FIRST, ["0.00", "0.00", "500.00", *["1000.00"] * 7], 500),
        (Prepaid.LAST, [*["1000.00"] * 7, "500.00", "0.00", "0.00"], 2500),
    ],
)
def test_a_prepayment_pays_for_the_first_or_the_last_months(
    months: Prepaid, due: list[str], left: int
) -> None:
    """A quarter of ten months at 1,000 is prepaid: two and a half months are."""
    built = shop()
    terms = Terms(early_end=EarlyEnd(Decimal(0)), payment=PaymentTerm(prepaid=months))
    sign(built, nodes(2, 0, 10, "1000.00"), percent=25, terms=terms)
    _, plan = sales.show(built.world, built.admin, K1)
    assert [str(each.due.amount) for each in plan.instalments] == due
    close_until(built, 2)
    # Two months are served; of the third, what is not prepaid is invoiced.
    assert books(built) == (left + (500 if months is Prepaid.FIRST else 1000), 0)
    change(built, End(day(5)))
    for month in range(2, 5):
        close(built, NOVEMBER.plus(month))
    # What was prepaid for the last months does not come any more, and goes back.
    back = [line.net.amount for line in invoiced(built) if line.kind is LineKind.REFUND]
    assert back == ([] if months is Prepaid.FIRST else [-2500])
    assert books(built) == (0, 0)
    assert balance(built, Account.CONTRACT_REVENUE) == -5000


def test_what_is_paid_once_is_invoiced_with_its_own_month_and_not_with_a_quarter() -> None:
    built = shop()
    set_up = Commitment(2, CommitmentKind.ONE_OFF, "Set-up", Interval(day(1), day(2)), cny("70.00"))
    sign(built, nodes(2, 0, 6, "1000.00"), set_up, percent=0, terms=paid(Every.QUARTER, ARREARS))
    close_until(built, 2)
    assert instalments(built) == {"2026-12": "70.00"}
    assert books(built) == (0, 2000)


def test_a_void_invoice_of_what_was_earned_is_unbilled_again_until_it_comes_again() -> None:
    built = shop()
    sign(built, nodes(2, 0, 2, "1000.00"), percent=0, terms=paid(Every.MONTH, ARREARS))
    close(built, NOVEMBER)
    (invoice,) = billing.find(built.world, built.admin)
    voiding.void_invoice(built.world, built.admin, invoice.id, "a wrong address")
    assert books(built) == (0, 1000)
    close(built, NOVEMBER.plus(1))
    assert books(built) == (0, 0)


def test_a_line_in_arrears_explains_what_it_is_of_and_where_it_is_posted() -> None:
    built = shop()
    sign(built, nodes(2, 0, 3, "1000.00"), terms=paid(Every.QUARTER, ARREARS))
    close_until(built, 3)
    invoice = billing.find(built.world, built.admin)[0]
    why = explaining.explain(built.world, built.admin, invoice.id, 2)
    assert why.scheduled is not None
    assert why.scheduled.instalment is not None
    found = why.scheduled.instalment
    assert [str(money.amount) for money in (found.value, found.drawdown, found.due)] == [
        "1000.00",
        "200.00",
        "800.00",
    ]
    assert why.scheduled.matches
    assert Account.UNBILLED in {posting.account for posting in why.entries[0].postings}


def test_a_contract_that_runs_already_is_taken_over_only_if_paid_monthly_in_advance() -> None:
    built = shop()
    opening = Opening(day(-6), NOVEMBER, NOVEMBER.plus(-1), cny("0.00"))
    offer = sales.Offer(
        K1, TRAIN, (nodes(2, -6, 6, "1000.00"),), Decimal(0), False, opening=opening
    )
    with pytest.raises(Refused, match="every quarter, in arrears") as caught:
        sales.sign(built.world, built.admin, replace(offer, terms=paid(Every.QUARTER, ARREARS)))
    assert caught.value.reason is Reason.INVALID
    sales.sign(built.world, built.admin, offer)
