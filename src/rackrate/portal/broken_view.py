"""Broken promises as pages show them, and the days that people type."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from rackrate.app.breaches import Broken, Consequence
from rackrate.core.access import Verb
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.errors import Invalid
from rackrate.core.interval import zone
from rackrate.portal.messages import msg
from rackrate.portal.page import Page

KINDS: Mapping[ReservationKind, str] = {
    ReservationKind.HOLD: msg("Hold"),
    ReservationKind.CONTRACT: msg("Contract"),
    ReservationKind.FLEX: msg("Flex"),
    ReservationKind.MAINTENANCE: msg("Maintenance"),
    ReservationKind.LEASE_BACK: msg("Leased back"),
}


def told_of(page: Page, told: Consequence) -> dict[str, Any]:
    """What an act does to promises, before or after it."""
    return {
        "broken": rows_of(page, told.broken),
        "mended": sorted({row.holder for row in told.mended}),
    }


def _kind(held: Reservation) -> str:
    return msg("Right to renew") if held.renews else KINDS[held.kind]


def rows_of(page: Page, found: Iterable[Broken]) -> list[dict[str, Any]]:
    """A table of broken promises, each with what would mend it."""
    return [
        {
            "kind": _kind(broken.short.reservation),
            "holder": broken.short.reservation.holder,
            "link": broken.short.reservation.kind is ReservationKind.CONTRACT
            and page.may(Verb.CONTRACT_READ),
            "customer": broken.short.reservation.customer,
            "pool": broken.short.reservation.pool,
            "nodes": broken.short.nodes,
            "during": broken.short.during,
            "cause": "" if broken.row is None else broken.row.cause,
            "mends": broken.mends,
        }
        for broken in found
    ]


def day_of(field: str, text: str, zone_name: str) -> datetime:
    """Midnight of a day on the organisation's calendar."""
    try:
        local = datetime.combine(date.fromisoformat(text), time(), zone(zone_name))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(field, f"{text!r} is not a day such as 2027-03-01") from None
