"""The lines of an invoice as CSV: one row each, whose sums are those of the invoice."""

from collections.abc import Iterator
from decimal import Decimal

from rackrate.app.documents import Document
from rackrate.core.pricing import BYTES
from rackrate.exports import csv_table
from rackrate.exports.csv_table import safe

COLUMNS = (
    "invoice", "kind", "issued", "due", "seller", "buyer", "purchase_order", "line", "line_kind",
    "description", "lease", "contract", "sku", "class", "month", "from", "to", "seconds", "bytes",
    "price", "per", "price_has_tax", "currency", "net", "supply", "tax_rule", "tax_category",
    "tax_percent", "tax", "gross", "sample",
)  # fmt: skip


def table(document: Document) -> bytes:
    """One row a line. Times are UTC."""
    return csv_table.write(COLUMNS, _rows(document))


def _rows(document: Document) -> Iterator[tuple[object, ...]]:
    invoice = document.invoice
    for each, tax in zip(document.lines, document.taxes, strict=True):
        line, rule = each.line, document.rule(each.line)
        yield (
            safe(invoice.id), invoice.kind.value, document.issued, document.due,
            safe(document.seller.legal_name), safe(document.buyer.legal_name),
            safe(invoice.purchase_order), each.place, line.kind.value,
            safe(line.description), line.lease or "", line.contract or "", line.sku or "",
            line.klass.value if line.klass else "", line.month,
            f"{line.during.start:%Y-%m-%dT%H:%M:%SZ}", f"{line.during.end:%Y-%m-%dT%H:%M:%SZ}",
            "" if line.unit in BYTES else _exact(line.quantity),
            _exact(line.quantity) if line.unit in BYTES else "", line.rate, line.unit,
            "yes" if line.gross is not None else "no", line.net.currency,
            line.net.amount, line.supply.value, rule.id, rule.category.value, rule.percent,
            tax.amount, (line.net + tax).amount, "yes" if document.sample else "no",
        )  # fmt: skip


def _exact(milli: int) -> str:
    """Seconds of slots, of GB or of addresses; or bytes."""
    return f"{Decimal(milli).scaleb(-3):f}"
