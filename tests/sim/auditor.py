"""An auditor of a replay. It shares no code with what it audits: rows in, findings out.

It walks through claims second by second where anything changes, and rates leases again, slowly,
from the text of their events.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")
HOUR = Decimal(3600)


def held_twice(claims: Iterable[Any]) -> list[str]:
    """Every slot that two claims hold in one second, by walking through all changes in order."""
    changes: list[tuple[datetime, int, Any]] = []
    for claim in claims:
        changes.append((claim.during.start, 1, claim))
        if claim.during.end is not None:
            changes.append((claim.during.end, 0, claim))
    holders: dict[tuple[str, int], str] = {}
    findings: list[str] = []
    for at, begins, claim in sorted(changes, key=lambda change: change[:2]):
        for slot in claim.slots:
            place = (claim.node, slot)
            if not begins:
                holders.pop(place, None)
            elif place in holders:
                findings.append(f"{place} at {at}: {holders[place]} and {claim.id}")
            else:
                holders[place] = claim.id
    return findings


def in_use(events: Iterable[Any]) -> tuple[datetime, datetime] | None:
    """From the health check to the request to end; None if it never ran. Replays do not stop."""
    running = [event.at for event in events if str(event.kind) == "running"]
    ended = [event.at for event in events if str(event.kind) == "end_requested"]
    if not running or running[0] == ended[0]:
        return None
    return running[0], ended[0]


def by_month(start: datetime, end: datetime) -> dict[str, int]:
    """Seconds in each calendar month of UTC."""
    seconds: dict[str, int] = {}
    while start < end:
        following = (start.replace(day=28) + timedelta(days=4)).replace(day=1)
        midnight = datetime(following.year, following.month, 1, tzinfo=UTC)
        until = min(end, midnight)
        seconds[f"{start:%Y-%m}"] = int((until - start).total_seconds())
        start = until
    return seconds


def owed(gpus: int, seconds: int, per_hour: Decimal) -> Decimal:
    """A lease's line in one month: rounded once, half up."""
    return (per_hour * gpus * seconds / HOUR).quantize(CENT, ROUND_HALF_UP)


def bills(
    leases: Iterable[tuple[Any, Iterable[Any]]], per_hour: Decimal
) -> dict[tuple[str, str, str], Decimal]:
    """What is owed by (customer, month, lease)."""
    lines: dict[tuple[str, str, str], Decimal] = {}
    for lease, events in leases:
        used = in_use(list(events))
        gpus = sum(len(list(member.slots)) for member in _members(events))
        for month, seconds in by_month(*used).items() if used else ():
            lines[(lease.customer, month, lease.id)] = owed(gpus, seconds, per_hour)
    return lines


def _members(events: Iterable[Any]) -> Iterable[Any]:
    return next(event.members for event in events if event.members)


def tax(net: Decimal, rate: Decimal) -> Decimal:
    return (net * rate).quantize(CENT, ROUND_HALF_UP)
