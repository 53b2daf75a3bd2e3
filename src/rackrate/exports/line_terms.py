"""The lines of an invoice as EN 16931 has them: each quantity times its price is the net amount."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from rackrate.app.documents import Document, Measured
from rackrate.core.invoice import InvoiceLine, Line, LineKind
from rackrate.core.money import Money, half_up
from rackrate.core.pricing import BYTES, Unit
from rackrate.exports.titles import title_of
from rackrate.exports.words import Words

# Of Recommendation 20 of the United Nations; EN 16931 knows all of it.
ONE, SECOND, BYTE, MONTH = "C62", "SEC", "AD", "MON"
UNITS = {
    Unit.SLOT_HOUR: "HUR",
    Unit.GPU_HOUR: "HUR",
    Unit.ADDRESS_HOUR: "HUR",
    Unit.NODE_MONTH: MONTH,
    Unit.PFLOPS_MONTH: MONTH,
    Unit.ADDRESS_MONTH: MONTH,
    Unit.EGRESS_GB: "E34",
    Unit.EGRESS_GIB: "E62",
}
QUANTITY_PLACES, PRICE_PLACES = 6, 10
# The place of a drawdown behind that of its instalment: 2.1 after 2.
DRAWN = ".1"


def lines(document: Document, say: Words) -> list[dict[str, Any]]:
    """All of them, in order; they add up to the invoice."""
    return [line for each in document.lines for line in _of(document, each, say)]


def figure(document: Document, money: Money) -> str:
    """Amounts of a credit note are positive: it is its kind that turns them around."""
    return f"{(-money if document.credit else money).amount:f}"


def percent(document: Document, line: Line) -> str:
    """What is outside the scope of VAT has no rate, not even none."""
    return "" if document.outside else document.rule(line).percent


def _of(document: Document, each: InvoiceLine, say: Words) -> Iterator[dict[str, Any]]:
    """A line; of an instalment that was prepaid in part, all of it and what is drawn down."""
    line = each.line
    drawn = line.drawn or Money.zero(line.net.currency)
    yield _filled(_line(document, each, line.net + drawn, say))
    if drawn:
        less = _line(document, each, -drawn, say)
        less |= {"BT-126": f"{each.place}{DRAWN}", "BT-153": "Prepayment, drawn down"}
        yield _filled(less)


def _line(document: Document, each: InvoiceLine, net: Money, say: Words) -> dict[str, Any]:
    line, sign = each.line, -1 if document.credit else 1
    said: dict[str, Any] = {
        "BT-126": str(each.place),
        "BT-131": figure(document, net),
        "BT-134": document.day(line.during.start),
        "BT-135": document.last_day(line.during.end),
        "BT-151": document.rule(line).category.value,
        "BT-152": percent(document, line),
        "BT-153": title_of(line, say),
        "BT-154": line.description,
        "BT-155": line.sku or "",
    }
    measured = document.measured.get(each.place)
    if measured is not None:
        return said | _measured(document, measured, line, sign)
    back = net.minor * sign < 0
    said |= {"BT-129": "-1" if back else "1", "BT-130": ONE, "BT-146": f"{abs(net.amount):f}"}
    whole = line.during == line.month.interval(document.time_zone)
    if line.kind is LineKind.INSTALMENT and whole:
        said["BT-130"] = MONTH
    return said


def _measured(document: Document, measured: Measured, line: Line, sign: int) -> dict[str, Any]:
    """In the units of the price, where that is exact; else in seconds or bytes, at the price of as
    many of them as its unit has, which always is.
    """
    unit, exact = measured.price.unit, measured.quantity * 10**QUANTITY_PLACES
    if unit in UNITS and exact.denominator == 1:
        quantity = Decimal(sign * exact.numerator).scaleb(-QUANTITY_PLACES)
        return {
            "BT-129": _plain(quantity),
            "BT-130": UNITS[unit],
            "BT-146": _price(document, measured.price.amount, line),
        }
    return {
        "BT-129": f"{sign * measured.seconds:f}",
        "BT-130": BYTE if unit in BYTES else SECOND,
        "BT-146": _price(document, measured.top, line),
        "BT-149": str(measured.bottom),
    }


def _plain(quantity: Decimal) -> str:
    """Without decimals that say nothing."""
    return f"{quantity.normalize():f}"


def _price(document: Document, asked: Decimal, line: Line) -> str:
    """The price without tax: to ten decimals where tax is inside it."""
    if line.gross is None:
        return f"{asked:f}"
    price = Fraction(asked) / (1 + Fraction(document.rule(line).rate))
    return f"{Decimal(half_up(price * 10**PRICE_PLACES)).scaleb(-PRICE_PLACES):f}"


def _filled(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value not in ("", None)}
