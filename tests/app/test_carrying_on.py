"""What goes on after a commitment changes with it; and rights that could never be used."""

from dataclasses import replace
from decimal import Decimal

import pytest

from rackrate.app import sales
from rackrate.app.amending import Extend, Fewer, Renew, Swap, preview
from rackrate.core.contract import (
    Commitment,
    CommitmentKind,
    EarlyEnd,
    Renewal,
    Terms,
    UpgradeRight,
)
from rackrate.core.errors import Invalid, Reason
from rackrate.core.ids import ChipId, ContractId
from rackrate.core.interval import Interval
from tests.app.contract_shop import (
    K1,
    NEWER,
    SHANGHAI,
    TRAIN,
    change,
    cny,
    day,
    held,
    nodes,
    other,
    refusal,
    reserved,
    shop,
    sign,
)
from tests.app.test_renewing import RENDER, renewable, rows

# -- newer nodes --------------------------------------------------------------------------------


def upgradable() -> Terms:
    right = UpgradeRight(ChipId("b300"), day(6), Decimal(10))
    return renewable(upgrade=right, may_shrink_percent=Decimal(50))


def test_a_swap_takes_over_what_follows_and_what_may_follow() -> None:
    """Twelve months and three more at 900; swapped in the seventh: all of it is newer nodes."""
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), percent=0, terms=upgradable())
    change(built, Extend(1, day(15), cny("900.00")))
    wanted = Swap(1, NEWER, cny("1500.00"), day(7))
    shown = preview(built.world, built.admin, K1, wanted)
    done = change(built, wanted)
    assert "instead of commitment 2 from 2027-10-31 16:00 UTC on 2 x b300.node" in (
        done.amendments[-1].what
    )
    assert [(c.number, c.sku, c.lasts, str(c.amount)) for c in shown.done.added] == [
        (c.number, c.sku, c.lasts, str(c.amount)) for c in done.commitments[2:]
    ]
    assert [(c.sku, c.during.start, str(c.amount.amount)) for c in done.commitments[2:]] == [
        (NEWER, day(7), "1500.00"),
        (NEWER, day(12), "1350.00"),
    ]
    assert done.commitments[1].lasts is None, "called off before it began"
    assert held(built) == [(2, day(15), day(21))]
    assert {row.pool for row in rows(built) if row.during.start >= day(7)} == {"east-new/b300x8"}
    # A tenth of five months at 1,000 and three at 900.
    assert str(done.amendments[-1].credit) == "770.00 CNY"
    other(built, 4, 7, 24)
    done = change(built, Renew())
    assert [(c.sku, c.during.end) for c in done.commitments if c.order == 3] == [(NEWER, day(21))]


def test_what_was_swapped_away_is_not_extended() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=upgradable())
    change(built, Swap(1, NEWER, cny("1500.00"), day(7)))
    assert "swapped for newer nodes" in refusal(built, Extend(1, day(15))).detail


def test_a_swap_that_cannot_be_cut_like_what_follows_says_which_could() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=upgradable())
    change(built, Fewer(1, 1, day(9)))
    refused = refusal(built, Swap(1, NEWER, cny("1500.00"), day(7), 1))
    assert (refused.reason, refused.facts["multiple_of"]) == (Reason.NOT_AGREED, 2)
    change(built, Swap(1, NEWER, cny("1500.00"), day(7), 2))
    assert [reserved(built, day(month)) for month in (7, 9)] == [2, 1]


def test_a_swap_is_refused_where_the_right_to_renew_would_have_no_nodes() -> None:
    """The newer nodes are another's from the thirteenth month on."""
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=upgradable())
    late = (replace(nodes(1, 13, 24, "1.00"), sku=NEWER),)
    offer = sales.Offer(ContractId("k2"), RENDER, late, Decimal(0))
    sales.sign(built.world, built.admin, offer)
    refused = refusal(built, Swap(1, NEWER, cny("1500.00"), day(7)))
    assert (refused.reason, refused.facts["nodes"]) == (Reason.NO_CAPACITY, 1)
    assert refused.facts["until"] == day(13).isoformat()


def test_giving_nodes_back_gives_back_those_that_follow_too() -> None:
    built = shop()
    sign(built, nodes(4, 0, 12, "4000.00"), terms=renewable(may_shrink_percent=Decimal(50)))
    change(built, Extend(1, day(15)))
    change(built, Fewer(1, 3, day(6)))
    assert [reserved(built, day(month)) for month in (5, 6, 12, 15)] == [4, 3, 3, 0]
    assert sum(count for count, _, _ in held(built)) == 3
    contract, _ = sales.show(built.world, built.admin, K1)
    assert str(contract.monthly_at(day(13), SHANGHAI)) == "3,000.00 CNY"


# -- rights that could never be used ---------------------------------------------------------------


def test_a_part_that_is_given_back_whole_takes_with_it_what_goes_on_after_it() -> None:
    """One of two goes on elsewhere and is extended there: the one given back is that one."""
    built = shop()
    sign(
        built,
        nodes(2, 0, 12, "1000.00"),
        terms=renewable(held=False, may_shrink_percent=Decimal(50)),
    )
    other(built, 1, 12, 24)
    change(built, Renew())
    change(built, Extend(3, day(21)))
    assert [reserved(built, day(month)) for month in (13, 19)] == [2, 1]
    change(built, Fewer(1, 1, day(6)))
    assert [reserved(built, day(month)) for month in (7, 13, 19)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("terms", "where", "said"),
    [
        (Terms(renewal=Renewal(6, day(13))), "renewal.decide_by", "after the contract's end"),
        (Terms(upgrade=UpgradeRight(ChipId("b300"), day(12))), "upgrade.not_before", "end of its"),
        (Terms(early_end=EarlyEnd(Decimal(1), 0, day(12))), "early_end.not_before", "not before"),
        (renewable(upgrade=UpgradeRight(ChipId("b300"), day(18))), "upgrade.not_before", "2028-04"),
    ],
)
def test_a_right_that_could_never_be_used_is_not_agreed(
    terms: Terms, where: str, said: str
) -> None:
    built = shop()
    with pytest.raises(Invalid, match=said) as caught:
        sign(built, nodes(2, 0, 12, "1000.00"), terms=terms)
    assert caught.value.where == f"terms.{where}"
    assert rows(built) == []


@pytest.mark.parametrize(
    ("terms", "where"),
    [
        (Terms(renewal=Renewal(6, day(2))), "renewal.decide_by"),
        (Terms(early_end=EarlyEnd(Decimal(1), 400)), "early_end.notice_days"),
    ],
)
def test_a_right_whose_day_is_over_is_not_agreed_today_and_is_taken_over(
    terms: Terms, where: str
) -> None:
    """A contract that runs since before may have lapsed rights; one signed now may not."""
    built = shop()
    built.clock.instant = day(3)
    offer = sales.Offer(K1, TRAIN, (nodes(2, 0, 12, "1.00"),), Decimal(0), terms=terms)
    with pytest.raises(Invalid) as caught:
        sales.sign_now(built.world, built.admin, offer)
    assert caught.value.where == f"terms.{where}"
    sales.sign(built.world, built.admin, offer)
    assert held(built) == []


def test_a_fee_at_the_end_does_not_end_the_term_later() -> None:
    """What is paid once, on the day after the term, keeps nothing of it from being renewed."""
    built = shop()
    after = Interval(day(12), day(13))
    once = Commitment(2, CommitmentKind.ONE_OFF, "Dismantling", after, cny("9.00"))
    sign(built, nodes(2, 0, 12, "1000.00"), once, terms=renewable())
    assert held(built) == [(2, day(12), day(18))]
