"""Credit limits: what a customer may still start, worked out without rating its use each time.

Only a customer with a limit pays for this. A start that fits costs it a lock, its open invoices and
one row that is carried on by what runs. Its use is rated anew where that row is older than an hour,
or says no: the row may be too high, and a refusal is never given on what may be too high.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from rackrate.app.metering import Meter, last_close
from rackrate.app.ports import Tx
from rackrate.app.world import World, acting, confine, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.credit import HOUR_S, Credit, CreditTally
from rackrate.core.errors import Invalid
from rackrate.core.ids import CustomerId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice, Line, LineKind
from rackrate.core.lease import Lease, Phase, Terms, Wanted
from rackrate.core.money import Money, total
from rackrate.core.parties import Customer
from rackrate.core.payment import Allocation, Payment
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.tax import TaxRule, tax_on, tax_rule

_AT_REST = frozenset({Phase.STOPPED, Phase.ENDED})


def check(world: World, tx: Tx, customer: Customer, terms: Terms, price: Price) -> None:
    """Refused `credit_limit` where what starts does not fit; else it is counted from now on."""
    if customer.credit_limit is None:
        return
    # Starts of one customer are counted one after the other, at whatever sites they are.
    tx.number(f"credit/{customer.id}")
    now = world.clock.now()
    more = _hourly(tx, customer, terms, price, now)
    tally = tx.peek(CreditTally, customer.id)
    if tally is not None and tally.holds(now, customer.currency):
        tally = tally.on(now)
        if _standing(tx, customer, tally).allows(more):
            tx.put(tally.with_start(more))
            return
    tally = _count(tx, customer, now)
    _exactly(tx, customer, tally).check(more)
    tx.put(tally.with_start(more))


def show(world: World, actor: Actor, id: CustomerId) -> Credit:
    """A customer's limit, and what counts against it now."""
    with reading(world, actor, Verb.INVOICE_READ, Target("customer", id, id)) as tx:
        confine(tx, actor)
        customer = tx.get(Customer, id)
        return _exactly(tx, customer, _count(tx, customer, world.clock.now()))


def set_limit(world: World, actor: Actor, id: CustomerId, limit: Money | None) -> Credit:
    """From now on, for what starts; None: it has none. What runs already, runs on."""
    with acting(world, actor, Verb.INVOICE_WRITE, Target("customer", id, id)) as tx:
        customer = tx.get(Customer, id)
        try:
            customer = replace(customer, credit_limit=limit)
        except ValueError as error:
            raise Invalid("limit", str(error)) from None
        tx.put(customer)
        return _exactly(tx, customer, _count(tx, customer, world.clock.now()))


def used_in(tx: Tx, customer: Customer, month: Month, now: datetime) -> list[Line]:
    """What a month's use costs so far, as its invoice would have it now."""
    if now <= month.interval(customer.time_zone).start:
        return []
    return list(Meter(tx, tx.get(Entity, customer.entity), month, now).lines(customer))


def with_tax(tx: Tx, customer: Customer, lines: Iterable[Line]) -> Money:
    """What the lines come to, each with its tax."""
    rule = rule_of(tx, customer)
    amounts = (
        each.net + tax_on(each.net, rule) if each.gross is None else each.gross for each in lines
    )
    return total(amounts, customer.currency)


def rule_of(tx: Tx, customer: Customer) -> TaxRule:
    return tax_rule(customer.tax_rule or tx.get(Entity, customer.entity).output_tax)


def burns(lease: Lease) -> bool:
    """Whether it is sold by the moment, and costs something for as long as it is not stopped."""
    running = lease.wanted is Wanted.RUNNING and lease.phase not in _AT_REST
    return running and lease.terms.contract is None


def _standing(tx: Tx, customer: Customer, tally: CreditTally) -> Credit:
    """Never better than it is: money that is allocated to nothing is left out."""
    open_ = tx.find(Invoice, customer=customer.id, unsettled=True)
    owed = total((each.open for each in open_ if _same(each, customer)), customer.currency)
    return Credit(customer.credit_limit, owed, tally.used, tally.hourly)


def _same(invoice: Invoice, customer: Customer) -> bool:
    return invoice.gross.currency == customer.currency


def _exactly(tx: Tx, customer: Customer, tally: CreditTally) -> Credit:
    found, currency = _standing(tx, customer, tally), customer.currency
    came = tx.find(Payment, customer=customer.id)
    spent = tx.find(Allocation, source=tuple(each.id for each in came))
    unapplied = total((e.amount for e in came if e.amount.currency == currency), currency) - total(
        (e.amount for e in spent if e.amount.currency == currency), currency
    )
    return replace(found, owed=found.owed - unapplied)


def _count(tx: Tx, customer: Customer, now: datetime) -> CreditTally:
    """What was used since the last closed month, rated as an invoice would, and what runs."""
    used = Money.zero(customer.currency)
    this = Month.of(now, customer.time_zone)
    closed = last_close(tx, tx.get(Entity, customer.entity))
    first = tx.find(Lease, customer=customer.id, limit=1)
    begun = Month.of(first[0].created, customer.time_zone) if first else this
    month = begun if closed is None else closed.month.plus(1)
    # What was learnt late of closed months is on the first invoice to come, and on no other.
    late = True
    while month <= this:
        lines = used_in(tx, customer, month, now)
        used += with_tax(tx, customer, (e for e in lines if late or e.kind is LineKind.USAGE))
        month, late = month.plus(1), False
    return CreditTally(customer.id, now, now, used, _running(tx, customer, now))


def _running(tx: Tx, customer: Customer, now: datetime) -> Money:
    """What the on-demand leases of a customer cost an hour, each at its price in force."""
    books: dict[str, PriceBook] = {}
    costs: list[Money] = []
    for lease in tx.find(Lease, customer=customer.id, live=True):
        if burns(lease):
            sku, klass = lease.terms.sku, lease.terms.klass
            if sku not in books:
                found = tx.find(Price, sku=sku, klass=klass, currency=customer.currency)
                books[sku] = PriceBook(found).of(customer.id)
            price = books[sku].steps(sku, klass, customer.currency).at(now)
            if price is not None:
                costs.append(_hourly(tx, customer, lease.terms, price, now))
    return total(costs, customer.currency)


def _hourly(tx: Tx, customer: Customer, terms: Terms, price: Price, now: datetime) -> Money:
    """What it costs for an hour of this month, with tax."""
    seconds = Month.of(now, customer.time_zone).interval(customer.time_zone).seconds
    exact = Fraction(*price.per_second(seconds)) * HOUR_S * terms.slots * terms.nodes
    money = Money.rounded(exact, customer.currency)
    return money if price.tax_included else money + tax_on(money, rule_of(tx, customer))
