"""A balance for use is taxed as the use that it pays, whatever else its contract is about."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rackrate.app import billing
from rackrate.core.contract import Commitment, Left, PaymentTerm, Prepaid, Terms
from rackrate.core.ids import SkuId
from rackrate.core.invoice import Line, LineKind
from rackrate.core.ledger import Account
from rackrate.core.treatment import Supply
from tests.app.contract_shop import K1, NODE, NOVEMBER, balance, close, invoiced, nodes, sign
from tests.app.money_shop import FIRST
from tests.app.test_committed import GPU, least, run
from tests.build import CUSTOMERS, SMALL, Built, build

GENERAL = SMALL.replace("output_tax: cn-service-6", "output_tax: cn-general").replace(
    "whole_node: true", "whole_node: true\nsupply: lease"
)
USED = {LineKind.USAGE, LineKind.CORRECTION, LineKind.SHORTFALL}
BALANCE = (LineKind.PREPAYMENT, LineKind.DRAWDOWN, LineKind.REFUND)
SUPPLIES = st.none() | st.sampled_from(Supply)


def shop() -> Built:
    return build(GENERAL, CUSTOMERS, now=FIRST)


def signed(built: Built, percent: int, left: Left, *wanted: Commitment) -> None:
    payment = PaymentTerm(prepaid=Prepaid.WALLET, left=left)
    sign(built, *wanted, percent=percent, terms=Terms(payment=payment))


def by_rule(lines: list[Line], *kinds: LineKind) -> dict[str, Decimal]:
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.kind in kinds:
            found[line.tax_rule] += line.net.amount
    return {rule: net for rule, net in found.items() if net}


def check_books(built: Built) -> None:
    """All is earned or back, and the tax in the books is that of the invoices, rate by rate."""
    issued = billing.find(built.world, built.admin)
    rates = {"cn-service-6": Decimal("0.06"), "cn-lease-13": Decimal("0.13")}
    for one in issued:
        lines = [row.line for row in billing.show(built.world, built.admin, one.id)[1]]
        nets = by_rule(lines, *LineKind)
        tax = sum((round(net * rates[rule], 6) for rule, net in nets.items()), Decimal(0))
        assert abs(one.tax.amount - tax) <= Decimal("0.01"), one
    assert balance(built, Account.TAX) == -sum(one.tax.amount for one in issued)
    assert balance(built, Account.CONTRACT_LIABILITY) == 0
    assert balance(built, Account.UNBILLED) == 0


@pytest.mark.parametrize("left", Left)
def test_a_balance_has_the_rate_of_the_use_and_not_of_the_nodes_beside_it(left: Left) -> None:
    built = shop()
    signed(built, 60, left, nodes(1, 0, 2, "1000.00"), least("1000.00", 0, 2))
    for month in range(3):
        close(built, NOVEMBER.plus(month))
    assert by_rule(invoiced(built), *BALANCE[:2]) == {"cn-service-6": Decimal("400.00")}
    back = {"cn-service-6": Decimal("-400.00")} if left is Left.REFUND else {}
    assert by_rule(invoiced(built), LineKind.REFUND) == back
    check_books(built)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.tuples(SUPPLIES, SUPPLIES, SUPPLIES),
    st.tuples(st.integers(0, 90000), st.integers(1, 90000)),
    st.sampled_from((0, 7, 33, 100)),
    st.lists(st.tuples(st.sampled_from((GPU, NODE)), st.integers(1, 40)), max_size=3),
    st.sampled_from(Left),
)
def test_each_drawdown_has_the_rate_of_what_it_pays(
    supplies: tuple[Supply | None, Supply | None, Supply | None],
    minimums: tuple[int, int],
    percent: int,
    used: list[tuple[SkuId, int]],
    left: Left,
) -> None:
    """As far as what was prepaid for that goes; then it pays for the other, and no cent is lost."""
    built = shop()
    amounts = [f"{Decimal(minor) / 100:.2f}" for minor in minimums]
    wanted = nodes(1, 0, 2, "77.77"), least(amounts[0], 0, 2), least(amounts[1], 0, 2, sku=NODE)
    each = [replace(one, supply=of) for one, of in zip(wanted, supplies, strict=True)]
    signed(built, percent, left, *each)
    is_lease = supplies[1] is Supply.LEASE, supplies[2] is not Supply.SERVICE
    rules = {"cn-lease-13" if lease else "cn-service-6" for lease in is_lease}
    stands = by_rule(invoiced(built), LineKind.PREPAYMENT)
    whole = sum(stands.values(), Decimal(0))
    for rule in rules if sum(minimums) else ():
        of = sum(m for m, lease in zip(minimums, is_lease, strict=True) if lease == ("13" in rule))
        assert abs(stands.get(rule, Decimal(0)) - whole * of / sum(minimums)) < Decimal("0.01")
    assert stands.keys() <= rules
    for month in range(3):
        if month == 0:
            for sku, hours in used:
                run(built, hours, sku)
        before = len(invoiced(built))
        close(built, NOVEMBER.plus(month))
        new = invoiced(built)[: len(invoiced(built)) - before]
        check_month(new, stands)
    check_books(built)


def check_month(new: list[Line], stands: dict[str, Decimal]) -> None:
    """What is drawn of each rule is what it pays of it; what is missing, the other pays."""
    asked = by_rule([line for line in new if line.contract == K1], *USED)
    own = {rule: min(net, stands.get(rule, Decimal(0))) for rule, net in asked.items()}
    rest = {rule: net - own.get(rule, Decimal(0)) for rule, net in stands.items()}
    missing = sum(asked.values(), Decimal(0)) - sum(own.values(), Decimal(0))
    drawn = by_rule(new, LineKind.DRAWDOWN)
    for rule, room in rest.items():
        assert -drawn.get(rule, Decimal(0)) == own.get(rule, Decimal(0)) + min(missing, room)
        stands[rule] += drawn.get(rule, Decimal(0))
    back = by_rule(new, LineKind.REFUND)
    assert not back or back == {rule: -net for rule, net in stands.items() if net}
