"""How the lines of an invoice are said and coloured, and what is more of than the month before."""

from collections.abc import Sequence
from dataclasses import dataclass

from rackrate.core.invoice import InvoiceLine, LineKind
from rackrate.core.money import Money
from rackrate.core.tax import TaxPart, tax_rule
from rackrate.portal.messages import msg

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


def compared(lines: Sequence[InvoiceLine], before: Sequence[InvoiceLine]) -> list[Change]:
    """Kind by kind, this invoice against the one before."""
    if not lines and not before:
        return []
    zero = Money.zero((lines or before)[0].line.net.currency)
    changes = []
    for kind in LineKind:
        now, then = zero, zero
        for line in lines:
            now = now + line.line.net if line.line.kind is kind else now
        for line in before:
            then = then + line.line.net if line.line.kind is kind else then
        if now or then:
            changes.append(Change(KINDS[kind], FILLS[kind], now, then))
    return changes
