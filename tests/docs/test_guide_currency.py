"""The guide on another currency: what it types is typed, and what it shows is printed."""

import shlex
from pathlib import Path

from tests.app.currency_shop import ABROAD
from tests.build import CUSTOMERS, SMALL
from tests.cli.program import Program
from tests.cli.server import serving
from tests.docs.reading import ROOT, blocks, missing, tour

GUIDE = ROOT / "docs" / "guides" / "get-paid.md"


def test_another_currency_goes_as_the_guide_shows_it(tmp_path: Path) -> None:
    text = GUIDE.read_text().partition("## Another currency")[2].partition("\n## ")[0]
    rate = tmp_path / "rate.yaml"
    rate.write_text(next(block.text for block in blocks(text) if block.words == ("yaml",)))
    stops = list(tour(text))
    assert len(stops) == 2
    with serving(SMALL, CUSTOMERS, ABROAD) as server:
        found = {"RACKRATE_URL": server.url, "RACKRATE_TOKEN": server.token}
        program = Program(tmp_path, found)
        for stop in stops:
            said = ""
            for line in stop.commands.splitlines():
                name, *arguments = shlex.split(line)
                assert name == "rackrate"
                words = [str(rate) if word == rate.name else word for word in arguments]
                done = program(*words)
                assert (done.code != 0) is stop.refused, done
                said += done.out + done.err
            assert not missing(stop.shown, said), said
