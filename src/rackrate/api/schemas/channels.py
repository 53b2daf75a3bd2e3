"""Channels, and what was told over them."""

from datetime import datetime

from pydantic import Field

from rackrate.api.schemas.parts import Id, Schema
from rackrate.app import channels
from rackrate.core import outbox
from rackrate.core.ids import CustomerId
from rackrate.core.outbox import Language, Medium, State, Topic


class ChannelRequest(Schema):
    """Where to tell whom of what. Without a customer it is the operator's channel."""

    customer: Id | None = None
    medium: Medium
    address: str = Field(
        min_length=3,
        max_length=2000,
        pattern=r"^[!-~]+$",
        description="An e-mail address, or the URL of a webhook",
        examples=["billing@example.com"],
    )
    language: Language = Language.EN
    topics: list[Topic] = Field(default_factory=list, description="Empty: all that there are")
    secret: str = Field(
        default="",
        max_length=200,
        pattern=r"^[ -~]*$",
        description="What Feishu or DingTalk gave for signing; that of a webhook is made here",
    )

    def new(self) -> channels.NewChannel:
        return channels.NewChannel(
            None if self.customer is None else CustomerId(self.customer),
            self.medium,
            self.address,
            self.language,
            tuple(self.topics),
            self.secret,
        )


class ChoiceRequest(Schema):
    """What a channel hears of from now on, and in which language."""

    topics: list[Topic] = Field(min_length=1)
    language: Language


class Channel(Schema):
    """A channel, without its secret. `to` is as much of the address as does not open it."""

    id: str
    customer: str | None
    medium: Medium
    to: str
    language: Language
    topics: list[Topic]
    created: datetime

    @classmethod
    def of(cls, channel: outbox.Channel) -> "Channel":
        return cls(
            id=channel.id,
            customer=channel.customer,
            medium=channel.medium,
            to=channel.shown,
            language=channel.language,
            topics=list(channel.topics),
            created=channel.created,
        )


class NewChannel(Channel):
    """A channel with the secret that its webhook is signed with, shown this once."""

    secret: str | None = Field(examples=["whsec_…"])

    @classmethod
    def made(cls, channel: outbox.Channel) -> "NewChannel":
        secret = channel.secret if channel.medium is Medium.WEBHOOK else None
        return cls(**Channel.of(channel).model_dump(), secret=secret)

    def without_secret(self) -> "NewChannel":
        """What may be kept, and is answered when the request is repeated."""
        return self.model_copy(update={"secret": None})


class Sending(Schema):
    """A notification on its way over one channel. `due` is the next try, null when there is none;
    `error` is what the last one came to.
    """

    id: str
    channel: str
    medium: Medium
    to: str
    state: State
    attempts: int
    due: datetime | None
    tried: datetime | None
    sent: datetime | None
    error: str

    @classmethod
    def of(cls, row: outbox.Sending) -> "Sending":
        return cls(
            id=row.id,
            channel=row.channel,
            medium=row.medium,
            to=row.to,
            state=row.state,
            attempts=row.attempts,
            due=row.due,
            tried=row.tried,
            sent=row.sent,
            error=row.error,
        )


class Notification(Schema):
    """What was told to a customer, or to the operator where `customer` is null."""

    id: str
    at: datetime
    topic: Topic
    customer: str | None
    state: State
    facts: dict[str, str]
    sendings: list[Sending]

    @classmethod
    def of(cls, told: channels.Told) -> "Notification":
        row = told.row
        return cls(
            id=row.id,
            at=row.at,
            topic=row.topic,
            customer=row.customer,
            state=row.state,
            facts=dict(row.facts),
            sendings=[Sending.of(each) for each in told.sendings],
        )
