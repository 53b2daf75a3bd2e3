"""Use under a contract: what a lease may have of it now, in which class, and at which price."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from rackrate.app.ports import Tx
from rackrate.core.contract import (
    OF_NODES,
    Commitment,
    CommitmentKind,
    Contract,
    Overage,
    Rate,
    Rates,
    Terms,
)
from rackrate.core.contract.agreed import AgreedBook, Alike
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import ContractId, SkuId
from rackrate.core.inventory import Node, Sku
from rackrate.core.invoice import Line
from rackrate.core.lease import LeaseClass
from rackrate.core.parties import Customer
from rackrate.core.pricing import Price, PriceBook, Unit
from rackrate.core.treatment import Supply

# In which class a lease runs on nodes of a commitment.
OF_KIND: Mapping[CommitmentKind, LeaseClass] = {
    CommitmentKind.CAPACITY: LeaseClass.CONTRACT,
    CommitmentKind.FLEX: LeaseClass.FLEX,
}


def class_under(tx: Tx, contract: Contract, sku: Sku, now: datetime) -> LeaseClass:
    """In which class a lease of the SKU is under the contract, where nobody says it: on its nodes,
    unless the SKU counts to a minimum of use, and the nodes are of another one.
    """
    fits = [each for each in contract.capacity_at(now) if _alike(tx, each, sku)]
    named = any(
        each.covers(now) and each.use is not None and sku.id in each.use.rates.named
        for each in contract.commitments
        if each.kind is CommitmentKind.USE
    )
    if fits and not (named and all(each.sku != sku.id for each in fits)):
        return OF_KIND[fits[0].kind]
    reserves = any(each.kind in OF_NODES for each in contract.commitments)
    return LeaseClass.CONTRACT if reserves and not named else LeaseClass.ON_DEMAND


def check_reserved(tx: Tx, contract: Contract, sku: Sku, klass: LeaseClass, now: datetime) -> None:
    """Whether the contract has nodes of this chip at this site now, for leases of this class."""
    in_force = contract.capacity_at(now)
    if not in_force:
        raise Refused(Reason.BEYOND_CONTRACT, f"{contract.id} runs over {contract.during}")
    fits = [each for each in in_force if _alike(tx, each, sku)]
    if not fits:
        has = ", ".join(sorted({each.sku for each in in_force if each.sku is not None}))
        raise Refused(Reason.BEYOND_CONTRACT, f"{contract.id} is for {has}, not {sku.id}")
    if not any(OF_KIND[each.kind] is klass for each in fits):
        other = OF_KIND[fits[0].kind]
        raise Refused(
            Reason.BEYOND_CONTRACT,
            f"what {contract.id} has of {sku.id} is of class {other}, not {klass}",
            {"class": str(other)},
        )


def check_agreed(tx: Tx, contract: Contract, customer: Customer, sku: Sku, now: datetime) -> Price:
    """The price at which the SKU may be used on demand under the contract now; Refused where
    nothing is agreed for it, with what it would cost without the contract.
    """
    plain = plain_book(tx, customer, sku.id)
    book = agreed_book(tx, contract, customer, plain)
    klass, currency = LeaseClass.ON_DEMAND, customer.currency
    price = book.steps(sku.id, klass, currency).at(now)
    running = contract.during.contains(now) and now < contract.over
    if running and price is not None and book.commitment_of(price) is not None:
        return price
    listed = plain.steps(sku.id, klass, currency).at(now)
    said = f"; without it, it is {listed.amount:f} {currency} per {listed.per}" if listed else ""
    when = "" if running else f" now: it runs over {contract.during}"
    raise Refused(
        Reason.NOT_AGREED,
        f"{contract.id} agrees neither rates nor overage for {sku.id}{when}{said}",
        {"list": None if listed is None else f"{listed.amount:f}", "currency": currency},
    )


def overage_words(tx: Tx, contract: Contract, sku: Sku, now: datetime) -> str:
    """What a refusal adds where the reserved nodes are in use: at what more could be had."""
    customer = tx.get(Customer, contract.customer)
    try:
        price = check_agreed(tx, contract, customer, sku, now)
    except Refused:
        return ""
    return (
        f"; with overage it starts on demand, at {price.amount:f} {price.currency} per {price.per}"
    )


def plain_book(tx: Tx, customer: Customer, *skus: SkuId) -> PriceBook:
    """What the customer pays for these SKUs without any contract."""
    found = tx.find(Price, sku=skus, currency=customer.currency)
    return PriceBook(found).of(customer.id)


def agreed_book(tx: Tx, contract: Contract, customer: Customer, plain: PriceBook) -> AgreedBook:
    """At which prices the customer uses what it uses under the contract."""
    return AgreedBook(contract, plain, customer.time_zone, alike(tx))


def price_of(tx: Tx, line: Line) -> Price | None:
    """The price that a contract agreed for a line of use; None where none of a contract did."""
    if line.contract is None or line.sku is None or line.klass is None:
        return None
    contract = tx.get(Contract, line.contract)
    customer = tx.get(Customer, contract.customer)
    book = agreed_book(tx, contract, customer, plain_book(tx, customer, line.sku))
    found = book.all_of(line.sku, line.klass, line.net.currency)
    return next((price for price in found if price.id == line.price), None)


def alike(tx: Tx) -> Alike:
    """Whether two SKUs are units of the same nodes; each is looked up once."""
    known: dict[SkuId, Sku | None] = {}

    def of(id: SkuId) -> Sku | None:
        if id not in known:
            known[id] = tx.peek(Sku, id)
        return known[id]

    def same(one: SkuId, other: SkuId) -> bool:
        left, right = of(one), of(other)
        if one == other or left is None or right is None:
            return one == other
        return (left.chip, left.site) == (right.chip, right.site)

    return same


def with_slots(tx: Tx, each: Commitment) -> Commitment:
    """The commitment with what a GPU is in its rates; Missing or Invalid where that is nothing."""
    if each.use is None:
        return each
    for sku in each.use.rates.named:
        tx.get(Sku, sku)
    return replace(each, use=replace(each.use, rates=_with_slots(tx, each.use.rates)))


def overage_with_slots(tx: Tx, terms: Terms) -> Terms:
    """As `with_slots`, of what is agreed beyond the nodes."""
    if terms.overage is None:
        return terms
    for sku in terms.overage.rates.named:
        tx.get(Sku, sku)
    return replace(terms, overage=Overage(_with_slots(tx, terms.overage.rates)))


def overage_as_asked(terms: Terms) -> Terms:
    """The terms as they were asked for, before anybody looked up what a GPU is."""
    if terms.overage is None:
        return terms
    return replace(terms, overage=Overage(terms.overage.rates.as_asked))


def _with_slots(tx: Tx, rates: Rates) -> Rates:
    return replace(rates, rates=tuple(_slots_of(tx, rate) for rate in rates.rates))


def _slots_of(tx: Tx, rate: Rate) -> Rate:
    """A rate of a slot is one; of a GPU it is as many slots as the SKU's nodes have in each."""
    if rate.unit is not Unit.GPU_HOUR:
        return replace(rate, slots=1)
    sku = tx.get(Sku, rate.sku)
    parts = {node.parts for node in tx.find(Node, site=sku.site, chip=sku.chip)}
    if len(parts) != 1:
        cut = "are cut differently" if parts else "are not known yet"
        raise Invalid(
            "rate", f"nodes of {sku.chip} at {sku.site} {cut}: rate {sku.id} by slot_hour"
        )
    return replace(rate, slots=next(iter(parts)))


class Under:
    """What a customer uses under its contracts: each is looked up once. `lines` are by contract."""

    def __init__(self, tx: Tx, customer: Customer, plain: PriceBook) -> None:
        self._tx, self._customer, self._plain = tx, customer, plain
        self._books: dict[ContractId, AgreedBook] = {}
        self._alike = alike(tx)
        self.lines: dict[ContractId, list[Line]] = {}

    def book(self, id: ContractId) -> AgreedBook:
        """The price book of what is used under a contract."""
        if id not in self._books:
            contract, zone = self._tx.get(Contract, id), self._customer.time_zone
            self._books[id] = AgreedBook(contract, self._plain, zone, self._alike)
        return self._books[id]

    def supply(self, id: ContractId, price: Price) -> Supply | None:
        """What the contract says that it is to the tax law; None: nothing."""
        number, contract = self.book(id).commitment_of(price), self.book(id).contract
        found = contract.commitment(number) if number else None
        return None if found is None else found.supply

    def noted(self, id: ContractId, price: Price, line: Line) -> Line:
        """The line as one of the contract, where its price is; else as it is."""
        commitment = self.book(id).commitment_of(price)
        if commitment is None:
            return line
        line = replace(line, contract=id, commitment=commitment)
        self.lines.setdefault(id, []).append(line)
        return line


def _alike(tx: Tx, each: Commitment, sku: Sku) -> bool:
    if each.sku is None:
        return False
    sold = tx.get(Sku, each.sku)
    return (sold.chip, sold.site) == (sku.chip, sku.site)
