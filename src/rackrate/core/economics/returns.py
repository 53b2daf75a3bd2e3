"""What an investment returns: present value, rates of return, payback, multiple of money."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rackrate.core.economics.rootfinding import Root, roots

SINGLE = {
    -1: "",
    0: "the present value touches zero and is never on its other side",
    1: "a cost of borrowing, not a return",
}
DAYS_PER_YEAR = 365  # XIRR, as spreadsheets count it: actual days over 365


@dataclass(frozen=True, slots=True)
class Irr:
    """Every rate that makes the present value zero, and whether one of them means something."""

    roots: tuple[Root, ...]
    remark: str = ""

    @property
    def value(self) -> float | None:
        """The rate of return, when exactly one rate fits."""
        return self.roots[0].rate if len(self.roots) == 1 else None

    @property
    def investment_root(self) -> float | None:
        """The only root at which value falls as the rate rises: what other tools print as IRR.

        Of several roots this is the one an investor would call a return (Norstrom 1972 and the
        hard cases of numpy-financial 28 and 44); it stays a hint, and `value` stays None.
        """
        falling = [root.rate for root in self.roots if root.falls]
        return falling[0] if len(falling) == 1 else None

    def __str__(self) -> str:
        if self.value is None:
            return f"not meaningful: {self.remark}"
        return f"{self.value:.2%}" + (f" ({self.remark})" if self.remark else "")


@dataclass(frozen=True, slots=True)
class Payback:
    """The first period at whose end all is paid back for good; `exact` interpolates within it."""

    period: int
    exact: float


def npv(rate: float, flows: Sequence[float]) -> float:
    """Worth now of one flow per period, the first of them now: sum of flow / (1 + rate)^k.

    Brealey, Myers and Allen, Principles of Corporate Finance, chapter 2.
    """
    if rate <= -1:
        raise ValueError(f"a rate must be above -100%: {rate}")
    return math.fsum(flow / (1 + rate) ** k for k, flow in enumerate(flows))


def xnpv(rate: float, flows: Sequence[tuple[date, float]]) -> float:
    """Worth at the first date of dated flows, actual days over 365, as spreadsheets' XNPV."""
    if rate <= -1:
        raise ValueError(f"a rate must be above -100%: {rate}")
    return math.fsum(flow / (1 + rate) ** years for years, flow in _years(flows))


def irr(flows: Sequence[float]) -> Irr:
    """The rate per period at which npv is zero, searched over all rates above -100%.

    Brealey, Myers and Allen, chapter 5, with its pitfalls: no root and several roots are
    answers, not failures.
    """
    return _judged(flows, roots(list(enumerate(flows))))


def xirr(flows: Sequence[tuple[date, float]]) -> Irr:
    """The yearly rate at which xnpv is zero, as spreadsheets' XIRR, searched over all rates."""
    return _judged([flow for _, flow in flows], roots(_years(flows)) if flows else ())


def annual(per_month: Irr) -> Irr:
    """The effective yearly rate of a monthly one: (1 + m)^12 - 1."""
    yearly = tuple(Root(effective(root.rate, 12), root.slope) for root in per_month.roots)
    return Irr(yearly, per_month.remark)


def effective(rate: float, periods: float) -> float:
    """What `rate` per period compounds to over `periods`; infinity where a float ends."""
    exponent = periods * math.log1p(rate)
    return math.expm1(exponent) if exponent < 700 else math.inf


def mirr(flows: Sequence[float], finance_rate: float, reinvest_rate: float) -> float | None:
    """Outflows discounted at one rate, inflows reinvested at another, as spreadsheets' MIRR."""
    last = len(flows) - 1
    spent = -npv(finance_rate, [min(flow, 0.0) for flow in flows])
    earned = npv(reinvest_rate, [max(flow, 0.0) for flow in flows]) * (1 + reinvest_rate) ** last
    if spent <= 0 or earned <= 0:
        return None
    return float((earned / spent) ** (1 / last)) - 1


def payback(flows: Sequence[float]) -> Payback | None:
    """When the running sum comes back to zero and stays there; None where it never does.

    economics.md 3.3 counts months to unlevered payback like this; a sum that falls below zero
    again has not paid back, so the last such moment counts. Period 0 where it never was below.
    """
    total, answer = 0.0, Payback(0, 0.0)
    back = True
    for k, flow in enumerate(flows):
        before, total = total, total + flow
        if total < 0:
            back = False
        elif not back:
            back, answer = True, Payback(k, k - 1 + (-before / flow))
    return answer if back else None


def moic(flows: Sequence[float]) -> float | None:
    """Money out over money in, undiscounted; None where nothing was put in."""
    invested = -math.fsum(flow for flow in flows if flow < 0)
    return math.fsum(flow for flow in flows if flow > 0) / invested if invested else None


def at_risk(flows: Sequence[float]) -> float:
    """The most that is in the venture at any time: the deepest point of the running sum."""
    deepest = total = 0.0
    for flow in flows:
        total += flow
        deepest = min(deepest, total)
    return abs(deepest)


def _years(flows: Sequence[tuple[date, float]]) -> list[tuple[float, float]]:
    if not flows:
        return []
    first = min(day for day, _ in flows)
    return [((day - first).days / DAYS_PER_YEAR, flow) for day, flow in flows]


def _judged(flows: Sequence[float], found: tuple[Root, ...]) -> Irr:
    if len(found) == 1:
        return Irr(found, SINGLE[found[0].slope])
    if found:
        listed = ", ".join(f"{root.rate:.4%}" for root in found)
        return Irr(found, f"{len(found)} rates fit: {listed}")
    if not any(flows):
        return Irr((), "no money moves")
    if min(flows) >= 0:
        return Irr((), "money only comes in, nothing is at risk")
    if max(flows) <= 0:
        return Irr((), "money only goes out")
    return Irr((), "no rate makes the present value zero")
