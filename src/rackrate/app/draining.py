"""What follows from what a wallet has: looked at by the loops, told, stopped, ended.

A look rates what was used, as an invoice would. Between looks what runs carries the count on (see
`credit`), so a pass over all wallets rates those few that are about to come to something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rackrate.app import credit, outbox, settling
from rackrate.app.credit import burns, by_the_moment
from rackrate.app.ports import Tx
from rackrate.app.stopping import ask_all
from rackrate.app.world import World
from rackrate.core.address import Address, AddressPool
from rackrate.core.credit import Credit, CreditTally
from rackrate.core.grace import is_over
from rackrate.core.ids import CustomerId
from rackrate.core.lease import EventKind, Lease, LeaseEvent, Phase, Wanted
from rackrate.core.money import Money
from rackrate.core.outbox import Topic
from rackrate.core.parties import Customer
from rackrate.core.wallet import Balance, Stage, Wallet

USED_UP = "the wallet is used up"
NOT_KEPT = "the wallet was not topped up while storage was kept"
# From here on nothing that is sold by the moment runs on.
_OVER = frozenset({Stage.STOPPED, Stage.ENDING, Stage.OVER})


@dataclass(frozen=True, slots=True)
class Standing:
    """A wallet, and what it has now."""

    wallet: Wallet
    balance: Balance


def lock(tx: Tx, customer: CustomerId) -> None:
    """Starts first, money then: the order in which every use case takes them."""
    tx.get(Customer, customer)
    credit.lock(tx, customer)
    settling.lock(tx, customer)


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
    lock(tx, customer)
    look(world, tx, customer)


def carry_out(world: World, tx: Tx, id: str) -> None:
    """Stop what has had its notice; end it once its storage is not kept any longer."""
    wallet, now = tx.get(Wallet, id), world.clock.now()
    if not is_over(wallet.stops, now):
        return
    if is_over(wallet.ends, now):
        found = [each for each in leases_of(tx, wallet.id) if is_to_end(each)]
        ended = ask_all(world, tx, found, EventKind.END_REQUESTED, is_to_end, NOT_KEPT)
        released = addresses_of(tx, wallet.id)
        for each in released:
            tx.put(each.release(tx.get(AddressPool, each.pool), now))
        _tell_leases(world, tx, Topic.WALLET_ENDED, wallet, ended, released)
        return
    found = [each for each in tx.find(Lease, customer=wallet.id, live=True) if burns(each)]
    stopped = ask_all(world, tx, found, EventKind.STOP_REQUESTED, burns, USED_UP)
    _tell_leases(world, tx, Topic.WALLET_STOPPED, wallet, stopped)


def look(world: World, tx: Tx, id: CustomerId) -> Standing:
    before, customer, now = tx.get(Wallet, id), tx.get(Customer, id), world.clock.now()
    tally = credit.count(tx, customer, now)
    tx.put(tally)
    balance = _balance(credit.standing(tx, customer, tally))
    after = before.seen(balance, bool(leases_of(tx, id) or addresses_of(tx, id)), now)
    tx.put(after)
    _tell(world, tx, before, after, balance)
    return Standing(after, balance)


def balance_of(tx: Tx, customer: Customer, now: datetime) -> Balance:
    return _balance(credit.standing(tx, customer, credit.count(tx, customer, now)))


def _balance(found: Credit) -> Balance:
    limit = found.limit or Money.zero(found.used.currency)
    return Balance(found.held, found.owed + found.held, found.used, found.hourly, limit)


def leases_of(tx: Tx, customer: CustomerId) -> list[Lease]:
    """Leases that a wallet pays for."""
    return [each for each in credit.not_over(tx, customer) if by_the_moment(each)]


def addresses_of(tx: Tx, customer: CustomerId) -> list[Address]:
    """Public addresses that a wallet pays for, but for those of leases that it does not pay for."""
    held = tx.find(Address, customer=customer, freed="")
    leases = {each.lease: tx.get(Lease, each.lease) for each in held if each.lease is not None}
    return [e for e in held if e.lease is None or by_the_moment(leases[e.lease])]


def is_to_end(lease: Lease) -> bool:
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
    world: World,
    tx: Tx,
    topic: Topic,
    wallet: Wallet,
    events: Sequence[LeaseEvent],
    released: Sequence[Address] = (),
) -> None:
    if not events and not released:
        return
    assert wallet.ends is not None
    facts = {
        "wallet": wallet.id,
        "leases": " ".join(each.lease for each in events),
        "addresses": " ".join(each.address for each in released),
        "count": str(len(events)),
        "left": f"{wallet.left.amount:f}",
        "currency": wallet.left.currency,
        "kept": wallet.ends.isoformat(),
    }
    first = f"{events[0].lease}/{events[0].seq}" if events else released[0].id
    cause = f"wallet/{wallet.id}/{topic}/{first}"
    outbox.tell(world, tx, topic, wallet.id, cause, facts)
