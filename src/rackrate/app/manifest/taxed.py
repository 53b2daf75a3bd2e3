"""Who would be invoiced under reverse charge has a VAT id, before there is an invoice."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rackrate.app.manifest.prices import Rows
from rackrate.core.inventory import Entity
from rackrate.core.parties import Customer


def _customer(row: Customer, known: Rows) -> Iterator[str]:
    seller = known.get(Entity, row.entity)
    return iter(()) if seller is None else _unnamed(seller, [row])


def _entity(row: Entity, known: Rows) -> Iterator[str]:
    return _unnamed(row, known.all(Customer).values())


def _unnamed(seller: Entity, buyers: Iterable[Customer]) -> Iterator[str]:
    for buyer in buyers:
        for party, under in seller.unnamed(buyer) if buyer.entity == seller.id else ():
            yield (
                f"`tax_id` of {party.name} must be a VAT id of {party.country} under {under}, "
                "such as DE123456788"
            )


CHECKS: Mapping[type, Callable[[Any, Rows], Iterator[str]]] = {
    Customer: _customer,
    Entity: _entity,
}
