"""What contracts may agree beside quantity and price, asked for and answered in the same form."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer, model_validator

from rackrate.api.schemas.parts import Country, Id, Instant, Schema
from rackrate.api.schemas.use import Overage
from rackrate.core import contract as contracts
from rackrate.core.contract import Acceptance, Broken, Every, InvoicedIn, Left, Prepaid
from rackrate.core.ids import ChipId

Percent = Annotated[
    Decimal,
    Field(ge=0, le=100, max_digits=9, decimal_places=6, examples=["20"]),
    PlainSerializer(lambda percent: f"{percent:f}", return_type=str),
]
MorePercent = Annotated[
    Decimal,
    Field(ge=0, le=1000, max_digits=10, decimal_places=6, examples=["95"]),
    PlainSerializer(lambda percent: f"{percent:f}", return_type=str),
]


class Renewal(Schema):
    """The right to go on, at `price_percent` of what a month costs at the end."""

    months: int = Field(ge=1, le=360)
    decide_by: Instant
    price_percent: MorePercent = Decimal(100)
    held: bool = Field(
        default=True,
        description="Its nodes are held until `decide_by`; false: it brings what is free then",
    )

    @property
    def agreed(self) -> contracts.Renewal:
        return contracts.Renewal(self.months, self.decide_by, self.price_percent, self.held)


class EarlyEnd(Schema):
    """The right to end early for a share of the value that is then not delivered any more."""

    fee_percent: Percent
    notice_days: int = Field(default=0, ge=0, le=3660)
    not_before: Instant | None = None

    @property
    def agreed(self) -> contracts.EarlyEnd:
        return contracts.EarlyEnd(self.fee_percent, self.notice_days, self.not_before)


class Damages(Schema):
    """For each day begun that nodes are late: a share of their monthly amount, up to a cap."""

    percent_per_day: Percent
    cap_percent: MorePercent = Decimal(100)

    @property
    def agreed(self) -> contracts.Damages:
        return contracts.Damages(self.percent_per_day, self.cap_percent)


class UpgradeRight(Schema):
    """The right to swap to nodes of another chip.

    `credit_percent` of what the old nodes would still have cost is credited.
    """

    chip: Id
    not_before: Instant
    credit_percent: Percent = Decimal(0)

    @property
    def agreed(self) -> contracts.UpgradeRight:
        return contracts.UpgradeRight(ChipId(self.chip), self.not_before, self.credit_percent)


class PaymentTerm(Schema):
    """When instalments are invoiced; quarters are counted from the contract's first month."""

    every: Every = Every.MONTH
    when: InvoicedIn = Field(
        default=InvoicedIn.ADVANCE, description="Before what an instalment pays for, or after it"
    )

    prepaid: Prepaid = Field(
        default=Prepaid.EVENLY,
        description="Which months a prepayment pays for: a share of each, "
        "or the first or the last in full; `wallet`: none, it is a balance that use draws down",
    )
    broken: Broken = Field(
        default=Broken.SECOND,
        description="By what a month that is not whole is cut: seconds, calendar days where the "
        "customer is, or thirtieths",
    )
    left: Left = Field(
        default=Left.REFUND, description="What becomes of a balance that is not used up at the end"
    )
    tell_percent: Percent = Field(
        default=Decimal(20), description="The customer is told once so much of a balance is left"
    )

    @property
    def agreed(self) -> contracts.PaymentTerm:
        return contracts.PaymentTerm(
            self.every, self.when, self.prepaid, self.broken, self.left, self.tell_percent
        )


class Indexation(Schema):
    """`percent` more at each anniversary of the contract's first start, or every so many months.

    It compounds: within a year to at most `cap_year_percent`, in all to at most `cap_percent`.
    """

    percent: Annotated[
        Decimal,
        Field(gt=-100, le=100, max_digits=9, decimal_places=6, examples=["3"]),
        PlainSerializer(lambda percent: f"{percent:f}", return_type=str),
    ]
    every_months: int = Field(default=12, ge=1, le=360)
    cap_year_percent: MorePercent | None = None
    cap_percent: MorePercent | None = None

    @property
    def agreed(self) -> contracts.Indexation:
        return contracts.Indexation(
            self.percent, self.every_months, self.cap_year_percent, self.cap_percent
        )


class Step(Schema):
    """From month `month` of the contract on, counted from 1, `percent` of what was agreed."""

    month: int = Field(ge=1, le=360)
    percent: MorePercent

    @property
    def agreed(self) -> contracts.Step:
        return contracts.Step(self.month, self.percent)


class Terms(Schema):
    """Everything left out is not agreed."""

    acceptance: Acceptance = Field(
        default=Acceptance.NONE, description="What billing of delivered nodes waits for"
    )
    renewal: Renewal | None = None
    early_end: EarlyEnd | None = None
    damages: Damages | None = None
    upgrade: UpgradeRight | None = None
    may_shrink_percent: Percent = Decimal(0)
    jurisdiction: list[Country] = Field(
        default=[], max_length=300, description="Where it may be delivered; none: anywhere"
    )
    dedicated: bool = Field(default=False, description="Nobody else shares its blocks")

    payment: PaymentTerm = PaymentTerm()
    indexation: Indexation | None = Field(
        default=None, description="Of what is paid by the month; totals and one-offs stay"
    )
    steps: list[Step] = Field(default=[], max_length=120, description="Of what was signed")

    overage: Overage | None = Field(
        default=None, description="What is used on demand beyond the nodes that are reserved"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "Terms":
        months = [step.month for step in self.steps]
        if months != sorted(set(months)):
            raise ValueError("steps come in the order of their months, each once")
        return self

    @property
    def agreed(self) -> contracts.Terms:
        return contracts.Terms(
            self.acceptance,
            None if self.renewal is None else self.renewal.agreed,
            None if self.early_end is None else self.early_end.agreed,
            None if self.damages is None else self.damages.agreed,
            None if self.upgrade is None else self.upgrade.agreed,
            self.may_shrink_percent,
            tuple(self.jurisdiction),
            self.dedicated,
            self.payment.agreed,
            indexation=None if self.indexation is None else self.indexation.agreed,
            steps=tuple(step.agreed for step in self.steps),
            overage=None if self.overage is None else self.overage.agreed,
        )

    @classmethod
    def of(cls, terms: contracts.Terms) -> "Terms":
        return cls.model_validate(terms, from_attributes=True)
