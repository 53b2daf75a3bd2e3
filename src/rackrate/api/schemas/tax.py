"""Tax rules, as entities and customers name them."""

from pydantic import Field

from rackrate.api.schemas.parts import Schema
from rackrate.core import tax
from rackrate.core.tax import Rounding, TaxCategory


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
