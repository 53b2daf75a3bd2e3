"""What a contract gives back by itself and what people credit: together, never more than once."""

from datetime import timedelta
from random import Random

import pytest

from rackrate.app import billing, delivery, drafts
from rackrate.app.amending import Change, End, Fewer, amend
from rackrate.app.drafts import NewCredit
from rackrate.app.ports import Store
from rackrate.core.errors import RackrateError, Reason, Refused
from rackrate.core.ids import ContractId
from rackrate.core.invoice import Invoice, Line, LineKind
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from tests.app.money_shop import NOVEMBER, SHANGHAI, Shop, open_shop

K = ContractId("k1")
NODES = "{kind: capacity, sku: h100.node, nodes: 2, start: 2026-11-01, end: 2027-05-01, %s}"
MONTHLY = NODES % "monthly: 1000.00"
USE = (
    "{kind: use, title: GPUs, start: 2026-11-01, end: 2027-05-01, minimum: 1000.00,"
    " rates: [{sku: h100.1, amount: 12.00}]}"
)
SETUP = "{kind: one_off, title: Setup, amount: 500.00, start: 2026-11-05}"


def signed(
    lines: str,
    terms: str = "early_end: {fee_percent: 0}",
    prepaid: int = 0,
    tax: str = "false",
    store: Store | None = None,
) -> Shop:
    shop = open_shop(store=store)
    shop.built.apply(f"""
kind: contract
name: k1
project: robotics-train
currency: CNY
time_zone: Asia/Shanghai
prepayment_percent: {prepaid}
tax_included: {tax}
lines: [{lines}]
terms: {{{terms}}}
""")
    return shop


def change(shop: Shop, what: Change) -> None:
    shop.built.clock.advance(timedelta(seconds=1))
    amend(shop.built.world, shop.built.admin, K, what)


def everything(shop: Shop) -> list[tuple[Invoice, list[Line]]]:
    issued = billing.find(shop.built.world, shop.built.admin)
    return [(each, shop.lines(each.id)) for each in sorted(issued, key=lambda one: one.id)]


def refused(shop: Shop, new: NewCredit) -> Refused:
    with pytest.raises(Refused) as raised:
        drafts.write_credit(shop.built.world, shop.mei, new)
    return raised.value


def clears(shop: Shop, liability: str = "0.00") -> None:
    """The books once all is over: what was earned is what was invoiced, and no more is owed."""
    invoices = [each for each, _ in everything(shop)]
    assert shop.balance(Account.CONTRACT_LIABILITY) == liability
    assert shop.balance(Account.UNBILLED) == "0.00"
    for account, minor in (
        (Account.RECEIVABLE, sum(each.open.minor for each in invoices)),
        (Account.TAX, -sum(each.tax.minor for each in invoices)),
    ):
        assert shop.balance(account) == f"{minor / 100:.2f}"
    if liability == "0.00":
        income = sum(each.net.minor for each in invoices)
        assert shop.balance(Account.CONTRACT_REVENUE) == f"{-income / 100:.2f}"


@pytest.mark.parametrize(("line", "terms"), [(MONTHLY, ""), (USE, "payment: {prepaid: wallet}")])
def test_a_prepayment_goes_back_by_its_contract_and_by_no_credit(line: str, terms: str) -> None:
    shop = signed(line, f"early_end: {{fee_percent: 0}}, {terms}".strip(", "), prepaid=100)
    (invoice, _), *_ = everything(shop)
    for lines in ({}, {1: Money(1, "CNY")}):
        error = refused(shop, NewCredit(invoice.id, "no", lines))
        assert error.reason is Reason.WRONG_STATE
        assert error.facts == {"left": "0.00", "currency": "CNY", "line": 1}
    shop.built.clock.advance(timedelta(days=9))
    change(shop, End(NOVEMBER.interval(SHANGHAI).start + timedelta(days=15)))
    for month in range(3):
        shop.close(NOVEMBER.plus(month))
    clears(shop)


def test_a_credit_of_a_whole_invoice_leaves_its_prepayment_alone() -> None:
    """A third is prepaid, and November asked for with it: only November is credited."""
    shop = signed(MONTHLY, prepaid=30)
    ((invoice, lines),) = everything(shop)
    assert [line.kind for line in lines] == [LineKind.PREPAYMENT, LineKind.INSTALMENT]
    assert refused(shop, NewCredit(invoice.id, "no", {1: lines[0].net})).facts["left"] == "700.00"
    error = refused(shop, NewCredit(invoice.id, "no", {}, Money(70001, "CNY")))
    assert error.reason is Reason.TOO_MUCH_PAID and error.facts["left"] == "700.00"
    assert shop.credit(invoice.id).net == Money(-70000, "CNY")
    for month in range(7):
        shop.close(NOVEMBER.plus(month))
    clears(shop)


def test_what_a_balance_paid_is_not_credited_with_the_rest_of_the_invoice() -> None:
    """Half of the minimum is prepaid: December's invoice has a shortfall and what paid it."""
    shop = signed(USE, "payment: {prepaid: wallet}", prepaid=25)
    for month in range(2):
        shop.close(NOVEMBER.plus(month))
    (invoice,) = [each for each, _ in everything(shop) if each.cause.startswith("month/2026-12")]
    assert invoice.net == Money(50000, "CNY")
    place = [line.kind for line in shop.lines(invoice.id)].index(LineKind.DRAWDOWN) + 1
    drawn = Money(-100, "CNY")
    assert refused(shop, NewCredit(invoice.id, "no", {place: drawn})).facts["line"] == place
    assert shop.credit(invoice.id).net == -invoice.net
    for month in range(2, 7):
        shop.close(NOVEMBER.plus(month))
    clears(shop)


def test_what_is_prepaid_beyond_what_still_waits_goes_back_when_the_term_is_over() -> None:
    """Two nodes never came, and a set-up is accepted months late."""
    shop = signed(f"{MONTHLY}, {SETUP}", "acceptance: customer", prepaid=100)
    for month in range(7):
        shop.close(NOVEMBER.plus(month))
    back = [line.net.minor for _, lines in everything(shop) for line in lines][1:]
    assert back == [-600000]
    clears(shop, "-500.00")
    delivery.deliver(shop.built.world, shop.built.admin, K, 2, 1)
    delivery.accept(shop.built.world, shop.built.admin, K, 2, 1)
    for month in range(7, 9):
        shop.close(NOVEMBER.plus(month))
    assert sum(each.net.minor for each, _ in everything(shop)) == 50000
    clears(shop)


def months_of(shop: Shop) -> dict[tuple[object, int], list[Line]]:
    found: dict[tuple[object, int], list[Line]] = {}
    for _, lines in everything(shop):
        for line in lines:
            if line.kind in (LineKind.PREPAYMENT, LineKind.REFUND):
                continue
            found.setdefault((line.month, line.commitment), []).append(line)
    return found


def check_given_back(shop: Shop) -> None:
    """Of no month of a commitment does more go back than was asked for it; of no line either."""
    for lines in months_of(shop).values():
        assert sum(line.asked.minor for line in lines) >= 0, lines
        assert sum(line.net.minor for line in lines) >= 0, lines
        for line in lines:
            credits = [one.asked.minor for one in lines if one.credits == line.source]
            assert abs(sum(credits)) <= abs(line.asked.minor), lines


def step(shop: Shop, chance: Random) -> None:
    """A credit of a part or of the rest of a line, or an amendment; refused is a step, too."""
    what = chance.random()
    try:
        issued = everything(shop)
        if what < 0.7 and issued:
            invoice, lines = chance.choice(issued)
            place = chance.randint(1, len(lines))
            most = chance.choice((lines[place - 1].asked.minor, chance.randint(1, 90000)))
            shop.credit(invoice.id, lines={place: str(Money(most, "CNY").amount)})
            return
        now = shop.built.clock.now()
        at = now + timedelta(days=chance.randint(1, 50), hours=chance.randint(0, 23))
        change(shop, Fewer(1, 1, at) if what < 0.92 else End(at))
    except RackrateError:
        return


@pytest.mark.parametrize("seed", range(50))
def test_credits_and_changes_in_any_order_give_back_what_was_asked_at_most(seed: int) -> None:
    chance = Random(seed)
    cost = ("monthly: 1000.00", "monthly: 333.33", "total: 9999.99")[seed % 3]
    when = "advance" if seed % 5 else "arrears"
    terms = f"early_end: {{fee_percent: 0}}, payment: {{every: quarter, when: {when}}}"
    shop = signed(NODES % cost, terms, chance.choice((0, 30)), "true" if seed % 2 else "false")
    for month in range(9):
        for _ in range(3):
            step(shop, chance)
            check_given_back(shop)
        shop.close(NOVEMBER.plus(month))
    check_given_back(shop)
    clears(shop)
