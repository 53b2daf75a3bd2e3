"""How the lines of an invoice are said and coloured, and what is more of than the month before."""

from collections.abc import Sequence
from dataclasses import dataclass

from rackrate.core.invoice import InvoiceLine, Line, LineKind
from rackrate.core.money import Money
from rackrate.core.pricing import OF_A_SITE, Unit
from rackrate.core.tax import TaxPart, tax_rule
from rackrate.portal.lease_view import CLASS_NAMES
from rackrate.portal.messages import msg
from rackrate.portal.price_view import ITEM_NAMES

KINDS = {
    LineKind.USAGE: msg("On demand"),
    LineKind.CORRECTION: msg("Correction"),
    LineKind.PREPAYMENT: msg("Prepayment"),
    LineKind.INSTALMENT: msg("Instalment"),
    LineKind.FEE: msg("Fee for ending early"),
    LineKind.CREDIT: msg("Upgrade credit"),
    LineKind.DAMAGES: msg("Late delivery"),
    LineKind.REFUND: msg("Prepayment returned"),
    LineKind.OPENING: msg("From the books before"),
    LineKind.MANUAL: msg("Written by hand"),
    LineKind.INTEREST: msg("Interest for late payment"),
    LineKind.CREDIT_NOTE: msg("Credit"),
    LineKind.SHORTFALL: msg("Missing to a minimum of use"),
    LineKind.DRAWDOWN: msg("Paid by a prepaid balance"),
    LineKind.CREDITED: msg("Credited before"),
}
FILLS = {
    LineKind.USAGE: "on_demand",
    LineKind.CORRECTION: "repair",
    LineKind.PREPAYMENT: "flex",
    LineKind.INSTALMENT: "contract",
    LineKind.FEE: "contract",
    LineKind.CREDIT: "flex",
    LineKind.DAMAGES: "repair",
    LineKind.REFUND: "flex",
    LineKind.OPENING: "contract",
    LineKind.MANUAL: "flex",
    LineKind.INTEREST: "repair",
    LineKind.CREDIT_NOTE: "repair",
    LineKind.SHORTFALL: "contract",
    LineKind.DRAWDOWN: "flex",
    LineKind.CREDITED: "repair",
}


@dataclass(frozen=True, slots=True)
class Change:
    """How much more of one kind there is than on the invoice before, net of tax."""

    name: str
    fill: str
    now: Money
    before: Money

    @property
    def more(self) -> Money:
        return self.now - self.before


def taxes_of(parts: Sequence[TaxPart]) -> list[tuple[str, TaxPart]]:
    """The rate of each rule in percent, with what is under it."""
    return [(tax_rule(part.rule).percent, part) for part in parts]


def name_of(line: Line) -> str:
    """Use by its class, or by what it is of; the rest by its kind."""
    if line.kind is LineKind.USAGE:
        if line.klass is not None:
            return CLASS_NAMES[line.klass]
        return ITEM_NAMES.get(OF_A_SITE.get(Unit(line.unit), ""), KINDS[line.kind])
    return KINDS[line.kind]


def fill_of(line: Line) -> str:
    """The colour of its class where it has one."""
    if line.kind is LineKind.USAGE:
        return "free" if line.klass is None else line.klass.value
    return FILLS[line.kind]


def compared(lines: Sequence[InvoiceLine], before: Sequence[InvoiceLine]) -> list[Change]:
    """By what they are called, this invoice against the one before."""
    if not lines and not before:
        return []
    zero = Money.zero((lines or before)[0].line.net.currency)
    sums: dict[tuple[str, str], tuple[Money, Money]] = {}
    for now, each in (*((True, one) for one in lines), *((False, one) for one in before)):
        key, net = (name_of(each.line), fill_of(each.line)), each.line.net
        known = sums.get(key, (zero, zero))
        sums[key] = (known[0] + net, known[1]) if now else (known[0], known[1] + net)
    return [Change(*key, *amounts) for key, amounts in sums.items() if any(amounts)]
