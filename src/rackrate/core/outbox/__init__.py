"""What must be told to somebody: topics, channels, notifications, their sendings and words."""

from rackrate.core.outbox.channel import Channel, Language, Medium
from rackrate.core.outbox.letter import Letter, Reader, letter
from rackrate.core.outbox.notification import (
    GIVE_UP,
    Notification,
    Sending,
    State,
    pause,
    route,
    standing,
)
from rackrate.core.outbox.topic import FOR_CUSTOMERS, FOR_OPERATORS, Topic

__all__ = [
    "FOR_CUSTOMERS",
    "FOR_OPERATORS",
    "GIVE_UP",
    "Channel",
    "Language",
    "Letter",
    "Medium",
    "Notification",
    "Reader",
    "Sending",
    "State",
    "Topic",
    "letter",
    "pause",
    "route",
    "standing",
]
