"""Quotes: what is asked for, what it comes to, and what would do instead."""

from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import Field, model_validator

from rackrate.api.schemas.contracts import Instalment
from rackrate.api.schemas.parts import Id, Instant, Money, Name, Period, Schema, Text
from rackrate.api.schemas.quote_lines import (
    Held,
    MatrixTier,
    Percent,
    QuoteLine,
    QuoteLineRequest,
    Tier,
    tier_of,
)
from rackrate.api.schemas.terms import Terms
from rackrate.app import asking, sales
from rackrate.app.quotes import Shown
from rackrate.core import contract_price, quote
from rackrate.core.ids import CustomerId, ProjectId, SkuId

LONGEST = int(quote.LONGEST_HOLD.total_seconds())


class QuoteRequest(Schema):
    """Whole nodes of a SKU from `start`, for so many months or until `end`; and `lines` beside
    them, or in their place where no `sku` is given. All of it is held, or nothing. The price is the
    book's less a discount, unless `monthly` names one.
    """

    customer: Id | None = Field(default=None, description="Needed where no project is named")
    project: Id | None = Field(default=None, description="Needed where the customer has several")
    sku: Id | None = Field(default=None, examples=["h800.node"])
    nodes: int | None = Field(default=None, ge=1, le=sales.MOST_NODES)
    start: Instant | None = Field(default=None, description="Of every line without its own")
    months: int | None = Field(default=None, ge=1, le=asking.MOST_MONTHS)
    end: Instant | None = None
    same_block: bool = Field(
        default=False, description="All nodes of a SKU on one fabric, or not at all"
    )
    discount_percent: Percent = Field(default=Decimal(0), examples=["5"])
    prepayment_percent: Percent = Field(default=Decimal(0), examples=["20"])
    monthly: Money | None = Field(
        default=None, description="A calendar month's, of all `nodes` of the `sku`"
    )
    total: Money | None = Field(
        default=None, description="In the place of `monthly`: that of all months together"
    )
    tax_included: bool | None = Field(
        default=None,
        description="Amounts that are named have tax inside, or are before it; left out: as the "
        "price book's",
    )
    hold_seconds: int = Field(
        default=int(asking.FORTNIGHT.total_seconds()),
        ge=60,
        le=LONGEST,
        description="How long the nodes are held",
    )
    name: Text = ""
    terms: Terms = Field(default_factory=Terms, description="The contract's")
    lines: list[QuoteLineRequest] = Field(default=[], max_length=asking.MOST_LINES)

    @model_validator(mode="after")
    def _in_order(self) -> "QuoteRequest":
        plain = (self.sku, self.nodes, self.monthly)
        if self.sku is None and (plain != (None, None, None) or not self.lines):
            raise ValueError("give sku, nodes and start, or lines")
        if self.sku is not None and (self.nodes is None or self.start is None):
            raise ValueError("sku, nodes and start go together")
        if self.sku is not None and (self.months is None) == (self.end is None):
            raise ValueError("give months or end, one of the two")
        if self.months is not None and self.end is not None:
            raise ValueError("give months or end, not both")
        if self.end is not None and self.start is not None and not self.start < self.end:
            raise ValueError("end must be after start")
        if self.customer is None and self.project is None:
            raise ValueError("say for which customer or project")
        return self

    @property
    def ask(self) -> asking.Ask:
        return asking.Ask(
            None if self.sku is None else SkuId(self.sku),
            self.nodes or 0,
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
            tuple(each.line for each in self.lines),
            None if self.total is None else self.total.value,
            self.tax_included,
        )


class SignRequest(Schema):
    """Nothing has to be said: everything is in the quote."""

    contract: Name | None = Field(default=None, description="What the contract is to be called")


class ExtendRequest(Schema):
    until: Instant


class ContractPrice(Schema):
    """A dated matrix of term by volume, in force until superseded."""

    id: str
    sku: str
    currency: str
    effective: datetime
    tax_included: bool
    basis: str
    floor_percent: str | None = Field(
        description="Off without a second person; null: it is the seller's to know"
    )
    unit: contract_price.PriceUnit
    per: str = Field(description="The unit in words", examples=["GPU-hour, 8 a node"])
    month_hours: int | None = Field(description="Of a month by the hour; null: as many as it has")
    per_node: str = Field(description="How many units a node is")
    precision: str = Field(description="At which precision PFLOPS are counted")
    tiers: list[MatrixTier]

    @classmethod
    def of(cls, price: contract_price.ContractPrice, to_seller: bool) -> "ContractPrice":
        return cls(
            id=price.id,
            sku=price.sku,
            currency=price.currency,
            effective=price.effective,
            tax_included=price.tax_included,
            basis=price.basis,
            floor_percent=f"{price.floor_percent:f}" if to_seller else None,
            unit=price.unit,
            per=price.unit_words,
            month_hours=price.month_hours or None,
            per_node=f"{price.per_node:f}",
            precision=price.precision,
            tiers=[MatrixTier.of(tier, price) for tier in price.tiers],
        )


class Quote(Schema):
    """Lines with a hold behind all of them, until `expires`. `state` is as of now.

    `sku`, `site`, `price`, `tier`, `basis` and `discount_percent` are those of the first line of
    nodes; `nodes` is the most at any instant, `monthly` the most of any month.
    """

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
    lines: list[QuoteLine]

    @classmethod
    def of(cls, row: quote.Quote, now: datetime) -> "Quote":
        first = row.first
        return cls(
            id=row.id,
            name=row.name,
            state=row.state(now),
            customer=row.customer,
            project=row.project,
            site=first.commitment.site or "",
            sku=row.sku,
            nodes=row.nodes,
            same_block=row.same_block,
            dedicated=row.dedicated,
            during=Period.of(row.during),
            price=first.price or None,
            tier=tier_of(first),
            basis=first.basis,
            tax_included=row.tax_included,
            discount_percent=f"{first.discount_percent:f}",
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
            lines=[QuoteLine.of(line) for line in row.lines],
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
            pools=[
                Held(
                    line=shown.line_of(each),
                    pool=each.pool,
                    nodes=each.nodes,
                    renewal=bool(each.renews),
                )
                for each in shown.held
            ],
            value=Money.of(shown.plan.value),
            prepayment=Money.of(shown.plan.prepayment),
            instalments=[Instalment.of(one) for one in shown.plan.instalments],
        )
