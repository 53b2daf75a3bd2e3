"""The documents that can be had of an invoice, each with what a browser must know of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rackrate.app.documents import Document
from rackrate.exports import einvoice, facturx, lines, pdf
from rackrate.exports.words import Language


class Format(StrEnum):
    PDF = "pdf"
    FACTURX = "facturx"
    UBL = "ubl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Made:
    """A file: `name` has nothing in it that a header or a shell would trip over."""

    name: str
    media: str
    content: bytes

    @property
    def headers(self) -> dict[str, str]:
        """For an answer over HTTP: it is kept as a file, and never run as a page."""
        return {
            "Content-Disposition": f'attachment; filename="{self.name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }


_MADE: Mapping[Format, tuple[str, str, Callable[[Document, Language], bytes]]] = {
    Format.PDF: ("pdf", "application/pdf", pdf.render),
    Format.FACTURX: ("pdf", "application/pdf", facturx.render),
    Format.UBL: ("xml", "application/xml", lambda doc, _: einvoice.ubl(doc)),
    Format.CSV: ("csv", "text/csv; charset=utf-8", lambda doc, _: lines.table(doc)),
}
MEDIA = tuple(dict.fromkeys(media.partition(";")[0] for _, media, _ in _MADE.values()))


def make(document: Document, format: Format, language: Language) -> Made:
    """The invoice as a file of that format. `language` is that of the printed sheets."""
    ending, media, write = _MADE[format]
    safe = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in document.invoice.id)
    middle = "-factur-x" if format is Format.FACTURX else ""
    return Made(f"{safe}{middle}.{ending}", media, write(document, language))
