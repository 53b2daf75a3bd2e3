"""Wallets: opened, topped up, looked at by the loops, and closed.

A look rates what was used, as an invoice would. Between looks what runs carries the count on (see
`credit`), so a pass over all wallets rates those few that are about to come to something.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rackrate.app import credit, outbox, payments, settling
from rackrate.app.credit import burns, by_the_moment
from rackrate.app.payments import Received
from rackrate.app.ports import Tx
from rackrate.app.stopping import ask_all
from rackrate.app.world import Locate, World, acting, confine, owned, reading, whose
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.credit import Credit, CreditTally
from rackrate.core.errors import Invalid, Missing, Reason, Refused
from rackrate.core.grace import GRACE, is_over
from rackrate.core.ids import CustomerId
from rackrate.core.invoice import Invoice
from rackrate.core.lease import EventKind, Lease, LeaseEvent, Phase, Wanted
from rackrate.core.money import Money
from rackrate.core.outbox import Topic
from rackrate.core.parties import Customer
from rackrate.core.payment import Payment, check_received
from rackrate.core.wallet import KEEP_STORAGE, Balance, Stage, Wallet

USED_UP = "the wallet is used up"
NOT_KEPT = "the wallet was not topped up while storage was kept"
# From here on nothing that is sold by the moment runs on.
_OVER = frozenset({Stage.STOPPED, Stage.ENDING, Stage.OVER})


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
class Standing:
    """A wallet, and what it has now."""

    wallet: Wallet
    balance: Balance


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
        _lock(tx, new.customer)
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
        return _look(world, tx, customer.id)


def top_up(world: World, actor: Actor, came: TopUp) -> Standing:
    """It pays what is open, and the rest is held. The same reference again changes nothing."""
    with acting(world, actor, Verb.INVOICE_WRITE, _of(came.customer)) as tx:
        _lock(tx, came.customer)
        _in_use(tx, came.customer)
        money = Received(came.customer, came.amount, came.reference, keep_rest=True, on=came.on)
        payments.note(world, tx, money)
        return _look(world, tx, came.customer)


def show(world: World, actor: Actor, customer: CustomerId) -> Standing:
    """A wallet with what it has now."""
    with reading(world, actor, Verb.INVOICE_READ, _owner(customer)) as tx:
        confine(tx, actor)
        wallet = tx.get(Wallet, customer)
        return Standing(wallet, _balance(tx, tx.get(Customer, customer), world.clock.now()))


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
        _lock(tx, customer)
        wallet, buyer, now = _in_use(tx, customer), tx.get(Customer, customer), world.clock.now()
        _check_over(tx, wallet)
        balance = _balance(tx, buyer, now)
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
        balance = _balance(tx, buyer, now)
        wallet = replace(wallet.seen(balance, False, now), closed=now, stage=Stage.FINE)
        tx.put(wallet)
        return Standing(wallet, balance)


def due(world: World, tx: Tx) -> list[str]:
    """Wallets that it is time to look at."""
    wallets, now = [each for each in tx.find(Wallet) if each.in_use], world.clock.now()
    if not wallets:
        return []
    tallies = {each.id: each for each in tx.find(CreditTally)}
    return [each.id for each in wallets if each.due(now, tallies.get(each.id))]


def used_up(tx: Tx) -> list[str]:
    """Wallets of which nothing that is sold by the moment may run any more."""
    return [each.id for each in tx.find(Wallet) if each.in_use and each.stage in _OVER]


def look_at(world: World, tx: Tx, id: str) -> None:
    """Rate what was used, and tell what must be told."""
    customer = CustomerId(id)
    _lock(tx, customer)
    _look(world, tx, customer)


def carry_out(world: World, tx: Tx, id: str) -> None:
    """Stop what has had its notice; end it once its storage is not kept any longer."""
    wallet, now = tx.get(Wallet, id), world.clock.now()
    if not is_over(wallet.stops, now):
        return
    if is_over(wallet.ends, now):
        found = [each for each in _by_the_moment(tx, wallet.id) if _is_to_end(each)]
        ended = ask_all(world, tx, found, EventKind.END_REQUESTED, _is_to_end, NOT_KEPT)
        _tell_leases(world, tx, Topic.WALLET_ENDED, wallet, ended)
        return
    found = [each for each in tx.find(Lease, customer=wallet.id, live=True) if burns(each)]
    stopped = ask_all(world, tx, found, EventKind.STOP_REQUESTED, burns, USED_UP)
    _tell_leases(world, tx, Topic.WALLET_STOPPED, wallet, stopped)


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


def _look(world: World, tx: Tx, id: CustomerId) -> Standing:
    before, customer, now = tx.get(Wallet, id), tx.get(Customer, id), world.clock.now()
    tally = credit.count(tx, customer, now)
    tx.put(tally)
    balance = _balance_of(credit.standing(tx, customer, tally))
    after = before.seen(balance, bool(_by_the_moment(tx, id)), now)
    tx.put(after)
    _tell(world, tx, before, after, balance)
    return Standing(after, balance)


def _balance(tx: Tx, customer: Customer, now: datetime) -> Balance:
    return _balance_of(credit.standing(tx, customer, credit.count(tx, customer, now)))


def _balance_of(found: Credit) -> Balance:
    limit = found.limit or Money.zero(found.used.currency)
    return Balance(found.held, found.owed + found.held, found.used, found.hourly, limit)


def _steps(each: settling.Held) -> Iterator[Movement]:
    """A payment, and what of it went where."""
    row, zero = each.payment, Money.zero(each.payment.amount.currency)
    yield Movement(row.at, row.id, "", row.reference, row.amount, zero)
    for used in each.allocations:
        invoice = used.invoice or ""
        yield Movement(used.at, row.id, invoice, used.reference, -used.amount, zero)


def _by_the_moment(tx: Tx, customer: CustomerId) -> list[Lease]:
    """Leases that a wallet pays for."""
    return [each for each in credit.not_over(tx, customer) if by_the_moment(each)]


def _is_to_end(lease: Lease) -> bool:
    return lease.wanted is not Wanted.ENDED and lease.phase is not Phase.ENDED


def _tell(world: World, tx: Tx, before: Wallet, after: Wallet, balance: Balance) -> None:
    topic: Topic | None = None
    facts = _facts(after, balance)
    if after.stops is not None and before.stops != after.stops:
        topic = Topic.WALLET_EMPTY
    elif after.stage is Stage.ENDING and before.stage is not Stage.ENDING:
        topic = Topic.WALLET_ENDING
    elif before.stops is not None and after.stops is None and not balance.used_up:
        topic = Topic.WALLET_REFILLED
    elif after.stage is Stage.LOW and before.stage is Stage.FINE:
        topic = Topic.WALLET_LOW
    if topic is not None:
        assert after.looked is not None
        cause = f"wallet/{after.id}/{topic}/{after.looked.isoformat()}"
        if not outbox.was_told(tx, cause):
            outbox.tell(world, tx, topic, after.id, cause, facts)


def _facts(wallet: Wallet, balance: Balance) -> dict[str, str]:
    facts = {
        "wallet": wallet.id,
        "left": f"{balance.left.amount:f}",
        "hourly": f"{balance.hourly.amount:f}",
        "currency": wallet.low.currency,
    }
    if balance.lasts is not None:
        facts["hours"] = str(balance.lasts // timedelta(hours=1))
    if wallet.stops is not None and wallet.ends is not None:
        facts |= {"until": wallet.stops.isoformat(), "kept": wallet.ends.isoformat()}
    return facts


def _tell_leases(
    world: World, tx: Tx, topic: Topic, wallet: Wallet, asked: Iterable[LeaseEvent]
) -> None:
    events = list(asked)
    if not events:
        return
    assert wallet.ends is not None
    facts = {
        "wallet": wallet.id,
        "leases": " ".join(each.lease for each in events),
        "count": str(len(events)),
        "left": f"{wallet.left.amount:f}",
        "currency": wallet.left.currency,
        "kept": wallet.ends.isoformat(),
    }
    cause = f"wallet/{wallet.id}/{topic}/{events[0].lease}/{events[0].seq}"
    outbox.tell(world, tx, topic, wallet.id, cause, facts)


def _check_over(tx: Tx, wallet: Wallet) -> None:
    owed = [e for e in tx.find(Invoice, customer=wallet.id, unsettled=True) if e.open.minor > 0]
    if owed:
        raise Refused(
            Reason.WRONG_STATE,
            f"{owed[0].open} of {owed[0].id} is open: it is paid before a wallet is closed",
            {"invoices": [each.id for each in owed]},
        )
    leases = [each.id for each in _by_the_moment(tx, wallet.id) if _is_to_end(each)]
    if leases:
        raise Refused(
            Reason.IN_USE,
            f"the wallet of {wallet.id} pays for {', '.join(leases[:5])}: end what it pays for",
            {"leases": leases},
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


def _lock(tx: Tx, customer: CustomerId) -> None:
    """Starts first, money then: the order in which every use case takes them."""
    tx.get(Customer, customer)
    credit.lock(tx, customer)
    settling.lock(tx, customer)


def _of(customer: CustomerId) -> Target:
    return Target("wallet", customer, customer)


def _owner(customer: CustomerId) -> Locate:
    return owned("wallet", Wallet, customer)
