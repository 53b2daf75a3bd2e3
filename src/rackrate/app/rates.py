"""Rates between currencies: set, listed, and held against who needs them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rackrate.app.exchange import in_force_at, next_after
from rackrate.app.metering import last_close
from rackrate.app.ports import Tx
from rackrate.app.world import World, acting, check_near, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.contract import Contract
from rackrate.core.currency import (
    STALE,
    CurrencyRate,
    Finding,
    Need,
    check,
    check_new,
    check_open,
    check_target,
    in_force,
    new_rate,
)
from rackrate.core.errors import Invalid
from rackrate.core.ids import ContractId, CustomerId
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice
from rackrate.core.lease import Lease
from rackrate.core.parties import Customer

RATES = Target("rate")


@dataclass(frozen=True, slots=True)
class NewRate:
    """One unit of `currency` is `rate` of `target`, from an instant on; without one, from now."""

    currency: str
    target: str
    rate: Decimal
    source: str
    effective: datetime | None = None
    sure: bool = False


def set_rate(world: World, actor: Actor, new: NewRate) -> CurrencyRate:
    """From its instant until superseded. What is posted already stays at what it was posted at.

    The same again changes nothing.
    """
    now = world.clock.now()
    effective = new.effective or now
    check_near("effective", effective, now)
    try:
        row = new_rate((new.currency, new.target), effective, new.rate, new.source, sure=new.sure)
    except ValueError as error:
        raise Invalid("rate", str(error)) from None
    target = Target("rate", row.id)
    with acting(world, actor, Verb.INVOICE_WRITE, target) as tx:
        return keep(tx, row)


def keep(tx: Tx, row: CurrencyRate) -> CurrencyRate:
    """Write a rate down, if nothing speaks against it."""
    tx.number(f"rate/{row.currency}/{row.target}")
    old = tx.peek(CurrencyRate, row.id)
    if old is not None and (old.rate, old.source) == (row.rate, row.source):
        return old
    entities = tx.find(Entity)
    check_target(row, [each.currency for each in entities])
    for entity in entities:
        last = last_close(tx, entity) if entity.currency == row.target else None
        if last is not None:
            check_open(row, entity.id, last.month.interval(entity.time_zone).end)
    pair = (row.currency, row.target)
    before, after = in_force_at(tx, pair, row.effective), next_after(tx, pair, row.effective)
    check_new(row, before, after)
    tx.add(row)
    return row


def find(
    world: World,
    actor: Actor,
    pair: tuple[str | None, str | None] = (None, None),
    after: str = "",
    limit: int | None = None,
) -> list[CurrencyRate]:
    """Rates, those of a pair in the order of time; from or into one currency where it is named."""
    names = ("currency", "target")
    equal: dict[str, Any] = {name: one for name, one in zip(names, pair, strict=True) if one}
    with reading(world, actor, Verb.LEDGER_READ, RATES) as tx:
        return tx.find(CurrencyRate, after=after, limit=limit, **equal)


def current(world: World, actor: Actor, at: datetime) -> list[CurrencyRate]:
    """The rate of each pair that is in force at an instant."""
    with reading(world, actor, Verb.LEDGER_READ, RATES) as tx:
        found = in_force(tx.find(CurrencyRate), at)
    return [found[pair] for pair in sorted(found)]


def check_rates(world: World, actor: Actor, stale: timedelta = STALE) -> list[Finding]:
    """Which pairs somebody is billed in that have no rate now, or one that is old."""
    now = world.clock.now()
    with reading(world, actor, Verb.LEDGER_READ, RATES) as tx:
        needs = [need for entity in tx.find(Entity) for need in _needs(tx, entity, now)]
        return check(needs, in_force(tx.find(CurrencyRate), now), now, stale)


def _needs(tx: Tx, entity: Entity, now: datetime) -> list[Need]:
    """By currency: customers that buy something, or owe, and contracts that are not over."""
    customers: dict[str, list[CustomerId]] = {}
    contracts: dict[str, list[ContractId]] = {}
    for contract in tx.find(Contract, entity=entity.id):
        if contract.currency != entity.currency and contract.during.end > now:
            contracts.setdefault(contract.currency, []).append(contract.id)
            customers.setdefault(contract.currency, []).append(contract.customer)
    for customer in tx.find(Customer, entity=entity.id):
        if customer.currency != entity.currency and _buys(tx, customer.id):
            customers.setdefault(customer.currency, []).append(customer.id)
    return [
        Need(
            entity.id,
            currency,
            entity.currency,
            tuple(sorted(set(customers[currency]))),
            tuple(contracts.get(currency, ())),
        )
        for currency in sorted(customers)
    ]


def _buys(tx: Tx, customer: CustomerId) -> bool:
    if tx.find(Lease, customer=customer, live=True, limit=1):
        return True
    return bool(tx.find(Invoice, customer=customer, unsettled=True, limit=1))
