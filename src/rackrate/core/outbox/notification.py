"""A row of the outbox, and its way over each channel: tried, tried again, sent or given up."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rackrate.core.ids import CustomerId
from rackrate.core.outbox.channel import Channel, Medium
from rackrate.core.outbox.topic import Topic

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=2)
GIVE_UP = timedelta(days=3)
LONGEST_ERROR = 300


class State(StrEnum):
    """`new` is on nobody's way yet. `no_channel`: nobody who should hear of it wants to."""

    NEW = "new"
    NO_CHANNEL = "no_channel"
    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Notification:
    """`cause` is what follows from it once: the same cause is told once. Facts are for programs.

    `customer` is who is told; None: the operator. Fact names in the plural hold several, by space.
    """

    id: str
    at: datetime
    topic: Topic
    customer: CustomerId | None
    cause: str
    facts: Mapping[str, str]
    state: State = State.NEW


@dataclass(frozen=True, slots=True)
class Sending:
    """One notification on its way over one channel. `due` is the next try; None: there is none.

    `id` names both, so it is the same in every try, and whoever receives it twice can tell.
    `since` is from when the days are counted after which it is given up.
    """

    id: str
    notification: str
    channel: str
    customer: CustomerId | None
    medium: Medium
    to: str
    since: datetime
    due: datetime | None
    attempts: int = 0
    tried: datetime | None = None
    sent: datetime | None = None
    error: str = ""

    @property
    def waiting(self) -> bool:
        return self.due is not None

    @property
    def state(self) -> State:
        if self.waiting:
            return State.WAITING
        return State.DEAD if self.sent is None else State.SENT

    def begun(self, now: datetime) -> "Sending":
        """Before a try, as if it had failed: who dies in the middle tries again after a pause."""
        tries = self.attempts + 1
        return replace(self, attempts=tries, tried=now, due=now + pause(tries))

    def done(self, now: datetime) -> "Sending":
        return replace(self, due=None, sent=now, error="")

    def failed(self, now: datetime, error: str, for_good: bool) -> "Sending":
        over = for_good or now >= self.since + GIVE_UP
        return replace(self, due=None if over else self.due, error=error[:LONGEST_ERROR])

    def again(self, now: datetime) -> "Sending":
        """From the beginning, because somebody asks for it."""
        return replace(self, since=now, due=now, attempts=0, sent=None, error="")


def pause(tries: int) -> timedelta:
    """How long after so many tries the next one is: three times as long each time, to a limit."""
    longest = LONGEST_PAUSE // FIRST_PAUSE
    threes: int = 3 ** min(tries - 1, 10)
    return FIRST_PAUSE * min(threes, longest)


def route(
    told: Notification, channels: Iterable[Channel], media: Collection[Medium], now: datetime
) -> tuple[Sending, ...]:
    """A sending for each channel that wants this, over media that there is a sender for."""
    return tuple(
        Sending(
            f"{told.id}-{channel.id}",
            told.id,
            channel.id,
            channel.customer,
            channel.medium,
            channel.shown,
            now,
            now,
        )
        for channel in channels
        if channel.medium in media and _wants(channel, told)
    )


def standing(told: Notification, sendings: Iterable[Sending]) -> Notification:
    """The notification with the state that its sendings give it.

    What only the operator's copies have gone to has no channel: its own reader has not heard.
    """
    found = [each for each in sendings if each.customer == told.customer]
    states = {each.state for each in found}
    if not found:
        state = State.NO_CHANNEL
    elif State.WAITING in states:
        state = State.WAITING
    else:
        state = State.DEAD if State.DEAD in states else State.SENT
    return told if state is told.state else replace(told, state=state)


def _wants(channel: Channel, told: Notification) -> bool:
    if told.topic is Topic.CHANNEL_TEST:
        return channel.id == told.facts["channel"]
    return told.topic in channel.topics and channel.customer in (None, told.customer)
