"""Wallets: customers that pay ahead."""

from fastapi import APIRouter
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.parts import Page
from rackrate.api.schemas.wallets import (
    CloseWalletRequest,
    Movement,
    Standing,
    TopUpRequest,
    Wallet,
    WalletRequest,
)
from rackrate.app import wallets
from rackrate.core.ids import CustomerId

router = APIRouter(route_class=ThreadRoute)
WALLETS: Tags = ["wallets"]


@router.get(
    "/wallets",
    response_model=Page[Wallet],
    responses=READS,
    tags=WALLETS,
    summary="Wallets, and what was left of them at the last look",
)
def list_wallets(call: Caller, window: Windowed, customer: Named = None) -> Response:
    whose = None if customer is None else CustomerId(customer)
    return call.answer(window.cut(wallets.find(call.world, call.actor, whose), Wallet.of))


@router.post(
    "/wallets",
    response_model=Standing,
    responses=WRITES,
    tags=WALLETS,
    summary="Let a customer pay ahead, or change the terms of it",
)
def set_wallet(call: Writer, body: WalletRequest) -> Response:
    """It starts nothing on demand beyond what it has, and its credit limit, if it has one."""
    return call.post(
        body, lambda: Standing.of(wallets.set_wallet(call.world, call.actor, body.new()))
    )


@router.get(
    "/wallets/{id}",
    response_model=Standing,
    responses=READS,
    tags=WALLETS,
    summary="The wallet of a customer, and what is left of it now",
)
def show_wallet(call: Caller, id: IdPath) -> Response:
    return call.answer(Standing.of(wallets.show(call.world, call.actor, CustomerId(id))))


@router.get(
    "/wallets/{id}/movements",
    response_model=Page[Movement],
    responses=READS,
    tags=WALLETS,
    summary="What came into a wallet and went out of it, the oldest first",
)
def list_movements(call: Caller, id: IdPath, window: Windowed) -> Response:
    rows = wallets.movements(call.world, call.actor, CustomerId(id))
    numbered = [(f"{number:09}", row) for number, row in enumerate(rows)]
    rest = [each for each in numbered if each[0] > window.after]
    return call.answer(
        window.page(rest[: window.probe], lambda one: Movement.of(one[1]), lambda one: one[0])
    )


@router.post(
    "/wallets/{id}/top-up",
    response_model=Standing,
    responses=WRITES,
    tags=WALLETS,
    summary="Money has come in for a wallet",
)
def top_up(call: Writer, id: IdPath, body: TopUpRequest) -> Response:
    """It pays what is open, and the rest is held. The same reference again changes nothing."""

    def act() -> Standing:
        came = wallets.TopUp(CustomerId(id), body.amount.value, body.reference, body.on)
        return Standing.of(wallets.top_up(call.world, call.actor, came))

    return call.post(body, act)


@router.post(
    "/wallets/{id}/close",
    response_model=Standing,
    responses=WRITES,
    tags=WALLETS,
    summary="Close a wallet: what is left goes back",
)
def close_wallet(call: Writer, id: IdPath, body: CloseWalletRequest) -> Response:
    """What was used and has no invoice yet is kept for that. A customer without a credit limit
    has one of 0 from then on.
    """

    def act() -> Standing:
        found = wallets.close(call.world, call.actor, CustomerId(id), body.reference)
        return Standing.of(found)

    return call.post(body, act)
