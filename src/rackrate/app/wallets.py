"""Wallets: opened, topped up, shown and closed. What follows when they are used up: `draining`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rackrate.app import draining, payments, settling
from rackrate.app.draining import Standing
from rackrate.app.payments import Received
from rackrate.app.ports import Tx
from rackrate.app.world import Locate, World, acting, confine, owned, reading, whose
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.errors import Invalid, Missing, Reason, Refused
from rackrate.core.grace import GRACE
from rackrate.core.ids import CustomerId
from rackrate.core.invoice import Invoice
from rackrate.core.money import Money
from rackrate.core.parties import Customer
from rackrate.core.payment import Payment, check_received
from rackrate.core.wallet import KEEP_STORAGE, Stage, Wallet


@dataclass(frozen=True, slots=True)
class NewWallet:
    """What is wanted of a customer's wallet: below `low` it is told, and what follows at zero."""

    customer: CustomerId
    low: Money
    grace: timedelta = GRACE
    keep_storage: timedelta = KEEP_STORAGE

    @property
    def id(self) -> str:
        return self.customer


@dataclass(frozen=True, slots=True)
class TopUp:
    """Money that came in for a wallet, `on` an instant that the bank says, or now."""

    customer: CustomerId
    amount: Money
    reference: str
    on: datetime | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that came into a wallet, or went: for an `invoice`, or back. `held` is what it had
    then; what of it was used already is not in it.
    """

    at: datetime
    source: str
    invoice: str
    reference: str
    amount: Money
    held: Money


def set_wallet(world: World, actor: Actor, new: NewWallet) -> Standing:
    """A customer pays ahead from now on; or, where it does already, by these terms."""
    with acting(world, actor, Verb.INVOICE_WRITE, _of(new.customer)) as tx:
        draining.lock(tx, new.customer)
        customer = tx.get(Customer, new.customer)
        old = tx.peek(Wallet, customer.id)
        if new.low.currency != customer.currency:
            raise Invalid("low", f"{customer.id} pays in {customer.currency}")
        fresh = old is None or not old.in_use
        try:
            if old is None or fresh:
                wallet = _wallet(world, customer, new)
            else:
                wallet = old.by(new.low, new.grace, new.keep_storage)
        except ValueError as error:
            raise Invalid("", str(error)) from None
        tx.put(wallet)
        if fresh:
            settling.pay_ahead(world, tx, customer.id)
        return draining.look(world, tx, customer.id)


def top_up(world: World, actor: Actor, came: TopUp) -> Standing:
    """It pays what is open, and the rest is held. The same reference again changes nothing."""
    with acting(world, actor, Verb.INVOICE_WRITE, _of(came.customer)) as tx:
        draining.lock(tx, came.customer)
        _in_use(tx, came.customer)
        money = Received(came.customer, came.amount, came.reference, keep_rest=True, on=came.on)
        payments.note(world, tx, money)
        return draining.look(world, tx, came.customer)


def show(world: World, actor: Actor, customer: CustomerId) -> Standing:
    """A wallet with what it has now."""
    with reading(world, actor, Verb.INVOICE_READ, _owner(customer)) as tx:
        confine(tx, actor)
        wallet = tx.get(Wallet, customer)
        return Standing(
            wallet, draining.balance_of(tx, tx.get(Customer, customer), world.clock.now())
        )


def find(world: World, actor: Actor, customer: CustomerId | None = None) -> list[Wallet]:
    """Wallets, with what they had when they were last looked at."""
    customer = whose(actor, customer)
    target = Target("wallet", customer or "", customer)
    with reading(world, actor, Verb.INVOICE_READ, target) as tx:
        confine(tx, actor)
        if customer is None:
            return tx.find(Wallet)
        one = tx.peek(Wallet, customer)
        return [] if one is None else [one]


def movements(world: World, actor: Actor, customer: CustomerId) -> list[Movement]:
    """What came into a wallet and went out of it, the oldest first."""
    with reading(world, actor, Verb.INVOICE_READ, _owner(customer)) as tx:
        confine(tx, actor)
        wallet = tx.get(Wallet, customer)
        found = settling.with_used(tx, tx.find(Payment, customer=customer))
        steps = [step for each in found for step in _steps(each)]
        held, moved = Money.zero(wallet.low.currency), list[Movement]()
        for step in sorted(steps, key=lambda one: (one.at, one.amount.minor < 0, one.source)):
            if step.amount.currency == held.currency:
                held = held + step.amount
                moved.append(replace(step, held=held))
        return moved


def close(world: World, actor: Actor, customer: CustomerId, reference: str) -> Standing:
    """What is left is paid back. What was used and has no invoice yet is kept for that.

    Refused while an invoice is open, or something is there that it would have to pay for.
    """
    with acting(world, actor, Verb.INVOICE_WRITE, _of(customer)) as tx:
        draining.lock(tx, customer)
        wallet, buyer, now = _in_use(tx, customer), tx.get(Customer, customer), world.clock.now()
        _check_over(tx, wallet)
        balance = draining.balance_of(tx, buyer, now)
        if balance.left.minor < 0:
            raise Refused(
                Reason.WRONG_STATE,
                f"{-balance.left} more is used than the wallet of {customer} has: top it up first",
                {"short": f"{-balance.left.amount:f}", "currency": balance.left.currency},
            )
        if balance.left:
            check_received(balance.left, buyer.currency, reference)
        _pay_back(world, tx, customer, balance.left, reference)
        if buyer.credit_limit is None:
            # Who paid ahead is not given credit by ending that.
            tx.put(replace(buyer, credit_limit=Money.zero(buyer.currency)))
        balance = draining.balance_of(tx, buyer, now)
        wallet = replace(wallet.seen(balance, False, now), closed=now, stage=Stage.FINE)
        tx.put(wallet)
        return Standing(wallet, balance)


def _wallet(world: World, customer: Customer, new: NewWallet) -> Wallet:
    zero = Money.zero(customer.currency)
    return Wallet(
        customer.id,
        customer.entity,
        world.clock.now(),
        new.low,
        new.grace,
        new.keep_storage,
        zero,
        zero,
        zero,
    )


def _steps(each: settling.Held) -> Iterator[Movement]:
    """A payment, and what of it went where."""
    row, zero = each.payment, Money.zero(each.payment.amount.currency)
    yield Movement(row.at, row.id, "", row.reference, row.amount, zero)
    for used in each.allocations:
        invoice = used.invoice or ""
        yield Movement(used.at, row.id, invoice, used.reference, -used.amount, zero)


def _check_over(tx: Tx, wallet: Wallet) -> None:
    owed = [e for e in tx.find(Invoice, customer=wallet.id, unsettled=True) if e.open.minor > 0]
    if owed:
        raise Refused(
            Reason.WRONG_STATE,
            f"{owed[0].open} of {owed[0].id} is open: it is paid before a wallet is closed",
            {"invoices": [each.id for each in owed]},
        )
    found = [each for each in draining.leases_of(tx, wallet.id) if draining.is_to_end(each)]
    addresses = draining.addresses_of(tx, wallet.id)
    pays_for = [*(str(each.id) for each in found), *(each.address for each in addresses)]
    if pays_for:
        raise Refused(
            Reason.IN_USE,
            f"the wallet of {wallet.id} pays for {', '.join(pays_for[:5])}: end what it pays for",
            {"pays_for": pays_for},
        )


def _pay_back(world: World, tx: Tx, customer: CustomerId, left: Money, reference: str) -> None:
    """Of what came in last first: it is what is left of."""
    for each in reversed(settling.money_of(tx, customer)):
        share = min(left, each.left)
        if share:
            settling.send_back(world, tx, each.payment, share, reference)
            left = left - share


def _in_use(tx: Tx, customer: CustomerId) -> Wallet:
    wallet = tx.peek(Wallet, customer)
    if wallet is None:
        raise Missing("wallet", customer, f"{customer} has no wallet; open one for it first")
    if not wallet.in_use:
        raise Refused(Reason.WRONG_STATE, f"the wallet of {customer} is closed")
    return wallet


def _of(customer: CustomerId) -> Target:
    return Target("wallet", customer, customer)


def _owner(customer: CustomerId) -> Locate:
    return owned("wallet", Wallet, customer)
