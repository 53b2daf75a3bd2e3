"""Rates between currencies."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.parts import Instant, Page
from rackrate.api.schemas.rates import Code, Rate, RateFinding, RateRequest
from rackrate.app import rates
from rackrate.core.currency import STALE

router = APIRouter(route_class=ThreadRoute)
LEDGER: Tags = ["ledger"]


@router.get(
    "/rates",
    response_model=Page[Rate],
    responses=READS,
    tags=LEDGER,
    summary="Rates between currencies, of each pair in the order of time",
)
def list_rates(
    call: Caller,
    window: Windowed,
    currency: Annotated[Code | None, Query()] = None,
    target: Annotated[Code | None, Query()] = None,
) -> Response:
    pair = (currency, target)
    found = rates.find(call.world, call.actor, pair, window.after, window.probe)
    return call.answer(window.page(found, Rate.of))


@router.get(
    "/rates/current",
    response_model=Page[Rate],
    responses=READS,
    tags=LEDGER,
    summary="The rate of each pair that is in force now, or at an instant",
)
def current_rates(call: Caller, at: Annotated[Instant | None, Query()] = None) -> Response:
    found = rates.current(call.world, call.actor, at or call.world.clock.now())
    return call.answer(Page[Rate](items=[Rate.of(each) for each in found]))


@router.get(
    "/rates/check",
    response_model=Page[RateFinding],
    responses=READS,
    tags=LEDGER,
    summary="Who is billed in a currency that has no rate now, or an old one",
)
def check_rates(
    call: Caller, stale_days: Annotated[int, Query(ge=0, le=3660)] = STALE.days
) -> Response:
    found = rates.check_rates(call.world, call.actor, timedelta(days=stale_days))
    return call.answer(Page[RateFinding](items=[RateFinding.of(each) for each in found]))


@router.post(
    "/rates",
    response_model=Rate,
    responses=WRITES,
    tags=LEDGER,
    summary="Set a rate, from an instant on",
)
def set_rate(call: Writer, body: RateRequest) -> Response:
    """Rates are never edited: a later one supersedes. The same again changes nothing."""
    return call.post(body, lambda: Rate.of(rates.set_rate(call.world, call.actor, body.new())))
