"""Contracts on random terms against a calculation day by day; lines, invoices and ledger agree."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rackrate.app import billing, books, sales
from rackrate.core.contract import (
    Broken,
    Commitment,
    CommitmentKind,
    Contract,
    Costing,
    Every,
    Indexation,
    InvoicedIn,
    Part,
    PaymentTerm,
    Prepaid,
    Step,
    Terms,
    month_values,
    schedule,
    with_month,
)
from rackrate.core.ids import ContractId, CustomerId, EntityId, ProjectId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import Line
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from tests.app.slow_contract import SlowLine, cost
from tests.build import CUSTOMERS, SMALL, build

K, SELLER = ContractId("k"), EntityId("example")
NAMES = K, SELLER, CustomerId("robotics"), ProjectId("robotics-train")
# Around a leap day, the ends of summer time, and a year's end.
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
FIRST = {zone: Month(2027, 9).interval(zone).start for zone in ZONES}
# Few enough that terms which matter together are drawn together.
PERCENTS = st.sampled_from([Decimal("-3.126"), Decimal(3), Decimal("7.25")])
CAPS = st.sampled_from([None, None, Decimal(4), Decimal("10.5")])
AMOUNTS = st.sampled_from([0, 1, 333_333, 6_200_000, 98_765_431])
RATES = st.sampled_from([Fraction(0), Fraction(2178, 1000), Fraction(1_234_567, 10**5)])


@st.composite
def agreements(draw: st.DrawFn) -> dict[str, Any]:
    months = sorted(draw(st.sets(st.integers(1, 15), max_size=3)))
    return {
        "broken": draw(st.sampled_from(Broken)).value,
        "every": draw(st.sampled_from([0, 1, 4, 5, 12])),
        "percent": draw(PERCENTS),
        "cap_year": draw(CAPS),
        "cap": draw(CAPS),
        "steps": tuple((month, draw(st.sampled_from([0, 50, 100, 130]))) for month in months),
    }


@st.composite
def lines(draw: st.DrawFn, zone: str, days: int) -> SlowLine:
    """A price over a time that may begin and end in the middle of a day."""
    start = FIRST[zone] + timedelta(seconds=draw(st.integers(0, 200 * 86_400)))
    if draw(st.booleans()):
        start = Month.of(start, zone).interval(zone).start
    lasts = draw(st.sampled_from([1, 40, days // 2, days]))
    end = start + timedelta(days=lasts, seconds=draw(st.integers(0, 86_399)))
    if draw(st.booleans()):
        end = max(Month.of(end, zone).interval(zone).start, start + timedelta(seconds=1))
    price = draw(st.sampled_from(["monthly", "total", "hourly"]))
    amount = draw(RATES) if price == "hourly" else Fraction(draw(AMOUNTS))
    return SlowLine(start, end, price, amount, draw(st.integers(1, 3)))


def committed(line: SlowLine, number: int, zone: str) -> Commitment:
    kind, during = CommitmentKind.CAPACITY, Interval(line.start, line.end)
    zero, node = Money.zero("CNY"), SkuId("h100.node")
    plain = Commitment(number, kind, "", during, zero, node, None, line.nodes)
    if line.price == "hourly":
        exact = Decimal(line.amount.numerator) / line.amount.denominator
        return with_month(replace(plain, hourly=exact), zone)
    money = Money(int(line.amount), "CNY")
    if line.price == "monthly":
        return replace(plain, amount=money)
    return with_month(replace(plain, amount=money, total=money), zone)


def terms_of(agreed: dict[str, Any], *payment: Any) -> Terms:
    rise = None
    if agreed["every"]:
        rise = Indexation(agreed["percent"], agreed["every"], agreed["cap_year"], agreed["cap"])
    steps = tuple(Step(month, Decimal(percent)) for month, percent in agreed["steps"])
    cut = Broken(agreed["broken"])
    every, when, prepaid = payment or (Every.MONTH, InvoicedIn.ADVANCE, Prepaid.EVENLY)
    paid = PaymentTerm(every, when, prepaid, cut)
    return Terms(payment=paid, indexation=rise, steps=steps)


def said(month: Month) -> tuple[int, int]:
    return month.year, month.month


@settings(max_examples=80, deadline=None)
@given(agreements(), st.sampled_from(ZONES), st.data())
def test_each_month_costs_what_its_days_come_to(
    agreed: dict[str, Any], zone: str, data: st.DataObject
) -> None:
    wanted = data.draw(st.lists(lines(zone, 800), min_size=1, max_size=2))
    made = tuple(committed(line, number, zone) for number, line in enumerate(wanted, 1))
    contract = Contract(*NAMES, "CNY", made, Decimal(0), False, FIRST[zone], "", terms_of(agreed))
    plan, first = schedule(contract, zone), min(line.start for line in wanted)
    for line, each in zip(wanted, made, strict=True):
        found = {
            said(one.month): one.value.minor
            for one in plan.instalments
            if one.commitment == each.number
        }
        assert found == cost(line, agreed, first, zone)
        if line.price == "total":
            assert sum(found.values()) == line.amount
        check_parts(line, each, contract.costing(zone), data)


def check_parts(line: SlowLine, each: Commitment, costing: Costing, data: st.DataObject) -> None:
    """Nodes that are paid for from their acceptance on; to cut a stretch in two changes nothing."""
    seconds = int((line.end - line.start).total_seconds())
    since = line.start + timedelta(seconds=data.draw(st.integers(0, seconds - 1)))
    parts = [Part(1, Interval(line.start, line.end))]
    if line.nodes > 1:
        parts.append(Part(line.nodes - 1, Interval(since, line.end)))
    values = month_values(each, costing, tuple(parts))
    cut = data.draw(st.integers(1, seconds)) if seconds > 1 else 1
    at = line.start + timedelta(seconds=min(cut, seconds - 1))
    halves = tuple(
        half
        for part in parts
        for half in (
            [replace(part, during=Interval(part.during.start, at)),
             replace(part, during=Interval(at, part.during.end))]
            if part.during.start < at < part.during.end
            else [part]
        )
    )  # fmt: skip
    assert month_values(each, costing, halves) == values


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(agreements(), st.sampled_from(ZONES), st.booleans(), st.data())
def test_lines_invoices_and_ledger_come_to_what_the_days_do(
    agreed: dict[str, Any], zone: str, inside: bool, data: st.DataObject
) -> None:
    first = FIRST[zone]
    wanted = data.draw(st.lists(lines(zone, 120), min_size=1, max_size=2))
    wanted = [replace(line, nodes=1) for line in wanted]
    if all(line.price == "total" for line in wanted):
        agreed = {**agreed, "every": 0, "steps": ()}
    payment = [data.draw(st.sampled_from(kind)) for kind in (Every, InvoicedIn)]
    prepaid = data.draw(st.sampled_from((Prepaid.EVENLY, Prepaid.FIRST, Prepaid.LAST)))
    percent = Decimal(data.draw(st.integers(0, 60)))
    customers = CUSTOMERS.replace("Asia/Shanghai", zone)
    built = build(SMALL, customers, now=min(first, FIRST["Asia/Shanghai"]))
    made = tuple(committed(line, number, zone) for number, line in enumerate(wanted, 1))
    terms = terms_of(agreed, *payment, prepaid)
    offer = sales.Offer(K, NAMES[3], made, percent, inside, "", terms)
    contract = sales.sign(built.world, built.admin, offer)
    month = Month.of(built.clock.instant, zone)
    while month <= Month.of(contract.over, zone).plus(4):
        ends = (month.interval(each).end for each in (zone, "Asia/Shanghai"))
        built.clock.instant = max(built.clock.instant, *ends)
        issued = billing.close(built.world, built.admin, SELLER, month)
        assert billing.close(built.world, built.admin, SELLER, month) == issued
        month = month.plus(1)
    start = min(line.start for line in wanted)
    value = sum(sum(cost(line, agreed, start, zone).values()) for line in wanted)
    check_books(built, contract, value, [line.price for line in wanted])


def check_books(built: Any, contract: Contract, value: int, prices: list[str]) -> None:
    """Lines, invoices and the ledger, against what all months cost, in cents."""
    issued = billing.find(built.world, built.admin)
    every: list[Line] = [
        each.line for one in issued for each in billing.show(built.world, built.admin, one.id)[1]
    ]
    net = sum(line.net.minor for line in every)
    gross = sum(one.gross.minor for one in issued)
    if contract.tax_included:
        assert gross == value
        if prices == ["total"]:
            assert net == int(Fraction(2 * 100 * value + 106, 2 * 106))
    else:
        assert net == value
    assert net == sum(one.net.minor for one in issued)
    assert ledger(built, Account.CONTRACT_REVENUE) == -net
    assert ledger(built, Account.RECEIVABLE) == gross
    assert ledger(built, Account.CONTRACT_LIABILITY) == ledger(built, Account.UNBILLED) == 0


def ledger(built: Any, account: Account) -> int:
    found = books.balances(built.world, built.admin, SELLER)
    return sum(b.amount.minor for b in found if b.account is account)
