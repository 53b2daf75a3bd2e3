"""What stands on the printed sheets of an invoice, as words and figures in one language."""

from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from rackrate.app.documents import MOST_EXPLAINED, Document, Stretch
from rackrate.core.currency import InvoiceRate
from rackrate.core.digital import Colour
from rackrate.core.interval import zone
from rackrate.core.invoice import InvoiceLine, Line, LineKind
from rackrate.core.money import Money, half_up
from rackrate.core.parties import Party
from rackrate.core.pricing import Price, Unit
from rackrate.core.tax import TaxRule
from rackrate.exports.titles import REASONS, TITLES, measured_in, title_of
from rackrate.exports.words import Language, Words

MOST_STRETCHES = 8
WIDE = Context(prec=80)
UNITS = {
    Unit.SLOT_SECOND: "slot-second",
    Unit.SLOT_HOUR: "slot-hour",
    Unit.GPU_SECOND: "GPU-second",
    Unit.GPU_HOUR: "GPU-hour",
    Unit.NODE_MONTH: "node-month",
    Unit.PFLOPS_MONTH: "PFLOPS-month",
    Unit.GB_MONTH: "GB-month",
    Unit.ADDRESS_HOUR: "address-hour",
    Unit.ADDRESS_MONTH: "address-month",
    Unit.EGRESS_GB: "GB of egress",
    Unit.EGRESS_GIB: "GiB of egress",
}
MONTHLY = frozenset({Unit.NODE_MONTH, Unit.PFLOPS_MONTH, Unit.GB_MONTH, Unit.ADDRESS_MONTH})
IN_THOUSANDTHS = frozenset(UNITS) - MONTHLY


def sheet(document: Document, language: Language) -> dict[str, Any]:
    """All texts of the document, laid out by one template in every language."""
    say = Words(language)
    invoice = document.invoice
    kind = say("Credit note") if document.credit else say("Invoice")
    shown = Figures(document.credit)
    return {
        "language": language.value,
        "title": kind,
        "number": invoice.id,
        "about": f"{kind} {invoice.id}, {document.seller.legal_name}",
        "author": document.seller.legal_name,
        "sample": _sample(document, say),
        "void": say("Void: nothing of it is owed") if invoice.voided is not None else "",
        "stamp": say("SAMPLE") if document.sample else say("VOID"),
        "seller": _party(document.seller, say("Seller"), say),
        "buyer": _party(document.buyer, say("Buyer"), say),
        "facts": _facts(document, say),
        "heads": _heads(document, say),
        "rows": [_row(document, each, shown, say) for each in document.lines],
        "sums": [
            [say("Net"), shown.money(invoice.net)],
            *([_tax_name(rule, say), shown.money(part.tax)] for rule, part in document.parts),
        ],
        "total": [
            say("Credited, with VAT") if document.credit else say("Amount due"),
            f"{shown.money(invoice.gross)} {invoice.gross.currency}",
        ],
        "tax": _tax(document, shown, say),
        "pay": _pay(document, say),
        "note": document.seller.details.note,
        "annex": _annex(document, shown, say),
        "foot": _foot(document, say),
        "page": say("Page"),
    }


class Figures:
    """Figures of one document; those of a credit note without the minus that it is."""

    def __init__(self, credit: bool) -> None:
        self.sign = -1 if credit else 1

    def money(self, money: Money) -> str:
        return f"{self.sign * money.amount:,}"

    def quantity(self, exact: Fraction, places: int = 3) -> str:
        return _rounded(self.sign * exact, places)


def _heads(document: Document, say: Words) -> list[str]:
    heads = [say("No."), say("Description"), say("Quantity"), say("Unit price"), say("VAT")]
    return [*heads, say("Net, {currency}", currency=document.invoice.net.currency)]


def _row(document: Document, each: InvoiceLine, shown: Figures, say: Words) -> dict[str, str]:
    line, measured = each.line, document.measured.get(each.place)
    first, last = document.day(line.during.start), document.last_day(line.during.end)
    below = [line.lease or line.contract or "", f"{first} – {last}" if first < last else str(first)]
    if line.kind in TITLES or line.sku is None:
        # That of an instalment is figures and names, which need no words.
        said = say.english or line.kind is LineKind.INSTALMENT
        below.insert(0, line.description if said else line.sku or "")
    if line.drawn:
        below.append(_prepaid(line, line.drawn, shown, say))
    if each.place in document.tax_codes:
        below.append(say("Tax class {code}", code=document.tax_codes[each.place]))
    if measured is None:
        quantity, unit, price = shown_one(line, shown), "", f"{abs(line.asked.amount):,}"
    else:
        places = 3 if measured.price.unit in IN_THOUSANDTHS else 6
        quantity = shown.quantity(measured.quantity, places)
        unit, price = unit_of(measured.price, say), priced(measured.price.amount)
    return {
        "place": str(each.place),
        "title": title_of(line, say),
        "below": " · ".join(text for text in below if text),
        "quantity": quantity,
        "unit": unit,
        "price": price,
        "inside": say("VAT inside") if line.gross is not None and line.gross != line.net else "",
        "rate": f"{document.rule(line).percent}%",
        "net": shown.money(line.net),
    }


def _prepaid(line: Line, drawn: Money, shown: Figures, say: Words) -> str:
    """What of an instalment was prepaid, without tax as its net amount."""
    whole, less = shown.money(line.net + drawn), shown.money(drawn)
    return say("{whole} less {drawn} prepaid, net", whole=whole, drawn=less)


def unit_of(price: Price, say: Words) -> str:
    """What a price is for, in words."""
    word = say(UNITS[price.unit])
    if price.unit not in MONTHLY:
        return word
    if price.month_hours:
        return say("{unit} of {hours} h", unit=word, hours=price.month_hours)
    return say("calendar {unit}", unit=word)


def priced(amount: Decimal) -> str:
    """With every decimal that it has, and at least two."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{amount.quantize(Decimal(1).scaleb(-places), context=WIDE):,f}"


def shown_one(line: Line, shown: Figures) -> str:
    """One piece; less than none where the line takes something back."""
    return "1" if shown.sign * line.asked.minor >= 0 else "-1"


def _party(party: Party, label: str, say: Words) -> dict[str, Any]:
    details = party.details
    place = " ".join(text for text in (details.postcode, details.city) if text)
    lines = [details.street, place, details.region, party.country]
    lines += [say("Tax id: {id}", id=party.tax_id)] if party.tax_id else []
    lines += [say("Register: {id}", id=details.registration)] if details.registration else []
    reached = [details.contact, details.phone, details.email]
    lines.append(" · ".join(text for text in reached if text))
    trading = party.name if party.name != party.legal_name else ""
    return {
        "label": label,
        "name": party.legal_name,
        "lines": [text for text in (trading, *lines) if text],
    }


def _facts(document: Document, say: Words) -> list[list[str]]:
    invoice, period = document.invoice, document.period
    facts = [[say("Number"), invoice.id], [say("Issued"), str(document.issued)]]
    if not document.credit:
        facts.append([say("Due"), str(document.due)])
    if period is not None:
        facts.append([say("For"), f"{period[0]} – {period[1]}"])
    if invoice.purchase_order:
        facts.append([say("Purchase order"), invoice.purchase_order])
    if document.buyer.details.reference:
        facts.append([say("Your reference"), document.buyer.details.reference])
    if document.contracts:
        facts.append([say("Contract"), ", ".join(document.contracts)])
    if invoice.project is not None:
        facts.append([say("Project"), invoice.project])
    if document.booked is not None:
        facts += _booked(document, document.booked, say)
    for issued in document.digital:
        red = issued.colour is Colour.RED
        said = say("{number}, takes back {blue}", number=issued.number, blue=issued.red_of)
        facts.append([say("Digital invoice"), said if red else issued.number])
    if invoice.credits is not None:
        facts.append([say("Credits invoice"), f"{invoice.credits}, {document.credited_on}"])
        facts += [[say("Reason"), invoice.reason]] if invoice.reason else []
    return facts


def _booked(document: Document, at: InvoiceRate, say: Words) -> list[list[str]]:
    """The tax in the currency in which it is declared, and at which rate that is."""
    currency, target = document.invoice.gross.currency, at.tax.currency
    rate = f"1 {currency} = {at.rate:f} {target}, {document.day(at.effective)}, {at.source}"
    tax = f"{Figures(document.credit).money(at.tax)} {target}"
    return [[say("VAT in {currency}", currency=target), tax], [say("Exchange rate"), rate]]


def _tax(document: Document, shown: Figures, say: Words) -> dict[str, Any]:
    """A row for each rate, and the sentences that the law wants where there is none."""
    notes = [say(rule.exemption) for rule, _ in document.parts if rule.exemption]
    return {
        "title": say("VAT summary"),
        "heads": [say("Category"), say("Rate"), say("Taxable"), say("VAT")],
        "rows": [
            [
                rule.category.value,
                f"{rule.percent}%",
                shown.money(part.net),
                shown.money(part.tax),
            ]
            for rule, part in document.parts
        ],
        "note": " · ".join(notes),
    }


def _sample(document: Document, say: Words) -> str:
    if not document.sample:
        return ""
    return say("SAMPLE. The machines are simulated: nobody owes this, and it is not to be paid.")


def _tax_name(rule: TaxRule, say: Words) -> str:
    return say(rule.name) if say.knows(rule.name) else say("VAT {percent}%", percent=rule.percent)


def _pay(document: Document, say: Words) -> dict[str, Any]:
    """How to pay: to which account, until when, and what to write with it."""
    details, invoice = document.seller.details, document.invoice
    rows: list[list[str]] = []
    if document.credit:
        note = say("Set off against other invoices, or paid back.")
    elif details.account:
        rows = [
            [say("Pay to"), document.seller.legal_name],
            [say("Bank"), details.bank],
            [say("Account"), details.account],
            ["BIC", details.bic],
            [say("Reference"), invoice.id],
        ]
        note = say("Until {day}.", day=document.due)
    else:
        note = say(
            "Until {day}, as agreed with the seller. Name the number {number} with the payment.",
            day=document.due,
            number=invoice.id,
        )
    return {"title": say("Payment"), "rows": [row for row in rows if row[1]], "note": note}


def _foot(document: Document, say: Words) -> str:
    party = document.seller
    said = [party.legal_name, say("Tax id: {id}", id=party.tax_id) if party.tax_id else ""]
    if party.country == "CN":
        said.append(say("This is a bill, and no invoice issued by a Chinese tax authority"))
    return " · ".join(text for text in said if text)


def _annex(document: Document, shown: Figures, say: Words) -> dict[str, Any]:
    """Why each amount is what it is."""
    rest = len(document.lines) > MOST_EXPLAINED
    return {
        "title": say("Annex: why these amounts"),
        "intro": say(
            "Times are those of {zone}. Use is measured to the second and rounded once, on the "
            "line.",
            zone=document.time_zone,
        ),
        "items": [_why(document, each, shown, say) for each in document.lines[:MOST_EXPLAINED]],
        "rest": say(
            "The first {count} lines are explained here. The CSV has all of them.",
            count=MOST_EXPLAINED,
        )
        if rest
        else "",
    }


def _why(document: Document, each: InvoiceLine, shown: Figures, say: Words) -> dict[str, Any]:
    line, measured = each.line, document.measured.get(each.place)
    said = [say(REASONS[line.kind])] if line.kind in REASONS else []
    formula = ""
    if measured is not None:
        formula = say(
            "{seconds} {what} × {price} {currency} ÷ {base} = {exact}, rounded {amount}",
            seconds=shown.quantity(Fraction(measured.seconds), 0),
            what=say(measured_in(line)),
            price=priced(measured.top),
            currency=line.net.currency,
            base=f"{measured.bottom:,}",
            exact=shown.quantity(measured.exact, 6),
            amount=shown.money(line.asked),
        )
        if measured.price.basis:
            said.append(measured.price.basis)
    if line.gross is not None and line.gross != line.net:
        said.append(
            say(
                "{gross} has the VAT inside: {net} without it.",
                gross=shown.money(line.gross),
                net=shown.money(line.net),
            )
        )
    stretches = document.stretches.get(each.place, ())
    return {
        "place": str(each.place),
        "title": title_of(line, say),
        "net": shown.money(line.net),
        "formula": formula,
        "said": said,
        "stretches": [_stretch(document, one, say) for one in stretches[:MOST_STRETCHES]],
        "more": say("and {count} more", count=len(stretches) - MOST_STRETCHES)
        if len(stretches) > MOST_STRETCHES
        else "",
    }


def _stretch(document: Document, stretch: Stretch, say: Words) -> str:
    here = zone(document.time_zone)
    start, end = (at.astimezone(here) for at in (stretch.during.start, stretch.during.end))
    return say(
        "{start} to {end}: {seconds} s × {slots} slots",
        start=f"{start:%Y-%m-%d %H:%M:%S}",
        end=f"{end:%Y-%m-%d %H:%M:%S}",
        seconds=f"{stretch.during.seconds:,}",
        slots=stretch.slots,
    )


def _rounded(exact: Fraction, places: int) -> str:
    return f"{Decimal(half_up(exact * 10**places)).scaleb(-places):,}"
