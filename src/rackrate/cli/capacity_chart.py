"""The capacity calendar drawn on a terminal: what each part of the supply is for, over time."""

import os
from collections.abc import Sequence
from datetime import datetime

from rackrate.cli.layout import coloured, paint, terminal_width
from rackrate.cli.moment import day
from rackrate.cli.table import Row

HEIGHT = 14
# How each use is drawn: its sign, and its colour where there are colours.
SIGNS = {
    "contract": ("█", "cyan"),
    "flex": ("▓", "cyan"),
    "hold": ("/", "cyan"),
    "maintenance": ("x", "red"),
    "spare": ("+", "red"),
    "headroom": (":", "yellow"),
    "on_demand": ("▒", "yellow"),
    "spot": ("░", "yellow"),
    "free": ("·", "dim"),
}
OTHER = ("#", "green")


def show_chart(answer: Row, zone: str) -> None:
    """Every column is a moment, every line a share of the largest supply."""
    steps = answer["steps"]
    if not steps:
        return
    told = os.environ.get("COLUMNS", "")
    wide = max((terminal_width() or (int(told) if told.isdigit() else 80)) - 10, 20)
    columns = sampled(steps, answer["window"], wide)
    top = max(_size(step) for step in steps) or 1.0
    for row in range(HEIGHT - 1, -1, -1):
        label = f"{top * (row + 1) / HEIGHT:8,.0f} " if (HEIGHT - 1 - row) % 3 == 0 else " " * 9
        print(f"{label}|{''.join(_cell(step, (row + 0.5) * top / HEIGHT) for step in columns)}")
    print(f"{0:8} +{'-' * len(columns)}")
    first, last = day(answer["window"]["start"], zone), day(answer["window"]["end"], zone)
    print(f"{' ' * 10}{first}{' ' * max(len(columns) - len(first) - len(last), 1)}{last}")
    uses = [use for use in steps[0]["uses"] if any(float(step["uses"][use]) for step in steps)]
    signs = (f"{SIGNS.get(use, OTHER)[0]} {use.replace('_', ' ')}" for use in uses)
    print(f"{' ' * 10}{'  '.join(signs)}")


def sampled(steps: Sequence[Row], window: Row, wide: int) -> list[Row]:
    """The step that is in force at the middle of each of `wide` equal parts of the window."""
    begin, end = (datetime.fromisoformat(window[name]) for name in ("start", "end"))
    times = [datetime.fromisoformat(step["at"]) for step in steps]
    found, place = [], 0
    for column in range(wide):
        at = begin + (end - begin) * (2 * column + 1) / (2 * wide)
        while place + 1 < len(times) and times[place + 1] <= at:
            place += 1
        found.append(steps[place])
    return found


def _size(step: Row) -> float:
    return float(step["supply"]) + float(step["short"])


def _cell(step: Row, level: float) -> str:
    """What the stack holds at this height."""
    reached = 0.0
    for use, figure in step["uses"].items():
        reached += float(figure)
        if level < reached:
            sign, colour = SIGNS.get(use, OTHER)
            return paint(sign, colour) if coloured() else sign
    return " "
