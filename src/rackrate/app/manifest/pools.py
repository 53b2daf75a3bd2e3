"""Pools of addresses as files mean them: no address is in two, and none that is held leaves."""

from collections.abc import Iterator

from rackrate.app.manifest.prices import Rows
from rackrate.core.address import Address, AddressPool


def misfits(row: AddressPool, known: Rows) -> Iterator[str]:
    for other in known.all(AddressPool).values():
        both = None if other.id == row.id else row.meets(other)
        if both is not None:
            yield f"{both} is in pool {other.id!r}, too"
    for held in known.stored(Address).values():
        if held.pool != row.id or not held.held:
            continue
        if held.site != row.site:
            yield f"pool {row.id!r} has addresses that are held at {held.site!r}: it stays there"
            return
        if not row.has(held.address):
            yield f"{held.address} is held by {held.project!r}, and stays in pool {row.id!r}"
