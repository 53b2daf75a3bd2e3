"""Payments and credits: money in, what it is allocated to, taken back, set off, paid back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rackrate.app.issuing import seller_of
from rackrate.app.ports import Tx
from rackrate.app.world import Locate, World, acting, confine, owned, reading, whose
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.errors import Invalid, Missing, Reason, Refused
from rackrate.core.ids import CustomerId, InvoiceId
from rackrate.core.interval import Month
from rackrate.core.invoice import Invoice, check_room
from rackrate.core.ledger import Account
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
    left_of,
    oldest_first,
    paid_with,
    refunded,
    released,
    set_off,
)
from rackrate.core.recognition import allocated, paid_back, received

# Which invoices, each with how much; without an amount as much as fits.
Named = Sequence[tuple[InvoiceId, Money | None]]


@dataclass(frozen=True, slots=True)
class Held:
    """A payment with what was done with it, and what of it is allocated to nothing."""

    payment: Payment
    allocations: tuple[Allocation, ...]

    @property
    def left(self) -> Money:
        return left_of(self.payment.amount, self.allocations)


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


def lock(tx: Tx, customer: CustomerId) -> None:
    """Whoever changes what a customer owes comes one after the other."""
    tx.number(f"receivable/{customer}")


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
        _book(world, tx, payment, shares)
        return tx.get(Invoice, id), payment


def receive(world: World, actor: Actor, came: Received) -> Held:
    """Money has come in from a customer. The same reference again changes nothing."""
    target = Target("payment", "", came.customer)
    with acting(world, actor, Verb.INVOICE_WRITE, target) as tx:
        customer = tx.get(Customer, came.customer)
        lock(tx, customer.id)
        check_received(came.amount, customer.currency, came.reference)
        key = f"from/{customer.id}/{came.reference}"
        before = _before(tx, key, came.amount, f"payment {came.reference!r} of {customer.id}")
        if before is not None:
            return _held(tx, before)
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
        _book(world, tx, payment, shares)
        return _held(tx, payment)


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
        used: dict[str, list[Allocation]] = {}
        for each in tx.find(Allocation, source=tuple(row.id for row in rows)):
            used.setdefault(each.source, []).append(each)
        return [Held(row, tuple(used.get(row.id, ()))) for row in rows]


def show(world: World, actor: Actor, id: str) -> Held:
    with reading(world, actor, Verb.INVOICE_READ, _of_payment(id)) as tx:
        return _held(tx, tx.get(Payment, id))


def allocate(world: World, actor: Actor, id: str, named: Named = ()) -> Held:
    """What is left of a payment goes to these invoices, or to what was due first."""
    with acting(world, actor, Verb.INVOICE_WRITE, _of_payment(id)) as tx:
        payment = tx.get(Payment, id)
        lock(tx, payment.customer)
        left = _held(tx, payment).left
        check_unused(id, left, left or Money(1, left.currency))
        shares = _shares(tx, payment.customer, left, named)
        if not shares:
            raise Refused(Reason.ALREADY_PAID, f"{payment.customer} has no open invoice")
        for share in shares:
            tx.put(paid_with(share))
            used = _allocation(world, payment, share)
            tx.add(used, allocated(used))
        return _held(tx, payment)


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
            left, account = _held(tx, row).left, Account.UNAPPLIED
        else:
            check_credit(row)
            left, account = -row.open, Account.RECEIVABLE
        share = left if amount is None else amount
        check_unused(source, left, share or Money(1, left.currency))
        check_received(share, left.currency, reference)
        if isinstance(row, Invoice):
            tx.put(refunded(row, share))
        out = Allocation(
            world.ids.new("alc"),
            row.entity,
            row.customer,
            world.clock.now(),
            source,
            None,
            share,
            reference=reference,
        )
        tx.add(out, paid_back(out, account))
        return out


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


def set_off_shares(world: World, tx: Tx, credit: Invoice, shares: Sequence[Share]) -> Invoice:
    """Nothing is posted: both are in the same receivable."""
    for share in shares:
        credit, invoice = set_off(credit, share)
        tx.put(invoice)
        tx.add(_allocation(world, credit, share))
    tx.put(credit)
    return credit


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


def _received_on(world: World, tx: Tx, customer: Customer, on: datetime | None) -> datetime:
    """When it came in: not later than now, and in a month that is open."""
    now = world.clock.now()
    if on is None:
        return now
    if on > now:
        raise Invalid("on", f"{on:%Y-%m-%d %H:%M} UTC is to come")
    seller = seller_of(tx, customer.entity)
    seller.check_open(Month.of(on, seller.entity.time_zone))
    return on


def _payment(world: World, of: Invoice, key: str, amount: Money, reference: str) -> Payment:
    id, now = world.ids.new("pay"), world.clock.now()
    return Payment(id, key, of.entity, of.customer, now, amount, reference)


def _held(tx: Tx, payment: Payment) -> Held:
    return Held(payment, tuple(tx.find(Allocation, source=payment.id)))


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


def _allocation(
    world: World, source: Payment | Invoice, share: Share, at: datetime | None = None
) -> Allocation:
    invoice, amount = share
    return Allocation(
        world.ids.new("alc"),
        source.entity,
        source.customer,
        at or world.clock.now(),
        source.id,
        invoice.id,
        amount,
    )


def _book(world: World, tx: Tx, payment: Payment, shares: Sequence[Share]) -> None:
    used = [_allocation(world, payment, share, payment.at) for share in shares]
    tx.put(*(paid_with(share) for share in shares))
    tx.add(payment, *used, received(payment, used))


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
        tx.add(allocated(back))
    else:
        tx.put(replace(invoice, credited=invoice.credited - each.amount))
        tx.put(replace(row, credited=row.credited + each.amount))
