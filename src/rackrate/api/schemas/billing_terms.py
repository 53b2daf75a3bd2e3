"""Terms of billing: a customer's own, and its seller's rules."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from rackrate.api.schemas.parts import NO_NUL, Id, Schema, Text
from rackrate.core import billing_terms as terms
from rackrate.core.draft import MOST_LINES
from rackrate.core.ids import ContractId, CustomerId, EntityId, ProjectId

Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=9, decimal_places=6, examples=["5"])]


class OrderNumber(Schema):
    """The customer's own purchase-order number: of all, of a project, or of a contract."""

    number: Annotated[str, Field(min_length=1, max_length=terms.LONGEST_NUMBER, pattern=NO_NUL)]
    project: Id | None = None
    contract: Id | None = None


class TermsRequest(Schema):
    """A customer's own terms of payment; what is null is as with its seller."""

    payment_days: Annotated[int, Field(ge=0, le=terms.LONGEST_TERM_DAYS)] | None = None
    per_project: bool = Field(default=False, description="An invoice for each project")
    late_percent: Percent | None = Field(default=None, description="Simple interest a year")
    purchase_orders: list[OrderNumber] = Field(default=[], max_length=MOST_LINES)

    def value(self, customer: str) -> terms.BillingTerms:
        return terms.BillingTerms(
            CustomerId(customer),
            EntityId(""),
            self.payment_days,
            self.per_project,
            self.late_percent,
            tuple(
                terms.OrderNumber(
                    each.number,
                    None if each.project is None else ProjectId(each.project),
                    None if each.contract is None else ContractId(each.contract),
                )
                for each in self.purchase_orders
            ),
        )


class CustomerTerms(Schema):
    customer: str
    payment_days: int | None
    per_project: bool
    late_percent: str | None
    purchase_orders: list[OrderNumber]

    @classmethod
    def of(cls, own: terms.BillingTerms) -> "CustomerTerms":
        return cls(
            customer=own.id,
            payment_days=own.payment_days,
            per_project=own.per_project,
            late_percent=None if own.late_percent is None else f"{own.late_percent:f}",
            purchase_orders=[
                OrderNumber(number=each.number, project=each.project, contract=each.contract)
                for each in own.orders
            ],
        )


class StepRequest(Schema):
    """A reminder so many days after an invoice was due; their order is their level."""

    days: int = Field(ge=0, le=3650)
    name: Annotated[str, Field(min_length=1, max_length=60, pattern=NO_NUL)]


class Remind(StrEnum):
    """Whether reminders that are due go out by themselves."""

    AUTO = "auto"
    BY_HAND = "by-hand"


class SellerTermsRequest(Schema):
    """A seller's rules of billing."""

    credit_series: Text = Field(
        description="What numbers of credit notes begin with; empty: they count with invoices"
    )
    late_percent: Percent = Decimal(0)
    late_taxed: bool = False
    reminders: list[StepRequest] = Field(
        default=[StepRequest(days=each.days, name=each.name) for each in terms.DEFAULT_STEPS],
        max_length=9,
    )
    remind: Remind = Field(default=Remind.AUTO, description="Once a day by itself, or by hand only")

    def value(self, entity: str) -> terms.SellerTerms:
        return terms.SellerTerms(
            EntityId(entity),
            self.credit_series,
            self.late_percent,
            self.late_taxed,
            terms.steps_of([(each.days, each.name) for each in self.reminders]),
            self.remind is Remind.AUTO,
        )


class SellerTerms(Schema):
    entity: str
    credit_series: str
    late_percent: str
    late_taxed: bool
    reminders: list[StepRequest]
    remind: Remind

    @classmethod
    def of(cls, rules: terms.SellerTerms) -> "SellerTerms":
        return cls(
            entity=rules.id,
            credit_series=rules.credit_series,
            late_percent=f"{rules.late_percent:f}",
            late_taxed=rules.late_taxed,
            reminders=[StepRequest(days=each.days, name=each.name) for each in rules.steps],
            remind=Remind.AUTO if rules.reminds else Remind.BY_HAND,
        )
