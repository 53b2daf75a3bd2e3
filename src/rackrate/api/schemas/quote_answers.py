"""What a quote would say: where each line would be, what it costs, and what would do instead."""

from datetime import datetime

from pydantic import Field

from rackrate.api.schemas.parts import Money, Period, Schema
from rackrate.api.schemas.quote_lines import Held, QuoteLine, Run, Tier, runs, tier_of
from rackrate.api.schemas.terms import Terms
from rackrate.app import quote_prices, quoting
from rackrate.core import contract as contracts
from rackrate.core.alternatives import AlternativeLine, Way
from rackrate.core.contract import CommitmentKind


class OfferedLine(Schema):
    """A line of an alternative, with the number of the line that it stands for."""

    number: int
    kind: CommitmentKind
    what: str
    sku: str | None
    site: str | None
    nodes: int
    same_block: bool
    during: Period
    amount: Money | None

    @classmethod
    def of(cls, each: contracts.Commitment) -> "OfferedLine":
        return cls(
            number=each.number,
            kind=each.kind,
            what=each.what,
            sku=each.sku,
            site=each.site,
            nodes=each.nodes,
            same_block=each.same_block,
            during=Period.of(each.during),
            amount=Money.of(each.amount),
        )

    @classmethod
    def unpriced(cls, line: AlternativeLine) -> "OfferedLine":
        return cls(
            number=line.number,
            kind=CommitmentKind.CAPACITY,
            what=f"{line.nodes} x {line.sku}",
            sku=line.sku,
            site=line.site,
            nodes=line.nodes,
            same_block=line.same_block,
            during=Period.of(line.during),
            amount=None,
        )


class Alternative(Schema):
    """Something that fits as it stands, whole. `pflops_percent`: of the dense FLOPS asked for,
    where the datasheets say. `monthly` null: it has no price in the book. `nodes`, `during`,
    `monthly` and `value` are those of all lines together, `sku`, `site` and `per_node` the first's.
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
    lines: list[OfferedLine]

    @classmethod
    def of(cls, offered: quote_prices.Offered) -> "Alternative":
        one = offered.what
        cost = one.priced
        price, tier = (None, None) if cost is None else (cost.price, cost.tier)
        lines = [OfferedLine.of(each) for each in offered.commitments]
        return cls(
            way=one.way,
            sku=one.sku,
            site=one.site,
            nodes=one.nodes,
            same_block=one.same_block,
            blocks=one.blocks,
            during=Period.of(one.during),
            pflops_percent=one.pflops_percent,
            per_node=None if price is None or tier is None else Money.of(price.of_node(tier)),
            monthly=None if offered.monthly is None else Money.of(offered.monthly),
            value=None if offered.value is None else Money.of(offered.value),
            lines=lines or [OfferedLine.unpriced(each) for each in one.lines],
        )


class AnswerLine(QuoteLine):
    """A line with where it would be, or how many nodes of it would fit beside those before it."""

    possible: int
    pools: list[Held]

    @classmethod
    def answered(cls, each: quote_prices.AnswerLine) -> "AnswerLine":
        number = each.line.number
        pools = [Held(line=number, pool=pool, nodes=nodes) for pool, nodes in each.placed]
        return cls(**dict(QuoteLine.of(each.line)), possible=each.possible, pools=pools)


class Answer(Schema):
    """What a quote would say now; nothing is held. Where it does not fit: which line (`short`), how
    many of it would (`possible`), from when all lines, and what would do instead.

    `sku`, `site`, `price`, `tier`, `basis`, `listed`, `discount_percent` and `months` are those of
    the first line of nodes; `nodes` is the most at any instant, `monthly` the most of any month.
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
    short: int | None = Field(description="The first line that does not fit; null: all do")
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
    lines: list[AnswerLine]

    @classmethod
    def of(cls, given: quoting.Answer) -> "Answer":
        first, cost, short = given.first, given.priced, given.short
        lines = [AnswerLine.answered(each) for each in given.lines]
        return cls(
            fits=given.fits,
            customer=given.customer.id,
            project=given.project.id,
            sku=first.commitment.sku or "",
            site=first.commitment.site or "",
            nodes=given.nodes,
            same_block=given.same_block,
            during=Period.of(given.during),
            months=cost.months,
            expires=given.expires,
            pools=[held for line in lines for held in line.pools],
            short=None if short is None else short.number,
            possible=given.nodes if short is None else short.nodes,
            earliest=given.during.start if short is None else short.earliest,
            price=first.price or None,
            tier=tier_of(first),
            basis=first.basis,
            tax_included=given.tax_included,
            listed=None if cost.listed is None else Money.of(cost.listed),
            discount_percent=f"{first.discount_percent:f}",
            monthly=Money.of(given.monthly),
            needs_approval=given.needs_approval,
            value=Money.of(given.plan.value),
            prepayment=Money.of(given.plan.prepayment),
            instalments=runs(given.plan),
            alternatives=[Alternative.of(each) for each in given.alternatives],
            terms=Terms.of(given.terms),
            lines=lines,
        )
