"""Commitments of a contract: what is asked for, and what is answered."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from rackrate.api.schemas.parts import Id, Instant, Money, Period, Rate, Schema, Text
from rackrate.api.schemas.use import Use
from rackrate.app import sales
from rackrate.core import contract as contracts
from rackrate.core import money
from rackrate.core.contract import OF_NODES, CommitmentKind
from rackrate.core.errors import Invalid
from rackrate.core.ids import SkuId
from rackrate.core.interval import Interval
from rackrate.core.treatment import Supply

METERED = (CommitmentKind.FLEX, CommitmentKind.USE)
BY_THE_MONTH = (CommitmentKind.CAPACITY, CommitmentKind.SERVICE)
SUPPLY = "What it is to the tax law; left out: what its SKU is, else a service"
Nodes = Annotated[int, Field(ge=1, le=sales.MOST_NODES)]


class Batch(Schema):
    """So many nodes of a commitment, due at an instant."""

    nodes: Nodes
    due: Instant


class CommitmentRequest(Schema):
    """A quantity over an interval. `amount` is a calendar month's, or the whole of a one-off; in
    its place a `total` of the whole interval, or what a node costs an hour (`hourly`).
    """

    kind: CommitmentKind = CommitmentKind.CAPACITY
    title: Text = ""
    sku: Id | None = Field(default=None, examples=["h800.node"])
    nodes: int = Field(default=0, ge=0, le=sales.MOST_NODES)
    start: Instant
    end: Instant
    amount: Money | None = None
    total: Money | None = Field(default=None, description="Months are shares that add up to it")
    hourly: Rate | None = Field(default=None, description="A node and hour of the calendar")
    same_block: bool = False
    supply: Supply | None = Field(default=None, description=SUPPLY)
    deliveries: list[Batch] = Field(default=[], max_length=1000)
    use: Use | None = Field(default=None, description="Of `flex` and `use`, and of no other")

    @model_validator(mode="after")
    def _whole(self) -> "CommitmentRequest":
        if not self.start < self.end:
            raise ValueError("end must be after start")
        of_nodes, metered = self.kind in OF_NODES, self.kind in METERED
        if of_nodes and (self.sku is None or not self.nodes):
            raise ValueError(f"{self.kind} is `nodes` of a `sku`")
        if not of_nodes and (self.sku is not None or self.nodes or self.deliveries):
            raise ValueError(f"{self.kind} has no sku, nodes or deliveries")
        if not of_nodes and not metered and not self.title.strip():
            raise ValueError(f"{self.kind} needs a title")
        if metered != (self.use is not None):
            raise ValueError(f"{self.kind} has {'rates of use' if metered else 'no use'}")
        if len([one for one in (self.amount, self.total, self.hourly) if one is not None]) != 1:
            raise ValueError("give amount, total or hourly, one of them")
        if self.total is not None and self.kind not in BY_THE_MONTH:
            raise ValueError(f"{self.kind} is not agreed as a total")
        if self.hourly is not None and self.kind is not CommitmentKind.CAPACITY:
            raise ValueError("by the hour are nodes, and nothing else")
        return self

    def commitment(self, number: int) -> contracts.Commitment:
        total, hourly = self.total, self.hourly
        field = "amount" if total is None else "total"
        amount = amount_of(self.amount or total, hourly)
        if amount.minor < 0:
            raise Invalid(f"commitments.{number - 1}.{field}", f"{amount} is negative")
        where = f"commitments.{number - 1}.use"
        use = None if self.use is None else self.use.agreed(where)
        try:
            commitment = contracts.Commitment(
                number,
                self.kind,
                self.title,
                Interval(self.start, self.end),
                amount,
                None if self.sku is None else SkuId(self.sku),
                None,
                self.nodes,
                self.same_block,
                use=use,
                total=None if total is None else total.value,
                hourly=None if hourly is None else Decimal(hourly.amount),
                supply=self.supply,
            )
        except ValueError as error:
            raise Invalid(where, str(error)) from None
        return contracts.with_month(commitment, "UTC") if hourly else commitment


def amount_of(amount: Money | None, hourly: Rate | None) -> money.Money:
    """What is written in the place of a month's amount until that is worked out."""
    if amount is not None:
        return amount.value
    assert hourly is not None
    return money.Money.zero(hourly.currency)


def batches_of(asked: Sequence[CommitmentRequest]) -> dict[int, sales.Batches]:
    """The planned deliveries of each, where they were given."""
    return {
        number: tuple((batch.nodes, batch.due) for batch in each.deliveries)
        for number, each in enumerate(asked, 1)
        if each.deliveries
    }


class Commitment(Schema):
    """A quantity over an interval, as ordered. `lasts` is less where it was ended early."""

    number: int
    kind: CommitmentKind
    title: str
    what: str = Field(examples=["64 x h100.node"])
    sku: str | None
    site: str | None
    nodes: int
    during: Period
    lasts: Period | None = Field(description="Null: it was called off before it began")
    amount: Money
    same_block: bool
    order: int = Field(description="The amendment that brought it; 0 is the signature")
    follows: int = Field(description="The commitment after which it goes on; 0: none")
    anew: bool = Field(description="It goes on with other nodes, which are handed over anew")
    total: Money | None = Field(
        description="Agreed for all of `during`: `amount` is then what a month comes to"
    )
    hourly: Rate | None = Field(
        description="A node and hour of the calendar: `amount` is then that of 730 hours"
    )
    since: datetime | None = Field(description="From when its amount holds and is indexed")
    waits: bool = Field(description="Paid once, and earned and invoiced when it is accepted")
    supply: Supply | None = Field(description=SUPPLY)
    use: Use | None = Field(description="At which rates its use is metered")

    @classmethod
    def of(cls, each: contracts.Commitment) -> "Commitment":
        return cls(
            number=each.number,
            kind=each.kind,
            title=each.title,
            what=each.what,
            sku=each.sku,
            site=each.site,
            nodes=each.nodes,
            during=Period.of(each.during),
            lasts=None if each.lasts is None else Period.of(each.lasts),
            amount=Money.of(each.amount),
            same_block=each.same_block,
            order=each.order,
            follows=each.follows,
            anew=each.anew,
            total=None if each.total is None else Money.of(each.total),
            hourly=None if each.hourly is None else Rate.of(each.hourly, each.amount.currency),
            since=each.since,
            waits=each.waits,
            supply=each.supply,
            use=None if each.use is None else Use.of(each.use),
        )
