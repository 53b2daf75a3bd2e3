"""Tables as CSV, for spreadsheets: UTF-8 with a mark in front, and no text that is a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

MEDIA = "text/csv; charset=utf-8"
# A spreadsheet takes a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """The rows under the names of their columns. Whoever wrote a text, it passes through `safe`."""
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\r\n")
    out.writerow(columns)
    out.writerows(rows)
    return written.getvalue().encode("utf-8-sig")


def safe(text: str) -> str:
    """A text that no spreadsheet computes."""
    return f"'{text}" if text.startswith(_FORMULA) else text
