"""The documents of invoices: PDF, electronic invoices, CSV; digital invoices; tax rules."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.digital import DigitalInvoice, DigitalInvoices
from rackrate.api.schemas.parts import Page
from rackrate.api.schemas.tax import TaxRule
from rackrate.app import digital, documents
from rackrate.core.ids import InvoiceId
from rackrate.exports.formats import MEDIA, Format, make
from rackrate.exports.words import Language

router = APIRouter(route_class=ThreadRoute)
INVOICES: Tags = ["invoices"]
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA},
    }
}


@router.get(
    "/invoices/{id}/document",
    response_class=Response,
    responses=FILE | READS,
    tags=INVOICES,
    summary="An invoice as a file: PDF, electronic invoice, CSV",
)
def show_document(
    call: Caller,
    id: IdPath,
    format: Annotated[
        Format,
        Query(description="`facturx`: PDF with the electronic invoice inside, as `ubl` EN 16931"),
    ] = Format.PDF,
    language: Annotated[Language, Query(description="Of the printed sheets")] = Language.EN,
) -> Response:
    """What a format needs and nobody has said is refused: `missing` lists all of it."""
    found = documents.document(call.world, call.actor, InvoiceId(id))
    made = make(found, format, language)
    return Response(made.content, 200, made.headers, made.media)


@router.get(
    "/tax-rules",
    response_model=Page[TaxRule],
    responses=READS,
    tags=INVOICES,
    summary="The tax rules that entities and customers can be under",
)
def list_tax_rules(call: Caller, window: Windowed) -> Response:
    return call.answer(window.cut(documents.tax_rules(call.actor), TaxRule.of))


@router.get(
    "/invoices/{id}/digital",
    response_model=DigitalInvoices,
    responses=READS,
    tags=INVOICES,
    summary="The digital invoices of an invoice",
)
def list_digital(call: Caller, id: IdPath) -> Response:
    found = digital.of_invoice(call.world, call.actor, InvoiceId(id))
    return call.answer(DigitalInvoices(items=[DigitalInvoice.of(row) for row in found]))


@router.post(
    "/invoices/{id}/digital",
    response_model=DigitalInvoice,
    responses=WRITES,
    tags=INVOICES,
    summary="Ask the tax authority's channel",
)
def issue_digital(call: Writer, id: IdPath) -> Response:
    """For an invoice, its digital one; for a credit note or a void one, the red letter. Asked
    again, with a key or without, it answers what there is.
    """
    # Not within the transaction that keeps a key: the channel is asked outside of any.
    return call.answer(DigitalInvoice.of(digital.issue(call.world, call.actor, InvoiceId(id))))
