"""Value added tax as a table of rules: how a sale is taxed, rounded, and said on documents."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from rackrate.core.errors import Reason, Refused
from rackrate.core.money import Money, half_up_ratio


class TaxCategory(StrEnum):
    """Why the rate is what it is, as EN 16931 codes it (UNCL 5305)."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    OUTSIDE_SCOPE = "O"
    EXPORT = "G"


class Rounding(StrEnum):
    """Where tax on top of a price is rounded: once on the net sum, or on each line."""

    INVOICE = "invoice"
    LINE = "line"


NO_REASON_ASKED = frozenset({TaxCategory.STANDARD, TaxCategory.ZERO})


@dataclass(frozen=True, slots=True)
class TaxRule:
    """`rate` is a share (0.06 is six percent); `name` stands on the invoice.

    A rule is never edited: a rate that changes is a new rule, so that old invoices stay as they
    are. `exemption` is the sentence that the law wants where no tax is charged, and
    `exemption_code` its code in the VATEX list.
    """

    id: str
    name: str
    rate: Decimal
    category: TaxCategory = TaxCategory.STANDARD
    rounding: Rounding = Rounding.INVOICE
    exemption: str = ""
    exemption_code: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1 or (self.rate > 0) != (self.category is TaxCategory.STANDARD):
            raise ValueError(f"tax rule {self.id}: {self.category} at {self.rate}")
        if bool(self.exemption) == (self.category in NO_REASON_ASKED):
            raise ValueError(f"tax rule {self.id}: {self.category} and {self.exemption!r}")

    @property
    def percent(self) -> str:
        """The rate in percent, with as few digits as it has: 6, or 25.5."""
        return f"{(self.rate * 100).normalize():f}"

    @property
    def names_both(self) -> bool:
        """Whether seller and buyer must both be named with their VAT ids."""
        return self.category is TaxCategory.REVERSE_CHARGE


# Standard rates of the members of the European Union as of 2026, by country, in percent.
EU_STANDARD: Mapping[str, str] = {
    "AT": "20", "BE": "21", "BG": "20", "CY": "19", "CZ": "21", "DE": "19", "DK": "25",
    "EE": "24", "ES": "21", "FI": "25.5", "FR": "20", "GR": "24", "HR": "25", "HU": "27",
    "IE": "23", "IT": "22", "LT": "21", "LU": "17", "LV": "21", "MT": "18", "NL": "21",
    "PL": "23", "PT": "23", "RO": "21", "SE": "25", "SI": "22", "SK": "23",
}  # fmt: skip

_BY_LINE = Rounding.LINE
_LEASE_13 = "VAT 13% (lease of tangible assets)"

# The two Chinese rates are those for services and for leases of tangible assets that
# reference/economics.md C7 works with; the operator chooses which applies. Chinese digital invoices
# state the tax of each line: `…-by-line` rounds it there.
RULES: Mapping[str, TaxRule] = {
    rule.id: rule
    for rule in (
        TaxRule(
            "none",
            "No tax",
            Decimal(0),
            TaxCategory.OUTSIDE_SCOPE,
            exemption="Not subject to VAT",
            exemption_code="VATEX-EU-O",
        ),
        TaxRule("cn-service-6", "VAT 6% (services)", Decimal("0.06")),
        TaxRule("cn-lease-13", _LEASE_13, Decimal("0.13")),
        TaxRule("cn-service-6-by-line", "VAT 6% (services)", Decimal("0.06"), rounding=_BY_LINE),
        TaxRule("cn-lease-13-by-line", _LEASE_13, Decimal("0.13"), rounding=_BY_LINE),
        *(
            TaxRule(f"eu-{land.lower()}-{rate}", f"VAT {rate}% ({land})", Decimal(rate) / 100)
            for land, rate in EU_STANDARD.items()
        ),
        TaxRule(
            "eu-reverse-charge",
            "VAT reverse charge",
            Decimal(0),
            TaxCategory.REVERSE_CHARGE,
            exemption="Reverse charge: the recipient accounts for the VAT",
            exemption_code="VATEX-EU-AE",
        ),
        TaxRule(
            "eu-outside-scope",
            "Outside the scope of EU VAT",
            Decimal(0),
            TaxCategory.OUTSIDE_SCOPE,
            exemption="Not subject to VAT: the place of supply is outside the European Union",
            exemption_code="VATEX-EU-O",
        ),
        TaxRule(
            "eu-export",
            "Export from the EU",
            Decimal(0),
            TaxCategory.EXPORT,
            exemption="Export outside the European Union",
            exemption_code="VATEX-EU-G",
        ),
        TaxRule(
            "eu-small-enterprise",
            "VAT exempt (small enterprise)",
            Decimal(0),
            TaxCategory.EXEMPT,
            exemption="Exempt: scheme for small enterprises, Article 284 of Directive 2006/112/EC",
        ),
        TaxRule(
            "late-interest",
            "No VAT (interest on late payment)",
            Decimal(0),
            TaxCategory.OUTSIDE_SCOPE,
            exemption="Interest on late payment is compensation, and pays for no supply",
            exemption_code="VATEX-EU-O",
        ),
        TaxRule("zero-rated", "VAT 0% (zero rated)", Decimal(0), TaxCategory.ZERO),
        TaxRule(
            "us-none",
            "No sales tax (US)",
            Decimal(0),
            TaxCategory.OUTSIDE_SCOPE,
            exemption="No sales tax is charged",
            exemption_code="VATEX-EU-O",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class TaxPart:
    """What of an invoice is under one rule: its net, and the tax on it."""

    rule: str
    net: Money
    tax: Money


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


def taxes_on(nets: Iterable[Money], rule: TaxRule) -> tuple[Money, ...]:
    """The tax of each of several net amounts on one invoice; they add up to that of the invoice.

    Where it is rounded once on the sum, each amount gets what it adds to the rounded tax of those
    before it: no cent is lost, whatever their signs.
    """
    if rule.rounding is Rounding.LINE:
        return tuple(tax_on(net, rule) for net in nets)
    taxes: list[Money] = []
    sum_minor = taxed_minor = 0
    for net in nets:
        sum_minor += net.minor
        tax = tax_on(Money(sum_minor, net.currency), rule)
        taxes.append(Money(tax.minor - taxed_minor, net.currency))
        taxed_minor = tax.minor
    return tuple(taxes)


def tax_of(nets: Sequence[Money], rule: TaxRule, currency: str) -> Money:
    """The tax on top of these net amounts, rounded where the rule says."""
    if rule.rounding is Rounding.LINE:
        return Money(sum(tax_on(net, rule).minor for net in nets), currency)
    return tax_on(Money(sum(net.minor for net in nets), currency), rule)


def apart(rules: Iterable[TaxRule]) -> dict[str, int]:
    """On which of several invoices each rule is, counted from 0: on as few as can be.

    EN 16931 sums up an invoice by category and rate, each once, and what is outside the scope of
    VAT stands alone (BR-O-11 to BR-O-14).
    """
    sheets: list[list[TaxRule]] = []
    found: dict[str, int] = {}
    for rule in sorted(set(rules), key=lambda each: each.id):
        fits = (n for n, others in enumerate(sheets) if all(_beside(rule, one) for one in others))
        place = next(fits, len(sheets))
        if place == len(sheets):
            sheets.append([])
        sheets[place].append(rule)
        found[rule.id] = place
    return found


def check_together(rules: Iterable[TaxRule]) -> None:
    """Refused where these cannot be on one invoice, before there is one."""
    found = apart(rules)
    if len(set(found.values())) > 1:
        raise Refused(
            Reason.INVALID,
            f"{' and '.join(found)} cannot be on one invoice: it sums up each category and rate "
            "once, and what is outside the scope of VAT stands alone; make one for each",
            {"rules": list(found)},
        )


def _beside(one: TaxRule, other: TaxRule) -> bool:
    """Whether both can be on one invoice."""
    outside = TaxCategory.OUTSIDE_SCOPE in (one.category, other.category)
    return not outside and (one.category, one.rate) != (other.category, other.rate)


def vat_id_of(tax_id: str, country: str) -> str:
    """The VAT id that a tax id is: with the prefix of its country. Empty: it is none.

    Greece has the prefix EL. Elsewhere, as in China, a tax id has no prefix and is no VAT id.
    """
    compact = re.sub(r"[ .-]", "", tax_id).upper()
    prefix = "EL" if country == "GR" else country
    return compact if re.fullmatch(rf"{re.escape(prefix)}[0-9A-Z+*]{{2,13}}", compact) else ""
