"""A lease that is given another shape: what splits its bill, and what is refused."""

from datetime import timedelta
from decimal import Decimal

import pytest

from rackrate.app import billing, credit, explaining, leasing, resizing
from rackrate.app.leasing import Ask
from rackrate.app.resizing import NewShape
from rackrate.core.access import Role
from rackrate.core.errors import Forbidden, Invalid, Missing, RackrateError, Reason, Refused
from rackrate.core.ids import ContractId, LeaseId, ProjectId, SkuId
from rackrate.core.lease import EventKind, Lease, LeaseClass, Phase, fold
from tests.app import contract_shop
from tests.app.money_shop import FIRST, NOVEMBER, ROBOTICS, Shop, cny, open_shop

TRAIN, GPU, NODE = ProjectId("robotics-train"), SkuId("h100.1"), SkuId("h100.node")
MINUTE = timedelta(minutes=1)
WEST = """
kind: site
name: west
title: West (simulated)
entity: example
country: CN
time_zone: Asia/Shanghai
engine: sim
simulated: true
---
kind: sku
name: west.1
title: H100 in the west
site: west
chip: h100
slots: 1
cpus: 24
memory_gib: 256
disk_gib: 3500
---
kind: sku
name: h100.2
title: H100, two GPUs
site: east
chip: h100
slots: 2
cpus: 24
memory_gib: 256
disk_gib: 3500
---
kind: sku
name: h100.free
title: H100, without a price
site: east
chip: h100
slots: 1
cpus: 24
memory_gib: 256
disk_gib: 3500
---
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
per_slot_hour: {h100.2: {on_demand: 20.00}}
"""


@pytest.fixture
def shop() -> Shop:
    return open_shop(FIRST, None, WEST)


def start(shop: Shop, count: int = 2) -> LeaseId:
    lease = leasing.start(shop.built.world, shop.built.admin, Ask(TRAIN, GPU, count))
    shop._settle()
    return lease.id


def stop(shop: Shop, id: LeaseId) -> None:
    leasing.stop(shop.built.world, shop.built.admin, id)
    shop._settle()


def again(shop: Shop, id: LeaseId) -> None:
    leasing.resume(shop.built.world, shop.built.admin, id)
    shop._settle()


def resize(shop: Shop, id: LeaseId, new: NewShape) -> Lease:
    return resizing.resize(shop.built.world, shop.built.admin, id, new)


def lines(shop: Shop) -> list[tuple[str, int, str]]:
    """Of the month so far: which price, how many slot-seconds, and the amount."""
    found = billing.preview(shop.built.world, shop.mei, ROBOTICS, NOVEMBER).lines
    return [(line.sku or "", line.quantity // 1000, str(line.net.amount)) for line in found]


def test_a_shape_that_changes_inside_an_hour_splits_it_at_the_second(shop: Shop) -> None:
    """Of one price it is one line, rounded once; another SKU has its own."""
    id = start(shop)
    shop.built.clock.advance(20 * MINUTE + timedelta(seconds=7))
    stop(shop, id)
    lease = resize(shop, id, NewShape(3))
    assert (lease.terms.count, lease.terms.slots, lease.phase) == (3, 3, Phase.STOPPED)
    again(shop, id)
    shop.built.clock.advance(10 * MINUTE)
    stop(shop, id)
    resize(shop, id, NewShape(2, sku=SkuId("h100.2")))
    again(shop, id)
    shop.built.clock.advance(10 * MINUTE)
    used = 2 * 1207 + 3 * 600
    assert lines(shop) == [
        ("h100.1", used, str((Decimal(used) * 17 / 3600).quantize(Decimal("0.01")))),
        ("h100.2", 4 * 600, "13.33"),
    ]
    lease, events = leasing.show(shop.built.world, shop.built.admin, id)
    assert fold(lease.asked_terms, events) == lease
    assert len(lease.members) == 1 and lease.terms.limits.milli_cpus == 2 * 24_000


def test_whole_hours_in_any_shape_are_3600_seconds_a_slot(shop: Shop) -> None:
    """Sixty minutes with a change in each come to as many slot-seconds as were there."""
    id, used = start(shop, 1), 0
    for minute in range(1, 61):
        shop.built.clock.advance(MINUTE)
        used += 60 * (minute % 3 + 1 if minute > 1 else 1)
        stop(shop, id)
        resize(shop, id, NewShape((minute + 1) % 3 + 1))
        again(shop, id)
    ((_, seconds, amount),) = lines(shop)
    assert (seconds, amount) == (used, f"{Decimal(used) * 17 / 3600:.2f}")


def test_a_closed_month_is_as_it_was_whatever_shape_came_after(shop: Shop) -> None:
    id = start(shop)
    shop.built.clock.advance(60 * MINUTE)
    stop(shop, id)
    (first,) = shop.close()
    resize(shop, id, NewShape(8))
    again(shop, id)
    (second,) = shop.close(NOVEMBER.plus(1))
    assert first.net == cny("34.00")
    (line,) = shop.lines(second.id)
    assert line.kind == "usage" and line.quantity == 8 * 1000 * line.during.seconds
    why = explaining.explain(shop.built.world, shop.mei, first.id, 1).measured
    assert why is not None and why.matches and [part.size for part in why.parts] == [2]


def test_what_shape_cannot_be_is_refused_and_changes_nothing(shop: Shop) -> None:
    id = start(shop)
    member = shop.built.actor("g@robotics.example", Role.GUEST, "robotics", TRAIN)
    other = shop.built.actor("o@studio.example", Role.OWNER, "studio")
    with pytest.raises(Refused, match="stop it first"):
        resize(shop, id, NewShape(3))
    stop(shop, id)
    before = leasing.show(shop.built.world, shop.built.admin, id)
    wrong: tuple[tuple[NewShape, type[RackrateError], str], ...] = (
        (NewShape(100_001), Invalid, "is not 1 to"),
        (NewShape(-1), Invalid, "is not 1 to"),
        (NewShape(2, sku=SkuId("west.1")), Invalid, "stays at east"),
        (NewShape(sku=NODE), Invalid, "say how many"),
        (NewShape(1, 2, NODE), Invalid, "whole nodes"),
        (NewShape(sku=SkuId("h100.free")), Refused, "no on_demand price"),
        (NewShape(sku=SkuId("nothing")), Missing, "no sku"),
    )
    for new, error, said in wrong:
        with pytest.raises(error, match=said):
            resize(shop, id, new)
    for who, no in ((member, Forbidden), (other, Missing)):
        with pytest.raises(no):
            resizing.resize(shop.built.world, who, id, NewShape(3))
    resize(shop, id, NewShape(2, 1))  # As it is.
    assert leasing.show(shop.built.world, shop.built.admin, id) == before
    leasing.end(shop.built.world, shop.built.admin, id)
    with pytest.raises(Refused, match="told to end"):
        resize(shop, id, NewShape(3))


def test_a_start_in_the_new_shape_is_placed_and_held_against_credit_anew(shop: Shop) -> None:
    id = start(shop)
    stop(shop, id)
    resize(shop, id, NewShape(9))
    with pytest.raises(Refused) as full:
        again(shop, id)
    assert full.value.reason is Reason.NO_CAPACITY
    resize(shop, id, NewShape(8))
    credit.set_limit(shop.built.world, shop.mei, ROBOTICS, cny("100"))
    with pytest.raises(Refused) as limit:
        again(shop, id)
    assert limit.value.reason is Reason.CREDIT_LIMIT
    resize(shop, id, NewShape(1, sku=NODE))
    credit.set_limit(shop.built.world, shop.mei, ROBOTICS, None)
    again(shop, id)
    lease, _ = leasing.show(shop.built.world, shop.built.admin, id)
    assert lease.phase is Phase.RUNNING and (lease.terms.sku, lease.terms.slots) == (NODE, 8)


def test_a_contracts_quantity_is_guarded_in_every_shape() -> None:
    built = contract_shop.shop()
    contract_shop.sign(built)
    shop = Shop.of(built)
    ask = Ask(TRAIN, NODE, 1, klass=LeaseClass.CONTRACT, contract=ContractId("k1"))
    id = leasing.start(built.world, built.admin, ask).id
    shop._settle()
    stop(shop, id)
    resize(shop, id, NewShape(3))
    with pytest.raises(Refused) as no:
        again(shop, id)
    assert no.value.reason is Reason.BEYOND_CONTRACT
    resize(shop, id, NewShape(2))
    again(shop, id)
    lease, events = leasing.show(built.world, built.admin, id)
    assert len(lease.members) == 2 and lease.phase is Phase.RUNNING
    assert [event.kind for event in events].count(EventKind.RESHAPED) == 2
    stop(shop, id)
    with pytest.raises(Invalid, match="say how many"):
        resize(shop, id, NewShape(sku=GPU))
