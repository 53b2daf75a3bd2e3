"""The lines of a quote: asked for, held, and priced by term and volume."""

from decimal import Decimal
from itertools import groupby
from typing import Annotated

from pydantic import Field, model_validator

from rackrate.api.schemas.parts import Id, Instant, Money, Period, Rate, Schema, Text
from rackrate.api.schemas.use import Use
from rackrate.app import asking, sales
from rackrate.core import contract as contracts
from rackrate.core import contract_price, quote
from rackrate.core.contract import OF_NODES, CommitmentKind
from rackrate.core.ids import SkuId
from rackrate.core.treatment import Supply

Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=9, decimal_places=6)]


class QuoteLineRequest(Schema):
    """One line: `nodes` of a `sku`, or a service or one-off with its `title` and `amount`.

    Without a start it has the quote's; without months or an end it ends when the quote does.
    `amount` is a calendar month's, or the whole of a one-off, `total` that of all months; nodes
    have the book's less a discount unless one is given.
    """

    kind: CommitmentKind = CommitmentKind.CAPACITY
    title: Text = ""
    sku: Id | None = Field(default=None, examples=["h800.node"])
    nodes: int = Field(default=0, ge=0, le=sales.MOST_NODES)
    start: Instant | None = None
    months: int | None = Field(default=None, ge=1, le=asking.MOST_MONTHS)
    end: Instant | None = None
    amount: Money | None = None
    total: Money | None = None
    same_block: bool = Field(default=False, description="This line on one fabric, or not at all")
    discount_percent: Percent | None = Field(default=None, description="Left out: the quote's")
    supply: Supply | None = Field(
        default=None, description="What it is to the tax law, where not what its SKU is"
    )
    use: Use | None = Field(default=None, description="Of `flex` and `use`, and of no other")

    @model_validator(mode="after")
    def _whole(self) -> "QuoteLineRequest":
        if self.months is not None and self.end is not None:
            raise ValueError("give months or end, not both")
        if None not in (self.start, self.end) and not self.start < self.end:  # type: ignore[operator]
            raise ValueError("end must be after start")
        of_nodes, metered = self.kind in OF_NODES, self.kind in asking.METERED
        named = (self.amount or self.total) is not None
        if of_nodes and (self.sku is None or not self.nodes):
            raise ValueError(f"{self.kind} is `nodes` of a `sku`")
        if not of_nodes and (self.sku is not None or self.nodes or self.same_block):
            raise ValueError(f"{self.kind} has no sku and no nodes")
        if metered and not (self.use and self.amount):
            raise ValueError(f"{self.kind} needs an amount, and rates of use")
        if not metered and not of_nodes and not (self.title.strip() and named):
            raise ValueError(f"{self.kind} needs a title and an amount")
        if self.total is not None and (self.amount or self.kind not in asking.BY_THE_MONTH):
            raise ValueError("a total is of several months, and in the place of an amount")
        return self

    @property
    def line(self) -> asking.Line:
        return asking.Line(
            self.kind,
            None if self.sku is None else SkuId(self.sku),
            self.nodes,
            self.start,
            self.months,
            self.end,
            self.same_block,
            self.title,
            None if self.amount is None else self.amount.value,
            self.discount_percent,
            None if self.total is None else self.total.value,
            self.supply,
            None if self.use is None else self.use.agreed("lines.use"),
        )


class Tier(Schema):
    """A node and calendar month, from so many months and nodes on."""

    months: int
    nodes: int
    amount: Money


class MatrixTier(Tier):
    """A tier of a matrix: `price` is for its unit, `amount` what that makes of a node and month."""

    price: Rate

    @classmethod
    def of(cls, tier: contract_price.Tier, price: contract_price.ContractPrice) -> "MatrixTier":
        return cls(
            months=tier.months,
            nodes=tier.nodes,
            amount=Money.of(price.of_node(tier)),
            price=Rate.of(tier.amount, price.currency),
        )


class Run(Schema):
    """So many instalments of the same amount, one after another."""

    count: int
    due: Money


def runs(plan: contracts.Schedule) -> list[Run]:
    dues = [part.due for part in plan.by_month]
    return [Run(count=len(list(same)), due=Money.of(due)) for due, same in groupby(dues)]


class Held(Schema):
    line: int = Field(default=1, description="For which line; 0: to keep a block from others")
    pool: str
    nodes: int
    renewal: bool = Field(default=False, description="For the right to renew the line")


class QuoteLine(Schema):
    """What one line commits to, as signing will, and by what it was priced.

    `amount` is a calendar month's, or the whole of a one-off. The tier is that of the line's own
    term, `months`, and of the `volume`: the most nodes of its SKU at any instant of the quote.
    """

    number: int
    kind: CommitmentKind
    title: str
    what: str = Field(examples=["64 x h100.node"])
    sku: str | None
    site: str | None
    nodes: int
    same_block: bool
    during: Period
    months: int
    price: str | None = Field(description="Which matrix; null: no price was in force")
    tier: Tier | None
    volume: int
    basis: str
    discount_percent: str
    supply: Supply | None
    amount: Money
    total: Money | None = Field(description="Agreed for all of it: `amount` is a month's share")
    hourly: Rate | None = Field(
        description="A node and hour of the calendar: `amount` is that of 730 hours"
    )
    needs_approval: bool
    use: Use | None = Field(description="At which rates its use is metered")

    @classmethod
    def of(cls, line: quote.QuoteLine) -> "QuoteLine":
        each = line.commitment
        return cls(
            number=each.number,
            kind=each.kind,
            title=each.title,
            what=each.what,
            sku=each.sku,
            site=each.site,
            nodes=each.nodes,
            same_block=each.same_block,
            during=Period.of(each.during),
            months=line.months,
            price=line.price or None,
            tier=tier_of(line),
            volume=line.volume,
            basis=line.basis,
            discount_percent=f"{line.discount_percent:f}",
            supply=each.supply,
            amount=Money.of(each.amount),
            total=None if each.total is None else Money.of(each.total),
            hourly=None if each.hourly is None else Rate.of(each.hourly, each.amount.currency),
            needs_approval=line.needs_approval,
            use=None if each.use is None else Use.of(each.use),
        )


def tier_of(line: quote.QuoteLine) -> Tier | None:
    if not line.price or line.per_node is None:
        return None
    return Tier(months=line.tier_months, nodes=line.tier_nodes, amount=Money.of(line.per_node))
