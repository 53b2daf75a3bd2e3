"""What a cluster returns, and whether a customer should rent or own.

A plan file's values become cases; a case and the months of its contract, as the books have them,
become statements and returns. Owed amounts are whole minor units; returns are floats.

>>> from rackrate.core.economics import even, parse_plan, project
>>> plan = parse_plan({
...     "name": "Example pod", "currency": "CNY", "start": "2027-01-01",
...     "cluster": {"servers": 4, "chip": "H800", "unit_price": "260万", "tax_inclusive": True},
...     "contract": {"monthly": "30万", "months": 60, "tax_rate": "6%", "tax_inclusive": True},
...     "financing": {"share": "50%", "rate": "4.5%", "months": 60, "profile": "annuity"},
...     "vat": {"treatment": "credit"}, "tax": {"rate": "25%"}, "residual": "5%"})
>>> case = plan.cases["base"]
>>> result = project(case, even(case.contract, case.start))
>>> print(result.equity_irr, result.project_payback.period, f"{result.min_cover:.2f}")
33.93% 37 2.92
>>> [year.income.profit for year in result.years][:3]  # minor units; year 0 is the investment
[0, 90422652, 93691500]

`even` is the textbook stream. For a plan that agrees with its invoices, pass `project` the
`MonthlyRevenue` of each month as the ledger has it. `evidence(plan)` compares a source's figures
with the plan's own; `advise(parse_question(values))` answers rent or own.
"""

from rackrate.core.economics.advice import Advice, Question, advise, parse_question
from rackrate.core.economics.case import Case
from rackrate.core.economics.claims import Row, Verdict
from rackrate.core.economics.evidence import evidence
from rackrate.core.economics.forward import project
from rackrate.core.economics.plan import Plan, parse_plan
from rackrate.core.economics.projection import Projection
from rackrate.core.economics.rent_evidence import rent_evidence
from rackrate.core.economics.revenue import ContractTerms, MonthlyRevenue, even

__all__ = [
    "Advice",
    "Case",
    "ContractTerms",
    "MonthlyRevenue",
    "Plan",
    "Projection",
    "Question",
    "Row",
    "Verdict",
    "advise",
    "even",
    "evidence",
    "parse_plan",
    "parse_question",
    "project",
    "rent_evidence",
]
