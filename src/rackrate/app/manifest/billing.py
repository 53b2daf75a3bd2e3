"""Terms of billing, budgets and wallets: how what files say of them meets what is there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from rackrate.app import budgets, receivables, wallets
from rackrate.app.budgets import NewBudget
from rackrate.app.manifest.documents.billing import SellerRules
from rackrate.app.manifest.prices import Rows
from rackrate.app.wallets import NewWallet
from rackrate.app.world import World
from rackrate.core.access import Actor, Verb
from rackrate.core.billing_terms import BillingTerms, SellerTerms
from rackrate.core.budget import Budget
from rackrate.core.contract import Contract
from rackrate.core.ids import CustomerId
from rackrate.core.money import Money
from rackrate.core.parties import Customer, Project
from rackrate.core.wallet import Wallet

ORDER: tuple[type, ...] = (SellerRules, BillingTerms, NewBudget, NewWallet)
# What a document asks for is another value than the row that it becomes.
KEPT_AS: Mapping[type, type] = {SellerRules: SellerTerms, NewBudget: Budget, NewWallet: Wallet}
VERBS: Mapping[type, Verb] = {
    SellerRules: Verb.INVOICE_WRITE,
    SellerTerms: Verb.INVOICE_WRITE,
    BillingTerms: Verb.INVOICE_WRITE,
    NewBudget: Verb.BUDGET_WRITE,
    Budget: Verb.BUDGET_WRITE,
    NewWallet: Verb.INVOICE_WRITE,
    Wallet: Verb.INVOICE_WRITE,
}


def merged(old: Any, new: Any) -> Any:
    """The row that is there, with what the file says of it."""
    match new:
        case SellerRules():
            return new.over(old)
        case BillingTerms():
            return replace(new, entity=old.entity)
        case NewBudget():
            return replace(old, amount=new.amount, stop=new.stop, grace=new.grace)
        case NewWallet() if old.low.currency != new.low.currency:
            return replace(old, low=new.low)  # Refused: that is not what its customer pays in.
        case NewWallet():
            return replace(old.by(new.low, new.grace, new.keep_storage), closed=None)
        case _:
            return new


def _in_its_currency(customer: str, amount: Money, known: Rows) -> Iterator[str]:
    buyer = known.get(Customer, customer)
    if buyer is not None and buyer.currency != amount.currency:
        yield f"customer {customer!r} pays in {buyer.currency}"


def _budget(row: NewBudget, known: Rows) -> Iterator[str]:
    yield from _in_its_currency(row.customer, row.amount, known)
    yield from _its_project(row.customer, row.project, known)


def _wallet(row: NewWallet, known: Rows) -> Iterator[str]:
    yield from _in_its_currency(row.customer, row.low, known)


def _billing_terms(row: BillingTerms, known: Rows) -> Iterator[str]:
    for order in row.orders:
        yield from _its_project(row.id, order.project, known)
        contract = known.stored(Contract).get(order.contract or "")
        if contract is not None and contract.customer != row.id:
            yield f"contract {contract.id!r} belongs to {contract.customer!r}, not to {row.id!r}"


def _its_project(customer: str, id: str | None, known: Rows) -> Iterator[str]:
    project = known.get(Project, id or "")
    if project is not None and project.customer != customer:
        yield f"project {id!r} belongs to {project.customer!r}, not to {customer!r}"


CHECKS: Mapping[type, Callable[[Any, Rows], Iterator[str]]] = {
    BillingTerms: _billing_terms, NewBudget: _budget, NewWallet: _wallet,
}  # fmt: skip


def _set_rules(world: World, actor: Actor, row: SellerRules | SellerTerms) -> object:
    if isinstance(row, SellerRules):
        row = row.over(receivables.seller_terms(world, actor, row.id))
    return receivables.set_seller_terms(world, actor, row)


def _set_budget(world: World, actor: Actor, row: NewBudget | Budget) -> object:
    if isinstance(row, Budget):
        row = NewBudget(row.customer, row.project, row.amount, row.stop, row.grace)
    return budgets.set_budget(world, actor, row)


def _set_wallet(world: World, actor: Actor, row: NewWallet | Wallet) -> object:
    if isinstance(row, Wallet):
        row = NewWallet(CustomerId(row.id), row.low, row.grace, row.keep_storage)
    return wallets.set_wallet(world, actor, row)


CARRIED_OUT: Mapping[type, Callable[[World, Actor, Any], object]] = {
    SellerRules: _set_rules,
    SellerTerms: _set_rules,
    BillingTerms: receivables.set_terms,
    NewBudget: _set_budget,
    Budget: _set_budget,
    NewWallet: _set_wallet,
    Wallet: _set_wallet,
}
