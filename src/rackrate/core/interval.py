"""Time: UTC instants at whole seconds, half-open intervals, and months of a time zone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def check_instant(instant: datetime) -> None:
    """ValueError unless `instant` is in UTC and at a whole second."""
    if instant.tzinfo is not UTC or instant.microsecond:
        raise ValueError(f"not a whole second in UTC: {instant.isoformat()}")


def seconds_between(start: datetime, end: datetime) -> int:
    delta = end - start
    return delta.days * 86_400 + delta.seconds


def whole_seconds(lengths: Iterable[timedelta]) -> int:
    """How long they are together; ValueError unless that is whole seconds."""
    total = sum(lengths, timedelta())
    if total.microseconds:
        raise ValueError(f"not whole seconds: {total}")
    return total.days * 86_400 + total.seconds


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The instants from `start` up to, but not including, `end`: UTC, at whole seconds."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        check_instant(self.start)
        check_instant(self.end)
        if not self.start < self.end:
            raise ValueError(f"empty interval: {self}")

    def __str__(self) -> str:
        return f"[{self.start:%Y-%m-%d %H:%M:%S}, {self.end:%Y-%m-%d %H:%M:%S})"

    @property
    def seconds(self) -> int:
        return seconds_between(self.start, self.end)

    def contains(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def intersect(self, other: "Interval") -> "Interval | None":
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None

    def minus(self, holes: Iterable["Interval"]) -> tuple["Interval", ...]:
        """What is left of this interval outside every one of `holes`, in order of time."""
        left: list[Interval] = []
        start = self.start
        for hole in sorted(holes):
            if start < min(hole.start, self.end):
                left.append(Interval(start, min(hole.start, self.end)))
            start = max(start, hole.end)
        if start < self.end:
            left.append(Interval(start, self.end))
        return tuple(left)


@dataclass(frozen=True, slots=True)
class Span:
    """An interval whose end may not be known yet: `end=None` is open."""

    start: datetime
    end: datetime | None = None

    def __post_init__(self) -> None:
        start, end = self.start, self.end
        if start.tzinfo is not UTC or start.microsecond:
            check_instant(start)
        if end is None:
            return
        if end.tzinfo is not UTC or end.microsecond:
            check_instant(end)
        if not start < end:
            raise ValueError(f"empty span: {start.isoformat()} to {end.isoformat()}")

    def contains(self, instant: datetime) -> bool:
        return self.start <= instant and (self.end is None or instant < self.end)

    def overlaps(self, other: "Span") -> bool:
        return (other.end is None or self.start < other.end) and (
            self.end is None or other.start < self.end
        )

    def within(self, window: Interval) -> Interval | None:
        """The part of this span inside `window`."""
        start, end = self.start, self.end
        if start < window.start:
            start = window.start
        if end is None or end > window.end:
            end = window.end
        return Interval(start, end) if start < end else None


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The IANA time zone; ValueError if there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name!r}; write it as Asia/Shanghai") from None


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month; in which time zone, its user says."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1970 <= self.year <= 9998 and 1 <= self.month <= 12):
            raise ValueError(f"no such month: {self.year}-{self.month}")

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @classmethod
    def parse(cls, text: str) -> "Month":
        """From `2026-11`."""
        year, dash, month = text.partition("-")
        if not (dash and year.isascii() and year.isdigit() and month.isascii() and month.isdigit()):
            raise ValueError(f"not a month: {text!r}; write it as 2026-11")
        return cls(int(year), int(month))

    @classmethod
    def of(cls, instant: datetime, time_zone: str) -> "Month":
        """The month that `instant` falls into in `time_zone`."""
        local = instant.astimezone(zone(time_zone))
        return cls(local.year, local.month)

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    def plus(self, months: int) -> "Month":
        years, month = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, month + 1)

    def interval(self, time_zone: str) -> Interval:
        """From local midnight of its first day to that of the next month's."""
        return _month_interval(self, time_zone)


@lru_cache(maxsize=4096)
def _month_interval(month: Month, time_zone: str) -> Interval:
    following = month.plus(1)
    return Interval(
        datetime(month.year, month.month, 1, tzinfo=zone(time_zone)).astimezone(UTC),
        datetime(following.year, following.month, 1, tzinfo=zone(time_zone)).astimezone(UTC),
    )


def months_over(during: Interval, time_zone: str) -> Iterator[tuple[Month, Interval]]:
    """Each month that `during` touches, with the part of `during` inside it."""
    month = Month.of(during.start, time_zone)
    while True:
        part = during.intersect(month.interval(time_zone))
        if part is None:
            return
        yield month, part
        if part.end == during.end:
            return
        month = month.plus(1)


def month_key(instant: datetime) -> str:
    """The month of an instant in UTC, as rows are found by it: `2026-11`."""
    return f"{instant.year:04}-{instant.month:02}"


def months_between(first: datetime, last: datetime) -> tuple[str, ...]:
    """The keys of all months from one instant to another."""
    start, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    return tuple(f"{each // 12:04}-{each % 12 + 1:02}" for each in range(start, end + 1))


def floor_second(instant: datetime) -> datetime:
    """The whole second at or before `instant`: bills end here."""
    return instant.astimezone(UTC).replace(microsecond=0)


def ceil_second(instant: datetime) -> datetime:
    """The whole second at or after `instant`: claims end here."""
    floor = floor_second(instant)
    return floor if floor == instant else floor + timedelta(seconds=1)
