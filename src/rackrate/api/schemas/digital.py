"""Digital invoices of a tax authority's channel."""

from datetime import datetime

from pydantic import Field

from rackrate.api.schemas.parts import Schema
from rackrate.core import digital
from rackrate.core.digital import Colour


class DigitalInvoice(Schema):
    """What a channel was asked for, and what came back. `number` is null until it answers.

    `channel` `simulated`: no tax authority is behind it, and what it issues says so.
    """

    id: str
    invoice: str
    channel: str = Field(examples=["simulated"])
    colour: Colour
    red_of: str | None = Field(description="The number that a red letter takes back")
    asked: datetime
    number: str | None
    issued: datetime | None
    media: str | None = Field(examples=["text/plain"])
    file: str | None = Field(description="In base64")

    @classmethod
    def of(cls, row: digital.DigitalInvoice) -> "DigitalInvoice":
        return cls(
            id=row.id,
            invoice=row.invoice,
            channel=row.channel,
            colour=row.colour,
            red_of=row.red_of or None,
            asked=row.asked,
            number=row.number or None,
            issued=row.issued,
            media=row.media or None,
            file=row.file or None,
        )


class DigitalInvoices(Schema):
    """All that was asked for an invoice."""

    items: list[DigitalInvoice]
