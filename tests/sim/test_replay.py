"""A replay is the business itself on a clock that is told: its numbers can be worked out."""

import gc
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

from rackrate.app.world import World
from rackrate.core.calendar import Claim
from rackrate.core.interval import Month
from rackrate.core.invoice import Invoice, InvoiceLine
from rackrate.core.lease import Lease
from rackrate.core.ledger import Entry
from rackrate.sim.replay import replay, replayed, shape
from rackrate.sim.report import MonthInvoiced, Refusals, hourly
from rackrate.sim.traces import Job, draw_jobs, read_jobs
from tests.sim import auditor
from tests.sim.ground import example, fleet, philly

OCTOBER, NOVEMBER = Month(2017, 10), Month(2017, 11)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2017, 10, 31, hour, minute, second, tzinfo=UTC)


# Two nodes of 8 GPUs at 2.00 CNY an hour, on the last evening of October, UTC.
EVENING = (
    # Takes the first node for an hour: 8 GPU-hours, 16.00.
    Job(at(22), 3600, 8, "alpha"),
    # Takes the second for two hours, over midnight: 8 GPUs for 6,600 s of October are 29.33, for
    # 600 s of November 2.67.
    Job(at(22, 10), 7200, 8, "beta"),
    # Comes while nothing is free, and is refused.
    Job(at(22, 20), 100, 1, "alpha"),
    # Begins in the second in which the first ends, on half of its node: 2 GPU-hours, 4.00.
    Job(at(23), 1800, 4, "alpha"),
    # Wants 6 GPUs on each of two nodes, and is refused: one of them has none, the other 4.
    Job(at(23), 60, 12, "gamma"),
    # 9 s of one GPU are half a cent, which is rounded up.
    Job(at(23, 59, 50), 9, 1, "gamma"),
)


def test_an_evening_of_six_jobs_comes_to_what_one_works_out_by_hand() -> None:
    report = replay(EVENING, fleet(2))
    assert (report.jobs, report.started, report.gpus) == (6, 4, 16)
    assert report.refusals == (Refusals("no_capacity", 2, 13, Decimal("0.228")),)
    assert report.gpu_hours == Decimal("26.002")
    assert report.months == (
        MonthInvoiced(OCTOBER, 3, net=4934, tax=120 + 176 + 0, gross=4934 + 296),
        MonthInvoiced(NOVEMBER, 1, net=267, tax=16, gross=283),
    )
    assert report.revenue_by_customer == (("beta", 3200), ("alpha", 2000), ("gamma", 1))
    assert report.revenue_by_sku == (("gpu.1", 5201),)
    assert (report.start, report.end) == (at(22), datetime(2017, 11, 1, 0, 10, tzinfo=UTC))
    # From 22 h 8 GPUs, and 8 more for 50 minutes; from 23 h 8, 4 for half of it, 1 for 9 s.
    assert [round(share * 16 * 3600) for share in report.utilisation] == [
        8 * 3600 + 8 * 3000,
        8 * 3600 + 4 * 1800 + 9,
        8 * 600,
    ]
    assert report.balanced


def test_the_books_of_a_replay_say_what_its_invoices_say() -> None:
    report = replay(EVENING, fleet(2))
    sums: Counter[str] = Counter()
    for balance in report.balances:
        sums[balance.account] += balance.amount.minor
    assert sums["Income:Usage"] == -5201
    assert sums["Liabilities:Tax:Output"] == -312
    assert sums["Assets:Receivable"] == 5513
    assert sums["Assets:Unbilled"] == 0


def test_the_same_seed_is_the_same_run_to_the_letter() -> None:
    first, again, other = (replay(draw_jobs(400, seed), fleet(3)) for seed in (7, 7, 8))
    assert repr(first) == repr(again)
    assert first != other


def test_a_gang_is_spread_over_as_few_equal_nodes_as_can_be() -> None:
    assert shape(8, 8) == (1, 8)
    assert shape(12, 8) == (2, 6)
    assert shape(13, 8) == (13, 1)
    assert shape(128, 8) == (16, 8)


def test_progress_is_told_up_to_the_last_job() -> None:
    told: list[tuple[int, int]] = []
    replay(EVENING, fleet(2), lambda done, total: told.append((done, total)))
    assert told[0] == (0, 6)
    assert told[-1] == (6, 6)


def test_a_replay_leaves_the_collector_as_it_was() -> None:
    replay(EVENING, fleet(2))
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_use_by_the_hour_is_the_mean_of_each_hour() -> None:
    assert hourly([0, 1800, 3600, 9000], [4, 8, 2, 0], 8) == (0.75, 0.25, 0.125)
    assert hourly([], [], 8) == ()


def audit(world: World, jobs: int) -> None:
    """Everything that the auditor has to say about a world whose replay is over."""
    with world.store.transaction() as tx:
        claims, leases = tx.find(Claim), tx.find(Lease)
        invoices, entries = tx.find(Invoice), tx.find(Entry)
        lines = {
            (row.customer, str(row.line.month), row.line.lease): row for row in tx.find(InvoiceLine)
        }
        logs = [(lease, tx.history(lease.id)) for lease in leases]
    assert 0 < len(leases) <= jobs
    assert auditor.held_twice(claims) == []
    assert [claim for claim in claims if claim.during.end is None] == []
    expected = auditor.bills(logs, Decimal("2.00"))
    assert {key: row.line.net.amount for key, row in lines.items()} == expected
    nets: dict[tuple[str, str], Decimal] = {}
    for (customer, month, _), amount in expected.items():
        nets[(customer, month)] = nets.get((customer, month), Decimal(0)) + amount
    taxes = {key: auditor.tax(net, Decimal("0.06")) for key, net in nets.items()}
    found = {(one.customer, str(one.month)): one for one in invoices}
    assert {key: one.net.amount for key, one in found.items()} == nets
    assert {key: one.tax.amount for key, one in found.items()} == taxes
    books: Counter[str] = Counter()
    for entry in entries:
        for posting in entry.postings:
            books[posting.account] += posting.book.minor
    assert sum(books.values()) == 0
    assert books["Income:Usage"] == -sum(int(net * 100) for net in nets.values())
    assert books["Liabilities:Tax:Output"] == -sum(int(tax * 100) for tax in taxes.values())
    assert books["Assets:Unbilled"] == 0


def test_an_auditor_who_shares_no_code_agrees_to_the_cent_on_drawn_jobs() -> None:
    jobs = draw_jobs(1500, 3)
    world, report = replayed(jobs, fleet(6))
    assert report.refusals, "a fleet that is never full shows little"
    audit(world, len(jobs))


def test_the_auditor_finds_a_slot_that_is_held_twice() -> None:
    world, _ = replayed(EVENING, fleet(2))
    with world.store.transaction() as tx:
        claims = tx.find(Claim)
    assert auditor.held_twice(claims) == []
    assert auditor.held_twice([*claims, claims[0].cleaning(claims[0].during.start)])


def test_the_first_two_thousand_jobs_of_the_real_trace_agree_with_the_auditor() -> None:
    jobs = read_jobs(philly())[:2000]
    world, report = replayed(jobs, example("philly-60.yaml"))
    assert (report.jobs, report.gpus) == (2000, 480)
    audit(world, len(jobs))
