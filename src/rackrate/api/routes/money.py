"""Invoices, payments and the books."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import PlainTextResponse, Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Named, NeedsName, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.explanation import Explanation
from rackrate.api.schemas.money import (
    Balance,
    Balances,
    Closed,
    CloseRequest,
    Entry,
    Invoice,
    InvoiceDetail,
    Payment,
    PaymentRequest,
    Preview,
)
from rackrate.api.schemas.parts import Instant, MonthText, Page
from rackrate.app import billing, books, explaining
from rackrate.core.ids import CustomerId, InvoiceId
from rackrate.core.interval import Month
from rackrate.exports import beancount

router = APIRouter(route_class=ThreadRoute)
INVOICES: Tags = ["invoices"]
LEDGER: Tags = ["ledger"]


class Format(StrEnum):
    BEANCOUNT = "beancount"


EXPORTS = {Format.BEANCOUNT: beancount.export}


@router.get(
    "/invoices",
    response_model=Page[Invoice],
    responses=READS,
    tags=INVOICES,
    summary="Invoices, newest number first",
)
def list_invoices(call: Caller, window: Windowed, customer: Named = None) -> Response:
    whose = None if customer is None else CustomerId(customer)
    found = billing.find(call.world, call.actor, whose, window.after, window.probe)
    now = call.world.clock.now()
    return call.answer(window.page(found, lambda row: Invoice.of(row, now)))


@router.get(
    "/invoices/preview",
    response_model=Preview,
    responses=READS,
    tags=INVOICES,
    summary="The coming invoice of a month, up to now",
)
def preview(call: Caller, customer: NeedsName, month: Annotated[MonthText, Query()]) -> Response:
    seen = billing.preview(call.world, call.actor, CustomerId(customer), Month.parse(month))
    return call.answer(Preview.of(seen))


@router.post(
    "/invoices/close",
    response_model=Closed,
    responses=WRITES,
    tags=INVOICES,
    summary="Close a month",
)
def close(call: Writer, body: CloseRequest) -> Response:
    """All of it or nothing. Closing a closed month changes nothing and answers its invoices."""

    def act() -> Closed:
        entity = books.the_entity(call.world, call.actor, body.entity)
        issued = billing.close(call.world, call.actor, entity, Month.parse(body.month))
        now = call.world.clock.now()
        invoices = [Invoice.of(invoice, now) for invoice in issued]
        return Closed(entity=entity, month=body.month, invoices=invoices)

    return call.post(body, act)


@router.get(
    "/invoices/{id}",
    response_model=InvoiceDetail,
    responses=READS,
    tags=INVOICES,
    summary="An invoice with its lines",
)
def show_invoice(call: Caller, id: IdPath) -> Response:
    found = billing.show(call.world, call.actor, InvoiceId(id))
    booked = billing.booked(call.world, call.actor, InvoiceId(id))
    return call.tagged(InvoiceDetail.detail(*found, booked, call.world.clock.now()))


@router.get(
    "/invoices/{id}/lines/{place}/explanation",
    response_model=Explanation,
    responses=READS,
    tags=INVOICES,
    summary="Why a line is what it is: down to the seconds, up to the ledger",
)
def explain(call: Caller, id: IdPath, place: Annotated[int, Path(ge=1, le=999_999)]) -> Response:
    found = explaining.explain(call.world, call.actor, InvoiceId(id), place)
    return call.answer(Explanation.of(found))


@router.post(
    "/invoices/{id}/payments",
    status_code=201,
    response_model=Payment,
    responses=WRITES,
    tags=INVOICES,
    summary="Money has come in",
)
def pay(call: Writer, id: IdPath, body: PaymentRequest) -> Response:
    """The same reference and amount again changes nothing."""

    def act() -> Payment:
        invoice, money = InvoiceId(id), body.amount.value
        paid = billing.settle(
            call.world, call.actor, invoice, money, body.reference, body.keep_rest
        )
        return Payment.of(*paid, call.world.clock.now())

    return call.post(body, act, 201)


@router.get(
    "/ledger/balances",
    response_model=Balances,
    responses=READS,
    tags=LEDGER,
    summary="The trial balance",
)
def balances(
    call: Caller, entity: Named = None, until: Annotated[Instant | None, Query()] = None
) -> Response:
    whose = books.the_entity(call.world, call.actor, entity)
    found = books.balances(call.world, call.actor, whose, until)
    items = [Balance.of(balance) for balance in found]
    return call.answer(Balances(entity=whose, until=until, items=items))


@router.get(
    "/ledger/entries",
    response_model=Page[Entry],
    responses=READS,
    tags=LEDGER,
    summary="The journal, in the order of entry ids",
)
def entries(call: Caller, window: Windowed, entity: Named = None) -> Response:
    whose = books.the_entity(call.world, call.actor, entity)
    found = books.entries(call.world, call.actor, whose, window.after, window.probe)
    return call.answer(window.page(found, Entry.of))


@router.get(
    "/ledger/export",
    response_class=PlainTextResponse,
    responses=READS,
    tags=LEDGER,
    summary="The whole journal for other tools",
)
def export(
    call: Caller,
    entity: Named = None,
    format: Format = Format.BEANCOUNT,
) -> Response:
    whose = books.the_entity(call.world, call.actor, entity)
    known = {each.id: each for each in books.entities(call.world, call.actor)}
    journal = books.journal(call.world, call.actor, whose)
    text = EXPORTS[format](known[whose], journal)
    return Response(text, 200, {"Cache-Control": "no-store"}, "text/plain; charset=utf-8")
