"""Receivables: payments and their allocation, credits, open items, ageing, reminders."""

from fastapi import APIRouter
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Call, Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.money import Invoice
from rackrate.api.schemas.parts import Page
from rackrate.api.schemas.receivables import (
    AgeingTable,
    AllocateRequest,
    Allocation,
    Dispute,
    DisputeRequest,
    DueReminder,
    OpenItem,
    PayBackRequest,
    Received,
    ReceivedRequest,
    ReleaseRequest,
    Reminders,
    named,
)
from rackrate.app import books, payments, receivables
from rackrate.core.ids import CustomerId, EntityId, InvoiceId

router = APIRouter(route_class=ThreadRoute)
INVOICES: Tags = ["invoices"]
RECEIVABLES: Tags = ["receivables"]


@router.get(
    "/payments",
    response_model=Page[Received],
    responses=READS,
    tags=RECEIVABLES,
    summary="Payments, the newest first",
)
def list_payments(call: Caller, window: Windowed, customer: Named = None) -> Response:
    whose = None if customer is None else CustomerId(customer)
    found = payments.find(call.world, call.actor, whose, window.after, window.probe)
    return call.answer(window.page(found, Received.of, lambda held: held.payment.id))


@router.post(
    "/payments",
    status_code=201,
    response_model=Received,
    responses=WRITES,
    tags=RECEIVABLES,
    summary="Money has come in from a customer",
)
def receive(call: Writer, body: ReceivedRequest) -> Response:
    """The same reference and amount again changes nothing."""
    came = payments.Received(
        CustomerId(body.customer),
        body.amount.value,
        body.reference,
        named(body.invoices),
        body.keep_rest,
        body.on,
    )
    return call.post(body, lambda: Received.of(payments.receive(call.world, call.actor, came)), 201)


@router.get(
    "/payments/{id}",
    response_model=Received,
    responses=READS,
    tags=RECEIVABLES,
    summary="A payment, and what it is allocated to",
)
def show_payment(call: Caller, id: IdPath) -> Response:
    return call.answer(Received.of(payments.show(call.world, call.actor, id)))


@router.post(
    "/payments/{id}/allocate",
    response_model=Received,
    responses=WRITES,
    tags=RECEIVABLES,
    summary="Use what is left of a payment",
)
def allocate(call: Writer, id: IdPath, body: AllocateRequest) -> Response:
    def act() -> Received:
        return Received.of(payments.allocate(call.world, call.actor, id, named(body.invoices)))

    return call.post(body, act)


@router.post(
    "/payments/{id}/release",
    response_model=Received,
    responses=WRITES,
    tags=RECEIVABLES,
    summary="Take back what was allocated, by a reversing entry",
)
def release(call: Writer, id: IdPath, body: ReleaseRequest) -> Response:
    def act() -> Received:
        payments.show(call.world, call.actor, id)
        invoice = None if body.invoice is None else InvoiceId(body.invoice)
        payments.release(call.world, call.actor, id, invoice)
        return Received.of(payments.show(call.world, call.actor, id))

    return call.post(body, act)


@router.post(
    "/payments/{id}/pay-back",
    status_code=201,
    response_model=Allocation,
    responses=WRITES,
    tags=RECEIVABLES,
    summary="Pay back what is left of a payment",
)
def pay_back(call: Writer, id: IdPath, body: PayBackRequest) -> Response:
    def act() -> Allocation:
        payments.show(call.world, call.actor, id)
        return _paid_back(call, id, body)

    return call.post(body, act, 201)


@router.post(
    "/invoices/{id}/set-off",
    response_model=Invoice,
    responses=WRITES,
    tags=INVOICES,
    summary="Use a credit note for invoices",
)
def set_off(call: Writer, id: IdPath, body: AllocateRequest) -> Response:
    def act() -> Invoice:
        credit = payments.use_credit(call.world, call.actor, InvoiceId(id), named(body.invoices))
        return Invoice.of(credit, call.world.clock.now())

    return call.post(body, act)


@router.post(
    "/invoices/{id}/pay-back",
    status_code=201,
    response_model=Allocation,
    responses=WRITES,
    tags=INVOICES,
    summary="Pay out what is left of a credit note",
)
def pay_out(call: Writer, id: IdPath, body: PayBackRequest) -> Response:
    return call.post(body, lambda: _paid_back(call, id, body), 201)


def _paid_back(call: Call, id: str, body: PayBackRequest) -> Allocation:
    amount = None if body.amount is None else body.amount.value
    return Allocation.of(payments.pay_back(call.world, call.actor, id, amount, body.reference))


@router.post(
    "/invoices/{id}/dispute",
    response_model=Dispute,
    responses=WRITES,
    tags=INVOICES,
    summary="A customer contests an invoice: nobody is reminded of it",
)
def dispute(call: Writer, id: IdPath, body: DisputeRequest) -> Response:
    def act() -> Dispute:
        row = receivables.dispute(call.world, call.actor, InvoiceId(id), body.reason)
        return Dispute.of(row)

    return call.post(body, act)


@router.delete(
    "/invoices/{id}/dispute",
    response_model=Dispute,
    responses=READS,
    tags=INVOICES,
    summary="A dispute is settled: what is still open is reminded of again",
)
def end_dispute(call: Caller, id: IdPath) -> Response:
    return call.answer(Dispute.of(receivables.end_dispute(call.world, call.actor, InvoiceId(id))))


@router.get(
    "/receivables",
    response_model=Page[OpenItem],
    responses=READS,
    tags=RECEIVABLES,
    summary="Open invoices and credit notes",
)
def open_items(
    call: Caller, window: Windowed, entity: Named = None, customer: Named = None
) -> Response:
    whose = None if customer is None else CustomerId(customer)
    seller, now = _seller(call, entity, whose), call.world.clock.now()
    found = receivables.open_items(call.world, call.actor, seller, whose)
    return call.answer(
        window.cut(found, lambda item: OpenItem.of(item, now), lambda item: item.invoice.id)
    )


@router.get(
    "/receivables/ageing",
    response_model=AgeingTable,
    responses=READS,
    tags=RECEIVABLES,
    summary="What each customer owes, by how late it is",
)
def ageing(call: Caller, entity: Named = None, customer: Named = None) -> Response:
    whose = None if customer is None else CustomerId(customer)
    seller = _seller(call, entity, whose)
    return call.answer(AgeingTable.of(receivables.ageing(call.world, call.actor, seller, whose)))


@router.get(
    "/receivables/reminders",
    response_model=Reminders,
    responses=READS,
    tags=RECEIVABLES,
    summary="Reminders that are due now",
)
def reminders_due(call: Caller, entity: Named = None) -> Response:
    seller = _seller(call, entity, None)
    due = receivables.reminders_due(call.world, call.actor, seller)
    return call.answer(Reminders(entity=seller, items=[DueReminder.of(each) for each in due]))


@router.post(
    "/receivables/reminders",
    response_model=Reminders,
    responses=WRITES,
    tags=RECEIVABLES,
    summary="Remind of what is due for it: each level of an invoice once",
)
def remind(call: Writer, entity: Named = None) -> Response:
    def act() -> Reminders:
        seller = _seller(call, entity, None)
        due = receivables.remind(call.world, call.actor, seller)
        return Reminders(entity=seller, items=[DueReminder.of(each) for each in due])

    return call.post(None, act)


def _seller(call: Call, named: str | None, customer: CustomerId | None) -> EntityId:
    """The entity of that name; a customer's own; or the only one."""
    if named is None and customer is not None:
        return receivables.seller_to(call.world, call.actor, customer)
    return books.the_entity(call.world, call.actor, named)
