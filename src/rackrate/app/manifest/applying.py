"""Applying files: one transaction, under the locks of the sites that they touch; all or nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from rackrate.app import dedicated, procurement, sales
from rackrate.app.adopting import Adoption, adopt
from rackrate.app.budgets import NewBudget
from rackrate.app.identity import membership_verb
from rackrate.app.manifest import billing
from rackrate.app.manifest.changes import Action, Change, Known, plan_changes
from rackrate.app.manifest.documents.reading import Declarations, read
from rackrate.app.opening import OpenInvoice, record
from rackrate.app.ports import Tx
from rackrate.app.wallets import NewWallet
from rackrate.app.world import World, acting, check, reading
from rackrate.core.access import Actor, Grant, Target, Verb
from rackrate.core.address import AddressPool
from rackrate.core.budget import Budget
from rackrate.core.chips import Chip
from rackrate.core.contract_price import ContractPrice
from rackrate.core.currency import CurrencyRate
from rackrate.core.errors import Invalid, Refused
from rackrate.core.ids import SiteId
from rackrate.core.inventory import Block, Entity, Node, Rack, Site, Sku
from rackrate.core.parties import Customer, Principal, Project
from rackrate.core.price_index import IndexValue, PriceIndex
from rackrate.core.pricing import Price
from rackrate.core.purchase import PurchaseOrder
from rackrate.core.wallet import Wallet

LONGEST_TARGET = 200
VERBS: Mapping[type, Verb] = {
    Entity: Verb.SYSTEM_WRITE,
    Site: Verb.FLEET_WRITE,
    Rack: Verb.FLEET_WRITE,
    Block: Verb.FLEET_WRITE,
    AddressPool: Verb.FLEET_WRITE,
    PurchaseOrder: Verb.FLEET_WRITE,
    Node: Verb.FLEET_WRITE,
    Chip: Verb.CATALOGUE_WRITE,
    Sku: Verb.CATALOGUE_WRITE,
    Price: Verb.CATALOGUE_WRITE,
    ContractPrice: Verb.CATALOGUE_WRITE,
    PriceIndex: Verb.CATALOGUE_WRITE,
    IndexValue: Verb.CATALOGUE_WRITE,
    CurrencyRate: Verb.INVOICE_WRITE,
    Customer: Verb.CUSTOMER_WRITE,
    Project: Verb.PROJECT_WRITE,
    Principal: Verb.MEMBER_WRITE,
    Grant: Verb.MEMBER_WRITE,
    sales.Offer: Verb.CONTRACT_WRITE,
    OpenInvoice: Verb.INVOICE_WRITE,
    Adoption: Verb.FLEET_WRITE,
    **billing.VERBS,
}


@dataclass(frozen=True, slots=True)
class Applied:
    """What was changed; or with `dry_run`, what would be."""

    changes: tuple[Change, ...]
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Act:
    """The changes of one document that one verb covers: one row of the audit log."""

    verb: Verb
    target: Target
    changes: tuple[Change, ...]


def apply(
    world: World, actor: Actor, files: Sequence[tuple[str, str]], dry_run: bool = False
) -> Applied:
    """Make the world as the files, (name, text) each, say. What they do not mention stays."""
    if not files:
        raise Invalid("files", "nothing to apply: give at least one file")
    names = " ".join(name for name, _ in files)[:LONGEST_TARGET]
    return apply_rows(world, actor, names, read(files), dry_run)


def apply_rows(
    world: World, actor: Actor, names: str, declared: Declarations, dry_run: bool = False
) -> Applied:
    """The same of what was declared, in files or otherwise."""
    with reading(world, actor, Verb.FLEET_READ, Target("apply", names)) as tx:
        for site in sorted(_sites(tx, declared)):
            tx.fleet(site)
        changes = plan_changes(tx, declared, world.clock.now())
        acts = list(_acts(tx, changes))
        for act in acts:
            check(actor, act.verb, act.target)
        if not dry_run:
            for act in acts:
                _carry_out(world, actor, act)
            for site in sorted({c.row.site for c in changes if isinstance(c.row, Node)}):
                dedicated.keep(tx, site, world.clock.now())
        return Applied(changes, dry_run)


def _sites(tx: Tx, declared: Declarations) -> set[SiteId]:
    """Whose claims or reservations may be concerned: their locks are taken first (decision 17)."""
    known = Known(tx, declared)
    sites: set[SiteId] = set()
    for one in declared.rows:
        match one.row:
            case Node(site=site) | PurchaseOrder(site=site):
                sites.add(site)
            case Site(id=site):
                sites.add(site)
            case Adoption(sku=id):
                sku = known.get(Sku, id)
                sites |= {sku.site} if sku is not None else set()
            case sales.Offer(commitments=commitments):
                skus = (known.get(Sku, each.sku) for each in commitments if each.sku is not None)
                sites |= {sku.site for sku in skus if sku is not None}
    return sites


def _acts(tx: Tx, changes: Sequence[Change]) -> Iterator[Act]:
    for _, group in groupby(changes, key=lambda c: (type(c.row), c.file, c.line)):
        part = tuple(group)
        yield Act(_verb(tx, part[0].row), _target(tx, part[0]), part)


def _verb(tx: Tx, row: object) -> Verb:
    """Whoever may write it; what gives power over the operator's own takes an administrator."""
    if isinstance(row, Grant):
        return membership_verb(row.customer)
    if isinstance(row, Customer):
        old = tx.peek(Customer, row.id)
        if row.of_operator != (old is not None and old.of_operator):
            return Verb.SYSTEM_WRITE
    return VERBS[type(row)]


def _target(tx: Tx, change: Change) -> Target:
    kind, _, name = change.source.partition("/")
    match change.row:
        case Customer():
            return Target(kind, name, change.row.id)
        case Project() | Grant():
            return Target(kind, name, change.row.customer)
        case OpenInvoice() | NewBudget() | Budget() | NewWallet() | Wallet():
            return Target(kind, name, change.row.customer)
        case sales.Offer(project=id) | Adoption(project=id):
            project = tx.peek(Project, id)
            return Target(kind, name, project.customer if project is not None else None, id)
        case _:
            return Target(kind, name)


def _carry_out(world: World, actor: Actor, act: Act) -> None:
    carry_out = _CARRIED_OUT.get(type(act.changes[0].row))
    if carry_out is not None:
        for change in act.changes:
            _at_its_place(change, partial(carry_out, world, actor, change.row))
        return
    if isinstance(act.changes[0].row, PurchaseOrder):
        for change in act.changes:
            _at_its_place(change, partial(_order, world, actor, change))
        return
    with acting(world, actor, act.verb, act.target) as tx:
        tx.add(*(c.row for c in act.changes if c.action is Action.CREATE and _new(tx, c.row)))
        tx.put(*(c.row for c in act.changes if c.action is Action.CHANGE))


def _order(world: World, actor: Actor, change: Change) -> None:
    """Its nodes come with it. One that is there already has new words, or serves others."""
    if change.action is Action.CREATE:
        procurement.record(world, actor, change.row)
    else:
        procurement.amend(world, actor, change.row)


def _new(tx: Tx, row: object) -> bool:
    """One person may be in several documents, and is written with the first."""
    return not isinstance(row, Principal) or tx.peek(Principal, row.id) is None


def _at_its_place(change: Change, carry_out: Callable[[], object]) -> None:
    """What is refused is refused with the place in the file that asks for it."""
    place = f"{change.file}:{change.line}"
    try:
        carry_out()
    except Invalid as error:
        raise Invalid(place, error.detail) from error
    except Refused as refusal:
        detail = f"{place}: {refusal.detail}"
        raise Refused(refusal.reason, detail, refusal.facts) from refusal


_CARRIED_OUT: Mapping[type, Callable[[World, Actor, Any], object]] = {
    sales.Offer: sales.sign,
    OpenInvoice: record,
    Adoption: adopt,
    **billing.CARRIED_OUT,
}
