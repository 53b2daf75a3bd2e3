"""From the price to the ledger: the guide is played as it stands, on a clock of its own."""

import gc
import re
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from rackrate.cli.main import COMMANDS
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


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_the_links_of_the_guide_lead_to_sections_that_are_there() -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", GUIDE.read_text()):
        name, _, section = target.partition("#")
        page = GUIDE.parent / name if name else GUIDE
        headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
        assert not section or section in {anchor(each) for each in headings}, target


def test_the_commands_that_the_guide_names_exist() -> None:
    for noun, verb in re.findall(r"`rackrate ([a-z]+) ([a-z-]+)", GUIDE.read_text()):
        app = getattr(import_module(f"rackrate.cli.{COMMANDS[noun][0]}"), noun)
        known = {one.name or one.callback.__name__ for one in app.registered_commands}
        assert verb in known, f"rackrate {noun} {verb}"
