"""Notice, grace, stop: what follows when something is used up, and never before it was told."""

from datetime import datetime, timedelta

GRACE = timedelta(hours=24)
LONGEST_GRACE = timedelta(days=31)


def check_grace(grace: timedelta) -> None:
    if not timedelta(0) <= grace <= LONGEST_GRACE:
        raise ValueError(f"a grace is 0 to {LONGEST_GRACE.days} days")


def stops_at(
    before: datetime | None, used_up: bool, grace: timedelta, now: datetime
) -> datetime | None:
    """When what runs is stopped: a grace after this was told first, which is now or `before`.

    None while something is left: a notice is withdrawn by what makes it untrue.
    """
    if not used_up:
        return None
    return now + grace if before is None else before


def is_over(instant: datetime | None, now: datetime) -> bool:
    """Whether what was told for that instant is to be done."""
    return instant is not None and instant <= now
