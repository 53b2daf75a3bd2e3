"""From seconds to lines: against a slow rater that bills second by second."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.errors import Refused
from rackrate.core.ids import LeaseId, SkuId
from rackrate.core.lease import LeaseClass
from rackrate.core.money import Money
from rackrate.core.pricing import Price, PriceBook, price_id
from rackrate.core.rating import amount, rate
from rackrate.core.usage import Used

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SKU = SkuId("h100.1")
MONTH = 30 * 86_400


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def price(per_hour: str, second: int) -> Price:
    return Price(
        price_id(SKU, LeaseClass.ON_DEMAND, "CNY", at(second)),
        SKU,
        LeaseClass.ON_DEMAND,
        "CNY",
        Decimal(per_hour),
        False,
        at(second),
        timedelta(days=7),
    )


def used(
    *stretches: tuple[int, int], slots: int = 1, klass: LeaseClass = LeaseClass.ON_DEMAND
) -> Used:
    times = [(at(start), at(end)) for start, end in stretches]
    return Used(LeaseId("lse_1"), SKU, klass, slots, times)


PRICES = st.dictionaries(
    st.integers(1, 300), st.decimals(0, 100, places=4, allow_nan=False), max_size=4
).map(lambda found: [price("17.00", -10), *(price(str(p), s) for s, p in sorted(found.items()))])
USES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), min_size=1, max_size=5)


@given(PRICES, USES, st.integers(0, 300), st.integers(1, 16))
def test_charges_are_what_a_rater_that_counts_every_second_finds(
    prices: list[Price], uses: list[tuple[int, int]], first: int, slots: int
) -> None:
    stretches, exact = [], Fraction(0)
    for length, gap in uses:
        stretches.append((first, first + length))
        for second in range(first, first + length):
            begun = [price for price in prices if price.effective <= at(second)]
            in_force = max(begun, key=lambda price: price.effective)
            exact += Fraction(in_force.amount) * slots / 3600
        first += length + gap
    charges = rate(used(*stretches, slots=slots), PriceBook(prices), "CNY", MONTH)
    assert sum((charge.exact for charge in charges), Fraction(0)) == exact


@given(PRICES, st.integers(0, 300), st.integers(2, 60), st.data())
def test_cutting_an_interval_never_changes_a_bill(
    prices: list[Price], start: int, length: int, data: st.DataObject
) -> None:
    cut, end = data.draw(st.integers(start + 1, start + length - 1)), start + length
    book = PriceBook(prices)
    whole = rate(used((start, end)), book, "CNY", MONTH)
    assert rate(used((start, cut), (cut, end)), book, "CNY", MONTH) == whole


def test_a_day_cut_into_minutes_costs_what_a_day_costs() -> None:
    """Rounding each charge would lose 0.7 % here (decision 11)."""
    book = PriceBook([price("17.01", 0)])
    minutes = [(60 * i, 60 * i + 60) for i in range(1440)]
    (charge,) = rate(used(*minutes), book, "CNY", MONTH)
    assert amount(charge) == Money.parse("408.24", "CNY")


def test_a_contract_lease_costs_nothing_more() -> None:
    lease = used((0, 100), klass=LeaseClass.CONTRACT)
    assert rate(lease, PriceBook([]), "CNY", MONTH) == ()


def test_what_has_no_price_is_refused_and_never_free() -> None:
    with pytest.raises(Refused, match="not_priced"):
        rate(used((0, 10)), PriceBook([price("17.00", 5)]), "CNY", MONTH)
    with pytest.raises(Refused, match="not_priced"):
        rate(used((0, 10)), PriceBook([price("17.00", -5)]), "USD", MONTH)


@pytest.mark.parametrize("per_hour", ["-1", "NaN", "Infinity", "1e12"])
def test_prices_that_cannot_be_are_refused(per_hour: str) -> None:
    with pytest.raises(ValueError, match="price"):
        price(per_hour, 0)
