"""An operator comes from spreadsheets: what runs is taken over, and nothing is billed twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import billing, books, leasing, loops, sales
from rackrate.core.calendar import Claim, Reservation
from rackrate.core.errors import RackrateError, Refused
from rackrate.core.ids import ContractId, CustomerId, EntityId, InvoiceId, LeaseId, SiteId
from rackrate.core.interval import Month
from rackrate.core.invoice import Invoice, LineKind
from rackrate.core.lease import EventKind, LeaseClass, Phase, fold
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from rackrate.core.usage import billed_spans
from rackrate.core.workload import Deployment
from rackrate.sim.engine import Pretended, SimEngine
from tests.build import EXAMPLES, Built, build

NEW_YEAR = datetime(2025, 12, 31, 16, tzinfo=UTC)  # Midnight in Shanghai.
JANUARY = datetime(2026, 1, 10, 1, tzinfo=UTC)
WEST, SELLER, MOTORS = SiteId("sim-west"), EntityId("example-compute"), CustomerId("example-motors")
OPERATOR, RUNNING = (
    (EXAMPLES / "brownfield" / name).read_text() for name in ("1-operator.yaml", "2-running.yaml")
)


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


def shop(now: datetime = JANUARY) -> tuple[Built, SimEngine]:
    engines: dict[SiteId, SimEngine] = {}
    built = build(engines=engines, now=now)
    engines[WEST] = SimEngine(built.clock)
    built.apply(OPERATOR)
    return built, engines[WEST]


def loop(built: Built) -> None:
    leader = loops.lead(built.world, "test")
    assert leader is not None
    loops.provision(built.world, leader)


def balance(built: Built, account: Account) -> Money:
    found = [
        b.book for b in books.balances(built.world, built.admin, SELLER) if b.account == account
    ]
    return sum((b for b in found), cny("0.00"))


def refused(built: Built, text: str) -> RackrateError:
    """The refusal, and nothing of the files is there."""
    with pytest.raises(RackrateError) as raised:
        built.apply(text)
    with built.world.store.transaction() as tx:
        assert not tx.find(Claim) and not tx.find(Reservation) and not tx.find(Invoice)
    return raised.value


def test_the_sample_is_applied_and_applying_it_again_changes_nothing() -> None:
    built, _ = shop()
    assert {change.kind for change in built.apply(RUNNING).changes} == {
        "customer", "project", "contract", "invoice", "lease",
    }  # fmt: skip
    assert built.apply(RUNNING).changes == ()
    loop(built)
    built.clock.advance(timedelta(days=1))
    assert built.apply(OPERATOR, RUNNING).changes == ()


def test_only_the_first_month_that_was_not_invoiced_is_invoiced_now() -> None:
    built, _ = shop()
    built.apply(RUNNING)
    found = {one.cause: one for one in billing.find(built.world, built.admin)}
    assert set(found) == {"opening/motors-2025", "opening/R-2025-0117", "signature/motors-2025"}
    now = billing.show(built.world, built.admin, found["signature/motors-2025"].id)[1]
    assert [(one.line.kind, str(one.line.month)) for one in now] == [
        (LineKind.INSTALMENT, "2026-01")
    ]
    assert now[0].line.net == cny("112000.00")
    before = billing.show(built.world, built.admin, found["opening/motors-2025"].id)[1]
    assert [str(one.line.month) for one in before if one.line.kind is LineKind.INSTALMENT] == [
        f"2025-{month:02}" for month in range(1, 13)
    ]
    assert not found["opening/motors-2025"].open


def test_closing_goes_on_with_the_first_month_that_was_not_earned() -> None:
    built, _ = shop()
    built.apply(RUNNING)
    with pytest.raises(Refused, match="the books begin with 2025-12"):
        billing.close(built.world, built.admin, SELLER, Month(2025, 11))
    billing.close(built.world, built.admin, SELLER, Month(2025, 12))
    assert balance(built, Account.CONTRACT_REVENUE) == cny("-140000.00")
    built.clock.advance(timedelta(days=30))
    issued = billing.close(built.world, built.admin, SELLER, Month(2026, 1))
    assert balance(built, Account.CONTRACT_REVENUE) == cny("-280000.00")
    lines = billing.show(built.world, built.admin, issued[0].id)[1]
    assert [str(x.line.month) for x in lines if x.line.kind is LineKind.INSTALMENT] == ["2026-02"]


def test_the_books_open_with_what_is_owed_on_both_sides_and_balance() -> None:
    built, _ = shop()
    built.apply(RUNNING)
    # Owed by the customer: what is open of December, and January with its tax.
    assert balance(built, Account.RECEIVABLE) == cny("68720.00") + cny("118720.00")
    # Owed to the customer: 672,000 and December's 140,000, of which 28,000 are drawn; and January.
    assert balance(built, Account.CONTRACT_LIABILITY) == -(cny("812000.00") + cny("112000.00"))
    assert balance(built, Account.OPENING) == cny("812000.00") - cny("68720.00")
    assert not sum((b.book for b in books.balances(built.world, built.admin, SELLER)), cny("0.00"))


def test_over_its_whole_life_the_contract_is_invoiced_and_earned_to_the_cent() -> None:
    built, _ = shop()
    built.apply(RUNNING)
    leasing.end(built.world, built.admin, LeaseId("motors-notebooks"))
    leasing.end(built.world, built.admin, LeaseId("motors-pretraining"))
    loop(built)
    month = Month(2025, 12)
    built.clock.instant = datetime(2028, 2, 1, tzinfo=UTC)
    while month <= Month(2027, 12):
        billing.close(built.world, built.admin, SELLER, month)
        month = month.plus(1)
    lines = [
        one.line
        for invoice in billing.find(built.world, built.admin)
        for one in billing.show(built.world, built.admin, invoice.id)[1]
        if one.line.contract == "motors-2025"
    ]
    assert sum((line.net for line in lines), cny("0.00")) == cny("5040000.00")
    assert len({line.source for line in lines}) == len(lines) == 1 + 36
    assert balance(built, Account.CONTRACT_LIABILITY) == cny("0.00")
    assert balance(built, Account.CONTRACT_REVENUE) == -cny("3500000.00")


def test_an_open_invoice_of_before_is_paid_here() -> None:
    built, _ = shop()
    built.apply(RUNNING)
    id = InvoiceId("R-2025-0117")
    billing.settle(built.world, built.admin, id, cny("68720.00"), "transfer-1")
    assert not billing.show(built.world, built.admin, id)[0].open
    assert balance(built, Account.BANK) == cny("68720.00")
    assert built.apply(RUNNING).changes == ()


def test_nodes_of_the_contract_stay_in_the_block_where_they_run() -> None:
    built, _ = shop()
    built.apply(RUNNING)
    with built.world.store.transaction() as tx:
        assert [(r.pool, r.nodes) for r in tx.find(Reservation)] == [("west-1/h100x8", 2)]
    contract, plan = sales.show(built.world, built.admin, ContractId("motors-2025"))
    assert contract.signed == datetime(2024, 12, 19, 16, tzinfo=UTC)
    assert plan.value == cny("5040000.00")


def test_a_simulated_workload_runs_and_its_history_begins_with_the_adoption() -> None:
    built, _ = shop()
    built.apply(RUNNING)
    loop(built)
    lease, events = leasing.show(built.world, built.admin, LeaseId("motors-notebooks"))
    assert lease.phase is Phase.RUNNING and lease.terms.klass is LeaseClass.ON_DEMAND
    assert lease == fold(lease.terms, events)
    assert events[0].cause == "adopted; it has run since 2025-11-02 16:00 UTC"
    assert [span.start for span in billed_spans(events)] == [JANUARY]
    with built.world.store.transaction() as tx:
        claims = {claim.holder: claim for claim in tx.find(Claim, open=True)}
    assert claims["motors-notebooks"].node == "west-h100-003"
    assert str(claims["motors-notebooks"].slots) == "0-1"
    assert claims["motors-pretraining"].account == "motors-2025"


class Machines(SimEngine):
    """An engine with machines: it counts what it is told to start, and may find things running."""

    isolation = "runc"

    def __init__(self, built: Built) -> None:
        super().__init__(built.clock)
        self.started: list[LeaseId] = []

    def ensure(self, deployment: Deployment) -> None:
        self.started.append(deployment.lease)
        super().ensure(deployment)

    def finds(self, id: str, members: int = 1, generation: int = 1) -> None:
        since = datetime(2025, 2, 1, tzinfo=UTC)
        self._running[LeaseId(id)] = Pretended.of(generation, since, members)


def test_what_the_engine_finds_running_is_adopted_and_never_started() -> None:
    built, _ = shop()
    engine = Machines(built)
    built.world.engines[WEST] = engine  # type: ignore[index]
    engine.finds("motors-pretraining")
    engine.finds("motors-notebooks")
    built.apply(RUNNING)
    lease, events = leasing.show(built.world, built.admin, LeaseId("motors-pretraining"))
    assert lease.phase is Phase.RUNNING
    assert [event.kind for event in events] == [
        EventKind.REQUESTED, EventKind.STARTING, EventKind.RUNNING,
    ]  # fmt: skip
    loop(built)
    loop(built)
    assert not engine.started and set(engine.observe()) == {
        "motors-pretraining", "motors-notebooks",
    }  # fmt: skip
    leasing.end(built.world, built.admin, lease.id)
    loop(built)
    assert set(engine.observe()) == {"motors-notebooks"}


def test_what_runs_and_nobody_knows_may_be_adopted_for_an_hour_and_then_is_let_go() -> None:
    built, _ = shop()
    engine = Machines(built)
    built.world.engines[WEST] = engine  # type: ignore[index]
    for name in ("motors-pretraining", "motors-notebooks", "nobodys"):
        engine.finds(name)
    loop(built)
    built.clock.advance(loops.GRACE - timedelta(seconds=1))
    loop(built)
    assert len(engine.observe()) == 3
    built.apply(RUNNING)
    built.clock.advance(timedelta(seconds=1))
    loop(built)
    assert set(engine.observe()) == {"motors-pretraining", "motors-notebooks"}
    built.clock.advance(timedelta(days=1))
    loop(built)
    assert set(engine.observe()) == {"motors-pretraining", "motors-notebooks"}


@pytest.mark.parametrize(
    ("members", "generation", "said"),
    [
        (0, 1, "finds nothing running that is called motors-pretraining"),
        (2, 1, "runs on 2 nodes in its engine"),
        (1, 3, "was started 3 times in its engine"),
    ],
)
def test_what_the_engine_knows_otherwise_is_refused_with_its_place(
    members: int, generation: int, said: str
) -> None:
    built, _ = shop()
    engine = Machines(built)
    built.world.engines[WEST] = engine  # type: ignore[index]
    if members:
        engine.finds("motors-pretraining", members, generation)
    error = refused(built, RUNNING)
    assert said in error.detail and "1.yaml:57" in error.detail


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("prepayment_left: 672000.00", "prepayment_left: 700000.00",
         "1.yaml:19: the balances do not add up"),
        ("invoiced: 2025-12", "invoiced: 2025-10", "2025-11 is earned, and only 2025-10 invoiced"),
        ("earned: 2025-11", "earned: 2026-01", "2026-01 is earned, and only 2025-12 invoiced"),
        ("invoiced: 2025-12", "invoiced: soon", "1.yaml:36: `opening.invoiced` is wrong: not a"),
        ("paid: 50000.00", "paid: 118720.00", "nothing of R-2025-0117 is open"),
        ("paid: 50000.00", "paid: 200000.00", "nothing of R-2025-0117 is open"),
        ("number: R-2025-0117", "number: EX-2026-000001", "will have"),
        ("number: R-2025-0117", "number: R 17", "is not 1 to 63 letters"),
        ("contract: motors-2025", "contract: motors-2024",
         "`contract`: no contract is called 'motors-2024'; did you mean 'motors-2025'?"),
        ("{node: west-h100-001}", "{node: west-h100-009}", "no node is called 'west-h100-009'"),
        ("{node: west-h100-001}", "{node: west-h100-003}", "room for 0 more nodes of west-2"),
        ("{node: west-h100-001}", "{node: west-h100-001}\n- {node: west-h100-001}", "twice"),
        ("slots: 0-1", "slots: 7-9", "west-h100-003 has slots 0 to 7, not 7-9"),
        ("slots: 0-1", "slots: 3-1", "'3-1' is not slots such as 0-3,7"),
        ("west-h100-003, slots", "west-h100-001, slots", "is taken: motors-pretraining has"),
        ("nodes: 2}", "nodes: 3}", "have 3 nodes together, and the contract 2"),
        ("block: west-1, nodes: 2}", "block: west-1, nodes: 1}\n- {block: west-9, nodes: 1}",
         "no block is called 'west-9'"),
        ("signed: 2024-12-20", "signed: yesterday", "is not a date"),
        ("sku: west-h100.1\n", "sku: west-h100.node\n", "leave out the slots of west-h100-003"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_place_and_nothing_is_written(
    old: str, new: str, said: str
) -> None:
    built, _ = shop()
    assert old in RUNNING
    error = refused(built, RUNNING.replace(old, new))
    assert said in error.detail and "1.yaml:" in error.detail, error.detail


def test_a_node_that_somebody_has_is_refused_with_who_has_it() -> None:
    built, _ = shop()
    customer, _, rest = RUNNING.partition("\n# Three years")
    built.apply(customer)
    built.apply(
        "kind: lease\nname: first\nproject: motors-training\nsku: west-h100.1\n"
        "since: 2025-11-03T00:00:00Z\nnodes:\n- {node: west-h100-003, slots: 1-2}\n"
    )
    with pytest.raises(Refused, match=r"1\.yaml:\d+: west-h100-003\[0-1\] is taken: first has"):
        built.apply("---\n" + "# Three years" + rest)


def test_what_a_file_says_otherwise_of_a_lease_that_was_adopted_is_refused() -> None:
    built, _ = shop()
    built.apply(RUNNING)
    with pytest.raises(RackrateError, match="differs in sku"):
        built.apply(RUNNING.replace("sku: west-h100.1\n", "sku: west-h100.node\n"))
    with pytest.raises(RackrateError, match="invoice 'R-2025-0117' is in the books"):
        built.apply(RUNNING.replace("net: 112000.00", "net: 112001.00"))
    with pytest.raises(RackrateError, match="contract 'motors-2025' is signed"):
        built.apply(RUNNING.replace("earned: 2025-11", "earned: 2025-10"))


def test_months_that_were_neither_invoiced_nor_earned_are_invoiced_at_once() -> None:
    built, _ = shop(datetime(2026, 3, 10, tzinfo=UTC))
    built.apply(RUNNING)
    signature = next(
        one for one in billing.find(built.world, built.admin) if one.cause.startswith("signature/")
    )
    lines = billing.show(built.world, built.admin, signature.id)[1]
    assert [str(one.line.month) for one in lines] == ["2026-01", "2026-02", "2026-03"]
    assert signature.net == Money.parse(str(Decimal("112000.00") * 3), "CNY")
