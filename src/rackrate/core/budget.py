"""Budgets: what on-demand use of a month may cost, who is told on the way, and what then stops."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rackrate.core.grace import check_grace, is_over, stops_at
from rackrate.core.ids import CustomerId, ProjectId
from rackrate.core.interval import Month
from rackrate.core.money import Money

LEVELS = (50, 80, 100)
FULL = LEVELS[-1]
# Use is rated so often for a budget, and no more.
LOOK_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Budget:
    """An amount a month, with tax, for what a customer, or one project of it, uses on demand.

    With `stop`, what runs on demand is stopped a `grace` after all of it is used. The rest is what
    was found when it was last `looked` at: what the month has used, up to which share that was
    told, and when what runs `stops`.
    """

    id: str
    customer: CustomerId
    project: ProjectId | None
    amount: Money
    stop: bool
    grace: timedelta
    month: Month
    spent: Money
    told: int = 0
    looked: datetime | None = None
    stops: datetime | None = None

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise ValueError("a budget is more than nothing; take it away to have none")
        check_grace(self.grace)

    @property
    def percent(self) -> int:
        """How much of it is used, in whole percent, rounded down."""
        return 100 * self.spent.minor // self.amount.minor

    def due(self, now: datetime, month: Month) -> bool:
        """Whether it is time to look at it: now and then, in a new month, and when it stops."""
        if self.looked is None or self.month != month or now >= self.looked + LOOK_EVERY:
            return True
        return is_over(self.stops, now) and not is_over(self.stops, self.looked)

    def seen(self, spent: Money, month: Month, now: datetime) -> "Budget":
        """After a look: a level that was reached is told, the highest, and each once a month.

        What is told first is told before anything stops: the grace begins with it.
        """
        told, stops = (self.told, self.stops) if month == self.month else (0, None)
        after = replace(self, month=month, spent=spent, looked=now, told=told, stops=stops)
        level = max((each for each in LEVELS if each <= after.percent), default=0)
        # It may have been raised, or found to be less: then nothing stops.
        stops = stops_at(stops, self.stop and level == FULL, self.grace, now)
        return replace(after, told=max(told, level), stops=stops)

    def stopping(self, now: datetime) -> bool:
        return is_over(self.stops, now)


def budget_id(customer: CustomerId, project: ProjectId | None) -> str:
    """There is one for a customer, and one for each of its projects."""
    return customer if project is None else f"{customer}:{project}"
