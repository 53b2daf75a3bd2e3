"""Raising what must be told: one row in the outbox, in the transaction of its cause."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rackrate.app.ports import Tx
from rackrate.app.world import World
from rackrate.core.breach import Breach
from rackrate.core.ids import CustomerId
from rackrate.core.invoice import Invoice, InvoiceKind
from rackrate.core.lease import EventKind, Lease, LeaseEvent
from rackrate.core.outbox import Notification, Topic

_OF_EVENTS = {
    EventKind.NOTICE: Topic.LEASE_NOTICE,
    EventKind.NOTICE_WITHDRAWN: Topic.LEASE_NOTICE_WITHDRAWN,
}


def tell(
    world: World,
    tx: Tx,
    topic: Topic,
    customer: CustomerId | None,
    cause: str,
    facts: Mapping[str, str],
) -> Notification:
    """Tell the customer, or the operator, once this transaction is committed.

    The same cause is told once: a second row of it is a Conflict, so ask `was_told` where it may
    come again.
    """
    row = Notification(world.ids.new("ntf"), world.clock.now(), topic, customer, cause, facts)
    tx.add(row)
    return row


def was_told(tx: Tx, cause: str) -> bool:
    """Whether this cause is in the outbox already."""
    return bool(tx.find(Notification, cause=cause, limit=1))


def invoice_issued(world: World, tx: Tx, invoice: Invoice) -> None:
    credit = invoice.kind is InvoiceKind.CREDIT_NOTE
    facts = {
        "invoice": invoice.id,
        "month": str(invoice.month),
        "net": f"{invoice.net.amount:f}",
        "tax": f"{invoice.tax.amount:f}",
        "amount": f"{invoice.gross.amount:f}",
        "currency": invoice.gross.currency,
    }
    if not credit:
        facts["due"] = invoice.due.isoformat()
    topic = Topic.CREDIT_NOTE_ISSUED if credit else Topic.INVOICE_ISSUED
    tell(world, tx, topic, invoice.customer, f"invoice/{invoice.id}/issued", facts)


def invoice_overdue(world: World, tx: Tx, invoice: Invoice, level: int) -> None:
    """A reminder of what is still owed: one for each level."""
    facts = {
        "invoice": invoice.id,
        "amount": f"{invoice.open.amount:f}",
        "currency": invoice.open.currency,
        "due": invoice.due.isoformat(),
        "level": str(level),
    }
    cause = f"invoice/{invoice.id}/overdue/{level}"
    tell(world, tx, Topic.INVOICE_OVERDUE, invoice.customer, cause, facts)


def leases_told(world: World, tx: Tx, told: Iterable[tuple[Lease, Sequence[LeaseEvent]]]) -> None:
    """Notices to give way, and those withdrawn: leases that go for one reason in one row."""
    rows: dict[tuple[Topic, CustomerId, datetime | None, str], list[LeaseEvent]] = {}
    for lease, events in told:
        for event in events:
            if event.kind in _OF_EVENTS:
                key = (_OF_EVENTS[event.kind], lease.customer, event.until, event.cause)
                rows.setdefault(key, []).append(event)
    for (topic, customer, until, cause), found in rows.items():
        facts = {
            "leases": " ".join(event.lease for event in found),
            "count": str(len(found)),
            "cause": cause,
        }
        if until is not None:
            facts["until"] = until.isoformat()
        first = f"lease/{found[0].lease}/{found[0].seq}"
        tell(world, tx, topic, customer, first, facts)


def promises_broken(world: World, tx: Tx, rows: Sequence[Breach]) -> None:
    """To the operator: what has gone short at a site, all of one cause in one row."""
    if not rows:
        return
    facts = {
        "site": rows[0].site,
        "count": str(len(rows)),
        "breaches": " ".join(row.id for row in rows),
        "holders": " ".join(sorted({row.holder for row in rows})),
        "nodes": str(_nodes(rows)),
        "start": min(row.during.start for row in rows).isoformat(),
        "end": max(row.during.end for row in rows).isoformat(),
        "cause": rows[0].cause,
    }
    tell(world, tx, Topic.PROMISE_BROKEN, None, f"breach/{rows[0].id}", facts)


def _nodes(rows: Sequence[Breach]) -> int:
    """How many nodes go short, each promise at its worst: they need not be short together."""
    worst: dict[str, int] = {}
    for row in rows:
        worst[row.reservation] = max(row.nodes, worst.get(row.reservation, 0))
    return sum(worst.values())
