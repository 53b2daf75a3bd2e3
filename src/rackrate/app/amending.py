"""Amendments: the core says what a contract becomes; calendar, deliveries and invoices follow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from rackrate.app import committed, dedicated, settling
from rackrate.app.billing import issue
from rackrate.app.floor import check_floor
from rackrate.app.instalments import contract_lines
from rackrate.app.ports import Tx
from rackrate.app.promising import cut_back, held_by, lay, sites_of, tell_until_when_safe
from rackrate.app.renewing import Going, Placed, Right, going_on, let_go, reserve, right_of
from rackrate.app.sales import (
    Batches,
    check_amount,
    check_commitment,
    check_to_come,
    check_worth,
    owner_of,
    placed,
    planned_batches,
)
from rackrate.app.world import World, acting, check_near, reading
from rackrate.core.access import Actor, Verb
from rackrate.core.calendar import Reservation
from rackrate.core.contract import (
    Amended,
    Amendment,
    Commitment,
    Contract,
    Delivery,
    Newer,
    When,
    check_coherent,
    check_swappable,
    end_early,
    extend,
    fewer,
    more,
    renew,
    still_to_come,
    swap,
)
from rackrate.core.errors import Invalid
from rackrate.core.ids import ContractId, SkuId
from rackrate.core.interval import Month
from rackrate.core.inventory import Sku
from rackrate.core.invoice import Line
from rackrate.core.money import Money
from rackrate.core.parties import Customer

LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class More:
    """Further commitments; `batches` by their place among them, from 1."""

    commitments: tuple[Commitment, ...]
    batches: Mapping[int, Batches] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fewer:
    """Only `nodes` of a commitment are left from `at` on."""

    commitment: int
    nodes: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Extend:
    """A commitment goes on until `until`, at `amount` a month or what it costs now."""

    commitment: int
    until: datetime
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """Nodes of another SKU take a commitment's place from `at` on. `nodes` None: as many."""

    commitment: int
    sku: SkuId
    amount: Money
    at: datetime
    nodes: int | None = None
    same_block: bool = False


@dataclass(frozen=True, slots=True)
class Renew:
    """The renewal right is used."""


@dataclass(frozen=True, slots=True)
class End:
    """Everything ends at `at`."""

    at: datetime


Change = More | Fewer | Extend | Swap | Renew | End


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a change does: the contract as it becomes, what is due at once, and its right to renew
    from then on.
    """

    done: Amended
    lines: tuple[Line, ...]
    right: Right | None

    @property
    def contract(self) -> Contract:
        return self.done.contract

    @property
    def amendment(self) -> Amendment:
        return self.done.amendment


class _OnlyShown(Exception):
    def __init__(self, agreed: Agreed) -> None:
        super().__init__()
        self.agreed = agreed


def amend(world: World, actor: Actor, id: ContractId, change: Change, note: str = "") -> Contract:
    """Agree a change: nodes are reserved and freed, and what is due at once is invoiced."""
    if len(note) > LONGEST_NOTE or not all(char.isprintable() for char in note):
        raise Invalid("note", f"a note is one line of at most {LONGEST_NOTE} characters")
    with acting(world, actor, Verb.CONTRACT_WRITE, owner_of(id)) as tx:
        agreed = _agreed(world, tx, id, change, note)
        check_floor(world, tx, actor, agreed.contract, agreed.amendment.number)
        if agreed.lines:
            customer = tx.get(Customer, agreed.contract.customer)
            month = Month.of(world.clock.now(), customer.time_zone)
            cause = f"amendment/{id}/{agreed.amendment.number}"
            issue(world, tx, customer, cause, month, agreed.lines)
        return agreed.contract


def preview(world: World, actor: Actor, id: ContractId, change: Change) -> Agreed:
    """What the change would do, fee and all: it is done and undone, so that nothing is missed.

    Not for a transaction around several acts, which would keep what is undone here.
    """
    try:
        with reading(world, actor, Verb.CONTRACT_WRITE, owner_of(id)) as tx:
            agreed = _agreed(world, tx, id, change, "")
            check_floor(world, tx, actor, agreed.contract, agreed.amendment.number)
            raise _OnlyShown(agreed)
    except _OnlyShown as shown:
        return shown.agreed


def _agreed(world: World, tx: Tx, id: ContractId, change: Change, note: str) -> Agreed:
    now = world.clock.now()
    customer = tx.get(Customer, tx.get(Contract, id).customer)
    _lock(tx, tx.get(Contract, id), change)
    contract, when = tx.get(Contract, id), When(now, customer.time_zone, note)
    done = _decided(tx, customer, contract, change, when, {})
    check_coherent(done.contract, committed.alike(tx))
    check_worth(done.contract.commitments, done.contract.costing(customer.time_zone))
    dedicated.lift(tx, contract)
    freed = let_go(world, tx, contract, done.contract)
    placed: Placed = {}
    if isinstance(change, Extend | Renew):
        done, placed = _on_its_nodes(
            world,
            tx,
            contract,
            done,
            freed,
            partial(_decided, tx, customer, contract, change, when),
        )
    _write(world, tx, done, change, placed)
    settling.lock(tx, customer.id)  # Whoever credits what this takes back is seen, or waits.
    lines = contract_lines(tx, done.contract, Month.of(now, customer.time_zone), now)
    right = right_of(world, tx, done.contract)
    return Agreed(done, tuple(lines), right)


def _on_its_nodes(
    world: World,
    tx: Tx,
    contract: Contract,
    done: Amended,
    freed: Placed,
    decided: Callable[[Mapping[int, int]], Amended],
) -> tuple[Amended, Placed]:
    """What goes on longer, with what of it goes to other blocks because its own are sold."""
    longer = [each for each in done.added if each.nodes]
    going: dict[int, Going] = {}
    for each in longer:
        going[each.follows] = going_on(world, tx, contract, each, freed.get(each.follows, ()))
        lay(tx, contract, each, going[each.follows].pools)  # The next does not have these, too.
    for each in longer:
        for held in held_by(tx, contract, each):
            tx.remove(Reservation, held.id)
    moving = {number: each.moving for number, each in going.items() if each.moving}
    if moving:
        done = decided(moving)
    placed = {
        each.number: going[each.follows].moves if each.anew else going[each.follows].stays
        for each in done.added
        if each.nodes
    }
    return done, placed


def _lock(tx: Tx, contract: Contract, change: Change) -> None:
    """Every site that it may concern, in order (decision 17)."""
    sites = set(sites_of(contract.commitments))
    wanted = change.commitments if isinstance(change, More) else ()
    skus = {each.sku for each in wanted if each.sku is not None}
    skus |= {change.sku} if isinstance(change, Swap) else set()
    sites |= {tx.get(Sku, sku).site for sku in skus}
    for site in sorted(sites):
        tx.fleet(site)


def _decided(
    tx: Tx,
    customer: Customer,
    contract: Contract,
    change: Change,
    when: When,
    moving: Mapping[int, int],
) -> Amended:
    """`moving` are, by commitment, how many nodes go on on other blocks."""
    match change:
        case More(commitments=commitments):
            check_to_come(change.batches, when.now)
            for each in commitments:
                check_commitment(each)
                check_near("start", each.during.start, when.now)
            wanted = [placed(tx, customer, contract.terms, each) for each in commitments]
            return more(contract, when, wanted)
        case Fewer():
            return fewer(contract, when, change.commitment, change.nodes, change.at)
        case Extend():
            check_near("until", change.until, when.now)
            check_amount("amount", change.amount)
            number, away = change.commitment, moving.get(change.commitment, 0)
            return extend(contract, when, number, change.until, change.amount, away)
        case Swap():
            newer = _newer(tx, customer, contract, change)
            return swap(contract, when, change.commitment, newer, change.at)
        case Renew():
            return renew(contract, when, moving)
        case End():
            return end_early(contract, when, change.at)


def _newer(tx: Tx, customer: Customer, contract: Contract, change: Swap) -> Newer:
    old = contract.commitment(change.commitment)
    if old is None or not old.nodes:
        raise Invalid("commitment", f"{contract.id} has no nodes under {change.commitment}")
    if change.amount.currency != contract.currency:
        raise Invalid("currency", f"{contract.id} is in {contract.currency}")
    check_amount("amount", change.amount)
    nodes = old.nodes if change.nodes is None else change.nodes
    if nodes < 1:
        raise Invalid("nodes", f"{nodes} is not at least 1")
    check_swappable(old)
    as_new = replace(old, sku=change.sku, nodes=nodes, amount=change.amount)
    there = placed(tx, customer, contract.terms, as_new)
    check_commitment(there)
    assert there.site is not None
    chip = tx.get(Sku, change.sku).chip
    return Newer(chip, change.sku, there.site, nodes, change.amount, change.same_block)


def _write(world: World, tx: Tx, done: Amended, change: Change, placed: Placed) -> None:
    contract = done.contract
    cut_back(tx, contract, done.cut)
    if done.cut:
        _cut_batches(tx, contract)
    reserve(world, tx, contract, done.added, placed)
    first = len(contract.commitments) - len(done.added)
    plans = change.batches if isinstance(change, More) else {}
    moved = {first + place: batches for place, batches in plans.items()}
    tx.add(*planned_batches(contract, done.added, moved))
    tx.put(contract)
    tell_until_when_safe(world, tx, sites_of((*done.added, *done.cut)))


def _cut_batches(tx: Tx, contract: Contract) -> None:
    """What is not handed over yet shrinks or goes with the nodes that it was to bring."""
    batches = tx.find(Delivery, contract=contract.id)
    left = {each.id: each for each in still_to_come(contract, batches)}
    for each in batches:
        after = left.get(each.id)
        if after is None and each.delivered is None:
            tx.remove(Delivery, each.id)
        elif after is not None and after != each:
            tx.put(after)
