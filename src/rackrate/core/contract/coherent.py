"""What is agreed of use fits together: one price for one SKU at one time, and one way to prepay."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import combinations

from rackrate.core.contract.commitment import OF_NODES, Commitment, CommitmentKind
from rackrate.core.contract.signed import Contract
from rackrate.core.errors import Invalid
from rackrate.core.ids import SkuId

Alike = Callable[[SkuId, SkuId], bool]


def check_coherent(contract: Contract, alike: Alike) -> None:
    """Invalid where two things that were agreed contradict each other.

    `alike` says whether two SKUs are units of the same nodes.
    """
    _check_prepaid(contract)
    flexible = [each for each in contract.commitments if each.kind is CommitmentKind.FLEX]
    for flex in flexible:
        for other in contract.commitments:
            if other.kind in OF_NODES and other is not flex and _shares_nodes(flex, other, alike):
                _check_nodes(flex, other)
    for one, other in combinations(_minimums(contract.commitments), 2):
        _check_minimums(one, other)


def _check_prepaid(contract: Contract) -> None:
    payment, minimums = contract.terms.payment, list(_minimums(contract.commitments))
    flexible = any(each.kind is CommitmentKind.FLEX for each in contract.commitments)
    if payment.balance and not minimums and not flexible:
        raise Invalid("terms.payment.prepaid", "is a balance for use, and nothing is by use here")
    if minimums and contract.prepayment_percent > Decimal(0) and not payment.balance:
        raise Invalid(
            "terms.payment.prepaid", "has to be `wallet` where a minimum of use is prepaid"
        )
    if contract.opening is not None and (minimums or payment.balance):
        raise Invalid(
            "opening",
            "does not say what was used before: sign what is left of a minimum of use, or of a "
            "balance for use, as a new contract",
        )


def _minimums(commitments: Sequence[Commitment]) -> Iterator[Commitment]:
    return (each for each in commitments if each.kind is CommitmentKind.USE)


def _shares_nodes(one: Commitment, other: Commitment, alike: Alike) -> bool:
    assert one.sku is not None and other.sku is not None
    return _at_once(one, other) and alike(one.sku, other.sku)


def _at_once(one: Commitment, other: Commitment) -> bool:
    mine, its = one.lasts, other.lasts
    return mine is not None and its is not None and mine.intersect(its) is not None


def _check_nodes(flex: Commitment, other: Commitment) -> None:
    """A lease on the nodes of a contract has one price: its nodes are not told apart."""
    if other.kind is not flex.kind:
        raise Invalid(
            f"commitments.{max(flex.number, other.number) - 1}",
            f"nodes that are paid in full and flexible ones of {flex.sku} are at one time in two "
            "contracts: sign one for each",
        )
    assert flex.use is not None and other.use is not None
    mine, its = flex.use.rates.rates[0], other.use.rates.rates[0]
    if (mine.amount, mine.unit, mine.slots) != (its.amount, its.unit, its.slots):
        raise Invalid(
            f"commitments.{max(flex.number, other.number) - 1}.rate",
            f"flexible nodes of {flex.sku} have one rate at one time: {mine}, not {its}",
        )


def _check_minimums(one: Commitment, other: Commitment) -> None:
    """Each use counts to one minimum."""
    assert one.use is not None and other.use is not None
    both = sorted(set(one.use.rates.named) & set(other.use.rates.named))
    if both and _at_once(one, other):
        raise Invalid(
            f"commitments.{max(one.number, other.number) - 1}",
            f"{both[0]} counts to commitment {min(one.number, other.number)} at that time",
        )
