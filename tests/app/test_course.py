"""The course of a contract, month by month, held against its plan, its invoices and the ledger."""

from decimal import Decimal

from rackrate.app.amending import More
from rackrate.app.coursing import course_of
from rackrate.core.access import Role
from rackrate.core.ledger import Account
from tests.app.contract_shop import (
    K1,
    TRAIN,
    balance,
    change,
    close_until,
    day,
    nodes,
    shop,
    sign,
)


def test_what_is_left_and_earned_goes_down_to_nothing_and_agrees_with_the_ledger() -> None:
    """A year of two nodes at 1,000 a month, 20 % prepaid; from the fourth month two more at 500,
    20 % of them prepaid, too. Three months are closed.
    """
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"))
    close_until(built, 1)
    change(built, More((nodes(2, 3, 12, "500.00"),)))
    close_until(built, 3)
    rows = course_of(built.world, built.admin, K1)
    assert [str(row.prepaid_left.amount) for row in rows[:4]] == [
        "2200.00", "2900.00", "2700.00", "2400.00",
    ]  # fmt: skip
    assert [str(row.backlog.amount) for row in rows[:4]] == [
        "15500.00", "14500.00", "13500.00", "12000.00",
    ]  # fmt: skip
    assert not rows[-1].prepaid_left and not rows[-1].backlog
    assert all(row.value == row.drawdown + row.due == row.earned for row in rows)
    earned = sum((row.earned.amount for row in rows[:3]), Decimal(0))
    assert balance(built, Account.CONTRACT_REVENUE) == -earned
    # The fourth month is invoiced in advance, and is a liability beside what is prepaid.
    owed = rows[2].prepaid_left + rows[3].due
    assert balance(built, Account.CONTRACT_LIABILITY) == -owed.amount
    assert [len(row.invoices) for row in rows] == [1, 1, 1, 1] + [0] * 8
    assert [[each.number for each in row.amendments] for row in rows[2:5]] == [[], [1], []]


def test_who_may_not_read_invoices_is_not_told_their_numbers() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"))
    member = built.actor("m@robotics.example", Role.MEMBER, "robotics", TRAIN)
    assert [row.invoices for row in course_of(built.world, member, K1)] == [()] * 12
    assert day(1) == course_of(built.world, member, K1)[1].during.start
