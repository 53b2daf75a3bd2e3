"""A right to renew is sold, so what it would bring is held: told as a salesperson would tell it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from rackrate.app import breaches, delivery, sales, upkeep
from rackrate.app.amending import End, Extend, Fewer, More, Renew, preview
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.contract import (
    Acceptance,
    EarlyEnd,
    Renewal,
    RenewalState,
    Terms,
    paid_parts,
)
from rackrate.core.errors import RackrateError, Reason, Refused
from rackrate.core.ids import ProjectId, SiteId
from rackrate.core.inventory import Node, NodeState
from rackrate.core.invoice import LineKind
from tests.app.contract_shop import (
    K1,
    change,
    close_until,
    cny,
    day,
    held,
    nodes,
    of_kind,
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
    with pytest.raises(Refused, match="none of 1 node"):
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
    assert "the right to renew for 6 months cannot be held: none of 2 nodes" in caught.value.detail
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


RUNNING = """
kind: contract
name: k1
project: robotics-train
sku: h100.node
nodes: 2
start: 2026-06-01
end: 2027-11-01
time_zone: Asia/Shanghai
currency: CNY
monthly: 1000.00
prepayment_percent: 0
tax_included: false
opening: {signed: 2026-05-01, invoiced: 2026-10, earned: 2026-10}
blocks: [{block: east-2, nodes: 2}]
terms: {renewal: {months: 6, decide_by: 2027-08-01}}
"""


def test_a_contract_that_runs_already_is_taken_over_with_its_right() -> None:
    built = shop()
    built.apply(RUNNING)
    before = rows(built)
    assert (pools(built, day(1)), held(built)) == ({EAST_2: 2}, [(2, day(12), day(18))])
    assert built.apply(RUNNING).changes == () and rows(built) == before
    with pytest.raises(RackrateError, match="is signed, and differs in terms"):
        built.apply(RUNNING.replace("2027-08-01}", "2027-08-01, held: false}"))


def test_a_contract_that_runs_already_is_not_taken_over_with_a_right_that_is_sold() -> None:
    built = shop()
    other(built, 4, 12, 24)
    with pytest.raises(RackrateError, match="the right to renew for 6 months cannot be held"):
        built.apply(RUNNING)
    built.apply(RUNNING.replace("2027-08-01}", "2027-08-01, held: false}"))
    assert (held(built), state(built)) == ([], RenewalState.IF_FREE)


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


def test_two_lines_do_not_go_on_with_the_same_node() -> None:
    """Of what is free after the term one node is left, and two lines of one node would go on."""
    built = shop()
    lines = nodes(1, 0, 12, "500.00"), nodes(1, 0, 12, "500.00")
    sign(built, *lines, terms=renewable(held=False))
    other(built, 3, 12, 24)
    before = rows(built)
    assert refusal(built, Renew()).facts["nodes"] == 0
    assert rows(built) == before


def test_a_right_that_lacks_nodes_does_not_become_a_promise_of_what_is_not_there() -> None:
    """Two lines hold a node each for later, and one of the two nodes will have left by then."""
    built = shop()
    lines = nodes(1, 0, 12, "500.00"), nodes(1, 0, 12, "500.00")
    sign(built, *lines, terms=renewable())
    other(built, 2, 12, 24)
    (block,) = {row.pool.split("/")[0] for row in rows(built) if row.renews}
    with built.world.store.transaction() as tx:
        first = next(row.id for row in tx.find(Node, site=SiteId("east")) if row.block == block)
    leaves = upkeep.Step(NodeState.RETIRED, day(11), force=True)
    upkeep.move(built.world, built.admin, first, leaves)
    assert refusal(built, Renew()).reason is Reason.NO_CAPACITY
    with built.world.store.transaction() as tx:
        assert not breaches.look_at(built.world, tx, SiteId("east")), "all was told before"


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


def test_a_batch_may_still_come_while_what_it_was_for_goes_on() -> None:
    """Sold for two months and extended by four: handed over after three, and billed from then."""
    built = shop()
    terms = Terms(acceptance=Acceptance.CUSTOMER)
    sign(built, nodes(2, 0, 2, "1000.00"), percent=0, terms=terms)
    change(built, Extend(1, day(6)))
    built.clock.instant = day(3)
    handed = delivery.deliver(built.world, built.admin, K1, 1, 1)
    assert {name[:5] for name in handed.names} == {"h100-"}
    delivery.accept(built.world, built.admin, K1, 1, 1)
    close_until(built, 6)
    assert of_kind(built, LineKind.INSTALMENT) == ["1000.00"] * 3


def test_a_batch_does_not_come_any_more_once_all_that_goes_on_is_over() -> None:
    built = shop()
    sign(built, nodes(2, 0, 2, "1000.00"), terms=Terms(acceptance=Acceptance.CUSTOMER))
    change(built, Extend(1, day(6)))
    built.clock.instant = day(6)
    with pytest.raises(Refused) as caught:
        delivery.deliver(built.world, built.admin, K1, 1, 1)
    assert caught.value.reason is Reason.TOO_LATE
