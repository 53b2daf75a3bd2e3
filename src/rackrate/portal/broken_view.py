"""Broken promises as pages show them, and the days that people type."""

from collections.abc import Iterable, Mapping
from typing import Any

from rackrate.app.breaches import Broken, Consequence
from rackrate.core.access import Verb
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.tally import SOLD
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
            "link": broken.short.reservation.kind in SOLD and page.may(Verb.CONTRACT_READ),
            "customer": broken.short.reservation.customer,
            "pool": broken.short.reservation.pool,
            "nodes": broken.short.nodes,
            "during": broken.short.during,
            "cause": "" if broken.row is None else broken.row.cause,
            "mends": broken.mends,
        }
        for broken in found
    ]
