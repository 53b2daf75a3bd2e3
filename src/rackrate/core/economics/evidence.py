"""The sector report's ten-thousand-card cluster, as stated and as recomputed (C1 to C13).

Every recomputed figure comes from the plan's own values, so that another cluster gives other
figures; the stated side is in the plan file. economics.md 1.1 explains each row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from rackrate.core.economics.capex import residual_value
from rackrate.core.economics.case import Case
from rackrate.core.economics.claims import Reading, Row, Stated, Unit, chosen, needed, shown
from rackrate.core.economics.debt import Profile, Terms, schedule
from rackrate.core.economics.fields import Fields, rate
from rackrate.core.economics.plan import Plan
from rackrate.core.errors import Invalid
from rackrate.core.money import digits, half_up

PROFILES = (
    ("monthly annuity", Profile.ANNUITY, 1),
    ("monthly equal principal", Profile.EQUAL_PRINCIPAL, 1),
    ("quarterly annuity", Profile.ANNUITY, 3),
    ("annual annuity", Profile.ANNUITY, 12),
    ("bullet, interest annual", Profile.BULLET, 12),
)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the recomputation adds to the report, each with its place in the plan file."""

    loan_rates: tuple[Fraction, ...]
    service_vat: Fraction
    lease_vat: Fraction
    low_tax: Fraction
    server_kw: Fraction
    pue: Fraction
    price_per_kwh: Fraction


@dataclass(frozen=True, slots=True)
class Source:
    """The three scenarios of rent, what is stated, and what is assumed."""

    cases: Mapping[str, Case]  # low, mid, high
    stated: Mapping[str, Stated]
    assumed: Assumptions

    @property
    def mid(self) -> Case:
        return self.cases["mid"]

    @property
    def hardware(self) -> Fraction:
        return self.major(self.mid.cluster.gross)

    @property
    def refund(self) -> Fraction:
        return self.major(half_up(self.mid.cluster.gross * self.mid.vat.refund_share))

    def major(self, minor: int) -> Fraction:
        return Fraction(minor, 10 ** digits(self.mid.currency))

    def by_rent(self, figure: Callable[[Case], Fraction]) -> tuple[Reading, ...]:
        """The middle first: it is the plain meaning of a range. Range in, range out."""
        return tuple(
            Reading(f"at the {name} rent", figure(self.cases[name]))
            for name in ("mid", "low", "high")
        )


def evidence(plan: Plan) -> tuple[Row, ...]:
    """The rows that the plan states, in order; none where it states nothing."""
    if plan.evidence is None:
        return ()
    source = _source(plan, plan.evidence)
    return tuple(
        Row(name, source.stated[name], readings(source), unit, source.mid.currency, remark)
        for name, (readings, unit, remark) in ROWS.items()
        if name in source.stated
    )


def _source(plan: Plan, at: Fields) -> Source:
    at.only("scenarios", "assumptions", "stated")
    names = at.section("scenarios").only("low", "mid", "high")
    cases = {}
    for name in ("low", "mid", "high"):
        scenario = names.text(name)
        if scenario not in plan.cases:
            raise names.wrong(name, f"one of {', '.join(plan.cases)}")
        cases[name] = plan.cases[scenario]
    return Source(cases, chosen(at.section("stated"), tuple(ROWS)), _assumptions(at))


def _assumptions(evidence: Fields) -> Assumptions:
    at = evidence.section("assumptions").only(*Assumptions.__dataclass_fields__)
    rates = []
    for where, value in at.items("loan_rates"):
        read = rate(value)
        if read is None or not 0 <= read <= 1:
            raise Invalid(where, f"is {value!r}, should be a rate such as 4.5%")
        rates.append(read)
    return Assumptions(
        loan_rates=tuple(rates),
        service_vat=at.share("service_vat"),
        lease_vat=at.share("lease_vat"),
        low_tax=at.share("low_tax"),
        server_kw=at.number("server_kw"),
        pue=at.number("pue"),
        price_per_kwh=at.number("price_per_kwh"),
    )


def _hardware(source: Source) -> tuple[Reading, ...]:
    cluster = source.mid.cluster
    return (Reading(f"{cluster.servers:,} servers x unit price", source.hardware),)


def _cards(source: Source) -> tuple[Reading, ...]:
    cluster = source.mid.cluster
    label = f"{cluster.servers:,} servers x {cluster.gpus_per_server}"
    return (Reading(label, Fraction(cluster.gpus)),)


def _borrowed(source: Source) -> tuple[Reading, ...]:
    loan, uses = source.mid.loan or 0, source.mid.cluster.gross
    parts = (shown(source.major(x), Unit.MONEY, source.mid.currency) for x in (loan, uses - loan))
    label = "loan {}, equity {}".format(*parts)
    return (Reading(label, Fraction(loan, uses)),)


def _interest(source: Source) -> tuple[Reading, ...]:
    """Interest over the life by repayment profile and rate; the plan's own loan first."""
    financing = source.mid.financing
    loan = source.mid.loan or 0
    if financing is None:
        return (Reading("no loan", Fraction(0)),)
    own = schedule(loan, financing.terms).interest
    readings = [Reading("as the plan has it", source.major(own))]
    for label, profile, every in PROFILES:
        for yearly in source.assumed.loan_rates:
            terms = Terms(yearly, financing.terms.months, profile, every)
            interest = source.major(schedule(loan, terms).interest)
            readings.append(Reading(f"{label} at {float(yearly):.1%}", interest))
    return tuple(readings)


def _opex(source: Source) -> tuple[Reading, ...]:
    """Stated costs, and the least that they would be with the electricity alone."""
    case, assumed = source.mid, source.assumed
    kilowatts = case.cluster.servers * assumed.server_kw * assumed.pue
    hours = Fraction(case.hours_per_year * case.months, 12)
    electricity = kilowatts * hours * assumed.price_per_kwh
    own = source.major(case.opex_total)
    return (
        Reading("electricity alone, at full load", electricity),
        Reading("the plan's lines, where the customer pays power and colocation", own),
    )


def _per_server_month(source: Source) -> tuple[Reading, ...]:
    return source.by_rent(
        lambda case: source.major(case.contract.gross) / case.cluster.servers / case.months
    )


def _vat(source: Source) -> tuple[Reading, ...]:
    """Input less output VAT at the middle rent, both taken as tax-inclusive."""
    paid = source.major(source.mid.cluster.vat)
    rent = source.major(source.mid.contract.gross)
    proper = [
        Reading(
            f"input less output VAT, {label} at {float(vat):.0%}", paid - rent * vat / (1 + vat)
        )
        for label, vat in (
            ("service", source.assumed.service_vat),
            ("lease of equipment", source.assumed.lease_vat),
        )
    ]
    return (*proper, Reading("a share of the hardware", source.refund, sound=False))


def _residual(source: Source) -> tuple[Reading, ...]:
    value = residual_value(source.mid.cluster.gross, source.mid.residual_share)
    return (Reading("a share of the hardware", source.major(value)),)


def _cost(source: Source) -> tuple[Reading, ...]:
    """Hardware and running costs recomputed, interest as the report states it."""
    running = source.hardware + source.major(source.mid.opex_total)
    own = _interest(source)[0].value
    return (
        Reading("with the stated interest", running + needed(source.stated, "C4")),
        Reading("with the plan's own interest", running + own),
    )


def _revenue(source: Source) -> tuple[Reading, ...]:
    """Rent, "refund" and residual: what the report calls revenue."""
    return source.by_rent(lambda case: _reported_revenue(source, case))


def _reported_revenue(source: Source, case: Case) -> Fraction:
    rent = source.major(case.contract.gross)
    return rent + source.refund + _residual(source)[0].value


def _reported_profit(source: Source, case: Case) -> Fraction:
    """Recomputed revenue less the stated cost: each row takes the rows before it as stated."""
    return _reported_revenue(source, case) - needed(source.stated, "C9")


def _profit(source: Source) -> tuple[Reading, ...]:
    return source.by_rent(lambda case: _reported_profit(source, case))


def _profit_after_tax(source: Source) -> tuple[Reading, ...]:
    """Per year, at the plan's tax rate and at the lower one of a high-tech enterprise."""
    yearly = source.by_rent(lambda case: _reported_profit(source, case) * 12 / case.months)
    return tuple(
        Reading(f"{reading.label}, tax {float(tax):.0%}", reading.value * (1 - tax))
        for tax in (source.mid.tax.rate, source.assumed.low_tax)
        for reading in yearly
    )


def _margin(source: Source) -> tuple[Reading, ...]:
    """After tax; the denominator is named, because the report does not name it."""
    kept = 1 - source.mid.tax.rate
    on_revenue = source.by_rent(
        lambda case: _reported_profit(source, case) * kept / _reported_revenue(source, case)
    )
    on_rent = source.by_rent(
        lambda case: _reported_profit(source, case) * kept / source.major(case.contract.gross)
    )
    return (
        *(Reading(f"{r.label}, on total revenue", r.value) for r in on_revenue),
        *(Reading(f"{r.label}, on rent", r.value) for r in on_rent),
    )


# By row: how it is recomputed, in what unit, and what a reader should know about it.
ROWS: Mapping[str, tuple[Callable[[Source], tuple[Reading, ...]], Unit, str]] = {
    "C1": (_hardware, Unit.MONEY, ""),
    "C2": (_cards, Unit.COUNT, "a server is not a card"),
    "C3": (_borrowed, Unit.SHARE, ""),
    "C4": (_interest, Unit.MONEY, "the report does not say how the loan is paid back"),
    "C5": (_opex, Unit.MONEY, "complete only if the customer pays power and colocation"),
    "C6": (
        _per_server_month,
        Unit.MONEY,
        "per server and month; flat for the term, the market price that of one date",
    ),
    "C7": (_vat, Unit.MONEY, "the arithmetic holds; VAT is cash and never income"),
    "C8": (_residual, Unit.MONEY, ""),
    "C9": (_cost, Unit.MONEY, ""),
    "C10": (_revenue, Unit.MONEY, "a range of rents goes in, a range comes out"),
    "C11": (_profit, Unit.MONEY, "C10 less C9 as stated"),
    "C12": (_profit_after_tax, Unit.MONEY, "per year"),
    "C13": (_margin, Unit.SHARE, "denominator: total revenue, residual and refund included"),
}
