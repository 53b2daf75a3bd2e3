"""Purchase orders and the promises that late ones break."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.breaches import Breach
from rackrate.api.schemas.parts import Page
from rackrate.api.schemas.purchases import (
    AdvanceRequest,
    CancelRequest,
    Changed,
    LeaseBack,
    LeaseBackRequest,
    PurchaseOrder,
    PurchaseRequest,
    ServesRequest,
    SlipRequest,
)
from rackrate.app import breaches, fleet, procurement
from rackrate.core.ids import ContractId, PurchaseId, RackId, SiteId

router = APIRouter(route_class=ThreadRoute)
TAGS: Tags = ["fleet"]
BatchPath = Annotated[int, Path(ge=1, le=100_000)]


@router.get(
    "/purchase-orders",
    response_model=Page[PurchaseOrder],
    responses=READS,
    tags=TAGS,
    summary="What is on its way",
)
def list_orders(call: Caller, window: Windowed, site: Named = None) -> Response:
    where = None if site is None else SiteId(site)
    views = procurement.find(call.world, call.actor, where, window.after, window.probe)
    return call.answer(window.page(views, PurchaseOrder.of, lambda view: view.order.id))


@router.post(
    "/purchase-orders",
    response_model=PurchaseOrder,
    status_code=201,
    responses=WRITES,
    tags=TAGS,
    summary="Place an order",
)
def place(call: Writer, body: PurchaseRequest) -> Response:
    """Its nodes are in the calendar at once, from the days that they are expected."""

    def act() -> PurchaseOrder:
        site = fleet.show_site(call.world, call.actor, SiteId(body.site))
        order = body.order(site, call.world.clock.now())
        return PurchaseOrder.of(procurement.place(call.world, call.actor, order))

    return call.post(body, act, 201)


@router.get(
    "/purchase-orders/{id}",
    response_model=PurchaseOrder,
    responses=READS,
    tags=TAGS,
    summary="An order, and where its batches are",
)
def show(call: Caller, id: IdPath) -> Response:
    return call.tagged(PurchaseOrder.of(procurement.show(call.world, call.actor, PurchaseId(id))))


@router.post(
    "/purchase-orders/{id}/serves",
    response_model=PurchaseOrder,
    responses=WRITES,
    tags=TAGS,
    summary="Say for which contracts it was placed",
)
def serve(call: Writer, id: IdPath, body: ServesRequest) -> Response:
    """When it is late, these contracts go short first."""
    contracts = [ContractId(contract) for contract in body.serves]
    return call.post(
        body,
        lambda: PurchaseOrder.of(
            procurement.serve(call.world, call.actor, PurchaseId(id), contracts)
        ),
    )


@router.post(
    "/purchase-orders/{id}/batches/{batch}/advance",
    response_model=Changed,
    responses=WRITES,
    tags=TAGS,
    summary="Nodes of a batch have come so far",
)
def advance(call: Writer, id: IdPath, batch: BatchPath, body: AdvanceRequest) -> Response:
    """Those of the batch that are left behind become a batch of their own."""
    rack = None if body.rack is None else RackId(body.rack)
    return call.post(
        body,
        lambda: Changed.of(
            procurement.advance(
                call.world, call.actor, PurchaseId(id), body.part(batch), body.to, rack
            )
        ),
    )


@router.post(
    "/purchase-orders/{id}/batches/{batch}/slip",
    response_model=Changed,
    responses=WRITES,
    tags=TAGS,
    summary="A batch comes on another day",
)
def slip(call: Writer, id: IdPath, batch: BatchPath, body: SlipRequest) -> Response:
    """Answers every promise that this breaks, with what would mend each."""
    return call.post(
        body,
        lambda: Changed.of(
            procurement.slip(call.world, call.actor, PurchaseId(id), batch, body.to, body.dry_run)
        ),
    )


@router.post(
    "/purchase-orders/{id}/batches/{batch}/cancel",
    response_model=Changed,
    responses=WRITES,
    tags=TAGS,
    summary="What has not come of a batch never will",
)
def cancel(call: Writer, id: IdPath, batch: BatchPath, body: CancelRequest) -> Response:
    """Refused where that breaks a promise, unless it is forced, as when the supplier has called it
    off: then what it breaks is written down.
    """
    return call.post(
        body,
        lambda: Changed.of(
            procurement.cancel(
                call.world, call.actor, PurchaseId(id), batch, body.force, body.dry_run
            )
        ),
    )


@router.post(
    "/purchase-orders/{id}/lease-back",
    response_model=LeaseBack,
    status_code=201,
    responses=WRITES,
    tags=TAGS,
    summary="Promise nodes to the supplier",
)
def lease_back(call: Writer, id: IdPath, body: LeaseBackRequest) -> Response:
    return call.post(
        body,
        lambda: LeaseBack.of(
            procurement.lease_back(
                call.world,
                call.actor,
                PurchaseId(id),
                body.nodes,
                body.during,
                body.monthly.value,
            )
        ),
        201,
    )


@router.get(
    "/breaches",
    response_model=Page[Breach],
    responses=READS,
    tags=["capacity"],
    summary="Promises that the supply does not cover",
)
def list_breaches(
    call: Caller, window: Windowed, site: Named = None, all_of_them: bool = False
) -> Response:
    """Those to come and going on; with `all_of_them` also what is over or was mended."""
    where = None if site is None else SiteId(site)
    found = breaches.show(call.world, call.actor, where, all_of_them)
    return call.answer(window.cut(found, Breach.of, lambda broken: broken.id))
