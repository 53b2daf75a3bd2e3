"""Published indices that prices follow."""

from fastapi import APIRouter
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.indices import PriceIndex, PriceIndexDetail, Published, ValueRequest
from rackrate.api.schemas.parts import Page
from rackrate.app import indices
from rackrate.core.ids import IndexId

router = APIRouter(route_class=ThreadRoute)
CATALOGUE: Tags = ["catalogue"]


@router.get(
    "/price-indices",
    response_model=Page[PriceIndex],
    responses=READS,
    tags=CATALOGUE,
    summary="Published indices that prices follow",
)
def list_indices(call: Caller, window: Windowed) -> Response:
    found = indices.list_indices(call.world, call.actor)
    return call.answer(window.cut(found, PriceIndex.of, lambda each: each.index.id))


@router.get(
    "/price-indices/{id}",
    response_model=PriceIndexDetail,
    responses=READS,
    tags=CATALOGUE,
    summary="An index, its values, and the prices that follow it",
)
def show_index(call: Caller, id: IdPath) -> Response:
    return call.answer(PriceIndexDetail.detail(indices.show(call.world, call.actor, IndexId(id))))


@router.post(
    "/price-indices/{id}/values",
    response_model=Published,
    responses=WRITES,
    tags=CATALOGUE,
    summary="Publish a value of an index",
)
def publish(call: Writer, id: IdPath, body: ValueRequest) -> Response:
    """The prices that follow are written with it, dated alike. A value is never edited."""

    def act() -> Published:
        who, index = call.actor, IndexId(id)
        return Published.of(
            indices.publish(call.world, who, index, body.decimal, body.effective, body.source)
        )

    return call.post(body, act)
