"""Contracts: what is asked for at signature, and what is answered."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from pydantic import Field, model_validator

from rackrate.api.schemas.commitments import Commitment, CommitmentRequest, Nodes, batches_of
from rackrate.api.schemas.parts import Id, Instant, Money, Name, Period, Schema, Text
from rackrate.api.schemas.terms import Terms
from rackrate.api.schemas.use import Balance, Minimum
from rackrate.app import renewing, sales, shortfalls
from rackrate.core import contract as contracts
from rackrate.core.contract import AmendmentKind, RenewalState
from rackrate.core.ids import ContractId, ProjectId, SkuId
from rackrate.core.interval import Interval


class ContractRequest(Schema):
    """`nodes` whole nodes of a SKU from `start` to `end`, for `monthly` a calendar month or a
    `total` of all; or, in their place, `commitments` with their own intervals.
    """

    id: Name | None = Field(default=None, description="Left out: one is made")
    project: Id
    sku: Id | None = Field(default=None, examples=["h800.node"])
    nodes: Nodes | None = None
    start: Instant | None = None
    end: Instant | None = None
    monthly: Money | None = None
    total: Money | None = Field(default=None, description="In the place of `monthly`")
    commitments: list[CommitmentRequest] = Field(default=[], max_length=sales.MOST_COMMITMENTS)
    prepayment_percent: Decimal = Field(
        default=Decimal(0), ge=0, le=100, max_digits=9, decimal_places=6, examples=["30"]
    )
    tax_included: bool = False
    name: Text = ""
    terms: Terms = Field(default_factory=Terms)

    @model_validator(mode="after")
    def _one_form(self) -> "ContractRequest":
        plain = (self.sku, self.nodes, self.start, self.end, self.monthly or self.total)
        if self.commitments:
            if any(part is not None for part in plain):
                raise ValueError("give commitments, or sku, nodes, start, end and monthly")
        elif self.start is None or self.end is None or None in plain:
            raise ValueError("sku, nodes, start, end and monthly are needed, or commitments")
        elif self.monthly is not None and self.total is not None:
            raise ValueError("give monthly or total, one of the two")
        elif not self.start < self.end:
            raise ValueError("end must be after start")
        return self

    def offer(self, id: ContractId) -> sales.Offer:
        asked = [each.commitment(number) for number, each in enumerate(self.commitments, 1)]
        return sales.Offer(
            id,
            ProjectId(self.project),
            tuple(asked) or (self._plain(),),
            self.prepayment_percent,
            self.tax_included,
            self.name,
            self.terms.agreed,
            batches_of(self.commitments),
        )

    def _plain(self) -> contracts.Commitment:
        price = self.monthly or self.total
        assert self.sku is not None and self.nodes is not None and price is not None
        assert self.start is not None and self.end is not None
        during = Interval(self.start, self.end)
        named = sales.capacity(1, SkuId(self.sku), self.nodes, during, price.value)
        return named if self.total is None else replace(named, total=self.total.value)


class Amendment(Schema):
    """A change that was agreed, and what was due with it."""

    number: int
    kind: AmendmentKind
    at: datetime
    effective: datetime
    what: str
    note: str
    prepayment: Money
    fee: Money
    credit: Money

    @classmethod
    def of(cls, each: contracts.Amendment) -> "Amendment":
        return cls(
            number=each.number,
            kind=each.kind,
            at=each.at,
            effective=each.effective,
            what=each.what,
            note=each.note,
            prepayment=Money.of(each.prepayment),
            fee=Money.of(each.fee),
            credit=Money.of(each.credit),
        )


class Contract(Schema):
    """Take-or-pay for commitments, their nodes reserved for the whole of their intervals."""

    id: str
    name: str
    entity: str
    customer: str
    project: str
    currency: str
    during: Period = Field(description="From the first start to the last end")
    peak: int = Field(description="The most nodes at any instant")
    commitments: list[Commitment]
    prepayment_percent: str
    tax_included: bool
    signed: datetime
    ended: datetime | None
    terms: Terms
    amendments: list[Amendment]

    @classmethod
    def of(cls, contract: contracts.Contract) -> "Contract":
        return cls(
            id=contract.id,
            name=contract.name,
            entity=contract.entity,
            customer=contract.customer,
            project=contract.project,
            currency=contract.currency,
            during=Period.of(contract.during),
            peak=contract.peak,
            commitments=[Commitment.of(each) for each in contract.commitments],
            prepayment_percent=f"{contract.prepayment_percent:f}",
            tax_included=contract.tax_included,
            signed=contract.signed,
            ended=contract.ended,
            terms=Terms.of(contract.terms),
            amendments=[Amendment.of(each) for each in contract.amendments],
        )


class Instalment(Schema):
    """One month of a commitment. `value` is `drawdown` of the prepayment and `due` as an
    instalment.
    """

    commitment: int
    month: str
    during: Period
    value: Money
    drawdown: Money
    due: Money
    invoiced: str = Field(
        description="The month in which it is invoiced, if not with an order before",
        examples=["2027-01"],
    )

    @classmethod
    def of(cls, instalment: contracts.Instalment) -> "Instalment":
        return cls(
            commitment=instalment.commitment,
            month=str(instalment.month),
            during=Period.of(instalment.during),
            value=Money.of(instalment.value),
            drawdown=Money.of(instalment.drawdown),
            due=Money.of(instalment.due),
            invoiced=str(instalment.invoiced[0]),
        )


class Delivery(Schema):
    """A batch of a commitment's nodes. `damages` is what its lateness comes to by the terms."""

    id: str
    contract: str
    commitment: int
    number: int
    nodes: int
    due: datetime
    delivered: datetime | None
    accepted: datetime | None
    by: str = Field(description="Who accepted it: `health`, or a person")
    names: list[str]
    days_late: int
    damages: Money

    @classmethod
    def of(
        cls, contract: contracts.Contract, each: contracts.Delivery, now: datetime
    ) -> "Delivery":
        return cls(
            id=each.id,
            contract=each.contract,
            commitment=each.commitment,
            number=each.number,
            nodes=each.nodes,
            due=each.due,
            delivered=each.delivered,
            accepted=each.accepted,
            by=each.by,
            names=list(each.names),
            days_late=contracts.days_late_of(contract, each, now),
            damages=Money.of(contracts.damages_of(contract, each, now)),
        )


class HeldNodes(Schema):
    """Whole nodes of a pool that are held for a right to renew, until it lapses."""

    pool: str
    nodes: int
    during: Period
    expires: datetime | None


class RightToRenew(Schema):
    """What has become of the right. `brings` is what using it would add, while it can be used.

    `nodes` are on the calendar for it, `elsewhere` of them on other blocks than now.
    """

    state: RenewalState
    decide_by: datetime
    brings: list[Commitment]
    nodes: int
    elsewhere: int
    held: list[HeldNodes]

    @classmethod
    def of(cls, right: renewing.Right) -> "RightToRenew":
        return cls(
            state=right.state,
            decide_by=right.decide_by,
            brings=[Commitment.of(each) for each in right.brings],
            nodes=right.nodes,
            elsewhere=right.elsewhere,
            held=[
                HeldNodes(
                    pool=row.pool,
                    nodes=row.nodes,
                    during=Period.of(row.during),
                    expires=row.expires,
                )
                for row in right.held
            ],
        )


class DeliverRequest(Schema):
    """Nodes by name; left out: the first that are in service and free."""

    names: list[Id] = Field(default=[], max_length=1_000)


class ReplaceRequest(Schema):
    """Which node takes the place; left out: the first of its pool that is free and unnamed."""

    by: Id | None = None


class Replaced(Schema):
    """The batch as it is named now: `came` is in the place of `gone`."""

    delivery: Delivery
    gone: str
    came: str


class ContractDetail(Contract):
    """A contract with its payment plan and deliveries: value + left = prepayment + all that is due.

    Instalments are those that can be expected now: nodes that are late count from now on.
    """

    value: Money
    prepayment: Money
    left: Money = Field(
        description="Prepaid and never drawn down by instalments: it goes back at the end, unless "
        "it is a balance for use"
    )
    instalments: list[Instalment]
    deliveries: list[Delivery]
    right_to_renew: RightToRenew | None
    balance: Balance | None = Field(
        description="What was prepaid for use, by what is invoiced; null: months are prepaid"
    )
    least_use: Money | None = Field(
        description="What its minimums of use come to, beside `value`; null: it has none"
    )
    minimums: list[Minimum] = Field(description="Of use, as far as its months are closed")

    @classmethod
    def detail(
        cls,
        contract: contracts.Contract,
        plan: contracts.Schedule,
        deliveries: Sequence[contracts.Delivery],
        right: renewing.Right | None,
        use: shortfalls.Standing,
        now: datetime,
    ) -> "ContractDetail":
        return cls(
            **dict(Contract.of(contract)),
            value=Money.of(plan.value),
            prepayment=Money.of(plan.prepayment),
            left=Money.of(plan.left),
            instalments=[Instalment.of(one) for one in plan.instalments],
            deliveries=[Delivery.of(contract, each, now) for each in deliveries],
            right_to_renew=None if right is None else RightToRenew.of(right),
            balance=None if use.balance is None else Balance.of(use.balance),
            least_use=None if use.least is None else Money.of(use.least),
            minimums=[Minimum.of(each) for each in use.minimums],
        )
