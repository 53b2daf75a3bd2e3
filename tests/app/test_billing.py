"""Months are closed once and in order; what was learnt late is corrected on the next invoice."""

import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from rackrate.app import billing, books, leasing, loops, sales
from rackrate.app.leasing import Ask
from rackrate.core.access import Role
from rackrate.core.errors import Forbidden, Missing, RackrateError, Refused
from rackrate.core.ids import ContractId, CustomerId, EntityId, LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import Invoice, InvoiceStatus, LineKind
from rackrate.core.lease import LeaseClass
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from rackrate.exports.beancount import export
from rackrate.sim.engine import SimEngine
from tests.build import CUSTOMERS, SMALL, Built, build

SELLER, ROBOTICS = EntityId("example"), CustomerId("robotics")
TRAIN = ProjectId("robotics-train")
NOVEMBER, DECEMBER = Month(2026, 11), Month(2026, 12)
SHANGHAI = "Asia/Shanghai"
FIRST = NOVEMBER.interval(SHANGHAI).start


class Sim(SimEngine):
    """An engine that can lose what it runs."""

    def lose(self, lease: LeaseId) -> None:
        self._running.pop(lease)


def shop(now: datetime = FIRST) -> Built:
    engines: dict[SiteId, SimEngine] = {}
    built = build(SMALL, CUSTOMERS, engines=engines, now=now)
    engines[SiteId("east")] = Sim(built.clock)
    return built


def settle(built: Built, full: bool = False) -> None:
    leader = loops.lead(built.world, "test")
    assert leader is not None
    hinted = built.world.hints.take()
    loops.provision(built.world, leader, None if full else hinted)


def run(built: Built, hours: float, slots: int = 2) -> LeaseId:
    lease = leasing.start(built.world, built.admin, Ask(TRAIN, SkuId("h100.1"), slots))
    settle(built)
    built.clock.advance(timedelta(hours=hours))
    leasing.end(built.world, built.admin, lease.id)
    settle(built)
    return lease.id


def close(built: Built, month: Month) -> tuple[Invoice, ...]:
    end = month.interval(SHANGHAI).end
    built.clock.instant = max(built.clock.instant, end)
    return billing.close(built.world, built.admin, SELLER, month)


def sign(built: Built, percent: int = 20, months: int = 36, monthly: str = "1000.00") -> None:
    first = Month.of(built.clock.now(), SHANGHAI)
    during = Interval(first.interval(SHANGHAI).start, first.plus(months).interval(SHANGHAI).start)
    offer = sales.Offer.of(
        ContractId("k1"),
        TRAIN,
        SkuId("h100.node"),
        2,
        during,
        Money.parse(monthly, "CNY"),
        Decimal(percent),
    )
    sales.sign(built.world, built.admin, offer)


def balance(built: Built, account: Account) -> str:
    found = books.balances(built.world, built.admin, SELLER)
    return str(sum((b.amount.amount for b in found if b.account is account), Decimal(0)))


def test_use_is_billed_to_the_second_at_the_list_price_with_tax() -> None:
    built = shop()
    run(built, 1.5)
    (invoice,) = close(built, NOVEMBER)
    assert (str(invoice.net), str(invoice.tax), str(invoice.gross)) == (
        "51.00 CNY",
        "3.06 CNY",
        "54.06 CNY",
    )
    assert invoice.id == "EX-2026-000001"
    _, (line,) = billing.show(built.world, built.admin, invoice.id)
    assert line.line.quantity == 2 * 5400 * 1000
    assert balance(built, Account.USAGE_REVENUE) == "-51.00"
    assert balance(built, Account.UNBILLED) == "0.00"


def test_closing_twice_changes_nothing() -> None:
    built = shop()
    run(built, 1)
    first = close(built, NOVEMBER)
    before = books.journal(built.world, built.admin, SELLER)
    assert close(built, NOVEMBER) == first
    assert books.journal(built.world, built.admin, SELLER) == before


def test_months_are_closed_in_order_and_only_when_they_are_over() -> None:
    built = shop()
    run(built, 1)
    with pytest.raises(Refused, match="2026-11 ends at 2026-11-30 16:00 UTC"):
        billing.close(built.world, built.admin, SELLER, NOVEMBER)
    with pytest.raises(Refused, match="2026-11 is next"):
        close(built, DECEMBER)
    close(built, NOVEMBER)
    with pytest.raises(Refused, match="2026-12 is next"):
        close(built, Month(2027, 1))
    with pytest.raises(Refused, match="wrong_state"):
        close(built, Month(2026, 10))


def test_a_lease_over_a_month_s_end_is_billed_in_both_months_and_never_twice() -> None:
    built = shop(NOVEMBER.interval(SHANGHAI).end - timedelta(hours=1))
    run(built, 3, slots=1)
    (november,) = close(built, NOVEMBER)
    (december,) = close(built, DECEMBER)
    assert (str(november.net.amount), str(december.net.amount)) == ("17.00", "34.00")


def test_a_preview_is_what_the_close_will_say_if_nothing_more_happens() -> None:
    built = shop()
    run(built, 2)
    sign(built)
    seen = billing.preview(built.world, built.admin, ROBOTICS, NOVEMBER)
    (invoice,) = close(built, NOVEMBER)
    assert seen.totals.gross == invoice.gross


def test_an_open_lease_is_previewed_up_to_now() -> None:
    built = shop()
    leasing.start(built.world, built.admin, Ask(TRAIN, SkuId("h100.1")))
    settle(built)
    built.clock.advance(timedelta(minutes=30))
    seen = billing.preview(built.world, built.admin, ROBOTICS, NOVEMBER)
    assert str(seen.totals.net) == "8.50 CNY"


def test_a_contract_is_prepaid_then_paid_in_advance_and_earned_month_by_month() -> None:
    built = shop()
    sign(built)
    (signature,) = billing.find(built.world, built.admin)
    # 20 % of 36,000 and the first instalment less its drawdown, and 6 % VAT on them.
    assert str(signature.net) == "8,000.00 CNY"
    assert str(signature.gross) == "8,480.00 CNY"
    assert balance(built, Account.CONTRACT_REVENUE) == "0"
    (november,) = close(built, NOVEMBER)
    assert str(november.net) == "800.00 CNY"
    assert balance(built, Account.CONTRACT_REVENUE) == "-1000.00"
    assert balance(built, Account.CONTRACT_LIABILITY) == "-7800.00"
    for number in range(1, 36):
        close(built, NOVEMBER.plus(number))
    assert balance(built, Account.CONTRACT_REVENUE) == "-36000.00"
    assert balance(built, Account.CONTRACT_LIABILITY) == "0.00"
    assert len(billing.find(built.world, built.admin)) == 36


def test_no_instalment_is_lost_when_the_first_lease_comes_after_the_signature() -> None:
    built = shop()
    sign(built)
    built.clock.instant = DECEMBER.interval(SHANGHAI).start
    run(built, 1)
    with pytest.raises(Refused, match="2026-11 is next"):
        close(built, DECEMBER)
    for month in (NOVEMBER, DECEMBER):
        close(built, month)
    issued = billing.find(built.world, built.admin)
    lines = [one.line for i in issued for one in billing.show(built.world, built.admin, i.id)[1]]
    instalments = [str(line.month) for line in lines if line.kind is LineKind.INSTALMENT]
    assert sorted(instalments) == ["2026-11", "2026-12", "2027-01"]


def test_leases_under_a_contract_cost_nothing_more() -> None:
    built = shop()
    sign(built)
    wish = Ask(
        TRAIN,
        SkuId("h100.node"),
        2,
        klass=LeaseClass.CONTRACT,
        contract=ContractId("k1"),
    )
    leasing.start(built.world, built.admin, wish)
    settle(built)
    (invoice,) = close(built, NOVEMBER)
    _, lines = billing.show(built.world, built.admin, invoice.id)
    assert [line.line.kind for line in lines] == [LineKind.INSTALMENT]


def test_what_is_learnt_late_of_a_closed_month_is_corrected_on_the_next_invoice() -> None:
    """The workload was last seen two hours before the month ended, and that is known after it."""
    built = shop(NOVEMBER.interval(SHANGHAI).end - timedelta(hours=4))
    lease = leasing.start(built.world, built.admin, Ask(TRAIN, SkuId("h100.1")))
    settle(built)
    built.clock.advance(timedelta(hours=2))
    settle(built, full=True)
    engine = built.world.engines[SiteId("east")]
    assert isinstance(engine, Sim)
    engine.lose(lease.id)
    (november,) = close(built, NOVEMBER)
    assert str(november.net) == "68.00 CNY"
    built.clock.advance(timedelta(hours=1))
    settle(built, full=True)
    (december,) = close(built, DECEMBER)
    _, (line,) = billing.show(built.world, built.admin, december.id)
    assert (line.line.kind, str(line.line.net)) == (LineKind.CORRECTION, "-34.00 CNY")
    assert "2026-11" in line.line.description
    assert balance(built, Account.USAGE_REVENUE) == "-34.00"
    assert balance(built, Account.UNBILLED) == "0.00"
    assert close(built, Month(2027, 1)) == ()


def test_payments_are_posted_once_and_never_exceed_the_invoice() -> None:
    built = shop()
    run(built, 10)
    (invoice,) = close(built, NOVEMBER)
    part, little, much = (Money.parse(text, "CNY") for text in ("100.00", "2.00", "300.00"))
    once, _ = billing.settle(built.world, built.admin, invoice.id, part, "transfer 1")
    after, _ = billing.settle(built.world, built.admin, invoice.id, part, "transfer 1")
    assert once == after
    assert (after.status, str(after.open)) == (InvoiceStatus.PART_PAID, "260.40 CNY")
    with pytest.raises(RackrateError, match=r"was 100\.00 CNY"):
        billing.settle(built.world, built.admin, invoice.id, little, "transfer 1")
    with pytest.raises(Refused, match=r"260\.40 CNY of EX-2026-000001 is open"):
        billing.settle(built.world, built.admin, invoice.id, much, "transfer 2")
    assert balance(built, Account.BANK) == "100.00"


def test_a_refused_close_leaves_no_number_behind() -> None:
    built = shop()
    run(built, 1)
    for _ in range(3):
        with pytest.raises(Refused):
            billing.close(built.world, built.admin, SELLER, NOVEMBER)
    (invoice,) = close(built, NOVEMBER)
    assert invoice.id == "EX-2026-000001"


def test_a_customer_reads_its_own_invoices_and_closes_nothing() -> None:
    built = shop()
    run(built, 1)
    (invoice,) = close(built, NOVEMBER)
    mine = built.actor("o@robotics.example", Role.OWNER, "robotics")
    other = built.actor("o@studio.example", Role.OWNER, "studio")
    assert billing.show(built.world, mine, invoice.id)[0] == invoice
    assert billing.find(built.world, other) == []
    with pytest.raises(Missing):
        billing.show(built.world, other, invoice.id)
    with pytest.raises(Missing):
        billing.preview(built.world, other, ROBOTICS, NOVEMBER)
    with pytest.raises(Forbidden):
        billing.close(built.world, mine, SELLER, NOVEMBER)
    with pytest.raises(Forbidden):
        books.balances(built.world, mine, SELLER)


def test_a_seller_s_journal_passes_bean_check(tmp_path: Path) -> None:
    built = shop()
    sign(built, percent=25, monthly="333.33")
    run(built, 1.7)
    (invoice,) = close(built, NOVEMBER)
    billing.settle(built.world, built.admin, invoice.id, Money.parse("0.07", "CNY"), 'odd "ref"')
    (entity,) = books.entities(built.world, built.admin)
    text = export(entity, books.journal(built.world, built.admin, SELLER))
    good, bad = tmp_path / "good.beancount", tmp_path / "bad.beancount"
    good.write_text(text)
    bad.write_text(text.replace("0.07 CNY", "0.08 CNY", 1))
    check = [sys.executable, "-m", "beancount.scripts.check"]
    assert subprocess.run([*check, str(good)], capture_output=True, check=False).returncode == 0
    assert subprocess.run([*check, str(bad)], capture_output=True, check=False).returncode != 0
