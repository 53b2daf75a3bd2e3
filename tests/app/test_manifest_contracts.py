"""Contracts in files: several lines, terms, deliveries; and every mistake with its place."""

from decimal import Decimal

import pytest

from rackrate.app import sales
from rackrate.app.amending import Extend, amend
from rackrate.core.contract import Acceptance, CommitmentKind
from rackrate.core.errors import Invalid
from rackrate.core.ids import ContractId
from tests.build import CUSTOMERS, SMALL, Built, build

K1 = ContractId("ramp")
RAMP = """kind: contract
name: ramp
project: robotics-train
currency: CNY
time_zone: Asia/Shanghai
prepayment_percent: 20
tax_included: false
lines:
  - {sku: h100.node, nodes: 1, start: 2026-12-01, end: 2028-12-01, monthly: 70000.00}
  - sku: h100.node
    nodes: 2
    start: 2027-06-01
    end: 2028-12-01
    monthly: 138000.00
    deliveries: [{nodes: 1, due: 2027-06-01}, {nodes: 1, due: 2027-07-01}]
  - {kind: one_off, title: Set-up, start: 2026-12-01, amount: 20000.00}
terms:
  acceptance: health
  renewal: {months: 12, decide_by: 2028-06-01}
  upgrade: {chip: h100, not_before: 2027-12-01, credit_percent: 10}
  dedicated: false
"""


def test_a_contract_of_several_lines_is_signed_as_written() -> None:
    built = build(SMALL, CUSTOMERS, RAMP)
    contract, plan = sales.show(built.world, built.admin, K1)
    assert [each.kind for each in contract.commitments][-1] is CommitmentKind.ONE_OFF
    assert (contract.peak, contract.terms.acceptance) == (3, Acceptance.HEALTH)
    assert contract.terms.renewal is not None
    assert contract.terms.renewal.price_percent == Decimal(100)
    batches = sales.deliveries(built.world, built.admin, K1)
    found = [(each.commitment, each.nodes) for each in batches]
    assert found == [(1, 1), (3, 0), (2, 1), (2, 1)]  # The set-up waits for its acceptance, too.
    assert str(plan.prepayment) == "836,800.00 CNY"


def test_what_was_amended_since_is_no_difference() -> None:
    built = build(SMALL, CUSTOMERS, RAMP)
    end = sales.show(built.world, built.admin, K1)[0].during.end
    amend(built.world, built.admin, K1, Extend(1, end.replace(year=2029)))
    assert built.apply(RAMP).changes == ()


def refusal(built: Built, text: str) -> str:
    with pytest.raises(Invalid) as caught:
        built.apply(text)
    return caught.value.detail


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("nodes: 1, start", "nodes: 0, start", "1.yaml:9: `lines[0].nodes`"),
        ("end: 2028-12-01, monthly: 70", "end: 2026-01-01, monthly: 70", "must be after the start"),
        ("kind: one_off", "kind: gift", "1.yaml:16: `lines[2].kind` is wrong: 'gift' is unknown"),
        ("title: Set-up, ", "", "`lines[2].title` is missing"),
        ("amount: 20000.00", "monthly: 20000.00", "`lines[2].amount` is missing"),
        ("acceptance: health", "acceptance: hope", "`terms.acceptance`"),
        ("months: 12", "months: 0", "`terms.renewal.months`"),
        ("chip: h100", "chip: h200", "no chip is called 'h200'"),
        ("dedicated: false", "dedicate: false", "unknown field `terms.dedicate`"),
        ("{nodes: 1, due: 2027-06-01}, ", "", "batches of 1 nodes for a commitment of 2"),
    ],
)
def test_every_mistake_is_told_with_its_place(old: str, new: str, said: str) -> None:
    built = build(SMALL, CUSTOMERS)
    assert old in RAMP
    assert said in refusal(built, RAMP.replace(old, new, 1))
