"""Credit: what a customer owes and runs up, held against its limit before anything starts."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import CustomerId
from rackrate.core.interval import seconds_between
from rackrate.core.money import Money

HOUR_S = 3600
# How far ahead what runs is counted: what starts must be payable for so long.
LOOK_AHEAD = timedelta(hours=1)
# For how long a count is carried on by what runs; then use is rated anew.
COUNT_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CreditTally:
    """What a customer used and has no invoice for, as of `at`, and what runs costs an hour.

    Never too low between two counts: what starts is added at once, and what stops is taken off at
    the next count. `counted` is when use was last rated.
    """

    id: CustomerId
    counted: datetime
    at: datetime
    used: Money
    hourly: Money

    def holds(self, now: datetime, currency: str) -> bool:
        """Whether it may be carried on, and use need not be rated anew."""
        young = self.counted <= self.at <= now < self.counted + COUNT_AGAIN
        return young and self.used.currency == currency

    def on(self, now: datetime) -> "CreditTally":
        """As of now, had everything run on since."""
        run = -(-self.hourly.minor * seconds_between(self.at, now) // HOUR_S)
        return replace(self, at=now, used=self.used + Money(run, self.used.currency))

    def with_start(self, hourly: Money) -> "CreditTally":
        return replace(self, hourly=self.hourly + hourly)


@dataclass(frozen=True, slots=True)
class Credit:
    """A customer's limit, None where it has none, and what counts against it. With tax, all of it.

    `owed` is what is open of its invoices, less what is `held`: money that is allocated to
    nothing. `used` is what has no invoice yet; `hourly` is what its on-demand leases, and what it
    keeps, cost for the next hour. With a `wallet` it has what it paid ahead, and its limit, if
    any, beyond that.
    """

    limit: Money | None
    owed: Money
    used: Money
    hourly: Money
    held: Money
    wallet: bool = False

    @property
    def left(self) -> Money | None:
        """What may still be started, by the hour; below zero, by how much it is exceeded."""
        return None if self.limit is None else self.limit - self.owed - self.used - self.hourly

    def allows(self, more: Money) -> bool:
        """Whether something may start that costs `more` an hour. What costs nothing always may."""
        return self.left is None or not more or more <= self.left

    def check(self, more: Money) -> None:
        """Refused where it does not fit, with what is left and what it would cost."""
        if self.allows(more):
            return
        left = self.left
        assert left is not None
        assert self.limit is not None
        short = more - left
        if self.wallet:
            room = Money(max(0, left.minor), left.currency)
            of = f" and of the credit limit of {self.limit}" if self.limit else ""
            text = (
                f"{room} is left in the wallet{of}, beside what is owed, used, and running for "
                f"the next hour; this would cost {more} an hour; {short} more has to be paid in"
            )
        else:
            text = (
                f"{self._standing(left)}; this would cost {more} an hour: {short} more has to be "
                f"paid, or the limit raised to {self.limit + short}"
            )
        facts = {
            "limit": f"{self.limit.amount:f}",
            "owed": f"{self.owed.amount:f}",
            "used": f"{self.used.amount:f}",
            "running_an_hour": f"{self.hourly.amount:f}",
            "left": f"{left.amount:f}",
            "would_cost_an_hour": f"{more.amount:f}",
            "short": f"{short.amount:f}",
            "limit_needed": f"{(self.limit + short).amount:f}",
            "currency": left.currency,
        }
        reason = Reason.WALLET_TOO_LOW if self.wallet else Reason.CREDIT_LIMIT
        raise Refused(reason, text, facts)

    def _standing(self, left: Money) -> str:
        """What is left of the limit, or by how much it is exceeded, and by what."""
        owed = f"{self.owed} is open" if self.owed.minor >= 0 else f"{-self.owed} is paid ahead"
        parts = f"{owed}, {self.used} used, {self.hourly} running for the next hour"
        if left.minor < 0:
            return f"the credit limit of {self.limit} is exceeded by {-left}: {parts}"
        return f"{left} of the credit limit of {self.limit} is left: {parts}"
