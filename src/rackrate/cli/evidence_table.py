"""What a source states against what its own inputs give, for a terminal and for programs."""

from collections.abc import Sequence
from typing import Any

from rackrate.cli.table import Column, print_table
from rackrate.core.economics import Row, Verdict

STYLES = {
    Verdict.OK: "green",
    Verdict.READING: "cyan",
    Verdict.INCONSISTENT: "red",
    Verdict.NOT_STATED: "dim",
}

EVIDENCE = (
    Column("ROW", lambda row: row["id"]),
    Column("STATED", lambda row: row["stated"], right=True),
    Column("RECOMPUTED", lambda row: row["recomputed"], right=True),
    Column("VERDICT", lambda row: row["verdict"], style=lambda text: STYLES[Verdict(text)]),
    Column("WHAT IT SAYS", lambda row: row["says"], from_width=80),
    Column("REMARK", lambda row: row["remark"], from_width=130),
)


def document(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Every row with all its readings."""
    return [
        {
            "id": row.id,
            "says": row.stated.says,
            "stated": row.stated.shown,
            "recomputed": row.recomputed,
            "verdict": str(row.verdict),
            "turns_round": row.reversed,
            "readings": list(row.lines),
            "remark": row.remark,
        }
        for row in rows
    ]


def show(rows: Sequence[Row]) -> None:
    """The table, then each reading of the rows that do not simply agree."""
    if not rows:
        return
    print()
    print("As stated, and as recomputed from the same inputs:")
    print()
    print_table(EVIDENCE, document(rows))
    for row in rows:
        if row.verdict is Verdict.OK:
            continue
        print()
        print(
            f"{row.id}: {row.verdict}{', and turns the conclusion round' if row.reversed else ''}"
        )
        for line in row.lines:
            print(f"    {line}")
