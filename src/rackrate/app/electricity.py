"""What sites draw, and that nothing enters service beyond what they and their racks have."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from rackrate.app.ports import Tx
from rackrate.app.world import World, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.chips import Chip
from rackrate.core.ids import SiteId
from rackrate.core.inventory import Node, Rack, Site
from rackrate.core.power import (
    DRAWS,
    Changes,
    SitePower,
    check_planned,
    check_power,
    node_kw,
    planned,
    site_power,
)


def show(world: World, actor: Actor, id: SiteId) -> SitePower:
    """What a site and its racks draw now, against what they have."""
    with reading(world, actor, Verb.FLEET_READ, Target("site", id)) as tx:
        site = tx.get(Site, id)
        chips = {chip.id: chip for chip in tx.find(Chip)}
        return site_power(site, tx.find(Rack, site=id), tx.find(Node, site=id), chips)


def check_fits(tx: Tx, id: SiteId, changed: Sequence[Node]) -> None:
    """Refused where the nodes, as they will be, draw more than their site or a rack has."""
    site, racks = tx.get(Site, id), tx.find(Rack, site=id)
    limited = site.active_mw is not None or site.contracted_mw is not None
    drawing = [node for node in changed if node.state in DRAWS]
    if not drawing or not (limited or any(node.rack is not None for node in drawing)):
        return
    chips = {chip.id: chip for chip in tx.find(Chip)}
    fleet = tx.fleet(id)
    new = {node.id: node for node in changed}
    after = [new.pop(node.id, node) for node in fleet.nodes]
    check_power(
        site_power(site, racks, fleet.nodes, chips),
        site_power(site, racks, [*after, *new.values()], chips),
        node_kw(drawing[0], chips.get(drawing[0].chip)),
    )


def check_may_come(tx: Tx, id: SiteId, coming: Sequence[Node], now: datetime) -> None:
    """Refused where the site could never power these nodes on the days they are expected on,
    beside what it has and all else that is on its way.
    """
    site = tx.get(Site, id)
    if site.active_mw is None and site.contracted_mw is None:
        return
    chips = {chip.id: chip for chip in tx.find(Chip)}
    fleet, new = tx.fleet(id), {node.id for node in coming}
    others = planned((node for node in fleet.nodes if node.id not in new), chips, now)
    known = [node for node in fleet.nodes if node.id in new]
    check_planned(
        site,
        _together(others, planned(known, chips, now)),
        _together(others, planned(coming, chips, now)),
        node_kw(coming[0], chips.get(coming[0].chip)),
    )


def _together(one: Changes, other: Changes) -> Changes:
    return {at: one.get(at, Decimal(0)) + other.get(at, Decimal(0)) for at in {*one, *other}}
