"""The beginning of the books: the first month that is closed; no money is dated before it."""

from datetime import datetime

from rackrate.app.ports import Tx
from rackrate.app.site_use import first_used
from rackrate.core.contract import Contract
from rackrate.core.errors import Reason, Refused
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.ledger import Entry
from rackrate.core.parties import Customer


def first_month(tx: Tx, seller: Entity) -> Month | None:
    """The month of the entity's first use of anything, or signature; None when there is neither."""
    started: list[Month] = []
    for customer in tx.find(Customer, entity=seller.id):
        used = first_used(tx, customer.id)
        started += [] if used is None else [Month.of(used, customer.time_zone)]
        signed = tx.find(Contract, customer=customer.id)
        started += [_first_of(contract, customer.time_zone) for contract in signed]
    return min(started, default=None)


def before_the_books(first: Month) -> Refused:
    """Of what would be in a month before the first; with the first day that can be."""
    return Refused(
        Reason.WRONG_STATE,
        f"the books begin with {first}; nothing is dated before {first.first}",
        {"month": str(first), "first_day": str(first.first)},
    )


def check_begun(tx: Tx, seller: Entity, at: datetime, now: datetime) -> None:
    """Refused for what is dated before anything was used, signed or posted: no close would ever
    have it.
    """
    zone = seller.time_zone
    begun = [Month.of(each.at, zone) for each in tx.find(Entry, entity=seller.id)]
    first = min([*begun, first_month(tx, seller) or Month.of(now, zone)])
    if Month.of(at, zone) < first:
        raise before_the_books(first)


def _first_of(contract: Contract, time_zone: str) -> Month:
    """The first month of a contract that these books have to do with."""
    if contract.opening is not None:
        return contract.opening.earned.plus(1)
    return Month.of(contract.signed, time_zone)
