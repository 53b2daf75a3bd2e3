"""The values of a plan: a cluster, how it is paid for, what it costs to run, who rents it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from rackrate.core.economics.capex import Cluster, residual_value
from rackrate.core.economics.debt import Terms
from rackrate.core.economics.depreciation import Deduction
from rackrate.core.economics.revenue import ContractTerms
from rackrate.core.money import half_up

HOURS_PER_YEAR = 8760


class Treatment(StrEnum):
    """What is done with VAT. economics.md C7 and 3.2: the first overstates profit by 12 to 48 %."""

    AS_REPORTED = "as_reported"  # prices gross, and a share of hardware comes back as income
    CREDIT = "credit"  # everything net; output less input VAT is cash, never income


class Excess(StrEnum):
    """What becomes of input VAT that output VAT never uses up."""

    CARRY = "carry"  # stays a claim on the balance sheet
    REFUND = "refund"  # is paid back in the last month of the term


class Losses(StrEnum):
    """What a loss is worth to the tax office; a switch, as economics.md section 7 asks."""

    CARRY_FORWARD = "carry_forward"  # lowers later taxable profit, without expiry
    REFUND = "refund"  # tax on it is paid out at once, as NREL SAM assumes


class Books(StrEnum):
    """How far the books write hardware down over the term."""

    TO_ZERO = "to_zero"  # the residual is a gain in the last month (economics.md 3.3)
    TO_RESIDUAL = "to_residual"  # IAS 16: no gain, less depreciation


@dataclass(frozen=True, slots=True)
class Vat:
    treatment: Treatment
    refund_share: Fraction = Fraction(0)
    excess: Excess = Excess.CARRY


@dataclass(frozen=True, slots=True)
class Financing:
    """A loan drawn at the start: a share of the hardware, an amount, or what `cover` allows."""

    terms: Terms
    share: Fraction | None = None
    amount: int | None = None
    cover: Fraction | None = None
    residual_counts: bool = False

    def __post_init__(self) -> None:
        given = [x for x in (self.share, self.amount, self.cover) if x is not None]
        if len(given) != 1:
            raise ValueError("a loan has one of share, amount and cover")


class OpexBasis(StrEnum):
    """What an opex line counts."""

    HARDWARE_SHARE = "share_of_hardware"  # a share of the hardware's price, over the term
    PER_SERVER_MONTH = "per_server_month"
    PER_MONTH = "per_month"
    PER_YEAR = "per_year"
    TOTAL = "total"  # an amount over the term


@dataclass(frozen=True, slots=True)
class OpexLine:
    """One running cost: `value` is a share or minor units; `every` is months between payments."""

    name: str
    basis: OpexBasis
    value: Fraction
    vat_rate: Fraction = Fraction(0)
    every: int = 1

    def over_term(self, cluster: Cluster, months: int) -> int:
        """Before VAT, in minor units, over the whole term."""
        factor: Mapping[OpexBasis, Fraction | int] = {
            OpexBasis.HARDWARE_SHARE: cluster.gross,
            OpexBasis.PER_SERVER_MONTH: cluster.servers * months,
            OpexBasis.PER_MONTH: months,
            OpexBasis.PER_YEAR: Fraction(months, 12),
            OpexBasis.TOTAL: 1,
        }
        return half_up(self.value * factor[self.basis])


@dataclass(frozen=True, slots=True)
class IncomeTax:
    """Tax on profit, assessed and paid every `every` months from the start."""

    rate: Fraction
    every: int = 12
    losses: Losses = Losses.CARRY_FORWARD
    deduction: Deduction = Deduction.BOOK


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario of a plan. The term is the contract's; amounts are minor units of `currency`."""

    name: str
    currency: str
    start: date
    cluster: Cluster
    contract: ContractTerms
    opex: tuple[OpexLine, ...]
    vat: Vat
    tax: IncomeTax
    residual_share: Fraction
    discount_rate: Fraction
    financing: Financing | None = None
    books: Books = Books.TO_RESIDUAL
    hours_per_year: int = HOURS_PER_YEAR
    source: str = ""
    sample: bool = False

    def __post_init__(self) -> None:
        if self.start.day != 1:
            raise ValueError(f"a plan starts on the first of a month, not on {self.start}")
        if self.financing and self.financing.terms.months > self.months:
            raise ValueError("the loan runs longer than the contract that pays for it")

    @property
    def months(self) -> int:
        return self.contract.months

    @property
    def hardware(self) -> int:
        """What the books carry: with VAT as the report has it, without where it is credited."""
        gross = self.vat.treatment is Treatment.AS_REPORTED
        return self.cluster.gross if gross else self.cluster.net

    @property
    def residual(self) -> int:
        return residual_value(self.hardware, self.residual_share)

    @property
    def opex_total(self) -> int:
        return sum(line.over_term(self.cluster, self.months) for line in self.opex)

    @property
    def loan(self) -> int | None:
        """The amount borrowed; None where it follows from the cash available (`cover`)."""
        if self.financing is None:
            return 0
        if self.financing.share is not None:
            return half_up(self.cluster.gross * self.financing.share)
        return self.financing.amount

    @property
    def gpu_hours(self) -> Fraction:
        """Of all GPUs over the term; a year has `hours_per_year` of them (8,760 or 8,640)."""
        return Fraction(self.cluster.gpus * self.hours_per_year * self.months, 12)
