"""Where somebody wants to be told, about which topics, in which language."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rackrate.core.ids import CustomerId
from rackrate.core.outbox.topic import FOR_CUSTOMERS, FOR_OPERATORS, Topic

LONGEST_ADDRESS = 2000
EMAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{0,63}@[A-Za-z0-9.-]{1,189}")
URL = re.compile(r"(https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?][!-~]*)?")


class Medium(StrEnum):
    """How a channel is spoken to. `slack` is any chat that takes Slack's incoming webhooks."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    SLACK = "slack"
    FEISHU = "feishu"
    DINGTALK = "dingtalk"
    WECOM = "wecom"


class Language(StrEnum):
    EN = "en"
    ZH = "zh"


# Whoever knows the address of a chat's webhook can write there.
CHATS = frozenset({Medium.SLACK, Medium.FEISHU, Medium.DINGTALK, Medium.WECOM})
SIGNS = frozenset({Medium.WEBHOOK, Medium.FEISHU, Medium.DINGTALK})


@dataclass(frozen=True, slots=True)
class Channel:
    """`customer` None: it is the operator's. `secret` signs what is sent, where the medium signs.

    A channel of the operator may also take what customers are told: it chooses the topic.
    """

    id: str
    customer: CustomerId | None
    medium: Medium
    address: str
    secret: str
    language: Language
    topics: tuple[Topic, ...]
    created: datetime

    def __post_init__(self) -> None:
        if self.medium is Medium.EMAIL:
            if not EMAIL.fullmatch(self.address) or ".." in self.address:
                raise ValueError(f"{self.address!r} is no e-mail address")
        elif not URL.fullmatch(self.address) or len(self.address) > LONGEST_ADDRESS:
            raise ValueError(f"{self.shown!r} is no address such as https://example.com/hook")
        if self.secret and self.medium not in SIGNS:
            raise ValueError(f"{self.medium} takes no secret")
        allowed = FOR_OPERATORS if self.customer is None else FOR_CUSTOMERS
        if not self.topics or set(self.topics) - set(allowed):
            raise ValueError(f"choose from these topics, one at least: {', '.join(allowed)}")

    @property
    def shown(self) -> str:
        """The address as it may be seen: no more of a URL than does not open it."""
        if self.medium is Medium.EMAIL:
            return self.address
        found = URL.match(self.address)
        if found is None:
            return "?"
        place = f"{found[1]}://{found[2]}{found[3] or ''}"
        if self.medium in CHATS:
            return f"{place}/…"
        path, query, _ = (found[4] or "").partition("?")
        return f"{place}{path}{'?…' if query else ''}"
