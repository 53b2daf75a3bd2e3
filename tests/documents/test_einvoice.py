"""Every kind of invoice as EN 16931, judged by the rules of CEN; what is tampered with is seen."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from rackrate.app.documents import Document, Measured
from rackrate.core.errors import Refused
from rackrate.core.ids import CustomerId
from rackrate.core.inventory import Entity
from rackrate.core.parties import Customer
from rackrate.core.pricing import Price, Unit
from rackrate.exports.einvoice import cii, ubl
from tests.documents.issued import NOVEMBER, SELLER, corrected, every_kind, shop
from tests.documents.judges import rules

CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
AMOUNTS = (f"{CBC}TaxableAmount", f"{CBC}TaxAmount")
KINDS = dict(every_kind())
WRITERS = {"ubl": ubl, "cii": cii}


@pytest.fixture(scope="module")
def month() -> Document:
    return KINDS["use and an instalment"]


@pytest.mark.parametrize("syntax", WRITERS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_invoice_keeps_every_rule(kind: str, syntax: str) -> None:
    assert rules(syntax).broken(WRITERS[syntax](KINDS[kind])) == []


@pytest.mark.parametrize(
    ("syntax", "was", "instead", "rule"),
    [
        ("ubl", b">1376.83<", b">1375.83<", "BR-CO-1"),
        ("ubl", b"<cbc:CompanyID>DE", b"<cbc:CompanyID>XX", "BR-CO-09"),
        ("ubl", b"<cbc:Percent>19<", b"<cbc:Percent>16<", "BR-S-0"),
        ("cii", b">1376.83<", b">1375.83<", "BR-CO-1"),
        ("cii", b"<ram:CategoryCode>S<", b"<ram:CategoryCode>AE<", "BR-AE-0"),
    ],
)
def test_what_is_tampered_with_breaks_a_rule(
    month: Document, syntax: str, was: bytes, instead: bytes, rule: str
) -> None:
    written = WRITERS[syntax](month)
    assert was in written
    broken = rules(syntax).broken(written.replace(was, instead, 1))
    assert [one for one in broken if one.startswith(rule)], broken


@pytest.mark.parametrize("syntax", WRITERS)
@pytest.mark.parametrize(("was", "instead"), [("13", "6"), ("6", "13")])
def test_lines_and_sums_of_two_rates_belong_together(syntax: str, was: str, instead: str) -> None:
    """What is of one rate and summed up under the other breaks a rule."""
    written = WRITERS[syntax](KINDS["two rates"]).decode()
    tag = {"ubl": "cbc:Percent", "cii": "ram:RateApplicablePercent"}[syntax]
    changed = written.replace(f"<{tag}>{was}</{tag}>", f"<{tag}>{instead}</{tag}>", 1)
    assert changed != written
    broken = rules(syntax).broken(changed.encode())
    assert [one for one in broken if one.startswith("BR-S-0")], broken


def test_an_invoice_of_two_rates_sums_up_each() -> None:
    root = ElementTree.fromstring(ubl(KINDS["two rates"]))
    sums = [
        [each.text for each in part.iter() if each.tag in (f"{CBC}Percent", *AMOUNTS)]
        for part in root.iter(f"{CAC}TaxSubtotal")
    ]
    # 21 GPU-hours at 17.00 are a service; December's share of the nodes is a lease, a fifth of it
    # was prepaid.
    assert sums == [["357.00", "21.42", "6"], ["800.00", "104.00", "13"]]
    assert root.findtext(f"{CAC}TaxTotal/{CBC}TaxAmount") == "125.42"


@pytest.mark.parametrize("syntax", WRITERS)
def test_tax_is_also_stated_in_the_currency_in_which_it_is_declared(syntax: str) -> None:
    """777.77 USD at 19 % are 147.78 of tax; at 0.8637 that is 127.64 EUR, which a rule asks for."""
    written = WRITERS[syntax](KINDS["an invoice in a foreign currency"]).decode()
    assert 'currencyID="USD">147.78<' in written and 'currencyID="EUR">127.64<' in written
    broken = rules(syntax).broken(written.replace('currencyID="EUR">127.64<', "><").encode())
    assert [one for one in broken if one.startswith("BR-53")], broken


def test_a_usage_line_says_its_hours_or_where_they_have_no_end_its_seconds(month: Document) -> None:
    # 2 slots for 10.5 hours, at 17.00 an hour: 357.00.
    hours = quantities(month)[0]
    assert hours == ("21", "HUR", "17.00", None, "357.00")
    # 2 slots for 1201 seconds; a third of a second's price has no end either.
    by_line = KINDS["tax rounded on each line"]
    assert quantities(by_line)[0] == ("2402.000", "SEC", "17.00", "3600", "11.34")
    months = quantities(KINDS["prices by the month, and storage"])
    assert [each[1] for each in months] == ["SEC", "SEC", "SEC"]


def quantities(document: Document) -> list[tuple[str | None, ...]]:
    """Of each line: quantity, unit, price, for how many, and the net amount."""
    found: list[tuple[str | None, ...]] = []
    for line in ElementTree.fromstring(ubl(document)).iter(f"{CAC}InvoiceLine"):
        quantity = line.find(f"{CBC}InvoicedQuantity")
        assert quantity is not None
        said = (f"{CAC}Price/{CBC}PriceAmount", f"{CAC}Price/{CBC}BaseQuantity")
        price, base = (line.findtext(name) for name in said)
        net = line.findtext(f"{CBC}LineExtensionAmount")
        found.append((quantity.text, quantity.get("unitCode"), price, base, net))
    return found


@pytest.mark.parametrize(
    ("count", "amount", "expected"),
    [
        (2_500_000_000, "0.13", ("2.5", "E34", "0.05", None, "0.13")),
        (1_234_567_890, "0.06", ("1234567890.000", "AD", "0.05", "1000000000", "0.06")),
    ],
)
def test_egress_is_in_gigabytes_or_where_those_are_not_exact_in_bytes(
    count: int, amount: str, expected: tuple[str | None, ...]
) -> None:
    plain = shop().by_hand(("Egress", amount))
    month, during = NOVEMBER, NOVEMBER.interval("UTC")
    price = Price(
        "p", None, None, "EUR", Decimal("0.05"), False, during.start, timedelta(0), Unit.EGRESS_GB
    )
    line = replace(plain.lines[0].line, unit=Unit.EGRESS_GB, month=month, quantity=count * 1000)
    measured = Measured(Decimal(f"{count}.000"), price, price.amount, 10**9)
    lines = (replace(plain.lines[0], line=line),)
    document = replace(plain, lines=lines, measured={1: measured})
    assert quantities(document) == [expected]
    assert rules("ubl").broken(ubl(document)) == []


def test_an_instalment_says_what_of_it_was_prepaid_and_by_which_invoice(month: Document) -> None:
    root = ElementTree.fromstring(ubl(month))
    lines = [
        (line.findtext(f"{CBC}ID"), line.findtext(f"{CBC}LineExtensionAmount"))
        for line in root.iter(f"{CAC}InvoiceLine")
    ]
    assert lines == [("1", "357.00"), ("2", "1000.00"), ("2.1", "-200.00")]
    assert quantities(month)[1:] == [
        ("1", "MON", "1000.00", None, "1000.00"),
        ("-1", "MON", "200.00", None, "-200.00"),
    ]
    (named,) = root.iter(f"{CAC}InvoiceDocumentReference")
    assert [each.text for each in named] == ["EX-2026-000001", "2026-11-01"]


def test_a_correction_names_the_invoice_that_it_corrects() -> None:
    root = ElementTree.fromstring(ubl(KINDS["a month with a correction below zero"]))
    (named,) = root.iter(f"{CAC}InvoiceDocumentReference")
    assert named.findtext(f"{CBC}ID") == "EX-2026-000001"


def test_what_came_out_below_zero_is_a_credit_note_with_positive_amounts() -> None:
    credit = corrected()
    assert str(credit.invoice.gross) == "-40.46 EUR"
    root = ElementTree.fromstring(ubl(credit))
    assert root.tag.endswith("}CreditNote")
    assert root.findtext(f"{CBC}CreditNoteTypeCode") == "381"
    assert [each.text for each in root.iter(f"{CBC}PayableAmount")] == ["40.46"]
    assert [each.text for each in root.iter(f"{CBC}CreditedQuantity")] == ["2"]


def test_a_credit_note_names_the_invoice_that_it_takes_back() -> None:
    credit = KINDS["a credit for a part of an invoice"]
    root = ElementTree.fromstring(ubl(credit))
    assert root.tag.endswith("}CreditNote")
    (named,) = root.iter(f"{CAC}InvoiceDocumentReference")
    assert [each.text for each in named] == ["EX-2026-000002", "2026-12-01"]
    assert [each.text for each in root.iter(f"{CBC}TaxExclusiveAmount")] == ["33.33"]


def test_what_is_void_is_no_electronic_invoice_any_more() -> None:
    month = KINDS["use and an instalment"]
    void = replace(month, invoice=replace(month.invoice, voided=month.invoice.issued))
    for write in WRITERS.values():
        with pytest.raises(Refused, match="EX-2026-000002 is void"):
            write(void)


def test_reverse_charge_names_both_sides_and_says_so() -> None:
    text = ubl(KINDS["use under eu-reverse-charge"]).decode()
    assert "DE123456788" in text and "FR40123456824" in text
    assert "VATEX-EU-AE" in text and "Reverse charge" in text


def test_what_is_missing_is_all_said_at_once_as_the_files_call_it() -> None:
    bare = shop(seller="country: DE\n", buyer="country: FR\n")
    bare.run(1)
    (issued,) = bare.close(NOVEMBER)
    with pytest.raises(Refused) as refused:
        ubl(bare.document(issued.id))
    assert refused.value.facts["missing"] == [
        "entity.details.street",
        "entity.details.city",
        "customer.details.street",
        "customer.details.city",
        "entity.tax_id",
    ]
    assert "rackrate apply -f FILE" in refused.value.detail


def test_no_document_of_reverse_charge_is_made_without_both_vat_ids() -> None:
    one_sided = shop("eu-reverse-charge")
    with one_sided.built.world.store.transaction() as tx:
        tx.put(replace(tx.get(Customer, CustomerId("robotics")), tax_id="SAMPLE"))
    one_sided.run(1)
    (issued,) = one_sided.close(NOVEMBER)
    with pytest.raises(Refused, match=r"missing: customer\.tax_id; under reverse charge"):
        one_sided.document(issued.id)


def test_a_document_says_who_they_were_when_it_was_issued() -> None:
    moved = shop()
    moved.run(1)
    (issued,) = moved.close(NOVEMBER)
    before = ubl(moved.document(issued.id))
    with moved.built.world.store.transaction() as tx:
        entity = tx.get(Entity, SELLER)
        details = replace(entity.details, street="Neue Straße 2", phone="+49 30 000000")
        tx.put(replace(entity, name="Renamed", details=details))
    after = moved.document(issued.id)
    assert after.seller.details.street == "Beispielstraße 1"
    # What was not known then is filled in.
    assert after.seller.details.phone == "+49 30 000000"
    without = replace(after.seller, details=replace(after.seller.details, phone=""))
    assert ubl(replace(after, seller=without)) == before


def test_whatever_a_price_is_for_its_line_multiplies_out() -> None:
    """Quantity times price by base quantity is the net amount, to the cent, of every line."""
    for kind, document in KINDS.items():
        for line in ElementTree.fromstring(ubl(document)):
            if not line.tag.endswith("Line"):
                continue
            found = {each.tag.removeprefix(CBC): each.text for each in line.iter()}
            quantity = found.get("InvoicedQuantity") or found.get("CreditedQuantity")
            assert quantity is not None, kind
            exact = Fraction(quantity) * Fraction(found["PriceAmount"] or "")
            exact /= Fraction(found.get("BaseQuantity") or 1)
            net = Fraction(found["LineExtensionAmount"] or "")
            assert abs(exact - net) <= Fraction(1, 100), (kind, found)
