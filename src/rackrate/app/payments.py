"""Payments and credits: money in, what it is allocated to, taken back, set off, paid back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rackrate.app import exchange
from rackrate.app.beginning import check_begun
from rackrate.app.issuing import seller_of
from rackrate.app.ports import Tx
from rackrate.app.settling import (
    Held,
    book,
    changed,
    held,
    lock,
    send_back,
    set_off_shares,
    use,
    with_used,
)
from rackrate.app.world import Locate, World, acting, confine, owned, reading, whose
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.errors import Invalid, Missing, Reason, Refused
from rackrate.core.ids import CustomerId, InvoiceId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice, check_room
from rackrate.core.ledger import Entry
from rackrate.core.money import Money, total
from rackrate.core.parties import Customer
from rackrate.core.payment import (
    Allocation,
    Payment,
    Share,
    as_named,
    check_credit,
    check_received,
    check_rest,
    check_unused,
    is_again,
    oldest_first,
    released,
)
from rackrate.core.recognition import allocated
from rackrate.core.wallet import Wallet

# Which invoices, each with how much; without an amount as much as fits.
Named = Sequence[tuple[InvoiceId, Money | None]]


@dataclass(frozen=True, slots=True)
class Received:
    """Money that came in, `on` an instant that the bank says, or now. Without `named` it goes to
    what was due first.
    """

    customer: CustomerId
    amount: Money
    reference: str
    named: Named = ()
    keep_rest: bool = False
    on: datetime | None = None


def settle(
    world: World,
    actor: Actor,
    id: InvoiceId,
    money: Money,
    reference: str,
    keep_rest: bool = False,
) -> tuple[Invoice, Payment]:
    """Money has come in for an invoice. The same reference again changes nothing."""
    with acting(world, actor, Verb.INVOICE_WRITE, of_invoice(id)) as tx:
        lock(tx, tx.get(Invoice, id).customer)
        invoice = tx.get(Invoice, id)
        check_received(money, invoice.gross.currency, reference)
        before = _before(tx, f"{id}/{reference}", money, f"payment {reference!r} of {id}")
        if before is not None:
            return invoice, before
        share = min(money, invoice.open) if keep_rest and invoice.open.minor > 0 else money
        if not (keep_rest and not invoice.open):
            check_room(invoice, share)
        shares = [(invoice, share)] if invoice.open.minor > 0 else []
        payment = _payment(world, invoice, f"{id}/{reference}", money, reference)
        book(world, tx, payment, shares)
        return tx.get(Invoice, id), payment


def receive(world: World, actor: Actor, came: Received) -> Held:
    """Money has come in from a customer. The same reference again changes nothing."""
    target = Target("payment", "", came.customer)
    with acting(world, actor, Verb.INVOICE_WRITE, target) as tx:
        lock(tx, came.customer)
        return note(world, tx, came)


def note(world: World, tx: Tx, came: Received) -> Held:
    """The same, of a customer that is locked."""
    customer = tx.get(Customer, came.customer)
    check_received(came.amount, customer.currency, came.reference)
    key = f"from/{customer.id}/{came.reference}"
    before = _before(tx, key, came.amount, f"payment {came.reference!r} of {customer.id}")
    if before is not None:
        _check_same(tx, before, came)
        return held(tx, before)
    shares = _shares(tx, customer.id, came.amount, came.named)
    among = [one for one, _ in shares]
    if not came.named:
        among = tx.find(Invoice, customer=customer.id, unsettled=True)
        among = [one for one in among if one.open.minor > 0]
    rest = came.amount - total((share for _, share in shares), came.amount.currency)
    check_rest(rest, among, came.keep_rest)
    payment = Payment(
        world.ids.new("pay"),
        key,
        customer.entity,
        customer.id,
        _received_on(world, tx, customer, came.on),
        came.amount,
        came.reference,
    )
    book(world, tx, payment, shares)
    return held(tx, payment)


def find(
    world: World,
    actor: Actor,
    customer: CustomerId | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Held]:
    """Payments that the actor may see, the newest first."""
    customer = whose(actor, customer)
    with reading(world, actor, Verb.INVOICE_READ, Target("payment", "", customer)) as tx:
        confine(tx, actor)
        equal: dict[str, Any] = {} if customer is None else {"customer": customer}
        rows = tx.find(Payment, after=after, limit=limit, newest_first=True, **equal)
        return with_used(tx, rows)


def show(world: World, actor: Actor, id: str) -> Held:
    with reading(world, actor, Verb.INVOICE_READ, _of_payment(id)) as tx:
        return held(tx, tx.get(Payment, id))


def allocate(world: World, actor: Actor, id: str, named: Named = ()) -> Held:
    """What is left of a payment goes to these invoices, or to what was due first."""
    with acting(world, actor, Verb.INVOICE_WRITE, _of_payment(id)) as tx:
        payment = tx.get(Payment, id)
        lock(tx, payment.customer)
        left = held(tx, payment).left
        check_unused(id, left, left or Money(1, left.currency))
        shares = _shares(tx, payment.customer, left, named)
        if not shares:
            raise Refused(Reason.ALREADY_PAID, f"{payment.customer} has no open invoice")
        use(world, tx, payment, shares)
        return held(tx, payment)


def release(world: World, actor: Actor, source: str, invoice: InvoiceId | None = None) -> None:
    """What was allocated of a payment or set off of a credit note is taken back: of one invoice,
    or of all. It can be allocated anew, or paid back.
    """
    with acting(world, actor, Verb.INVOICE_WRITE, _of_source(source)) as tx:
        row = _source(tx, source)
        lock(tx, row.customer)
        found = tx.find(Allocation, source=source)
        undone = {each.undoes for each in found}
        held = [
            each
            for each in found
            if each.invoice is not None
            and each.amount.minor > 0
            and each.id not in undone
            and invoice in (None, each.invoice)
        ]
        if not held:
            of = f" of {invoice}" if invoice else ""
            raise Refused(Reason.WRONG_STATE, f"nothing{of} is allocated from {source}")
        for each in held:
            _take_back(world, tx, source, each)


def pay_back(
    world: World, actor: Actor, source: str, amount: Money | None, reference: str
) -> Allocation:
    """Money goes out: what is left of a payment or credit note, or a part of it."""
    with acting(world, actor, Verb.INVOICE_WRITE, _of_source(source)) as tx:
        row = _source(tx, source)
        lock(tx, row.customer)
        row = _source(tx, source)
        if isinstance(row, Payment):
            left = held(tx, row).left
        else:
            check_credit(row)
            left = -row.open
        share = left if amount is None else amount
        check_unused(source, left, share or Money(1, left.currency))
        check_received(share, left.currency, reference)
        return send_back(world, tx, row, share, reference)


def use_credit(world: World, actor: Actor, id: InvoiceId, named: Named = ()) -> Invoice:
    """What is left of a credit note is set off against these invoices, or what was due first."""
    with acting(world, actor, Verb.INVOICE_WRITE, of_invoice(id)) as tx:
        lock(tx, tx.get(Invoice, id).customer)
        credit = tx.get(Invoice, id)
        check_credit(credit)
        shares = _shares(tx, credit.customer, -credit.open, named)
        if not shares:
            raise Refused(Reason.ALREADY_PAID, f"{credit.customer} has no open invoice")
        return set_off_shares(world, tx, credit, shares)


def of_invoice(id: InvoiceId) -> Locate:
    return owned("invoice", Invoice, id)


def _of_payment(id: str) -> Locate:
    return owned("payment", Payment, id)


def _of_source(id: str) -> Locate:
    def locate(tx: Tx) -> Target:
        row = _source(tx, id)
        return Target("payment" if isinstance(row, Payment) else "invoice", id, row.customer)

    return locate


def _source(tx: Tx, id: str) -> Payment | Invoice:
    found = tx.peek(Payment, id) or tx.peek(Invoice, id)
    if found is None:
        raise Missing("payment", id)
    return found


def _before(tx: Tx, key: str, amount: Money, what: str) -> Payment | None:
    """The payment that was noted under this reference already; Refused if it was another."""
    before = next(iter(tx.find(Payment, key=key)), None)
    if before is not None and before.amount != amount:
        raise Refused(Reason.ALREADY_PAID, f"{what} was {before.amount}")
    return before


def _check_same(tx: Tx, before: Payment, came: Received) -> None:
    """Refused where what is noted again says another day, or other invoices, than it had."""
    what = f"payment {came.reference!r} of {came.customer}"
    if came.on not in (None, before.at):
        raise Refused(
            Reason.ALREADY_PAID,
            f"{what} came in on {before.at:%Y-%m-%d %H:%M} UTC",
            {"payment": before.id, "at": before.at.isoformat()},
        )
    at_once, later = _used_first(tx, before)
    if came.named and not is_again(came.named, at_once, later):
        went = ", ".join(f"{each.invoice} with {each.amount}" for each in (*at_once, *later))
        raise Refused(
            Reason.ALREADY_PAID,
            f"{what} went to {went or 'no invoice'}",
            {"payment": before.id, "invoices": [each.invoice for each in (*at_once, *later)]},
        )


def _used_first(tx: Tx, payment: Payment) -> tuple[list[Allocation], list[Allocation]]:
    """What a payment was used for as it was noted; and, of a customer who pays ahead, for what was
    issued later than it came in: then, or as that was issued.
    """
    at_once, later = list[Allocation](), list[Allocation]()
    for each in tx.find(Allocation, source=payment.id):
        if each.invoice is None or each.undoes:
            continue
        if each.at == payment.at and tx.peek(Entry, f"allocation/{each.id}") is None:
            at_once.append(each)
        elif payment.at < each.at == tx.get(Invoice, each.invoice).issued:
            later.append(each)
    if tx.peek(Wallet, payment.customer) is None:
        return [*at_once, *later], []
    return at_once, later


def _received_on(world: World, tx: Tx, customer: Customer, on: datetime | None) -> datetime:
    """When it came in: not later than now, and in a month that the books have and is open."""
    now = world.clock.now()
    if on is None:
        return now
    if on > now:
        raise Invalid("on", f"{on:%Y-%m-%d %H:%M} UTC is to come")
    seller = seller_of(tx, customer.entity)
    if seller.locked is None:
        check_begun(tx, seller.entity, on, now)
    seller.check_open(Month.of(on, seller.entity.time_zone))
    return on


def _payment(world: World, of: Invoice, key: str, amount: Money, reference: str) -> Payment:
    id, now = world.ids.new("pay"), world.clock.now()
    return Payment(id, key, of.entity, of.customer, now, amount, reference)


def _shares(tx: Tx, customer: CustomerId, amount: Money, named: Named) -> list[Share]:
    if not named:
        return oldest_first(amount, tx.find(Invoice, customer=customer, unsettled=True))
    found: list[tuple[Invoice, Money | None]] = []
    for id, share in named:
        invoice = tx.get(Invoice, id)
        if invoice.customer != customer:
            raise Missing("invoice", id)
        found.append((invoice, share))
    return as_named(amount, found)


def _take_back(world: World, tx: Tx, source: str, each: Allocation) -> None:
    assert each.invoice is not None
    row, invoice = _source(tx, source), tx.get(Invoice, each.invoice)
    back = Allocation(
        world.ids.new("alc"),
        each.entity,
        each.customer,
        world.clock.now(),
        source,
        each.invoice,
        -each.amount,
        undoes=each.id,
    )
    tx.add(back)
    if isinstance(row, Payment):
        tx.put(released(invoice, each.amount))
        exchange.post(tx, tx.get(Entity, back.entity), [allocated(back)])
    else:
        tx.put(replace(invoice, credited=invoice.credited - each.amount))
        tx.put(replace(row, credited=row.credited + each.amount))
    changed(tx, each.customer)
