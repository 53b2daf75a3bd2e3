"""Leases: start, look, stop, start again, end, and what they print."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import PlainTextResponse, Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Call, Caller, Changer, IdPath, Named, Windowed, Writer
from rackrate.api.problems import LEASE_WRITES, READS, WRITES
from rackrate.api.schemas.leases import Lease, LeaseDetail, LeaseRequest, ResizeRequest
from rackrate.api.schemas.parts import Page
from rackrate.app import leasing, resizing
from rackrate.app.world import World
from rackrate.core.access import Actor
from rackrate.core.ids import CustomerId, LeaseId, ProjectId
from rackrate.core.lease import Lease as CoreLease
from rackrate.core.lease import Phase

router = APIRouter(route_class=ThreadRoute, tags=["leases"])
LOG_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes as they were printed",
        "headers": {
            "Next-Offset": {
                "description": "`after` for what follows", "schema": {"type": "integer"}
            }
        },
    }
}  # fmt: skip


@router.get("/leases", response_model=Page[Lease], responses=READS, summary="Leases, newest first")
def list_leases(
    call: Caller,
    window: Windowed,
    customer: Named = None,
    project: Named = None,
    phase: Phase | None = None,
    live: Annotated[bool | None, Query(description="Not at rest yet")] = None,
) -> Response:
    which = leasing.Filter(
        None if customer is None else CustomerId(customer),
        None if project is None else ProjectId(project),
        phase,
        live,
    )
    found = leasing.find(call.world, call.actor, which, window.after, window.probe)
    return call.answer(window.page(found, Lease.of))


@router.post(
    "/leases",
    status_code=201,
    response_model=Lease,
    responses=WRITES,
    summary="Start a lease: all of it or nothing",
)
def start(call: Writer, body: LeaseRequest) -> Response:
    """Capacity is promised when this answers. It runs, and is billed, once its health check has
    passed: `GET /v1/leases/{id}` shows when. Where only spot is in the way it `waits`, without
    nodes, until spot has had its notice and made room.
    """
    return call.post(body, lambda: Lease.of(leasing.start(call.world, call.actor, body.ask())), 201)


@router.get(
    "/leases/{id}",
    response_model=LeaseDetail,
    responses=READS,
    summary="A lease with its whole history",
)
def show(call: Caller, id: IdPath) -> Response:
    seen = leasing.detail(call.world, call.actor, LeaseId(id))
    return call.tagged(LeaseDetail.detail(seen, call.ssh(id)), seen.lease.seq)


@router.post(
    "/leases/{id}/stop",
    response_model=Lease,
    responses=LEASE_WRITES,
    summary="Stop: billing of its GPUs ends now",
)
def stop(call: Changer, id: IdPath) -> Response:
    """Its volumes stay, and it can be started again."""
    return _change(call, id, leasing.stop)


@router.post(
    "/leases/{id}/start",
    response_model=Lease,
    responses=LEASE_WRITES,
    summary="Start a stopped lease again",
)
def resume(call: Changer, id: IdPath) -> Response:
    """On its old nodes if they are free. Refused where there is no room."""
    return _change(call, id, leasing.resume)


@router.post(
    "/leases/{id}/resize",
    response_model=Lease,
    responses=LEASE_WRITES,
    summary="Give a stopped lease another shape",
)
def resize(call: Changer, id: IdPath, body: ResizeRequest) -> Response:
    """It is placed, and billed, with it from its next start on."""

    def use(world: World, actor: Actor, lease: LeaseId) -> CoreLease:
        return resizing.resize(world, actor, lease, body.shape())

    return _change(call, id, use, body)


@router.post(
    "/leases/{id}/end",
    response_model=Lease,
    responses=LEASE_WRITES,
    summary="End a lease for good",
)
def end(call: Changer, id: IdPath) -> Response:
    return _change(call, id, leasing.end)


def _change(
    call: Call,
    id: str,
    use: Callable[[World, Actor, LeaseId], CoreLease],
    body: ResizeRequest | None = None,
) -> Response:
    def act() -> Lease:
        changed = call.unchanged(
            lambda: use(call.world, call.actor, LeaseId(id)), lambda lease: lease.seq
        )
        return Lease.of(changed)

    return call.post(body, act)


@router.get(
    "/leases/{id}/logs",
    response_class=PlainTextResponse,
    responses={**READS, **LOG_ANSWER},
    summary="What a member has printed",
)
def logs(
    call: Caller,
    id: IdPath,
    rank: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    after: Annotated[int, Query(ge=0, le=1 << 53, description="From this byte on")] = 0,
    limit: Annotated[int, Query(ge=1, le=1 << 20, description="At most so many bytes")] = 65536,
) -> Response:
    printed = leasing.logs(call.world, call.actor, LeaseId(id), rank, after, limit)
    headers = {"Next-Offset": str(after + len(printed)), "Cache-Control": "no-store"}
    return Response(printed, 200, headers, "text/plain; charset=utf-8")
