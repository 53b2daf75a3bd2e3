"""Contrast, computed from the design tokens: what is written can be read, in both modes."""

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "src" / "rackrate" / "portal" / "static" / "tokens.css"
SURFACES = ("bg", "surface", "sunken", "raised", "hover")
CLASSES = ("contract", "flex", "on-demand", "spot", "free", "repair")
MODES = ("light", "dark")


def tokens(mode: str) -> dict[str, str]:
    """Every colour of a mode, in hexadecimal; references are followed."""
    text = TOKENS.read_text("utf-8")
    found: dict[str, str] = {}
    for name, value in re.findall(r"--([\w-]+):\s*([^;]+);", text):
        pair = re.fullmatch(r"light-dark\((#\w{6}), (#\w{6})\)", value.strip())
        if pair:
            found[name] = pair[1 + MODES.index(mode)]
        elif re.fullmatch(r"#\w{6}", value.strip()):
            found[name] = value.strip()
        elif reference := re.fullmatch(r"var\(--([\w-]+)\)", value.strip()):
            found[name] = found[reference[1]]
    return found


def luminance(colour: str) -> float:
    """WCAG 2.2: relative luminance of an sRGB colour."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def worst(mode: str, fronts: tuple[str, ...], backs: tuple[str, ...]) -> float:
    colours = tokens(mode)
    return min(contrast(colours[front], colours[back]) for front in fronts for back in backs)


def test_the_measure_is_that_of_wcag() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


@pytest.mark.parametrize("mode", MODES)
def test_text_can_be_read_on_every_surface(mode: str) -> None:
    assert worst(mode, ("ink",), SURFACES) >= 12.5
    assert worst(mode, ("ink-2",), SURFACES) >= 6.9
    assert worst(mode, ("ink-3",), SURFACES) >= 4.7
    assert worst(mode, ("on-primary",), ("primary",)) >= 12.5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CLASSES)
def test_text_can_be_read_on_a_lease_class(mode: str, name: str) -> None:
    assert worst(mode, (f"{name}-ink",), (name,)) >= 4.9


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["ok", "warn", "bad", "info"])
def test_a_status_can_be_read_on_its_background(mode: str, name: str) -> None:
    assert worst(mode, (name,), (f"{name}-bg",)) >= 5.4


@pytest.mark.parametrize("mode", MODES)
def test_edges_and_borders_stand_out(mode: str) -> None:
    edges = tuple(f"{name}-edge" for name in (*CLASSES, "hold"))
    assert worst(mode, (*edges, "line-2"), ("bg", "surface", "raised", "sunken")) >= 3.1
    assert worst(mode, ("accent",), SURFACES) >= 4.5


def test_no_other_style_sheet_has_colours_of_its_own() -> None:
    others = [path for path in TOKENS.parent.glob("*.css") if path != TOKENS]
    for path in others:
        assert not re.search(r"#[0-9a-f]{3,8}\b|\brgb\(|\bhsl\(", _rules(path.read_text("utf-8")))


def _rules(text: str) -> str:
    """Without comments, ids in selectors, and the one shadow that is no colour of its own."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return bare.replace("rgb(0 0 0 / .06)", "")
