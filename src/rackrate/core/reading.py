"""Readings: what a meter outside of Rackrate counted, such as the bytes that left a site."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import CustomerId, LeaseId, ProjectId, SiteId
from rackrate.core.interval import (
    Interval,
    check_instant,
    month_key,
    months_between,
    seconds_between,
)
from rackrate.core.quick import quick

MOST_BYTES = 10**18
LONGEST = timedelta(days=31)
OLDEST = timedelta(days=3 * 366)
LONGEST_KEY = 200


class Item(StrEnum):
    """What can be counted. Traffic that leaves a site, in bytes."""

    EGRESS = "egress"


@quick
@dataclass(frozen=True, slots=True)
class Reading:
    """`quantity` bytes of an item, over `during`, of a project at a site, as one meter counted.

    `id` is the meter's name and its own name of the reading, so that told twice is once. Of which
    lease it was is kept as evidence. `recorded_at` is when it was told.
    """

    id: str
    meter: str
    customer: CustomerId
    project: ProjectId
    site: SiteId
    item: Item
    quantity: int
    during: Interval
    recorded_at: datetime
    lease: LeaseId | None = None

    def __post_init__(self) -> None:
        check_instant(self.recorded_at)
        if not 0 <= self.quantity <= MOST_BYTES:
            raise ValueError(f"{self.quantity} is not from 0 to {MOST_BYTES} bytes")
        if self.during.end - self.during.start > LONGEST:
            raise ValueError(f"a reading is of at most {LONGEST.days} days")

    @property
    def begun(self) -> str:
        """The month, in UTC, in which it begins: by it a month's readings are found."""
        return month_key(self.during.start)

    @property
    def told(self) -> str:
        """The month, in UTC, in which it was told: by it those that came late are found."""
        return month_key(self.recorded_at)

    def upto(self, instant: datetime) -> int:
        """How much of it had been counted, had it come evenly: whole bytes, all at its end.

        So the parts of a reading add up to it, wherever a month or a price cuts it.
        """
        if instant <= self.during.start:
            return 0
        if instant >= self.during.end:
            return self.quantity
        gone = seconds_between(self.during.start, instant)
        return self.quantity * gone // self.during.seconds

    def within(self, window: Interval) -> int:
        return self.upto(window.end) - self.upto(window.start)

    def same(self, other: "Reading") -> bool:
        """Whether it says the same, whenever it was told."""
        return _said(self) == _said(other)


def _said(reading: Reading) -> tuple[object, ...]:
    return (
        reading.meter, reading.project, reading.site, reading.item, reading.quantity,
        reading.during, reading.lease,
    )  # fmt: skip


def reading_id(meter: str, key: str) -> str:
    return f"{meter}/{key}"


def months_of(window: Interval) -> tuple[str, ...]:
    """Of readings that touch the window: in which months they may have begun."""
    return months_between(window.start - LONGEST, window.end)


def check_period(during: Interval, now: datetime) -> None:
    """Refused for what has not happened yet, or is too long ago to be billed."""
    if during.end > now:
        raise Refused(
            Reason.TOO_EARLY,
            f"a reading until {during.end:%Y-%m-%d %H:%M:%S} UTC is of the future: it is "
            f"{now:%Y-%m-%d %H:%M:%S}",
            {"now": now.isoformat()},
        )
    if during.start < now - OLDEST:
        raise Refused(
            Reason.TOO_LATE,
            f"a reading of {during.start:%Y-%m-%d} is more than {OLDEST.days} days old",
            {"from": (now - OLDEST).isoformat()},
        )
