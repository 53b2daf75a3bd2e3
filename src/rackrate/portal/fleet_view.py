"""The fleet as pages show it: classes with names, counts, and the map in one small message."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rackrate.app.fleet import NodeView, SiteMap, SlotClass
from rackrate.core.inventory import NodeState
from rackrate.portal.messages import msg

# In the order of every stack and legend: promised, by the moment, unsold, broken.
ORDER: tuple[tuple[SlotClass, str, str], ...] = (
    (SlotClass.CONTRACT, "contract", msg("Contract")),
    (SlotClass.FLEX, "flex", msg("Flex")),
    (SlotClass.ON_DEMAND, "on_demand", msg("On demand")),
    (SlotClass.SPOT, "spot", msg("Spot")),
    (SlotClass.FREE, "free", msg("Free")),
    (SlotClass.CLEANING, "cleaning", msg("Cleaning")),
    (SlotClass.DRAINING, "draining", msg("Draining")),
    (SlotClass.REPAIR, "repair", msg("Repair")),
    (SlotClass.ARRIVING, "arriving", msg("Arriving")),
)
FILLS: Mapping[int, str] = {use: fill for use, fill, _ in ORDER}
NAMES: Mapping[int, str] = {use: name for use, _, name in ORDER}
SOLD = (SlotClass.CONTRACT, SlotClass.FLEX, SlotClass.ON_DEMAND, SlotClass.SPOT)
NODE_STATES: Mapping[NodeState, tuple[str, str]] = {
    NodeState.ORDERED: ("", msg("Ordered")),
    NodeState.IN_TRANSIT: ("", msg("In transit")),
    NodeState.RACKED: ("", msg("Racked")),
    NodeState.BURN_IN: ("", msg("Burn-in")),
    NodeState.IN_SERVICE: ("ok", msg("In service")),
    NodeState.DRAINING: ("warn", msg("Draining")),
    NodeState.IN_REPAIR: ("bad", msg("In repair")),
    NodeState.CLEANING: ("warn", msg("Cleaning")),
    NodeState.RETIRED: ("", msg("Retired")),
}
WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Count:
    fill: str
    name: str
    slots: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a stacked bar, in thousandths."""

    fill: str
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class BlockView:
    """A block in one line: how its slots are used, and how many whole nodes are free."""

    site: str
    block: str
    chip: str
    nodes: int
    slots: int
    whole_free: int
    promised: int
    counts: tuple[Count, ...]
    pieces: tuple[Piece, ...]


def counts_of(slots: bytes) -> tuple[Count, ...]:
    """Every class that occurs, and those that always stand in the legend."""
    always = (SlotClass.CONTRACT, SlotClass.ON_DEMAND, SlotClass.FREE)
    found = ((use, fill, name, slots.count(use)) for use, fill, name in ORDER)
    return tuple(Count(fill, name, n) for use, fill, name, n in found if n or use in always)


def sold_of(slots: bytes) -> int:
    return sum(slots.count(use) for use in SOLD)


def pieces_of(counts: Iterable[Count], whole: int) -> tuple[Piece, ...]:
    """A bar that is full: widths add up to it, whatever rounding does."""
    pieces, done = [], 0
    for count in counts:
        start = WIDTH * done // whole
        done += count.slots
        if count.slots:
            pieces.append(Piece(count.fill, start, WIDTH * done // whole - start))
    return tuple(pieces)


def blocks_of(found: SiteMap) -> list[BlockView]:
    """One for each block and node shape, in the order of the map."""
    views, offset = [], 0
    pools = {pool.id: pool for pool in found.pools}
    for pool, group in groupby(found.nodes, key=lambda node: node.pool):
        nodes = list(group)
        size = sum(node.slots for node in nodes)
        slots = found.slots[offset : offset + size]
        offset += size
        view = pools[pool]
        counts = counts_of(slots)
        views.append(
            BlockView(
                found.site.id,
                nodes[0].block,
                nodes[0].chip,
                len(nodes),
                size,
                view.untouched,
                view.promised,
                counts,
                pieces_of(counts, size),
            )
        )
    return views


def message(found: SiteMap, holders: Mapping[str, str]) -> dict[str, Any]:
    """A site for the canvas: one byte a slot, the nodes' names, and where blocks begin.

    `holders` names who holds what of a block, for its caption.
    """
    first, blocks = 0, []
    for view in blocks_of(found):
        blocks.append(
            {
                "id": view.block,
                "chip": view.chip,
                "first": first,
                "nodes": view.nodes,
                "whole": view.whole_free,
                "promised": view.promised,
                "holder": holders.get(view.block, ""),
            }
        )
        first += view.nodes
    return {
        "site": found.site.id,
        "nodes": [node.id for node in found.nodes],
        "sizes": [node.slots for node in found.nodes],
        "slots": base64.b64encode(found.slots).decode(),
        "blocks": blocks,
    }


def whole_free(found: Sequence[SiteMap]) -> int:
    """The most whole nodes that are free in one block, over all sites."""
    return max((view.whole_free for one in found for view in blocks_of(one)), default=0)


def fills(view: NodeView) -> list[str]:
    return [FILLS[use] for use in view.slots]
