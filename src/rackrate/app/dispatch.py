"""The loop that empties the outbox: route what is new, try what is due, write down how it went.

At least once: a try is written down before it is made, so that who dies in the middle of it tries
again, under the same id. No transaction is open while a sender works. Channels do not wait for
each other, and what one channel is told goes out in the order in which it was raised.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from rackrate.app.loops import Leader, lead_of, still_leads
from rackrate.app.ports import Sender, Tx
from rackrate.app.world import World
from rackrate.core.errors import Conflict, Missing, Refused, Unavailable
from rackrate.core.ids import CustomerId
from rackrate.core.inventory import Entity
from rackrate.core.outbox import (
    Channel,
    Medium,
    Notification,
    Reader,
    Sending,
    State,
    letter,
    route,
    standing,
)
from rackrate.core.parties import Customer

LEADER = "outbox"
AT_ONCE = 200
Senders = Mapping[Medium, Sender]


def lead(world: World, holder: str, alone: bool = False) -> Leader | None:
    """Take or renew the lead of this loop; None while another holds it."""
    return lead_of(world, LEADER, holder, alone)


def spread(world: World, leader: Leader, media: Collection[Medium]) -> int:
    """Give what is new a sending for each channel that wants it; returns how many were new."""
    with world.store.transaction() as tx:
        still_leads(tx, leader)
        new = tx.find(Notification, state=State.NEW, limit=AT_ONCE)
        if not new:
            return 0
        wanted: tuple[CustomerId | None, ...] = (None, *{told.customer for told in new} - {None})
        channels = tx.find(Channel, customer=wanted)
        for told in new:
            sendings = route(told, channels, media, world.clock.now())
            tx.add(*sendings)
            tx.put(standing(told, sendings))
        return len(new)


def due(world: World) -> dict[str, list[str]]:
    """What is to be tried now: sendings by channel, oldest first; channels that work go first."""
    now, found = world.clock.now(), dict[str, list[Sending]]()
    for row in _waiting(world):
        if row.due is not None and row.due <= now:
            found.setdefault(row.channel, []).append(row)
    patient = sorted(found.items(), key=lambda each: (each[1][0].attempts, each[1][0].id))
    return {channel: [row.id for row in rows] for channel, rows in patient}


def carry(world: World, leader: Leader, senders: Senders, sendings: Collection[str]) -> int:
    """Try these, all of one channel, in order; returns how many arrived.

    The first that does not get through ends it: the channel is down, and the others of it wait
    for their own time.
    """
    arrived = 0
    for id in sendings:
        try:
            begun = _begin(world, leader, id)
            if begun is None:
                continue
            error, for_good = _tried(senders, begun)
            _finish(world, begun.sending, error, for_good)
        except Conflict:
            continue  # Somebody has asked for it anew meanwhile; the next pass looks.
        arrived += not error
        if error and not for_good:
            break
    return arrived


def _waiting(world: World) -> Iterator[Sending]:
    after = ""
    while True:
        with world.store.transaction() as tx:
            rows = tx.find(Sending, waiting=True, after=after, limit=AT_ONCE)
        yield from rows
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].id


@dataclass(frozen=True, slots=True)
class _Begun:
    """A try that is written down: what is told, how it stands, where it goes and who reads it."""

    told: Notification
    sending: Sending
    channel: Channel
    reader: Reader


def _begin(world: World, leader: Leader, id: str) -> _Begun | None:
    """Write the try down before it is made; None where there is nothing to send."""
    with world.store.transaction() as tx:
        still_leads(tx, leader)
        now = world.clock.now()
        row = tx.get(Sending, id)
        if row.due is None or row.due > now:
            return None
        try:
            channel = tx.get(Channel, row.channel)
        except Missing:
            _write(tx, row.failed(now, "the channel was taken away", for_good=True))
            return None
        begun = row.begun(now)
        tx.put(begun)
        told = tx.get(Notification, row.notification)
        return _Begun(told, begun, channel, _reader(world, tx, channel))


def _tried(senders: Senders, begun: _Begun) -> tuple[str, bool]:
    """What went wrong, and whether it always will; ("", False) when it has arrived."""
    medium, now = begun.channel.medium, begun.sending.tried
    assert now is not None, "it has been begun"
    if medium not in senders:
        return f"nothing here sends {medium}", False
    try:
        senders[medium].send(letter(begun.told, begun.sending, begun.reader, now), begun.channel)
    except Unavailable as away:
        return away.detail, False
    except Refused as never:
        return never.detail, True
    except Exception as broken:  # noqa: BLE001
        # A mistake of ours in one letter is neither tried for ever nor in the way of others.
        return f"{type(broken).__name__}: {broken}", False
    return "", False


def _finish(world: World, sending: Sending, error: str, for_good: bool) -> None:
    with world.store.transaction() as tx:
        now = world.clock.now()
        if tx.get(Sending, sending.id) != sending:
            raise Conflict(f"{sending.id} was asked for anew")
        _write(tx, sending.failed(now, error, for_good) if error else sending.done(now))


def _write(tx: Tx, row: Sending) -> None:
    """The sending, and what it makes of its notification."""
    tx.put(row)
    told = tx.get(Notification, row.notification)
    after = standing(told, tx.find(Sending, notification=told.id))
    if after != told:
        tx.put(after)


def _reader(world: World, tx: Tx, channel: Channel) -> Reader:
    """Who reads the channel. The operator's people read in the zone of the first entity."""
    portal = world.settings.portal_url
    if channel.customer is not None:
        customer = tx.get(Customer, channel.customer)
        entity = tx.get(Entity, customer.entity)
        return Reader(channel.language, customer.time_zone, entity.name, portal)
    first = tx.find(Entity, limit=1)
    zone, seller = (first[0].time_zone, first[0].name) if first else ("UTC", "Rackrate")
    return Reader(channel.language, zone, seller, portal, operator=True)
