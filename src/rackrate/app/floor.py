"""What may be signed without a quote: no less than one person may give alone."""

from dataclasses import replace

from rackrate.app.ports import Tx
from rackrate.app.world import World
from rackrate.core.access import Actor, Target, Verb, allows
from rackrate.core.contract import AmendmentKind, Commitment, CommitmentKind, Contract, mean_month
from rackrate.core.contract_price import ContractPrice, price_in_force, whole_months
from rackrate.core.errors import Reason, Refused
from rackrate.core.interval import Interval, Month
from rackrate.core.inventory import Entity, Sku
from rackrate.core.money import total
from rackrate.core.parties import Customer
from rackrate.core.quote import as_listed, lowest, most_at_once

# Those that name an amount. Fewer and a renewal follow from what was agreed before.
_PRICED = (AmendmentKind.MORE, AmendmentKind.EXTEND, AmendmentKind.SWAP)


def check_floor(world: World, tx: Tx, actor: Actor, contract: Contract, order: int = 0) -> None:
    """Refused `not_approved`, whoever acts, where an amount of that amendment, 0 the signature, is
    below the floor. A contract that runs already is taken over as it was agreed, by one who may
    approve.
    """
    taken_over = contract.opening is not None and not order
    if taken_over and allows(
        actor, Verb.QUOTE_APPROVE, Target("contract", contract.id, contract.customer)
    ):
        return
    if order and _kind(contract, order) not in _PRICED:
        return
    customer = tx.get(Customer, contract.customer)
    zone, taxes = customer.time_zone, tx.get(Entity, contract.entity).taxes(customer)
    prices = tx.find(ContractPrice, currency=contract.currency)
    for each in contract.commitments:
        named = each.order == order and each.kind is CommitmentKind.CAPACITY
        if not named or each.sku is None:
            continue
        whole = _whole(contract, each)
        if _as_before(contract, whole):
            continue
        try:
            price = price_in_force(prices, each.sku, contract.currency, world.clock.now())
        except Refused:
            continue
        supply = each.supply or tx.get(Sku, each.sku).supply
        rule = taxes.rule(supply, Month.of(each.during.start, zone))
        alike = as_listed(price, whole.amount, contract.tax_included, rule)
        _check(price, contract, replace(whole, amount=alike), zone)


def _volume(contract: Contract, each: Commitment) -> int:
    """What was signed counts as a quote would: the most nodes of the SKU at any instant. What an
    amendment adds counts for itself.
    """
    if each.order:
        return each.nodes
    signed = (one for one in contract.ordered(0) if one.sku == each.sku)
    return most_at_once((one.during, one.nodes) for one in signed)


def _kind(contract: Contract, order: int) -> AmendmentKind:
    return next(each.kind for each in contract.amendments if each.number == order)


def _whole(contract: Contract, each: Commitment) -> Commitment:
    """With the parts that go on beside it on other nodes: they are priced as one."""
    parts = [one for one in contract.ordered(each.order) if one.follows == each.follows]
    if not each.follows or len(parts) == 1:
        return each
    nodes = sum(one.nodes for one in parts)
    return replace(each, nodes=nodes, amount=total((p.amount for p in parts), contract.currency))


def _as_before(contract: Contract, each: Commitment) -> bool:
    """It goes on at what it costs already."""
    before = contract.commitment(each.follows) if each.follows else None
    return before is not None and (before.nodes, before.amount) == (each.nodes, each.amount)


def _check(price: ContractPrice, contract: Contract, each: Commitment, zone: str) -> None:
    """An extension is priced by the term since its nodes were first ordered."""
    term = Interval(contract.origin(each).during.start, each.during.end)
    months = whole_months(term, zone)
    least = lowest(price, months, each.nodes, _volume(contract, each))
    mean = mean_month(each, contract.costing(zone))
    if min(each.amount, mean) >= least:
        return
    steps = f", {mean} with its steps and indexation," if mean != each.amount else ""
    raise Refused(
        Reason.NOT_APPROVED,
        f"{each.what} over {months} months for {each.amount} a month{steps} is below what one "
        f"person may give alone; {least} a month is the lowest that needs nobody else, and a quote "
        "for less can be approved by a second person",
        {
            "commitment": each.number,
            "lowest": {"amount": f"{least.amount:f}", "currency": least.currency},
            "price": price.id,
        },
    )
