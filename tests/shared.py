"""Reference data and traces that are not ours to ship: read where they lie, beside the checkout."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("RACKRATE_SHARED") or Path(__file__).parents[1].parent / "shared")


def shared(path: str) -> Path:
    """The file, or a loud skip where this machine does not have it."""
    file = SHARED / path
    if not file.exists():
        pytest.skip(f"cannot run on this machine: no {path} (set RACKRATE_SHARED)")
    return file
