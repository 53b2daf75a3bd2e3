"""The guide on paying ahead: what it types is typed, its files are applied."""

import shlex
from pathlib import Path

from rackrate.app import wallets
from rackrate.core.ids import CustomerId
from rackrate.core.outbox import FOR_OPERATORS
from tests.build import CUSTOMERS, SMALL, build
from tests.cli.program import Program
from tests.cli.server import serving
from tests.docs.reading import ROOT, blocks, missing, tour

GUIDES = ROOT / "docs" / "guides"
ACME = CUSTOMERS.replace("robotics", "acme")


def test_a_wallet_goes_as_the_guide_shows_it(tmp_path: Path) -> None:
    text = (GUIDES / "get-paid.md").read_text().partition("## Paid ahead")[2].partition("\n## ")[0]
    stops = list(tour(text))
    assert len(stops) == 3
    with serving(SMALL, ACME) as server:
        found = {"RACKRATE_URL": server.url, "RACKRATE_TOKEN": server.token}
        program = Program(tmp_path, found)
        for stop in stops:
            said = ""
            for line in stop.commands.splitlines():
                name, *words = shlex.split(line)
                assert name == "rackrate"
                done = program(*words)
                assert (done.code != 0) is stop.refused, done
                said += done.out + done.err
            assert not missing(stop.shown, said), said


def test_the_files_of_the_guide_are_applied_as_they_stand() -> None:
    text = (GUIDES / "get-paid.md").read_text().partition("## All of it in files")[2]
    text = text.partition("\n## ")[0]
    (files,) = [block.text for block in blocks(text) if block.words == ("yaml",)]
    built = build(SMALL, ACME)
    assert len(built.apply(files).changes) == 4
    assert built.apply(files).changes == ()
    assert wallets.show(built.world, built.admin, CustomerId("acme")).wallet.low.minor == 100_00


def test_every_topic_is_in_the_guide() -> None:
    text = (GUIDES / "be-told.md").read_text()
    assert [topic for topic in FOR_OPERATORS if f"| `{topic}` |" not in text] == []
