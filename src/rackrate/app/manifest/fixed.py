"""What a file may not change any more, because something else rests on it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rackrate.app.ports import Tx
from rackrate.core.calendar import Claim
from rackrate.core.contract import Contract
from rackrate.core.contract_price import ContractPrice
from rackrate.core.currency import CurrencyRate
from rackrate.core.inventory import Block, Entity, Node, Rack, Site, Sku
from rackrate.core.invoice import Invoice
from rackrate.core.lease import Lease
from rackrate.core.parties import Customer, Project
from rackrate.core.price_index import IndexValue, PriceIndex
from rackrate.core.pricing import Price
from rackrate.core.purchase import PurchaseOrder


@dataclass(frozen=True, slots=True)
class Rule:
    """`names` of `kind` stay as they are while `holds`; `advice` is what to do instead."""

    kind: type
    names: frozenset[str]
    holds: Callable[[Tx, Any], bool]
    advice: str


def fixed(tx: Tx, old: Any, changed: Sequence[str]) -> Iterator[str]:
    """What is wrong with changing these fields of a row that is there."""
    yield from _superseded(old)
    if isinstance(old, Contract):
        yield (
            f"contract {old.id!r} is signed, and differs in {', '.join(changed)}; "
            "a signed contract is not edited: amend it with `rackrate contract amend`"
        )
    elif isinstance(old, Invoice):
        yield f"invoice {old.id!r} is in the books, and differs in {', '.join(changed)}"
    elif isinstance(old, Lease):
        yield (
            f"lease {old.id!r} is there, and differs in {', '.join(changed)}; "
            "a lease is not edited: end it, and start another"
        )
    what = old.id
    for rule in RULES:
        names = [name for name in changed if name in rule.names]
        if type(old) is rule.kind and names and rule.holds(tx, old):
            yield f"`{'`, `'.join(names)}` of {what!r} cannot change: {rule.advice}"


def _superseded(old: Any) -> Iterator[str]:
    """What is dated is never edited: another with a later date takes its place."""
    if isinstance(old, Price):
        what = f"{old.klass} price" if old.klass else "price"
        yield (
            f"{old.item} already has a {what} of {old.amount} {old.currency} from "
            f"{old.effective:%Y-%m-%d %H:%M} UTC, and prices are never edited: supersede it with "
            "a later `effective`"
        )
    elif isinstance(old, ContractPrice):
        yield (
            f"{old.sku} already has contract prices in {old.currency} from "
            f"{old.effective:%Y-%m-%d %H:%M} UTC, and prices are never edited: supersede them with "
            "a later `effective`"
        )
    elif isinstance(old, CurrencyRate):
        yield (
            f"1 {old.currency} is {old.rate:f} {old.target} from "
            f"{old.effective:%Y-%m-%d %H:%M} UTC ({old.source}), and rates are never edited: "
            "supersede it with a later `effective`"
        )
    elif isinstance(old, IndexValue):
        yield (
            f"index {old.index} was published as {old.value} from "
            f"{old.effective:%Y-%m-%d %H:%M} UTC on, and what is published is never edited: "
            "publish another from a later time on"
        )


def _always(_tx: Tx, _row: Any) -> bool:
    return True


def _site_claimed(tx: Tx, site: Site) -> bool:
    return bool(tx.find(Claim, site=site.id, open=True, limit=1))


def _node_claimed(tx: Tx, node: Node) -> bool:
    return bool(tx.find(Claim, node=node.id, open=True, limit=1))


def _sku_sold(tx: Tx, sku: Sku) -> bool:
    signed = (c for contract in tx.find(Contract) for c in contract.capacity)
    return bool(tx.find(Price, sku=sku.id, limit=1)) or any(c.sku == sku.id for c in signed)


def _entity_invoiced(tx: Tx, entity: Entity) -> bool:
    invoiced = tx.find(Invoice, entity=entity.id, limit=1)
    return bool(invoiced or tx.find(Contract, entity=entity.id, limit=1))


def _customer_bought(tx: Tx, customer: Customer) -> bool:
    return any(tx.find(kind, customer=customer.id, limit=1) for kind in (Lease, Contract, Invoice))


RULES = (
    Rule(Site, frozenset({"entity"}), _always, "make a new site"),
    Rule(
        Site,
        frozenset({"engine", "simulated"}),
        _site_claimed,
        "leases run there; end them first",
    ),
    Rule(Rack, frozenset({"site"}), _always, "make a new rack"),
    Rule(
        PurchaseOrder,
        frozenset(
            {"entity", "site", "terms", "block", "chip", "gpus", "parts", "capacity", "kw"}
            | {"price", "ordered", "until", "names", "first"}
        ),
        _always,
        "it is placed; cancel what has not come, and place another",
    ),
    Rule(Block, frozenset({"site"}), _always, "make a new block"),
    Rule(Node, frozenset({"site"}), _always, "give the node at the other site a new name"),
    Rule(
        Node,
        frozenset({"block", "chip", "gpus", "parts"}),
        _node_claimed,
        "the node is in use; drain it, and wait until its leases have ended",
    ),
    Rule(
        Sku,
        frozenset({"site", "chip", "slots", "whole_node"}),
        _sku_sold,
        "it has a price or a contract; make a new SKU",
    ),
    Rule(
        Entity,
        frozenset({"currency", "time_zone", "invoice_series"}),
        _entity_invoiced,
        "it has signed contracts or issued invoices; make a new entity",
    ),
    Rule(
        Customer,
        frozenset({"entity", "currency", "time_zone"}),
        _customer_bought,
        "it has leases, contracts or invoices; make a new customer",
    ),
    Rule(
        PriceIndex,
        frozenset({"currency", "unit", "tax_included"}),
        _always,
        "values were published for it; make a new index",
    ),
    Rule(Project, frozenset({"customer"}), _always, "make a new project"),
)
