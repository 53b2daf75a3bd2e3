"""Every line of an invoice can be taken apart to the second, and adds up to what it says."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from rackrate.app import billing, explaining, leasing, receivables, voiding
from rackrate.app.leasing import Ask
from rackrate.core.access import Role
from rackrate.core.billing_terms import SellerTerms
from rackrate.core.errors import Missing
from rackrate.core.explanation import Explanation
from rackrate.core.ids import ContractId, InvoiceId, SiteId, SkuId
from rackrate.core.invoice import LineKind
from rackrate.core.lease import EventKind
from rackrate.core.ledger import Account
from tests.app import test_billing
from tests.app.money_shop import FIRST, NOVEMBER, SELLER, SHANGHAI, Shop, open_shop

DECEMBER = NOVEMBER.plus(1)
NEW_PRICE = """
kind: price_book
currency: CNY
tax_included: false
effective: 2026-11-01T01:00:00
time_zone: Asia/Shanghai
per_slot_hour:
  h100.1: {on_demand: 18.5}
"""
OF_USE = """
kind: contract
name: k1
project: robotics-train
currency: CNY
time_zone: Asia/Shanghai
prepayment_percent: 20
tax_included: false
lines:
  - kind: use
    title: GPUs
    start: 2026-11-01
    end: 2027-11-01
    minimum: 1000.00
    rates: [{sku: h100.1, amount: 12.00}]
terms: {payment: {prepaid: wallet}}
"""


def explain(shop: Shop, invoice: InvoiceId, place: int = 1) -> Explanation:
    return explaining.explain(shop.built.world, shop.mei, invoice, place)


def adds_up(why: Explanation) -> bool:
    """Parts are the quantity, the quantity at the price is exact, and that rounds to the line."""
    used, line = why.measured, why.line.line
    assert used is not None
    exact = sum((part.exact for part in used.parts), Fraction(0))
    return used.matches and exact == used.exact and used.rounded == line.asked


def test_a_line_of_use_is_its_leases_seconds_at_the_price_of_each() -> None:
    """Two hours of two slots over a change of price, with the wait for the machine left out."""
    shop = open_shop(FIRST, None, NEW_PRICE)
    lease = shop.lease(2, slots=2)
    (invoice,) = shop.close()
    first, second = (explain(shop, invoice.id, place) for place in (1, 2))
    assert adds_up(first) and adds_up(second)
    assert first.measured is not None and second.measured is not None
    (part,) = first.measured.parts
    assert (part.during.seconds, part.size, part.quantity) == (3600, 2, 7200)
    assert part.began is not None and part.began.kind is EventKind.RUNNING
    assert part.ended is None and first.measured.until == second.measured.price.effective
    assert str(second.measured.exact) == "37"
    assert second.measured.parts[0].ended is not None
    assert [one.id for one in first.measured.leases] == [lease]
    accounts = {p.account for entry in first.entries for p in entry.postings}
    assert accounts >= {Account.RECEIVABLE, Account.UNBILLED, Account.USAGE_REVENUE, Account.TAX}


def test_a_correction_says_what_was_billed_before_and_what_was_learnt_since() -> None:
    built = test_billing.shop(NOVEMBER.interval(SHANGHAI).end - timedelta(hours=4))
    mei = built.actor("mei@example.org", Role.FINANCE)
    shop = Shop(built, mei, mei)
    ask = Ask(test_billing.TRAIN, SkuId("h100.1"))
    lease = leasing.start(built.world, built.admin, ask)
    test_billing.settle(built)
    built.clock.advance(timedelta(hours=2))
    test_billing.settle(built, full=True)
    engine = built.world.engines[SiteId("east")]
    assert isinstance(engine, test_billing.Sim)
    engine.lose(lease.id)
    (november,) = shop.close()
    built.clock.advance(timedelta(hours=1))
    test_billing.settle(built, full=True)
    (december,) = shop.close(DECEMBER)
    billed, corrected = explain(shop, november.id), explain(shop, december.id)
    assert adds_up(billed) and billed.measured is not None and corrected.measured is not None
    assert billed.measured.size_seconds == 4 * 3600
    assert corrected.measured.matches and corrected.measured.before == 4 * 3_600_000
    assert corrected.measured.size_seconds == -2 * 3600
    assert corrected.measured.rounded == corrected.line.line.net
    assert EventKind.INTERRUPTED in [each.kind for each in corrected.measured.learnt]
    (gap,) = corrected.measured.left_out
    assert gap.after is not None and gap.after.kind is EventKind.INTERRUPTED
    assert gap.during.seconds == 2 * 3600


def test_an_instalment_is_its_value_less_the_drawdown_and_what_was_invoiced_before() -> None:
    shop = open_shop()
    test_billing.sign(shop.built)
    (signature,) = billing.find(shop.built.world, shop.mei)
    (december,) = shop.close()
    first = [explain(shop, signature.id, place).scheduled for place in (1, 2)]
    why = explain(shop, december.id).scheduled
    assert why is not None and why.matches and why.instalment is not None
    assert str(why.value) == "36,000.00 CNY" and str(why.prepayment) == "7,200.00 CNY"
    assert str(why.instalment.value) == "1,000.00 CNY" and str(why.drawn) == "200.00 CNY"
    assert str(why.instalment.drawdown) == "200.00 CNY" and str(why.left) == "6,800.00 CNY"
    assert all(each is not None for each in first)
    assert explain(shop, december.id).measured is None


def test_a_credit_names_its_line_and_interest_its_days() -> None:
    shop = open_shop()
    rules = SellerTerms(SELLER, "EX-CR", Decimal(10))
    receivables.set_seller_terms(shop.built.world, shop.mei, rules)
    late = shop.invoice("1000.00")
    credit = shop.credit(late.id, "100.00")
    why = explain(shop, credit.id)
    assert why.credited is not None and why.credited.invoice == late.id
    assert why.draft is not None and why.draft.approver == shop.li.principal
    shop.close()
    (december,) = shop.close(DECEMBER)
    why = explain(shop, december.id)
    assert why.line.line.kind is LineKind.INTEREST
    assert [(run.days, str(run.open)) for run in why.late] == [(30, "954.00 CNY")]
    owner = shop.built.actor("o@robotics.example", Role.OWNER, "robotics")
    theirs = explaining.explain(shop.built.world, owner, credit.id, 1)
    assert theirs == replace(explain(shop, credit.id), entries=(), draft=None)
    other = shop.built.actor("o@studio.example", Role.OWNER, "studio")
    for who, place in ((other, 1), (owner, 9)):
        with pytest.raises(Missing):
            explaining.explain(shop.built.world, who, credit.id, place)


def test_a_line_that_came_again_is_explained_as_the_first_time() -> None:
    shop = open_shop()
    shop.lease(3)
    (invoice,) = shop.close()
    void = voiding.void_invoice(shop.built.world, shop.mei, invoice.id, "wrong name", again=True)
    assert void.replaced is not None
    why = explain(shop, void.replaced)
    assert adds_up(why)
    assert {entry.id for entry in why.entries} == {
        f"invoice/{void.replaced}",
        f"earned/{invoice.id}/2026-11",
    }


@pytest.mark.parametrize("again", [True, False])
def test_a_void_signature_is_asked_for_once_more_and_no_instalment_twice(again: bool) -> None:
    shop = open_shop()
    test_billing.sign(shop.built, months=3)
    (signature,) = billing.find(shop.built.world, shop.mei)
    voiding.void_invoice(shop.built.world, shop.mei, signature.id, "wrong name", again)
    for month in range(4):
        shop.close(NOVEMBER.plus(month))
    issued = [one for one in billing.find(shop.built.world, shop.mei) if one.voided is None]
    lines = [line for one in issued for line in shop.lines(one.id)]
    kinds = [line.kind for line in lines]
    assert kinds.count(LineKind.PREPAYMENT) == 1 and kinds.count(LineKind.INSTALMENT) == 3
    assert sum(line.net.minor for line in lines) == 300_000
    assert shop.balance(Account.CONTRACT_LIABILITY) == "0.00"
    assert shop.balance(Account.CONTRACT_REVENUE) == "-3000.00" and shop.agrees()
    why = [
        explain(shop, one.id, place + 1)
        for one in issued
        for place in range(len(shop.lines(one.id)))
    ]
    plans = [each.scheduled for each in why if each.line.line.kind is LineKind.INSTALMENT]
    assert all(plan is not None and plan.matches for plan in plans)


@pytest.mark.parametrize("again", [True, False])
def test_a_shortfall_and_its_drawdown_that_came_again_are_explained_as_at_first(
    again: bool,
) -> None:
    shop = open_shop(FIRST, None, OF_USE)
    (november,) = shop.close()
    places = range(1, len(shop.lines(november.id)) + 1)
    before = [explain(shop, november.id, place) for place in places]
    voiding.void_invoice(shop.built.world, shop.mei, november.id, "wrong name", again)
    shop.close(DECEMBER)
    after = [
        explain(shop, one.id, place)
        for one in billing.find(shop.built.world, shop.mei)
        for place, line in enumerate(shop.lines(one.id), 1)
        if line.void == november.id
    ]
    assert [why.drawn for why in after] == [why.drawn for why in before]
    assert [why.owing for why in after] == [why.owing for why in before]
    (drawn,) = (why.drawn for why in after if why.drawn)
    (owing,) = (why.owing for why in after if why.owing)
    assert str(drawn.stands.left) == "2,400.00 CNY" and str(drawn.left) == "1,400.00 CNY"
    assert owing.matches and not owing.before


def test_use_at_list_beyond_a_contract_is_only_what_the_contract_has_no_rate_for() -> None:
    """Ten days are agreed; two days more of the same lease are at list."""
    shop = open_shop(FIRST, None, OF_USE.replace("2027-11-01", "2026-11-11"))
    ask = Ask(test_billing.TRAIN, SkuId("h100.1"), contract=ContractId("k1"))
    leasing.start(shop.built.world, shop.built.admin, ask)
    test_billing.settle(shop.built)
    shop.built.clock.advance(timedelta(days=12))
    test_billing.settle(shop.built)
    (november,) = shop.close()
    agreed, listed = (explain(shop, november.id, place) for place in (1, 2))
    assert agreed.line.line.contract and listed.line.line.contract is None
    assert adds_up(agreed) and adds_up(listed)
    assert listed.measured is not None
    (part,) = listed.measured.parts
    assert part.during.start == FIRST + timedelta(days=10)


def test_interest_on_what_was_void_later_still_names_its_days() -> None:
    shop = open_shop()
    rules = SellerTerms(SELLER, "EX-CR", Decimal(10))
    receivables.set_seller_terms(shop.built.world, shop.mei, rules)
    late = shop.invoice("1000.00")
    shop.close()
    (december,) = shop.close(DECEMBER)
    before = explain(shop, december.id).late
    shop.built.clock.advance(timedelta(hours=1))
    voiding.void_invoice(shop.built.world, shop.mei, late.id, "wrong name")
    assert before and explain(shop, december.id).late == before
