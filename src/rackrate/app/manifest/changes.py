"""What files would change, row by row and field by field; or every mistake of them at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from rackrate.app.adopting import Adoption, differences
from rackrate.app.manifest import billing, pools, taxed
from rackrate.app.manifest.documents.reading import Declarations, Declared
from rackrate.app.manifest.fields import closest
from rackrate.app.manifest.fixed import fixed
from rackrate.app.manifest.prices import (
    FOLLOWED,
    backdated,
    follows_anew,
    late_values,
    matrix_misfits,
    settled,
)
from rackrate.app.manifest.rates import misfits
from rackrate.app.manifest.tree import Problem
from rackrate.app.opening import OpenInvoice, as_taken_over
from rackrate.app.ports import Tx
from rackrate.app.rows import KINDS
from rackrate.app.sales import Offer, as_signed
from rackrate.core.access import Grant
from rackrate.core.address import AddressPool
from rackrate.core.chips import Chip
from rackrate.core.contract import Contract
from rackrate.core.contract_price import ContractPrice, Tier
from rackrate.core.currency import CurrencyRate
from rackrate.core.errors import Invalid, Refused
from rackrate.core.ids import PoolId, SiteId
from rackrate.core.inventory import Block, Entity, Node, Rack, Site, Sku
from rackrate.core.invoice import Invoice
from rackrate.core.lease import Lease
from rackrate.core.money import Money
from rackrate.core.parties import Customer, Principal, Project
from rackrate.core.power import check_power, node_kw, site_power
from rackrate.core.price_index import IndexValue, PriceIndex
from rackrate.core.pricing import Price
from rackrate.core.purchase import Batch, PurchaseOrder
from rackrate.core.words import counted, nodes_said
from rackrate.core.workload import Limits

MOST_SHOWN = 100
# Rows are written in this order: what is mentioned before what mentions it.
ORDER: tuple[type, ...] = (
    Entity, Chip, Site, Rack, Block, AddressPool, Node, Sku, PriceIndex, IndexValue, Price,
    ContractPrice, CurrencyRate, Customer, Project, Principal, Grant, PurchaseOrder, Offer,
    OpenInvoice, Adoption,
    *billing.ORDER,
)  # fmt: skip


# What a document asks for is another value than the row that it becomes.
_KEPT_AS: Mapping[type, type] = {
    Offer: Contract, OpenInvoice: Invoice, Adoption: Lease, **billing.KEPT_AS,
}  # fmt: skip


class Action(StrEnum):
    CREATE = "create"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class FieldChange:
    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """One row that will be written, or contract that will be signed. `source` names its document,
    which declares many rows where it has a `count`.
    """

    action: Action
    kind: str
    id: str
    fields: tuple[FieldChange, ...]
    source: str
    file: str
    line: int
    row: Any


def plan_changes(tx: Tx, declared: Declarations, now: datetime) -> tuple[Change, ...]:
    """What differs from the rows that are there; Invalid with every mistake of every file."""
    known = Known(tx, declared)
    rows, wrong_prices = settled(declared, known, now)
    problems = [*declared.problems, *_unknown(declared, known), *wrong_prices]
    changes: list[Change] = []
    for one in sorted(rows, key=lambda one: ORDER.index(type(one.row))):
        wrong = [*_misfits(one.row, known)]
        old = known.stored(type(one.row)).get(one.row.id)
        if old is None:
            wrong += _backdated(one.row, known, now)
            changes.append(_change(Action.CREATE, one, (), one.row))
        else:
            row = _merged(old, one.row)
            differing = tuple(_differences(old, row))
            if differing:
                changes.append(_change(Action.CHANGE, one, differing, row))
                if not follows_anew(old, row, now):
                    wrong += fixed(tx, old, [each.name for each in differing])
        problems += [Problem(one.file, one.line, detail) for detail in wrong]
    if not problems:
        problems += _broken_promises(tx, changes, known, now)
        problems += _beyond_power(changes, known)
    if problems:
        raise mistakes(problems)
    return tuple(changes)


def mistakes(problems: Iterable[Problem]) -> Invalid:
    """All of them, by place, in one answer."""
    found = sorted(set(problems))
    shown = [str(problem) for problem in found[:MOST_SHOWN]]
    if len(found) > MOST_SHOWN:
        shown.append(f"and {len(found) - MOST_SHOWN} more")
    if len(found) > 1:
        shown.insert(0, f"{len(found)} mistakes; nothing is applied")
    error = Invalid("", "\n".join(shown))
    error.where = f"{found[0].file}:{found[0].line}"
    error.facts["field"] = error.where
    error.facts["problems"] = [
        {"file": problem.file, "line": problem.line, "detail": problem.detail}
        for problem in found[:MOST_SHOWN]
    ]
    return error


class Known:
    """What the files declare over what is stored. Each kind is loaded once, when it is needed."""

    def __init__(self, tx: Tx, declared: Declarations) -> None:
        self._tx = tx
        self._stored: dict[type, dict[str, Any]] = {}
        self._declared: dict[type, dict[str, Any]] = {}
        self._broken = declared.broken
        for one in declared.rows:
            self._declared.setdefault(type(one.row), {}).setdefault(one.row.id, one.row)

    def stored(self, kind: type) -> dict[str, Any]:
        rows = self._stored.get(kind)
        if rows is None:
            found: Sequence[Any] = self._tx.find(_KEPT_AS.get(kind, kind))
            rows = self._stored[kind] = {row.id: row for row in found}
        return rows

    def get(self, kind: type, id: str) -> Any | None:
        declared: Any | None = self._declared.get(kind, {}).get(id)
        return self.stored(kind).get(id) if declared is None else declared

    def has(self, kind: type, id: str) -> bool:
        return (kind, id) in self._broken or self.get(kind, id) is not None

    def all(self, kind: type) -> dict[Any, Any]:
        return {**self.stored(kind), **self._declared.get(kind, {})}

    def names(self, kind: type) -> set[str]:
        return {*self._declared.get(kind, ()), *self.stored(kind)}

    @cached_property
    def node_sizes(self) -> dict[tuple[str, str], set[int]]:
        """How many slots the nodes of a chip at a site have."""
        sizes: dict[tuple[str, str], set[int]] = {}
        for id in self.names(Node):
            node = self.get(Node, id)
            assert node is not None
            sizes.setdefault((node.site, node.chip), set()).add(node.slots)
        return sizes


def _unknown(declared: Declarations, known: Known) -> Iterator[Problem]:
    advice: dict[tuple[type, str], str] = {}
    for mention in declared.references:
        kind, id = mention.kind, mention.id
        if known.has(kind, id):
            continue
        if (kind, id) not in advice:
            # Looking for the nearest name takes a while, and nobody reads so many.
            near = closest(id, known.names(kind)) if len(advice) < MOST_SHOWN else "check its name"
            advice[kind, id] = near
        detail = f"`{mention.field}`: no {_noun(kind)} is called {id!r}; {advice[kind, id]}"
        yield Problem(mention.file, mention.line, detail)


# -- what one row must fit ----------------------------------------------------------------------


def _misfits(row: Any, known: Known) -> Iterator[str]:
    check = _CHECKS.get(type(row))
    if check is not None:
        yield from check(row, known)


def _node(row: Node, known: Known) -> Iterator[str]:
    block = known.get(Block, row.block)
    if block is not None and block.site != row.site:
        yield f"block {row.block!r} is at site {block.site!r}, not at {row.site!r}"
    rack = known.get(Rack, row.rack) if row.rack is not None else None
    if rack is not None and rack.site != row.site:
        yield f"rack {row.rack!r} is at site {rack.site!r}, not at {row.site!r}"


def _order(row: PurchaseOrder, known: Known) -> Iterator[str]:
    block, site = known.get(Block, row.block), known.get(Site, row.site)
    if block is not None and block.site != row.site:
        yield f"block {row.block!r} is at site {block.site!r}, not at {row.site!r}"
    if site is not None and site.entity != row.entity:
        yield f"site {row.site!r} belongs to {site.entity!r}, not to {row.entity!r}"
    if row.id in known.stored(PurchaseOrder):
        return
    taken = next((node.id for node in row.new_nodes() if known.get(Node, node.id)), None)
    if taken is not None:
        yield f"a node is called {taken!r} already; say `node_names` and `first`"


def _sku(row: Sku, known: Known) -> Iterator[str]:
    sizes = known.node_sizes.get((row.site, row.chip))
    if not sizes:
        return
    listed = ", ".join(str(size) for size in sorted(sizes))
    if row.whole_node and row.slots not in sizes:
        yield f"`slots` must be a whole {row.chip} node of site {row.site}: {listed}"
    elif row.slots > max(sizes):
        yield f"no {row.chip} node at site {row.site} has {row.slots} slots; they have {listed}"


def _grant(row: Grant, known: Known) -> Iterator[str]:
    project = known.get(Project, row.project) if row.project else None
    if project is not None and project.customer != row.customer:
        yield f"project {row.project!r} belongs to {project.customer!r}, not to {row.customer!r}"


def _offer(row: Offer, known: Known) -> Iterator[str]:
    for id in dict.fromkeys(each.sku for each in row.commitments if each.sku is not None):
        sku = known.get(Sku, id)
        if sku is not None and not sku.whole_node:
            yield f"sku {id!r} is not whole nodes, which is what contracts are for"
    project = known.get(Project, row.project)
    customer = known.get(Customer, project.customer) if project is not None else None
    if customer is not None and customer.currency != row.currency:
        yield f"customer {customer.id!r} pays in {customer.currency}"


_CHECKS: Mapping[type, Callable[[Any, Known], Iterator[str]]] = {
    Node: _node, Sku: _sku, Grant: _grant, PurchaseOrder: _order, Offer: _offer,
    ContractPrice: matrix_misfits,
    AddressPool: pools.misfits,
    CurrencyRate: misfits, **billing.CHECKS, **taxed.CHECKS,
}  # fmt: skip


def _backdated(row: Any, known: Known, now: datetime) -> Iterator[str]:
    """A new price may not change what has been sold at the one before it."""
    if not isinstance(row, FOLLOWED) or row.effective >= now:
        return
    if isinstance(row, IndexValue):
        yield from late_values(row, known.stored(IndexValue), now)
        return
    if isinstance(row, Price):
        yield from backdated(row, known.stored(Price), now)
        return
    for other in known.stored(ContractPrice).values():
        if (other.sku, other.currency) == (row.sku, row.currency):
            yield (
                f"{row.sku} has had a contract price since {other.effective:%Y-%m-%d %H:%M} "
                f"UTC; a price that supersedes it is effective after now, {now:%Y-%m-%d %H:%M} UTC"
            )
            return


def _beyond_power(changes: Sequence[Change], known: Known) -> Iterator[Problem]:
    """Nodes in service may not draw more than their site, or their rack, has."""
    drawing: dict[SiteId, list[Change]] = {}
    for change in changes:
        if isinstance(change.row, Node):
            drawing.setdefault(change.row.site, []).append(change)
    for id, here in sorted(drawing.items()):
        site, chips = known.get(Site, id), known.all(Chip)
        racks = [rack for rack in known.all(Rack).values() if rack.site == id]
        before = [node for node in known.stored(Node).values() if node.site == id]
        after = {node.id: node for node in before} | {change.id: change.row for change in here}
        assert site is not None
        try:
            check_power(
                site_power(site, racks, before, chips),
                site_power(site, racks, after.values(), chips),
                node_kw(here[-1].row, chips.get(here[-1].row.chip)),
            )
        except Refused as refusal:
            yield Problem(here[-1].file, here[-1].line, refusal.detail)


def _broken_promises(
    tx: Tx, changes: Sequence[Change], known: Known, now: datetime
) -> Iterator[Problem]:
    """Nodes may not leave a pool that has promised them."""
    leaving: Counter[tuple[SiteId, PoolId]] = Counter()
    last: dict[tuple[SiteId, PoolId], Change] = {}
    for change in changes:
        if isinstance(change.row, Node) and change.action is Action.CHANGE:
            old = known.stored(Node)[change.id]
            leaving[old.site, old.pool] += 1
            leaving[change.row.site, change.row.pool] -= 1
            last.setdefault((old.site, old.pool), change)
    for (site, pool_id), count in sorted(leaving.items()):
        pool = tx.fleet(site).pools.get(pool_id) if count > 0 else None
        if pool is None:
            continue
        left = pool.calendar.supply(now) - count
        needed = pool.calendar.first_below(count, now)
        if needed is not None:
            change = last[site, pool_id]
            yield Problem(
                change.file,
                change.line,
                f"leaves {left} nodes in pool {pool_id}, of which more are promised from "
                f"{needed:%Y-%m-%d %H:%M} UTC; add nodes to it first",
            )


# -- old and new --------------------------------------------------------------------------------


def _merged(old: Any, new: Any) -> Any:
    """The new row, with what only running the cloud may change as it is."""
    if isinstance(new, Node):
        run = ("state", "note", "ready", "until", "drained", "back", "named_for")
        names = (*run, "order", "batch")
        return replace(new, **{name: getattr(old, name) for name in names})
    if isinstance(new, PurchaseOrder):
        return replace(new, batches=old.batches)
    if isinstance(new, Customer) and new.credit_limit is None and old.currency == new.currency:
        return replace(new, credit_limit=old.credit_limit)
    return old if isinstance(new, Principal | Grant) else billing.merged(old, new)


def _noun(kind: type) -> str:
    return "grant" if kind is Grant else KINDS[_KEPT_AS.get(kind, kind)].table


def _differences(old: Any, new: Any) -> Iterator[FieldChange]:
    if isinstance(old, Contract):
        old, new = as_signed(old), replace(new, batches={}, blocks=())
    if isinstance(old, Invoice):
        # What was paid since, and what it was called, are not what a file may say otherwise.
        new = replace(new, paid=Money.zero(new.paid.currency))
        old = as_taken_over(old, new.title)
    if isinstance(old, Lease):
        for name, (was, said) in differences(old, new).items():
            yield FieldChange(name, written(was), written(said))
        return
    for each in fields(new):
        before, after = getattr(old, each.name), getattr(new, each.name)
        if before != after:
            yield FieldChange(each.name, written(before), written(after))


def _change(action: Action, one: Declared, differing: tuple[FieldChange, ...], row: Any) -> Change:
    return Change(
        action, _noun(type(row)), one.row.id, differing, one.source, one.file, one.line, row
    )


def written(value: object) -> str:
    """A field's value as a person would write it."""
    match value:
        case Limits():
            return (
                f"{value.milli_cpus / 1000:g} cpus, {value.memory_mib / 1024:g} GiB memory, "
                f"{value.disk_mib / 1024:g} GiB disk"
            )
        case Tier():
            least = f"{counted(value.months, 'month')} and {nodes_said(value.nodes)}"
            return f"{value.amount:,f} from {least}"
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%SZ}"
        case bool():
            return str(value).lower()
        case Batch():
            gone = ", cancelled" if value.cancelled else ""
            return f"{nodes_said(value.nodes)} on {value.expected:%Y-%m-%d}{gone}"
        case None:
            return "unknown"
        case tuple():
            return ", ".join(written(item) for item in value) or "none"
        case _:
            return str(value)
