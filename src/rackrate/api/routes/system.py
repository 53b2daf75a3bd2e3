"""Is it there, can it serve, who am I, and what was done."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from rackrate import __version__
from rackrate.api.asker import ThreadRoute
from rackrate.api.call import JSON, Caller, Windowed
from rackrate.api.problems import OPEN, READS
from rackrate.api.schemas.parts import NO_NUL, Page, Schema
from rackrate.api.schemas.people import Audit, Whoami
from rackrate.app import customers
from rackrate.app.world import World
from rackrate.core.access import Verb
from rackrate.core.ids import CustomerId, PrincipalId
from rackrate.core.inventory import Entity

router = APIRouter(route_class=ThreadRoute, tags=["system"])


class Health(Schema):
    """It answers."""

    status: str = Field(examples=["ok"])
    version: str


@router.get("/health", response_model=Health, responses=OPEN, summary="Whether it is there")
async def health() -> Response:
    return Response(Health(status="ok", version=__version__).model_dump_json(), 200, None, JSON)


@router.get("/ready", response_model=Health, responses=OPEN, summary="Whether it can serve")
def ready(request: Request) -> Response:
    """Asks the database; 503 while it is away."""
    world: World = request.app.state.world
    with world.store.transaction() as tx:
        tx.find(Entity, limit=1)
    return Response(Health(status="ready", version=__version__).model_dump_json(), 200, None, JSON)


@router.get("/whoami", response_model=Whoami, responses=READS, summary="Who the token is for")
def whoami(call: Caller) -> Response:
    return call.answer(Whoami.of(call.actor))


@router.get(
    "/audit",
    response_model=Page[Audit],
    responses=READS,
    summary="Who did what, newest first",
)
def list_audit(
    call: Caller,
    window: Windowed,
    customer: Annotated[str | None, Query(max_length=200, pattern=NO_NUL)] = None,
    principal: Annotated[str | None, Query(max_length=200, pattern=NO_NUL)] = None,
    verb: Verb | None = None,
) -> Response:
    wanted = customers.AuditFilter(
        None if principal is None else PrincipalId(principal),
        None if customer is None else CustomerId(customer),
        verb,
    )
    rows = customers.list_audit(call.world, call.actor, wanted, window.after, window.probe)
    return call.answer(window.page(rows, Audit.of))
