"""An invoice after EN 16931: its business terms, as UBL 2.1 and as Cross Industry Invoice."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from rackrate.app.documents import Document, Measured, check_stated
from rackrate.core.errors import Reason, Refused
from rackrate.core.invoice import InvoiceLine, Line
from rackrate.core.money import Money, digits, half_up
from rackrate.core.parties import Party
from rackrate.core.tax import TaxCategory, TaxPart, TaxRule, vat_id_of
from rackrate.exports.sheet import title_of
from rackrate.exports.words import Language, Words

INVOICE, CREDIT_NOTE = "380", "381"
CREDIT_TRANSFER, SEPA_TRANSFER = "30", "58"
SECOND, ONE = "SEC", "C62"
PRICE_PLACES = 10
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
    """The business terms (BT) and groups (BG) of EN 16931; Refused where one is not known.

    Amounts of a credit note are positive: it is its kind that turns them around.
    """
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
        "BG-25": [_line(document, each, say) for each in document.lines],
    }
    if invoice.credits is not None:
        said["BG-3"] = [{"BT-25": invoice.credits, "BT-26": document.credited_on}]
    return {name: _written(value) for name, value in said.items() if value not in ("", None)}


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


def _figure(document: Document, money: Money) -> str:
    return f"{(-money if document.credit else money).amount:f}"


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
    net, tax, gross = (_figure(document, m) for m in (invoice.net, invoice.tax, invoice.gross))
    booked = document.booked
    in_books = {}
    if booked is not None:
        in_books = {"BT-6": booked.tax.currency, "BT-111": _figure(document, booked.tax)}
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
        "BT-116": _figure(document, part.net),
        "BT-117": _figure(document, part.tax),
        "BT-118": rule.category.value,
        "BT-119": _percent(rule),
        "BT-120": rule.exemption,
        "BT-121": rule.exemption_code,
    }
    return {name: value for name, value in said.items() if value}


def _percent(rule: TaxRule) -> str:
    """What is outside the scope of VAT has no rate, not even none."""
    return "" if rule.category is TaxCategory.OUTSIDE_SCOPE else rule.percent


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


def _line(document: Document, each: InvoiceLine, say: Words) -> dict[str, Any]:
    line, rule = each.line, document.rule(each.line)
    sign = -1 if document.credit else 1
    said: dict[str, Any] = {
        "BT-126": str(each.place),
        "BT-131": _figure(document, line.net),
        "BT-134": document.day(line.during.start),
        "BT-135": document.last_day(line.during.end),
        "BT-151": rule.category.value,
        "BT-152": _percent(rule),
        "BT-153": title_of(line, say),
        "BT-154": line.description,
        "BT-155": line.sku or "",
    }
    measured = document.measured.get(each.place)
    if measured is None:
        back = line.net.minor * sign < 0
        said |= {"BT-129": "-1" if back else "1", "BT-130": ONE}
        said["BT-146"] = f"{abs(line.net.amount):f}"
    else:
        # All exact: seconds of slots, at the price of as many seconds as its unit has.
        said |= {"BT-129": f"{sign * measured.seconds:f}", "BT-130": SECOND}
        said |= {"BT-146": _net_price(document, measured, line), "BT-149": str(measured.bottom)}
    return {name: value for name, value in said.items() if value not in ("", None)}


def _net_price(document: Document, measured: Measured, line: Line) -> str:
    """The price without tax: to ten decimals where tax is inside it."""
    if line.gross is None:
        return f"{measured.top:f}"
    price = Fraction(measured.top) / (1 + Fraction(document.rule(line).rate))
    return f"{Decimal(half_up(price * 10**PRICE_PLACES)).scaleb(-PRICE_PLACES):f}"
