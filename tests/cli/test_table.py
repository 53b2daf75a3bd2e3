"""Tables: whole for programs, fitted for people, and safe whatever others have written."""

import re

import pytest

from rackrate.cli.chart import area, averaged
from rackrate.cli.layout import folded, lines, width
from rackrate.cli.moment import lasted
from rackrate.cli.table import clean, money
from tests.cli.program import Program

WIDE = [["node", "what it is"], ["h100-001", "算力租赁 eight GPUs of one kind"], ["x", ""]]


@pytest.mark.parametrize("most", range(8, 60, 4))
def test_a_table_fits_its_terminal_and_loses_nothing(most: int) -> None:
    rows = lines(WIDE, [False, False], most)
    for row, cells in zip(rows, WIDE, strict=True):
        assert all(width("  ".join(level)) <= most for level in row)
        for place, cell in enumerate(cells):
            shown = "".join(level[place] for level in row)
            assert shown.replace(" ", "") == cell.replace(" ", "")


def test_a_chinese_character_takes_two_columns() -> None:
    assert width("算力 a") == 6
    assert folded("算力租赁", 4) == ["算力", "租赁"]


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[31mb\nc\x07") == "a [31mb c "


def test_money_is_grouped_and_exact() -> None:
    assert money({"amount": "-1234567.80", "currency": "CNY"}) == "-1,234,567.80 CNY"
    assert money({"amount": "-0.05", "currency": "CNY"}) == "-0.05 CNY"
    assert money({"amount": "5", "currency": "JPY"}) == "5 JPY"


def test_durations_are_said_in_their_two_largest_units() -> None:
    assert [lasted(s) for s in (0, 59, 75, 3600, 93784)] == [
        "0 s", "59 s", "1 min 15 s", "1 h", "1 d 2 h",
    ]  # fmt: skip


def test_a_chart_averages_and_leaves_nothing_out() -> None:
    assert averaged([0.0, 1.0, 1.0, 1.0], 2) == [0.5, 1.0]
    assert area([0.0, 0.5, 1.0], 10, 2) == ["100% |  █", "     | ██", "  0% +---"]


def test_on_a_terminal_a_table_has_colours_and_fits(rackrate: Program) -> None:
    for columns in (40, 80, 160):
        shown = rackrate.on_terminal(columns, "sku", "list")
        assert "\x1b[1mSKU\x1b[0m" in shown
        bare = re.sub(r"\x1b\[\d+m", "", shown)
        assert all(width(line) <= columns for line in bare.splitlines())


def test_colours_can_be_declined_and_never_reach_a_program(rackrate: Program) -> None:
    assert "\x1b" not in rackrate.on_terminal(80, "sku", "list", NO_COLOR="1")
    assert "\x1b" not in rackrate.ok("sku", "list")
