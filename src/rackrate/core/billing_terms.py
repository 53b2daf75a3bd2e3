"""How invoices are made and chased: a seller's rules, and a customer's own where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from rackrate.core.ids import ContractId, CustomerId, EntityId, ProjectId

LONGEST_TERM_DAYS = 365
HIGHEST_PERCENT = Decimal(100)
LONGEST_NUMBER = 100


@dataclass(frozen=True, slots=True)
class OrderNumber:
    """The customer's own purchase-order number, of all that it buys, a project, or a contract."""

    number: str
    project: ProjectId | None = None
    contract: ContractId | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.number.strip()) <= LONGEST_NUMBER or not self.number.isprintable():
            raise ValueError(f"a purchase-order number has 1 to {LONGEST_NUMBER} letters")
        if self.project is not None and self.contract is not None:
            raise ValueError("a purchase-order number is of a project or of a contract, not both")

    def __str__(self) -> str:
        of = self.contract or self.project
        return f"{self.number} of {of}" if of else self.number


@dataclass(frozen=True, slots=True)
class BillingTerms:
    """A customer's own terms. What is None is as with its seller."""

    id: CustomerId
    entity: EntityId
    payment_days: int | None = None
    per_project: bool = False
    late_percent: Decimal | None = None
    orders: tuple[OrderNumber, ...] = ()

    def __post_init__(self) -> None:
        if self.payment_days is not None:
            check_days(self.payment_days)
        if self.late_percent is not None:
            check_percent(self.late_percent)
        scopes = [(each.project, each.contract) for each in self.orders]
        if len(scopes) != len(set(scopes)):
            raise ValueError("of a project or contract there is one purchase-order number")

    def order(self, project: ProjectId | None, contract: ContractId | None) -> str:
        """The number under which it is bought: the contract's, else the project's, else all's."""
        numbers = {(each.project, each.contract): each.number for each in self.orders}
        of_contract = "" if contract is None else numbers.get((None, contract), "")
        of_project = "" if project is None else numbers.get((project, None), "")
        return of_contract or of_project or numbers.get((None, None), "")


@dataclass(frozen=True, slots=True)
class Step:
    """A reminder of `level`, so many days after an invoice was due."""

    level: int
    days: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} after {self.days} days"


DEFAULT_STEPS = (Step(1, 7, "reminder"), Step(2, 21, "second reminder"), Step(3, 35, "last notice"))


@dataclass(frozen=True, slots=True)
class SellerTerms:
    """A seller's rules. Credit notes count in `credit_series`; empty: in that of the invoices.

    `late_percent` is a year's simple interest on what is overdue, under tax where `late_taxed`.
    Where it `reminds` by itself, the steps that are due go out once a day.
    """

    id: EntityId
    credit_series: str
    late_percent: Decimal = Decimal(0)
    late_taxed: bool = False
    steps: tuple[Step, ...] = field(default=DEFAULT_STEPS)
    reminds: bool = True

    def __post_init__(self) -> None:
        check_percent(self.late_percent)
        if [each.level for each in self.steps] != list(range(1, len(self.steps) + 1)):
            raise ValueError("reminders have the levels 1, 2, 3, …")
        days = [each.days for each in self.steps]
        if days != sorted(set(days)) or (days and not 0 <= days[0] <= days[-1] <= 3650):
            raise ValueError("each reminder comes more days after the due date than the one before")

    def late(self, own: BillingTerms | None) -> Decimal:
        """The yearly rate that a customer pays on what it owes late."""
        if own is None or own.late_percent is None:
            return self.late_percent
        return own.late_percent


def standard(entity: EntityId, invoice_series: str) -> SellerTerms:
    """The rules of a seller that has set none."""
    return SellerTerms(entity, f"{invoice_series}-CR")


def check_days(days: int) -> None:
    if not 0 <= days <= LONGEST_TERM_DAYS:
        raise ValueError(f"payment terms are 0 to {LONGEST_TERM_DAYS} days")


def check_percent(percent: Decimal) -> None:
    if not (percent.is_finite() and 0 <= percent <= HIGHEST_PERCENT):
        raise ValueError(f"a yearly rate is 0 to {HIGHEST_PERCENT} percent")


def steps_of(table: Sequence[tuple[int, str]]) -> tuple[Step, ...]:
    """A table of days after due and names, as steps of level 1, 2, 3, …"""
    return tuple(Step(level, days, name) for level, (days, name) in enumerate(table, 1))
