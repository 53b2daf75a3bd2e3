"""What the portal says: every message that its templates and its programs name."""

import ast
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, nodes

PORTAL = Path(__file__).parents[2] / "src" / "rackrate" / "portal"
TEMPLATES = sorted((PORTAL / "templates").rglob("*.html"))
SPOKEN = ("aria-label", "title", "placeholder", "alt")


def spoken_by_templates() -> dict[str, set[str]]:
    """Message to the templates that say it."""
    found: dict[str, set[str]] = {}
    environment = Environment(trim_blocks=True, lstrip_blocks=True)
    for path in TEMPLATES:
        tree = environment.parse(path.read_text("utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in ("t", "tn"):
                first = call.args[1 if call.node.name == "tn" else 0]
                if isinstance(first, nodes.Const):
                    found.setdefault(str(first.value), set()).add(path.name)
                elif isinstance(first, nodes.CondExpr):
                    for side in (first.expr1, first.expr2):
                        assert isinstance(side, nodes.Const), f"{path.name}: {side}"
                        found.setdefault(str(side.value), set()).add(path.name)
    return found


def spoken_by_programs() -> dict[str, set[str]]:
    """Message to the modules that mark it with `msg`, or say it at once."""
    found: dict[str, set[str]] = {}
    for path in sorted(PORTAL.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if name in ("msg", "say") and isinstance(first, ast.Constant):
                found.setdefault(str(first.value), set()).add(path.name)
    return found


class Raw(HTMLParser):
    """Words that a template says by itself, without asking the catalogue."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("code", "kbd", "pre", "script", "style") or given.get("translate") == "no":
            self._silent += 1
        self.words += [given[name] or "" for name in SPOKEN if given.get(name)]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("code", "kbd", "pre", "script", "style") and self._silent:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def raw_words(path: Path) -> Iterator[str]:
    """What is written in a template beside its expressions, word by word."""
    tokens = Environment().lex(path.read_text("utf-8"))
    parser = Raw()
    parser.feed("".join(text if kind == "data" else "" for _, kind, text in tokens))
    for words in parser.words:
        for word in words.split():
            if any(char.isalpha() for char in word):
                yield word
