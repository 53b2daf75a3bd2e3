"""Reading files: every document by its kind, into the rows that they declare."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rackrate.app.manifest.documents import (
    billing,
    brownfield,
    catalogue,
    contracts,
    customers,
    fleet,
    prices,
    purchases,
    rates,
)
from rackrate.app.manifest.documents.parts import MOST_NODES_AT_ONCE, Reader, numbered
from rackrate.app.manifest.fields import Fields, Reference, closest, shown
from rackrate.app.manifest.tree import Mapping as Tree
from rackrate.app.manifest.tree import Node as AnyNode
from rackrate.app.manifest.tree import Problem, Scalar, parse
from rackrate.core.parties import Principal

MOST_FILES = 200
READERS: Mapping[str, Reader] = {
    **customers.READERS,
    **fleet.READERS,
    **catalogue.READERS,
    **prices.READERS,
    **rates.READERS,
    **purchases.READERS,
    **contracts.READERS,
    **brownfield.READERS,
    **billing.READERS,
}


@dataclass(frozen=True, slots=True)
class Declared:
    """One row that a file declares. `source` names its document, as `node/h100-{:03}`."""

    row: Any
    file: str
    line: int
    source: str


@dataclass(slots=True)
class Declarations:
    """Everything that the files say, what they mention, and what is wrong with them."""

    rows: list[Declared] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    # Names of documents that are wrong in themselves: a mention of one is no second mistake.
    broken: set[tuple[type, str]] = field(default_factory=set)


def read(files: Sequence[tuple[str, str]]) -> Declarations:
    """All files together, in the order given; nothing is looked up."""
    found = Declarations()
    if len(files) > MOST_FILES:
        found.problems.append(Problem(files[MOST_FILES][0], 1, f"more than {MOST_FILES} files"))
        return found
    for file, text in files:
        for tree in parse(file, text, found.problems):
            _read_document(file, tree, found)
    _refuse_duplicates(found)
    return found


def _read_document(file: str, tree: AnyNode, found: Declarations) -> None:
    if not isinstance(tree, Tree):
        found.problems.append(
            Problem(file, tree.line, "a document begins with its kind, as `kind: site`")
        )
        return
    fields = Fields(file, tree, found.problems)
    kind = fields.text("kind")
    reader = READERS.get(kind)
    if reader is None:
        if kind:
            fields.wrong("kind", f"{shown(kind)} is unknown; {closest(kind, READERS)}")
        return
    rows = reader.read(fields)
    found.references += fields.references
    named = tree.entries.get("name") or tree.entries.get("email")
    name = named[1].text if named and isinstance(named[1], Scalar) else str(fields.line)
    if not fields.ok:
        found.broken.update((reader.kind, each) for each in {name, *_expanded(tree, name)})
        return
    for row in rows:
        found.rows.append(Declared(row, file, fields.line, f"{kind}/{name}"))


def _expanded(tree: Tree, name: str) -> Iterator[str]:
    count = tree.entries.get("count")
    text = count[1].text if count and isinstance(count[1], Scalar) else ""
    if text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= MOST_NODES_AT_ONCE:
        yield from (numbered(name, number) for number in range(1, int(text) + 1))


def _refuse_duplicates(found: Declarations) -> None:
    first: dict[tuple[type, str], Declared] = {}
    told: set[tuple[str, int]] = set()
    kept: list[Declared] = []
    for declared in found.rows:
        before = first.setdefault((type(declared.row), declared.row.id), declared)
        if before is declared:
            kept.append(declared)
        elif isinstance(declared.row, Principal):
            continue  # One person may be a member of many things.
        elif (declared.file, declared.line) not in told:
            told.add((declared.file, declared.line))
            what = declared.source.partition("/")[0]
            detail = f"{what} {declared.row.id!r} is there twice, first at "
            if (before.file, before.line) == (declared.file, declared.line):
                detail += "the same place; a `name` with `count` needs a number, as h100-{:03}"
            else:
                detail += f"{before.file}:{before.line}; leave one of them out"
            found.problems.append(Problem(declared.file, declared.line, detail))
    found.rows = kept
