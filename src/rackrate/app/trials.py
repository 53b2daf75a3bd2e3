"""Prices of a customer's own that end, such as a trial's: it is told what holds from then on."""

from datetime import datetime, timedelta

from rackrate.app import outbox
from rackrate.app.credit import burns
from rackrate.app.ports import Tx
from rackrate.app.world import World
from rackrate.core.ids import EntityId
from rackrate.core.lease import Lease
from rackrate.core.outbox import Topic
from rackrate.core.parties import Customer
from rackrate.core.pricing import Price, PriceBook

# So long before it ends, once a day, it is looked for.
TOLD_BEFORE = timedelta(days=3)
NOTHING = "none; what runs has to end before"


def tell(world: World, tx: Tx, entity: EntityId) -> None:
    """Once for each price that ends soon, to a customer of the entity that uses it now."""
    prices, now = tx.find(Price), world.clock.now()
    book = PriceBook(prices)
    for price in prices:
        if price.customer is None or not _ends_soon(price, now):
            continue
        customer = tx.get(Customer, price.customer)
        cause = f"price/{price.id}/ends"
        if customer.entity == entity and not outbox.was_told(tx, cause):
            _tell(world, tx, price, book.of(customer.id), cause)


def _ends_soon(price: Price, now: datetime) -> bool:
    return price.until is not None and now < price.until <= now + TOLD_BEFORE


def _tell(world: World, tx: Tx, price: Price, book: PriceBook, cause: str) -> None:
    assert price.customer is not None
    assert price.until is not None
    if price.sku is None or price.klass is None:
        return
    steps = book.steps(price.sku, price.klass, price.currency)
    leases = [each for each in tx.find(Lease, customer=price.customer, live=True) if burns(each)]
    leases = [each for each in leases if _at(each, price)]
    if not leases or steps.at(world.clock.now()) != price:
        return
    following = steps.at(price.until)
    facts = {
        "sku": price.sku,
        "class": price.klass.value,
        "now": _said(price),
        "then": NOTHING if following is None else _said(following),
        "until": price.until.isoformat(),
        "leases": " ".join(each.id for each in leases),
        "count": str(len(leases)),
    }
    outbox.tell(world, tx, Topic.PRICE_ENDS, price.customer, cause, facts)


def _at(lease: Lease, price: Price) -> bool:
    terms = lease.terms
    return (terms.sku, terms.klass, terms.contract) == (price.sku, price.klass, None)


def _said(price: Price) -> str:
    return f"{price.amount:,f} {price.currency} per {price.per}"
