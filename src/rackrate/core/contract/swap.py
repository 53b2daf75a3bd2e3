"""The upgrade right: newer nodes in the place of others, and of what goes on after them."""

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from functools import partial
from math import gcd

from rackrate.core.contract.amended import (
    Amended,
    When,
    amended,
    carried_on,
    in_force,
    rest_of,
    undelivered,
    with_amounts,
    with_cut,
)
from rackrate.core.contract.commitment import Commitment
from rackrate.core.contract.cost import Costing, at_amount, level_at
from rackrate.core.contract.schedule import share
from rackrate.core.contract.signed import AmendmentKind, Contract
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import ChipId, SiteId, SkuId
from rackrate.core.money import Money, half_up


@dataclass(frozen=True, slots=True)
class Newer:
    """What nodes are swapped to."""

    chip: ChipId
    sku: SkuId
    site: SiteId
    nodes: int
    amount: Money
    same_block: bool = False


def swap(contract: Contract, when: When, number: int, newer: Newer, at: datetime) -> Amended:
    """From `at` on other nodes in a commitment's place, by the upgrade right, with its credit.

    What goes on after it is swapped with it, in the same proportion of nodes and of amounts.
    """
    old = in_force(contract, number, at, when.now)
    check_swappable(old)
    right = contract.terms.upgrade
    if right is None or right.chip != newer.chip:
        may = f"to {right.chip} only" if right is not None else "to no other chip"
        raise Refused(Reason.NOT_AGREED, f"{contract.id} may swap {may}, not to {newer.chip}")
    if at < right.not_before:
        raise Refused(
            Reason.NOT_AGREED,
            f"{contract.id} may swap from {right.not_before:%Y-%m-%d %H:%M} UTC on",
            {"not_before": right.not_before.isoformat()},
        )
    costing = contract.costing(when.time_zone)
    new = replace(
        at_amount(replace(old, during=rest_of(old, at)), newer.amount, costing),
        number=len(contract.commitments) + 1,
        sku=newer.sku,
        site=newer.site,
        nodes=newer.nodes,
        same_block=newer.same_block,
        follows=0,
        ended=None,
        anew=False,
    )
    after = carried_on(contract, old, new, costing, partial(_swapped_after, old, new, costing))
    cut, added = (old, *after.gone), (new, *after.instead)
    said = f"{old.what} for {new.what}{after}"
    done = amended(contract, when, AmendmentKind.SWAP, at, said, added=added, cut=cut, at=at)
    gone = undelivered(contract, with_cut(contract, cut, at), when.time_zone)
    return with_amounts(done, credit=share(gone, right.credit_percent))


def check_swappable(old: Commitment) -> None:
    """Refused for flexible nodes: the rate of newer ones is not agreed."""
    if old.use is not None:
        raise Refused(
            Reason.NOT_AGREED,
            f"commitment {old.number} is flexible, and newer nodes have a rate of their own: let "
            "it end, and add newer flexible nodes",
        )


def _swapped_after(
    old: Commitment, new: Commitment, costing: Costing, each: Commitment, _: int
) -> Commitment:
    """What goes on after the new nodes where `each` would go on after the old ones.

    An amount that was agreed for `each` alone is set against what the old nodes cost at the swap.
    """
    nodes, left = divmod(new.nodes * each.nodes, old.nodes)
    if left:
        many = old.nodes // gcd(old.nodes, each.nodes)
        raise Refused(
            Reason.NOT_AGREED,
            f"commitment {each.number} goes on after {old.number} with {each.nodes} of its "
            f"{old.nodes} nodes, and is swapped with it: {new.nodes} newer ones cannot be cut "
            f"alike, a multiple of {many} can",
            {"multiple_of": many},
        )
    alike, whole, since = Fraction(each.amount.minor), Fraction(old.amount.minor), new.since
    if each.since != old.since:
        whole, since = whole * level_at(old, new.during.start, costing), each.since
    if not whole:
        alike, whole = Fraction(each.nodes), Fraction(old.nodes)
    amount = Money(half_up(new.amount.minor * alike / whole), new.amount.currency)
    return replace(new, during=each.during, nodes=nodes, amount=amount, since=since)
