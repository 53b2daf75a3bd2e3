"""Drafts that two people make; void invoices; terms of billing."""

from collections.abc import Callable
from typing import TypeVar

from fastapi import APIRouter
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Call, Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.billing_terms import (
    CustomerTerms,
    SellerTerms,
    SellerTermsRequest,
    TermsRequest,
)
from rackrate.api.schemas.money import Invoice
from rackrate.api.schemas.parts import Page
from rackrate.api.schemas.receivables import CreditRequest, Draft, LinesRequest, VoidRequest
from rackrate.app import drafts, receivables, voiding
from rackrate.core import invoice as invoices
from rackrate.core.errors import Invalid
from rackrate.core.ids import CustomerId, EntityId, InvoiceId
from rackrate.core.interval import Month

Agreed = TypeVar("Agreed")
router = APIRouter(route_class=ThreadRoute)
INVOICES: Tags = ["invoices"]
CUSTOMERS: Tags = ["customers"]


@router.get(
    "/drafts",
    response_model=Page[Draft],
    responses=READS,
    tags=INVOICES,
    summary="Drafts of lines and credits, the newest first",
)
def list_drafts(call: Caller, window: Windowed, customer: Named = None) -> Response:
    whose = None if customer is None else CustomerId(customer)
    found = drafts.find(call.world, call.actor, whose, window.after, window.probe)
    return call.answer(window.page(found, Draft.of))


@router.post(
    "/drafts",
    status_code=201,
    response_model=Draft,
    responses=WRITES,
    tags=INVOICES,
    summary="Draft lines for a customer's next invoice",
)
def write_lines(call: Writer, body: LinesRequest) -> Response:
    """They stand on no invoice before a second person has approved them."""

    def act() -> Draft:
        lines = tuple(each.value for each in body.lines)
        month = None if body.month is None else Month.parse(body.month)
        new = drafts.NewLines(CustomerId(body.customer), lines, body.reason, month)
        return Draft.of(drafts.write_lines(call.world, call.actor, new))

    return call.post(body, act, 201)


@router.post(
    "/invoices/{id}/credits",
    status_code=201,
    response_model=Draft,
    responses=WRITES,
    tags=INVOICES,
    summary="Draft a credit of an invoice",
)
def write_credit(call: Writer, id: IdPath, body: CreditRequest) -> Response:
    """Nothing is credited before a second person has approved it. Never more than the invoice."""

    def act() -> Draft:
        lines = {each.place: each.amount.value for each in body.lines}
        if len(lines) < len(body.lines):
            raise Invalid("lines", "name a line once")
        amount = None if body.amount is None else body.amount.value
        new = drafts.NewCredit(InvoiceId(id), body.reason, lines, amount, body.goodwill)
        return Draft.of(drafts.write_credit(call.world, call.actor, new))

    return call.post(body, act, 201)


@router.get("/drafts/{id}", response_model=Draft, responses=READS, tags=INVOICES, summary="A draft")
def show_draft(call: Caller, id: IdPath) -> Response:
    return call.answer(Draft.of(drafts.show(call.world, call.actor, id)))


@router.post(
    "/drafts/{id}/approve",
    response_model=Draft,
    responses=WRITES,
    tags=INVOICES,
    summary="Agree to a draft: somebody else than its author",
)
def approve(call: Writer, id: IdPath) -> Response:
    """A credit note is issued at once; lines go on the next invoice."""
    return call.post(None, lambda: Draft.of(drafts.approve(call.world, call.actor, id)))


@router.post(
    "/drafts/{id}/withdraw",
    response_model=Draft,
    responses=WRITES,
    tags=INVOICES,
    summary="Take a draft back before it is issued",
)
def withdraw(call: Writer, id: IdPath) -> Response:
    return call.post(None, lambda: Draft.of(drafts.withdraw(call.world, call.actor, id)))


@router.post(
    "/drafts/{id}/issue",
    status_code=201,
    response_model=Invoice,
    responses=WRITES,
    tags=INVOICES,
    summary="Issue approved lines now, as an invoice of their own",
)
def issue(call: Writer, id: IdPath) -> Response:
    def act() -> Invoice:
        return _invoice(call, drafts.issue_now(call.world, call.actor, id))

    return call.post(None, act, 201)


@router.post(
    "/invoices/{id}/void",
    response_model=Invoice,
    responses=WRITES,
    tags=INVOICES,
    summary="Void an invoice that was never paid; what it asked for comes again",
)
def void(call: Writer, id: IdPath, body: VoidRequest) -> Response:
    """Its number stays and its entry is taken back. Twice is once."""

    def act() -> Invoice:
        reason, again = body.reason, body.again
        return _invoice(
            call, voiding.void_invoice(call.world, call.actor, InvoiceId(id), reason, again)
        )

    return call.post(body, act)


@router.get(
    "/customers/{id}/billing-terms",
    response_model=CustomerTerms,
    responses=READS,
    tags=CUSTOMERS,
    summary="How a customer is invoiced",
)
def customer_terms(call: Caller, id: IdPath) -> Response:
    own, _ = receivables.terms_of(call.world, call.actor, CustomerId(id))
    return call.answer(CustomerTerms.of(own))


@router.post(
    "/customers/{id}/billing-terms",
    response_model=CustomerTerms,
    responses=WRITES,
    tags=CUSTOMERS,
    summary="Agree how a customer is invoiced from now on",
)
def set_customer_terms(call: Writer, id: IdPath, body: TermsRequest) -> Response:
    def act() -> CustomerTerms:
        wanted = _agreed(body.value, id)
        return CustomerTerms.of(receivables.set_terms(call.world, call.actor, wanted))

    return call.post(body, act)


@router.get(
    "/entities/{id}/billing-terms",
    response_model=SellerTerms,
    responses=READS,
    tags=INVOICES,
    summary="A seller's rules of billing",
)
def seller_terms(call: Caller, id: IdPath) -> Response:
    found = receivables.seller_terms(call.world, call.actor, EntityId(id))
    return call.answer(SellerTerms.of(found))


@router.post(
    "/entities/{id}/billing-terms",
    response_model=SellerTerms,
    responses=WRITES,
    tags=INVOICES,
    summary="A seller's rules of billing from now on",
)
def set_seller_terms(call: Writer, id: IdPath, body: SellerTermsRequest) -> Response:
    def act() -> SellerTerms:
        wanted = _agreed(body.value, id)
        return SellerTerms.of(receivables.set_seller_terms(call.world, call.actor, wanted))

    return call.post(body, act)


def _agreed(read: Callable[[str], Agreed], id: str) -> Agreed:
    """Terms as they were sent; Invalid where nobody could agree on them."""
    try:
        return read(id)
    except ValueError as error:
        raise Invalid("", str(error)) from None


def _invoice(call: Call, row: invoices.Invoice) -> Invoice:
    return Invoice.of(row, call.world.clock.now())
