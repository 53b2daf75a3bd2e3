"""Payments: money received, what it is allocated to, and what is left of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import CustomerId, EntityId, InvoiceId
from rackrate.core.invoice import Invoice, InvoiceKind, check_room
from rackrate.core.money import MOST_AMOUNT, Money, total

LONGEST_REFERENCE = 200


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in. `reference` is the payer's; `key` makes noting it twice once."""

    id: str
    key: str
    entity: EntityId
    customer: CustomerId
    at: datetime
    amount: Money
    reference: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """What of a payment or credit note, `source`, was used for an invoice; for none, paid back.

    Nothing is taken out again: a negative amount undoes the allocation that it names.
    """

    id: str
    entity: EntityId
    customer: CustomerId
    at: datetime
    source: str
    invoice: InvoiceId | None
    amount: Money
    undoes: str = ""
    reference: str = ""


Share = tuple[Invoice, Money]


def left_of(whole: Money, allocations: Iterable[Allocation]) -> Money:
    """What is not used yet."""
    return whole - total((each.amount for each in allocations), whole.currency)


def oldest_first(amount: Money, invoices: Iterable[Invoice]) -> list[Share]:
    """`amount` over what is open, in the order in which it was due; the rest is nobody's."""
    shares: list[Share] = []
    for invoice in sorted(invoices, key=lambda one: (one.due, one.id)):
        if invoice.open.minor <= 0 or invoice.open.currency != amount.currency:
            continue
        share = min(amount, invoice.open)
        if share:
            shares.append((invoice, share))
        amount = amount - share
    return shares


def as_named(amount: Money, named: Sequence[tuple[Invoice, Money | None]]) -> list[Share]:
    """`amount` over these, in this order; one without an amount takes what it can."""
    shares: list[Share] = []
    for invoice, wanted in named:
        if any(one.id == invoice.id for one, _ in shares):
            raise Refused(Reason.INVALID, f"{invoice.id} is named twice")
        share = wanted
        if share is None:
            fitting = amount.currency == invoice.gross.currency and invoice.open.minor > 0
            share = min(amount, invoice.open) if fitting and amount else amount
        check_room(invoice, share)
        if amount < share:
            raise Refused(
                Reason.TOO_MUCH_PAID,
                f"{amount} is left of the payment, less than {share} for {invoice.id}",
                {"left": str(amount.amount), "currency": amount.currency},
            )
        shares.append((invoice, share))
        amount = amount - share
    return shares


def is_again(
    named: Sequence[tuple[InvoiceId, Money | None]],
    at_once: Sequence[Allocation],
    later: Sequence[Allocation],
) -> bool:
    """Whether a payment that names these is one that was used so, `at_once` and maybe `later`."""
    asked = dict(named)
    used = {each.invoice: each.amount for each in (*later, *at_once)}
    return (
        len(asked) == len(named)
        and asked.keys() >= {each.invoice for each in at_once}
        and all(id in used and share in (None, used[id]) for id, share in named)
    )


def check_rest(rest: Money, named: Sequence[Invoice], keep: bool) -> None:
    """Refused where more came in than is open, unless what is over is kept for later."""
    if keep or rest.minor <= 0:
        return
    open = total((one.open for one in named), rest.currency)
    raise Refused(
        Reason.TOO_MUCH_PAID,
        f"{open} is open, {rest} less than was paid; keep the rest for later, or pay it back",
        {"open": str(open.amount), "rest": str(rest.amount), "currency": rest.currency},
    )


def check_received(amount: Money, currency: str, reference: str) -> None:
    if amount.currency != currency:
        raise Refused(Reason.INVALID, f"the customer pays in {currency}, not in {amount.currency}")
    if amount.minor <= 0:
        raise Refused(Reason.INVALID, f"a payment of {amount} is not positive")
    if amount.amount > MOST_AMOUNT:
        raise Refused(Reason.INVALID, f"a payment of {amount} is more than {MOST_AMOUNT:,}")
    if not 1 <= len(reference) <= LONGEST_REFERENCE or not reference.isprintable():
        raise Refused(
            Reason.INVALID, f"the payer's reference is one line of 1 to {LONGEST_REFERENCE} letters"
        )


def check_unused(what: str, left: Money, amount: Money) -> None:
    """Refused unless so much of a payment or credit note is not used yet."""
    if amount.currency != left.currency:
        raise Refused(Reason.INVALID, f"{what} is in {left.currency}, not in {amount.currency}")
    if amount.minor <= 0:
        raise Refused(Reason.INVALID, f"{amount} is not positive")
    if left < amount:
        raise Refused(
            Reason.TOO_MUCH_PAID,
            f"{left} of {what} is not used yet, less than {amount}",
            {"left": str(left.amount), "currency": left.currency},
        )


def paid_with(share: Share) -> Invoice:
    """The invoice after money was allocated to it."""
    invoice, amount = share
    check_room(invoice, amount)
    return replace(invoice, paid=invoice.paid + amount)


def released(invoice: Invoice, amount: Money) -> Invoice:
    """The invoice after money that was allocated to it is taken back."""
    assert amount <= invoice.paid, invoice
    return replace(invoice, paid=invoice.paid - amount)


def check_credit(credit: Invoice) -> None:
    if credit.kind is not InvoiceKind.CREDIT_NOTE:
        raise Refused(Reason.WRONG_STATE, f"{credit.id} is an invoice, and no credit note")
    if not credit.open:
        raise Refused(Reason.ALREADY_PAID, f"{credit.id} is used up")


def set_off(credit: Invoice, share: Share) -> tuple[Invoice, Invoice]:
    """(credit note, invoice) after a part of the one was used for the other."""
    invoice, amount = share
    check_room(invoice, amount)
    check_unused(credit.id, -credit.open, amount)
    return (
        replace(credit, credited=credit.credited - amount),
        replace(invoice, credited=invoice.credited + amount),
    )


def refunded(credit: Invoice, amount: Money) -> Invoice:
    """The credit note after a part of it was paid out."""
    check_credit(credit)
    check_unused(credit.id, -credit.open, amount)
    return replace(credit, paid=credit.paid - amount)
