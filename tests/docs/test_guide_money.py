"""From the price to the ledger: the guide is played as it stands, on a clock of its own."""

import gc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.docs.played import Act, acts, stage
from tests.docs.reading import ROOT, missing

GUIDE = ROOT / "docs" / "guides" / "price-contract-invoice.md"
START = datetime(2026, 12, 14, 1, tzinfo=UTC)


# A command ends its process, and its connection with it; here the process goes on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_walk_from_the_price_to_the_ledger_goes_as_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    steps = list(acts(GUIDE.read_text()))
    with stage(START, "north", tmp_path) as (cloud, told):
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        for step in steps:
            if not isinstance(step, Act):
                cloud.put(step)
                continue
            code = cloud.do(step)
            assert code == int(step.refused), f"$ {step.command}\n{cloud.printed}"
            if step.shown:
                lacking = missing(step.shown, cloud.printed)
                assert not lacking, f"not printed: {lacking!r}\n$ {step.command}\n{cloud.printed}"
                cloud.printed = ""
    gc.collect()
    assert sum(isinstance(step, Act) for step in steps) >= 20
