"""An invoice as PDF/A-3, in English or Chinese, from one template."""

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rackrate.app.documents import MOST_EXPLAINED, Document
from rackrate.core.errors import Reason, Refused, Unavailable
from rackrate.exports.sheet import sheet
from rackrate.exports.words import Language

if TYPE_CHECKING:
    import typst

# A thousand lines take a second, and memory grows with them.
MOST_PRINTED = 5_000
TEMPLATE = Path(__file__).with_name("invoice.typ")
# Faces with Chinese characters, the best first; a Latin face where there is none of them.
CHINESE = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "Source Han Sans CN",
    "Microsoft YaHei", "PingFang SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
    "Droid Sans Fallback", "SimHei", "SimSun",
)  # fmt: skip
LATIN = ("Inter", "Noto Sans", "Liberation Sans", "DejaVu Sans", "Libertinus Serif")
_HAN = re.compile("[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
NO_FACE = (
    "this machine has no font with Chinese characters; install one, on Debian and Ubuntu with: "
    "apt-get install fonts-noto-cjk"
)


@cache
def fonts() -> "typst.Fonts":
    """The fonts of this machine, looked for once."""
    import typst

    return typst.Fonts()


def render(
    document: Document,
    language: Language,
    attached: bytes = b"",
    known: "typst.Fonts | None" = None,
) -> bytes:
    """The sheets. `attached` is the same invoice for programs, carried inside as Factur-X."""
    if len(document.lines) > MOST_PRINTED:
        raise Refused(
            Reason.WRONG_STATE,
            f"{document.invoice.id} has {len(document.lines):,} lines, more than the "
            f"{MOST_PRINTED:,} that are printed; take it as ubl or csv",
            {"lines": len(document.lines), "most": MOST_PRINTED},
        )
    # Typst takes a while to load, and no other request needs it.
    import typst

    faces = known or fonts()
    texts = sheet(document, language)
    written = json.dumps(texts, ensure_ascii=False)
    texts["fonts"] = _families(faces.families(), written)
    inputs = {"data": json.dumps(texts, ensure_ascii=False)}
    if attached:
        inputs["xml"] = attached.decode("utf-8")
    compiler = typst.Compiler(TEMPLATE, font_paths=faces, sys_inputs=inputs)
    try:
        made = compiler.compile(
            format="pdf",
            pdf_standards="a-3b",
            timestamp=document.invoice.issued,
            # What tells a reading aloud its way makes a long invoice five times as large.
            pdf_tags=len(document.lines) <= MOST_EXPLAINED,
        )
    except typst.TypstError as error:
        if "font" in error.message:
            raise Unavailable(f"{NO_FACE} ({error.message})") from error
        raise
    assert isinstance(made, bytes)
    return made


def _families(known: Sequence[str], written: str) -> list[str]:
    """The faces to write with; Unavailable where what is written has characters of none."""
    chinese = [face for face in CHINESE if face in known]
    if not chinese and _HAN.search(written):
        raise Unavailable(NO_FACE)
    return chinese[:1] or [face for face in LATIN if face in known][:1]
