"""Documents of invoices from the command line: into files, or to standard output."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.build import CUSTOMERS, SMALL
from tests.cli.program import Program
from tests.cli.server import Server, serving

NUMBER = "EX-2026-000001"
SAYS = """details: {street: 1 Sample Road, city: Shanghai}
tax_id: SAMPLE-TAX-ID
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose seller and customers say where they are."""
    stated = [
        text.replace("country: CN\n", f"country: CN\n{SAYS}", 1) for text in (SMALL, CUSTOMERS)
    ]
    with serving(*stated) as one:
        yield one


def test_an_invoice_goes_into_files(rackrate: Program, tmp_path: Path) -> None:
    rackrate.ok(
        "contract", "sign", "--project", "robotics-train", "--sku", "h100.node", "--nodes", "2",
        "--from", "2027-01-01", "--until", "2029-01-01", "--monthly", "140000",
        "--prepayment", "20",
    )  # fmt: skip
    show = ("invoice", "show", NUMBER, "--output")
    pdf, hybrid = tmp_path / "bill.pdf", tmp_path / "hybrid.pdf"
    said = rackrate.ok(*show, "pdf", "--language", "zh", "--file", str(pdf))
    assert said == f"{NUMBER} is in {pdf}\n" and pdf.read_bytes().startswith(b"%PDF-1.7")
    rackrate.ok(*show, "facturx", "--file", str(hybrid))
    assert b"factur-x.xml" in hybrid.read_bytes()
    assert "<cbc:ID>EX-2026-000001</cbc:ID>" in rackrate.ok(*show, "ubl")
    assert "712320" not in rackrate.ok(*show, "csv").partition("\n")[0]
    rackrate.ok(*show, "json", "--file", str(tmp_path / "bill.json"))
    assert '"712320.00"' in (tmp_path / "bill.json").read_text()
    nowhere = rackrate(*show, "pdf", "--file", str(tmp_path / "none" / "bill.pdf"))
    assert nowhere.code == 1 and "cannot be written" in nowhere.err
    wrong = rackrate(*show, "pdf", "--language", "tlh")
    assert wrong.code != 0 and "language" in wrong.err
    listed = rackrate.ok("invoice", "taxes")
    assert "eu-fi-25.5" in listed and "VAT 13% (lease of tangible assets)" in listed
    asked = rackrate("invoice", "digital", NUMBER)
    assert asked.code == 1 and "missing: entity.digital_invoices" in asked.err
