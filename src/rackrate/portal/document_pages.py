"""The documents of an invoice, to be downloaded: PDF, electronic invoices, CSV."""

from fastapi import APIRouter
from fastapi.responses import Response

from rackrate.app import documents
from rackrate.core.ids import InvoiceId
from rackrate.exports.formats import Format, make
from rackrate.exports.words import Language
from rackrate.portal.page import Visited

router = APIRouter()


@router.get("/invoices/{id}/document")
def document(page: Visited, id: str, format: Format = Format.PDF) -> Response:
    """In the language of the page that it was asked from."""
    found = documents.document(page.world, page.actor, InvoiceId(id))
    made = make(found, format, Language(page.look.language))
    return Response(made.content, 200, made.headers, made.media)
