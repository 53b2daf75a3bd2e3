"""A server for each file of tests, and the program as its administrator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.cli.server import Server, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


@pytest.fixture
def rackrate(server: Server, tmp_path: Path) -> Program:
    """The program, told by its environment where the server is."""
    return Program(tmp_path, {"RACKRATE_URL": server.url, "RACKRATE_TOKEN": server.token})


@pytest.fixture
def nobody(tmp_path: Path) -> Program:
    """The program of somebody who has not signed in anywhere."""
    return Program(tmp_path)
