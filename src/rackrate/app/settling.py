"""Settling: what money and credit notes of a customer are used for, and what is left of them.

Here is the one place in which an allocation comes to be, and where it is posted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rackrate.app import exchange
from rackrate.app.ports import Tx
from rackrate.app.world import World
from rackrate.core.ids import CustomerId
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from rackrate.core.payment import (
    Allocation,
    Payment,
    Share,
    left_of,
    oldest_first,
    paid_with,
    refunded,
    set_off,
)
from rackrate.core.recognition import allocated, paid_back, received
from rackrate.core.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Held:
    """A payment with what was done with it, and what of it is allocated to nothing."""

    payment: Payment
    allocations: tuple[Allocation, ...]

    @property
    def left(self) -> Money:
        return left_of(self.payment.amount, self.allocations)


def lock(tx: Tx, customer: CustomerId) -> None:
    """Whoever changes what a customer owes comes one after the other.

    After the lock of its starts and those of sites, before any series of documents.
    """
    tx.number(f"receivable/{customer}")


def held(tx: Tx, payment: Payment) -> Held:
    return Held(payment, tuple(tx.find(Allocation, source=payment.id)))


def with_used(tx: Tx, payments: Iterable[Payment]) -> list[Held]:
    """These payments in their order, each with what was done with it."""
    rows, used = list(payments), dict[str, list[Allocation]]()
    for each in tx.find(Allocation, source=tuple(row.id for row in rows)) if rows else ():
        used.setdefault(each.source, []).append(each)
    return [Held(row, tuple(used.get(row.id, ()))) for row in rows]


def money_of(tx: Tx, customer: CustomerId) -> list[Held]:
    """Payments of a customer that something is left of, the oldest first."""
    found = with_used(tx, tx.find(Payment, customer=customer))
    found = [each for each in found if each.left]
    return sorted(found, key=lambda each: (each.payment.at, each.payment.id))


def book(world: World, tx: Tx, payment: Payment, shares: Sequence[Share]) -> None:
    """Money that has come in, and what of it is used at once; for an invoice that was issued
    later than it came in, as that was issued.
    """
    used = [allocation(world, payment, share, max(payment.at, share[0].issued)) for share in shares]
    tx.put(*(paid_with(share) for share in shares))
    tx.add(payment, *used)
    at_once = [each for each in used if each.at == payment.at]
    later = (allocated(each) for each in used if each.at != payment.at)
    exchange.post(tx, tx.get(Entity, payment.entity), [received(payment, at_once), *later])
    changed(tx, payment.customer)


def use(world: World, tx: Tx, payment: Payment, shares: Iterable[Share]) -> None:
    """What is left of a payment goes to these."""
    entity = tx.get(Entity, payment.entity)
    for share in shares:
        tx.put(paid_with(share))
        used = allocation(world, payment, share)
        tx.add(used)
        exchange.post(tx, entity, [allocated(used)])
    changed(tx, payment.customer)


def set_off_shares(world: World, tx: Tx, credit: Invoice, shares: Sequence[Share]) -> Invoice:
    """Nothing is posted: both are in the same receivable."""
    for share in shares:
        credit, invoice = set_off(credit, share)
        tx.put(invoice)
        tx.add(allocation(world, credit, share))
    tx.put(credit)
    return credit


def send_back(
    world: World, tx: Tx, source: Payment | Invoice, share: Money, reference: str
) -> Allocation:
    """Money goes out, of a payment or of a credit note."""
    if isinstance(source, Invoice):
        tx.put(refunded(source, share))
    out = Allocation(
        world.ids.new("alc"),
        source.entity,
        source.customer,
        world.clock.now(),
        source.id,
        None,
        share,
        reference=reference,
    )
    account = Account.UNAPPLIED if isinstance(source, Payment) else Account.RECEIVABLE
    tx.add(out)
    exchange.post(tx, tx.get(Entity, source.entity), [paid_back(out, account)])
    changed(tx, source.customer)
    return out


def allocation(
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


def pay_ahead(world: World, tx: Tx, customer: CustomerId) -> None:
    """What is open of one who pays ahead is paid from what it has, what was due first leading.

    Its credit notes come before its money.
    """
    owed = tx.find(Invoice, customer=customer, unsettled=True)
    for credit in (each for each in owed if each.open.minor < 0):
        shares = oldest_first(-credit.open, _still_open(tx, owed))
        if not shares:
            return
        set_off_shares(world, tx, credit, shares)
    for each in money_of(tx, customer):
        shares = oldest_first(each.left, _still_open(tx, owed))
        if not shares:
            return
        use(world, tx, each.payment, shares)


def changed(tx: Tx, customer: CustomerId) -> None:
    """What a wallet has is another now: the next pass looks at it."""
    wallet = tx.peek(Wallet, customer)
    if wallet is not None and wallet.looked is not None:
        tx.put(wallet.to_be_looked_at())


def _still_open(tx: Tx, invoices: Iterable[Invoice]) -> list[Invoice]:
    now = (tx.get(Invoice, each.id) for each in invoices if each.open.minor > 0)
    return [each for each in now if each.open.minor > 0]
