"""How a cost is spread over the months that use it up."""

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction

from rackrate.core.money import half_up

YEAR = 12


class Deduction(StrEnum):
    """What the tax office lets a company deduct for its hardware."""

    BOOK = "book"  # what the books say, and the rest when it is sold
    HALF_YEAR_SL5 = "half_year_sl5"  # 10/20/20/20/20/10 %, nothing more at sale
    MACRS5 = "macrs5"  # 20/32/19.2/11.52/11.52/5.76 %, nothing more at sale


# NREL SAM's "SL-5", straight line with the half-year convention, and MACRS 5 years (IRS Publication
# 946, table A-1): percentages of cost by year, in hundredths of a percent. SAM deducts no more
# when the equipment is sold earlier (economics.md 3.4).
YEARLY = {
    Deduction.HALF_YEAR_SL5: (1000, 2000, 2000, 2000, 2000, 1000),
    Deduction.MACRS5: (2000, 3200, 1920, 1152, 1152, 576),
}


def spread(amount: int, weights: Sequence[Fraction | int]) -> tuple[int, ...]:
    """Whole parts of `amount` in proportion to `weights`, in order of time.

    The running sum is rounded, not the parts, so that no year is off by more than one unit.
    """
    whole, run, before = Fraction(sum(weights)), Fraction(0), 0
    parts = []
    for weight in weights:
        run += weight
        now = half_up(amount * run / whole)
        parts.append(now - before)
        before = now
    return tuple(parts)


def straight_line(cost: int, residual: int, months: int) -> tuple[int, ...]:
    """Equal months from `cost` down to `residual`: (cost - residual) / months (IAS 16.62)."""
    return spread(cost - residual, [1] * months)


def deductions(kind: Deduction, cost: int, months: int) -> tuple[int, ...]:
    """The tax deduction of each month of `months`, twelve equal parts of its year's percentage."""
    yearly = YEARLY[kind]
    weights = [Fraction(share, YEAR) for share in yearly for _ in range(YEAR)]
    parts = spread(cost, weights)
    return (parts + (0,) * months)[:months]
