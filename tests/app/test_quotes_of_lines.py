"""Quotes of several lines, in the words of those who sell: a ramp, a fee, a service, all or none.

64 nodes on one fabric stand in `wide-1`, 40 on another in `wide-2`.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rackrate.app import billing, quotes, sales
from rackrate.app.asking import Ask, Line
from rackrate.core.access import Role
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.contract import CommitmentKind, Terms
from rackrate.core.errors import Invalid, Missing, RackrateError, Reason
from rackrate.core.ids import ContractId, CustomerId, PoolId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from rackrate.core.quote import QuoteState
from rackrate.core.treatment import Supply
from tests.app.test_quotes import NODE, PRICES, SLOW, STUDIO, refused, seller
from tests.build import CUSTOMERS, SMALL, Built, build

ROBOTICS, WIDE = CustomerId("robotics"), SkuId("h200.node")
ONE, TWO = PoolId("wide-1/h200x8"), PoolId("wide-2/h200x8")
SHANGHAI = timedelta(hours=8)
FLEET = """
kind: chip
name: h200
vendor: NVIDIA
model: H200
bf16_dense_tflops: 989
source: a test
confidence: secondary
---
kind: block
name: wide-1
site: east
fabric: 400G
---
kind: block
name: wide-2
site: east
fabric: 400G
---
kind: node
name: one-{:03}
count: 64
site: east
block: wide-1
chip: h200
gpus: 8
cpus: 192
memory_gib: 2048
disk_gib: 28000
---
kind: node
name: two-{:03}
count: 40
site: east
block: wide-2
chip: h200
gpus: 8
cpus: 192
memory_gib: 2048
disk_gib: 28000
---
kind: sku
name: h200.node
title: H200, a whole node
site: east
chip: h200
slots: 8
whole_node: true
cpus: 192
memory_gib: 2048
disk_gib: 28000
---
kind: contract_price
sku: h200.node
currency: CNY
tax_included: false
basis: per node and calendar month, before VAT, power and cooling included
floor_percent: 5
effective: 2026-01-01
time_zone: Asia/Shanghai
tiers:
- {months: 12, nodes: 1, amount: 70000.00}
- {months: 12, nodes: 64, amount: 66000.00}
- {months: 24, nodes: 1, amount: 65000.00}
- {months: 24, nodes: 64, amount: 60000.00}
- {months: 36, nodes: 1, amount: 60000.00}
- {months: 36, nodes: 64, amount: 55000.00}
"""


def at(year: int, month: int, day: int = 1) -> datetime:
    """The midnight of that day in Shanghai."""
    return datetime(year, month, day, tzinfo=UTC) - SHANGHAI


MARCH, JUNE, END = at(2027, 3), at(2027, 6), at(2030, 3)


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


def shop() -> Built:
    return build(SMALL, FLEET, CUSTOMERS, PRICES.partition("---")[0])


SETUP = Line(CommitmentKind.ONE_OFF, title="Set-up", amount=cny("200000.00"))
SUPPORT = Line(CommitmentKind.SERVICE, title="Support", amount=cny("30000.00"))


def more(nodes: int, start: datetime | None = JUNE, **other: Any) -> Line:
    return replace(Line(sku=WIDE, nodes=nodes, start=start), **other)


def ramp(**other: Any) -> Ask:
    """16 nodes from March, 64 from June, three years, a set-up fee, monthly support, 20 % ahead."""
    plain = Ask(
        WIDE, 16, MARCH, 36, customer=ROBOTICS, same_block=True, prepayment_percent=Decimal(20),
        lines=(more(48), SETUP, SUPPORT),
    )  # fmt: skip
    return replace(plain, **other)


def taken(built: Built, pool: PoolId, nodes: int, start: datetime, end: datetime) -> None:
    """Somebody else has these nodes for that time."""
    with built.world.store.transaction() as tx:
        tx.add(
            Reservation(
                f"x/{pool}/{start}", SiteId("east"), pool, nodes, Interval(start, end),
                ReservationKind.MAINTENANCE, "x",
            )
        )  # fmt: skip


def held(built: Built) -> set[tuple[str, int, datetime, datetime]]:
    """What is on the calendar: which block, how many nodes, from when, until when."""
    with built.world.store.transaction() as tx:
        rows = [row for row in tx.find(Reservation) if row.holder != "x"]
    return {(row.pool, row.nodes, row.during.start, row.during.end) for row in rows}


# -- what a salesperson is told -----------------------------------------------------------------


def test_a_ramp_with_a_fee_and_a_service_is_one_answer_one_hold_and_one_contract() -> None:
    built = shop()
    quote = quotes.create(built.world, seller(built), ramp())
    # Each line by its own term, all nodes by the most at one time: 64, which is a better tier.
    first, second, setup, support = quote.lines
    assert (str(first.per_node), first.months, first.volume) == ("55,000.00 CNY", 36, 64)
    assert (str(second.per_node), second.months, second.volume) == ("60,000.00 CNY", 33, 64)
    assert [str(line.commitment.amount) for line in quote.lines] == [
        "880,000.00 CNY", "2,880,000.00 CNY", "200,000.00 CNY", "30,000.00 CNY",
    ]  # fmt: skip
    assert (setup.basis, support.basis) == ("once, as agreed", "per calendar month, as agreed")
    assert str(quote.monthly) == "3,790,000.00 CNY"
    # 36 x 880,000 + 33 x 2,880,000 + 200,000 + 36 x 30,000, of which a fifth is prepaid.
    plan = quotes.show(built.world, built.admin, quote.id).plan
    assert str(plan.value) == "128,000,000.00 CNY"
    assert str(plan.prepayment) == "25,600,000.00 CNY"
    # The fee is in March, less what of the prepayment falls on it; from June on all 64 are paid.
    months = [str(part.due) for part in plan.by_month]
    assert months[:4] == [
        "888,000.00 CNY", "728,000.00 CNY", "728,000.00 CNY", "3,032,000.00 CNY",
    ]  # fmt: skip
    # Both lines of nodes are held on the one block that has 64.
    on_one = {(ONE, 16, MARCH, END), (ONE, 48, JUNE, END)}
    assert held(built) == on_one
    made = quotes.sign(built.world, built.admin, quote.id, ContractId("rob-27"))
    assert made.commitments == quote.commitments
    assert held(built) == on_one
    (invoice,) = billing.find(built.world, built.admin)
    assert str(invoice.net) == "25,600,000.00 CNY"


def test_a_line_that_does_not_fit_is_named_and_what_would_do_is_priced_as_a_whole() -> None:
    built = shop()
    # Until 2028 somebody else has 24 nodes of the large block, so 40 are free there.
    taken(built, ONE, 24, at(2027, 1), at(2028, 1))
    no = refused(quotes.create, built.world, built.admin, ramp())
    assert no.reason is Reason.NO_CAPACITY
    assert no.detail == (
        "line 2: 48 nodes of h200.node on one block cannot be promised from 2027-06-01 to "
        "2030-03-01 beside line 1: at most 24 can; the whole quote from 2027-10-01"
    )
    assert (no.facts["line"], no.facts["nodes"]) == (2, 24)
    found = no.facts["alternatives"]
    assert isinstance(found, list)
    said = {one["way"]: one["said"] for one in found}
    # 40 nodes are not 64: the tier of one node counts for both lines, 60,000 and 65,000.
    assert said["fewer"] == (
        "16 x h200.node at east from 2027-03-01 to 2030-03-01 and 24 x h200.node at east from "
        "2027-06-01 to 2030-03-01, on one block: 2,550,000.00 CNY a month at most, "
        "87,320,000.00 CNY in all"
    )
    assert said["blocks"] == (
        "16 x h200.node at east from 2027-03-01 to 2030-03-01 and 48 x h200.node at east from "
        "2027-06-01 to 2030-03-01, over 2 blocks: 3,790,000.00 CNY a month at most, "
        "128,000,000.00 CNY in all"
    )
    assert said["later"] == (
        "16 x h200.node at east from 2027-10-01 to 2030-10-01 and 48 x h200.node at east from "
        "2028-01-01 to 2030-10-01, on one block: 3,790,000.00 CNY a month at most, "
        "128,000,000.00 CNY in all"
    )
    assert held(built) == set()


def test_every_alternative_of_a_whole_quote_can_be_had_at_the_price_that_is_named() -> None:
    built = shop()
    taken(built, ONE, 24, at(2027, 1), at(2028, 1))
    taken(built, TWO, 10, at(2027, 1), at(2029, 1))
    answer = quotes.ask(built.world, built.admin, ramp())
    assert {str(one.what.way) for one in answer.alternatives} >= {"fewer", "later", "blocks"}
    for one in answer.alternatives:
        lines = tuple(
            Line(
                each.kind, each.sku, each.nodes, each.during.start, None, each.during.end,
                each.same_block, each.title, None if each.nodes else each.amount,
            )
            for each in one.commitments
        )  # fmt: skip
        again = ramp(sku=None, nodes=0, same_block=one.what.same_block, lines=lines)
        given = quotes.ask(built.world, built.admin, again)
        assert given.fits, one
        assert (given.monthly, given.plan.value) == (one.monthly, one.value)


def test_lines_need_not_share_a_block_and_do_where_they_can() -> None:
    built = shop()
    quotes.create(built.world, built.admin, ramp(same_block=False))
    assert {pool for pool, *_ in held(built)} == {ONE}
    # On whatever blocks, the next finds what is left on the other: 40 of 16 + 24.
    quotes.create(built.world, built.admin, ramp(same_block=False, lines=(more(24),)))
    assert {pool for pool, *_ in held(built)} == {ONE, TWO}
    no = refused(quotes.create, built.world, built.admin, ramp(same_block=False, lines=()))
    assert "at most 0" not in no.detail
    assert "none can" in no.detail


def test_a_ramp_is_one_price_however_it_is_cut_into_lines() -> None:
    """Two lines of 32 are 64 nodes; one after another they are 32."""
    built = shop()
    two = quotes.ask(built.world, built.admin, ramp(nodes=32, lines=(more(32, None),)))
    one = quotes.ask(built.world, built.admin, ramp(nodes=64, lines=()))
    assert two.plan.value == one.plan.value
    then = more(32, at(2028, 3), end=at(2029, 3))
    after = quotes.ask(
        built.world, built.admin, ramp(nodes=32, months=None, end=at(2028, 3), lines=(then,))
    )
    assert [each.line.volume for each in after.lines] == [32, 32]


# -- all of it or none --------------------------------------------------------------------------


def test_extending_withdrawing_and_expiring_are_of_all_lines_and_expiry_is_to_the_second() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, ramp(lasts=timedelta(hours=1)))
    longer = quotes.extend(
        built.world, built.admin, quote.id, built.clock.now() + timedelta(hours=2)
    )
    with built.world.store.transaction() as tx:
        assert {row.expires for row in tx.find(Reservation)} == {longer.expires}
    built.clock.advance(timedelta(hours=2) - timedelta(seconds=1))
    all_of_it = ramp(customer=STUDIO, lines=(more(48),))
    refused(quotes.create, built.world, built.admin, all_of_it)
    built.clock.advance(timedelta(seconds=1))
    assert quotes.show(built.world, built.admin, quote.id).state is QuoteState.EXPIRED
    other = quotes.create(built.world, built.admin, all_of_it)
    quotes.withdraw(built.world, built.admin, other.id)
    assert held(built) == set()
    refused(quotes.sign, built.world, built.admin, other.id)
    assert sales.find(built.world, built.admin) == []


def test_one_line_that_the_customer_may_not_have_refuses_the_whole_and_is_named() -> None:
    barred = FLEET.replace("confidence: secondary", "confidence: secondary\nbarred_countries: [CN]")
    built = build(SMALL, barred, CUSTOMERS, PRICES.partition("---")[0])
    asked = ramp(sku=NODE, nodes=1, lines=(more(2), SUPPORT))
    no = refused(quotes.create, built.world, built.admin, asked)
    assert (no.reason, no.facts["line"]) == (Reason.NOT_ELIGIBLE, 2)
    assert no.detail.startswith("line 2, 2 x h200.node: ")
    assert held(built) == set()


def test_a_block_of_its_own_is_held_whole_from_the_first_line_on_and_signed_so() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, ramp(terms=Terms(dedicated=True)))
    # 48 of the 64 are nobody's until June, and nobody else comes in.
    assert (ONE, 48, MARCH, JUNE) in held(built)
    no = refused(quotes.create, built.world, built.admin, ramp(nodes=41, lines=()))
    assert "at most 40 can" in no.detail
    made = quotes.sign(built.world, built.admin, quote.id)
    assert made.terms.dedicated
    assert {pool for pool, *_ in held(built)} == {ONE}
    refused(quotes.create, built.world, built.admin, ramp(nodes=41, months=12, lines=()))


def test_a_discount_holds_for_each_line_and_one_below_the_floor_waits_for_a_second_person() -> None:
    built = shop()
    fine = quotes.create(built.world, seller(built), ramp(discount_percent=Decimal(5)))
    assert not fine.needs_approval
    assert [str(line.commitment.amount) for line in fine.lines[:2]] == [
        "836,000.00 CNY", "2,736,000.00 CNY",
    ]  # fmt: skip
    quotes.withdraw(built.world, built.admin, fine.id)
    cheap = ramp(lines=(more(48, discount_percent=Decimal("5.01")), SETUP))
    quote = quotes.create(built.world, seller(built), cheap)
    assert [line.needs_approval for line in quote.lines] == [False, True, False]
    assert refused(quotes.sign, built.world, built.admin, quote.id).reason is Reason.NOT_APPROVED
    finance = built.actor("money@compute.example", Role.FINANCE)
    quotes.approve(built.world, finance, quote.id)
    assert quotes.sign(built.world, seller(built), quote.id).commitments == quote.commitments


def test_what_a_line_is_to_the_tax_law_is_signed_with_it() -> None:
    built = shop()
    asked = ramp(lines=(more(2, supply=Supply.LEASE), SETUP))
    made = quotes.sign(built.world, built.admin, quotes.create(built.world, built.admin, asked).id)
    assert [each.supply for each in made.commitments] == [None, Supply.LEASE, None]


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((more(0),), "line 2, nodes: 0 is not 1 to 1000000"),
        ((more(-4),), "line 2, nodes: -4 is not"),
        ((more(10**9),), "line 2, nodes: 1000000000 is not"),
        ((more(999_999), more(999_999)), "lines: come to 2,000,014 nodes at one time"),
        ((more(1, end=MARCH),), "line 2, until: is not after the start"),
        ((more(1, months=0),), "line 2, months: 0 is not 1 to 360"),
        ((more(1, at(2020, 1)),), "line 2, start: 2019-12-31 16:00 UTC is over"),
        ((more(1, at(9000, 1), months=1),), "line 2, start: is more than 30 years away"),
        ((more(1, END),), "line 2, until: is not after the start"),
        ((more(1, sku=SkuId("h100.1")),), "line 2, sku: h100.1 is not whole nodes"),
        ((more(1, sku=SkuId("nothing")),), "no sku 'nothing'"),
        ((more(1, months=6),), "line 2, 1 x h200.node: contract prices of h200.node in CNY begin"),
        ((more(1),) * 50, "lines: 51 is not 1 to 50 lines"),
        ((replace(SETUP, amount=None),), "line 2, amount: say what the one_off costs"),
        ((replace(SETUP, amount=cny("-1.00")),), "line 2, amount: -1.00 CNY is negative"),
        ((replace(SETUP, amount=Money(1, "USD")),), "line 2, currency: robotics pays in CNY"),
        ((replace(SETUP, title=" "),), "line 2, title: say what the one_off is"),
        ((replace(SUPPORT, nodes=3),), "line 2, kind: service has no SKU and no nodes"),
        ((replace(SUPPORT, end=MARCH),), "line 2, until: is not after the start"),
        ((more(1, discount_percent=Decimal(101)),), "line 2, discount_percent: 101 is not"),
    ],
)
def test_a_line_that_cannot_be_meant_is_named_and_nothing_is_held(
    lines: tuple[Line, ...], said: str
) -> None:
    built = shop()
    no = refused(quotes.create, built.world, built.admin, ramp(lines=lines))
    assert isinstance(no, RackrateError)
    assert said in no.detail
    assert held(built) == set()
    assert quotes.find(built.world, built.admin) == []


def test_a_quote_of_no_nodes_is_no_quote() -> None:
    built = shop()
    with pytest.raises(Invalid, match="a quote holds nodes"):
        quotes.create(built.world, built.admin, ramp(sku=None, nodes=0, lines=(SUPPORT,)))
    with pytest.raises(Missing):
        quotes.create(built.world, built.admin, ramp(sku=SLOW))
