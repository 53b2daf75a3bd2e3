"""Cases for the tests of economics: the report's cluster, and NREL SAM's four runs of it."""

import json
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from rackrate.core.economics.capex import Cluster
from rackrate.core.economics.case import (
    Books,
    Case,
    Financing,
    IncomeTax,
    Losses,
    OpexBasis,
    OpexLine,
    Treatment,
    Vat,
)
from rackrate.core.economics.debt import Profile, Terms
from rackrate.core.economics.depreciation import Deduction
from rackrate.core.economics.revenue import ContractTerms
from tests.shared import shared

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "examples"
YI = 10**10  # fen in a 亿
SAM_YEARS = {"P1": 5, "P2": 5, "P3": 5, "P4": 6}


def document(name: str) -> dict[str, Any]:
    """A fresh copy of an example's values, to be altered."""
    loaded = yaml.safe_load((EXAMPLES / name).read_text())
    assert isinstance(loaded, dict)
    return loaded


def standard(hardware: str = "26.624", rent: str = "38.5", rate: str = "0.045") -> Case:
    """The timed model of economics.md 3.3: 60 months in arrears, refund spread, tax monthly."""
    price = int(Fraction(hardware) * YI)
    return Case(
        name="standard",
        currency="CNY",
        start=date(2026, 1, 1),
        cluster=Cluster(1, 8192, "H800", price, Fraction(13, 100), True),
        contract=ContractTerms(int(Fraction(rent) * YI), 60, Fraction(0), Fraction(6, 100), True),
        opex=(OpexLine("operations", OpexBasis.HARDWARE_SHARE, Fraction(6, 100)),),
        vat=Vat(Treatment.AS_REPORTED, Fraction(7, 100)),
        tax=IncomeTax(Fraction(1, 4), 1, Losses.REFUND),
        residual_share=Fraction(5, 100),
        discount_rate=Fraction(1, 10),
        financing=Financing(Terms(Fraction(rate), 60, Profile.ANNUITY), share=Fraction(85, 100)),
        books=Books.TO_ZERO,
    )


def sam_answers(name: str) -> dict[str, Any]:
    """What NREL-PySAM 7.1.1 found, with GPU-hours for kWh: see economics.md 3.4."""
    runs = json.loads(shared("reference/sam-cases.json").read_text())
    (found,) = [run for title, run in runs.items() if title.startswith(f"{name} ")]
    assert isinstance(found, dict)
    assert found["inputs"]["years"] == SAM_YEARS[name]
    return found


def sam(name: str) -> Case:
    """One of SAM's runs: yearly flows at the end of each year, five or six of them."""
    months = SAM_YEARS[name] * 12
    profile = Profile.EQUAL_PRINCIPAL if name == "P2" else Profile.ANNUITY
    terms = Terms(Fraction("0.045"), 60, profile, 12)
    cover = Financing(terms, cover=Fraction("1.3"), residual_counts=True)
    kind = Deduction.MACRS5 if name == "P4" else Deduction.HALF_YEAR_SL5
    return replace(
        standard(),
        contract=ContractTerms(77 * 10**9 * months // 12, months, Fraction(0), Fraction(0), True),
        opex=(OpexLine("operations", OpexBasis.PER_YEAR, Fraction(3_194_880_000), every=12),),
        vat=Vat(Treatment.AS_REPORTED),
        tax=IncomeTax(Fraction(1, 4), 12, Losses.REFUND, kind),
        financing=cover if name == "P3" else Financing(terms, share=Fraction(85, 100)),
        books=Books.TO_RESIDUAL,
    )
