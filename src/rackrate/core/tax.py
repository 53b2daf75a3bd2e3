"""Value added tax as a table of rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from rackrate.core.money import Money, half_up_ratio


@dataclass(frozen=True, slots=True)
class TaxRule:
    """`rate` is a share (0.06 is six percent); `name` stands on the invoice."""

    id: str
    name: str
    rate: Decimal


# The two Chinese rates are those for services and for leases of tangible assets that
# reference/economics.md C7 works with; the operator chooses which applies.
RULES: Mapping[str, TaxRule] = {
    rule.id: rule
    for rule in (
        TaxRule("none", "No tax", Decimal(0)),
        TaxRule("cn-service-6", "VAT 6% (services)", Decimal("0.06")),
        TaxRule("cn-lease-13", "VAT 13% (lease of tangible assets)", Decimal("0.13")),
    )
}


def tax_rule(id: str) -> TaxRule:
    """The rule; ValueError names those that exist."""
    try:
        return RULES[id]
    except KeyError:
        raise ValueError(f"unknown tax rule {id!r}; known: {', '.join(RULES)}") from None


def net_of(gross: Money, rule: TaxRule) -> Money:
    """What is left of a tax-inclusive amount, rounded once; the tax is the rest of it."""
    top, bottom = rule.rate.as_integer_ratio()
    return Money(half_up_ratio(gross.minor * bottom, bottom + top), gross.currency)


def tax_on(net: Money, rule: TaxRule) -> Money:
    """The tax that comes on top of a net sum, rounded once."""
    top, bottom = rule.rate.as_integer_ratio()
    return Money(half_up_ratio(net.minor * top, bottom), net.currency)
