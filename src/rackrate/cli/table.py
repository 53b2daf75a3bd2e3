"""Tables and facts for people, JSON for programs."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from rackrate.cli.layout import GAP, coloured, lines, paint, terminal_width, width

Row = dict[str, Any]


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


Output = Annotated[
    Format, typer.Option("--output", "-o", help="A table for people, JSON for programs.")
]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many rows at most.")]
After = Annotated[str, typer.Option(metavar="CURSOR", help="Go on where a list stopped.")]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. It gives way on terminals narrower than `from_width`; `style` colours a cell."""

    title: str
    cell: Callable[[Row], object]
    right: bool = False
    from_width: int = 0
    style: Callable[[str], str] | None = None


# How states look, here and nowhere else.
STYLES = {
    "running": "green", "in_service": "green", "paid": "green", "done": "green", "ready": "green",
    "create": "green", "open": "green", "signed": "cyan", "approval": "yellow",
    "withdrawn": "dim", "expired": "dim",
    "starting": "cyan", "queued": "cyan", "stopping": "yellow",
    "draining": "yellow", "part_paid": "yellow", "change": "yellow", "issued": "cyan",
    "interrupted": "red", "in_repair": "red", "failed": "red", "stopped": "dim", "ended": "dim",
    "overdue": "red", "void": "dim", "waiting": "yellow", "approved": "cyan",
    "sent": "green", "no_channel": "yellow", "dead": "red",
    "fine": "green", "low": "yellow", "empty": "red", "ending": "red", "closed": "dim",
    "retired": "dim", "disputed": "yellow", "holds": "green", "contradicted": "red",
}  # fmt: skip


def state(text: str) -> str:
    return STYLES.get(text, "")


def money(value: Mapping[str, Any] | None) -> str:
    """`{"amount": "1234.50", "currency": "CNY"}` as `1,234.50 CNY`."""
    if value is None:
        return ""
    whole, point, cents = str(value["amount"]).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits or 0):,}{point}{cents} {value['currency']}"


def print_json(answer: object) -> None:
    print(json.dumps(answer, indent=2, ensure_ascii=False))


def clean(value: object) -> str:
    """One line of text. What others wrote cannot steer the reader's terminal."""
    text = "" if value is None else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def print_table(columns: Sequence[Column], rows: Iterable[Row], empty: str = "None.") -> None:
    """The rows under their titles; `empty` says what it means that there are none."""
    cells = [[clean(column.cell(row)) for column in columns] for row in rows]
    if not cells:
        print(empty)
        return
    most, colours = terminal_width(), coloured()
    shown = [
        place
        for place, column in enumerate(columns)
        if (most is None or most >= column.from_width) and any(line[place] for line in cells)
    ]
    rows_of_text = [
        [columns[i].title for i in shown],
        *([line[i] for i in shown] for line in cells),
    ]
    fitted = lines(rows_of_text, [columns[i].right for i in shown], most)
    for number, physical in enumerate(fitted):
        styles = [
            _style(columns[i], rows_of_text[number][at], number) for at, i in enumerate(shown)
        ]
        for level in physical:
            parts = zip(level, styles, strict=True)
            text = GAP.join(paint(part, style if colours else "") for part, style in parts)
            print(text.rstrip())


def _style(column: Column, cell: str, row: int) -> str:
    if row == 0:
        return "bold"
    return "" if column.style is None else column.style(cell)


def print_page(
    answer: Mapping[str, Any], output: Format, columns: Sequence[Column], empty: str
) -> None:
    """One page of a list, and how to see the next."""
    if output is Format.JSON:
        print_json(answer)
        return
    print_table(columns, answer["items"], empty)
    if answer.get("next"):
        print(f"There are more: --after {answer['next']}", file=sys.stderr)


def print_done(answer: object, output: Format, sentence: str) -> None:
    """What was done, in a sentence."""
    if output is Format.JSON:
        print_json(answer)
    else:
        print(clean(sentence))


def print_facts(pairs: Iterable[tuple[str, object]]) -> None:
    """`Name  value`, one a line, without those that have no value."""
    known = [(name, clean(value)) for name, value in pairs if value not in (None, "", ())]
    wide = max((width(name) for name, _ in known), default=0)
    for name, value in known:
        print(f"{name}{' ' * (wide - width(name))}  {value}")
