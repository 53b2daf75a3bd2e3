"""What contracts may agree beside quantity and price, asked for and answered in the same form."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer

from rackrate.api.schemas.parts import Country, Id, Instant, Schema
from rackrate.core import contract as contracts
from rackrate.core.contract import Acceptance, Every, InvoicedIn, Prepaid
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
        "or the first or the last in full",
    )

    @property
    def agreed(self) -> contracts.PaymentTerm:
        return contracts.PaymentTerm(self.every, self.when, self.prepaid)


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
        )

    @classmethod
    def of(cls, terms: contracts.Terms) -> "Terms":
        return cls.model_validate(terms, from_attributes=True)
