"""Credit limits and budgets, and what counts against them."""

from datetime import datetime, timedelta

from pydantic import Field

from rackrate.api.schemas.parts import Id, Money, Schema
from rackrate.app.budgets import NewBudget
from rackrate.core import budget, credit
from rackrate.core.grace import LONGEST_GRACE
from rackrate.core.ids import CustomerId, ProjectId
from rackrate.core.money import Money as Exact


class LimitRequest(Schema):
    """What a customer may have open, used and running, with tax."""

    limit: Money | None = Field(description="In the customer's currency; null: there is no limit")


class Credit(Schema):
    """All with tax. What counts is what is open of invoices less money that is allocated to
    nothing, what was used and has no invoice yet, and the next hour of what runs on demand.
    """

    customer: str
    limit: Money | None
    owed: Money
    used: Money
    running_an_hour: Money
    left: Money | None = Field(description="Below zero: by how much the limit is exceeded")

    @classmethod
    def of(cls, customer: str, found: credit.Credit) -> "Credit":
        return cls(
            customer=customer,
            limit=_money(found.limit),
            owed=Money.of(found.owed),
            used=Money.of(found.used),
            running_an_hour=Money.of(found.hourly),
            left=_money(found.left),
        )


class BudgetRequest(Schema):
    """What a customer, or one of its projects, may use on demand in a month, with tax."""

    customer: Id
    project: Id | None = None
    amount: Money
    stop: bool = Field(default=False, description="Stop what runs on demand when it is used up")
    grace_hours: int = Field(default=24, ge=0, le=LONGEST_GRACE.days * 24)

    def new(self) -> NewBudget:
        return NewBudget(
            CustomerId(self.customer),
            None if self.project is None else ProjectId(self.project),
            self.amount.value,
            self.stop,
            timedelta(hours=self.grace_hours),
        )


class Budget(Schema):
    """A budget, and what the month has used of it as of the last look."""

    id: str
    customer: str
    project: str | None
    amount: Money
    stop: bool
    grace_hours: int
    month: str
    spent: Money
    percent: int
    stops: datetime | None = Field(description="When what runs on demand is stopped")

    @classmethod
    def of(cls, found: budget.Budget) -> "Budget":
        return cls(
            id=found.id,
            customer=found.customer,
            project=found.project,
            amount=Money.of(found.amount),
            stop=found.stop,
            grace_hours=int(found.grace / timedelta(hours=1)),
            month=str(found.month),
            spent=Money.of(found.spent),
            percent=found.percent,
            stops=found.stops,
        )


def _money(value: Exact | None) -> Money | None:
    return None if value is None else Money.of(value)
