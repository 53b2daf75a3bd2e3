"""Quotes: what is asked for, what it comes to, and what would do instead."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Annotated

from pydantic import Field, model_validator

from rackrate.api.schemas.contracts import Instalment
from rackrate.api.schemas.parts import Id, Instant, Money, Name, Period, Schema, Text
from rackrate.api.schemas.terms import Terms
from rackrate.app import quoting, sales
from rackrate.app.quotes import Shown
from rackrate.core import contract as contracts
from rackrate.core import contract_price, quote
from rackrate.core.alternatives import Way
from rackrate.core.ids import CustomerId, ProjectId, SkuId

Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=9, decimal_places=6)]
LONGEST = int(quote.LONGEST_HOLD.total_seconds())


class QuoteRequest(Schema):
    """Whole nodes of a SKU from `start`, for so many months or until `end`. The price is the
    book's less a discount, unless `monthly` names one.
    """

    customer: Id | None = Field(default=None, description="Needed where no project is named")
    project: Id | None = Field(default=None, description="Needed where the customer has several")
    sku: Id = Field(examples=["h800.node"])
    nodes: int = Field(ge=1, le=sales.MOST_NODES)
    start: Instant
    months: int | None = Field(default=None, ge=1, le=quoting.MOST_MONTHS)
    end: Instant | None = None
    same_block: bool = Field(default=False, description="On one fabric, or not at all")
    discount_percent: Percent = Field(default=Decimal(0), examples=["5"])
    prepayment_percent: Percent = Field(default=Decimal(0), examples=["20"])
    monthly: Money | None = Field(default=None, description="A calendar month's, of all nodes")
    hold_seconds: int = Field(
        default=int(quoting.FORTNIGHT.total_seconds()),
        ge=60,
        le=LONGEST,
        description="How long the nodes are held",
    )
    name: Text = ""
    terms: Terms = Field(default_factory=Terms, description="The contract's")

    @model_validator(mode="after")
    def _in_order(self) -> "QuoteRequest":
        if (self.months is None) == (self.end is None):
            raise ValueError("give months or end, one of the two")
        if self.end is not None and not self.start < self.end:
            raise ValueError("end must be after start")
        if self.customer is None and self.project is None:
            raise ValueError("say for which customer or project")
        return self

    @property
    def ask(self) -> quoting.Ask:
        return quoting.Ask(
            SkuId(self.sku),
            self.nodes,
            self.start,
            self.months,
            self.end,
            None if self.customer is None else CustomerId(self.customer),
            None if self.project is None else ProjectId(self.project),
            self.same_block,
            self.discount_percent,
            self.prepayment_percent,
            None if self.monthly is None else self.monthly.value,
            timedelta(seconds=self.hold_seconds),
            self.name,
            self.terms.agreed,
        )


class SignRequest(Schema):
    """Nothing has to be said: everything is in the quote."""

    contract: Name | None = Field(default=None, description="What the contract is to be called")


class ExtendRequest(Schema):
    until: Instant


class Tier(Schema):
    """A node and calendar month, from so many months and nodes on."""

    months: int
    nodes: int
    amount: Money

    @classmethod
    def of(cls, tier: contract_price.Tier) -> "Tier":
        return cls(months=tier.months, nodes=tier.nodes, amount=Money.of(tier.amount))


class ContractPrice(Schema):
    """A dated matrix of term by volume, in force until superseded."""

    id: str
    sku: str
    currency: str
    effective: datetime
    tax_included: bool
    basis: str
    floor_percent: str
    tiers: list[Tier]

    @classmethod
    def of(cls, price: contract_price.ContractPrice) -> "ContractPrice":
        return cls(
            id=price.id,
            sku=price.sku,
            currency=price.currency,
            effective=price.effective,
            tax_included=price.tax_included,
            basis=price.basis,
            floor_percent=f"{price.floor_percent:f}",
            tiers=[Tier.of(tier) for tier in price.tiers],
        )


class Run(Schema):
    """So many instalments of the same amount, one after another."""

    count: int
    due: Money


def runs(plan: contracts.Schedule) -> list[Run]:
    dues = [part.due for part in plan.instalments]
    return [Run(count=len(list(same)), due=Money.of(due)) for due, same in groupby(dues)]


class Held(Schema):
    pool: str
    nodes: int


class Alternative(Schema):
    """Something that fits as it stands. `pflops_percent`: of the dense FLOPS asked for, where the
    datasheets say. `monthly` null: it has no price in the book.
    """

    way: Way
    sku: str
    site: str
    nodes: int
    same_block: bool
    blocks: int
    during: Period
    pflops_percent: int | None
    per_node: Money | None
    monthly: Money | None
    value: Money | None

    @classmethod
    def of(cls, offered: quoting.Offered) -> "Alternative":
        one = offered.what
        tier = None if one.priced is None else one.priced.tier
        return cls(
            way=one.way,
            sku=one.sku,
            site=one.site,
            nodes=one.nodes,
            same_block=one.same_block,
            blocks=one.blocks,
            during=Period.of(one.during),
            pflops_percent=one.pflops_percent,
            per_node=None if tier is None else Money.of(tier.amount),
            monthly=None if one.priced is None else Money.of(one.priced.monthly),
            value=None if offered.value is None else Money.of(offered.value),
        )


class Answer(Schema):
    """What a quote would say now; nothing is held. Where it does not fit: how many would
    (`possible`), from when all of them, and what would do instead.
    """

    fits: bool
    customer: str
    project: str
    sku: str
    site: str
    nodes: int
    same_block: bool
    during: Period
    months: int
    expires: datetime
    pools: list[Held]
    possible: int
    earliest: datetime | None
    price: str | None = Field(description="Which matrix; null: no price was in force")
    tier: Tier | None
    basis: str
    tax_included: bool
    listed: Money | None
    discount_percent: str
    monthly: Money
    needs_approval: bool
    value: Money
    prepayment: Money
    instalments: list[Run]
    alternatives: list[Alternative]
    terms: Terms

    @classmethod
    def of(cls, given: quoting.Answer) -> "Answer":
        cost = given.priced
        return cls(
            fits=given.fits,
            customer=given.customer.id,
            project=given.project.id,
            sku=given.sku.id,
            site=given.site.id,
            nodes=given.nodes,
            same_block=given.same_block,
            during=Period.of(given.during),
            months=cost.months,
            expires=given.expires,
            pools=_held(given.placed),
            possible=given.nodes if given.short is None else given.short.nodes,
            earliest=given.during.start if given.short is None else given.short.earliest,
            price=None if cost.price is None else cost.price.id,
            tier=None if cost.tier is None else Tier.of(cost.tier),
            basis=given.basis,
            tax_included=given.tax_included,
            listed=None if cost.listed is None else Money.of(cost.listed),
            discount_percent=f"{cost.discount_percent:f}",
            monthly=Money.of(cost.monthly),
            needs_approval=cost.needs_approval,
            value=Money.of(given.plan.value),
            prepayment=Money.of(given.plan.prepayment),
            instalments=runs(given.plan),
            alternatives=[Alternative.of(each) for each in given.alternatives],
            terms=Terms.of(given.terms),
        )


def _held(placed: Sequence[tuple[str, int]]) -> list[Held]:
    return [Held(pool=pool, nodes=nodes) for pool, nodes in placed]


class Quote(Schema):
    """An offer with a hold behind it, until `expires`. `state` is as of now."""

    id: str
    name: str
    state: quote.QuoteState
    customer: str
    project: str
    site: str
    sku: str
    nodes: int
    same_block: bool
    dedicated: bool
    during: Period
    price: str | None
    tier: Tier | None
    basis: str
    tax_included: bool
    discount_percent: str
    monthly: Money
    prepayment_percent: str
    needs_approval: bool
    author: str
    created: datetime
    expires: datetime
    approver: str | None
    approved: datetime | None
    signed: datetime | None
    contract: str | None
    withdrawn: datetime | None
    terms: Terms

    @classmethod
    def of(cls, row: quote.Quote, now: datetime) -> "Quote":
        tier = Tier(months=row.tier_months, nodes=row.tier_nodes, amount=Money.of(row.per_node))
        return cls(
            id=row.id,
            name=row.name,
            state=row.state(now),
            customer=row.customer,
            project=row.project,
            site=row.site,
            sku=row.sku,
            nodes=row.nodes,
            same_block=row.same_block,
            dedicated=row.dedicated,
            during=Period.of(row.during),
            price=row.price or None,
            tier=tier if row.price else None,
            basis=row.basis,
            tax_included=row.tax_included,
            discount_percent=f"{row.discount_percent:f}",
            monthly=Money.of(row.monthly),
            prepayment_percent=f"{row.prepayment_percent:f}",
            needs_approval=row.needs_approval,
            author=row.author,
            created=row.created,
            expires=row.expires,
            approver=row.approver,
            approved=row.approved,
            signed=row.signed,
            contract=row.contract,
            withdrawn=row.withdrawn,
            terms=Terms.of(row.terms),
        )


class QuoteDetail(Quote):
    """A quote with what is held for it now, and with its payment plan, to the cent."""

    pools: list[Held]
    value: Money
    prepayment: Money
    instalments: list[Instalment]

    @classmethod
    def detail(cls, shown: Shown) -> "QuoteDetail":
        return cls(
            **dict(Quote.of(shown.quote, shown.at)),
            pools=_held([(each.pool, each.nodes) for each in shown.held]),
            value=Money.of(shown.plan.value),
            prepayment=Money.of(shown.plan.prepayment),
            instalments=[Instalment.of(one) for one in shown.plan.instalments],
        )
