"""Credit limits and budgets: what may be started before it is paid, and used in a month."""

from fastapi import APIRouter
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.credit import Budget, BudgetRequest, Credit, LimitRequest
from rackrate.api.schemas.parts import Page
from rackrate.app import budgets, credit
from rackrate.core.ids import CustomerId

router = APIRouter(route_class=ThreadRoute)
CUSTOMERS: Tags = ["customers"]
BUDGETS: Tags = ["budgets"]


@router.get(
    "/customers/{id}/credit",
    response_model=Credit,
    responses=READS,
    tags=CUSTOMERS,
    summary="A customer's credit limit, and what counts against it now",
)
def show_credit(call: Caller, id: IdPath) -> Response:
    return call.answer(Credit.of(id, credit.show(call.world, call.actor, CustomerId(id))))


@router.post(
    "/customers/{id}/credit",
    response_model=Credit,
    responses=WRITES,
    tags=CUSTOMERS,
    summary="Set a customer's credit limit, or take it away",
)
def set_limit(call: Writer, id: IdPath, body: LimitRequest) -> Response:
    """For what starts from now on. What runs already, runs on."""

    def act() -> Credit:
        limit = None if body.limit is None else body.limit.value
        return Credit.of(id, credit.set_limit(call.world, call.actor, CustomerId(id), limit))

    return call.post(body, act)


@router.get(
    "/budgets",
    response_model=Page[Budget],
    responses=READS,
    tags=BUDGETS,
    summary="Budgets, and what was used of them at the last look",
)
def list_budgets(call: Caller, window: Windowed, customer: Named = None) -> Response:
    whose = None if customer is None else CustomerId(customer)
    found = [b for b in budgets.find(call.world, call.actor, whose) if b.id > window.after]
    return call.answer(window.page(found[: window.probe], Budget.of))


@router.post(
    "/budgets",
    response_model=Budget,
    responses=WRITES,
    tags=BUDGETS,
    summary="Set the budget of a customer, or of one of its projects",
)
def set_budget(call: Writer, body: BudgetRequest) -> Response:
    """There is one of each: what was set before is replaced."""
    return call.post(
        body, lambda: Budget.of(budgets.set_budget(call.world, call.actor, body.new()))
    )


@router.get(
    "/budgets/{id}",
    response_model=Budget,
    responses=READS,
    tags=BUDGETS,
    summary="A budget, and what is used of it now",
)
def show_budget(call: Caller, id: IdPath) -> Response:
    return call.answer(Budget.of(budgets.show(call.world, call.actor, id)))


@router.delete(
    "/budgets/{id}",
    response_model=Budget,
    responses=READS,
    tags=BUDGETS,
    summary="Take a budget away",
)
def remove_budget(call: Caller, id: IdPath) -> Response:
    return call.answer(Budget.of(budgets.remove(call.world, call.actor, id)))
