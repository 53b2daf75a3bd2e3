"""An invoice after EN 16931: its business terms, as UBL 2.1 and as Cross Industry Invoice."""

from typing import Any

from rackrate.app.documents import Document, check_stated
from rackrate.core.errors import Reason, Refused
from rackrate.core.money import digits
from rackrate.core.parties import Party
from rackrate.core.tax import TaxPart, TaxRule, vat_id_of
from rackrate.exports.line_terms import figure, lines
from rackrate.exports.words import Language, Words

INVOICE, CREDIT_NOTE = "380", "381"
CREDIT_TRANSFER, SEPA_TRANSFER = "30", "58"
MOST_DIGITS = 2


def ubl(document: Document) -> bytes:
    """As UBL 2.1, Invoice or CreditNote. What is made is valid against the schema of OASIS."""
    # What writes it takes a while to load, and no other request needs it.
    from facturx import generate_ubl_xml

    made: bytes = generate_ubl_xml(terms(document), level="en16931", check_schematron=None)
    return made


def cii(document: Document) -> bytes:
    """As Cross Industry Invoice, which Factur-X carries inside a PDF."""
    from facturx import generate_cii_xml

    # It has a part for the delivery that must be there, and must not be empty.
    delivered = {"BG-13": {"name": document.buyer.legal_name}}
    made: bytes = generate_cii_xml(
        terms(document) | delivered, level="en16931", check_schematron=None
    )
    return made


def terms(document: Document) -> dict[str, Any]:
    """The business terms (BT) and groups (BG) of EN 16931; Refused where one is not known."""
    check_stated(document)
    invoice, say = document.invoice, Words(Language.EN)
    currency = invoice.gross.currency
    if digits(currency) > MOST_DIGITS:
        raise Refused(
            Reason.INVALID, f"an electronic invoice has two decimals, and {currency} three"
        )
    said: dict[str, Any] = {
        "BT-1": invoice.id,
        "BT-2": document.issued,
        "BT-3": CREDIT_NOTE if document.credit else INVOICE,
        "BT-5": currency,
        "BT-9": document.due,
        "BT-10": document.buyer.details.reference,
        "BT-12": document.contracts[0] if len(document.contracts) == 1 else "",
        "BT-13": invoice.purchase_order,
        "BG-1": _notes(document, say),
        "BG-4": _seller(document),
        "BG-7": _buyer(document),
        **_period(document),
        **_payment(document, say),
        **_sums(document),
        "BG-3": [{"BT-25": id, "BT-26": day} for id, day in document.preceding],
        "BG-25": lines(document, say),
    }
    return {name: _written(value) for name, value in said.items() if value not in ("", None, [])}


def _written(value: Any) -> Any:
    """As XML can have it: no control characters in what somebody once wrote."""
    match value:
        case str():
            return "".join(sign if sign.isprintable() else " " for sign in value)
        case list():
            return [_written(each) for each in value]
        case dict():
            return {name: _written(each) for name, each in value.items()}
        case _:
            return value


def _notes(document: Document, say: Words) -> list[dict[str, str]]:
    notes = []
    if document.sample:
        notes.append(
            say("SAMPLE. The machines are simulated: nobody owes this, and it is not to be paid.")
        )
    if document.seller.details.note:
        notes.append(document.seller.details.note)
    if document.invoice.reason:
        notes.append(document.invoice.reason)
    return [{"BT-22": note} for note in notes]


def _period(document: Document) -> dict[str, Any]:
    period = document.period
    return {} if period is None else {"BT-73": period[0], "BT-74": period[1]}


def _payment(document: Document, say: Words) -> dict[str, Any]:
    details = document.seller.details
    if document.credit:
        return {"BT-20": say("Set off against other invoices, or paid back.")}
    if not details.account:
        return {}
    sepa = document.invoice.gross.currency == "EUR" and details.iban[:2].isalpha()
    return {
        "BT-81": SEPA_TRANSFER if sepa else CREDIT_TRANSFER,
        "BT-83": document.invoice.id,
        "BT-84": details.iban,
        "BT-85": document.seller.legal_name,
        "BT-86": details.bic,
    }


def _sums(document: Document) -> dict[str, Any]:
    invoice = document.invoice
    net, tax, gross = (figure(document, m) for m in (invoice.net, invoice.tax, invoice.gross))
    booked = document.booked
    in_books = {}
    if booked is not None:
        in_books = {"BT-6": booked.tax.currency, "BT-111": figure(document, booked.tax)}
    return {
        **in_books,
        "BT-106": net,
        "BT-109": net,
        "BT-110": tax,
        "BT-112": gross,
        "BT-115": gross,
        "BG-23": [_part(document, rule, part) for rule, part in document.parts],
    }


def _part(document: Document, rule: TaxRule, part: TaxPart) -> dict[str, str]:
    """What of it is under one rule."""
    said = {
        "BT-116": figure(document, part.net),
        "BT-117": figure(document, part.tax),
        "BT-118": rule.category.value,
        "BT-119": "" if document.outside else rule.percent,
        "BT-120": rule.exemption,
        "BT-121": rule.exemption_code,
    }
    return {name: value for name, value in said.items() if value}


def _seller(document: Document) -> dict[str, Any]:
    """The seller. A tax id with no country before it is one (BT-32), and no VAT id (BT-31)."""
    party = document.seller
    vat_id = vat_id_of(party.tax_id, party.country)
    said = _party(party)
    if not document.outside:
        said |= {"vat_identifier": vat_id} if vat_id else {"tax_identifier": party.tax_id}
    number = party.details.registration or ("" if vat_id else party.tax_id)
    if number:
        said["legal_identifier"] = number
    else:
        said["identifiers"] = {None: document.invoice.entity}
    return said


def _buyer(document: Document) -> dict[str, Any]:
    party = document.buyer
    vat_id = vat_id_of(party.tax_id, party.country)
    said = _party(party)
    if vat_id and not document.outside:
        said["vat_identifier"] = vat_id
    number = party.details.registration or ("" if vat_id else party.tax_id)
    if number:
        said["legal_identifier"] = number
    return said


def _party(party: Party) -> dict[str, Any]:
    details = party.details
    said: dict[str, Any] = {
        "name": party.legal_name,
        "biz_name": party.name if party.name != party.legal_name else "",
        "addr_l1": details.street,
        "city": details.city,
        "postcode": details.postcode,
        "country_subdivision": details.region,
        "country_code": party.country,
    }
    contact = {"name": details.contact, "phone": details.phone, "email": details.email}
    if any(contact.values()):
        said["contacts"] = [{name: value for name, value in contact.items() if value}]
    return {name: value for name, value in said.items() if value}
