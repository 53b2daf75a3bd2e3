"""Tax rules, as entities and customers name them, and when they change."""

from pydantic import Field

from rackrate.api.schemas.parts import Schema
from rackrate.core import tax, treatment
from rackrate.core.tax import Rounding, TaxCategory


class TaxChange(Schema):
    """From supplies of this month on it is another treatment."""

    month: str = Field(serialization_alias="from", examples=["2027-01"])
    tax: str = Field(description="Of a customer, empty: as the seller's")

    @classmethod
    def of(cls, change: treatment.TaxChange) -> "TaxChange":
        return cls(month=str(change.month), tax=change.treatment)


class TaxRule(Schema):
    """How a sale is taxed. A rule never changes: another rate is another rule."""

    id: str
    name: str
    percent: str = Field(examples=["25.5"])
    category: TaxCategory = Field(description="As EN 16931 codes it")
    rounding: Rounding = Field(description="Where tax on top of prices is rounded")
    exemption: str = Field(description="What documents say where no tax is charged")
    exemption_code: str
    names_both: bool = Field(description="Seller and buyer must both have VAT ids")

    @classmethod
    def of(cls, rule: tax.TaxRule) -> "TaxRule":
        return cls(
            id=rule.id,
            name=rule.name,
            percent=rule.percent,
            category=rule.category,
            rounding=rule.rounding,
            exemption=rule.exemption,
            exemption_code=rule.exemption_code,
            names_both=rule.names_both,
        )
