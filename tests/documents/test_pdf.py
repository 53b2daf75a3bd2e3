"""Printed invoices: what stands on the sheets, and that Chinese characters are really there."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
import typst

from rackrate.app.documents import Document
from rackrate.core.errors import Refused, Unavailable
from rackrate.exports import pdf
from rackrate.exports.einvoice import ubl
from rackrate.exports.facturx import render as facturx
from rackrate.exports.sheet import sheet
from rackrate.exports.words import Language
from tests.documents.issued import NOVEMBER, corrected, shop
from tests.documents.judges import rules

HAN = re.compile("[\u4e00-\u9fff]")
# Typst's own faces, and none of this machine: they have no Chinese character.
LATIN_ONLY = typst.Fonts(include_system_fonts=False)


@pytest.fixture(scope="module")
def month() -> Document:
    opened = shop()
    opened.sign()
    opened.run(10.5)
    opened.close(NOVEMBER)
    return opened.all()[-1]


def text_of(content: bytes) -> str:
    sheets = pypdfium2.PdfDocument(content)
    return "\n".join(page.get_textpage().get_text_bounded() for page in sheets)


def inked(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Each Chinese character of the first sheet with the pixels that stand in its place."""
    page = pypdfium2.PdfDocument(content)[0]
    scale, text = 4, page.get_textpage()
    picture = page.render(scale=scale, grayscale=True).to_numpy()
    height = picture.shape[0]
    for place in range(text.count_chars()):
        letter = text.get_text_range(place, 1)
        left, bottom, right, top = (round(edge * scale) for edge in text.get_charbox(place))
        if HAN.fullmatch(letter) and right - left <= 20 * scale:
            box = picture[height - top - 4 : height - bottom + 4, left - 4 : right + 4]
            yield letter, (box < 128).tobytes()


def shows_its_characters(content: bytes) -> bool:
    """Whether different characters look different: in place of an unknown one stands a box."""
    seen = dict(inked(content))
    assert len(seen) > 20, "there is little Chinese to look at"
    blank = sum(1 for ink in seen.values() if not any(ink))
    return blank == 0 and len(set(seen.values())) > 0.95 * len(seen)


def test_a_chinese_invoice_shows_its_characters(month: Document) -> None:
    content = pdf.render(month, Language.ZH)
    assert shows_its_characters(content)
    assert "账单" in text_of(content) and "应付总额（含税）" in text_of(content)


def test_boxes_in_place_of_characters_are_seen_as_boxes(month: Document) -> None:
    """The judge of the test above: the same sheet in a face without Chinese does not pass it."""
    texts = sheet(month, Language.ZH) | {"fonts": ["Libertinus Serif"]}
    compiler = typst.Compiler(
        pdf.TEMPLATE, font_paths=LATIN_ONLY, sys_inputs={"data": json.dumps(texts)}
    )
    boxes = compiler.compile(format="pdf")
    assert isinstance(boxes, bytes)
    assert not shows_its_characters(boxes)


def test_without_a_chinese_face_nothing_is_printed_and_it_is_said_what_to_install(
    month: Document,
) -> None:
    with pytest.raises(Unavailable, match="apt-get install fonts-noto-cjk"):
        pdf.render(month, Language.ZH, known=LATIN_ONLY)
    assert "Amount due" in text_of(pdf.render(month, Language.EN, known=LATIN_ONLY))


@pytest.mark.parametrize(
    "said",
    [
        "Invoice", "EX-2026-000002", "Example Compute GmbH (sample)", "DE123456788",
        "Example Robotics (sample)", "FR40123456824", "Your reference", "COST-7", "2026-12-31",
        "Lease of h100.1, on demand", "21.000", "17.00", "357.00", "Instalment", "19%",
        "219.83", "1,376.83 EUR", "DE89 3704 0044 0532 0130 00", "SAMPLE. The machines are",
        "Nobody here exists.",
        "75,600 slot-seconds × 17.00 EUR ÷ 3,600 = 357.000000, rounded 357.00",
        "2026-11-01 00:00:00 to 2026-11-01 10:30:00: 37,800 s × 2 slots", "Page 1 / 2",
    ],
)  # fmt: skip
def test_an_invoice_says(month: Document, said: str) -> None:
    flat = " ".join(text_of(pdf.render(month, Language.EN)).split())
    assert said in flat


def test_a_void_invoice_says_so(month: Document) -> None:
    void = replace(month, invoice=replace(month.invoice, voided=month.invoice.issued))
    assert "Void: nothing of it is owed" in text_of(pdf.render(void, Language.EN))
    real = replace(void, sample=False)
    assert "VOID" in text_of(pdf.render(real, Language.EN))
    assert "SAMPLE" not in text_of(pdf.render(real, Language.EN))


def test_what_somebody_wrote_is_text_and_the_order_it_is_bought_under_is_named() -> None:
    written = shop().by_hand(("#panic() *x* $y$ <b>", "5.00"))
    ordered = replace(written, invoice=replace(written.invoice, purchase_order="PO-77/A&B"))
    said = text_of(pdf.render(ordered, Language.EN))
    assert "#panic() *x* $y$ <b>" in said and "PO-77/A&B" in said
    assert "<cbc:ID>PO-77/A&amp;B</cbc:ID>" in ubl(ordered).decode()


def test_a_credit_note_says_what_it_is_and_has_no_minus() -> None:
    said = text_of(pdf.render(corrected(), Language.EN))
    assert "Credit note" in said and "40.46 EUR" in said and "-40.46" not in said
    assert "Set off against other invoices, or paid back." in said


def test_a_chinese_credit_note_says_in_chinese_what_is_credited() -> None:
    opened = shop()
    opened.sign()
    opened.run(10.5)
    opened.close(NOVEMBER)
    credit = opened.credit(opened.all()[-1].invoice.id, "33.33")
    said = text_of(pdf.render(credit, Language.ZH))
    assert "冲抵：租用 h100.1，按需" in said and "冲抵：分期" in said


def test_the_same_invoice_is_the_same_file_whenever_it_is_asked_for(month: Document) -> None:
    assert pdf.render(month, Language.ZH) == pdf.render(month, Language.ZH)
    assert facturx(month, Language.EN) == facturx(month, Language.EN)


def test_a_long_invoice_is_printed_and_explained_in_part_and_a_very_long_one_is_refused(
    month: Document,
) -> None:
    lines = [replace(month.lines[0], place=place) for place in range(1, 302)]
    said = text_of(pdf.render(replace(month, lines=tuple(lines)), Language.EN))
    assert said.count("357.00") > 301 and "The first 200 lines are explained here." in said
    with pytest.raises(Refused, match="more than the 5,000 that are printed; take it as ubl"):
        pdf.render(replace(month, lines=tuple(lines * 17)), Language.EN)


def test_every_word_has_its_chinese_and_every_chinese_word_is_said() -> None:
    from rackrate.core.tax import RULES
    from rackrate.exports import sheet as sheets
    from rackrate.exports import titles
    from rackrate.exports.words import chinese

    source = "".join(Path(str(one.__file__)).read_text() for one in (sheets, titles, pdf))
    source = re.sub(r'"\s*\n\s*"', "", source)
    said = set(re.findall(r'say\(\s*"([^"]+)"', source))
    said |= {*titles.CLASSES.values(), *titles.TITLES.values(), *titles.REASONS.values()}
    said |= {*titles.OF_PROJECTS.values(), *titles.MEASURED.values(), titles.SLOTS}
    said |= {*sheets.UNITS.values()}
    said |= {rule.exemption for rule in RULES.values() if rule.exemption}
    said |= {rule.name for rule in RULES.values() if not rule.id.startswith("eu-") or not rule.rate}
    assert said == chinese().keys()


def test_a_factur_x_is_pdf_a_3_with_the_invoice_for_programs_inside(month: Document) -> None:
    """What veraPDF would say of the pixels and fonts is not known here: Typst promises those."""
    content = facturx(month, Language.ZH)
    with pikepdf.open(io.BytesIO(content)) as opened:
        assert opened.check_pdf_syntax() == []
        with opened.open_metadata() as said:
            assert (said["pdfaid:part"], said["pdfaid:conformance"]) == ("3", "B")
            fx = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
            assert said[f"{fx}ConformanceLevel"] == "EN 16931"
            assert said[f"{fx}DocumentFileName"] == "factur-x.xml"
        (attached,) = opened.Root.AF
        assert attached.AFRelationship == "/Alternative"
        assert "/ID" in opened.trailer and "/OutputIntents" in opened.Root
        (name,) = opened.attachments
        assert name == "factur-x.xml"
        inside = opened.attachments[name].get_file().read_bytes()
        fonts = [each for each in opened.objects if is_font(each)]
        assert fonts and all(is_embedded(font) for font in fonts)
    assert rules("cii").broken(inside) == []


def is_font(each: pikepdf.Object) -> bool:
    return isinstance(each, pikepdf.Dictionary) and each.get("/Type") == "/FontDescriptor"


def is_embedded(font: pikepdf.Object) -> bool:
    return any(f"/FontFile{number}" in font for number in ("", "2", "3"))
