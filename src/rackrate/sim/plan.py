"""A plan run forward: its contract is signed, invoiced and earned by the billing of production."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from rackrate.app import billing, sales
from rackrate.app.sales import Offer
from rackrate.app.world import World
from rackrate.core.chips import Chip, Confidence
from rackrate.core.economics import Case, MonthlyRevenue, Plan, Projection, project
from rackrate.core.errors import Invalid
from rackrate.core.ids import (
    BlockId,
    ChipId,
    ContractId,
    CustomerId,
    EntityId,
    NodeId,
    ProjectId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval, Month
from rackrate.core.inventory import Block, Entity, Node, Site, Sku
from rackrate.core.ledger import Account, Balance, Entry
from rackrate.core.money import Money
from rackrate.core.parties import Customer, Project
from rackrate.core.tax import RULES
from rackrate.core.workload import Limits
from rackrate.sim.world import OPERATOR, virtual_world

# A plan's months are its seller's; the zone only decides where midnight is.
ZONE = "Asia/Shanghai"
SELLER = EntityId("plan")
SITE = SiteId("plan")
BUYER = CustomerId("plan")
CHIP = ChipId("plan")
SKU = SkuId("plan.node")
NODES_A_BLOCK = 16
WHOLE_NODE = Limits(1, 1, 1)  # A plan runs nothing: only whole nodes are counted.


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario: the months of its books, what follows from them, and the books themselves."""

    case: Case
    revenue: tuple[MonthlyRevenue, ...]
    projection: Projection
    invoices: int
    balances: tuple[Balance, ...]


def run_plan(plan: Plan) -> Mapping[str, Outcome]:
    """Every scenario of the plan, in its order."""
    return {name: run_case(case) for name, case in plan.cases.items()}


def run_case(case: Case) -> Outcome:
    """Sign the case's contract on a virtual clock, close every month of it, and read the books."""
    start = Month(case.start.year, case.start.month)
    world, clock = virtual_world(start.interval(ZONE).start, (SITE,))
    _lay_ground(world, case)
    sales.sign(world, OPERATOR, _offer(case, start))
    for number in range(case.months):
        month = start.plus(number)
        clock.to(month.interval(ZONE).end)
        billing.close(world, OPERATOR, SELLER, month)
    with world.store.transaction() as tx:
        entries = tx.find(Entry, entity=SELLER)
        balances = tx.balances(SELLER)
    revenue = _months(entries, start, case.months)
    invoices = sum(entry.id.startswith("invoice/") for entry in entries)
    return Outcome(case, revenue, project(case, revenue), invoices, balances)


def _offer(case: Case, start: Month) -> Offer:
    terms = case.contract
    during = Interval(start.interval(ZONE).start, start.plus(case.months).interval(ZONE).start)
    percent = terms.prepayment * 100
    return Offer.of(
        ContractId("plan"),
        ProjectId("plan"),
        SKU,
        case.cluster.servers,
        during,
        Money(terms.monthly_minor, case.currency),
        Decimal(percent.numerator) / percent.denominator,
        terms.tax_inclusive,
    )


def _lay_ground(world: World, case: Case) -> None:
    """A seller, a site with the cluster's servers, and the customer who signs for all of them."""
    rule = _rule(case.contract.tax_rate)
    gpus = case.cluster.gpus_per_server
    nodes = range(case.cluster.servers)
    blocks = {number: BlockId(f"block-{number // NODES_A_BLOCK}") for number in nodes}
    with world.store.transaction() as tx:
        tx.add(Entity(SELLER, case.name, "CN", "", ZONE, case.currency, "PLAN", rule))
        tx.add(Site(SITE, SELLER, case.name, "CN", ZONE, "sim", simulated=True))
        tx.add(*(Block(block, SITE, "planned") for block in sorted(set(blocks.values()))))
        tx.add(_chip(case))
        tx.add(Sku(SKU, SITE, CHIP, case.cluster.chip, gpus, True, WHOLE_NODE))
        tx.add(
            *(
                Node(NodeId(f"node-{n:06}"), SITE, blocks[n], CHIP, gpus, 1, WHOLE_NODE)
                for n in nodes
            )
        )
        tx.add(Customer(BUYER, SELLER, "The plan's customer", "CN", "", ZONE, case.currency))
        tx.add(Project(ProjectId("plan"), BUYER, "The plan"))


def _chip(case: Case) -> Chip:
    return Chip(
        CHIP, "", case.cluster.chip, None, None, None, None, case.source, Confidence.OPERATOR
    )


def _rule(rate: Fraction) -> str:
    for rule in RULES.values():
        if Fraction(rule.rate) == rate:
            return rule.id
    known = ", ".join(f"{percent}%" for percent in dict.fromkeys(r.percent for r in RULES.values()))
    raise Invalid("contract.tax_rate", f"no tax rule has {float(rate):.2%}; there are {known}")


def _months(entries: list[Entry], start: Month, months: int) -> tuple[MonthlyRevenue, ...]:
    """What the books say of each month: earned by its own entries, invoiced when issued."""
    earned: dict[Month, int] = {}
    gross: dict[Month, int] = {}
    tax: dict[Month, int] = {}
    for entry in entries:
        month = Month.of(entry.at, ZONE)
        for posting in entry.postings:
            if posting.account is Account.CONTRACT_REVENUE:
                earned[month] = earned.get(month, 0) - posting.book.minor
            elif posting.account is Account.RECEIVABLE:
                gross[month] = gross.get(month, 0) + posting.book.minor
            elif posting.account is Account.TAX:
                tax[month] = tax.get(month, 0) - posting.book.minor
    return tuple(
        MonthlyRevenue(month.first, earned.get(month, 0), gross.get(month, 0), tax.get(month, 0))
        for month in (start.plus(number) for number in range(months))
    )
