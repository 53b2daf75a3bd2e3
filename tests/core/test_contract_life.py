"""Contracts through years of changes: every month is billed once, earned once, and then fixed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rackrate.core.contract import (
    Acceptance,
    Amended,
    Broken,
    Commitment,
    CommitmentKind,
    Contract,
    Delivery,
    EarlyEnd,
    Every,
    Indexation,
    InvoicedIn,
    Newer,
    PaymentTerm,
    Prepaid,
    Renewal,
    Step,
    Terms,
    UpgradeRight,
    When,
    batches,
    end_early,
    extend,
    fewer,
    more,
    paid_parts,
    renew,
    schedule,
    swap,
    with_month,
    would_renew,
)
from rackrate.core.contract_tax import Taxing
from rackrate.core.errors import RackrateError
from rackrate.core.ids import ChipId, ContractId, CustomerId, EntityId, ProjectId, SiteId, SkuId
from rackrate.core.instalment import Due, Earned, earned, lines_due
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import Line, LineKind
from rackrate.core.money import Money, total
from rackrate.core.tax import RULES
from rackrate.core.treatment import TREATMENTS, Dated, Supply, TaxChange, TaxTable

Draw = Callable[[st.SearchStrategy[Any]], Any]
SHANGHAI = "Asia/Shanghai"
START = Month(2026, 1)
LIABILITY = {LineKind.PREPAYMENT, LineKind.INSTALMENT, LineKind.REFUND}
MONTHS = 12  # in which something may be agreed
PAID = (Every, InvoicedIn, (Prepaid.EVENLY, Prepaid.FIRST, Prepaid.LAST), Broken)
PLANNED = (CommitmentKind.CAPACITY, CommitmentKind.SERVICE, CommitmentKind.ONE_OFF)

SUPPLIES = {SkuId("n"): Supply.LEASE, SkuId("new.node"): Supply.SERVICE}


def at(month: int, day: int = 0) -> datetime:
    return START.plus(month).interval(SHANGHAI).start + timedelta(days=day)


@st.composite
def commitments(draw: st.DrawFn) -> Commitment:
    first, length = draw(st.integers(0, 8)), draw(st.integers(1, 14))
    start = at(first, draw(st.integers(0, 27)))
    end = max(at(first + length, draw(st.integers(0, 27))), start + timedelta(days=1))
    kind = draw(st.sampled_from(PLANNED))
    nodes = draw(st.integers(1, 9)) if kind is CommitmentKind.CAPACITY else 0
    amount = Money(draw(st.integers(0, 10**7)), "CNY")
    sku, site = (SkuId("n"), SiteId("e")) if nodes else (None, None)
    supply = draw(st.none() | st.sampled_from(Supply))
    during = Interval(start, end)
    plain = Commitment(1, kind, "what", during, amount, sku, site, nodes, supply=supply)
    match draw(st.sampled_from(["month", "month", "total", "hour"])):
        case "total" if plain.monthly:
            plain = replace(plain, total=Money(draw(st.integers(0, 10**8)), "CNY"))
        case "hour" if nodes:
            plain = replace(plain, hourly=draw(st.decimals(0, 200, places=5, allow_nan=False)))
    return with_month(plain, SHANGHAI)


@st.composite
def indexations(draw: st.DrawFn) -> Indexation:
    percent = draw(st.decimals(-10, 10, places=1, allow_nan=False))
    caps = st.none() | st.decimals(0, 30, places=1, allow_nan=False)
    return Indexation(percent, draw(st.sampled_from([1, 3, 5, 12])), draw(caps), draw(caps))


@st.composite
def steps(draw: st.DrawFn) -> tuple[Step, ...]:
    months = sorted(draw(st.sets(st.integers(1, 20), max_size=3)))
    return tuple(Step(month, Decimal(draw(st.integers(0, 200)))) for month in months)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    wanted = draw(st.lists(commitments(), min_size=1, max_size=3))
    terms = Terms(
        draw(st.sampled_from(Acceptance)),
        Renewal(draw(st.integers(1, 6)), at(40), Decimal(draw(st.integers(50, 120)))),
        EarlyEnd(Decimal(draw(st.integers(0, 100)))),
        upgrade=UpgradeRight(ChipId("new"), at(0), Decimal(draw(st.integers(0, 100)))),
        may_shrink_percent=Decimal(draw(st.integers(0, 100))),
        payment=PaymentTerm(*(draw(st.sampled_from(of)) for of in PAID)),
        indexation=draw(st.none() | indexations()),
        steps=draw(steps()),
    )
    if terms.waits:
        wanted = [replace(each, waits=not each.monthly) for each in wanted]
    percent = draw(st.decimals(0, 100, places=2, allow_nan=False))
    numbered = tuple(replace(each, number=i) for i, each in enumerate(wanted, 1))
    names = ContractId("k"), EntityId("e"), CustomerId("c"), ProjectId("p")
    return Contract(*names, "CNY", numbered, percent, draw(st.booleans()), at(0), "", terms)


@st.composite
def treatments(draw: st.DrawFn) -> Dated:
    """One rule for everything, or one for each supply; and another treatment from a month on."""
    known = st.sampled_from([*TREATMENTS, *sorted(RULES), "service=eu-de-19,lease=zero-rated"])
    months = sorted(draw(st.sets(st.integers(1, 12), max_size=2)))
    changes = tuple(TaxChange(START.plus(month), draw(known)) for month in months)
    return Dated(draw(known), changes)


def changed(draw: Draw, contract: Contract, now: datetime) -> Amended | None:
    """Something that a salesperson might agree; None where it is refused."""
    when = When(now, SHANGHAI)
    number = draw(st.integers(1, len(contract.commitments)))
    soon = now + timedelta(days=draw(st.integers(0, 200)))
    try:
        match draw(st.sampled_from(["more", "fewer", "extend", "swap", "renew", "end"])):
            case "more":
                wanted = draw(commitments())
                length = wanted.during.end - wanted.during.start
                return more(
                    contract, when, (replace(wanted, during=Interval(soon, soon + length)),)
                )
            case "fewer":
                return fewer(contract, when, number, draw(st.integers(1, 8)), soon)
            case "extend":
                moving = draw(st.integers(0, contract.commitments[number - 1].nodes))
                return extend(contract, when, number, soon, None, moving)
            case "swap":
                money = Money(draw(st.integers(0, 10**7)), "CNY")
                names = ChipId("new"), SkuId("new.node"), SiteId("s")
                return swap(
                    contract, when, number, Newer(*names, draw(st.integers(1, 8)), money), soon
                )
            case "renew":
                brings = would_renew(contract, SHANGHAI)
                return renew(
                    contract,
                    when,
                    {each.follows: draw(st.integers(0, each.nodes)) for each in brings},
                )
            case _:
                return end_early(contract, when, soon)
    except RackrateError:
        return None


class Life:
    """One contract, month by month, with what was billed and what was earned."""

    def __init__(self, contract: Contract, taxed: Dated) -> None:
        self.contract, self.table = contract, TaxTable(Dated(""), taxed)
        self.deliveries: list[Delivery] = []
        self.billed: list[Line] = []
        self.posted: dict[Month, list[Earned]] = {}
        self.deliver(contract.commitments)

    def deliver(self, brought: tuple[Commitment, ...]) -> None:
        for each in brought:
            if each.brings_nodes or each.waits:
                self.deliveries += batches(self.contract, each)

    def accept(self, number: int, now: datetime) -> None:
        waiting = [i for i, each in enumerate(self.deliveries) if each.accepted is None]
        if waiting:
            i = waiting[number % len(waiting)]
            self.deliveries[i] = replace(self.deliveries[i], delivered=now, accepted=now)

    def bill(self, until: Month, now: datetime, closed: Month | None = None) -> None:
        plan = schedule(self.contract, SHANGHAI, paid_parts(self.contract, self.deliveries))
        due = Due(
            self.contract,
            plan,
            self.taxing,
            SHANGHAI,
            until,
            now,
            self.deliveries,
            self.billed,
            closed,
        )
        self.billed += lines_due(due)
        assert lines_due(replace(due, billed=self.billed)) == []
        if closed is None:
            return
        months: dict[Month, list[Earned]] = {}
        for each in earned(self.contract, plan, self.taxing):
            months.setdefault(each.month, []).append(each)
        for month, before in self.posted.items():
            assert [e for e in months.get(month, []) if e.amount] == before, month
        self.posted |= {
            month: [e for e in parts if e.amount]
            for month, parts in months.items()
            if month <= closed
        }
        self.check_books(closed)

    @property
    def taxing(self) -> Taxing:
        return Taxing.of(self.table, SHANGHAI, SUPPLIES, self.billed)

    def books(self) -> tuple[Money, Money]:
        """(contract liability, unbilled) net, as invoices and services posted them."""
        arrears = self.contract.terms.payment.in_arrears
        services = [each for parts in self.posted.values() for each in parts]
        liability, unbilled = Money.zero("CNY"), Money.zero("CNY")
        for line in self.billed:
            if line.kind is LineKind.INSTALMENT and arrears:
                unbilled -= line.net
            elif line.kind in LIABILITY:
                liability += line.net
        for each in services:
            liability -= each.drawn if arrears else each.amount
            unbilled += each.amount - each.drawn if arrears else Money.zero("CNY")
        return liability, unbilled

    def check_books(self, closed: Month) -> None:
        """Nothing owed turns into its opposite; whole quarters and months are invoiced in time."""
        liability, unbilled = self.books()
        assert liability.minor >= 0
        assert unbilled.minor >= 0
        payment = self.contract.terms.payment
        if payment.in_arrears:
            asked = [e.month for e in self.billed if e.kind is LineKind.INSTALMENT]
            assert all(month <= closed for month in asked)
        first = min(Month.of(c.during.start, SHANGHAI) for c in self.contract.ordered(0))
        past = 12 * (closed.year - first.year) + closed.month - first.month + 1
        over = self.contract.over <= closed.interval(SHANGHAI).end
        if payment.every is Every.MONTH or past % 3 == 0 or over:
            assert not unbilled


@settings(max_examples=60, deadline=None)
@given(contracts(), treatments(), st.data())
def test_whatever_is_agreed_each_month_is_billed_once_and_earned_to_the_cent(
    contract: Contract, taxed: Dated, data: st.DataObject
) -> None:
    life = Life(contract, taxed)
    life.bill(START, at(0))
    last = Month.of(contract.during.end, SHANGHAI)
    month = START
    while month <= last:
        now = month.interval(SHANGHAI).start + timedelta(days=data.draw(st.integers(0, 27)))
        if month < START.plus(MONTHS) and data.draw(st.integers(0, 3)) == 0:
            done = changed(data.draw, life.contract, now)
            if done is not None:
                life.contract = done.contract
                life.deliver(done.added)
                life.bill(month, now)
        if data.draw(st.booleans()):
            life.accept(data.draw(st.integers(0, 9)), now)
        life.bill(month.plus(1), month.interval(SHANGHAI).end, closed=month)
        last = max(last, Month.of(life.contract.during.end, SHANGHAI))
        month = month.plus(1)
    sources = Counter(line.source for line in life.billed)
    assert max(sources.values(), default=1) == 1
    invoiced = total((each.net for each in life.billed if each.kind in LIABILITY), "CNY")
    served = total((each.amount for parts in life.posted.values() for each in parts), "CNY")
    assert invoiced == served
    assert life.books() == (Money.zero("CNY"), Money.zero("CNY"))
