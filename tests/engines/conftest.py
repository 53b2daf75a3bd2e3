"""Engines on real processes, each test with a root of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.bench import Bench, engine_at


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Parametrized by the isolation; whatever runs at the end is released."""
    bench = Bench(engine_at(tmp_path / "engine", request.param), tmp_path / "engine")
    yield bench
    bench.close()
