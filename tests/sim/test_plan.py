"""A plan and the invoices that come of it agree to the cent."""

from pathlib import Path

import pytest
import yaml

from rackrate.core.economics import parse_plan
from rackrate.core.errors import Invalid
from rackrate.sim.plan import run_case

EXAMPLE = Path(__file__).parents[2] / "examples" / "plans" / "ten-thousand-cards.yaml"


def small(**change: object) -> dict[str, object]:
    return {
        "name": "Example pod",
        "currency": "CNY",
        "start": "2027-01-01",
        "cluster": {"servers": 4, "chip": "H800", "unit_price": "260万", "tax_inclusive": True},
        "contract": {"monthly": "30万", "months": 24, "tax_rate": "6%", "tax_inclusive": True}
        | change,
        "vat": {"treatment": "credit"},
        "tax": {"rate": "25%"},
        "residual": "5%",
    }


@pytest.mark.parametrize("prepayment", ["0%", "20%", "100%"])
@pytest.mark.parametrize("inclusive", [True, False])
def test_what_is_planned_is_what_is_invoiced_and_earned(prepayment: str, inclusive: bool) -> None:
    document = small(prepayment=prepayment, tax_inclusive=inclusive)
    outcome = run_case(parse_plan(document).cases["base"])
    terms = outcome.case.contract
    gross = sum(month.invoiced_gross for month in outcome.revenue)
    tax = sum(month.invoiced_tax for month in outcome.revenue)
    assert sum(month.earned for month in outcome.revenue) == gross - tax
    # Tax is rounded once an invoice, so a plan on top of VAT may differ by half a fen for each.
    assert abs(gross - terms.gross) <= (0 if inclusive else outcome.invoices)
    assert sum(balance.book.minor for balance in outcome.balances) == 0


def test_the_standard_cluster_of_the_report_comes_out_of_real_invoices() -> None:
    """economics.md 3.3, row std 38.5: unlevered 18.3 %, equity after tax 69.0 %, 42 months."""
    plan = parse_plan(yaml.safe_load(EXAMPLE.read_text()))
    outcome = run_case(plan.cases["mid"])
    result = outcome.projection
    assert result.project_irr.value == pytest.approx(0.183, abs=0.0005)
    assert result.equity_irr.value == pytest.approx(0.690, abs=0.0005)
    assert result.project_payback is not None
    assert result.project_payback.period == 42
    assert outcome.invoices == 60


def test_a_tax_rate_that_no_rule_has_is_refused_with_those_that_exist() -> None:
    with pytest.raises(Invalid, match=r"7\.00%; there are 0%, 6%, 13%"):
        run_case(parse_plan(small(tax_rate="7%")).cases["base"])
