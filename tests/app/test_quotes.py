"""Quotes in the words of those who sell: what fits is held, and what does not has alternatives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rackrate.app import quotes
from rackrate.app.quoting import Ask
from rackrate.core.access import Actor, Role
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.errors import Invalid, Missing, RackrateError, Reason
from rackrate.core.ids import ChipId, CustomerId, ProjectId, QuoteId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from rackrate.core.quote import QuoteState
from tests.build import CUSTOMERS, NOON, SMALL, Built, build

NODE, SLOW = SkuId("h100.node"), SkuId("h20.node")
ROBOTICS, TRAIN = CustomerId("robotics"), ProjectId("robotics-train")
STUDIO = CustomerId("studio")
MARCH = datetime(2027, 2, 28, 16, tzinfo=UTC)  # The first of March in Shanghai.
PRICES = """
kind: contract_price
sku: h100.node
currency: CNY
tax_included: false
basis: per node and calendar month, before VAT, power and cooling included
floor_percent: 5
effective: 2026-01-01
time_zone: Asia/Shanghai
tiers:
- {months: 12, nodes: 1, amount: 70000.00}
- {months: 12, nodes: 3, amount: 68000.00}
- {months: 36, nodes: 1, amount: 60000.00}
- {months: 36, nodes: 3, amount: 55000.00}
---
kind: contract_price
sku: h20.node
currency: CNY
tax_included: false
basis: per node and calendar month, before VAT, power and cooling included
floor_percent: 5
effective: 2026-01-01
time_zone: Asia/Shanghai
tiers:
- {months: 12, nodes: 1, amount: 25000.00}
"""
# A second chip with a sixth of the FLOPS, in one block of 16 nodes.
H20 = """
kind: chip
name: h20
vendor: NVIDIA
model: H20 96 GB
bf16_dense_tflops: 148
source: a test
confidence: secondary
---
kind: block
name: slow-1
site: east
fabric: 400G
---
kind: node
name: h20-{:03}
count: 16
site: east
block: slow-1
chip: h20
gpus: 8
cpus: 192
memory_gib: 2048
disk_gib: 28000
---
kind: sku
name: h20.node
title: H20, a whole node
site: east
chip: h20
slots: 8
whole_node: true
cpus: 192
memory_gib: 2048
disk_gib: 28000
"""


def shop() -> Built:
    """Two blocks of two H100 nodes each, one of 16 H20 nodes, and contract prices of both."""
    return build(SMALL, H20, CUSTOMERS, PRICES)


def wish(nodes: int = 2, **other: Any) -> Ask:
    plain = Ask(NODE, nodes, MARCH, months=36, customer=ROBOTICS, prepayment_percent=Decimal(20))
    return replace(plain, **other)


def seller(built: Built) -> Actor:
    return built.actor("sales@compute.example", Role.SALES)


def free(built: Built, sku: SkuId = NODE) -> int:
    """How many nodes of the SKU's chip could be promised for March 2027, now."""
    with built.world.store.transaction() as tx:
        pools = tx.fleet(SiteId("east")).pools_of(ChipId(sku.split(".")[0]))
        window = Interval(MARCH, MARCH + timedelta(days=31))
        return sum(pool.calendar.available(window, built.clock.now()) for pool in pools)


def refused(act: object, *args: object) -> RackrateError:
    with pytest.raises(RackrateError) as caught:
        act(*args)  # type: ignore[operator]
    return caught.value


def alternatives(error: RackrateError) -> list[dict[str, object]]:
    found = error.facts["alternatives"]
    assert isinstance(found, list)
    return found


# -- what a salesperson is told -----------------------------------------------------------------


def test_what_fits_is_priced_by_term_and_volume_and_held_until_the_quote_expires() -> None:
    built = shop()
    quote = quotes.create(built.world, seller(built), wish(same_block=True))
    # Two nodes for three years reach the tier of 36 months, and not yet that of 3 nodes.
    assert (quote.first.tier_months, quote.first.tier_nodes) == (36, 1)
    assert str(quote.first.per_node) == "60,000.00 CNY"
    assert str(quote.monthly) == "120,000.00 CNY"
    assert (
        quote.first.basis == "per node and calendar month, before VAT, power and cooling included"
    )
    shown = quotes.show(built.world, built.admin, quote.id)
    assert shown.state is QuoteState.OPEN
    assert str(shown.plan.value) == "4,320,000.00 CNY"
    assert str(shown.plan.prepayment) == "864,000.00 CNY"
    assert {str(part.due) for part in shown.plan.instalments} == {"96,000.00 CNY"}
    (held,) = shown.held
    assert (held.kind, held.nodes, held.holder) == (ReservationKind.HOLD, 2, quote.id)
    assert held.expires == quote.expires == built.clock.now() + timedelta(days=14)
    assert free(built) == 2


def test_an_answer_alone_holds_nothing() -> None:
    built = shop()
    assert quotes.ask(built.world, built.admin, wish()).fits
    assert free(built) == 4
    assert quotes.find(built.world, built.admin) == []


def test_three_on_one_block_are_too_many_and_what_would_do_is_named_with_its_price() -> None:
    built = shop()
    no = refused(quotes.create, built.world, built.admin, wish(3, same_block=True))
    assert no.reason is Reason.NO_CAPACITY
    assert no.detail == (
        "3 nodes of h100.node on one block cannot be promised from 2027-03-01 to 2030-03-01: "
        "at most 2 can; no date for all of them within the calendar"
    )
    assert no.facts["nodes"] == 2
    assert no.facts["earliest"] is None
    found = [(one["way"], one["nodes"], one["blocks"], one["monthly"]) for one in alternatives(no)]
    assert found == [
        ("fewer", 2, 1, {"amount": "120000.00", "currency": "CNY"}),
        ("blocks", 3, 2, {"amount": "165000.00", "currency": "CNY"}),
        ("other", 16, 1, {"amount": "400000.00", "currency": "CNY"}),
    ]
    assert free(built) == 4


def test_what_is_promised_until_summer_is_all_there_from_summer_on() -> None:
    built = shop()
    until = datetime(2027, 5, 31, 16, tzinfo=UTC)
    early = wish(3, months=None, end=until, monthly=Money(1, "CNY"))
    finance = built.actor("money@compute.example", Role.FINANCE)
    first = quotes.create(built.world, seller(built), early)
    quotes.approve(built.world, finance, first.id)
    quotes.sign(built.world, built.admin, first.id)
    no = refused(quotes.create, built.world, built.admin, wish(4))
    assert "at most 1 can; all of them from 2027-06-01" in no.detail
    later = next(one for one in alternatives(no) if one["way"] == "later")
    assert later["nodes"] == 4
    assert later["start"] == until.isoformat()
    assert later["end"] == "2030-05-31T16:00:00+00:00"
    # What is offered instead can be had just so.
    again = quotes.create(built.world, built.admin, wish(4, start=until))
    assert again.nodes == 4


def test_every_alternative_that_is_offered_can_be_had() -> None:
    built = shop()
    no = refused(quotes.create, built.world, built.admin, wish(3, same_block=True))
    for one in alternatives(no):
        asked = wish(
            int(str(one["nodes"])),
            sku=SkuId(str(one["sku"])),
            start=datetime.fromisoformat(str(one["start"])),
            months=None,
            end=datetime.fromisoformat(str(one["end"])),
            same_block=bool(one["same_block"]),
        )
        answer = quotes.ask(built.world, built.admin, asked)
        assert answer.fits
        cost = answer.priced.monthly
        assert one["monthly"] == {"amount": f"{cost.amount}", "currency": "CNY"}


def test_a_slower_chip_is_offered_as_many_as_have_the_same_flops_where_that_many_are_there() -> (
    None
):
    built = shop()
    no = refused(quotes.create, built.world, built.admin, wish(17, sku=SLOW, months=24))
    other = next(one for one in alternatives(no) if one["way"] == "other")
    # 17 x 148 = 2,516 TFLOPS a GPU of each node: three H100 nodes have 2,967 of them.
    assert (other["sku"], other["nodes"], other["pflops_percent"]) == ("h100.node", 3, 117)


def test_the_hold_ends_to_the_second_and_another_can_have_the_nodes() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, wish(4, lasts=timedelta(hours=1)))
    built.clock.advance(timedelta(minutes=59, seconds=59))
    assert free(built) == 0
    refused(quotes.create, built.world, built.admin, wish(1))
    built.clock.advance(timedelta(seconds=1))
    assert free(built) == 4
    other = quotes.create(built.world, built.admin, wish(4, customer=STUDIO))
    with built.world.store.transaction() as tx:
        assert {held.holder for held in tx.find(Reservation)} == {other.id}
    no = refused(quotes.sign, built.world, built.admin, quote.id)
    assert no.reason is Reason.WRONG_STATE
    assert "it is expired since 2026-11-22 13:00:00 UTC; make a new quote" in no.detail
    assert quotes.show(built.world, built.admin, quote.id).state is QuoteState.EXPIRED


def test_an_extension_keeps_the_nodes_and_has_an_end() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, wish(4))
    quotes.extend(built.world, built.admin, quote.id, NOON + timedelta(days=60))
    built.clock.advance(timedelta(days=59))
    assert free(built) == 0
    too_long = refused(quotes.extend, built.world, built.admin, quote.id, NOON + timedelta(days=91))
    assert "until: a hold lasts for at most 90 days" in too_long.detail
    shorter = refused(quotes.extend, built.world, built.admin, quote.id, NOON + timedelta(days=59))
    assert "until: is before 2027-01-21 12:00:00 UTC, until when it is held" in shorter.detail
    built.clock.advance(timedelta(days=1))
    assert free(built) == 4
    late = refused(quotes.extend, built.world, built.admin, quote.id, NOON + timedelta(days=80))
    assert late.reason is Reason.WRONG_STATE


def test_what_is_withdrawn_is_free_at_once_and_stays_withdrawn() -> None:
    built = shop()
    quote = quotes.create(built.world, built.admin, wish(4))
    quotes.withdraw(built.world, built.admin, quote.id)
    assert free(built) == 4
    assert quotes.withdraw(built.world, built.admin, quote.id).withdrawn == built.clock.now()
    for act in (quotes.sign, quotes.approve):
        no = refused(act, built.world, built.admin, quote.id)
        assert "it is withdrawn since" in no.detail


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"nodes": 0}, "invalid"),
        ({"nodes": -3}, "invalid"),
        ({"nodes": 10**12}, "invalid"),
        ({"months": 0}, "invalid"),
        ({"months": 10**6}, "invalid"),
        ({"months": None}, "invalid"),
        ({"months": None, "end": MARCH}, "invalid"),
        ({"months": None, "end": MARCH - timedelta(days=1)}, "invalid"),
        ({"start": MARCH - timedelta(days=400)}, "invalid"),
        ({"start": datetime(9990, 1, 1, tzinfo=UTC)}, "invalid"),
        ({"discount_percent": Decimal(-1)}, "invalid"),
        ({"discount_percent": Decimal(101)}, "invalid"),
        ({"prepayment_percent": Decimal(101)}, "invalid"),
        ({"monthly": Money(-1, "CNY")}, "invalid"),
        ({"monthly": Money(1, "USD")}, "invalid"),
        ({"lasts": timedelta(0)}, "invalid"),
        ({"lasts": timedelta(days=1000)}, "invalid"),
        ({"sku": SkuId("h100.1")}, "invalid"),
        ({"sku": SkuId("nothing")}, "missing"),
        ({"customer": CustomerId("nobody")}, "missing"),
        ({"customer": STUDIO, "project": TRAIN}, "invalid"),
        ({"customer": None}, "invalid"),
        ({"months": 6}, "not_priced"),
        ({"nodes": 5}, "no_capacity"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_held(
    given: dict[str, Any], reason: str
) -> None:
    built = shop()
    no = refused(quotes.create, built.world, built.admin, wish(**given))
    assert no.reason == reason
    assert free(built) == 4
    assert quotes.find(built.world, built.admin) == []


def test_an_unknown_quote_is_missing() -> None:
    built = shop()
    for act in (quotes.show, quotes.sign, quotes.withdraw, quotes.approve):
        with pytest.raises(Missing):
            act(built.world, built.admin, QuoteId("quo_9"))


def test_a_contract_price_is_superseded_and_never_edited() -> None:
    built = shop()
    cheaper = PRICES.replace("60000.00", "50000.00")
    with pytest.raises(Invalid, match="supersede them with a later `effective`"):
        built.apply(cheaper)
    with pytest.raises(Invalid, match="is effective after now"):
        built.apply(cheaper.replace("2026-01-01", "2026-06-01"))
    built.apply(cheaper.replace("2026-01-01", "2027-01-01"))
    first = quotes.ask(built.world, built.admin, wish())
    assert str(first.priced.monthly) == "120,000.00 CNY"
    built.clock.advance(timedelta(days=60))
    assert str(quotes.ask(built.world, built.admin, wish()).priced.monthly) == "100,000.00 CNY"


def test_a_matrix_has_every_cell_once() -> None:
    built = build(SMALL)
    holed = PRICES.partition("---")[0].replace("- {months: 36, nodes: 3, amount: 55000.00}\n", "")
    with pytest.raises(Invalid, match="a price for every term at every volume"):
        built.apply(holed)


# A third chip whose FLOPS nobody states, in a block of 16 nodes.
H800 = "\n---\n".join(
    part.replace("bf16_dense_tflops: 148\n", "").replace("H20", "H800").replace("h20", "h800")
    for part in H20.replace("slow-1", "own-1").strip().split("\n---\n")
)


@pytest.mark.parametrize("priced", [True, False])
def test_a_chip_whose_flops_nobody_states_is_offered_beside_the_best_that_is_known(
    priced: bool,
) -> None:
    price = PRICES[PRICES.index("kind: contract_price\nsku: h20") :].replace("h20", "h800")
    built = build(SMALL, H20, H800, CUSTOMERS, PRICES, *([price] if priced else []))
    no = refused(quotes.create, built.world, built.admin, wish(500))
    others = [one for one in alternatives(no) if one["way"] == "other"]
    assert [(one["sku"], one["nodes"]) for one in others] == [("h20.node", 16), ("h800.node", 16)]
    assert others[1]["pflops_percent"] is None
    assert (others[1]["monthly"] is not None) == priced
