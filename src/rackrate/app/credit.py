"""Credit limits and wallets: what a customer may still start, without rating its use each time.

Only a customer with a limit or a wallet pays for this. A start that fits costs it a lock, its open
invoices and one row that is carried on by what runs. Its use is rated anew where that row is older
than an hour, or says no: the row may be too high, and a refusal is never given on what may be too
high.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from rackrate.app import committed, settling, shortfalls
from rackrate.app.metering import Meter, last_close
from rackrate.app.ports import Tx
from rackrate.app.site_use import first_used
from rackrate.app.world import World, acting, confine, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.address import Address
from rackrate.core.contract import Contract
from rackrate.core.credit import HOUR_S, LOOK_AHEAD, Credit, CreditTally
from rackrate.core.errors import Invalid
from rackrate.core.ids import ContractId, CustomerId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.inventory import Entity, Sku
from rackrate.core.invoice import Invoice, Line, LineKind, totals
from rackrate.core.lease import Lease, LeaseClass, LeaseEvent, Phase, Terms, Wanted
from rackrate.core.money import Money, total
from rackrate.core.parties import Customer
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.rating import amount, rate_kept
from rackrate.core.site_use import charges, counted
from rackrate.core.tax import TaxRule, tax_on, tax_rule
from rackrate.core.treatment import Supply
from rackrate.core.usage import kept, volumes_of
from rackrate.core.wallet import Wallet

# Of lines that name no rule, which those of a meter do.
NO_TAX = "none"
_AT_REST = frozenset({Phase.STOPPED, Phase.ENDED})


def lock(tx: Tx, customer: CustomerId) -> None:
    """Starts of one customer are counted one after the other, at whatever sites they are."""
    tx.number(f"credit/{customer}")


def check(world: World, tx: Tx, customer: Customer, terms: Terms, price: Price) -> None:
    """Refused `credit_limit` or `wallet_too_low` where what starts does not fit; else it is
    counted from now on.
    """
    now = world.clock.now()
    if not _limited(tx, customer):
        return
    if terms.contract is not None and _is_prepaid(tx, terms.contract, now):
        return
    lock(tx, customer.id)
    _fit(tx, customer, _hourly(tx, customer, terms, price, now), now)


def check_address(world: World, tx: Tx, customer: Customer, new: Address) -> None:
    """The same of a public address, which costs something as long as it is held."""
    if _limited(tx, customer):
        lock(tx, customer.id)
        now = world.clock.now()
        _fit(tx, customer, _an_hour(tx, customer, (), (new,), now), now)


def _limited(tx: Tx, customer: Customer) -> bool:
    wallet = tx.peek(Wallet, customer.id)
    return customer.credit_limit is not None or (wallet is not None and wallet.in_use)


def _fit(tx: Tx, customer: Customer, more: Money, now: datetime) -> None:
    """Refused where so much more an hour does not fit; else it is counted from now on."""
    wallet = tx.peek(Wallet, customer.id)
    tally = tx.peek(CreditTally, customer.id)
    if tally is not None and tally.holds(now, customer.currency):
        tally = tally.on(now)
        if standing(tx, customer, tally, count_money=wallet is not None).allows(more):
            tx.put(tally.with_start(more))
            return
    tally = count(tx, customer, now)
    standing(tx, customer, tally).check(more)
    tx.put(tally.with_start(more))


def _is_prepaid(tx: Tx, id: ContractId, now: datetime) -> bool:
    """Whether something is left of what was prepaid for use under a contract."""
    contract = tx.get(Contract, id)
    if not contract.terms.payment.balance:
        return False
    balance = shortfalls.standing(tx, contract, now).balance
    return balance is not None and balance.left.minor > 0


def show(world: World, actor: Actor, id: CustomerId) -> Credit:
    """A customer's limit, and what counts against it now."""
    with reading(world, actor, Verb.INVOICE_READ, Target("customer", id, id)) as tx:
        confine(tx, actor)
        customer = tx.get(Customer, id)
        return standing(tx, customer, count(tx, customer, world.clock.now()))


def set_limit(world: World, actor: Actor, id: CustomerId, limit: Money | None) -> Credit:
    """From now on, for what starts; None: it has none. What runs already, runs on."""
    with acting(world, actor, Verb.INVOICE_WRITE, Target("customer", id, id)) as tx:
        settling.lock(tx, id)
        customer = tx.get(Customer, id)
        try:
            customer = replace(customer, credit_limit=limit)
        except ValueError as error:
            raise Invalid("limit", str(error)) from None
        tx.put(customer)
        settling.changed(tx, id)
        return standing(tx, customer, count(tx, customer, world.clock.now()))


def used_in(tx: Tx, customer: Customer, month: Month, now: datetime) -> list[Line]:
    """What a month's use costs so far, as its invoice would have it now, less what of it was
    prepaid under a contract.
    """
    if now <= month.interval(customer.time_zone).start:
        return []
    meter = Meter(tx, tx.get(Entity, customer.entity), month, now)
    lines = list(meter.lines(customer))
    for id, under in meter.under.lines.items() if meter.under else ():
        closed = shortfalls.lines_of(tx, tx.get(Contract, id), under, month, now)
        drawn = [each for each in closed if each.kind is LineKind.DRAWDOWN]
        # What is drawn beyond what was used is for the rest of a minimum, which nobody used.
        more = total((each.asked for each in (*under, *drawn)), customer.currency)
        if more.minor > 0:
            lines += drawn
        else:
            lines = [each for each in lines if each.contract != id]
    return lines


def with_tax(customer: Customer, lines: Iterable[Line]) -> Money:
    """What the lines come to with tax, rounded as on an invoice."""
    return totals(list(lines), tax_rule(NO_TAX), customer.currency).gross


def rule_of(tx: Tx, customer: Customer, sku: SkuId | None, month: Month) -> TaxRule:
    """The rule of what a customer uses of a SKU; of none, of what it keeps."""
    found = None if sku is None else tx.peek(Sku, sku)
    supply = Supply.SERVICE if found is None else found.supply
    return tx.get(Entity, customer.entity).taxes(customer).rule(supply, month)


def burns(lease: Lease) -> bool:
    """Whether it is sold by the moment, and costs something for as long as it is not stopped."""
    return _runs(lease) and by_the_moment(lease)


def by_the_moment(lease: Lease) -> bool:
    """Whether it may be stopped for want of money: never what is under a contract."""
    return lease.terms.contract is None


def _runs(lease: Lease) -> bool:
    return lease.wanted is Wanted.RUNNING and lease.phase not in _AT_REST


def not_over(tx: Tx, customer: CustomerId) -> list[Lease]:
    """Leases of a customer that run, or are stopped and keep their volumes."""
    stopped = tx.find(Lease, customer=customer, phase=Phase.STOPPED)
    found = (*tx.find(Lease, customer=customer, live=True), *stopped)
    return list({each.id: each for each in found}.values())


def standing(tx: Tx, customer: Customer, tally: CreditTally, count_money: bool = True) -> Credit:
    """How a customer stands by this count. Never better than it is where money is not counted
    that is allocated to nothing; to look for that takes all of its payments.
    """
    currency = customer.currency
    open_ = tx.find(Invoice, customer=customer.id, unsettled=True)
    owed = total((e.open for e in open_ if e.gross.currency == currency), currency)
    held = Money.zero(currency)
    if count_money:
        money = settling.money_of(tx, customer.id)
        held = total((e.left for e in money if e.left.currency == currency), currency)
    wallet, limit = tx.peek(Wallet, customer.id), customer.credit_limit
    ahead = wallet is not None and wallet.in_use
    if ahead and limit is None:
        limit = Money.zero(currency)
    return Credit(limit, owed - held, tally.used, tally.hourly, held, ahead)


def count(tx: Tx, customer: Customer, now: datetime) -> CreditTally:
    """What was used since the last closed month, rated as an invoice would, and what runs."""
    used = Money.zero(customer.currency)
    this = Month.of(now, customer.time_zone)
    closed = last_close(tx, tx.get(Entity, customer.entity))
    first = first_used(tx, customer.id)
    begun = Month.of(first, customer.time_zone) if first else this
    month = begun if closed is None else closed.month.plus(1)
    # What was learnt late of closed months is on the first invoice to come, and on no other.
    late = True
    while month <= this:
        lines = used_in(tx, customer, month, now)
        used += with_tax(customer, (e for e in lines if late or e.kind is not LineKind.CORRECTION))
        month, late = month.plus(1), False
    hourly = _running(tx, customer, now) + _keeping(tx, customer, now)
    return CreditTally(customer.id, now, now, used, hourly)


def _running(tx: Tx, customer: Customer, now: datetime) -> Money:
    """What runs by its use costs an hour, each at its price in force."""
    plain: dict[SkuId, PriceBook] = {}
    costs: list[Money] = []
    for lease in tx.find(Lease, customer=customer.id, live=True):
        terms = lease.terms
        if not _runs(lease) or terms.klass is LeaseClass.CONTRACT:
            continue
        if terms.sku not in plain:
            plain[terms.sku] = committed.plain_book(tx, customer, terms.sku)
        book = plain[terms.sku]
        if terms.contract is not None:
            contract = tx.get(Contract, terms.contract)
            if contract.terms.payment.balance:
                continue  # It is drawn from what was prepaid.
            book = committed.agreed_book(tx, contract, customer, book)
        price = book.steps(terms.sku, terms.klass, customer.currency).at(now)
        if price is not None:
            costs.append(_hourly(tx, customer, terms, price, now))
    return total(costs, customer.currency)


def _keeping(tx: Tx, customer: Customer, now: datetime) -> Money:
    """What the volumes and addresses of a customer cost an hour, whether anything runs or not."""
    leases = not_over(tx, customer.id)
    keeping = [(each, tx.history(each.id)) for each in leases if volumes_of(each)]
    held = tx.find(Address, customer=customer.id, freed="")
    return _an_hour(tx, customer, keeping, held, now)


def _an_hour(
    tx: Tx,
    customer: Customer,
    keeping: Sequence[tuple[Lease, Sequence[LeaseEvent]]],
    held: Sequence[Address],
    now: datetime,
) -> Money:
    """What they cost in the next hour, with tax."""
    if not (keeping or held):
        return Money.zero(customer.currency)
    book = PriceBook(tx.find(Price, currency=customer.currency)).of(customer.id)
    month = Month.of(now, customer.time_zone)
    seconds = month.interval(customer.time_zone).seconds
    hour = Interval(now, now + LOOK_AHEAD)
    found = rate_kept(kept(keeping, hour), book, customer.currency, seconds)
    found += charges(counted(held, book, customer.currency, hour), seconds)
    rule = rule_of(tx, customer, None, month)
    amounts = ((amount(each), each.price.tax_included) for each in found)
    return total((m if inside else m + tax_on(m, rule) for m, inside in amounts), customer.currency)


def _hourly(tx: Tx, customer: Customer, terms: Terms, price: Price, now: datetime) -> Money:
    """What it costs for an hour of this month, with tax."""
    month = Month.of(now, customer.time_zone)
    seconds = month.interval(customer.time_zone).seconds
    exact = Fraction(*price.per_second(seconds)) * HOUR_S * terms.slots * terms.nodes
    money = Money.rounded(exact, customer.currency)
    if price.tax_included:
        return money
    return money + tax_on(money, rule_of(tx, customer, terms.sku, month))
