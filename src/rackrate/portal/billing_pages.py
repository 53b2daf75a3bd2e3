"""How a customer is billed and what it may spend: credit, budgets, wallet, terms of billing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from rackrate.app import books, budgets, credit, customers, receivables, sales, wallets
from rackrate.core.access import Verb
from rackrate.core.billing_terms import BillingTerms, OrderNumber
from rackrate.core.errors import Invalid, Missing, RackrateError
from rackrate.core.ids import ContractId, CustomerId, ProjectId
from rackrate.core.parties import Customer
from rackrate.core.wallet import Stage
from rackrate.portal import typed
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Posted, Same, Visited

router = APIRouter()
PROJECT, CONTRACT = "project:", "contract:"
MOVEMENTS = 20
STAGES = {
    Stage.FINE: ("ok", msg("In use")),
    Stage.LOW: ("warn", msg("Little is left")),
    Stage.EMPTY: ("bad", msg("Used up: leases will stop")),
    Stage.STOPPED: ("bad", msg("Used up: leases are stopped")),
    Stage.ENDING: ("bad", msg("Used up: storage ends soon")),
    Stage.OVER: ("bad", msg("Used up: storage is not kept any longer")),
}


@router.get("/billing")
def mine(page: Visited) -> Response:
    """A customer's own; the operator goes by way of the customer."""
    own = page.organisation.customer
    return page.go("/customers") if own is None else _shown(page, own, None)


@router.get("/customers/{id}/billing")
def billing(page: Visited, id: str) -> Response:
    return _shown(page, CustomerId(id), None)


def _shown(page: Page, id: CustomerId, refused: RackrateError | None) -> Response:
    world, actor = page.world, page.actor
    own, seller = receivables.terms_of(world, actor, id)
    customer = customers.show_customer(world, actor, id)
    entities = {one.id: one for one in books.entities(world, actor)}
    values: dict[str, Any] = {
        "customer": customer,
        "home": _home(page, id),
        "credit": credit.show(world, actor, id),
        "budgets": sorted(budgets.find(world, actor, id), key=lambda one: one.id),
        "terms": own,
        "seller": seller,
        "seller_days": entities[own.entity].payment_days,
        "projects": customers.list_projects(world, actor, id),
        "contracts": sales.find(world, actor, id),
        "may_budget": page.may(Verb.BUDGET_WRITE),
        "may_terms": page.may(Verb.INVOICE_WRITE),
        **_wallet(page, id),
        "form_key": page.form_key(),
        "refusal": None if refused is None else refusal(page, refused),
    }
    same = Same(f"rackrate customer credit {id}", f"GET /v1/customers/{id}/credit")
    status = 200 if refused is None else status_of(refused)
    return page.show("billing.html", same, status, **values)


def _wallet(page: Page, id: CustomerId) -> dict[str, Any]:
    """What `parts/wallet.html` shows; of a customer that pays after use there is none."""
    found = wallets.find(page.world, page.actor, id)
    if not found or not found[0].in_use:
        return {"wallet": None}
    standing = wallets.show(page.world, page.actor, id)
    lasts = standing.balance.lasts
    moved = wallets.movements(page.world, page.actor, id)
    return {
        "wallet": standing.wallet,
        "balance": standing.balance,
        "hours_left": None if lasts is None else lasts // timedelta(hours=1),
        "movements": moved[: -MOVEMENTS - 1 : -1],
        "stages": STAGES,
    }


def _home(page: Page, id: CustomerId) -> str:
    return "/billing" if page.organisation.customer == id else f"/customers/{id}/billing"


def _acted(page: Page, id: str, key: str, what: str, act: Callable[[Customer], str]) -> Response:
    """Carried out once for its key, and back to the page; a refusal is shown on it."""
    whose = CustomerId(id)

    def carry_out() -> str:
        done = act(customers.show_customer(page.world, page.actor, whose))
        return f"{_home(page, whose)}?done={done}"

    try:
        return page.once(key, f"billing/{id}/{what}", carry_out)
    except Missing:
        raise
    except RackrateError as refused:
        return _shown(page, whose, refused)


@router.post("/customers/{id}/budgets")
def set_budget(
    page: Posted,
    id: str,
    project: Annotated[str, Form()] = "",
    amount: Annotated[str, Form()] = "",
    stop: Annotated[str, Form()] = "",
    grace: Annotated[str, Form()] = "24",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def act(customer: Customer) -> str:
        new = budgets.NewBudget(
            customer.id,
            ProjectId(project) if project else None,
            typed.money("amount", amount, customer.currency),
            stop == "yes",
            timedelta(hours=typed.whole("grace", grace, 4)),
        )
        budgets.set_budget(page.world, page.actor, new)
        return "budget-set"

    return _acted(page, id, form_key, f"budget/{project}/{amount}/{stop}/{grace}", act)


@router.post("/customers/{id}/budgets/remove")
def remove_budget(
    page: Posted,
    id: str,
    budget: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def act(_: Customer) -> str:
        budgets.remove(page.world, page.actor, budget)
        return "budget-removed"

    return _acted(page, id, form_key, f"remove/{budget}", act)


@router.post("/customers/{id}/limit")
def set_limit(
    page: Posted,
    id: str,
    limit: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """An empty field is no limit."""

    def act(customer: Customer) -> str:
        most = typed.money("limit", limit, customer.currency) if limit.strip() else None
        credit.set_limit(page.world, page.actor, customer.id, most)
        return "limit-set"

    return _acted(page, id, form_key, f"limit/{limit}", act)


@router.post("/customers/{id}/terms")
def set_terms(
    page: Posted,
    id: str,
    days: Annotated[str, Form()] = "",
    late: Annotated[str, Form()] = "",
    per_project: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """What is left empty is as with the seller."""

    def change(terms: BillingTerms) -> BillingTerms:
        return replace(
            terms,
            payment_days=typed.whole("days", days) if days.strip() else None,
            late_percent=typed.percent("late", late) if late.strip() else None,
            per_project=per_project == "yes",
        )

    return _changed(page, id, form_key, f"terms/{days}/{late}/{per_project}", change)


@router.post("/customers/{id}/orders")
def set_order(
    page: Posted,
    id: str,
    of: Annotated[str, Form()] = "",
    number: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """The purchase-order number of one scope; an empty one takes it away."""

    def change(terms: BillingTerms) -> BillingTerms:
        project = ProjectId(of.removeprefix(PROJECT)) if of.startswith(PROJECT) else None
        contract = ContractId(of.removeprefix(CONTRACT)) if of.startswith(CONTRACT) else None
        kept = [e for e in terms.orders if (e.project, e.contract) != (project, contract)]
        if number.strip():
            kept.append(OrderNumber(number.strip(), project, contract))
        return replace(terms, orders=tuple(kept))

    return _changed(page, id, form_key, f"order/{of}/{number}", change)


def _changed(
    page: Page, id: str, key: str, what: str, change: Callable[[BillingTerms], BillingTerms]
) -> Response:
    def act(customer: Customer) -> str:
        own, _ = receivables.terms_of(page.world, page.actor, customer.id)
        try:
            after = change(own)
        except ValueError as error:
            raise Invalid("", str(error)) from None
        receivables.set_terms(page.world, page.actor, after)
        return "terms-set"

    return _acted(page, id, key, what, act)


@router.post("/customers/{id}/wallet")
def set_wallet(
    page: Posted,
    id: str,
    low: Annotated[str, Form()] = "",
    grace: Annotated[str, Form()] = "",
    keep: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def act(customer: Customer) -> str:
        new = wallets.NewWallet(
            customer.id,
            typed.money("low", low, customer.currency),
            timedelta(hours=typed.whole("grace", grace, 4)),
            timedelta(days=typed.whole("keep", keep, 4)),
        )
        wallets.set_wallet(page.world, page.actor, new)
        return "wallet-set"

    return _acted(page, id, form_key, f"wallet/{low}/{grace}/{keep}", act)


@router.post("/customers/{id}/wallet/top-up")
def top_up(
    page: Posted,
    id: str,
    amount: Annotated[str, Form()] = "",
    reference: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def act(customer: Customer) -> str:
        money = typed.money("amount", amount, customer.currency)
        came = wallets.TopUp(customer.id, money, reference.strip())
        wallets.top_up(page.world, page.actor, came)
        return "topped-up"

    return _acted(page, id, form_key, f"top-up/{amount}/{reference}", act)


@router.post("/customers/{id}/wallet/close")
def close_wallet(
    page: Posted,
    id: str,
    reference: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def act(customer: Customer) -> str:
        wallets.close(page.world, page.actor, customer.id, reference.strip())
        return "wallet-closed"

    return _acted(page, id, form_key, f"wallet-close/{reference}", act)
