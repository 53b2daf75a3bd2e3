"""Quotes: ask, create with a hold, look, sign, extend, withdraw, approve."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Call, Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.parts import Instant, Page
from rackrate.api.schemas.quote_answers import Answer
from rackrate.api.schemas.quotes import (
    ContractPrice,
    ExtendRequest,
    Quote,
    QuoteDetail,
    QuoteRequest,
    SignRequest,
)
from rackrate.app import catalogue, quotes
from rackrate.core.ids import ContractId, CustomerId, QuoteId, SkuId

router = APIRouter(route_class=ThreadRoute)
QUOTES: Tags = ["quotes"]
CATALOGUE: Tags = ["catalogue"]


@router.get(
    "/contract-prices",
    response_model=Page[ContractPrice],
    responses=READS,
    tags=CATALOGUE,
    summary="Contract prices by term and volume",
)
def list_contract_prices(
    call: Caller,
    window: Windowed,
    sku: Named = None,
    at: Annotated[Instant | None, Query(description="Left out: now")] = None,
) -> Response:
    """What is in force at an instant."""
    which, then = None if sku is None else SkuId(sku), at or call.world.clock.now()
    found = catalogue.list_contract_prices(call.world, call.actor, which, then)
    return call.answer(window.cut(found, lambda row: ContractPrice.of(row, call.actor.operator)))


@router.get(
    "/quotes",
    response_model=Page[Quote],
    responses=READS,
    tags=QUOTES,
    summary="Quotes, newest first",
)
def list_quotes(call: Caller, window: Windowed, customer: Named = None) -> Response:
    whose = None if customer is None else CustomerId(customer)
    now = call.world.clock.now()
    found = quotes.find(call.world, call.actor, whose, window.after, window.probe)
    return call.answer(window.page(found, lambda row: Quote.of(row, now)))


@router.post(
    "/quotes/answer",
    response_model=Answer,
    responses=WRITES,
    tags=QUOTES,
    summary="What a quote would say now; nothing is held",
)
def ask(call: Writer, body: QuoteRequest) -> Response:
    """All lines at once, with everything that would do instead where they do not fit."""
    return call.answer(Answer.of(quotes.ask(call.world, call.actor, body.ask)))


@router.post(
    "/quotes",
    status_code=201,
    response_model=QuoteDetail,
    responses=WRITES,
    tags=QUOTES,
    summary="Quote: price its lines, and hold all their nodes until it expires",
)
def create(call: Writer, body: QuoteRequest) -> Response:
    """Refused with how many would fit, from when all of them, and what would do instead."""

    def act() -> QuoteDetail:
        made = quotes.create(call.world, call.actor, body.ask)
        return _detail(call, made.id)

    return call.post(body, act, 201)


@router.get(
    "/quotes/{id}",
    response_model=QuoteDetail,
    responses=READS,
    tags=QUOTES,
    summary="A quote with its payment plan",
)
def show(call: Caller, id: IdPath) -> Response:
    return call.answer(_detail(call, QuoteId(id)))


@router.post(
    "/quotes/{id}/sign",
    response_model=QuoteDetail,
    responses=WRITES,
    tags=QUOTES,
    summary="Sign: what is held becomes the contract's, and what is due is invoiced",
)
def sign(call: Writer, id: IdPath, body: SignRequest) -> Response:
    contract = None if body.contract is None else ContractId(body.contract)
    return _acted(call, id, body, lambda of: quotes.sign(call.world, call.actor, of, contract))


@router.post(
    "/quotes/{id}/extend",
    response_model=QuoteDetail,
    responses=WRITES,
    tags=QUOTES,
    summary="Hold the nodes longer",
)
def extend(call: Writer, id: IdPath, body: ExtendRequest) -> Response:
    return _acted(call, id, body, lambda of: quotes.extend(call.world, call.actor, of, body.until))


@router.post(
    "/quotes/{id}/withdraw",
    response_model=QuoteDetail,
    responses=WRITES,
    tags=QUOTES,
    summary="Take it back: its nodes are free at once",
)
def withdraw(call: Writer, id: IdPath) -> Response:
    return _acted(call, id, None, lambda of: quotes.withdraw(call.world, call.actor, of))


@router.post(
    "/quotes/{id}/approve",
    response_model=QuoteDetail,
    responses=WRITES,
    tags=QUOTES,
    summary="Agree to a discount below the floor: somebody else than its author",
)
def approve(call: Writer, id: IdPath) -> Response:
    return _acted(call, id, None, lambda of: quotes.approve(call.world, call.actor, of))


def _acted(
    call: Call,
    id: str,
    body: SignRequest | ExtendRequest | None,
    act: Callable[[QuoteId], object],
) -> Response:
    def acted() -> QuoteDetail:
        act(QuoteId(id))
        return _detail(call, QuoteId(id))

    return call.post(body, acted)


def _detail(call: Call, id: QuoteId) -> QuoteDetail:
    return QuoteDetail.detail(quotes.show(call.world, call.actor, id))
