"""What can be promised: the capacity calendar."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.capacity import (
    Capacity,
    CustomerNumbers,
    Maintenance,
    MaintenanceRequest,
    Numbers,
)
from rackrate.api.schemas.parts import Instant, Page
from rackrate.api.schemas.rearranging import ClearRequest, MendRequest, Rearrangement
from rackrate.app import capacity, maintenance, rearranging, tallies
from rackrate.core.errors import Invalid
from rackrate.core.ids import ChipId, ContractId, CustomerId, SiteId, SkuId
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


@router.get(
    "/maintenance",
    response_model=Page[Maintenance],
    responses=READS,
    tags=CAPACITY,
    summary="Maintenance windows that are not over",
)
def list_maintenance(call: Caller, window: Windowed, site: Named = None) -> Response:
    found = maintenance.find(call.world, call.actor, None if site is None else SiteId(site))
    return call.answer(window.cut(found, Maintenance.of))


@router.post(
    "/maintenance",
    status_code=201,
    response_model=Maintenance,
    responses=WRITES,
    tags=CAPACITY,
    summary="Plan maintenance: reserve nodes for it",
)
def add_maintenance(call: Writer, body: MaintenanceRequest) -> Response:
    """Refused where it would break a promise, with the next date on which it would not."""
    return call.post(
        body,
        lambda: Maintenance.of(maintenance.add(call.world, call.actor, body.work())),
        201,
    )


@router.delete(
    "/maintenance/{id}",
    response_model=Maintenance,
    responses=WRITES,
    tags=CAPACITY,
    summary="Call maintenance off",
)
def remove_maintenance(call: Caller, id: IdPath) -> Response:
    return call.answer(Maintenance.of(maintenance.remove(call.world, call.actor, id)))


@router.post(
    "/capacity/mend",
    response_model=Rearrangement,
    responses=WRITES,
    tags=CAPACITY,
    summary="Lay promises that are not delivered yet on other blocks, where one is short",
)
def mend(call: Writer, body: MendRequest) -> Response:
    """Nothing is broken by it; what stays short has no other block to go to."""

    def act() -> Rearrangement:
        return Rearrangement.of(
            rearranging.mend(call.world, call.actor, body.where(), body.dry_run)
        )

    return call.post(body, act)


@router.post(
    "/capacity/clear",
    response_model=Rearrangement,
    responses=WRITES,
    tags=CAPACITY,
    summary="Make room on one block by moving the least",
)
def clear(call: Writer, body: ClearRequest) -> Response:
    """Refused where what stands there is delivered, or fits nowhere else."""

    def act() -> Rearrangement:
        return Rearrangement.of(
            rearranging.clear(call.world, call.actor, body.room(), body.dry_run)
        )

    return call.post(body, act)


@router.get(
    "/customers/{id}/numbers",
    response_model=CustomerNumbers,
    responses=READS,
    tags=CAPACITY,
    summary="Delivered, healthy, reserved, in use: of a customer",
)
def customer_numbers(call: Caller, id: IdPath) -> Response:
    found = tallies.of_customer(call.world, call.actor, CustomerId(id))
    return call.answer(CustomerNumbers.all_of(found))


@router.get(
    "/contracts/{id}/numbers",
    response_model=Numbers,
    responses=READS,
    tags=CAPACITY,
    summary="Delivered, healthy, reserved, in use: of a contract",
)
def contract_numbers(call: Caller, id: IdPath) -> Response:
    return call.answer(Numbers.of(tallies.of_contract(call.world, call.actor, ContractId(id))))
