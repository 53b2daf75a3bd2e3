"""Which of the nodes that a lease fits on it gets: its own by name, the tightest, in one block."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]
Ranks = NDArray[np.int8]

NOBODY = -1
MINE, PLAIN, OTHERS, LEAVING = 0, 1, 2, 3


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """The nodes that a lease fits on, by number, and how gladly each is given; None: all alike.

    `free` and `blocks` are of every node there is: the free slots of each, and where it stands.
    """

    nodes: Places
    ranks: Ranks | None
    free: NDArray[np.int32]
    blocks: NDArray[np.int32]


def ranked(named: NDArray[np.int32], leaves: NDArray[np.bool_], account: int) -> Ranks | None:
    """How gladly each of some nodes is given to an account, the lowest first.

    Nodes that were named for it at delivery; then those that were named for nobody; then those of
    others, who will want them; then what is to be drained. None: all alike.
    """
    ranks = np.where(named == NOBODY, PLAIN, np.where(named == account, MINE, OTHERS))
    ranks[leaves] = LEAVING
    return None if (ranks == ranks[:1]).all() else ranks.astype(np.int8)


def within(
    limits: NDArray[np.int64], pools: Places, fresh: NDArray[np.bool_], ranks: Ranks | None
) -> NDArray[np.bool_]:
    """Which of some nodes may be given: of each pool's fresh ones so many, the gladliest first.

    `limits` are those of the pools; of a pool whose limit is below zero there is nothing.
    """
    keep: NDArray[np.bool_] = limits[pools] >= 0
    new = np.flatnonzero(fresh)
    order = pools[new] if ranks is None else pools[new] * 4 + ranks[new]
    new = new[np.argsort(order, kind="stable")]
    grouped = pools[new]
    place = np.arange(len(new)) - np.searchsorted(grouped, grouped)
    keep[new[place >= limits[grouped]]] = False
    return keep


def choose(
    found: Fitting, members: int, same_block: bool = False, before: Collection[int] = ()
) -> list[int] | None:
    """So many of them, which are there: the tightest, so that large holes stay whole.

    A gang goes into one block where one has room, else into as few as can be; None, where it may
    not. `before` are nodes that it had, and has again where they are free.
    """
    ranks = found.ranks
    if members == 1 and not before:
        nodes = found.nodes if ranks is None else found.nodes[ranks == ranks.min()]
        return [int(nodes[found.free[nodes].argmin()])]
    given = np.zeros(len(found.nodes), np.int8) if ranks is None else ranks
    if before:
        given = np.where(np.isin(found.nodes, list(before)), np.int8(-1), given)
    by_rank = np.lexsort((found.nodes, found.free[found.nodes], given))
    order = found.nodes[by_rank]
    if members == 1:
        return [int(order[0])]
    blocks = found.blocks[order]
    counts = np.bincount(blocks)
    roomy = np.flatnonzero(counts >= members)
    if len(roomy):
        block = _block(blocks, given[by_rank], members, counts)
        if before and blocks[0] in roomy:
            block = int(blocks[0])
        return [int(i) for i in order[blocks == block][:members]]
    if same_block:
        return None
    # As few blocks as can be: the fullest of candidates first.
    by_block = np.lexsort((np.arange(len(order)), -counts[blocks]))
    return [int(i) for i in order[by_block][:members]]


def _block(blocks: NDArray[np.int32], ranks: Ranks, members: int, counts: Places) -> int:
    """Of the blocks with room for all: whose nodes are given most gladly, then the tightest."""
    roomy = np.flatnonzero(counts >= members)
    if ranks[0] == ranks[-1]:
        return int(roomy[np.argmin(counts[roomy])])
    together = np.argsort(blocks, kind="stable")
    grouped = blocks[together]
    first = np.arange(len(grouped)) - np.searchsorted(grouped, grouped) < members
    costs = np.bincount(grouped[first], ranks[together][first], minlength=len(counts))
    return int(roomy[np.lexsort((counts[roomy], costs[roomy]))[0]])
