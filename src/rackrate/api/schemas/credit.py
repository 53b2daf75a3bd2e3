"""Credit limits, and what counts against them."""

from pydantic import Field

from rackrate.api.schemas.parts import Money, Schema
from rackrate.core import credit
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


def _money(value: Exact | None) -> Money | None:
    return None if value is None else Money.of(value)
