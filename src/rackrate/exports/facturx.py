"""Factur-X: the invoice for people, PDF/A-3, with the invoice for programs inside it."""

import io

from rackrate.app.documents import Document
from rackrate.exports import einvoice, pdf
from rackrate.exports.words import Language

NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
# What the PDF says of the invoice inside it, and what those words mean: PDF/A has none of its own.
FACTS = {
    "DocumentType": ("INVOICE", "The type of the hybrid document"),
    "DocumentFileName": ("factur-x.xml", "The name of the embedded XML document"),
    "Version": ("1.0", "The version of the standard that the XML document follows"),
    "ConformanceLevel": ("EN 16931", "The profile that the XML document follows"),
}

VERSION = "%PDF-1.7"
LIST_END, FACTS_END = "</rdf:Bag></pdfaExtension:schemas>", "</rdf:RDF>"


def render(document: Document, language: Language) -> bytes:
    """PDF/A-3 with `factur-x.xml` inside, profile EN 16931, and the metadata that say so."""
    made = pdf.render(document, language, einvoice.cii(document))
    return _described(made)


def _described(made: bytes) -> bytes:
    """With Factur-X's own facts in the metadata; all else is as Typst made it."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, NameObject

    writer = PdfWriter(clone_from=io.BytesIO(made))
    writer.pdf_header = VERSION
    metadata = writer.root_object.raw_get("/Metadata")
    stream = DecodedStreamObject()
    stream[NameObject("/Type")] = NameObject("/Metadata")
    stream[NameObject("/Subtype")] = NameObject("/XML")
    stream.set_data(_with_facts(metadata.get_object().get_data()))
    writer._replace_object(metadata, stream)
    changed = io.BytesIO()
    writer.write(changed)
    return changed.getvalue()


def _with_facts(xmp: bytes) -> bytes:
    """PDF/A allows one list of extensions: what Typst writes gets one more entry."""
    text = xmp.decode("utf-8")
    for place, added in ((LIST_END, _meanings()), (FACTS_END, _values())):
        assert text.count(place) == 1, f"metadata of another form than was looked at: {place}"
        text = text.replace(place, added + place)
    return text.encode("utf-8")


def _values() -> str:
    said = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (value, _) in FACTS.items())
    return f'<rdf:Description rdf:about="" xmlns:fx="{NAMESPACE}">{said}</rdf:Description>'


def _meanings() -> str:
    properties = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{meaning}</pdfaProperty:description></rdf:li>"
        for name, (_, meaning) in FACTS.items()
    )
    return (
        '<rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI>"
        "<pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )
