"""A plan file's scenarios: one base case, and what differs from it in each scenario."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from rackrate.core.economics.capex import Cluster
from rackrate.core.economics.case import (
    HOURS_PER_YEAR,
    Books,
    Case,
    Excess,
    Financing,
    IncomeTax,
    Losses,
    OpexBasis,
    OpexLine,
    Treatment,
    Vat,
)
from rackrate.core.economics.debt import Profile, Terms
from rackrate.core.economics.depreciation import Deduction
from rackrate.core.economics.fields import Fields
from rackrate.core.economics.revenue import ContractTerms
from rackrate.core.errors import Invalid

MOST_MONTHS = 600
EVERY = {"monthly": 1, "quarterly": 3, "yearly": 12}
SECTIONS = (
    "cluster", "contract", "financing", "opex", "vat", "tax", "residual", "books",
    "discount_rate", "hours_per_year",
)  # fmt: skip
HEAD = ("kind", "name", "source", "sample", "currency", "start", "scenarios", "evidence")


@dataclass(frozen=True, slots=True)
class Plan:
    """The scenarios of one file, in its order, and what its source states (see `evidence`)."""

    name: str
    source: str
    sample: bool
    cases: Mapping[str, Case]
    evidence: Fields | None = None


def parse_plan(document: object) -> Plan:
    """From the values of a YAML file; `Invalid` names the path, what is wrong and what is right."""
    top = Fields.of("", document).only(*HEAD, *SECTIONS)
    if top.has("kind") and top.text("kind") != "plan":
        raise top.wrong("kind", "plan")
    scenarios = dict(top.section("scenarios").values) if top.has("scenarios") else {"base": {}}
    if not scenarios:
        raise top.wrong("scenarios", "one or more named scenarios")
    cases = {}
    for name, change in scenarios.items():
        changed = Fields.of(f"scenarios.{name}", change or {}).only(*SECTIONS)
        try:
            cases[str(name)] = _case(str(name), Fields("", merged(top.values, changed.values)))
        except Invalid as error:
            raise _placed(error, changed) from None
    return Plan(
        name=top.text("name"),
        source=top.text("source", ""),
        sample=top.flag("sample", False),
        cases=cases,
        evidence=top.section("evidence") if top.has("evidence") else None,
    )


def merged(under: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """`over` wins, section by section; a list replaces a list."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def _placed(error: Invalid, changed: Fields) -> Invalid:
    """Points at the scenario when the wrong value was written there, not in the base case."""
    values: object = changed.values
    for name in error.where.split("[")[0].split("."):
        if not isinstance(values, Mapping) or name not in values:
            return error
        values = values[name]
    return Invalid(changed.at(error.where), error.detail.removeprefix(f"{error.where}: "))


def _case(name: str, top: Fields) -> Case:
    currency = top.currency("currency")
    contract = _contract(top.section("contract"), currency)
    financing = _financing(top.section("financing"), currency) if top.has("financing") else None
    if financing and financing.terms.months > contract.months:
        raise top.section("financing").wrong("months", f"at most the contract's {contract.months}")
    return Case(
        name=name,
        currency=currency,
        start=top.month("start"),
        cluster=_cluster(top.section("cluster"), currency),
        contract=contract,
        opex=tuple(_opex(line, currency) for line in top.sections("opex")),
        vat=_vat(top.section("vat")),
        tax=_tax(top.section("tax")),
        residual_share=top.share("residual", "0%"),
        discount_rate=top.share("discount_rate", "10%", most=10),
        financing=financing,
        books=top.choice("books", Books, Books.TO_RESIDUAL),
        hours_per_year=top.count("hours_per_year", 8784, HOURS_PER_YEAR),
        source=top.text("source", ""),
        sample=top.flag("sample", False),
    )


def _cluster(at: Fields, currency: str) -> Cluster:
    at.only("servers", "gpus_per_server", "chip", "unit_price", "vat_rate", "tax_inclusive")
    return Cluster(
        servers=at.count("servers", 10**7),
        gpus_per_server=at.count("gpus_per_server", 1000, 8),
        chip=at.text("chip"),
        unit_price=at.price("unit_price", currency),
        vat_rate=at.share("vat_rate", "0%"),
        tax_inclusive=at.flag("tax_inclusive"),
    )


def _contract(at: Fields, currency: str) -> ContractTerms:
    at.only(
        "total", "monthly", "months", "prepayment", "tax_rate", "tax_inclusive",
        "collection_months",
    )  # fmt: skip
    if at.has("total") == at.has("monthly"):
        raise Invalid(at.path, "has total and monthly, or neither, should have one of the two")
    months = at.count("months", MOST_MONTHS)
    total = at.has("total")
    return ContractTerms(
        total=at.price("total", currency) if total else months * at.price("monthly", currency),
        months=months,
        prepayment=at.share("prepayment", "0%"),
        tax_rate=at.share("tax_rate", "0%"),
        tax_inclusive=at.flag("tax_inclusive"),
        collection_months=at.count("collection_months", 120, 0, least=0),
    )


def _financing(at: Fields, currency: str) -> Financing:
    at.only(
        "share", "amount", "cover", "residual_counts", "rate", "months", "profile", "payments"
    )  # fmt: skip
    if sum(at.has(name) for name in ("share", "amount", "cover")) != 1:
        raise Invalid(at.path, "should have exactly one of share, amount and cover")
    every, months = _every(at, "payments", "monthly"), at.count("months", MOST_MONTHS)
    if months % every:
        raise at.wrong("months", f"a multiple of {every}, the months between payments")
    cover = at.share("cover", most=100) if at.has("cover") else None
    if cover is not None and cover < 1:
        raise at.wrong("cover", "a cover of at least 1, such as 1.3")
    return Financing(
        terms=Terms(
            rate=at.share("rate"),
            months=months,
            profile=at.choice("profile", Profile, Profile.ANNUITY),
            every=every,
        ),
        share=at.share("share") if at.has("share") else None,
        amount=at.amount("amount", currency) if at.has("amount") else None,
        cover=cover,
        residual_counts=at.flag("residual_counts", False),
    )


def _opex(at: Fields, currency: str) -> OpexLine:
    bases = [basis for basis in OpexBasis if at.has(basis)]
    at.only("name", "vat_rate", "paid", *OpexBasis)
    if len(bases) != 1:
        raise Invalid(at.path, f"should have exactly one of {', '.join(OpexBasis)}")
    share = bases[0] is OpexBasis.HARDWARE_SHARE
    value = at.share(bases[0], most=100) if share else at.amount(bases[0], currency)
    return OpexLine(
        name=at.text("name"),
        basis=bases[0],
        value=Fraction(value),
        vat_rate=at.share("vat_rate", "0%"),
        every=_every(at, "paid", "monthly"),
    )


def _vat(at: Fields) -> Vat:
    at.only("treatment", "refund_share", "excess")
    treatment = at.choice("treatment", Treatment)
    if at.has("refund_share") and treatment is Treatment.CREDIT:
        raise at.wrong("refund_share", "left out: under credit no VAT is income")
    return Vat(treatment, at.share("refund_share", "0%"), at.choice("excess", Excess, Excess.CARRY))


def _tax(at: Fields) -> IncomeTax:
    at.only("rate", "paid", "losses", "deduction")
    return IncomeTax(
        rate=at.share("rate"),
        every=_every(at, "paid", "yearly"),
        losses=at.choice("losses", Losses, Losses.CARRY_FORWARD),
        deduction=at.choice("deduction", Deduction, Deduction.BOOK),
    )


def _every(at: Fields, name: str, default: str) -> int:
    word = at.text(name, default)
    if word not in EVERY:
        raise at.wrong(name, f"one of {', '.join(EVERY)}")
    return EVERY[word]
