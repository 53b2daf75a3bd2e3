"""Credit limits: what may be started before it is paid."""

from fastapi import APIRouter
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Tags, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.credit import Credit, LimitRequest
from rackrate.app import credit
from rackrate.core.ids import CustomerId

router = APIRouter(route_class=ThreadRoute)
CUSTOMERS: Tags = ["customers"]


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
