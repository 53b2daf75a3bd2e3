"""The documents of an invoice, to be downloaded: PDF, electronic and digital invoices, CSV."""

import base64

from fastapi import APIRouter
from fastapi.responses import Response

from rackrate.app import digital, documents
from rackrate.core.digital import Colour
from rackrate.core.errors import Missing, RackrateError
from rackrate.core.ids import InvoiceId
from rackrate.exports.formats import Format, make
from rackrate.exports.words import Language
from rackrate.portal.money_pages import invoice_page
from rackrate.portal.page import Posted, Visited

router = APIRouter()


@router.get("/invoices/{id}/document")
def document(page: Visited, id: str, format: Format = Format.PDF) -> Response:
    """In the language of the page that it was asked from."""
    found = documents.document(page.world, page.actor, InvoiceId(id))
    made = make(found, format, Language(page.look.language))
    return Response(made.content, 200, made.headers, made.media)


@router.get("/invoices/{id}/digital/{colour}")
def digital_file(page: Visited, id: str, colour: str) -> Response:
    """The file of the channel, as it came."""
    known = digital.of_invoice(page.world, page.actor, InvoiceId(id))
    found = next((one for one in known if one.colour == colour and one.number), None)
    if found is None or colour not in frozenset(Colour):
        raise Missing("digital invoice", f"{id} {colour}")
    ending = {"application/pdf": ".pdf", "application/xml": ".xml"}.get(found.media, ".txt")
    return page.file(f"{found.number}{ending}", found.media, base64.b64decode(found.file))


@router.post("/invoices/{id}/digital")
def ask(page: Posted, id: str) -> Response:
    """Ask the channel: for a credit note or a void invoice, for the red letter."""
    invoice = InvoiceId(id)
    try:
        # Asking twice is asking once; the channel is asked outside of any transaction.
        digital.issue(page.world, page.actor, invoice)
    except Missing:
        raise
    except RackrateError as refused:
        return invoice_page(page, invoice, 0, refused)
    return page.go(f"/invoices/{id}?done=digital-asked")
