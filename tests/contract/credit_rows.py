"""What stores keep of credit limits and budgets."""

from datetime import UTC, datetime, timedelta

from rackrate.core.budget import Budget
from rackrate.core.credit import CreditTally
from rackrate.core.ids import CustomerId, ProjectId
from rackrate.core.interval import Month
from rackrate.core.money import Money

ACME, ACME_LAB = CustomerId("acme"), ProjectId("acme-lab")
NOON, HOUR = datetime(2026, 11, 22, 12, tzinfo=UTC), timedelta(hours=1)
FULL, MONTH = Money(1000, "CNY"), Month(2026, 11)

CREDIT_ROWS: tuple[object, ...] = (
    CreditTally(ACME, NOON, NOON + HOUR, Money(700, "CNY"), Money(50, "CNY")),
    Budget("acme", ACME, None, FULL, False, HOUR, MONTH, Money(0, "CNY")),
    Budget("acme:acme-lab", ACME, ACME_LAB, FULL, True, HOUR, MONTH, FULL, 100, NOON, NOON + HOUR),
)
