"""Use under a contract: rates, minimums, overage; and what has become of them."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer

from rackrate.api.schemas.parts import Id, Money, Period, Schema
from rackrate.core import committed
from rackrate.core import contract as contracts
from rackrate.core.contract import RatedAt, TrueUp
from rackrate.core.contract.use import MOST_RATES
from rackrate.core.errors import Invalid
from rackrate.core.ids import SkuId
from rackrate.core.pricing import Unit

Amount = Annotated[
    Decimal,
    Field(ge=0, lt=10**12, max_digits=21, decimal_places=9, examples=["9.50"]),
    PlainSerializer(lambda amount: f"{amount:f}", return_type=str),
]


class UseRate(Schema):
    """What an hour of a GPU of a SKU costs, or of a slot."""

    sku: Id = Field(examples=["h100.1"])
    amount: Amount
    unit: Unit = Field(default=Unit.GPU_HOUR, description="`gpu_hour` or `slot_hour`")


class UseRates(Schema):
    """At which prices which SKUs are used: at named `rates`, or `skus` at the customer's list."""

    rated: RatedAt = Field(default=RatedAt.CONTRACT, description="At the contract's rates or list")
    rates: list[UseRate] = Field(default=[], max_length=MOST_RATES)
    skus: list[Id] = Field(default=[], max_length=MOST_RATES, description="At list prices")

    def agreed(self, where: str) -> contracts.Rates:
        try:
            return contracts.Rates(
                self.rated,
                tuple(contracts.Rate(SkuId(r.sku), r.amount, r.unit) for r in self.rates),
                tuple(map(SkuId, self.skus)),
            )
        except ValueError as error:
            raise Invalid(where, str(error)) from None

    @classmethod
    def of(cls, rates: contracts.Rates) -> "UseRates":
        return cls.model_validate(rates, from_attributes=True)


class Use(Schema):
    """How use of a commitment is metered: flexible nodes have one rate, of their own SKU; a
    minimum of use names the SKUs that count, and over how long it is set against it.
    """

    rates: UseRates
    true_up: TrueUp = Field(default=TrueUp.MONTH, description="By the month or the contract year")

    def agreed(self, where: str) -> contracts.Use:
        return contracts.Use(self.rates.agreed(where), self.true_up)

    @classmethod
    def of(cls, use: contracts.Use) -> "Use":
        return cls.model_validate(use, from_attributes=True)


class Overage(Schema):
    """What is used beyond the nodes that are reserved. At list prices without `skus`: every SKU;
    at the contract's rates a SKU without one has that of the flexible nodes.
    """

    rates: UseRates

    @property
    def agreed(self) -> contracts.Overage:
        return contracts.Overage(self.rates.agreed("terms.overage.rates"))


class Minimum(Schema):
    """A month or contract year of a minimum of use that is closed, as the contract was quoted."""

    commitment: int
    period: str = Field(examples=["2026-11", "contract year 1"])
    during: Period
    minimum: Money
    used: Money
    shortfall: Money

    @classmethod
    def of(cls, each: committed.Counted) -> "Minimum":
        return cls(
            commitment=each.period.commitment,
            period=each.period.said,
            during=Period.of(each.period.during),
            minimum=Money.of(each.period.minimum),
            used=Money.of(each.used),
            shortfall=Money.of(each.shortfall),
        )


class Balance(Schema):
    """What was prepaid for use, what invoices have drawn of it, and what is left."""

    prepaid: Money
    drawn: Money
    left: Money
    over: bool = Field(description="The contract is over: what was left went back, or is forfeited")

    @classmethod
    def of(cls, each: committed.Balance) -> "Balance":
        return cls(
            prepaid=Money.of(each.prepaid),
            drawn=Money.of(each.drawn),
            left=Money.of(each.left),
            over=each.over,
        )
