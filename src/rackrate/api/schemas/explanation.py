"""Why an amount is what it is, in the steps of the portal's page."""

from datetime import datetime

from pydantic import Field

from rackrate.api.schemas.money import Entry, Line, TaxPart
from rackrate.api.schemas.parts import Money, Period, Schema
from rackrate.core import committed, explanation
from rackrate.core.draft import Draft
from rackrate.core.invoice import InvoiceLine
from rackrate.core.lease import EventKind, LeaseEvent
from rackrate.core.receivable import Run


class Event(Schema):
    at: datetime
    recorded_at: datetime
    kind: EventKind
    cause: str

    @classmethod
    def of(cls, event: LeaseEvent) -> "Event":
        return cls(at=event.at, recorded_at=event.recorded_at, kind=event.kind, cause=event.cause)


def _event(event: LeaseEvent | None) -> Event | None:
    return None if event is None else Event.of(event)


class Part(Schema):
    """A stretch that was measured, of so many slots or GB; the events that began and ended it.
    Or an address, or a reading.
    """

    during: Period
    size: int
    seconds: int
    quantity: int = Field(description="Slot-seconds, GB-seconds or address-seconds, or bytes")
    exact: str = Field(description="Not rounded: a fraction, such as 5440/3")
    began: Event | None
    ended: Event | None
    of: str = Field(description="Which address or reading; empty: of a lease or a volume")
    told: datetime | None = Field(description="When a reading was told")

    @classmethod
    def made_of(cls, part: explanation.Part) -> "Part":
        return cls(
            during=Period.of(part.during),
            size=part.size,
            seconds=part.during.seconds,
            quantity=part.quantity,
            exact=str(part.exact),
            began=_event(part.began),
            ended=_event(part.ended),
            of=part.of,
            told=part.told,
        )


class LeftOut(Schema):
    """A stretch of the lease's time that nobody pays for, and after which event."""

    during: Period
    seconds: int
    after: Event | None

    @classmethod
    def of(cls, left: explanation.LeftOut) -> "LeftOut":
        during = left.during
        return cls(during=Period.of(during), seconds=during.seconds, after=_event(left.after))


class PriceThen(Schema):
    """The price that applied: `amount` for what `per` says, and until when it was in force."""

    id: str
    amount: str
    per: str
    basis: str
    effective: datetime
    until: datetime | None
    tax_included: bool


class Measured(Schema):
    """measured x price = exact, rounded once. Of a correction: all that should have been billed,
    less `before`, each rounded; and the events that were `learnt` in between.
    """

    leases: list[str]
    parts: list[Part]
    left_out: list[LeftOut]
    milli_quantity: int
    milli_before: int
    learnt: list[Event]
    price: PriceThen
    per_second: str
    exact: str
    exact_before: str
    rounded: Money
    matches: bool = Field(description="Whether the lease's log gives just the billed quantity")

    @classmethod
    def of(cls, why: explanation.Measured) -> "Measured":
        price = why.price
        return cls(
            leases=[lease.id for lease in why.leases],
            parts=[Part.made_of(part) for part in why.parts],
            left_out=[LeftOut.of(left) for left in why.left_out],
            milli_quantity=why.quantity,
            milli_before=why.before,
            learnt=[Event.of(event) for event in why.learnt],
            price=PriceThen(
                id=price.id,
                amount=f"{price.amount:f}",
                per=price.per,
                basis=price.basis,
                effective=price.effective,
                until=why.until,
                tax_included=price.tax_included,
            ),
            per_second=str(why.per_second),
            exact=str(why.exact),
            exact_before=str(why.exact_before),
            rounded=Money.of(why.rounded),
            matches=why.matches,
        )


class Before(Schema):
    """What was invoiced of the same month before."""

    invoice: str
    place: int
    description: str
    net: Money

    @classmethod
    def of(cls, row: InvoiceLine) -> "Before":
        return cls(
            invoice=row.invoice,
            place=row.place,
            description=row.line.description,
            net=Money.of(row.line.net),
        )


class Owing(Schema):
    """shortfall = minimum - used, not below zero, less what was asked for it before; by these lines
    of use.
    """

    minimum: Money
    period: str
    during: Period
    used: Money
    shortfall: Money
    lines: list[Before]
    before: list[Before]
    matches: bool

    @classmethod
    def of(cls, why: committed.Owing) -> "Owing":
        period = why.counted.period
        return cls(
            minimum=Money.of(period.minimum),
            period=period.said,
            during=Period.of(period.during),
            used=Money.of(why.counted.used),
            shortfall=Money.of(why.counted.shortfall),
            lines=[Before.of(row) for row in why.rows],
            before=[Before.of(row) for row in why.before],
            matches=why.matches,
        )


class Drawn(Schema):
    """What was prepaid for use, what was left of it before the line, and after it."""

    prepaid: Money
    left_before: Money
    drawn: Money
    left_after: Money

    @classmethod
    def of(cls, why: committed.Drawn) -> "Drawn":
        return cls(
            prepaid=Money.of(why.stands.prepaid),
            left_before=Money.of(why.stands.left),
            drawn=Money.of(why.amount),
            left_after=Money.of(why.left),
        )


class Scheduled(Schema):
    """value = drawdown + due, less what was invoiced before. Amounts are as the contract's are."""

    contract_value: Money
    prepayment: Money
    value: Money | None
    drawdown: Money | None
    due: Money | None
    drawn_before: Money
    left_after: Money
    before: list[Before]
    matches: bool

    @classmethod
    def of(cls, why: explanation.Scheduled) -> "Scheduled":
        asked = why.instalment
        return cls(
            contract_value=Money.of(why.value),
            prepayment=Money.of(why.prepayment),
            value=None if asked is None else Money.of(asked.value),
            drawdown=None if asked is None else Money.of(asked.drawdown),
            due=None if asked is None else Money.of(asked.due),
            drawn_before=Money.of(why.drawn),
            left_after=Money.of(why.left),
            before=[Before.of(row) for row in why.before],
            matches=why.matches,
        )


class LateDays(Schema):
    """Days one after the other on which the same was open and late."""

    during: Period
    days: int
    open: Money

    @classmethod
    def of(cls, run: Run) -> "LateDays":
        return cls(during=Period.of(run.during), days=run.days, open=Money.of(run.open))


class Written(Schema):
    """Who wrote a line by hand, and who approved it."""

    draft: str
    reason: str
    author: str
    approver: str | None

    @classmethod
    def of(cls, draft: Draft) -> "Written":
        return cls(
            draft=draft.id, reason=draft.reason, author=draft.author, approver=draft.approver
        )


class Explanation(Schema):
    """One line of an invoice with all that it comes from; what does not apply is null or empty."""

    invoice: str
    place: int
    line: Line
    measured: Measured | None
    scheduled: Scheduled | None
    credited: Before | None = Field(description="Of a credit note: the line that it takes from")
    late: list[LateDays]
    written: Written | None
    taxed: TaxPart = Field(description="The rule of the line, and all of the invoice under it")
    entries: list[Entry]
    owing: Owing | None = Field(description="Of a shortfall")
    drawn: Drawn | None = Field(description="Of what a prepaid balance pays")

    @classmethod
    def of(cls, why: explanation.Explanation) -> "Explanation":
        line = why.line.line
        used, planned = why.measured, why.scheduled
        return cls(
            invoice=why.invoice.id,
            place=why.line.place,
            line=Line.of(line),
            measured=None if used is None else Measured.of(used),
            scheduled=None if planned is None else Scheduled.of(planned),
            credited=None if why.credited is None else Before.of(why.credited),
            late=[LateDays.of(run) for run in why.late],
            written=None if why.draft is None else Written.of(why.draft),
            taxed=TaxPart.of(why.taxed),
            entries=[Entry.of(entry) for entry in why.entries],
            owing=None if why.owing is None else Owing.of(why.owing),
            drawn=None if why.drawn is None else Drawn.of(why.drawn),
        )
