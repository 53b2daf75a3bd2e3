"""The guide's walk along addresses, egress and another shape: files and commands as they are."""

import re
import shlex
from pathlib import Path
from string import Template

from tests.build import CUSTOMERS, SMALL
from tests.cli.program import Program
from tests.cli.server import serving
from tests.docs.reading import ROOT, blocks

GUIDE = ROOT / "docs" / "guides" / "set-prices.md"
IDS = {"ADDRESS": re.compile(r"adr_\d+"), "LEASE": re.compile(r"lse_\d+")}


def test_the_walk_of_the_guide_is_walked(tmp_path: Path) -> None:
    found = blocks(GUIDE.read_text())
    files = next(block.text for block in found if "kind: address_pool" in block.text)
    walk = next(block.text for block in found if "address reserve" in block.text)
    (rows,) = [block.text for block in found if block.words == ("csv",)]
    (tmp_path / "egress.csv").write_text(rows)
    known, said = dict.fromkeys(IDS, ""), []
    with serving(SMALL, CUSTOMERS, files) as server:
        where = {"RACKRATE_URL": server.url, "RACKRATE_TOKEN": server.token}
        rackrate = Program(tmp_path, where)
        for line in walk.splitlines():
            text = Template(line).substitute(known).replace("egress.csv", f"{tmp_path}/egress.csv")
            name, *words = shlex.split(text, comments=True)
            assert name == "rackrate"
            said.append(rackrate.ok(*words))
            for each, pattern in IDS.items():
                seen = pattern.search(said[-1])
                known[each] = known[each] or (seen[0] if seen else "")
    assert said[0].startswith("192.0.2.1 is robotics-train's")
    assert "is 3 x h100.1 now" in said[3]
    assert said[4] == "2 readings are new, 0 had been told before\n"
    assert said[5] == "0 readings are new, 2 had been told before\n"
    assert "1,000.000 GB" in said[6] and "500.00 CNY" in said[6]
    assert "is released, and given to nobody before 2026-11-23" in said[7]
