"""What CONTRIBUTING.md promises and no linter knows. Each rule was a mistake somewhere once."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import UNIT

ROOT = Path(__file__).parent.parent
CORE = ROOT / "src" / "rackrate" / "core"
FILE_LINES = 400
FUNCTION_LINES = 40

# A ratchet: these are over the limit today, may shrink, and may not grow. A file that is back
# under the limit leaves the table. Nothing new comes in without a reason beside it.
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}

APPROXIMATE = ("economics", "telemetry")
IMPURE = frozenset(
    {"asyncio", "http", "logging", "os", "secrets", "shutil", "signal", "socket", "sqlite3"}
    | {"subprocess", "tempfile", "threading", "time", "urllib"}
)
NOT_A_NOUN = frozenset(
    {"base", "common", "helper", "helpers", "manager", "managers", "misc", "models", "service"}
    | {"services", "util", "utils"}
)
# Written so that this file does not contain them.
LEAKS = tuple(
    re.compile("".join(parts), re.IGNORECASE)
    for parts in (
        (r"(?<![\w.-])/wo", r"rk/"),
        (r"(?<![\w.-])/fa", r"rm/"),
        (r"fa", r"rm-(bench|studio)"),
        (r"anthr", r"opic|cla", r"ude|chat", r"gpt|copi", r"lot\b"),
        (r"\bsub", r"agent|this work", r"place\b"),
        (r"pyp", r"i\.org|file", r"s\.pythonhosted"),
    )
)
TEXT = frozenset(
    {"", ".cfg", ".css", ".csv", ".html", ".ini", ".js", ".json", ".lock", ".md", ".po", ".py"}
    | {".sh", ".sql", ".svg", ".toml", ".txt", ".typ", ".yaml", ".yml"}
)


def tracked() -> tuple[Path, ...]:
    """The files of the repository, or of a copy of it that has no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
        return tuple(path for name in sorted(names) if (path := ROOT / name).is_file())
    kept = (path for path in sorted(ROOT.iterdir()) if path.name[0] != "." or path.name == ".ci")
    return tuple(
        path
        for top in kept
        for path in (sorted(top.rglob("*")) if top.is_dir() else [top])
        if path.is_file() and "__pycache__" not in path.parts
    )


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


FILES = tracked()
PYTHON = tuple(path for path in FILES if path.suffix == ".py")
CORE_FILES = tuple(path for path in PYTHON if path.is_relative_to(CORE))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{name_of(path)}:{node.name}", node.end_lineno - node.lineno + 1


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def check_ratchet(found: dict[str, int], tolerated: dict[str, int], limit: int) -> None:
    over = {name: lines for name, lines in found.items() if lines > limit}
    grown, shrunk = sorted(over.items() - tolerated.items()), tolerated.items() - over.items()
    assert over == tolerated, (
        f"over {limit} lines: {grown}; take down in the table what shrank: {sorted(shrunk)}"
    )


def test_a_file_fits_a_head() -> None:
    check_ratchet(
        {name_of(path): path.read_text().count("\n") for path in PYTHON}, LONG_FILES, FILE_LINES
    )


def test_a_function_fits_a_screen() -> None:
    found: dict[str, int] = {}
    for path in PYTHON:
        for name, lines in functions(path):
            found[name] = max(lines, found.get(name, 0))
    check_ratchet(found, LONG_FUNCTIONS, FUNCTION_LINES)


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_a_module_says_in_a_line_what_it_is_for(path: Path) -> None:
    said = ast.get_docstring(parse(path))
    assert said, "say in a line what this module is for"


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_a_module_is_named_after_a_thing(path: Path) -> None:
    assert not {path.stem, path.parent.name} & NOT_A_NOUN, "what thing is it? name that"


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_the_core_is_pure(path: Path) -> None:
    """It decides and never does: the standard library's thinking half, numpy, and nothing else."""
    allowed = (sys.stdlib_module_names - IMPURE) | {"numpy", "rackrate"}
    assert set(imports(path)) <= allowed
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "input", "open", "print"}, node.lineno


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_values_of_the_core_are_frozen(path: Path) -> None:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ClassDef):
            for mark in node.decorator_list:
                said = ast.unparse(mark)
                if said.partition("(")[0].endswith("dataclass"):
                    assert "frozen=True" in said and "slots=True" in said, node.name


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_what_is_owed_is_never_a_float(path: Path) -> None:
    if path.relative_to(CORE).parts[0].removesuffix(".py") in APPROXIMATE:
        return
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Constant):
            assert not isinstance(node.value, float | complex), f"line {node.lineno}: {node.value}"
        if isinstance(node, ast.Name):
            assert node.id != "float", f"line {node.lineno}: float"


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_a_silenced_checker_is_told_which_error_it_may_not_see(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        assert not re.search(r"#\s*type:\s*ignore(?!\[)", line), f"line {number}"
        assert not re.search(r"#\s*noqa(?!:)", line), f"line {number}"


def is_patch(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in {"setattr", "setitem", "patch"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"monkeypatch", "mocker"}
    )


@pytest.mark.parametrize(
    "path", [path for path in PYTHON if path.is_relative_to(ROOT / "tests")], ids=name_of
)
def test_tests_use_real_parts_and_units_never_sleep(path: Path) -> None:
    parts = path.relative_to(ROOT / "tests").parts
    for node in ast.walk(parse(path)):
        assert not is_patch(node), f"line {getattr(node, 'lineno', 0)}: no patches"
        if parts[0] in UNIT - {"contract"} and isinstance(node, ast.Call):
            assert not ast.unparse(node.func).endswith("sleep"), f"line {node.lineno}: no sleeping"


@pytest.mark.parametrize("path", [f for f in FILES if f.suffix in TEXT], ids=name_of)
def test_a_file_says_nothing_about_where_it_was_written(path: Path) -> None:
    text = path.read_text()
    for leak in LEAKS:
        found = leak.search(text)
        assert not found, f"{found.group()!r} in line {text[: found.start()].count(chr(10)) + 1}"


def pinned(lock: Path) -> dict[str, int]:
    """How many hashes each pinned package has."""
    found: dict[str, int] = {}
    package = ""
    for line in lock.read_text().splitlines():
        if named := re.match(r"([a-z0-9-]+)(\[[a-z,]+\])?==\S+ ", line):
            package = named[1]
            found.setdefault(package, 0)
        if line.strip().startswith("--hash=sha256:"):
            found[package] += 1
    return found


def asked(requirements: list[str]) -> set[str]:
    names = {re.split(r"[\[>=<~!; ]", text, maxsplit=1)[0] for text in requirements}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def test_locks_pin_all_that_the_project_asks_for_by_hash_and_name_no_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    runtime, dev = pinned(ROOT / "requirements.lock"), pinned(ROOT / "requirements-dev.lock")
    assert asked(project["project"]["dependencies"] + groups["build"]) <= runtime.keys()
    assert asked(groups["dev"]) | runtime.keys() <= dev.keys()
    assert min(runtime.values()) > 0 and min(dev.values()) > 0
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert not re.search(
            r"://|^--?[a-z-]*(index|find|host)", (ROOT / lock).read_text(), re.MULTILINE
        )
