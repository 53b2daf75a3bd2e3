"""Wallets: what starts, what is told and stopped when, and what is refused and changes nothing."""

from datetime import timedelta

import pytest

from rackrate.app import (
    addresses,
    billing,
    budgets,
    credit,
    leasing,
    loops,
    payments,
    voiding,
    wallets,
)
from rackrate.app.addresses import NewAddress
from rackrate.app.budgets import NewBudget
from rackrate.app.leasing import Ask
from rackrate.app.wallets import NewWallet, TopUp
from rackrate.core.access import Role
from rackrate.core.credit import CreditTally
from rackrate.core.errors import Forbidden, Missing, Reason, Refused
from rackrate.core.ids import ContractId, LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Month
from rackrate.core.invoice import InvoiceStatus
from rackrate.core.lease import EventKind, LeaseClass, Phase
from rackrate.core.ledger import Account
from rackrate.core.outbox import Notification, Topic
from rackrate.core.wallet import Wallet
from tests.app.currency_shop import HARBOUR, open_quay, usd
from tests.app.money_shop import FIRST, ROBOTICS, STUDIO, Shop, cny, open_shop
from tests.app.test_leasing import contract
from tests.app.test_leasing import shop as contracts
from tests.app.test_site_use import PRICES, PUBLIC
from tests.build import Built

TRAIN, GPU, NODE = ProjectId("robotics-train"), SkuId("h100.1"), SkuId("h100.node")
HOUR = timedelta(hours=1)


@pytest.fixture
def shop() -> Shop:
    """Robotics pays ahead; a GPU costs 17.00 an hour and 6 % of tax: 18.02."""
    found = open_shop()
    open_wallet(found.built)
    return found


def open_wallet(built: Built, low: str = "50", grace: float = 2, kept: int = 10) -> None:
    new = NewWallet(ROBOTICS, cny(low), grace * HOUR, timedelta(days=kept))
    wallets.set_wallet(built.world, built.admin, new)


def top_up(built: Built, amount: str, reference: str = "wire") -> None:
    wallets.top_up(built.world, built.admin, TopUp(ROBOTICS, cny(amount), reference))


def start(built: Built, count: int = 1) -> LeaseId:
    lease = leasing.start(built.world, built.admin, Ask(TRAIN, GPU, count)).id
    passes(built)
    return lease


def passes(built: Built, hours: float = 0) -> None:
    """Passes every quarter of an hour, or of a long time every six; the last is carried through."""
    leader = loops.lead(built.world, "test")
    assert leader is not None
    step = HOUR / 4 if hours < 24 else 6 * HOUR
    for _ in range(int(hours * HOUR / step)):
        built.clock.advance(step)
        loops.provision(built.world, leader)
    for _ in range(2):
        loops.provision(built.world, leader)


def told(built: Built) -> list[str]:
    with built.world.store.transaction() as tx:
        return [row.topic for row in tx.find(Notification) if row.topic.startswith("wallet.")]


def phase(built: Built, id: LeaseId) -> Phase:
    return leasing.show(built.world, built.admin, id)[0].phase


def test_a_pass_rates_only_what_is_about_to_come_to_something(shop: Shop) -> None:
    built = shop.built
    top_up(built, "1000.00")
    start(built)
    looks: set[object] = set()
    for _ in range(12):
        passes(built, 0.25)
        with built.world.store.transaction() as tx:
            looks.add(tx.get(Wallet, ROBOTICS).looked)
            assert tx.get(CreditTally, ROBOTICS).hourly == cny("18.02")
    assert len(looks) <= 4  # Three hours: one look an hour.
    passes(built, 42)
    passes(built, 8)
    assert told(built) == [Topic.WALLET_LOW]
    passes(built, 3)
    assert told(built) == [Topic.WALLET_LOW, Topic.WALLET_EMPTY]
    with built.world.store.transaction() as tx:
        empty = next(row for row in tx.find(Notification) if row.topic is Topic.WALLET_EMPTY)
    # It was empty after 55.49 hours; the pass after 55.5 sees it.
    assert empty.facts["left"] == "-0.11"


def test_money_that_comes_as_any_payment_withdraws_the_notice_with_the_next_pass(
    shop: Shop,
) -> None:
    built = shop.built
    top_up(built, "20.00")
    lease = start(built)
    passes(built, 1.5)
    assert told(built)[-1] is Topic.WALLET_EMPTY
    shop.receive("100.00", "by finance", keep=True)
    passes(built)
    assert told(built)[-1] is Topic.WALLET_REFILLED
    passes(built, 3)
    assert phase(built, lease) is Phase.RUNNING


def test_storage_is_kept_for_its_term_and_told_before_it_goes(shop: Shop) -> None:
    built = shop.built
    top_up(built, "20.00")
    lease = start(built)
    passes(built, 3)
    assert phase(built, lease) is Phase.RUNNING
    passes(built, 0.5)
    assert phase(built, lease) is Phase.STOPPED
    assert told(built)[-2:] == [Topic.WALLET_EMPTY, Topic.WALLET_STOPPED]
    passes(built, 24 * 6)
    assert told(built)[-1] is Topic.WALLET_STOPPED
    passes(built, 24 * 2)
    assert told(built)[-1] is Topic.WALLET_ENDING and phase(built, lease) is Phase.STOPPED
    passes(built, 24 * 2)
    assert told(built)[-1] is Topic.WALLET_ENDED and phase(built, lease) is Phase.ENDED
    passes(built, 24 * 3)
    assert told(built)[-1] is Topic.WALLET_ENDED


def test_an_address_alone_uses_a_wallet_up_and_is_given_back_after_the_term() -> None:
    shop = open_shop(FIRST, None, PUBLIC, PRICES)
    built = shop.built
    open_wallet(built, low="0.30", kept=4)
    top_up(built, "0.50")
    held = addresses.reserve(built.world, built.admin, NewAddress(TRAIN, SiteId("east")))
    assert wallets.show(built.world, built.admin, ROBOTICS).balance.hourly == cny("0.05")
    with pytest.raises(Refused, match=held.address):
        wallets.close(built.world, built.admin, ROBOTICS, "out")
    passes(built, 24 * 5)
    assert told(built)[-3:] == [Topic.WALLET_EMPTY, Topic.WALLET_ENDING, Topic.WALLET_ENDED]
    assert not addresses.show(built.world, built.admin, held.id).held
    with built.world.store.transaction() as tx:
        ended = tx.find(Notification, topic=Topic.WALLET_ENDED)
    assert [row.facts["addresses"] for row in ended] == [held.address]


def test_what_is_under_a_contract_is_never_stopped_whatever_the_wallet_has() -> None:
    built = contracts()
    k1 = contract(built, nodes=3)
    open_wallet(built, grace=0, kept=0)
    wish = Ask(TRAIN, NODE, 3, klass=LeaseClass.CONTRACT, contract=k1)
    lease = leasing.start(built.world, built.admin, wish).id
    passes(built, 24)
    assert wallets.show(built.world, built.admin, ROBOTICS).balance.used_up
    assert phase(built, lease) is Phase.RUNNING and told(built) == []
    with pytest.raises(Refused, match="left in the wallet"):
        start(built)


def test_a_credit_limit_goes_beyond_the_wallet(shop: Shop) -> None:
    built = shop.built
    top_up(built, "20.00")
    credit.set_limit(built.world, shop.mei, ROBOTICS, cny("40.00"))
    start(built, 3)
    with pytest.raises(Refused) as refused:
        start(built)
    assert refused.value.reason is Reason.WALLET_TOO_LOW
    assert "and of the credit limit of 40.00 CNY" in refused.value.detail
    assert refused.value.facts["short"] == "12.08"
    passes(built, 1)
    assert told(built) == [Topic.WALLET_LOW]
    passes(built, 0.25)
    assert told(built)[-1] is Topic.WALLET_EMPTY


def test_an_invoice_is_paid_as_it_is_issued_and_void_only_once_that_is_taken_back(
    shop: Shop,
) -> None:
    top_up(shop.built, "60.00", "first")
    top_up(shop.built, "60.00", "second")
    one = shop.invoice("100.00")
    assert one.status is InvoiceStatus.PAID
    with pytest.raises(Refused, match=r"106\.00 CNY of EX-2026-000001 is paid"):
        voiding.void_invoice(shop.built.world, shop.mei, one.id, "wrong")
    for payment in payments.find(shop.built.world, shop.mei):
        payments.release(shop.built.world, shop.mei, payment.payment.id)
    voiding.void_invoice(shop.built.world, shop.mei, one.id, "wrong")
    balance = wallets.show(shop.built.world, shop.mei, ROBOTICS).balance
    assert (balance.held, balance.open, balance.left) == (cny("120"), cny("0"), cny("120"))
    second = shop.invoice("200.00")
    assert (second.status, str(second.open)) == (InvoiceStatus.PART_PAID, "92.00 CNY")
    credit_note = shop.credit(second.id, "150.00")
    third = shop.invoice("10.00")
    # What is left of the credit note pays before money does.
    assert (third.credited, third.paid) == (cny("10.60"), cny("0.00"))
    assert str(shop.show(credit_note.id).open) == "-56.40 CNY" and shop.agrees()


def test_only_finance_opens_and_tops_up_and_each_customer_sees_its_own(shop: Shop) -> None:
    built = shop.built
    owner = built.actor("owner@robotics.example", Role.OWNER, ROBOTICS)
    other = built.actor("owner@studio.example", Role.OWNER, STUDIO)
    assert wallets.show(built.world, owner, ROBOTICS).wallet.id == ROBOTICS
    assert [each.id for each in wallets.find(built.world, owner)] == [ROBOTICS]
    assert wallets.find(built.world, other) == []
    for look in (wallets.show, wallets.movements):
        with pytest.raises(Missing):
            look(built.world, other, ROBOTICS)
    with pytest.raises(Forbidden):
        wallets.top_up(built.world, owner, TopUp(ROBOTICS, cny("1"), "mine"))
    with pytest.raises(Missing):
        wallets.close(built.world, other, ROBOTICS, "theirs")


def test_a_wallet_is_closed_when_nothing_is_open_and_keeps_what_has_no_invoice(shop: Shop) -> None:
    built, world = shop.built, shop.built.world
    top_up(built, "100.00", "wire 1")
    shop.lease(2)
    big = shop.invoice("100.00")
    with pytest.raises(Refused, match=r"6\.00 CNY of EX-2026-000001 is open"):
        wallets.close(world, shop.mei, ROBOTICS, "out")
    shop.receive("6.00", "wire 2", big.id)
    with pytest.raises(Refused, match=r"36\.04 CNY more is used than the wallet"):
        wallets.close(world, shop.mei, ROBOTICS, "out")
    top_up(built, "50.00", "wire 3")
    closed = wallets.close(world, shop.mei, ROBOTICS, "out")
    assert (closed.balance.held, closed.balance.left) == (cny("36.04"), cny("0.00"))
    with pytest.raises(Refused, match="is closed"):
        wallets.close(world, shop.mei, ROBOTICS, "again")
    with pytest.raises(Refused, match="is closed"):
        top_up(built, "1.00", "wire 4")
    with pytest.raises(Refused, match=r"the credit limit of 0\.00 CNY is left"):
        start(built)
    shop.close()
    assert shop.balance(Account.UNAPPLIED) == "0.00" == shop.balance(Account.RECEIVABLE)
    open_wallet(built)
    top_up(built, "20.00", "wire 5")
    start(built)


def test_a_budget_and_a_wallet_stop_the_same_lease_once(shop: Shop) -> None:
    built = shop.built
    top_up(built, "20.00")
    budget = NewBudget(ROBOTICS, None, cny("20.00"), stop=True, grace=2 * HOUR)
    budgets.set_budget(built.world, built.admin, budget)
    lease = start(built)
    passes(built, 8)
    events = leasing.show(built.world, built.admin, lease)[1]
    assert [event.kind for event in events].count(EventKind.STOP_REQUESTED) == 1
    assert phase(built, lease) is Phase.STOPPED


def test_a_month_that_ends_while_it_is_empty_leaves_its_invoice_open_until_the_next_top_up(
    shop: Shop,
) -> None:
    top_up(shop.built, "20.00")
    shop.lease(3)
    (invoice,) = shop.close()
    assert (invoice.paid, invoice.open) == (cny("20.00"), cny("34.06"))
    top_up(shop.built, "100.00", "wire 2")
    assert shop.show(invoice.id).status is InvoiceStatus.PAID
    balance = wallets.show(shop.built.world, shop.mei, ROBOTICS).balance
    assert (balance.held, balance.left) == (cny("65.94"), cny("65.94"))
    assert shop.close(Month(2026, 12)) == ()


def test_a_wallet_abroad_pays_at_dated_rates_and_holds_what_the_ledger_holds() -> None:
    quay = open_quay()
    world = quay.built.world
    quay.rate("7.00")
    wallets.set_wallet(world, quay.mei, NewWallet(HARBOUR, usd("1")))
    wallets.top_up(world, quay.mei, TopUp(HARBOUR, usd("100.00"), "wire"))
    quay.lease(10)
    before = wallets.show(world, quay.mei, HARBOUR).balance
    quay.rate("7.20", FIRST + timedelta(days=20))
    (invoice,) = quay.close(0)
    assert (invoice.status, invoice.gross) == (InvoiceStatus.PAID, before.used)
    after = wallets.show(world, quay.mei, HARBOUR).balance
    assert (after.held, after.left, after.open) == (before.left, before.left, usd("0"))
    held = quay.balances()[Account.UNAPPLIED]
    assert -held.amount == after.held and held.book.minor == -7 * after.held.minor


COMMITTED = """
kind: contract
name: k1
project: robotics-train
currency: CNY
time_zone: Asia/Shanghai
tax_included: false
prepayment_percent: 20
lines:
  - kind: use
    start: 2026-11-01
    end: 2027-02-01
    minimum: 1000.00
    rates: [{sku: h100.1, amount: 10.00}]
terms:
  payment: {prepaid: wallet}
"""


def test_what_was_prepaid_under_a_contract_is_taken_from_no_wallet_and_not_stopped() -> None:
    shop = open_shop()
    built = shop.built
    built.apply(COMMITTED)
    (prepaid,) = billing.find(built.world, built.admin)
    shop.receive(str(prepaid.gross.amount), "transfer")
    open_wallet(built, grace=0, kept=0)
    wish = Ask(TRAIN, GPU, klass=LeaseClass.ON_DEMAND, contract=ContractId("k1"))
    used = leasing.start(built.world, built.admin, wish).id
    top_up(built, "20.00")
    passes(built, 20)
    balance = wallets.show(built.world, built.admin, ROBOTICS).balance
    assert (balance.left, balance.hourly) == (cny("20.00"), cny("0.00"))
    start(built)
    passes(built, 10)
    assert told(built)[-1] is Topic.WALLET_ENDED
    assert phase(built, used) is Phase.RUNNING
