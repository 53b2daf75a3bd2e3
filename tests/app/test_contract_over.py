"""Leases under a contract: never asked to go within it, and out when it has no nodes for them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from rackrate.app import giveway, leasing, sales
from rackrate.app.amending import Renew, amend
from rackrate.app.leasing import Ask
from rackrate.core.calendar import Reservation
from rackrate.core.contract import Renewal, Terms
from rackrate.core.giveway import EARLY
from rackrate.core.ids import ContractId, LeaseId
from rackrate.core.interval import Interval
from rackrate.core.lease import LeaseClass, Phase
from rackrate.core.money import Money
from tests.app.test_giveway import DAY, EAST, HOUR, NODE, TRAIN, loop, see, shop, start, to
from tests.build import Built


def sign(built: Built, nodes: int, days: int, terms: Terms | None = None) -> ContractId:
    now = built.clock.now()
    return over(built, "k9", nodes, Interval(now, now + days * DAY), terms)


def over(
    built: Built, id: str, nodes: int, during: Interval, terms: Terms | None = None
) -> ContractId:
    cost = Money.parse("100.00", "CNY")
    offer = sales.Offer.of(ContractId(id), TRAIN, NODE, nodes, during, cost, Decimal(0))
    return sales.sign(built.world, built.admin, replace(offer, terms=terms or Terms())).id


def under(built: Built, contract: ContractId, nodes: int) -> LeaseId:
    ask = Ask(TRAIN, NODE, nodes, klass=LeaseClass.CONTRACT, contract=contract)
    lease = leasing.start(built.world, built.admin, ask).id
    loop(built)
    return lease


def test_a_lease_ends_with_its_contract_and_hears_of_it_a_day_before() -> None:
    built = shop()
    contract = sign(built, 2, 30)
    ends = built.clock.now() + 30 * DAY
    lease = under(built, contract, 2)
    to(built, ends - EARLY - HOUR)
    assert see(built, lease)[0].until is None
    to(built, ends - EARLY)
    shown, events = see(built, lease)
    assert shown.until == ends and events[-1].cause == giveway.BEYOND
    to(built, ends - timedelta(seconds=1))
    assert see(built, lease)[0].phase is Phase.RUNNING
    to(built, ends)
    assert see(built, lease)[0].phase is Phase.ENDED


def test_a_right_to_renew_lets_nobody_stay_until_it_is_used() -> None:
    """To be decided in the last hour: the lease hears that it ends, and then that it does not."""
    built = shop()
    ends = built.clock.now() + 30 * DAY
    contract = sign(built, 2, 30, Terms(renewal=Renewal(1, ends)))
    lease = under(built, contract, 2)
    to(built, ends - EARLY)
    assert see(built, lease)[0].until == ends
    to(built, ends - HOUR)
    amend(built.world, built.admin, contract, Renew())
    loop(built)
    assert see(built, lease)[0].until is None
    to(built, ends + HOUR)
    assert see(built, lease)[0].phase is Phase.RUNNING


def test_a_right_that_is_used_late_has_the_nodes_that_leases_were_told_to_leave() -> None:
    """One block is full; of the other both nodes are promised from day 30 on, one by the right. A
    lease by the moment is there up to a quarter of an hour before, and in nobody's way.
    """
    built = shop()
    now = built.clock.now()
    ends = now + 30 * DAY
    over(built, "full", 2, Interval(now, ends + 90 * DAY))
    contract = sign(built, 1, 30, Terms(renewal=Renewal(1, ends)))
    lease = start(built)
    over(built, "next", 1, Interval(ends, ends + 90 * DAY))
    to(built, ends - HOUR)
    assert see(built, lease)[0].phase is Phase.RUNNING
    renewed = amend(built.world, built.admin, contract, Renew())
    assert [each.anew for each in renewed.commitments] == [False, False]
    to(built, ends)
    assert see(built, lease)[0].phase is Phase.ENDED


def test_of_a_contract_that_has_fewer_nodes_only_what_is_beyond_them_ends() -> None:
    built = shop()
    contract = sign(built, 3, 30)
    first, second = under(built, contract, 2), under(built, contract, 1)
    cut = built.clock.now() + 10 * DAY
    with built.world.store.transaction() as tx:
        tx.fleet(EAST)
        for held in tx.find(Reservation, holder=contract):
            if held.nodes == 1:
                tx.put(replace(held, during=Interval(held.during.start, cut)))
    to(built, cut)
    alive = {one for one in (first, second) if see(built, one)[0].phase is Phase.RUNNING}
    assert alive == {first}


def test_a_contract_that_goes_on_keeps_its_leases() -> None:
    built = shop()
    contract = sign(built, 2, 30)
    lease = under(built, contract, 2)
    ends = built.clock.now() + 30 * DAY
    to(built, ends - HOUR)
    assert see(built, lease)[0].until == ends
    with built.world.store.transaction() as tx:
        tx.fleet(EAST)
        for held in tx.find(Reservation, holder=contract):
            tx.put(replace(held, during=Interval(held.during.start, ends + 30 * DAY)))
    loop(built)
    assert see(built, lease)[0].until is None
