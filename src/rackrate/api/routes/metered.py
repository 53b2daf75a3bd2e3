"""Public addresses of projects, and what meters outside have read."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.metered import (
    Address,
    AddressPool,
    AddressRequest,
    AttachRequest,
    Reading,
    ReadingsRequest,
    Recorded,
)
from rackrate.api.schemas.parts import Page
from rackrate.app import addresses, readings
from rackrate.core.ids import CustomerId, LeaseId, ProjectId, SiteId

router = APIRouter(route_class=ThreadRoute)
ADDRESSES: Tags = ["addresses"]
READINGS: Tags = ["readings"]


@router.get(
    "/addresses",
    response_model=Page[Address],
    responses=READS,
    tags=ADDRESSES,
    summary="Public addresses, the newest first",
)
def list_addresses(
    call: Caller,
    window: Windowed,
    customer: Named = None,
    project: Named = None,
    site: Named = None,
    held: Annotated[bool, Query(description="Not released")] = False,
) -> Response:
    which = addresses.Filter(
        None if customer is None else CustomerId(customer),
        None if project is None else ProjectId(project),
        None if site is None else SiteId(site),
        held,
    )
    found = addresses.find(call.world, call.actor, which, window.after, window.probe)
    return call.answer(window.page(found, Address.of))


@router.post(
    "/addresses",
    status_code=201,
    response_model=Address,
    responses=WRITES,
    tags=ADDRESSES,
    summary="Reserve a public address for a project",
)
def reserve(call: Writer, body: AddressRequest) -> Response:
    """It is billed from now until it is released, attached or not."""

    def act() -> Address:
        return Address.of(addresses.reserve(call.world, call.actor, body.new()))

    return call.post(body, act, 201)


@router.get(
    "/address-pools",
    response_model=Page[AddressPool],
    responses=READS,
    tags=ADDRESSES,
    summary="Where public addresses come from",
)
def list_pools(call: Caller, window: Windowed, site: Named = None) -> Response:
    at = None if site is None else SiteId(site)
    return call.answer(window.cut(addresses.pools(call.world, call.actor, at), AddressPool.of))


@router.get(
    "/addresses/{id}",
    response_model=Address,
    responses=READS,
    tags=ADDRESSES,
    summary="A public address, and where it belongs",
)
def show(call: Caller, id: IdPath) -> Response:
    return call.answer(Address.of(addresses.show(call.world, call.actor, id)))


@router.post(
    "/addresses/{id}/attach",
    response_model=Address,
    responses=WRITES,
    tags=ADDRESSES,
    summary="Say to which lease it belongs",
)
def attach(call: Writer, id: IdPath, body: AttachRequest) -> Response:
    """Written down for whoever runs the routers: Rackrate sets up none."""

    def act() -> Address:
        return Address.of(addresses.attach(call.world, call.actor, id, LeaseId(body.lease)))

    return call.post(body, act)


@router.post(
    "/addresses/{id}/detach",
    response_model=Address,
    responses=WRITES,
    tags=ADDRESSES,
    summary="It belongs to no lease; it is billed as before",
)
def detach(call: Writer, id: IdPath) -> Response:
    return call.post(None, lambda: Address.of(addresses.detach(call.world, call.actor, id)))


@router.post(
    "/addresses/{id}/release",
    response_model=Address,
    responses=WRITES,
    tags=ADDRESSES,
    summary="Give it back: billed until now",
)
def release(call: Writer, id: IdPath) -> Response:
    """It rests for a while before anybody else is given it."""
    return call.post(None, lambda: Address.of(addresses.release(call.world, call.actor, id)))


@router.get(
    "/readings",
    response_model=Page[Reading],
    responses=READS,
    tags=READINGS,
    summary="Readings, by meter and its own name of each",
)
def list_readings(
    call: Caller,
    window: Windowed,
    customer: Named = None,
    project: Named = None,
    lease: Named = None,
    meter: Named = None,
) -> Response:
    which = readings.Filter(
        None if customer is None else CustomerId(customer),
        None if project is None else ProjectId(project),
        None if lease is None else LeaseId(lease),
        meter,
    )
    found = readings.find(call.world, call.actor, which, window.after, window.probe)
    return call.answer(window.page(found, Reading.of))


@router.post(
    "/readings",
    response_model=Recorded,
    responses=WRITES,
    tags=READINGS,
    summary="What a meter has counted: all of it, once",
)
def record(call: Writer, body: ReadingsRequest) -> Response:
    """In any order, and late: of a month that is closed, a line on the next invoice corrects it.
    The same again changes nothing; the same `id` with other words is refused.
    """

    def act() -> Recorded:
        return Recorded.of(readings.record(call.world, call.actor, body.meter, body.told()))

    return call.post(body, act)
