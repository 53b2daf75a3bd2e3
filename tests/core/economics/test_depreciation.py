"""Costs over time: no unit is lost, and the published tables come out."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.economics.capex import Cluster, residual_value
from rackrate.core.economics.depreciation import Deduction, deductions, spread, straight_line

COST = 266_240_000_000


def by_year(parts: tuple[int, ...]) -> list[int]:
    return [sum(parts[k : k + 12]) for k in range(0, len(parts), 12)]


@settings(deadline=None)
@given(st.integers(-(10**13), 10**13), st.lists(st.integers(0, 9), min_size=1, max_size=70))
def test_parts_add_up_and_the_running_sum_is_never_off_by_more_than_half(
    amount: int, weights: list[int]
) -> None:
    if not sum(weights):
        return
    parts = spread(amount, weights)
    assert sum(parts) == amount
    for k in range(len(parts)):
        exact = Fraction(amount * sum(weights[: k + 1]), sum(weights))
        assert abs(sum(parts[: k + 1]) - exact) <= Fraction(1, 2)


def test_a_straight_line_leaves_the_residual() -> None:
    parts = straight_line(1_000, 50, 7)
    assert sum(parts) == 950
    assert max(parts) - min(parts) <= 1


def test_half_year_straight_line_is_that_of_sam() -> None:
    assert by_year(deductions(Deduction.HALF_YEAR_SL5, COST, 60)) == [
        26_624_000_000, 53_248_000_000, 53_248_000_000, 53_248_000_000, 53_248_000_000,
    ]  # fmt: skip


def test_macrs_is_that_of_sam_and_deducts_all_in_six_years() -> None:
    years = by_year(deductions(Deduction.MACRS5, COST, 84))
    assert years == [
        53_248_000_000, 85_196_800_000, 51_118_080_000, 30_670_848_000, 30_670_848_000,
        15_335_424_000, 0,
    ]  # fmt: skip
    assert sum(years) == COST


@pytest.mark.parametrize(
    ("inclusive", "gross", "net"),
    [(True, 266_240_000_000, 235_610_619_469), (False, 300_851_200_000, 266_240_000_000)],
)
def test_a_price_has_vat_inside_or_on_top(inclusive: bool, gross: int, net: int) -> None:
    """economics.md C7: input VAT of 13/113 is 3.063亿."""
    cluster = Cluster(1024, 8, "H800", 260_000_000, Fraction("0.13"), inclusive)
    assert (cluster.gross, cluster.net, cluster.vat) == (gross, net, gross - net)
    assert cluster.gpus == 8_192
    if inclusive:
        assert round(cluster.vat / 10**10, 3) == 3.063


def test_the_residual_is_a_share_of_cost() -> None:
    assert residual_value(COST, Fraction("0.05")) == 13_312_000_000
