"""Wallets: money that a customer pays ahead, what is left of it, and what follows when none is."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from rackrate.core.credit import COUNT_AGAIN, CreditTally
from rackrate.core.grace import check_grace, is_over, stops_at
from rackrate.core.ids import CustomerId, EntityId
from rackrate.core.money import MOST_AMOUNT, Money

KEEP_STORAGE = timedelta(days=30)
LONGEST_KEPT = timedelta(days=366)
# So long before storage ends it is said once more.
WARNED = timedelta(days=3)
# Between two looks at what it has there are so many minutes at least.
LOOK_EVERY = timedelta(minutes=5)


class Stage(StrEnum):
    """How far it has come. The last three are of one that is used up: what runs is `empty` until
    its grace is over, then stopped; storage is `ending` in its last days, and then `over`.
    """

    FINE = "fine"
    LOW = "low"
    EMPTY = "empty"
    STOPPED = "stopped"
    ENDING = "ending"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Balance:
    """What a wallet has, with tax: what is `held` is money that is allocated to nothing.

    `open` is what is open of invoices, less what is left of credit notes; `used` is what has no
    invoice yet; `hourly` is what runs, and is kept, for an hour. `credit` may be used beyond.
    """

    held: Money
    open: Money
    used: Money
    hourly: Money
    credit: Money

    @property
    def left(self) -> Money:
        return self.held - self.open - self.used

    @property
    def used_up(self) -> bool:
        return _used_up(self.left + self.credit, self.hourly)

    @property
    def lasts(self) -> timedelta | None:
        """Until it is used up, if what runs runs on; None: nothing uses it."""
        if self.hourly.minor <= 0:
            return None
        room = max(0, (self.left + self.credit).minor)
        hours = Fraction(room, self.hourly.minor)
        return min(timedelta(seconds=int(hours * 3600)), LONGEST_KEPT * 100)


@dataclass(frozen=True, slots=True)
class Wallet:
    """That a customer pays ahead. `low` is below what it is told that little is left.

    When all is used, what is sold by the moment is stopped a `grace` after that was told, and
    storage is kept for `keep_storage` from then. The rest is as of the last look: at which stage
    it was, when leases `stops` and storage `ends`, and the amounts that the next look is
    reckoned from. Once `closed`, what it has pays what was used until then.
    """

    id: CustomerId
    entity: EntityId
    opened: datetime
    low: Money
    grace: timedelta
    keep_storage: timedelta
    left: Money
    used: Money
    credit: Money
    stage: Stage = Stage.FINE
    looked: datetime | None = None
    stops: datetime | None = None
    ends: datetime | None = None
    closed: datetime | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.low.amount <= MOST_AMOUNT:
            raise ValueError(f"low is 0 to {MOST_AMOUNT:,}, not {self.low}")
        check_grace(self.grace)
        if not timedelta(0) <= self.keep_storage <= LONGEST_KEPT:
            raise ValueError(f"storage is kept for 0 to {LONGEST_KEPT.days} days")

    @property
    def customer(self) -> CustomerId:
        return self.id

    @property
    def in_use(self) -> bool:
        return self.closed is None

    def by(self, low: Money, grace: timedelta, keep_storage: timedelta) -> "Wallet":
        """By other terms from now on; another grace begins anew, and is told."""
        after = replace(self, low=low, grace=grace, keep_storage=keep_storage)
        return after if grace == self.grace else replace(after, stops=None, ends=None)

    def due(self, now: datetime, tally: CreditTally | None) -> bool:
        """Whether it is time to look: after an hour, when something is to be done, or when by
        what runs it has reached the next stage. Nothing is rated for this answer.
        """
        if not self.in_use:
            return False
        if self.looked is None or tally is None or now >= self.looked + COUNT_AGAIN:
            return True
        if any(is_over(at, now) and not is_over(at, self.looked) for at in self._instants()):
            return True
        if now < self.looked + LOOK_EVERY or tally.used.currency != self.left.currency:
            return False
        left = self.left + self.used - tally.on(now).used
        if self.stage is Stage.FINE and left < self.low and tally.hourly:
            return True
        return self.stops is None and _used_up(left + self.credit, tally.hourly)

    def seen(self, found: Balance, active: bool, now: datetime) -> "Wallet":
        """After a look. `active`: something is there that it pays for, and could be stopped."""
        stops = stops_at(self.stops, found.used_up and active, self.grace, now)
        ends = None if stops is None else stops + self.keep_storage
        after = replace(
            self,
            left=found.left,
            used=found.used,
            credit=found.credit,
            looked=now,
            stops=stops,
            ends=ends,
        )
        return replace(after, stage=after._stage(active and bool(found.hourly), now))

    def to_be_looked_at(self) -> "Wallet":
        """What it has is another: the next pass looks."""
        return replace(self, looked=None)

    def _instants(self) -> tuple[datetime | None, ...]:
        return self.stops, self.warns, self.ends

    @property
    def warns(self) -> datetime | None:
        """When it is said once more that storage ends: not before what runs is stopped."""
        if self.stops is None or self.ends is None:
            return None
        return max(self.stops, self.ends - WARNED)

    def _stage(self, in_use: bool, now: datetime) -> Stage:
        if self.stops is None:
            return Stage.LOW if in_use and self.left < self.low else Stage.FINE
        if is_over(self.ends, now):
            return Stage.OVER
        if is_over(self.warns, now):
            return Stage.ENDING
        return Stage.STOPPED if is_over(self.stops, now) else Stage.EMPTY


def _used_up(room: Money, hourly: Money) -> bool:
    """What costs nothing, such as a trial, may run on when nothing is left."""
    return room.minor < 0 or (not room and bool(hourly))
