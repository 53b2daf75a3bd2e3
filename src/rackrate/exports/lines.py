"""The lines of an invoice as CSV: one row each, whose sums are those of the invoice."""

import csv
import io
from decimal import Decimal

from rackrate.app.documents import Document

COLUMNS = (
    "invoice", "kind", "issued", "due", "seller", "buyer", "purchase_order", "line", "line_kind",
    "description", "lease", "contract", "sku", "class", "month", "from", "to", "seconds",
    "price", "per", "price_has_tax", "currency", "net", "tax_rule", "tax_category",
    "tax_percent", "tax", "gross", "sample",
)  # fmt: skip
# A spreadsheet takes a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table(document: Document) -> bytes:
    """UTF-8 with a mark in front, by which spreadsheets know it. Times are UTC."""
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\r\n")
    out.writerow(COLUMNS)
    invoice, rule = document.invoice, document.rule
    for each, tax in zip(document.lines, document.taxes, strict=True):
        line = each.line
        out.writerow(
            (
                _text(invoice.id), invoice.kind.value, document.issued, document.due,
                _text(document.seller.legal_name), _text(document.buyer.legal_name),
                _text(invoice.purchase_order), each.place, line.kind.value,
                _text(line.description), line.lease or "", line.contract or "", line.sku or "",
                line.klass.value if line.klass else "", line.month,
                f"{line.during.start:%Y-%m-%dT%H:%M:%SZ}", f"{line.during.end:%Y-%m-%dT%H:%M:%SZ}",
                _seconds(line.quantity), line.rate, line.unit,
                "yes" if line.gross is not None else "no", line.net.currency,
                line.net.amount, rule.id, rule.category.value, rule.percent, tax.amount,
                (line.net + tax).amount, "yes" if document.sample else "no",
            )
        )  # fmt: skip
    return written.getvalue().encode("utf-8-sig")


def _seconds(milli: int) -> str:
    """Of slots, or of GB."""
    return f"{Decimal(milli).scaleb(-3):f}"


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
