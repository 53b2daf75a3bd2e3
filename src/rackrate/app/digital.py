"""Digital invoices: asked of a tax authority's channel, kept with their number and file."""

import base64
from dataclasses import replace

from rackrate.app.documents import Document, document
from rackrate.app.ports import IssuanceChannel, Tx
from rackrate.app.world import Locate, World, acting, owned, reading
from rackrate.core.access import Actor, Verb
from rackrate.core.digital import DigitalInvoice, Item, Order, to_issue
from rackrate.core.errors import Reason, Refused, Unavailable
from rackrate.core.ids import InvoiceId
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice


def issue(world: World, actor: Actor, id: InvoiceId) -> DigitalInvoice:
    """Ask the channel for an invoice's digital one, or for the red letter of a credit note.

    What is asked is written down first, the channel answers outside of any transaction, and its
    answer is written down then: asked again at any point, it goes on from there.
    """
    with acting(world, actor, Verb.INVOICE_WRITE, _owner(id)) as tx:
        found = document(world, actor, id)
        channel = _channel(world, tx.get(Entity, found.invoice.entity))
        tx.number(f"digital/{id}")
        known = _known(tx, found.invoice)
        asked = to_issue(found.invoice, known, channel.name, world.clock.now())
        tx.put(asked)
    if asked.number:
        return asked
    answer = channel.issue(_order(found, asked))
    if answer is None:
        return asked
    with acting(world, actor, Verb.INVOICE_WRITE, _owner(id)) as tx:
        file = base64.b64encode(answer.content).decode("ascii")
        now = world.clock.now()
        before = tx.get(DigitalInvoice, asked.id)
        issued = before.answered(answer.number, now, answer.media, file)
        tx.put(issued)
        return issued


def of_invoice(world: World, actor: Actor, id: InvoiceId) -> list[DigitalInvoice]:
    """What was asked for an invoice: the blue one, and the red one that takes it back."""
    with reading(world, actor, Verb.INVOICE_READ, _owner(id)) as tx:
        return tx.find(DigitalInvoice, invoice=id)


def _channel(world: World, entity: Entity) -> IssuanceChannel:
    if not entity.channel:
        raise Refused(
            Reason.NOT_STATED,
            f"missing: entity.digital_invoices; {entity.id} has no channel that issues them. Write "
            "digital_invoices: simulated into its file to try one, and: rackrate apply -f FILE",
            {"missing": ["entity.digital_invoices"]},
        )
    channel = world.channels.get(entity.channel)
    if channel is None:
        raise Unavailable(f"the channel {entity.channel!r} of {entity.id} is not connected")
    return channel


def _known(tx: Tx, invoice: Invoice) -> list[DigitalInvoice]:
    known = tx.find(DigitalInvoice, invoice=invoice.id)
    return known + (tx.find(DigitalInvoice, invoice=invoice.credits) if invoice.credits else [])


def _order(found: Document, asked: DigitalInvoice) -> Order:
    items = [
        Item(
            each.line.description,
            each.line.net,
            tax,
            found.rule(each.line),
            found.tax_codes.get(each.place, ""),
        )
        for each, tax in zip(found.lines, found.taxes, strict=True)
    ]
    if found.invoice.voided is not None:
        # It is taken back as a whole; a credit note's own lines are negative already.
        items = [replace(each, net=-each.net, tax=-each.tax) for each in items]
    return Order(
        asked.id,
        asked.colour,
        asked.red_of,
        found.invoice.id,
        found.seller,
        found.buyer,
        tuple(items),
        found.sample,
    )


def _owner(id: InvoiceId) -> Locate:
    return owned("invoice", Invoice, id)
