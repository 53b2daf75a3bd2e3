"""What the documents say, taken apart: blocks of code with their words, links, names of files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the words after its fence, and its text."""

    words: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of the tour: what is typed, whether it is to be refused, and what it prints."""

    commands: str
    refused: bool
    shown: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    """All fenced blocks, in order."""
    return [Block(tuple(found[1].split()), found[2]) for found in FENCE.finditer(text)]


def tour(text: str) -> Iterator[Stop]:
    """Each block marked `sh tour`, with the output that is shown right after it."""
    found = blocks(text)
    for block, after in zip(found, [*found[1:], Block((), "")], strict=True):
        if block.words[:2] == ("sh", "tour"):
            shown = after.text if after.words == ("text",) else ""
            yield Stop(block.text, "refused" in block.words, tuple(shown.splitlines()))


def squeezed(line: str) -> str:
    """A line without what tells one table's width from another's."""
    return " ".join(line.split())


def missing(shown: tuple[str, ...], printed: str) -> str:
    """The first line that is shown and was not printed, in its order; empty if none."""
    lines = iter([squeezed(line) for line in printed.splitlines()])
    for line in shown:
        parts = [re.escape(part) for part in squeezed(line).split(ANYTHING)]
        wanted = re.compile(".*".join(parts))
        if not any(wanted.fullmatch(each) for each in lines):
            return line
    return ""
