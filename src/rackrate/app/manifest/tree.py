"""YAML as a tree of text: every scalar as it was written, every node with its place.

Nothing is guessed: no scalar becomes a bool, a number, a date or null here, so `no`, `0777`, `1:30`
and `17.00` mean what the reader of a field makes of them. Anchors, aliases, tags and duplicate keys
are refused, and so is a file that is larger or deeper than any honest one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

LARGEST_BYTES = 10_000_000
MOST_NODES = 200_000
DEEPEST = 12

_NO_ANCHORS = "anchors (&) and aliases (*) are not read; write it out"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where, and in one sentence what is wrong and what would be right."""

    file: str
    line: int
    detail: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Scalar:
    text: str
    plain: bool
    line: int


@dataclass(frozen=True, slots=True)
class Sequence:
    items: "tuple[Node, ...]"
    line: int


@dataclass(frozen=True, slots=True)
class Mapping:
    entries: "dict[str, tuple[int, Node]]"
    line: int


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class _Stop(Exception):
    """The file cannot be read any further."""

    line: int
    detail: str


@dataclass(slots=True)
class _Open:
    """A collection that is still being read."""

    line: int
    mapping: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, tuple[int, Node]] = field(default_factory=dict)
    key: Scalar | None = None


def parse(file: str, text: str, problems: list[Problem]) -> list[Node]:
    """The documents of a file that are not empty; what is wrong is added to `problems`."""
    documents: list[Node] = []
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST_BYTES:
        problems.append(
            Problem(file, 1, f"larger than {LARGEST_BYTES // 1_000_000} MB; split the file")
        )
        return documents
    try:
        for document in _documents(file, text, problems):
            documents.append(document)
    except _Stop as stop:
        problems.append(Problem(file, stop.line, stop.detail))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problems.append(Problem(file, line, f"not YAML: {_sentence(error)}"))
    except (yaml.YAMLError, UnicodeError) as error:
        at = getattr(error, "position", None)
        line = text.count("\n", 0, at) + 1 if isinstance(at, int) else 1
        problems.append(Problem(file, line, "not text: it has a character that YAML forbids"))
    return documents


def _sentence(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    hint = "; indent with spaces, not tabs" if "\\t" in str(error.problem) else ""
    return ", ".join(parts) + hint


def _documents(file: str, text: str, problems: list[Problem]) -> Iterator[Node]:
    stack: list[_Open] = []
    count = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.CollectionEndEvent():
                node: Node = _closed(stack.pop())
            case yaml.AliasEvent():
                raise _Stop(line, _NO_ANCHORS)
            case yaml.CollectionStartEvent() | yaml.ScalarEvent():
                count += 1
                _refuse(event, line, count, len(stack))
                if isinstance(event, yaml.CollectionStartEvent):
                    stack.append(_Open(line, isinstance(event, yaml.MappingStartEvent)))
                    continue
                node = Scalar(event.value, not event.style, line)
            case _:
                continue
        if stack:
            _put(stack[-1], node, file, problems)
        elif not (isinstance(node, Scalar) and node.plain and not node.text):
            yield node


def _refuse(
    event: yaml.CollectionStartEvent | yaml.ScalarEvent, line: int, count: int, depth: int
) -> None:
    """Stop at what no honest file has."""
    if event.anchor is not None:
        raise _Stop(line, _NO_ANCHORS)
    if event.tag not in (None, "!"):
        raise _Stop(line, f"tags such as {event.tag} are not read; write the plain value")
    if count > MOST_NODES:
        raise _Stop(line, f"more than {MOST_NODES:,} values; split the file, or use `count`")
    if depth >= DEEPEST:
        raise _Stop(line, f"nested more than {DEEPEST} deep")


def _put(parent: _Open, node: Node, file: str, problems: list[Problem]) -> None:
    if not parent.mapping:
        parent.items.append(node)
    elif parent.key is None:
        if not isinstance(node, Scalar):
            raise _Stop(node.line, "a field's name must be a plain word")
        parent.key = node
    else:
        key, parent.key = parent.key, None
        first = parent.entries.get(key.text)
        if first is not None:
            problems.append(
                Problem(file, key.line, f"{key.text!r} is written twice, first in line {first[0]}")
            )
        else:
            parent.entries[key.text] = (key.line, node)


def _closed(done: _Open) -> Node:
    if done.mapping:
        return Mapping(done.entries, done.line)
    return Sequence(tuple(done.items), done.line)
