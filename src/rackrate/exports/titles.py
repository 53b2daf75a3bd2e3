"""What the lines of an invoice are for, in a few words, and why their amounts are what they are."""

from rackrate.core.invoice import Line, LineKind
from rackrate.core.lease import LeaseClass
from rackrate.core.pricing import ADDRESS, EGRESS, OF_A_SITE, STORAGE, Unit
from rackrate.exports.words import Words

CLASSES = {
    LeaseClass.CONTRACT: "contract",
    LeaseClass.FLEX: "flex",
    LeaseClass.ON_DEMAND: "on demand",
    LeaseClass.SPOT: "spot",
}
# Of what is of a site and a project: what it is, and in what it is measured.
OF_PROJECTS = {
    STORAGE: "Storage of {project}",
    ADDRESS: "Public addresses of {project}",
    EGRESS: "Egress of {project}",
}
MEASURED = {STORAGE: "GB-seconds", ADDRESS: "address-seconds", EGRESS: "bytes"}
SLOTS = "slot-seconds"
# Lines whose own description says more than their kind stand as they were written.
TITLES = {
    LineKind.PREPAYMENT: "Prepayment",
    LineKind.INSTALMENT: "Instalment",
    LineKind.FEE: "Fee for ending early",
    LineKind.CREDIT: "Upgrade credit",
    LineKind.DAMAGES: "Late delivery",
    LineKind.REFUND: "Prepayment returned",
    LineKind.SHORTFALL: "Missing to the minimum of use",
    LineKind.DRAWDOWN: "Paid by the prepaid balance",
    LineKind.CREDITED: "Credited before",
}
REASONS = {
    LineKind.CORRECTION: "Something was learnt after the month was closed: this is what should "
    "have been billed, less what was.",
    LineKind.PREPAYMENT: "A share of the whole contract, due at signature and drawn down month by "
    "month.",
    LineKind.INSTALMENT: "The month's share of the contract, less what the prepayment covers. Due "
    "whether the nodes are used or not.",
    LineKind.FEE: "The contract's fee for ending early: a share of the value that is not delivered "
    "any more.",
    LineKind.CREDIT: "Nodes were swapped for newer ones by the upgrade right: a share of what the "
    "old ones would still have cost.",
    LineKind.DAMAGES: "Nodes came after the day that they were due: the agreed share of their "
    "monthly amount for each day, up to the cap.",
    LineKind.REFUND: "What was prepaid and never drawn down, because less was delivered or used "
    "than was ordered.",
    LineKind.SHORTFALL: "The contract's minimum of use, less what was used of it. Due whether it "
    "is used or not.",
    LineKind.DRAWDOWN: "What was prepaid for use pays these lines, as far as it goes.",
    LineKind.CREDITED: "What a credit note has taken back of the month is not taken back again.",
}


def title_of(line: Line, say: Words) -> str:
    """What a line is for."""
    if line.kind in (LineKind.USAGE, LineKind.CORRECTION) and line.price:
        what = _used(line, say)
        if line.kind is LineKind.USAGE:
            return what
        return say("Correction of {month}: {what}", month=line.month, what=what)
    if line.kind is LineKind.CREDIT_NOTE and not say.english:
        return say("Credit of {what}", what=_credited(line, say))
    title = TITLES.get(line.kind)
    return line.description if title is None else say(title)


def measured_in(line: Line) -> str:
    return MEASURED[_item(line)] if line.sku is None else SLOTS


def _used(line: Line, say: Words) -> str:
    if line.sku and line.klass:
        return say("Lease of {sku}, {klass}", sku=line.sku, klass=say(CLASSES[line.klass]))
    return say(OF_PROJECTS[_item(line)], project=line.project or "")


def _item(line: Line) -> str:
    return OF_A_SITE.get(Unit(line.unit), STORAGE) if line.unit else STORAGE


def _credited(line: Line, say: Words) -> str:
    """By the cause of the line that a credit takes from; what somebody wrote stays as it is."""
    if line.klass:
        return _used(line, say)
    cause = line.credits.partition("/")[0]
    title = TITLES.get(LineKind(cause)) if cause in {kind.value for kind in LineKind} else None
    return line.description if title is None else say(title)
