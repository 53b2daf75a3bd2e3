"""What the books of before have done of a contract, as the first entry of these."""

from collections.abc import Iterable
from datetime import datetime

from rackrate.core.contract import Contract, Schedule
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import CustomerId, EntryId
from rackrate.core.instalment import Earned
from rackrate.core.interval import Month
from rackrate.core.invoice import Invoice, Line
from rackrate.core.ledger import Account, Entry, transfer
from rackrate.core.money import Money, total


def prepayment_left(plan: Schedule, invoiced: Month) -> Money:
    """What of the prepayment the instalments up to `invoiced` have not drawn down."""
    drawn = (each.drawdown for each in plan.instalments if each.month <= invoiced)
    return plan.prepayment - total(drawn, plan.prepayment.currency)


def check_opening(contract: Contract, plan: Schedule, now: Month) -> None:
    """Refused where what the old books say does not follow from the contract itself."""
    opening = contract.opening
    assert opening is not None
    if not contract.terms.payment.usual_rhythm:
        raise Refused(
            Reason.INVALID,
            f"{contract.id} ran before these books: taken over are contracts whose instalments are "
            f"invoiced every month, in advance; this one's are {contract.terms.payment}",
        )
    if opening.earned >= now:
        raise Refused(
            Reason.INVALID, f"{opening.earned} is not over: {now.plus(-1)} is the last earned month"
        )
    left = prepayment_left(plan, opening.invoiced)
    if left != opening.prepayment_left:
        raise Refused(
            Reason.INVALID,
            f"the balances do not add up: of a prepayment of {plan.prepayment}, instalments up to "
            f"{opening.invoiced} leave {left}, not {opening.prepayment_left}",
            {"prepayment_left": str(left.amount), "currency": left.currency},
        )


def liability_taken_over(
    contract: Contract, lines: Iterable[Line], months: Iterable[Earned], at: datetime
) -> Entry | None:
    """Dr opening balances, Cr contract liability: invoiced before, and not earned before.

    None where the two are equal.
    """
    opening = contract.opening
    assert opening is not None
    invoiced = total((line.net for line in lines), contract.currency)
    done = (each.amount for each in months if each.month <= opening.earned)
    owed = invoiced - total(done, contract.currency)
    if not owed:
        return None
    return Entry(
        EntryId(f"opening/{contract.id}"),
        contract.entity,
        at,
        f"Opening balance of {contract.id}: invoiced up to {opening.invoiced}, "
        f"earned up to {opening.earned}",
        transfer(Account.OPENING, Account.CONTRACT_LIABILITY, owed, contract.customer),
    )


def receivable_taken_over(invoice: Invoice, at: datetime) -> Entry:
    """Dr receivable, Cr opening balances: what is open of an invoice of the old books."""
    customer: CustomerId = invoice.customer
    return Entry(
        EntryId(f"opening/{invoice.id}"),
        invoice.entity,
        at,
        f"Opening balance of invoice {invoice.id}",
        transfer(Account.RECEIVABLE, Account.OPENING, invoice.open, customer),
    )
