"""Contracts: signing reserves the nodes for the whole term, and invoices what is due at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.app import committed
from rackrate.app.billing import issue
from rackrate.app.floor import check_floor
from rackrate.app.instalments import contract_lines, plan_of
from rackrate.app.listing import Listing
from rackrate.app.opening import delivered_before, running_in, take_over
from rackrate.app.ports import Tx
from rackrate.app.promising import sites_of, tell_until_when_safe
from rackrate.app.renewing import Right, reserve, right_of
from rackrate.app.world import (
    Locate,
    World,
    acting,
    check_near,
    owned_by_project,
    reading,
)
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.chips import Chip
from rackrate.core.contract import (
    Commitment,
    CommitmentKind,
    Contract,
    Costing,
    Delivery,
    Opening,
    Schedule,
    Terms,
    batches,
    check_coherent,
    check_usable,
    value_of,
    with_month,
)
from rackrate.core.eligibility import check_eligible
from rackrate.core.errors import Conflict, Invalid, Reason, Refused
from rackrate.core.giveway import NOTICE as NOTICE
from rackrate.core.ids import BlockId, ContractId, CustomerId, EntityId, ProjectId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.inventory import Site, Sku
from rackrate.core.money import MOST_AMOUNT, MOST_WORTH, Money
from rackrate.core.parties import Customer, Project
from rackrate.core.promise import Assigned

MOST_NODES = 1_000_000
MOST_COMMITMENTS = 200
LONGEST = timedelta(days=366 * 30)
Batches = tuple[tuple[int, datetime], ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """What is to be signed. Commitments need no site: their SKU says where.

    `batches` are, by commitment, how many nodes are due when; all at its start where left out.
    `held` are, by commitment, what a quote has held. A contract that runs already has its
    `opening`, and may say how many nodes of its first commitment are in which of the `blocks`.
    """

    id: ContractId
    project: ProjectId
    commitments: tuple[Commitment, ...]
    prepayment_percent: Decimal
    tax_included: bool = False
    name: str = ""
    terms: Terms = field(default_factory=Terms)
    batches: Mapping[int, Batches] = field(default_factory=dict)
    held: Mapping[int, Assigned] = field(default_factory=dict)
    opening: Opening | None = None
    blocks: tuple[tuple[BlockId, int], ...] = ()

    @property
    def currency(self) -> str:
        return self.commitments[0].amount.currency

    @classmethod
    def of(
        cls,
        id: ContractId,
        project: ProjectId,
        sku: SkuId,
        nodes: int,
        during: Interval,
        monthly: Money,
        prepayment_percent: Decimal,
        tax_included: bool = False,
        name: str = "",
        same_block: bool = False,
    ) -> "Offer":
        """The plain case: `nodes` whole nodes of one SKU for `monthly` a month."""
        commitment = replace(capacity(1, sku, nodes, during, monthly), same_block=same_block)
        return cls(id, project, (commitment,), prepayment_percent, tax_included, name)


def capacity(number: int, sku: SkuId, nodes: int, during: Interval, monthly: Money) -> Commitment:
    """Whole nodes of a SKU; Invalid where so many cannot be meant."""
    if not 1 <= nodes <= MOST_NODES:
        raise Invalid("nodes", f"{nodes} is not 1 to {MOST_NODES}")
    check_amount("monthly", monthly)
    return Commitment(number, CommitmentKind.CAPACITY, "", during, monthly, sku, None, nodes)


def sign(
    world: World,
    actor: Actor,
    offer: Offer,
    verb: Verb = Verb.CONTRACT_WRITE,
    today: bool = False,
) -> Contract:
    """Make the promise and its first invoice, or say how many nodes could be promised, and when.

    `verb` is what the actor may do: write contracts, or sign what was quoted. `today`: it is agreed
    now, so that no day of its rights may be over.
    """
    _check_offer(offer)

    def owner(tx: Tx) -> Target:
        project = tx.get(Project, offer.project)
        return Target("contract", offer.id, project.customer, project.id)

    with acting(world, actor, verb, owner) as tx:
        if tx.peek(Contract, offer.id) is not None:
            raise Conflict(f"contract {offer.id} is already there")
        agreed = world.clock.now() if today or verb is Verb.QUOTE_SIGN else None
        customer = tx.get(Customer, tx.get(Project, offer.project).customer)
        check_terms(tx, customer, offer.terms, offer.commitments, agreed)
        contract = _contract(world, tx, offer)
        check_coherent(contract, committed.alike(tx))
        check_worth(contract.commitments, contract.costing(customer.time_zone))
        if verb is Verb.CONTRACT_WRITE:
            check_floor(world, tx, actor, contract)
        held = offer.held or _first(
            contract, running_in(tx, contract, offer.blocks, world.clock.now())
        )
        reserve(world, tx, contract, contract.commitments, held)
        tx.add(contract)
        tell_until_when_safe(world, tx, sites_of(contract.commitments))
        planned = planned_batches(contract, contract.commitments, offer.batches)
        tx.add(*delivered_before(contract, planned, world.clock.now()))
        take_over(world, tx, contract)
        _invoice_at_signature(world, tx, contract)
        return contract


def sign_now(world: World, actor: Actor, offer: Offer) -> Contract:
    """Sign what is agreed today: it may have begun, but is not over, and its batches are to come.

    Contracts that others kept the books of come by manifest, whenever they began.
    """
    now, end = world.clock.now(), max((each.during.end for each in offer.commitments), default=None)
    if end is not None and end <= now:
        raise Refused(
            Reason.TOO_LATE,
            f"end: {end:%Y-%m-%d %H:%M} UTC is past, and nothing is signed that is over",
            {"earliest": now.isoformat()},
        )
    for each in offer.commitments:
        check_near("start", each.during.start, now)
    check_to_come(offer.batches, now)
    return sign(world, actor, offer, today=True)


def show(world: World, actor: Actor, id: ContractId) -> tuple[Contract, Schedule]:
    """A contract with its payment plan, as far as can be expected now."""
    with reading(world, actor, Verb.CONTRACT_READ, owner_of(id)) as tx:
        contract = tx.get(Contract, id)
        return contract, plan_of(tx, contract, world.clock.now(), expected=True)


def right_to_renew(world: World, actor: Actor, id: ContractId) -> Right | None:
    """What its right to renew would bring, and what is held for that; None where it has none."""
    with reading(world, actor, Verb.CONTRACT_READ, owner_of(id)) as tx:
        return right_of(world, tx, tx.get(Contract, id))


def deliveries(world: World, actor: Actor, id: ContractId) -> list[Delivery]:
    """The contract's batches, in the order in which they are due."""
    with reading(world, actor, Verb.CONTRACT_READ, owner_of(id)) as tx:
        return sorted(tx.find(Delivery, contract=id), key=lambda each: (each.due, each.id))


def find(
    world: World,
    actor: Actor,
    customer: CustomerId | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Contract]:
    """Contracts that the actor may see."""
    listing = Listing("contract", Contract, Verb.CONTRACT_READ, newest_first=False)
    return listing.find(world, actor, customer, after, limit)


def as_signed(contract: Contract) -> Offer:
    """What was signed once, whatever was amended since; without its batches."""
    return Offer(
        contract.id,
        contract.project,
        tuple(_as_offered(each) for each in contract.ordered(0)),
        contract.prepayment_percent,
        contract.tax_included,
        contract.name,
        committed.overage_as_asked(contract.terms),
        opening=contract.opening,
    )


def _as_offered(each: Commitment) -> Commitment:
    """Without what follows from the customer, the SKU and the terms."""
    use = None if each.use is None else each.use.as_asked
    return replace(each, site=None, amount=each.total or each.amount, waits=False, use=use)


def owner_of(id: ContractId) -> Locate:
    """Whose contract it is."""
    return owned_by_project("contract", Contract, id)


def placed(tx: Tx, customer: Customer, terms: Terms, wanted: Commitment) -> Commitment:
    """The commitment with its site, where this customer may have it there by these terms."""
    wanted = with_month(wanted, customer.time_zone, terms.payment.broken)
    wanted = committed.with_slots(tx, wanted)
    if wanted.sku is None:
        return replace(wanted, waits=not wanted.monthly and terms.waits)
    sku = tx.get(Sku, wanted.sku)
    site = tx.get(Site, sku.site)
    if not sku.whole_node:
        raise Invalid("sku", f"{sku.id} is not whole nodes, which is what contracts are for")
    check_eligible(customer, tx.get(Chip, sku.chip), site, terms.dedicated)
    if terms.jurisdiction and site.country not in terms.jurisdiction:
        allowed = ", ".join(terms.jurisdiction)
        raise Refused(
            Reason.NOT_ELIGIBLE,
            f"{sku.id} is in {site.country}; the contract is delivered in {allowed} only",
            {"country": site.country, "jurisdiction": list(terms.jurisdiction)},
        )
    return replace(wanted, site=site.id)


def planned_batches(
    contract: Contract,
    commitments: tuple[Commitment, ...],
    plans: Mapping[int, Batches],
) -> list[Delivery]:
    """The deliveries of commitments that bring nodes of their own, or wait to be accepted."""
    unknown = sorted(plans.keys() - {each.number for each in commitments if each.nodes})
    if unknown:
        raise Invalid("batches", f"commitment {unknown[0]} brings no nodes")
    found: list[Delivery] = []
    for each in commitments:
        if not each.brings_nodes and not each.waits:
            continue
        try:
            found += batches(contract, each, plans.get(each.number, ()))
        except ValueError as error:
            raise Invalid("batches", f"commitment {each.number}: {error}") from None
    return found


def check_amount(where: str, amount: Money | None) -> None:
    """Invalid where nobody can mean it."""
    if amount is None:
        return
    if amount.minor < 0:
        raise Invalid(where, f"{amount} is negative")
    if amount.amount > MOST_AMOUNT:
        raise Invalid(where, f"{amount} is too much; {MOST_AMOUNT:,f} is the most")


def check_worth(commitments: Sequence[Commitment], costing: Costing) -> None:
    """Invalid where everything together is more than the books hold."""
    worth = value_of(commitments, costing, commitments[0].amount.currency)
    if worth.amount > MOST_WORTH:
        raise Invalid(
            "commitments", f"come to {worth} in all; {MOST_WORTH:,f} is the most of one contract"
        )


def check_commitment(each: Commitment) -> None:
    """Invalid where no contract can mean it."""
    check_amount("amount", each.amount)
    check_amount("total", each.total)
    if each.nodes > MOST_NODES:
        raise Invalid("nodes", f"{each.nodes} is not 1 to {MOST_NODES}")
    if each.during.end - each.during.start > LONGEST:
        raise Invalid("until", "a contract runs for at most 30 years")


def check_terms(
    tx: Tx,
    customer: Customer,
    terms: Terms,
    commitments: Sequence[Commitment],
    agreed: datetime | None,
) -> None:
    """Invalid where a right could never be used: the same for a quote and for a signature."""
    check_usable(terms, commitments, customer.time_zone, agreed)
    if terms.upgrade is not None and tx.peek(Chip, terms.upgrade.chip) is None:
        raise Invalid("terms.upgrade.chip", f"no chip is called {terms.upgrade.chip!r}")


def check_to_come(plans: Mapping[int, Batches], now: datetime) -> None:
    """Refused where a batch is due before it is agreed."""
    for number, planned in sorted(plans.items()):
        first = min(due for _, due in planned)
        if first < now:
            raise Refused(
                Reason.TOO_LATE,
                f"commitments.{number - 1}.deliveries: a batch due {first:%Y-%m-%d %H:%M} UTC is "
                "past before it is agreed",
                {"earliest": now.isoformat()},
            )


def _check_offer(offer: Offer) -> None:
    if not 1 <= len(offer.commitments) <= MOST_COMMITMENTS:
        raise Invalid("commitments", f"{len(offer.commitments)} is not 1 to {MOST_COMMITMENTS}")
    for each in offer.commitments:
        check_commitment(each)
        if each.amount.currency != offer.currency:
            raise Invalid("currency", "a contract has one currency")
    if not 0 <= offer.prepayment_percent <= 100:
        raise Invalid("prepayment_percent", f"{offer.prepayment_percent} is not 0 to 100")


def _first(contract: Contract, held: Assigned) -> Mapping[int, Assigned]:
    """What was held is for the first of its nodes."""
    return {contract.capacity[0].number: held} if held and contract.capacity else {}


def _contract(world: World, tx: Tx, offer: Offer) -> Contract:
    project = tx.get(Project, offer.project)
    customer = tx.get(Customer, project.customer)
    if offer.currency != customer.currency:
        raise Invalid("currency", f"{customer.id} pays in {customer.currency}")
    commitments = tuple(
        replace(placed(tx, customer, offer.terms, each), number=number, order=0, follows=0)
        for number, each in enumerate(offer.commitments, 1)
    )
    return Contract(
        offer.id,
        _entity(tx, customer, commitments),
        customer.id,
        project.id,
        customer.currency,
        commitments,
        offer.prepayment_percent,
        offer.tax_included,
        world.clock.now() if offer.opening is None else offer.opening.signed,
        offer.name,
        committed.overage_with_slots(tx, offer.terms),
        opening=offer.opening,
    )


def _entity(tx: Tx, customer: Customer, commitments: tuple[Commitment, ...]) -> EntityId:
    """Who sells it: the owner of its sites, which is one."""
    entities = {tx.get(Site, site).entity for site in sites_of(commitments)}
    if len(entities) > 1:
        raise Invalid("commitments", "are at sites of several sellers: sign one contract for each")
    return min(entities, default=customer.entity)


def _invoice_at_signature(world: World, tx: Tx, contract: Contract) -> None:
    """The prepayment, and every instalment whose month has begun already."""
    customer = tx.get(Customer, contract.customer)
    since = contract.signed if contract.opening is None else world.clock.now()
    month = Month.of(since, customer.time_zone)
    lines = contract_lines(tx, contract, month, world.clock.now())
    if lines:
        issue(world, tx, customer, f"signature/{contract.id}", month, lines)
