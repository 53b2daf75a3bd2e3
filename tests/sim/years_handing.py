"""What was handed over and accepted in simulated years, and blocks that somebody has to himself."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from tests.sim.years_book import Book

Rows = Callable[[str], list[Any]]


def wrong(book: Book, rows: Rows, now: datetime) -> Iterator[str]:
    """Batches that are not as they were agreed and handed over; guests in somebody's own block."""
    named: dict[str, str] = {}
    found = {row.id: row for row in rows("Delivery")}
    for contract, batches in book.batches.items():
        for id, batch in batches.items():
            row = found.pop(id, None)
            if row is None:
                yield f"batch {id} is lost"
                continue
            said = (row.nodes, row.due, row.delivered, row.accepted)
            if said != (batch.nodes, batch.due, batch.delivered, batch.accepted):
                yield f"batch {id} is {said}, not {batch}"
            if len(set(row.names)) != (batch.nodes if batch.delivered else 0):
                yield f"batch {id} of {batch.nodes} has nodes {row.names}"
            if any(now < piece.end for piece in book.lasting(contract, batch.piece)):
                for node in row.names:
                    if named.setdefault(node, id) != id:
                        yield f"{node} was handed over for {id} and for {named[node]}"
    if found:
        yield f"to be handed over, and nobody agreed to that: {sorted(found)}"
    yield from guests(book, rows, now)


def healthy(book: Book, rows: Rows, now: datetime) -> None:
    """A pass has seen its nodes in service: what waits for that evidence is accepted."""
    names = {row.id: row.names for row in rows("Delivery")}
    serving = {row.id for row in rows("Node") if str(row.state) == "in_service"}
    for contract, batches in book.batches.items():
        if book.terms[contract].acceptance == "health":
            for id, batch in batches.items():
                if batch.delivered and not batch.accepted and serving.issuperset(names[id]):
                    batch.accepted = now


def could(book: Book, rows: Rows, contract: str, id: str, now: datetime) -> int:
    """How many nodes could be handed over for a batch: promised, in service, nobody else's."""
    piece = book.batches[contract][id].piece
    taken: set[str] = set()
    own: set[str] = set()
    for row in rows("Delivery"):
        batch = book.batches[row.contract][row.id]
        if row.id != id and any(now < one.end for one in book.lasting(row.contract, batch.piece)):
            taken |= set(row.names)
            if (row.contract, batch.piece) == (contract, piece):
                own |= set(row.names)
    taken |= {claim.node for claim in rows("Claim") if claim.account != contract}
    left: Counter[str] = Counter()
    lasting = [
        (one.start, number)
        for number, one in book.agreed[contract].items()
        if max(now, one.start) < one.end and book.origin(contract, number) == piece
    ]
    number = min(lasting)[1] if lasting else piece
    for row in rows("Reservation"):
        if row.holder == contract and row.id.startswith(f"{contract}/{number}/"):
            left[row.pool] += row.nodes
    free: Counter[str] = Counter()
    for node in rows("Node"):
        pool = f"{node.block}/{node.chip}x{node.gpus}"
        left[pool] -= node.id in own
        free[pool] += str(node.state) == "in_service" and node.id not in taken
    return sum(max(0, min(left[pool], free[pool])) for pool in left)


def guests(book: Book, rows: Rows, now: datetime) -> Iterator[str]:
    """Others' promises, and others' leases, in blocks that are to be shared with nobody."""
    alone = {id for id, terms in book.terms.items() if terms.dedicated}
    alone |= {id for id, offer in book.offers.items() if offer.dedicated and not offer.over}
    there: dict[str, list[Any]] = defaultdict(list)
    for row in rows("Reservation") if alone else ():
        if now < row.during.end and (row.expires is None or now < row.expires):
            there[row.pool.split("/")[0]].append(row)
    owners: dict[str, str] = {}
    for block, promises in there.items():
        for host in [row for row in promises if row.holder in alone]:
            if host.during.start < now and str(host.kind) == "contract":
                owners[block] = host.holder
            for row in promises:
                other = row.holder not in (host.holder, f"{host.holder}/private")
                if other and _meet(row.during, host.during):
                    yield f"{row.holder} is promised nodes in {block}, which is {host.holder}'s own"
    yield from _lodgers(rows, owners)


def _lodgers(rows: Rows, owners: dict[str, str]) -> Iterator[str]:
    blocks = {node.id: node.block for node in rows("Node")} if owners else {}
    for claim in rows("Claim") if owners else ():
        owner = owners.get(blocks[claim.node])
        if owner not in (None, claim.account):
            yield f"{claim.holder} is on {claim.node}, in a block that is {owner}'s own"


def _meet(one: Any, other: Any) -> bool:
    return bool(one.start < other.end and other.start < one.end)
