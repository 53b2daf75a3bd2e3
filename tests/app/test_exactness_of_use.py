"""Use under contracts against a rater that counts each second: rates, minimums, balances."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rackrate.app import billing, books
from rackrate.core.contract import (
    Commitment,
    CommitmentKind,
    Contract,
    Left,
    Overage,
    PaymentTerm,
    Prepaid,
    Rate,
    RatedAt,
    Rates,
    Terms,
    TrueUp,
    Use,
)
from rackrate.core.ids import ContractId
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import Line, LineKind
from rackrate.core.lease import LeaseClass, LeaseEvent, fold
from rackrate.core.lease import Terms as LeaseTerms
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from rackrate.core.pricing import Unit
from rackrate.core.workload import Spec
from tests.app.slow_rater import SlowContract, bill_under, minimums
from tests.app.test_exactness import (
    BUYER,
    EDGES,
    LIMITS,
    SELLER,
    SITE,
    SKU,
    SPREAD,
    WHEN,
    WORK,
    Story,
    opened,
    price_books,
    slow,
    stories,
    told,
)
from tests.build import Built

K1 = ContractId("k1")
Told = list[tuple[Story, str]]
USED = frozenset({LineKind.USAGE, LineKind.CORRECTION})
TAX = Decimal("0.13")
CLASSES = {"flex": LeaseClass.FLEX, "use": LeaseClass.ON_DEMAND, "alone": LeaseClass.ON_DEMAND}
RATES = st.decimals("0.01", "9999999", places=4)
MINIMUMS = st.integers(0, 10**16).map(lambda cents: Decimal(cents) / 100)


@st.composite
def agreements(draw: st.DrawFn) -> dict[str, Any]:
    """What is agreed, in seconds around the edge."""
    start = draw(st.integers(-SPREAD, SPREAD - 1))
    return {
        "use": (start, draw(st.integers(start + 1, SPREAD))),
        "yearly": draw(st.booleans()),
        "flex_rate": draw(RATES),
        "rate": draw(st.none() | RATES),
        "minimum": draw(MINIMUMS),
        "overage": draw(st.booleans()),
        "inside": draw(st.booleans()),
        "percent": draw(st.sampled_from((0, 20, 100))),
        "left": draw(st.sampled_from(Left)),
    }


def _anniversaries(near: datetime, zone: ZoneInfo) -> list[datetime]:
    """From a year before that, year by year, at the same local time."""
    local = near.astimezone(zone).replace(tzinfo=None, fold=0)
    leap = (local.month, local.day) == (2, 29)
    first = local.replace(year=local.year - 1, day=28 if leap else local.day)
    return [first.replace(year=first.year + more, tzinfo=zone) for more in range(3)]


def _commitments(
    agreed: dict[str, Any], whole: Interval, during: Interval
) -> tuple[Commitment, Commitment]:
    """A flexible node for the whole time, and a minimum of use for a part of it."""
    price = agreed["rate"]
    rated = RatedAt.LIST if price is None else RatedAt.CONTRACT
    rates = Rates(rated, skus=(SKU,) if price is None else ())
    if price is not None:
        rates = replace(rates, rates=(Rate(SKU, price, Unit.SLOT_HOUR),))
    flexible = Use(Rates(rates=(Rate(SKU, agreed["flex_rate"], Unit.SLOT_HOUR),)))
    zero, least = Money.zero("CNY"), Money.parse(str(agreed["minimum"]), "CNY")
    used = Use(rates, TrueUp.YEAR if agreed["yearly"] else TrueUp.MONTH)
    return (
        Commitment(1, CommitmentKind.FLEX, "", whole, zero, SKU, SITE, 1, use=flexible),
        Commitment(2, CommitmentKind.USE, "", during, least, use=used),
    )


def in_words(agreed: dict[str, Any], edge: datetime, zone: str) -> tuple[Contract, SlowContract]:
    """The contract, and what the slow rater knows of it."""
    start, end = (edge + timedelta(seconds=second) for second in agreed["use"])
    years: tuple[int, ...] = ()
    if agreed["yearly"]:  # Its second year begins near the edge.
        turns = _anniversaries(start, ZoneInfo(zone))
        years = tuple(round(turn.timestamp()) for turn in turns)
        start = turns[0].astimezone(UTC)
    whole = Interval(start - timedelta(days=1), edge + timedelta(seconds=SPREAD + 1))
    commitments = _commitments(agreed, whole, Interval(start, end))
    contract = Contract(
        K1, SELLER, BUYER, WORK, "CNY", commitments, Decimal(agreed["percent"]), agreed["inside"],
        whole.start, terms=Terms(
            payment=PaymentTerm(prepaid=Prepaid.WALLET, left=agreed["left"]),
            overage=Overage(Rates(RatedAt.LIST)) if agreed["overage"] else None,
        ),
    )  # fmt: skip
    known = SlowContract(
        agreed["flex_rate"],
        agreed["rate"],
        agreed["minimum"],
        (round(start.timestamp()), round(end.timestamp())),
        (round(whole.start.timestamp()), round(whole.end.timestamp())),
        agreed["overage"],
        years,
    )
    return contract, known


def record(built: Built, story: Story, klass: str, events: list[LeaseEvent]) -> None:
    """Write down what is not written yet of these."""
    if not events:
        return
    contract = None if klass == "alone" else K1
    terms = LeaseTerms(
        events[0].lease, BUYER, WORK, SITE, SKU, CLASSES[klass], contract, 1, 1, story.slots,
        LIMITS, Spec(),
    )  # fmt: skip
    lease = fold(terms, events)
    with built.world.store.transaction() as tx:
        tx.record(lease, *events[len(tx.history(lease.id)) :])


def clause_of(line: Line) -> tuple[str, str]:
    """Of a line of use: of which clause it is, and at which price of the list."""
    if line.contract is None:
        return "", line.price
    tag, _, price = line.price.removeprefix(f"{line.contract}/").partition("/")
    listed = price if price.startswith("price-") else ""
    if tag == "1":
        return "flex", listed
    return ("overage" if tag == "overage" else f"use {tag.partition('.')[2] or 0}"), listed


def counted(line: Line, inside: bool) -> Decimal:
    """As the contract was quoted: with its tax, where that has tax inside."""
    if not inside or line.gross is not None:
        return line.asked.amount
    tax = (line.net.amount * TAX).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return line.net.amount + tax


def closed(built: Built, months: list[Month], edge: str, told_of: Told) -> list[list[Line]]:
    """Both months are closed, and some of it is learnt after the first; the lines by close."""
    zones, instant = EDGES[edge][:2], datetime.fromisoformat(EDGES[edge][2]).astimezone(UTC)
    closes = [max(month.interval(name).end for name in zones) for month in months]
    logs = [told(story, n, instant, closes[0]) for n, (story, _) in enumerate(told_of)]
    issued: list[list[Line]] = []
    for number, (at, month) in enumerate(zip(closes, months, strict=True)):
        for (story, klass), events in zip(told_of, logs, strict=True):
            now = [e for e in events if number or e.recorded_at < closes[0]]
            record(built, story, klass, now)
        built.clock.instant = at
        invoices = billing.close(built.world, built.admin, SELLER, month)
        rows = [r for i in invoices for r in billing.show(built.world, built.admin, i.id)[1]]
        issued.append([row.line for row in rows])
        assert sum(i.net.amount for i in invoices) == sum(row.line.net.amount for row in rows)
    return issued


@dataclass(slots=True)
class Sums:
    """What lines come to: of use by lease, clause, price and month, and of minimums by period."""

    found: defaultdict[tuple[str, str, str, tuple[int, int]], Decimal]
    used: defaultdict[tuple[str, tuple[int, int]], Decimal]
    short: defaultdict[tuple[str, tuple[int, int]], Decimal]

    @classmethod
    def of(cls, lines: list[Line], inside: bool) -> "Sums":
        sums = cls(defaultdict(Decimal), defaultdict(Decimal), defaultdict(Decimal))
        for line in lines:
            month = line.month.year, line.month.month
            if line.kind in USED:
                clause, price = clause_of(line)
                sums.found[line.lease or "", clause, price, month] += line.asked.amount
                if clause.startswith("use"):
                    sums.used[period(clause, month)] += counted(line, inside)
            elif line.kind is LineKind.SHORTFALL:
                year = line.source.split("/")[3].partition("year-")[2]
                sums.short[f"use {year or 0}", month] += line.asked.amount
        return sums


def period(clause: str, month: tuple[int, int]) -> tuple[str, tuple[int, int]]:
    """A month, or a contract year, to which all its months count."""
    return clause, month if clause == "use 0" else (0, 0)


@pytest.mark.parametrize("edge", EDGES)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(stories(), st.sampled_from(sorted(CLASSES))), min_size=1, max_size=3),
    price_books(),
    agreements(),
)
def test_use_under_a_contract_is_what_a_rater_finds_that_counts_every_second(
    edge: str, told_of: Told, prices: list[dict[str, Any]], agreed: dict[str, Any]
) -> None:
    """Every line, every shortfall and the balance are what they have to be, and the books agree."""
    built, instant, zone = opened(edge, prices)
    contract, known = in_words(agreed, instant, zone)
    months = sorted({Month.of(instant + timedelta(seconds=s), zone) for s in (-SPREAD, SPREAD)})
    months = [*months, months[0].plus(1)][:2]
    with built.world.store.transaction() as tx:
        # What was agreed before these months is closed with the first of them.
        tx.add(replace(contract, signed=months[0].interval(zone).start))
    told_of = [(replace(story, gb=0), klass) for story, klass in told_of]
    issued = closed(built, months, edge, told_of)

    start = round(instant.timestamp())
    dated = [
        price | {name: None if price[name] is None else start + price[name] for name in WHEN}
        for price in prices
    ]
    leases = [(slow(story, n, instant), klass) for n, (story, klass) in enumerate(told_of)]
    around = range(start - SPREAD, start + SPREAD)
    expected = bill_under(known, leases, dated, ZoneInfo(zone), around)
    sums = Sums.of([line for lines in issued for line in lines], agreed["inside"])
    assert {k: v for k, v in sums.found.items() if v} == {k: v for k, v in expected.items() if v}
    wanted = minimums(known, ZoneInfo(zone), around)
    for (clause, month), minimum in wanted.items():
        missing = max(Decimal(0), minimum - sums.used[period(clause, month)])
        assert sums.short[clause, month] == missing, (clause, month)
    assert sums.short.keys() == wanted.keys()
    ends = Month.of(contract.during.end - timedelta(seconds=1), zone)
    over = [ends <= month for month in months]
    left = _balance_left(
        contract, list(zip(issued, over, strict=True)), sum(wanted.values(), Decimal(0))
    )
    _check_books(built, contract, [line for lines in issued for line in lines], left)


def _balance_left(
    contract: Contract, issued: list[tuple[list[Line], bool]], minimum: Decimal
) -> Decimal:
    """Never more is drawn than was prepaid, nor than was asked for; the rest goes as agreed. Lines
    are by close, with whether the contract is over then.
    """
    inside, forfeit = contract.tax_included, contract.terms.payment.left is Left.FORFEIT
    percent = contract.prepayment_percent / 100
    prepaid = (minimum * percent).quantize(Decimal("0.01"), ROUND_HALF_UP)
    left, over = prepaid, False
    for lines, last in issued:
        asked = sum(
            counted(line, inside)
            for line in lines
            if line.contract == K1 and line.kind in {*USED, LineKind.SHORTFALL}
        )
        drawn = -sum(line.asked.amount for line in lines if line.kind is LineKind.DRAWDOWN)
        back = -sum(line.asked.amount for line in lines if line.kind is LineKind.REFUND)
        assert drawn == (0 if over else min(max(asked, left - prepaid), left))
        left -= drawn
        assert 0 <= left <= prepaid
        assert back in (0, left)
        over, left = over or back > 0 or (forfeit and last), left - back
    return left


def _check_books(built: Built, contract: Contract, lines: list[Line], left: Decimal) -> None:
    """They have just what is left, and what was used and missing is earned."""
    sums: defaultdict[Account, Decimal] = defaultdict(Decimal)
    for each in books.balances(built.world, built.admin, SELLER):
        sums[each.account] += each.amount.amount
    assert sums[Account.UNBILLED] == 0
    kinds = (LineKind.PREPAYMENT, LineKind.DRAWDOWN, LineKind.REFUND)
    held = sum(line.net.amount for line in lines if line.kind in kinds)
    missing = sum(line.net.amount for line in lines if line.kind is LineKind.SHORTFALL)
    forfeited = -sums[Account.CONTRACT_REVENUE] - missing
    assert -sums[Account.CONTRACT_LIABILITY] == held - forfeited
    assert forfeited == 0 or contract.terms.payment.left is Left.FORFEIT
    assert left or not sums[Account.CONTRACT_LIABILITY]
    used = sum(line.net.amount for line in lines if line.kind in USED)
    assert -sums[Account.USAGE_REVENUE] == used
