"""Channels, which their owners choose; and the outbox, to look at and to send from again."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from rackrate.app import outbox
from rackrate.app.world import Locate, World, acting, confine, owned, reading, whose
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import CustomerId
from rackrate.core.outbox import (
    FOR_CUSTOMERS,
    FOR_OPERATORS,
    Channel,
    Language,
    Medium,
    Notification,
    Sending,
    State,
    Topic,
    route,
    standing,
)
from rackrate.core.parties import Customer

MOST_CHANNELS = 50
LONGEST_SECRET = 200


@dataclass(frozen=True, slots=True)
class NewChannel:
    """What is told of a new channel. No topics: all that there are. `secret` is a chat's own."""

    customer: CustomerId | None
    medium: Medium
    address: str
    language: Language = Language.EN
    topics: tuple[Topic, ...] = ()
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A notification with its sendings, as far as the asker may see them."""

    row: Notification
    sendings: tuple[Sending, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which notifications; what is None is not asked."""

    customer: CustomerId | None = None
    state: State | None = None
    topic: Topic | None = None


def add(world: World, actor: Actor, new: NewChannel) -> Channel:
    """A channel, which hears from now on. A webhook gets a secret, with which it is signed."""
    with acting(world, actor, Verb.CHANNEL_WRITE, Target("channel", "", new.customer)) as tx:
        if new.customer is not None:
            tx.get(Customer, new.customer)
        if len(tx.find(Channel, customer=new.customer, limit=MOST_CHANNELS)) == MOST_CHANNELS:
            raise Refused(
                Reason.IN_USE, f"there are {MOST_CHANNELS} channels already; remove one first"
            )
        row = _checked(world, new)
        tx.add(row)
        return row


def find(world: World, actor: Actor, customer: CustomerId | None = None) -> list[Channel]:
    """The channels of a customer; without one, the operator's, or the asker's own."""
    customer = whose(actor, customer)
    with reading(world, actor, Verb.CHANNEL_READ, Target("channel", "", customer)) as tx:
        confine(tx, actor)
        return tx.find(Channel, customer=customer)


def choose(
    world: World, actor: Actor, id: str, topics: Sequence[Topic], language: Language
) -> Channel:
    """What the channel hears of from now on, and in which language."""
    with acting(world, actor, Verb.CHANNEL_WRITE, _channel(id)) as tx:
        try:
            row = replace(tx.get(Channel, id), topics=_in_order(topics), language=language)
        except ValueError as error:
            raise Invalid("topics", str(error)) from None
        tx.put(row)
        return row


def remove(world: World, actor: Actor, id: str) -> Channel:
    """It hears nothing more; what was on its way there is given up, and stays visible."""
    with acting(world, actor, Verb.CHANNEL_WRITE, _channel(id)) as tx:
        row = tx.get(Channel, id)
        tx.remove(Channel, id)
        return row


def try_out(world: World, actor: Actor, id: str) -> Notification:
    """Send something over the channel, as anything else is sent."""
    with acting(world, actor, Verb.CHANNEL_WRITE, _channel(id)) as tx:
        channel, now = tx.get(Channel, id), world.clock.now()
        cause = f"test/{id}/{now:%Y-%m-%dT%H:%M}"
        if outbox.was_told(tx, cause):
            raise Refused(Reason.TOO_EARLY, "one test a minute: look how the last one went first")
        facts = {"channel": id, "who": actor.principal}
        return outbox.tell(world, tx, Topic.CHANNEL_TEST, channel.customer, cause, facts)


def notifications(
    world: World, actor: Actor, asked: Filter, after: str = "", limit: int | None = None
) -> list[Told]:
    """What was told, newest first: to all for the operator, else to the asker's customer."""
    customer = whose(actor, asked.customer)
    equal = {"customer": customer, "state": asked.state, "topic": asked.topic}
    given = {name: value for name, value in equal.items() if value is not None}
    with reading(world, actor, Verb.CHANNEL_READ, Target("notification", "", customer)) as tx:
        confine(tx, actor)
        rows = tx.find(Notification, after=after, limit=limit, newest_first=True, **given)
        ids = tuple(row.id for row in rows)
        sendings = tx.find(Sending, notification=ids) if ids else []
        return [_told(row, sendings, actor) for row in rows]


def show(world: World, actor: Actor, id: str) -> Told:
    with reading(world, actor, Verb.CHANNEL_READ, _notification(id)) as tx:
        confine(tx, actor)
        return _told(tx.get(Notification, id), tx.find(Sending, notification=id), actor)


def resend(world: World, actor: Actor, id: str) -> Told:
    """Send it to every channel that wants it and has not got it; where all have, to them again.

    Under the same ids, so that whoever has it already can tell. Copies are not sent twice.
    """
    with acting(world, actor, Verb.CHANNEL_WRITE, _notification(id)) as tx:
        row, now = tx.get(Notification, id), world.clock.now()
        channels = tx.find(Channel, customer=(None, row.customer))
        known = {sending.id: sending for sending in tx.find(Sending, notification=id)}
        wanted = route(row, channels, frozenset(Medium), now)
        own = [each for each in wanted if each.customer == row.customer]
        if not own:
            owner = row.customer or "the operator"
            raise Refused(
                Reason.NOT_STATED,
                f"no channel of {owner} wants {row.topic}; add one with: rackrate channel add",
            )
        mine = wanted if actor.operator else own
        missed = [each for each in mine if each.id not in known or known[each.id].sent is None]
        for sending in missed or own:
            before = known.get(sending.id)
            known[sending.id] = sending if before is None else before.again(now)
            tx.put(known[sending.id])
        row = standing(row, known.values())
        tx.put(row)
        return _told(row, list(known.values()), actor)


def topics_for(customer: CustomerId | None) -> tuple[Topic, ...]:
    """What a channel of this owner may hear of."""
    return FOR_OPERATORS if customer is None else FOR_CUSTOMERS


def _checked(world: World, new: NewChannel) -> Channel:
    secret = new.secret
    if new.medium is Medium.WEBHOOK:
        if secret:
            raise Invalid("secret", "a webhook's is made here, and shown once")
        secret = "whsec_" + b64encode(world.ids.secret().encode()).decode()
    if len(secret) > LONGEST_SECRET or not secret.isascii() or not secret.isprintable():
        raise Invalid("secret", f"at most {LONGEST_SECRET} plain characters")
    try:
        row = Channel(
            world.ids.new("chn"),
            new.customer,
            new.medium,
            new.address.strip(),
            secret,
            new.language,
            _in_order(new.topics or topics_for(new.customer)),
            world.clock.now(),
        )
    except ValueError as error:
        raise Invalid("", str(error)) from None
    if row.customer is not None and not world.settings.private_webhooks:
        _check_public(row)
    return row


def _check_public(row: Channel) -> None:
    """What can be seen in the address itself; where a name leads to is looked at when sending."""
    if row.medium is Medium.EMAIL:
        return
    found = re.match(r"(https?)://(\[[^\]]*\]|[^:/?]+)", row.address)
    assert found is not None, "the channel has checked it"
    if found[1] != "https":
        raise Invalid("address", "a webhook of a customer has an https:// address")
    host = found[2].strip("[]").lower().rstrip(".")
    try:
        public = ip_address(host).is_global
    except ValueError:
        public = host != "localhost" and not host.endswith(".localhost")
    if not public:
        raise Invalid(
            "address",
            f"{host} is not on the public internet; the operator may allow that with: "
            "rackrate up --private-webhooks",
        )


def _in_order(topics: Sequence[Topic]) -> tuple[Topic, ...]:
    return tuple(topic for topic in Topic if topic in topics)


def _told(row: Notification, sendings: Sequence[Sending], actor: Actor) -> Told:
    mine = [
        each
        for each in sendings
        if each.notification == row.id and (actor.operator or each.customer == row.customer)
    ]
    return Told(row, tuple(mine))


def _channel(id: str) -> Locate:
    return owned("channel", Channel, id)


def _notification(id: str) -> Locate:
    return owned("notification", Notification, id)
