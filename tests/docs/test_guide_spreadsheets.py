"""The guide for those who come from spreadsheets shows the sample that is applied, and no other."""

from tests.docs.reading import ROOT, blocks

GUIDE = ROOT / "docs" / "guides" / "come-from-spreadsheets.md"
SAMPLE = ROOT / "examples" / "brownfield"


def test_every_document_of_the_guide_is_in_the_sample_word_for_word() -> None:
    shown = [block.text for block in blocks(GUIDE.read_text()) if "kind:" in block.text]
    sample = "".join(file.read_text() for file in sorted(SAMPLE.glob("*.yaml")))
    assert len(shown) == 3
    for text in shown:
        assert text in sample, text


def test_the_guide_is_found_from_the_index() -> None:
    assert "(guides/come-from-spreadsheets.md)" in (ROOT / "docs" / "README.md").read_text()
