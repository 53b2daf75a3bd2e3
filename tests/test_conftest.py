"""The rules that tests/conftest.py lays on all tests hold: seen in a run of pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = '''"""Each of these but the last two must fail."""

import socket
import warnings

import pytest


def test_fails_skips_when_lazy() -> None:
    pytest.skip("not today")


@pytest.mark.skip(reason="not today")
def test_fails_is_marked_to_be_skipped() -> None:
    pass


@pytest.mark.xfail(reason="known")
def test_fails_is_expected_to_fail() -> None:
    assert False


def test_fails_looks_at_the_network() -> None:
    socket.create_connection(("127.0.0.1", 9))


def test_fails_warns() -> None:
    warnings.warn("careful", stacklevel=1)


def test_is_excused() -> None:
    pytest.skip("cannot run on this machine: it has no wings")


def test_passes() -> None:
    left, right = socket.socketpair()
    left.close()
    right.close()
'''


@pytest.fixture
def output(tmp_path: Path) -> str:
    folder = tmp_path / "tests" / "core"
    folder.mkdir(parents=True)
    (folder / "test_sample.py").write_text(TESTS)
    (tmp_path / "tests" / "conftest.py").write_text((HERE / "conftest.py").read_text())
    (tmp_path / "pyproject.toml").write_text((HERE.parent / "pyproject.toml").read_text())
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "unit"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1, result.stdout + result.stderr
    return result.stdout


def test_skips_expected_failures_warnings_and_the_network_fail_a_run(output: str) -> None:
    lines = output.splitlines()
    told = {
        line.split("::")[1].split()[0] for line in lines if line.startswith(("FAILED", "ERROR"))
    }
    assert told == {
        line.split()[1].split("(")[0] for line in TESTS.splitlines() if "_fails_" in line
    }
    assert "SKIPPED [1]" in output
    assert "cannot run on this machine: it has no wings" in output
    assert "1 passed, 1 skipped" in lines[-1]
