"""Digital invoices that a tax authority's channel issues: what was asked of it, what came back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rackrate.core.errors import Conflict, Reason, Refused
from rackrate.core.ids import CustomerId, InvoiceId
from rackrate.core.invoice import Invoice, InvoiceKind
from rackrate.core.money import Money
from rackrate.core.parties import Party
from rackrate.core.tax import TaxRule


class Colour(StrEnum):
    """Blue is owed; red (红字) takes a blue one back, and names it."""

    BLUE = "blue"
    RED = "red"


@dataclass(frozen=True, slots=True)
class DigitalInvoice:
    """One that was asked for. `number`, `issued` and the file are the channel's, once it answers.

    `id` is made of the invoice and the colour, so that asking twice is asking once. `red_of` is the
    number of the blue one that a red one takes back. `file` is base64; `media` says what it is.
    """

    id: str
    invoice: InvoiceId
    customer: CustomerId
    channel: str
    colour: Colour
    asked: datetime
    red_of: str = ""
    number: str = ""
    issued: datetime | None = None
    media: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        if (self.colour is Colour.RED) != bool(self.red_of):
            raise ValueError(f"{self.id}: a red letter names the number that it takes back")
        if bool(self.number) != (self.issued is not None):
            raise ValueError(f"{self.id}: issued is what has a number")

    def answered(self, number: str, issued: datetime, media: str, file: str) -> "DigitalInvoice":
        """With what the channel issued; the same answer again changes nothing."""
        if self.number and self.number != number:
            raise Conflict(f"{self.id} has the number {self.number}, and cannot have {number}, too")
        if self.number:
            return self
        return replace(self, number=number, issued=issued, media=media, file=file)


@dataclass(frozen=True, slots=True)
class Item:
    """A line of what is asked for; all items add up to the invoice.

    `tax_code` is the authority's class of what is supplied (税收分类编码). Empty: it was not said.
    """

    name: str
    net: Money
    tax: Money
    rule: TaxRule
    tax_code: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What a channel is asked for, in values of ours: the authority's format is the channel's.

    `id` is the same however often it is asked. Amounts of a red letter are negative.
    """

    id: str
    colour: Colour
    red_of: str
    number: InvoiceId
    seller: Party
    buyer: Party
    items: tuple[Item, ...]
    sample: bool


@dataclass(frozen=True, slots=True)
class Issued:
    """What a channel answers: the authority's number, and the file that is the invoice."""

    number: str
    media: str
    content: bytes


def to_issue(
    invoice: Invoice, known: Sequence[DigitalInvoice], channel: str, now: datetime
) -> DigitalInvoice:
    """What to ask a channel for an invoice, a credit note or a void one; or what was asked already.

    `known` is what was asked for this invoice, and for the one that it credits.
    """
    taken_back = invoice.id if invoice.voided is not None else invoice.credits
    red = invoice.voided is not None or invoice.kind is InvoiceKind.CREDIT_NOTE
    colour = Colour.RED if red else Colour.BLUE
    id = f"{invoice.id}/{colour}"
    before = next((one for one in known if one.id == id), None)
    if before is not None:
        return before
    if not red:
        return DigitalInvoice(id, invoice.id, invoice.customer, channel, colour, now)
    if taken_back is None:
        raise Refused(
            Reason.WRONG_STATE, f"{invoice.id} takes no invoice back that a red letter could name"
        )
    blue = next((one for one in known if one.id == f"{taken_back}/{Colour.BLUE}"), None)
    if blue is None or not blue.number:
        raise Refused(
            Reason.WRONG_STATE,
            f"{taken_back} has no digital invoice that {invoice.id} could take back",
        )
    return DigitalInvoice(
        id, invoice.id, invoice.customer, channel, colour, now, red_of=blue.number
    )
