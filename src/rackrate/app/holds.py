"""Holds on the calendar that have expired: whoever reserves next takes their rows away first."""

from datetime import datetime

from rackrate.app.ports import Tx
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.ids import SiteId


def drop_expired(tx: Tx, site: SiteId, now: datetime) -> int:
    """Remove the site's holds that do not count any more; how many there were.

    The calendar forgets them by itself, to the second. The database sums rows: without this it
    would refuse what the calendar has room for. Everything that reserves asks this first.
    """
    tx.fleet(site)
    gone = [
        held
        for held in tx.find(Reservation, site=site, kind=ReservationKind.HOLD)
        if not held.counts(now)
    ]
    for held in gone:
        tx.remove(Reservation, held.id)
    return len(gone)
