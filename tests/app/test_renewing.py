"""A right to renew is sold, so what it would bring is held: told as a salesperson would tell it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rackrate.app import delivery, sales, upkeep
from rackrate.app.amending import End, Extend, Fewer, More, Renew, Swap, preview
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.contract import (
    Acceptance,
    Commitment,
    CommitmentKind,
    EarlyEnd,
    Renewal,
    RenewalState,
    Terms,
    UpgradeRight,
    paid_parts,
)
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import ChipId, ContractId, ProjectId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState
from tests.app.contract_shop import (
    K1,
    NEWER,
    TRAIN,
    change,
    cny,
    day,
    held,
    nodes,
    other,
    pools,
    refusal,
    reserved,
    shop,
    sign,
)
from tests.build import Built

RENDER = ProjectId("studio-render")
SECOND = timedelta(seconds=1)
EAST_1, EAST_2 = "east-1/h100x8", "east-2/h100x8"


def renewable(months: int = 6, held: bool = True, **terms: object) -> Terms:
    """To be decided before the tenth month of twelve."""
    right = Renewal(months, day(9), Decimal(95), held)
    return Terms(renewal=right, **terms)  # type: ignore[arg-type]


def state(built: Built) -> RenewalState | None:
    right = sales.right_to_renew(built.world, built.admin, K1)
    return None if right is None else right.state


def rows(built: Built) -> list[Reservation]:
    with built.world.store.transaction() as tx:
        return tx.find(Reservation)


# -- what is held, and until when ---------------------------------------------------------------


def test_what_was_sold_with_a_right_to_renew_is_sold_to_nobody_else_until_its_day() -> None:
    """Four nodes; two of them may go on for six months. Up to the day nobody gets all four."""
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=renewable())
    assert held(built) == [(2, day(12), day(18))]
    built.clock.instant = day(9) - SECOND
    with pytest.raises(Refused) as caught:
        other(built, 3, 12, 24)
    assert (caught.value.reason, caught.value.facts["nodes"]) == (Reason.NO_CAPACITY, 2)
    other(built, 2, 12, 24)
    with pytest.raises(Refused, match="at most 0 of 1 nodes"):
        other(built, 1, 12, 13, "k3")
    built.clock.instant = day(9)
    assert (held(built), state(built)) == ([], RenewalState.LAPSED)
    other(built, 2, 12, 24, "k3")
    assert not [row for row in rows(built) if row.renews], "whoever reserves next takes it away"


def test_a_right_that_is_used_becomes_the_promise_that_it_held() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=renewable())
    other(built, 2, 12, 24)
    before = pools(built, day(11))
    done = change(built, Renew())
    assert (held(built), state(built)) == ([], RenewalState.USED)
    assert (pools(built, day(17)), reserved(built, day(18))) == (before, 0)
    assert [str(each.amount) for each in done.commitments] == ["1,000.00 CNY", "950.00 CNY"]
    assert {row.kind for row in rows(built)} == {ReservationKind.CONTRACT}


def test_a_right_that_could_not_be_held_is_not_sold_and_says_until_when_it_could_be() -> None:
    """All four nodes are another's from the fifteenth month on."""
    built = shop()
    other(built, 4, 15, 24)
    with pytest.raises(Refused) as caught:
        sign(built, nodes(2, 0, 12, "1000.00"), terms=renewable(6))
    assert caught.value.reason is Reason.NO_CAPACITY
    assert caught.value.facts["until"] == day(15).isoformat()
    assert (caught.value.facts["nodes"], caught.value.facts["months"]) == (0, 3)
    assert "the right to renew for 6 months cannot be held: at most 0 of 2" in caught.value.detail
    assert "all until 2028-01-31 16:00 UTC" in caught.value.detail
    assert rows(built) == [row for row in rows(built) if row.holder == "k2"]
    sign(built, nodes(2, 0, 12, "1000.00"), terms=renewable(3))
    assert held(built) == [(2, day(12), day(15))]


def test_a_right_to_what_is_free_is_sold_without_being_held_and_says_so() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=renewable(held=False))
    assert (held(built), state(built)) == ([], RenewalState.IF_FREE)
    other(built, 4, 12, 24)
    refused = refusal(built, Renew())
    assert (refused.reason, refused.facts["nodes"]) == (Reason.NO_CAPACITY, 0)


def test_nodes_are_chosen_where_what_goes_on_after_them_fits_too() -> None:
    """The block that is tightest for the term is another's after it: the right needs the other."""
    built = shop()
    other(built, 1, 0, 3)
    other(built, 2, 12, 24, "k3")
    assert {row.pool for row in rows(built) if row.holder in ("k2", "k3")} == {EAST_1}
    sign(built, nodes(1, 4, 12, "500.00", same_block=True), terms=renewable())
    assert pools(built, day(5)) == {EAST_2: 1}


def test_on_one_block_the_right_is_held_there_or_not_sold() -> None:
    built = shop()
    other(built, 1, 14, 24)
    other(built, 2, 16, 24, "k3")
    with pytest.raises(Refused) as caught:
        sign(built, nodes(2, 0, 12, "1000.00", same_block=True), terms=renewable())
    assert caught.value.facts["until"] == day(16).isoformat()
    assert caught.value.facts["nodes"] == 1
    assert "in one block" in caught.value.detail
    sign(built, nodes(2, 0, 12, "1000.00", same_block=True), terms=renewable(4))
    assert held(built) == [(2, day(12), day(16))]


def test_a_block_of_its_own_is_held_whole_for_the_renewal_too() -> None:
    built = shop()
    sign(built, nodes(1, 0, 12, "1000.00"), terms=renewable(dedicated=True))
    with pytest.raises(Refused, match="at most 2 of 3 nodes"):
        other(built, 3, 12, 14)
    change(built, Renew())
    with pytest.raises(Refused, match="at most 2 of 3 nodes"):
        other(built, 3, 12, 14)


def test_two_lines_of_a_block_of_its_own_are_both_held() -> None:
    built = shop()
    own = renewable(dedicated=True)
    sign(built, nodes(1, 0, 12, "1000.00"), nodes(1, 3, 12, "1000.00"), terms=own)
    assert held(built) == [(1, day(12), day(18)), (1, day(12), day(18))]
    change(built, Renew())
    assert reserved(built, day(15)) == 2


# -- amendments ---------------------------------------------------------------------------------


def test_a_longer_term_moves_what_is_held_behind_it() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=renewable())
    change(built, Extend(1, day(15)))
    assert held(built) == [(2, day(15), day(21))]
    assert reserved(built, day(14)) == 2


def test_a_longer_term_is_refused_where_the_right_would_be_void() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=renewable())
    other(built, 2, 12, 24)
    other(built, 2, 18, 24, "k3")
    refused = refusal(built, Extend(1, day(15)))
    assert (refused.reason, refused.facts["until"]) == (Reason.NO_CAPACITY, day(18).isoformat())
    assert held(built) == [(2, day(12), day(18))], "and nothing is changed"


def test_fewer_nodes_hold_fewer_and_more_hold_more() -> None:
    built = shop()
    shrinks = renewable(may_shrink_percent=Decimal(50))
    sign(built, nodes(2, 0, 12, "1000.00"), terms=shrinks)
    change(built, Fewer(1, 1, day(6)))
    assert held(built) == [(1, day(12), day(18))]
    change(built, More((nodes(1, 7, 12, "500.00"),)))
    assert held(built) == [(1, day(12), day(18)), (1, day(12), day(18))]
    # What ends before the term does is not renewed, and holds nothing.
    change(built, More((nodes(1, 7, 11, "500.00"),)))
    assert sum(count for count, _, _ in held(built)) == 2


def test_whoever_ends_early_holds_nothing_any_more() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"), terms=renewable(early_end=EarlyEnd(Decimal(0))))
    change(built, End(day(6)))
    assert (held(built), state(built)) == ([], RenewalState.VOID)
    other(built, 4, 6, 24)


def test_nodes_are_given_back_although_the_pool_is_short_by_then() -> None:
    """What is held shrinks where it is: nobody has to find room for less than there was."""
    built = shop()
    sign(built, nodes(4, 0, 12, "1000.00"), terms=renewable(may_shrink_percent=Decimal(50)))
    with built.world.store.transaction() as tx:
        lost = [row.id for row in tx.find(Node, site=SiteId("east")) if row.chip == "h100"][:3]
    for id in lost:
        leaves = upkeep.Step(NodeState.RETIRED, day(13), force=True)
        upkeep.move(built.world, built.admin, id, leaves)
    change(built, Fewer(1, 3, day(6)))
    assert sum(count for count, _, _ in held(built)) == 3
    assert [row.nodes for row in rows(built) if row.renews == 2] == [2, 1]


# -- where it goes when its own blocks are sold --------------------------------------------------


def test_a_renewal_goes_to_other_blocks_where_its_own_are_sold_and_says_what_moves() -> None:
    """One of its two nodes is another's after the term: one stays, one moves and is handed over."""
    built = shop()
    sign(built, nodes(2, 0, 12, "999.99"), terms=renewable(held=False))
    other(built, 1, 12, 24)
    shown = preview(built.world, built.admin, K1, Renew())
    done = change(built, Renew())
    assert "1 of 2 x h100.node on other blocks from 2027-10-31 16:00 UTC on" in (
        done.amendments[-1].what
    )
    assert shown.contract.commitments == done.commitments
    _, stays, moves = done.commitments
    assert (stays.follows, stays.anew, stays.nodes) == (1, False, 1)
    assert (moves.follows, moves.anew, moves.nodes) == (1, True, 1)
    # 95 % of 999.99, not a cent lost.
    assert (stays.amount + moves.amount) == cny("949.99")
    assert pools(built, day(12)) == {EAST_1: 1, EAST_2: 1}
    batches = sales.deliveries(built.world, built.admin, K1)
    assert [(each.commitment, each.nodes, each.due) for each in batches][1:] == [(3, 1, day(12))]
    built.clock.instant = day(12)
    handed = delivery.deliver(built.world, built.admin, K1, 3, 1)
    assert [name[:6] for name in handed.names] == ["h100-0"]


def test_of_parts_as_many_nodes_are_given_back_as_of_the_whole() -> None:
    built = shop()
    terms = renewable(held=False, may_shrink_percent=Decimal(50))
    sign(built, nodes(2, 0, 12, "1000.00"), terms=terms)
    other(built, 1, 12, 24)
    done = change(built, Renew())
    assert [done.first_nodes(each) for each in done.commitments] == [2, 1, 1]


def test_an_extension_goes_to_other_blocks_as_a_renewal_does() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1000.00"))
    other(built, 2, 12, 24)
    done = change(built, Extend(1, day(18)))
    assert "all 2 x h100.node on other blocks" in done.amendments[-1].what
    assert pools(built, day(12)) == {EAST_2: 2}
    assert "2 goes on after it already" in refusal(built, Extend(1, day(20))).detail


def test_what_must_stay_on_its_block_is_refused_with_that_word() -> None:
    built = shop()
    sign(built, nodes(2, 0, 12, "1.00", same_block=True), terms=renewable(held=False))
    other(built, 1, 12, 14)
    refused = refusal(built, Renew())
    assert refused.facts["nodes"] == 1
    assert "on the blocks that it has" in refused.detail


def test_what_is_held_elsewhere_stays_held_and_says_so() -> None:
    """Two of its blocks' nodes were another's before it came: its right is on the other block."""
    built = shop()
    other(built, 2, 12, 24)
    sign(built, nodes(2, 0, 12, "1000.00"), terms=renewable())
    # Both blocks have room for the term, and the roomy one has it for the right, too.
    assert pools(built, day(1)) == {EAST_2: 2}
    right = sales.right_to_renew(built.world, built.admin, K1)
    assert right is not None and (right.nodes, right.elsewhere) == (2, 0)


def test_a_block_of_its_own_that_others_have_come_into_is_no_place_to_go_on() -> None:
    built = shop()
    own = renewable(held=False, dedicated=True)
    sign(built, nodes(1, 0, 12, "1.00"), terms=own)
    other(built, 1, 12, 14)
    refused = refusal(built, Renew())
    assert (refused.reason, refused.facts["nodes"]) == (Reason.NO_CAPACITY, 0)
    assert "on the blocks that it has" in refused.detail


def test_what_moves_is_billed_from_its_own_acceptance_on() -> None:
    built = shop()
    terms = renewable(held=False, acceptance=Acceptance.CUSTOMER)
    sign(built, nodes(2, 0, 12, "1000.00"), terms=terms)
    delivery.deliver(built.world, built.admin, K1, 1, 1)
    delivery.accept(built.world, built.admin, K1, 1, 1)
    other(built, 1, 12, 24)
    done = change(built, Renew())
    paid = paid_parts(done, sales.deliveries(built.world, built.admin, K1))
    assert [sum(part.nodes for part in paid[number]) for number in (1, 2, 3)] == [2, 1, 0]
    built.clock.instant = day(13)
    delivery.deliver(built.world, built.admin, K1, 3, 1)
    delivery.accept(built.world, built.admin, K1, 3, 1)
    paid = paid_parts(done, sales.deliveries(built.world, built.admin, K1))
    assert [part.during.start for part in paid[3]] == [day(13)]


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
    assert str(contract.monthly_at(day(13))) == "3,000.00 CNY"


# -- rights that could never be used ---------------------------------------------------------------


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
