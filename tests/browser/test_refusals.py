"""What refusals say in Chinese: each known sentence is one that a program says."""

import ast
import re
from pathlib import Path

from rackrate.core.errors import Invalid
from rackrate.portal.messages import Catalogue
from rackrate.portal.refusals import SENTENCES, detail_of, pattern_of
from tests.browser.conftest import Site
from tests.browser.test_guard import Client

SOURCE = Path(__file__).parents[2] / "src" / "rackrate"
SOMETHING = "§"


def sentences_of_programs() -> set[str]:
    """Every text in the source, with something where an expression is put in."""
    found: set[str] = set()
    folders = (SOURCE / name for name in ("app", "core", "portal"))
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        if path.name == "refusals.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else SOMETHING for p in node.values)
                found.add("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return {text for text in found if len(text) < 300}


def test_every_known_sentence_is_one_that_a_program_says() -> None:
    said = sentences_of_programs()
    for sentence in SENTENCES:
        pattern, core = pattern_of(sentence), max(re.split(r"{\w+}", sentence), key=len)
        assert any(core in text and pattern.fullmatch(text) for text in said), sentence


def test_what_is_known_is_said_in_chinese_and_the_rest_is_marked_as_english() -> None:
    catalogue = Catalogue()
    wrong = detail_of(catalogue, "zh", Invalid("amount", "not an amount: '<b>'"))
    assert wrong == '<span class="mono">amount</span>：不是金额：&#39;&lt;b&gt;&#39;'
    other = detail_of(catalogue, "zh", Invalid("", "something <new>"))
    assert other == '<span lang="en">something &lt;new&gt;</span>'
    assert detail_of(catalogue, "en", Invalid("x", "a & b")) == "x: a &amp; b"


def test_a_refusal_on_a_chinese_page_is_chinese(site: Site) -> None:
    finance = Client(site.url)
    finance.sign_in(site.cloud.tokens["finance"])
    path = "/invoices/EX-2026-000005"
    form = finance.form(f"{path}?lang=zh")
    finance.cookies["rackrate_language"] = "zh"
    answer = finance.post(f"{path}/payments", amount="99999999", reference="x", **form)
    assert answer.status == 409 and "EX-2026-000005 未付 66,710.80 CNY，少于" in answer.body
