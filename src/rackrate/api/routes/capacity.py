"""What can be promised: the capacity calendar."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, Named, Tags
from rackrate.api.problems import READS
from rackrate.api.schemas.capacity import Capacity
from rackrate.api.schemas.parts import Instant
from rackrate.app import capacity
from rackrate.core.errors import Invalid
from rackrate.core.ids import ChipId, SiteId, SkuId
from rackrate.core.interval import Interval

router = APIRouter(route_class=ThreadRoute)
CAPACITY: Tags = ["capacity"]
TWO_YEARS = timedelta(days=730)


@router.get(
    "/capacity",
    response_model=Capacity,
    responses=READS,
    tags=CAPACITY,
    summary="What can be promised, from when, and what already is",
)
def show(
    call: Caller,
    sku: Named = None,
    chip: Named = None,
    site: Named = None,
    start: Annotated[Instant | None, Query(alias="from", description="Left out: now")] = None,
    until: Annotated[Instant | None, Query(description="Left out: two years later")] = None,
    unit: capacity.Unit = capacity.Unit.NODES,
) -> Response:
    """Of a SKU, or of a chip, at one site or at all of them."""
    question = capacity.Question(
        _window(call, start, until),
        None if sku is None else SkuId(sku),
        None if chip is None else ChipId(chip),
        None if site is None else SiteId(site),
        unit,
    )
    return call.answer(Capacity.of(capacity.show(call.world, call.actor, question)))


def _window(call: Caller, start: Instant | None, until: Instant | None) -> Interval:
    first = call.world.clock.now() if start is None else start
    try:
        end = first + TWO_YEARS if until is None else until
    except OverflowError:
        raise Invalid("from", "too far away") from None
    if not first < end:
        raise Invalid("until", "it ends before it begins")
    return Interval(first, end)
