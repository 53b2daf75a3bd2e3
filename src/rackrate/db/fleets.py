"""The fleet index of each site, kept in memory and caught up by version under the site's lock."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rackrate.core.calendar import Claim, Reservation
from rackrate.core.errors import Unavailable
from rackrate.core.ids import SiteId
from rackrate.core.inventory import Node
from rackrate.core.placement import Fleet
from rackrate.db.rows import CODECS

Query = Callable[[str, Sequence[str]], list[tuple[Any, ...]]]

TABLES = ("node", "reservation", "claim", "fleet_removal")
WAIT_SECONDS = 60.0
LOCK = "SELECT pg_advisory_xact_lock(site_lock($1))"
LATEST = (
    "SELECT greatest({})".format(
        ", ".join(
            f"(SELECT version FROM {table} WHERE site = given.id ORDER BY version DESC LIMIT 1)"
            for table in TABLES
        )
    )
    + " FROM (VALUES ($1::text)) AS given (id)"
)
_CHANGED = {
    kind: f"SELECT {CODECS[kind].select} FROM {CODECS[kind].table} "
    "WHERE site = $1 AND version > $2 ORDER BY id"
    for kind in (Node, Reservation, Claim)
}
_REMOVED = "SELECT kind, id FROM fleet_removal WHERE site = $1 AND version > $2"
_OPEN = f"SELECT {CODECS[Claim].select} FROM claim WHERE site = $1 AND open ORDER BY id"
_ENDED = """
SELECT node.id, last.ended FROM node CROSS JOIN LATERAL (
    SELECT max(upper(during)) AS ended FROM claim WHERE claim.node = node.id AND NOT open
) AS last WHERE node.site = $1 AND last.ended IS NOT NULL"""


@dataclass(slots=True)
class SiteIndex:
    """One site's index. Only the holder of `mutex` and of the site's lock touches `fleet`."""

    mutex: threading.Lock = field(default_factory=threading.Lock)
    fleet: Fleet | None = None

    def take(self, site: SiteId) -> None:
        if not self.mutex.acquire(timeout=WAIT_SECONDS):
            raise Unavailable(f"site {site} has been busy for {WAIT_SECONDS:.0f} s; try again")

    def catch_up(self, site: SiteId, latest: int | None, query: Query) -> Fleet:
        """The index as of `latest`, the version that the caller has read under the lock."""
        fleet, self.fleet = self.fleet, None
        if fleet is not None and fleet.version != (latest or 0):
            # Older than the index: the database was restored from a backup.
            older = fleet.version > (latest or 0)
            fleet = None if older else _advanced(fleet, site, query)
        if fleet is None:
            fleet = _loaded(site, query)
        fleet.version = latest or 0
        self.fleet = fleet
        return fleet


class Fleets:
    """The indexes of a process, made when they are first asked for."""

    def __init__(self) -> None:
        self._sites: dict[SiteId, SiteIndex] = {}
        self._lock = threading.Lock()

    def site(self, site: SiteId) -> SiteIndex:
        with self._lock:
            return self._sites.setdefault(site, SiteIndex())


def mirror(fleet: Fleet, row: Claim | Reservation | Node) -> None:
    """Make the index say what the row, just written, says."""
    match row:
        case Claim():
            held = row.id in fleet.claims
            if row.during.end is None:
                if not held:
                    fleet.hold(row)
            elif held:
                fleet.free(row.id, row.during.end)
            else:
                fleet.closed(row)
        case Reservation():
            fleet.promise(row)
        case Node():
            fleet.set_node(row)


def _loaded(site: SiteId, query: Query) -> Fleet:
    decode = {kind: CODECS[kind].decode for kind in (Node, Reservation, Claim)}
    fleet = Fleet(map(decode[Node], query(_CHANGED[Node], [site, "0"])))
    for row in query(_OPEN, [site]):
        fleet.hold(decode[Claim](row))
    fleet.closed_until.update(query(_ENDED, [site]))
    for row in query(_CHANGED[Reservation], [site, "0"]):
        fleet.promise(decode[Reservation](row))
    return fleet


def _advanced(fleet: Fleet, site: SiteId, query: Query) -> Fleet | None:
    """The index with what others have changed; None when it must be loaded anew.

    What became free comes first, since its slots may have been taken again since.
    """
    since = [site, str(fleet.version)]
    for kind, key in query(_REMOVED, since):
        if kind != "reservation":
            return None
        fleet.withdraw(key)
    changed = {
        kind: [CODECS[kind].decode(row) for row in query(sql, since)]
        for kind, sql in _CHANGED.items()
    }
    claims = changed[Claim]
    for claim in claims:
        if not claim.open:
            mirror(fleet, claim)
    for row in changed[Node] + changed[Reservation]:
        mirror(fleet, row)
    for claim in claims:
        if claim.open:
            mirror(fleet, claim)
    return fleet
