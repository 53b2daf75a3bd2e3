"""The documents are true to the tree: links lead somewhere, names exist, tables are the code's."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from rackrate.cli.main import COMMANDS
from rackrate.core.lease import MOVES
from tests.docs.reading import ROOT, blocks, missing

RECORDS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
TOPS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/README.md")
DOCUMENTS = [*(ROOT / name for name in TOPS), *RECORDS]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\n]+)`")
PARTS = ("Context", "Decision", "Consequences", "Alternatives")
# Paths in documents are told from the root, or from the source of the program.
BASES = (ROOT, ROOT / "src" / "rackrate")
LONGEST = {"ARCHITECTURE.md": 105} | {path.name: 60 for path in RECORDS}
# What is quoted like a path, and is made by whoever follows the document.
MADE_LATER = re.compile(r"tour/|sites/|/|\.data|.*[A-Z]{3,}/")


def prose(path: Path) -> str:
    """The document without its fenced blocks."""
    text = path.read_text()
    for block in blocks(text):
        text = text.replace(block.text, "")
    return text


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(prose(path)):
        if "://" not in target:
            assert (path.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_files_and_tests_that_are_named_exist(path: Path) -> None:
    tests = "\n".join(file.read_text() for file in (ROOT / "tests").rglob("*.py"))
    for quoted in QUOTED.findall(prose(path)):
        if re.fullmatch(r"test_\w+", quoted):
            assert f"def {quoted}(" in tests, quoted
        elif re.fullmatch(r"[\w.-]+(/[\w.-]*)+", quoted) and not MADE_LATER.match(quoted):
            assert any((base / quoted).exists() for base in BASES), quoted


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_commands_that_are_named_exist(path: Path) -> None:
    named = [*QUOTED.findall(path.read_text()), *(block.text for block in blocks(path.read_text()))]
    for text in named:
        for noun, verb in re.findall(r"\brackrate ([a-z]+)(?: ([a-z]+))?", text):
            assert noun in COMMANDS, f"rackrate {noun}"
            app = getattr(import_module(f"rackrate.cli.{COMMANDS[noun][0]}"), noun)
            verbs = {
                one.name or one.callback.__name__ for one in app.registered_commands if one.callback
            }
            verbs |= {group.name for group in app.registered_groups}
            if not verb or len(verbs) == 1:
                continue
            assert verb in verbs, f"rackrate {noun} {verb}"


@pytest.mark.parametrize("path", RECORDS, ids=ids)
def test_a_decision_is_a_page_with_its_parts_and_a_check(path: Path) -> None:
    text = path.read_text()
    number = int(path.name[:4])
    assert text.startswith(f"# {number}. ")
    places = [text.index(f"**{part}.**") for part in PARTS]
    assert places == sorted(places) and places[-1] < text.index("**Checked by**")


def test_decisions_are_numbered_without_a_gap_and_all_are_listed() -> None:
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))
    index = (ROOT / "docs" / "README.md").read_text()
    for path in RECORDS:
        title = path.read_text().splitlines()[0].partition(". ")[2]
        assert f"| [{path.name[:4]}](decisions/{path.name}) | {title} |" in index


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if p.name in LONGEST], ids=ids)
def test_what_is_a_page_stays_one(path: Path) -> None:
    assert path.read_text().count("\n") <= LONGEST[path.name]


def test_the_architecture_shows_the_moves_that_a_lease_really_makes() -> None:
    rows = re.findall(
        r"^\| (\w+) \| ([\w, ]*?) ?\|$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE
    )
    shown = {phase: set(re.findall(r"\w+", to)) for phase, to in rows if phase != "phase"}
    assert shown == {phase.value: {to.value for to in MOVES[phase]} for phase in MOVES}


def test_the_architecture_names_the_layers_that_are_checked() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    listed = project.partition('containers = ["rackrate"]')[2].partition("layers = [")[2]
    layers = re.findall(r'"([^"]+)"', listed.partition("]")[0])
    wanted = " > ".join(layer.replace("(", "").replace(")", "") for layer in layers)
    assert f"`{wanted}`" in (ROOT / "ARCHITECTURE.md").read_text()


def test_what_is_shown_must_be_printed_in_its_order() -> None:
    printed = "a  1\nb   2\nc 3\n"
    assert not missing(("a 1", "c …"), printed)
    assert missing(("c 3", "a 1"), printed) == "a 1"
    assert missing(("b",), printed) == "b"
