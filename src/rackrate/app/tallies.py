"""Delivered, healthy, reserved, in use: for a customer and for each of its contracts."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime

from rackrate.app.ports import Tx
from rackrate.app.world import Locate, World, owned_by_project, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.contract import Contract, Delivery
from rackrate.core.ids import ContractId, CustomerId, SiteId
from rackrate.core.inventory import Site
from rackrate.core.lease import Lease, Phase
from rackrate.core.parties import Customer
from rackrate.core.tally import Handed, Tally, handed_over, in_use, neighbours, promised_tallies


@dataclass(frozen=True, slots=True)
class CustomerTally:
    """All contracts of a customer together, and apart. `in_use` of all has what runs by the
    moment, too; that of a contract only its own.
    """

    customer: CustomerId
    total: Tally
    contracts: Mapping[ContractId, Tally]


def of_customer(world: World, actor: Actor, customer: CustomerId) -> CustomerTally:
    """The four numbers now (core.tally.Tally says what each counts)."""
    with reading(world, actor, Verb.CONTRACT_READ, Target("customer", customer, customer)) as tx:
        tx.get(Customer, customer)
        contracts = {contract.id for contract in tx.find(Contract, customer=customer)}
        return _tally(world, tx, customer, contracts)


def of_contract(world: World, actor: Actor, id: ContractId) -> Tally:
    """The four numbers of one contract, now."""
    with reading(world, actor, Verb.CONTRACT_READ, _owner(id)) as tx:
        contract = tx.get(Contract, id)
        return _tally(world, tx, contract.customer, {id}).contracts[id]


def _owner(id: ContractId) -> Locate:
    return owned_by_project("contract", Contract, id)


def _tally(world: World, tx: Tx, customer: CustomerId, contracts: set[ContractId]) -> CustomerTally:
    now = world.clock.now()
    leases = tx.find(Lease, customer=customer, live=True)
    failing = {lease.id for lease in leases if lease.phase is Phase.INTERRUPTED}
    found = dict.fromkeys(contracts, Tally())
    everything = Tally()
    for site in _sites(tx):
        fleet = tx.fleet(site)
        handed = _handed(tx, site, contracts, now)
        for holder, tally in promised_tallies(fleet, contracts, failing, now, handed).items():
            id = ContractId(holder)
            mine = {lease.id for lease in leases if lease.terms.contract == id}
            found[id] += replace(tally, in_use=in_use(fleet, mine))
            everything += tally
        everything += Tally(in_use=in_use(fleet, {lease.id for lease in leases}))
    return CustomerTally(customer, everything, dict(sorted(found.items())))


def _handed(
    tx: Tx, site: SiteId, contracts: Set[ContractId], now: datetime
) -> Mapping[str, Handed]:
    """What was handed over of these contracts, and of others in whose pools they are."""
    ids = tuple(sorted(neighbours(tx.fleet(site), contracts, now)))
    if not ids:
        return {}
    batches: dict[ContractId, list[Delivery]] = {}
    for each in tx.find(Delivery, contract=ids):
        batches.setdefault(each.contract, []).append(each)
    found = {
        row.id: handed_over(row, batches.get(row.id, ()), site, now)
        for row in tx.find(Contract, id=ids)
    }
    return {id: handed for id, handed in found.items() if handed is not None}


def _sites(tx: Tx) -> list[SiteId]:
    return [site.id for site in tx.find(Site)]
