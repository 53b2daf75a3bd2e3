"""Closing what is used under contracts: shortfalls, prepaid balances, and telling of low ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rackrate.app import exchange, outbox
from rackrate.app.instalments import books_of
from rackrate.app.issuing import Seller
from rackrate.app.metering import last_close
from rackrate.app.ports import Tx
from rackrate.app.world import World, owned_by_project, reading
from rackrate.core.access import Actor, Verb
from rackrate.core.committed import Balance, Books, Counted, balance, counted, left_of, lines_of_use
from rackrate.core.contract import Contract, Left
from rackrate.core.contract import periods as minimums
from rackrate.core.ids import ContractId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Line
from rackrate.core.ledger import Entry, not_before
from rackrate.core.money import Money, total
from rackrate.core.outbox import Topic
from rackrate.core.parties import Customer
from rackrate.core.recognition import forfeited


def metered(contract: Contract) -> bool:
    """Whether a close has to look at what was used under it."""
    by_minimum = any(not each.planned for each in contract.commitments)
    return by_minimum or contract.terms.payment.balance


def lines_of(
    tx: Tx, contract: Contract, used: Iterable[Line], month: Month, now: datetime
) -> list[Line]:
    """What closing the month adds to the lines of what was used under the contract."""
    if not metered(contract):
        return []
    return lines_of_use(books_of(tx, contract, now, month), used)


def settle_balances(world: World, tx: Tx, seller: Seller, month: Month) -> None:
    """After the invoices of a month: what is forfeited, and who is told that little is left."""
    for contract in tx.find(Contract, entity=seller.entity.id):
        if not contract.terms.payment.balance:
            continue
        books = books_of(tx, contract, world.clock.now(), month)
        stands = balance(books)
        assert stands is not None
        if stands.over:
            _forfeit(world, tx, seller, books)
        elif stands.low(contract.terms.payment.tell_percent):
            _tell(world, tx, contract, stands)


@dataclass(frozen=True, slots=True)
class Standing:
    """A prepaid balance by what was invoiced, every period of a minimum that is closed, and the
    `least` that all of its minimums come to.
    """

    balance: Balance | None = None
    minimums: tuple[Counted, ...] = ()
    least: Money | None = None


def show(world: World, actor: Actor, id: ContractId) -> Standing:
    """What has become of use under a contract."""
    where = owned_by_project("contract", Contract, id)
    with reading(world, actor, Verb.CONTRACT_READ, where) as tx:
        return standing(tx, tx.get(Contract, id), world.clock.now())


def standing(tx: Tx, contract: Contract, now: datetime) -> Standing:
    """As `show`; nothing where nothing is by use."""
    if not metered(contract):
        return Standing()
    customer = tx.get(Customer, contract.customer)
    last = last_close(tx, tx.get(Entity, contract.entity))
    before = Month.of(min(contract.signed, contract.during.start), customer.time_zone).plus(-1)
    books = books_of(tx, contract, now, before if last is None else last.month)
    each = (minimums(one, customer.time_zone) for one in contract.commitments)
    least = total((period.minimum for of in each for period in of), contract.currency)
    return Standing(balance(books), tuple(counted(books)), least or None)


def _forfeit(world: World, tx: Tx, seller: Seller, books: Books) -> None:
    """What is left is earned with the contract's last month, once."""
    contract, zone = books.contract, seller.entity.time_zone
    if contract.terms.payment.left is not Left.FORFEIT:
        return
    left = total((net for _, _, net in left_of(books)), contract.currency)
    entry = forfeited(contract, books.closed, left, zone, world.clock.now())
    if entry is not None and tx.peek(Entry, entry.id) is None:
        exchange.post(tx, seller.entity, [not_before(entry, seller.locked)])


def _tell(world: World, tx: Tx, contract: Contract, stands: Balance) -> None:
    """Once for each amount that was prepaid: what an amendment adds may run low again."""
    cause = f"balance/{contract.id}/{stands.prepaid.minor}"
    if outbox.was_told(tx, cause):
        return
    facts = {
        "contract": contract.id,
        "left": f"{stands.left.amount:f}",
        "prepaid": f"{stands.prepaid.amount:f}",
        "currency": contract.currency,
    }
    outbox.tell(world, tx, Topic.PREPAYMENT_LOW, contract.customer, cause, facts)
