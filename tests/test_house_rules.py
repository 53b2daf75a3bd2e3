"""What CONTRIBUTING.md promises and no linter knows. Each rule was a mistake somewhere once."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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
DOING = frozenset({"eval", "exec", "input", "open", "print"})
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
TESTS = tuple(path for path in PYTHON if path.is_relative_to(ROOT / "tests"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a module, itself first."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def at(path: Path, node: ast.AST, what: str) -> str:
    return f"{name_of(path)}:{getattr(node, 'lineno', 1)}: {what}"


def function_lengths() -> dict[str, int]:
    found: dict[str, int] = {}
    for path in PYTHON:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                name = f"{name_of(path)}:{node.name}"
                found[name] = max(node.end_lineno - node.lineno + 1, found.get(name, 0))
    return found


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
    check_ratchet(function_lengths(), LONG_FUNCTIONS, FUNCTION_LINES)


def test_a_module_says_in_a_line_what_it_is_for() -> None:
    modules = [(path, nodes(path)[0]) for path in PYTHON]
    silent = [
        name_of(path)
        for path, module in modules
        if isinstance(module, ast.Module) and not ast.get_docstring(module)
    ]
    assert not silent


def test_a_module_is_named_after_a_thing() -> None:
    unnamed = [name_of(p) for p in PYTHON if {p.stem, p.parent.name} & NOT_A_NOUN]
    assert not unnamed


def impurities(path: Path) -> Iterator[str]:
    allowed = (sys.stdlib_module_names - IMPURE) | {"numpy", "rackrate"}
    for node in nodes(path):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in DOING:
            yield at(path, node, ast.unparse(node.func))
        yield from (
            at(path, node, f"import {name}")
            for name in names
            if name.partition(".")[0] not in allowed
        )


def test_the_core_is_pure() -> None:
    """It decides and never does: the standard library's thinking half, numpy, and nothing else."""
    assert not [found for path in CORE_FILES for found in impurities(path)]


def test_values_of_the_core_are_frozen() -> None:
    loose = [
        at(path, node, node.name)
        for path in CORE_FILES
        for node in nodes(path)
        if isinstance(node, ast.ClassDef)
        for mark in map(ast.unparse, node.decorator_list)
        if mark.partition("(")[0].endswith("dataclass")
        and not ("frozen=True" in mark and "slots=True" in mark)
    ]
    assert not loose


def test_what_is_owed_is_never_a_float() -> None:
    exact = [
        path
        for path in CORE_FILES
        if path.relative_to(CORE).parts[0].removesuffix(".py") not in APPROXIMATE
    ]
    floats = [
        at(path, node, ast.unparse(node))
        for path in exact
        for node in nodes(path)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert not floats


def test_a_silenced_checker_is_told_which_error_it_may_not_see() -> None:
    blanket = re.compile(r"#\s*type:\s*ignore(?!\[)|#\s*noqa(?!:)")
    silenced = [
        f"{name_of(path)}:{number}"
        for path in PYTHON
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if blanket.search(line)
    ]
    assert not silenced


def is_patch(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in {"setattr", "setitem", "patch"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"monkeypatch", "mocker"}
    )


def test_tests_use_real_parts() -> None:
    assert not [at(p, node, "a patch") for p in TESTS for node in nodes(p) if is_patch(node)]


def test_units_never_sleep() -> None:
    quick = UNIT - {"contract"}
    sleeping = [
        at(path, node, "sleeps")
        for path in TESTS
        if path.relative_to(ROOT / "tests").parts[0] in quick
        for node in nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("sleep")
    ]
    assert not sleeping


def test_a_file_says_nothing_about_where_it_was_written() -> None:
    told = []
    for path in FILES:
        if path.suffix in TEXT:
            text = path.read_text()
            for leak in LEAKS:
                if found := leak.search(text):
                    line = text[: found.start()].count("\n") + 1
                    told.append(f"{name_of(path)}:{line}: {found.group()}")
    assert not told


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
