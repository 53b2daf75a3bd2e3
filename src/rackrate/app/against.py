"""What was set against an invoice: money, credit notes, and what of either was taken back."""

from dataclasses import dataclass

from rackrate.app.payments import of_invoice
from rackrate.app.world import World, confine, reading
from rackrate.core.access import Actor, Verb
from rackrate.core.ids import InvoiceId
from rackrate.core.invoice import Invoice, InvoiceKind
from rackrate.core.payment import Allocation, Payment


@dataclass(frozen=True, slots=True)
class Settled:
    """What of a `payment` was used for an invoice; none: it is of a credit note."""

    allocation: Allocation
    payment: Payment | None


@dataclass(frozen=True, slots=True)
class Against:
    """What an invoice was settled by, or a credit note used for; and the credit notes for it."""

    settled: tuple[Settled, ...]
    credit_notes: tuple[Invoice, ...]


def against(world: World, actor: Actor, id: InvoiceId) -> Against:
    """In the order of time."""
    with reading(world, actor, Verb.INVOICE_READ, of_invoice(id)) as tx:
        confine(tx, actor)
        if tx.get(Invoice, id).kind is InvoiceKind.CREDIT_NOTE:
            used = tx.find(Allocation, source=id)
        else:
            used = tx.find(Allocation, invoice=id)
        used.sort(key=lambda each: (each.at, each.id))
        notes = tx.find(Invoice, credits=id)
        return Against(
            tuple(Settled(each, tx.peek(Payment, each.source)) for each in used),
            tuple(sorted(notes, key=lambda note: (note.issued, note.id))),
        )
