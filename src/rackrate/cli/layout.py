"""Columns of text on a terminal: aligned, fitted to its width, and coloured where that is wanted.

Rich could do this, and takes longer to load than a whole `rackrate lease list` may last.
"""

import os
import sys
from collections.abc import Sequence

NARROWEST = 8
GAP = "  "
CODES = {
    "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36",
}  # fmt: skip


def width(text: str) -> int:
    """Terminal columns: Chinese takes two each."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def terminal_width() -> int | None:
    """Columns of the terminal that is written to; None when it is none."""
    if not sys.stdout.isatty():
        return None
    told = os.environ.get("COLUMNS", "")
    return int(told) if told.isdigit() and int(told) else os.get_terminal_size(1).columns


def coloured() -> bool:
    """Whether colours are wanted: never when another program reads this."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return sys.stdout.isatty() and not plain


def paint(text: str, style: str) -> str:
    """The text in that style, and what is blank around it left alone."""
    bare = text.strip()
    if not style or not bare:
        return text
    return text.replace(bare, f"\x1b[{CODES[style]}m{bare}\x1b[0m", 1)


def lines(
    rows: Sequence[Sequence[str]], right: Sequence[bool], most: int | None
) -> list[list[list[str]]]:
    """For each row its physical lines, for each of these the padded cells; within `most` columns
    as far as that can be.
    """
    wide = [max(width(row[place]) for row in rows) for place in range(len(right))]
    if most is not None:
        wide = fitted(wide, most - len(GAP) * (len(wide) - 1))
    return [_row(row, wide, right) for row in rows]


def fitted(wide: Sequence[int], most: int) -> list[int]:
    """The widest column gives way first, down to what can still be read; the first one, last."""
    fits = list(wide)
    for places, least in ((range(1, len(fits)), NARROWEST), (range(len(fits)), 2)):
        while sum(fits) > most:
            widest = max(places, key=lambda place: fits[place], default=0)
            if fits[widest] <= least:
                break
            fits[widest] -= 1
    return fits


def _row(row: Sequence[str], wide: Sequence[int], right: Sequence[bool]) -> list[list[str]]:
    parts = [folded(cell, most) for cell, most in zip(row, wide, strict=True)]
    tall = max(len(part) for part in parts)
    physical = []
    for level in range(tall):
        cells = []
        for part, most, aligned in zip(parts, wide, right, strict=True):
            text = part[level] if level < len(part) else ""
            gap = " " * (most - width(text))
            cells.append(gap + text if aligned else text + gap)
        physical.append(cells)
    return physical


def folded(text: str, most: int) -> list[str]:
    """The text in pieces of at most `most` columns, broken between words where there are any."""
    if width(text) <= most:
        return [text]
    pieces = [""]
    for word in text.split(" "):
        joined = f"{pieces[-1]} {word}" if pieces[-1] else word
        if width(joined) <= most:
            pieces[-1] = joined
            continue
        if pieces[-1]:
            pieces.append("")
        for character in word:
            if width(pieces[-1] + character) > most:
                pieces.append("")
            pieces[-1] += character
    return pieces
