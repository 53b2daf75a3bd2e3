"""Contracts: signing reserves the nodes for the whole term, and invoices what is due at once."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from rackrate.app.billing import instalment_lines, issue
from rackrate.app.ports import Tx
from rackrate.app.world import Locate, World, acting, confine, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.chips import Chip
from rackrate.core.contract import Contract, Schedule, schedule
from rackrate.core.eligibility import check_eligible
from rackrate.core.errors import Conflict, Invalid, Reason, Refused
from rackrate.core.ids import ContractId, CustomerId, ProjectId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.inventory import Entity, Site, Sku
from rackrate.core.invoice import Line, LineKind, priced
from rackrate.core.lease import Lease
from rackrate.core.money import Money
from rackrate.core.parties import Customer, Project
from rackrate.core.promise import Shortfall, Wish, assign
from rackrate.core.tax import TaxRule, tax_rule

NOTICE = timedelta(days=7)
MOST_NODES = 1_000_000
LONGEST = timedelta(days=366 * 30)


@dataclass(frozen=True, slots=True)
class Offer:
    """What is to be signed: `nodes` whole nodes of a SKU for `monthly` a month."""

    id: ContractId
    project: ProjectId
    sku: SkuId
    nodes: int
    during: Interval
    monthly: Money
    prepayment_percent: Decimal
    tax_included: bool = False
    name: str = ""


def sign(world: World, actor: Actor, offer: Offer) -> Contract:
    """Make the promise and its first invoice, or say how many nodes could be promised, and when."""
    _check_offer(offer)

    def owner(tx: Tx) -> Target:
        project = tx.get(Project, offer.project)
        return Target("contract", offer.id, project.customer, project.id)

    with acting(world, actor, Verb.CONTRACT_WRITE, owner) as tx:
        if tx.peek(Contract, offer.id) is not None:
            raise Conflict(f"contract {offer.id} is already there")
        contract = _contract(world, tx, offer)
        _reserve(world, tx, contract)
        _tell_until_when_safe(world, tx, contract)
        tx.add(contract)
        _invoice_at_signature(world, tx, contract)
        return contract


def show(world: World, actor: Actor, id: ContractId) -> tuple[Contract, Schedule]:
    """A contract with its payment plan."""
    with reading(world, actor, Verb.CONTRACT_READ, _owner(id)) as tx:
        contract = tx.get(Contract, id)
        customer = tx.get(Customer, contract.customer)
        return contract, schedule(contract, customer.time_zone)


def find(
    world: World,
    actor: Actor,
    customer: CustomerId | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Contract]:
    """Contracts that the actor may see."""
    if customer is None and not actor.operator:
        customer = min(actor.customers, default=None)
    with reading(world, actor, Verb.CONTRACT_READ, Target("contract", "", customer)) as tx:
        confine(tx, actor)
        equal: dict[str, Any] = {} if customer is None else {"customer": customer}
        return tx.find(Contract, after=after, limit=limit, **equal)


def _owner(id: ContractId) -> Locate:
    def locate(tx: Tx) -> Target:
        contract = tx.get(Contract, id)
        return Target("contract", id, contract.customer, contract.project)

    return locate


def _check_offer(offer: Offer) -> None:
    if not 1 <= offer.nodes <= MOST_NODES:
        raise Invalid("nodes", f"{offer.nodes} is not 1 to {MOST_NODES}")
    if offer.during.end - offer.during.start > LONGEST:
        raise Invalid("until", "a contract runs for at most 30 years")
    if not 0 <= offer.prepayment_percent <= 100:
        raise Invalid("prepayment_percent", f"{offer.prepayment_percent} is not 0 to 100")
    if offer.monthly.minor < 0:
        raise Invalid("monthly", f"{offer.monthly} is negative")


def _contract(world: World, tx: Tx, offer: Offer) -> Contract:
    project = tx.get(Project, offer.project)
    customer = tx.get(Customer, project.customer)
    sku = tx.get(Sku, offer.sku)
    site = tx.get(Site, sku.site)
    if not sku.whole_node:
        raise Invalid("sku", f"{sku.id} is not whole nodes, which is what contracts are for")
    if offer.monthly.currency != customer.currency:
        raise Invalid("currency", f"{customer.id} pays in {customer.currency}")
    check_eligible(customer, tx.get(Chip, sku.chip), site)
    return Contract(
        offer.id,
        site.entity,
        customer.id,
        project.id,
        site.id,
        sku.id,
        offer.nodes,
        offer.during,
        offer.monthly,
        offer.prepayment_percent,
        offer.tax_included,
        world.clock.now(),
        offer.name,
    )


def _reserve(world: World, tx: Tx, contract: Contract) -> None:
    sku = tx.get(Sku, contract.sku)
    fleet, site = tx.fleet(contract.site), tx.get(Site, contract.site)
    fitting = {
        node.pool for node in fleet.nodes if (node.chip, node.slots) == (sku.chip, sku.slots)
    }
    pools = [fleet.pools[id] for id in sorted(fitting)]
    kept = site.spare_percent + site.moment_percent
    wish = Wish(contract.nodes, contract.during, world.clock.now(), NOTICE, kept)
    placed = assign(pools, wish)
    if isinstance(placed, Shortfall):
        when = "" if placed.earliest is None else f"; all from {placed.earliest:%Y-%m-%d %H:%M} UTC"
        raise Refused(
            Reason.NO_CAPACITY,
            f"at most {placed.nodes} of {contract.nodes} nodes of {sku.id} can be promised over "
            f"{contract.during}{when}",
            {
                "nodes": placed.nodes,
                "earliest": None if placed.earliest is None else placed.earliest.isoformat(),
            },
        )
    tx.add(
        *(
            Reservation(
                f"{contract.id}/{pool}",
                contract.site,
                pool,
                nodes,
                contract.during,
                ReservationKind.CONTRACT,
                contract.id,
                contract.customer,
            )
            for pool, nodes in placed
        )
    )


def _tell_until_when_safe(world: World, tx: Tx, contract: Contract) -> None:
    """A new promise may need nodes that are sold by the moment: their leases learn from when."""
    fleet, now = tx.fleet(contract.site), world.clock.now()
    for lease in tx.find(Lease, live=True, site=contract.site):
        if lease.terms.contract is None and lease.members:
            until = fleet.safe_until(lease.members, now)
            if until != lease.safe_until:
                tx.record(replace(lease, safe_until=until))


def _invoice_at_signature(world: World, tx: Tx, contract: Contract) -> None:
    """The prepayment, and every instalment whose month has begun already."""
    customer = tx.get(Customer, contract.customer)
    entity = tx.get(Entity, contract.entity)
    month = Month.of(contract.signed, customer.time_zone)
    plan = schedule(contract, customer.time_zone)
    rule = tax_rule(customer.tax_rule or entity.output_tax)
    lines = [_prepayment_line(contract, plan, rule, month)] if plan.prepayment else []
    lines += instalment_lines(contract, plan, rule, month)
    if lines:
        issue(world, tx, customer, f"signature/{contract.id}", month, lines)


def _prepayment_line(contract: Contract, plan: Schedule, rule: TaxRule, month: Month) -> Line:
    """What is due at signature, drawn down over the term."""
    net, gross = priced(plan.prepayment, contract.tax_included, rule)
    return Line(
        f"prepayment/{contract.id}",
        LineKind.PREPAYMENT,
        f"Prepayment {contract.prepayment_percent}% of {contract.id}",
        month,
        contract.during,
        net,
        gross,
        contract=contract.id,
        sku=contract.sku,
    )
