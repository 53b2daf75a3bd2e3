"""Power and cooling: what nodes draw at a site and in a rack, against what there is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from rackrate.core.chips import Chip
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import ChipId, NodeId, RackId
from rackrate.core.interval import zone
from rackrate.core.inventory import ARRIVING, Node, NodeState, Rack, Site

# Processors, memory, fabric and fans beside the GPUs, where a node does not say what it draws:
# NVIDIA's DGX H100 takes 10.2 kW at most with 8 GPUs of 0.7 kW (its data sheet), which is 1.82
# times what the GPUs take. State `kw` where you know it.
OVERHEAD = Decimal("1.82")
KW = Decimal(1000)
# These draw power, or will again without anybody asking: a node in repair comes back.
DRAWS = frozenset(
    {
        NodeState.BURN_IN,
        NodeState.IN_SERVICE,
        NodeState.DRAINING,
        NodeState.IN_REPAIR,
        NodeState.CLEANING,
    }
)


def node_kw(node: Node, chip: Chip | None) -> Decimal | None:
    """What a node draws at most; None where neither it nor its chip says."""
    if node.kw is not None:
        return node.kw
    if chip is None or chip.power_w is None:
        return None
    return Decimal(chip.power_w) * node.gpus * OVERHEAD / KW


@dataclass(frozen=True, slots=True)
class RackPower:
    """A rack, a row of 72 GPUs or a tank: what its nodes draw and what it feeds and cools."""

    rack: Rack
    nodes: int
    used_kw: Decimal
    unknown: int

    @property
    def free_kw(self) -> Decimal:
        return self.rack.kw - self.used_kw


@dataclass(frozen=True, slots=True)
class SitePower:
    """What a site draws. `used_kw` is of its nodes; with the PUE it is `demand_kw` of the site.

    `unknown` are nodes that draw power and say not how much: they are not in the sum.
    """

    site: Site
    nodes: int
    used_kw: Decimal
    unknown: tuple[NodeId, ...]
    racks: tuple[RackPower, ...]

    @property
    def demand_kw(self) -> Decimal:
        return self.used_kw * self.site.pue

    @property
    def limit_kw(self) -> Decimal | None:
        """The lower of what is connected and what is contracted; None: not limited."""
        stated = [mw for mw in (self.site.active_mw, self.site.contracted_mw) if mw is not None]
        return min(stated) * KW if stated else None

    @property
    def free_kw(self) -> Decimal | None:
        """What nodes could still draw, the PUE taken off."""
        limit = self.limit_kw
        return None if limit is None else (limit - self.demand_kw) / self.site.pue


def site_power(
    site: Site, racks: Iterable[Rack], nodes: Iterable[Node], chips: Mapping[ChipId, Chip]
) -> SitePower:
    """The sums over the nodes that draw power."""
    used, count, unknown = Decimal(0), 0, list[NodeId]()
    by_rack: dict[RackId, Decimal] = {}
    in_rack, unknown_in_rack = Counter[RackId](), Counter[RackId]()
    for node in nodes:
        if node.state not in DRAWS:
            continue
        count += 1
        kw = node_kw(node, chips.get(node.chip))
        if kw is None:
            unknown.append(node.id)
        else:
            used += kw
        if node.rack is not None:
            in_rack[node.rack] += 1
            by_rack[node.rack] = by_rack.get(node.rack, Decimal(0)) + (kw or 0)
            unknown_in_rack[node.rack] += kw is None
    fed = tuple(
        RackPower(
            rack, in_rack[rack.id], by_rack.get(rack.id, Decimal(0)), unknown_in_rack[rack.id]
        )
        for rack in sorted(racks, key=lambda rack: rack.id)
    )
    return SitePower(site, count, used, tuple(unknown), fed)


def check_power(before: SitePower, after: SitePower, one_kw: Decimal | None = None) -> None:
    """Refused where more is drawn than before, and more than the site or a rack has.

    `one_kw` is what one of the new nodes draws: then the answer says how many would still fit.
    """
    limit = after.limit_kw
    if limit is not None and before.demand_kw < after.demand_kw and after.demand_kw > limit:
        room = (limit - before.demand_kw) / after.site.pue
        raise _beyond(
            f"site {after.site.id}",
            f"its nodes would draw {shown(after.used_kw)} kW, times a PUE of "
            f"{after.site.pue} is {shown(after.demand_kw)} kW",
            after.demand_kw,
            limit,
            room,
            one_kw,
        )
    was = {rack.rack.id: rack.used_kw for rack in before.racks}
    for rack in after.racks:
        drawn = was.get(rack.rack.id, Decimal(0))
        if drawn < rack.used_kw and rack.used_kw > rack.rack.kw:
            raise _beyond(
                f"rack {rack.rack.id}",
                f"its nodes would draw {shown(rack.used_kw)} kW",
                rack.used_kw,
                rack.rack.kw,
                rack.rack.kw - drawn,
                one_kw,
            )


# By how much what is drawn changes, and when.
Changes = Mapping[datetime, Decimal]


def planned(nodes: Iterable[Node], chips: Mapping[ChipId, Chip], now: datetime) -> Changes:
    """What nodes draw from now on: those that are on their way from the day they are expected on,
    and each until it leaves.
    """
    alike = Counter[tuple[Decimal, datetime, datetime | None]]()
    for node in nodes:
        if node.state in DRAWS or node.state in ARRIVING:
            ready = node.ready if node.state in ARRIVING else None
            start = now if ready is None else max(ready, now)
            kw = node_kw(node, chips.get(node.chip))
            if kw and (node.until is None or start < node.until):
                alike[kw, start, node.until] += 1
    changes: dict[datetime, Decimal] = {}
    for (kw, start, until), count in alike.items():
        changes[start] = changes.get(start, Decimal(0)) + kw * count
        if until is not None:
            changes[until] = changes.get(until, Decimal(0)) - kw * count
    return changes


def check_planned(site: Site, before: Changes, after: Changes, one_kw: Decimal | None) -> None:
    """Refused where on some day more is drawn than before, and more than is contracted.

    That is what may ever be connected: an order may come to a site that is still growing.
    """
    stated = site.active_mw if site.contracted_mw is None else site.contracted_mw
    if stated is None:
        return
    had = would = most_had = most = Decimal(0)
    day: datetime | None = None
    for at in sorted({*before, *after}):
        had += before.get(at, Decimal(0))
        would += after.get(at, Decimal(0))
        if would > had and would * site.pue > stated * KW:
            most_had = max(most_had, had)
            if would > most:
                most, day = would, at
    if day is not None:
        raise _beyond(
            f"site {site.id}",
            f"with all that is on its way its nodes would draw {shown(most)} kW from "
            f"{day.astimezone(zone(site.time_zone)):%Y-%m-%d} on, times a PUE of {site.pue} is "
            f"{shown(most * site.pue)} kW",
            most * site.pue,
            stated * KW,
            stated * KW / site.pue - most_had,
            one_kw,
            "" if site.contracted_mw is None else " contracted",
        )


def _beyond(
    what: str,
    why: str,
    used: Decimal,
    limit: Decimal,
    room: Decimal,
    one_kw: Decimal | None,
    how: str = "",
) -> Refused:
    room = max(room, Decimal(0))
    detail = f"{what} has {shown(limit)} kW{how}, and {why}"
    facts: dict[str, object] = {"used_kw": shown(used), "limit_kw": shown(limit)}
    if one_kw:
        fit = int((room / one_kw).to_integral_value(ROUND_FLOOR))
        nodes = "1 more node" if fit == 1 else f"{fit} more nodes"
        detail += f"; {nodes} of {shown(one_kw)} kW fit{'s' if fit == 1 else ''}"
        facts["nodes"] = fit
    return Refused(Reason.NO_POWER, detail, facts)


def shown(kw: Decimal) -> str:
    """At most three decimals, without trailing zeros."""
    text = f"{kw:.3f}"
    return text.rstrip("0").rstrip(".")
