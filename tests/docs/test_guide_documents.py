"""The guide on documents: its file is applied as it stands, and what it shows is printed."""

import shlex
from pathlib import Path

from tests.build import CUSTOMERS, SMALL
from tests.cli.program import Program
from tests.cli.server import serving
from tests.docs.reading import ROOT, blocks, missing, tour

GUIDE = ROOT / "docs" / "guides" / "invoice-documents.md"


def test_services_and_leases_go_as_the_guide_shows_them(tmp_path: Path) -> None:
    text = GUIDE.read_text().partition("### Services and leases")[2].partition("\n### ")[0]
    file = tmp_path / "taxed.yaml"
    file.write_text(next(block.text for block in blocks(text) if block.words == ("yaml",)))
    (stop,) = tour(text)
    with serving(SMALL, CUSTOMERS) as server:
        found = {"RACKRATE_URL": server.url, "RACKRATE_TOKEN": server.token}
        program = Program(tmp_path, found)
        said = ""
        for line in stop.commands.splitlines():
            words = [str(file) if word == file.name else word for word in shlex.split(line)[1:]]
            said += program.ok(*words)
        assert not missing(stop.shown, said), said
