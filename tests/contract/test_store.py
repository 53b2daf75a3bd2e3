"""What every store promises. A new store adds one line to `STORES`, and writes no test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from rackrate.app.ports import Store, Tx
from rackrate.app.rows import KINDS, LoopLease
from rackrate.core.access import Grant, Role
from rackrate.core.calendar import Claim, Reservation
from rackrate.core.chips import Chip
from rackrate.core.errors import Conflict, Missing
from rackrate.core.ids import ChipId, LeaseId, ProjectId
from rackrate.core.interval import Interval, Span
from rackrate.core.inventory import Node, NodeState
from rackrate.core.invoice import Invoice, InvoiceLine
from rackrate.core.lease import EventKind, Lease, LeaseEvent, Phase, ask
from rackrate.core.ledger import Entry, balances
from rackrate.core.parties import Audit, Customer, Project
from rackrate.core.placement import NoFit, Request
from rackrate.core.slots import Slots, all_slots
from tests.contract.stores import (
    ACME,
    BOLT,
    CAROL,
    CHIP,
    DAY,
    ENTITY,
    GROUND,
    HOUR,
    MORE,
    NOON,
    SITE,
    STORES,
    claim,
    entry,
    invoice,
    lease,
    line,
    node,
    promise,
)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with STORES[request.param](request) as store:
        with store.transaction() as tx:
            tx.add(*GROUND)
        yield store


def chips(store: Store, **how: Any) -> list[str]:
    with store.transaction() as tx:
        return [chip.id for chip in tx.find(Chip, **how)]


def chip(id: str) -> Chip:
    sample = next(row for row in GROUND if isinstance(row, Chip))
    return replace(sample, id=ChipId(id))


def within(store: Store, act: Callable[[Tx], object]) -> None:
    with store.transaction() as tx:
        act(tx)


class Undo(Exception): ...


def test_every_kind_of_row_comes_back_as_it_went_in(store: Store) -> None:
    assert {type(row) for row in GROUND + MORE} == set(KINDS)
    with store.transaction() as tx:
        tx.add(*MORE)
    with store.transaction() as tx:
        for row in GROUND + MORE:
            assert tx.get(type(row), row.id) == row
            assert row in tx.find(type(row))


def test_instants_come_back_in_the_one_utc(store: Store) -> None:
    with store.transaction() as tx:
        tx.put(LoopLease("loops", "host", 1, NOON))
    with store.transaction() as tx:
        assert tx.get(LoopLease, "loops").until.tzinfo is UTC


def test_what_is_not_there_is_missing(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.peek(Chip, "none") is None
        with pytest.raises(Missing, match="no loop lease 'none'"):
            tx.get(LoopLease, "none")
        tx.remove(Chip, "none")


def test_rows_are_in_the_order_of_their_keys_and_paged(store: Store) -> None:
    keys = ["Z", "_", "a", "a-b", "a.b", "ab", "é", "中", "😀"]
    with store.transaction() as tx:
        tx.add(*map(chip, reversed(keys)))
        tx.remove(Chip, CHIP)
        tx.put(*[row for row in GROUND if isinstance(row, Chip)])
    found = chips(store)
    assert found == sorted([*keys, CHIP])
    assert chips(store, limit=3) == found[:3]
    assert chips(store, after=found[2], limit=4) == found[3:7]
    assert chips(store, after=found[-1]) == []
    assert chips(store, newest_first=True) == found[::-1]
    assert chips(store, newest_first=True, after=found[4]) == found[3::-1]


def test_rows_are_found_by_fields_by_any_of_several_and_by_none(store: Store) -> None:
    with store.transaction() as tx:
        tx.add(*MORE)
    with store.transaction() as tx:
        for kind, fact in KINDS.items():
            rows: list[Any] = tx.find(kind)
            for name in fact.finds:
                for value in {getattr(row, name) for row in rows}:
                    expected = [row for row in rows if getattr(row, name) == value]
                    for wanted in (value, (value,), frozenset({value})):
                        equal: dict[str, Any] = {name: wanted}
                        assert tx.find(kind, **equal) == expected, (kind, name)
        assert [row.id for row in tx.find(Grant, customer=(None, ACME))] == ["g1", "g2", "g3"]
        assert [row.id for row in tx.find(Grant, customer=ACME, project=None)] == ["g2"]
        assert tx.find(Grant, customer=()) == []
        assert [row.id for row in tx.find(Claim, open=(True, False))] == ["c1", "c2"]


def test_only_listed_fields_can_be_asked_for(store: Store) -> None:
    with store.transaction() as tx, pytest.raises(AssertionError, match="vendor"):
        tx.find(Chip, vendor="NVIDIA")


def test_a_transaction_sees_what_it_wrote(store: Store) -> None:
    with store.transaction() as tx:
        tx.put(chip("x"))
        tx.put(replace(chip("x"), model="second"))
        assert tx.get(Chip, "x").model == "second"
        tx.remove(Chip, "x")
        assert tx.peek(Chip, "x") is None
        tx.add(chip("x"))
        assert [row.id for row in tx.find(Chip)] == [CHIP, "x"]


def test_what_is_there_cannot_be_added_and_nothing_of_the_attempt_stays(store: Store) -> None:
    with pytest.raises(Conflict):
        within(store, lambda tx: tx.add(chip("before"), chip(CHIP)))
    assert chips(store) == [CHIP]
    with pytest.raises(Conflict):
        within(store, lambda tx: tx.add(chip("twice"), chip("twice")))
    assert chips(store) == [CHIP]


def test_an_exception_undoes_everything(store: Store) -> None:
    with store.transaction() as tx:
        first = tx.number("EX")

    def fail(tx: Tx) -> None:
        tx.put(chip("x"), claim("c1", "node-1", all_slots(8), Span(NOON)))
        tx.record(*lease("lse_1"))
        tx.add(entry("e1", 5), invoice("EX-1", "cause"))
        tx.remove(Node, "node-2")
        tx.number("EX")
        assert sum(tx.fleet(SITE).free_slots().values()) < 16
        raise Undo

    with pytest.raises(Undo):
        within(store, fail)
    with store.transaction() as tx:
        assert tx.peek(Chip, "x") is None
        assert tx.peek(Lease, "lse_1") is None and tx.history(LeaseId("lse_1")) == ()
        assert tx.peek(Entry, "e1") is None and tx.balances(ENTITY) == ()
        assert sum(tx.fleet(SITE).free_slots().values()) == 16
        assert tx.number("EX") == first + 1
        tx.add(invoice("EX-1", "cause"))


def test_a_transaction_inside_another_is_the_same_one(store: Store) -> None:
    def fail(outer: Tx) -> None:
        within(store, lambda inner: inner.put(chip("x")))
        assert outer.get(Chip, "x") == chip("x")
        raise Undo

    with pytest.raises(Undo):
        within(store, fail)
    assert chips(store) == [CHIP]


def test_a_failure_inside_that_is_caught_undoes_nothing(store: Store) -> None:
    def fail(inner: Tx) -> None:
        inner.put(chip("y"))
        raise Undo

    with store.transaction() as outer:
        with pytest.raises(Undo):
            within(store, fail)
        assert outer.get(Chip, "y") == chip("y")
    assert chips(store) == [CHIP, "y"]


def test_what_is_written_down_is_neither_changed_nor_taken_away(store: Store) -> None:
    for row in MORE:
        if KINDS[type(row)].append_only:
            with store.transaction() as tx, pytest.raises(AssertionError):
                tx.put(row)
            with store.transaction() as tx, pytest.raises(AssertionError):
                tx.remove(type(row), row.id)


def test_a_lease_is_recorded_with_its_events(store: Store) -> None:
    row, event = lease("lse_1")
    with store.transaction() as tx:
        tx.record(row, event)
        assert tx.history(row.id) == (event,)
    row, second = ask(row, EventKind.STOP_REQUESTED, NOON + HOUR, "enough")
    third = LeaseEvent(row.id, 3, NOON + HOUR, NOON + HOUR, EventKind.STOPPING)
    row = row.apply(third)
    with store.transaction() as tx:
        tx.record(row, second, third)
    with store.transaction() as tx:
        assert tx.get(Lease, "lse_1") == row
        assert tx.history(row.id) == (event, second, third)
        assert tx.history(LeaseId("none")) == ()


def test_two_who_write_the_same_next_event_do_not_both_succeed(store: Store) -> None:
    row, event = lease("lse_1")
    with store.transaction() as tx:
        tx.record(row, event)
    stopped, stop = ask(row, EventKind.STOP_REQUESTED, NOON + HOUR, "")
    with store.transaction() as tx:
        tx.record(stopped, stop)
    late = ask(row, EventKind.END_REQUESTED, NOON + HOUR, "")
    with pytest.raises(Conflict):
        within(store, lambda tx: tx.record(*late))
    with store.transaction() as tx:
        assert tx.get(Lease, "lse_1") == stopped and len(tx.history(row.id)) == 2


def test_histories_are_of_leases_that_may_have_run_then(store: Store) -> None:
    logs = {}
    with store.transaction() as tx:
        for hour in range(6):
            row, event = lease(f"lse_{hour}", at=NOON + hour * HOUR)
            ended = replace(row, phase=Phase.ENDED, ended=NOON + hour * HOUR + HOUR)
            logs[row.id] = (row if hour == 2 else ended, (event,))
            tx.record(logs[row.id][0], event)
        tx.record(*lease("lse_other", BOLT))
        found = list(tx.histories(ACME, Interval(NOON + 3 * HOUR, NOON + 5 * HOUR)))
    assert [row.id for row, _ in found] == ["lse_2", "lse_3", "lse_4"]
    assert found == [logs[row.id] for row, _ in found]


def test_leases_are_found_by_what_they_are(store: Store) -> None:
    first, event = lease("lse_1")
    ended = replace(lease("lse_2", BOLT)[0], phase=Phase.ENDED, ended=NOON + HOUR)
    with store.transaction() as tx:
        tx.record(first, event)
        tx.record(ended, lease("lse_2", BOLT)[1])
        assert tx.find(Lease, live=True) == tx.find(Lease, live=True, site=SITE) == [first]
        assert tx.find(Lease, live=False) == tx.find(Lease, phase=Phase.ENDED) == [ended]
        assert tx.find(Lease, customer=BOLT, live=True) == []


def test_an_invoice_has_one_cause_and_a_line_one_source(store: Store) -> None:
    with store.transaction() as tx:
        tx.add(invoice("EX-1", "seller/2026-11/acme"), line("l1", "usage/lse_1"))
    with pytest.raises(Conflict):
        within(store, lambda tx: tx.add(invoice("EX-2", "seller/2026-11/acme")))
    with pytest.raises(Conflict):
        within(store, lambda tx: tx.add(line("l2", "usage/lse_1", 2)))
    with store.transaction() as tx:
        paid = replace(tx.get(Invoice, "EX-1"), paid=tx.get(Invoice, "EX-1").gross)
        tx.put(paid)
        assert tx.find(Invoice, customer=ACME) == [paid]
        assert [row.id for row in tx.find(InvoiceLine, invoice="EX-1")] == ["l1"]


def test_numbers_of_a_series_have_no_gaps(store: Store) -> None:
    numbers: list[int] = []
    for attempt in range(6):
        with suppress(Undo), store.transaction() as tx:
            drawn = tx.number("EX-2026"), tx.number("EX-2026")
            assert tx.number("other") >= 1
            if attempt % 2:
                raise Undo
            numbers += drawn
    assert numbers == [1, 2, 3, 4, 5, 6]


def test_balances_are_the_sums_of_the_postings(store: Store) -> None:
    entries = [
        entry(f"hour-{hour}", 100 * hour + 7, (ACME, BOLT)[hour % 2], NOON + hour * HOUR)
        for hour in range(7)
    ] + [row for row in MORE if isinstance(row, Entry) and row.id == "e2"]
    with store.transaction() as tx:
        tx.add(*entries)
        assert tx.balances(ENTITY) == balances(p for e in entries for p in e.postings)
        until = NOON + 3 * HOUR
        early = [p for e in entries if e.at < until for p in e.postings]
        assert tx.balances(ENTITY, until) == balances(early)
        assert tx.find(Entry, entity=ENTITY) == sorted(entries, key=lambda e: e.id)


def test_a_confined_transaction_knows_one_customer_only(store: Store) -> None:
    with store.transaction() as tx:
        for owner in (ACME, BOLT):
            tx.record(*lease(f"lse_{owner}", owner))
    with store.transaction() as tx:
        tx.confine(ACME)
        assert [row.id for row in tx.find(Customer)] == [ACME]
        assert [row.customer for row in tx.find(Project)] == [ACME]
        assert tx.find(Project, customer=BOLT) == []
        assert tx.peek(Lease, "lse_bolt") is None and tx.peek(Lease, "lse_acme") is not None
        tx.add(Audit("a1", NOON, CAROL, "v", "t", None, "done"))
        tx.put(replace(tx.get(Project, "acme-lab"), name="renamed"))
    with store.transaction() as tx:
        assert len(tx.find(Customer)) == 2
        tx.confine(ACME)
        assert len(tx.find(Customer)) == 1
        tx.confine(None)
        assert len(tx.find(Customer)) == 2
        assert tx.get(Project, "acme-lab").name == "renamed"


def test_a_confined_transaction_cannot_write_for_another(store: Store) -> None:
    def write_project(tx: Tx) -> None:
        tx.confine(ACME)
        tx.add(Project(ProjectId("new"), BOLT, "New"))

    def write_lease(tx: Tx) -> None:
        tx.confine(ACME)
        tx.record(*lease("lse_9", BOLT))

    for write in (write_project, write_lease):
        with pytest.raises(AssertionError):
            within(store, write)
    with store.transaction() as tx:
        assert tx.peek(Project, "new") is None and tx.peek(Lease, "lse_9") is None


def test_the_fleet_has_what_this_transaction_wrote(store: Store) -> None:
    with store.transaction() as tx:
        fleet = tx.fleet(SITE)
        tx.add(claim("c1", "node-1", Slots(0b111), Span(NOON)))
        assert fleet.free_slots() == {"node-1": 5, "node-2": 8}
        tx.put(claim("c1", "node-1", Slots(0b111), Span(NOON, NOON + HOUR)))
        assert fleet.free_slots() == {"node-1": 8, "node-2": 8}
        tx.add(node(3), promise("r1", 3, Interval(NOON, NOON + DAY)))
        fleet = tx.fleet(SITE)
        assert fleet.free_slots()[node(3).id] == 8
        assert isinstance(fleet.place(Request(CHIP, 1, 1), NOON), NoFit)
        tx.remove(Reservation, "r1")
        tx.put(replace(node(2), state=NodeState.DRAINING))
    with store.transaction() as tx:
        members = tx.fleet(SITE).place(Request(CHIP, 2, 8), NOON)
        assert not isinstance(members, NoFit)
        assert [member.node for member in members] == ["node-1", "node-3"]
        assert tx.fleet(SITE).starts_at(members, NOON) == NOON + HOUR


def test_the_last_gpu_has_one_buyer(store: Store) -> None:
    with store.transaction() as tx:
        tx.add(claim("c0", "node-1", all_slots(8), Span(NOON)))
        tx.add(claim("c1", "node-2", all_slots(7), Span(NOON)))
    barrier, won = threading.Barrier(8), []

    def buy(number: int) -> None:
        barrier.wait()
        with store.transaction() as tx:
            members = tx.fleet(SITE).place(Request(CHIP, 1, 1), NOON)
            if not isinstance(members, NoFit):
                tx.add(claim(f"c{number}", members[0].node, members[0].slots, Span(NOON)))
                won.append(number)

    buyers = [threading.Thread(target=buy, args=(number,)) for number in range(10, 18)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    with store.transaction() as tx:
        assert [f"c{number}" for number in won] == [
            row.id for row in tx.find(Claim, open=True) if row.id not in ("c0", "c1")
        ]
    assert len(won) == 1


def test_a_grant_is_made_once_however_often(store: Store) -> None:
    grant = Grant("g", CAROL, Role.VIEWER)
    with store.transaction() as tx:
        tx.put(grant)
        tx.put(grant)
    with store.transaction() as tx:
        tx.put(grant)
        assert tx.find(Grant, principal=CAROL) == [grant]
