"""The fleet and the files that describe it; what is sold of it, and at what price."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.catalogue import Chip, Entity, Finding, Price, PriceCheck, Sku
from rackrate.api.schemas.fleet import (
    Applied,
    ApplyRequest,
    Drained,
    DrainRequest,
    Moved,
    MoveRequest,
    NodeDetail,
    Returned,
    ReturnRequest,
    SiteMap,
)
from rackrate.api.schemas.fleet import Node as NodeSchema
from rackrate.api.schemas.parts import Instant, Page
from rackrate.api.schemas.sites import Site, SiteDetail
from rackrate.app import books, catalogue, electricity, fleet, manifest, upkeep
from rackrate.core.ids import ChipId, NodeId, SiteId, SkuId
from rackrate.core.inventory import NodeState
from rackrate.core.lease import LeaseClass

router = APIRouter(route_class=ThreadRoute)
FLEET: Tags = ["fleet"]
CATALOGUE: Tags = ["catalogue"]


@router.post(
    "/apply",
    response_model=Applied,
    responses=WRITES,
    tags=FLEET,
    summary="Make it as these files say",
)
def apply(call: Writer, body: ApplyRequest) -> Response:
    """All of it or nothing. With `dry_run` nothing, and the answer says what would change."""
    files = [(file.name, file.text) for file in body.files]
    return call.post(
        body,
        lambda: Applied.of(manifest.apply(call.world, call.actor, files, body.dry_run)),
    )


@router.get(
    "/entities",
    response_model=Page[Entity],
    responses=READS,
    tags=CATALOGUE,
    summary="The sellers of record",
)
def list_entities(call: Caller, window: Windowed) -> Response:
    return call.answer(window.cut(books.entities(call.world, call.actor), Entity.of))


@router.get(
    "/sites", response_model=Page[Site], responses=READS, tags=FLEET, summary="The data centres"
)
def list_sites(call: Caller, window: Windowed) -> Response:
    return call.answer(window.cut(fleet.list_sites(call.world, call.actor), Site.of))


@router.get(
    "/sites/{id}",
    response_model=SiteDetail,
    responses=READS,
    tags=FLEET,
    summary="A data centre, and what it draws",
)
def show_site(call: Caller, id: IdPath) -> Response:
    return call.answer(SiteDetail.detail(electricity.show(call.world, call.actor, SiteId(id))))


@router.get(
    "/sites/{id}/map",
    response_model=SiteMap,
    responses=READS,
    tags=FLEET,
    summary="Every slot of a site",
)
def site_map(call: Caller, id: IdPath) -> Response:
    return call.answer(SiteMap.of(fleet.site_map(call.world, call.actor, SiteId(id))))


@router.get(
    "/nodes", response_model=Page[NodeSchema], responses=READS, tags=FLEET, summary="The servers"
)
def list_nodes(
    call: Caller,
    window: Windowed,
    site: Named = None,
    state: NodeState | None = None,
    chip: Named = None,
) -> Response:
    views = fleet.list_nodes(
        call.world,
        call.actor,
        None if site is None else SiteId(site),
        state,
        window.after,
        window.probe,
        None if chip is None else ChipId(chip),
    )
    return call.answer(window.page(views, NodeSchema.of, lambda view: view.node.id))


@router.get(
    "/nodes/{id}",
    response_model=NodeDetail,
    responses=READS,
    tags=FLEET,
    summary="A server, and what is on it",
)
def show_node(call: Caller, id: IdPath) -> Response:
    return call.tagged(NodeDetail.detail(fleet.show_node(call.world, call.actor, NodeId(id))))


@router.post(
    "/nodes/{id}/drain",
    response_model=Drained,
    responses=WRITES,
    tags=FLEET,
    summary="Offer a server no more",
)
def drain(call: Writer, id: IdPath, body: DrainRequest) -> Response:
    """What runs on it goes on until it ends. Answers every promise that this breaks, as a slip
    does. Draining twice is draining once.
    """

    def act() -> Drained:
        away = fleet.Away(body.start, body.until)
        done = fleet.drain(call.world, call.actor, NodeId(id), body.note, body.dry_run, away)
        return Drained.of(done, body.dry_run)

    return call.post(body, act)


@router.post(
    "/nodes/{id}/return",
    response_model=Returned,
    responses=WRITES,
    tags=FLEET,
    summary="Offer a server again",
)
def return_node(call: Writer, id: IdPath, body: ReturnRequest) -> Response:
    """A drain or a repair is over, or called off. Answers the promises that this mends."""

    def act() -> Returned:
        step = upkeep.Step(NodeState.IN_SERVICE, note=body.note)
        return Returned.of_move(upkeep.move(call.world, call.actor, NodeId(id), step))

    return call.post(body, act)


@router.post(
    "/nodes/{id}/move",
    response_model=Moved,
    responses=WRITES,
    tags=FLEET,
    summary="The next step in the life of a server",
)
def move(call: Writer, id: IdPath, body: MoveRequest) -> Response:
    """Only an empty one goes into repair or cleaning, or is retired. Answers what this breaks."""

    def act() -> Moved:
        return Moved.of(upkeep.move(call.world, call.actor, NodeId(id), body.step, body.dry_run))

    return call.post(body, act)


@router.get(
    "/chips",
    response_model=Page[Chip],
    responses=READS,
    tags=CATALOGUE,
    summary="Accelerator models",
)
def list_chips(call: Caller, window: Windowed) -> Response:
    return call.answer(window.cut(catalogue.list_chips(call.world, call.actor), Chip.of))


@router.get(
    "/skus",
    response_model=Page[Sku],
    responses=READS,
    tags=CATALOGUE,
    summary="What is sold, with stock and price now",
)
def list_skus(call: Caller, window: Windowed) -> Response:
    offerings = catalogue.list_offerings(call.world, call.actor)
    return call.answer(window.cut(offerings, Sku.of, lambda offering: offering.sku.id))


@router.get(
    "/prices", response_model=Page[Price], responses=READS, tags=CATALOGUE, summary="The price book"
)
def list_prices(
    call: Caller,
    window: Windowed,
    at: Annotated[
        Instant | None, Query(description="The prices in force then; left out: all, dated")
    ] = None,
    sku: Named = None,
    klass: Annotated[LeaseClass | None, Query(alias="class")] = None,
    scheduled: Annotated[
        bool, Query(description="Only those that begin later: than now, or than `at`")
    ] = False,
) -> Response:
    what = None if sku is None else SkuId(sku)
    found = catalogue.list_prices(call.world, call.actor, at, what, klass, scheduled)
    return call.answer(window.cut(found, Price.of))


@router.get(
    "/prices/check",
    response_model=PriceCheck,
    responses=READS,
    tags=CATALOGUE,
    summary="What is wrong with the price book",
)
def check_prices(call: Caller) -> Response:
    """Gaps, overlaps, currencies that nobody pays in, storage without a price; empty: nothing."""
    found = catalogue.check_prices(call.world, call.actor)
    return call.answer(PriceCheck(items=[Finding.of(each) for each in found]))
