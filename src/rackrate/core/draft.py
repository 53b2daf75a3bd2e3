"""Drafts: lines and credits that one person writes and a second approves before they go out."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rackrate.core.errors import Forbidden, Invalid, Reason, Refused
from rackrate.core.ids import (
    ContractId,
    CustomerId,
    EntityId,
    InvoiceId,
    PrincipalId,
    ProjectId,
)
from rackrate.core.interval import Month
from rackrate.core.money import Money
from rackrate.core.treatment import Supply

MOST_LINES = 200
LONGEST_TEXT = 300


class DraftKind(StrEnum):
    LINES = "lines"
    CREDIT = "credit"


class DraftState(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    ISSUED = "issued"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class DraftLine:
    """An amount before tax. Of a credit, `place` is the line it takes from, and `amount` how much:
    as that line was priced, so with tax where its price has it inside. `supply` is what it is to
    the tax law; of a credit, that of its line.
    """

    description: str
    amount: Money
    place: int = 0
    contract: ContractId | None = None
    project: ProjectId | None = None
    supply: Supply = Supply.SERVICE


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants on an invoice of the customer's from `month` on, or off `invoice`.

    `goodwill` is what is given without being owed.
    """

    id: str
    kind: DraftKind
    entity: EntityId
    customer: CustomerId
    month: Month
    lines: tuple[DraftLine, ...]
    reason: str
    author: PrincipalId
    created: datetime
    invoice: InvoiceId | None = None
    goodwill: bool = False
    approver: PrincipalId | None = None
    approved: datetime | None = None
    withdrawn: datetime | None = None
    issued: InvoiceId | None = None

    @property
    def state(self) -> DraftState:
        if self.withdrawn is not None:
            return DraftState.WITHDRAWN
        if self.issued is not None:
            return DraftState.ISSUED
        return DraftState.WAITING if self.approved is None else DraftState.APPROVED

    @property
    def ready(self) -> bool:
        """Whether the next close takes it up."""
        return self.kind is DraftKind.LINES and self.state is DraftState.APPROVED

    def approve(self, who: PrincipalId, now: datetime) -> "Draft":
        """A second person agrees. Approving twice is approving once."""
        if who == self.author:
            raise Forbidden(f"{who} wrote {self.id}; somebody else has to approve it")
        if self.state in (DraftState.APPROVED, DraftState.ISSUED):
            return self
        self._check_open("approved")
        return replace(self, approver=who, approved=now)

    def withdraw(self, now: datetime) -> "Draft":
        if self.state is DraftState.WITHDRAWN:
            return self
        self._check_open("withdrawn")
        return replace(self, withdrawn=now)

    def issue(self, on: InvoiceId) -> "Draft":
        """It stands on this invoice or credit note, now."""
        if self.state is DraftState.WAITING:
            raise Refused(Reason.NOT_APPROVED, f"{self.id} waits for somebody to approve it")
        self._check_open("issued")
        return replace(self, issued=on)

    def _check_open(self, done: str) -> None:
        if self.state in (DraftState.ISSUED, DraftState.WITHDRAWN):
            on = f" on {self.issued}" if self.issued else ""
            raise Refused(
                Reason.WRONG_STATE, f"{self.id} is {self.state}{on}, and cannot be {done}"
            )


def check_draft(draft: Draft, currency: str) -> None:
    """Invalid where it is not something that can be asked of a customer."""
    if not 1 <= len(draft.lines) <= MOST_LINES:
        raise Invalid("lines", f"1 to {MOST_LINES} of them")
    _check_text("reason", draft.reason)
    for place, line in enumerate(draft.lines):
        _check_text(f"lines[{place}].description", line.description)
        if line.amount.currency != currency:
            raise Invalid(f"lines[{place}].amount", f"is to be in {currency}")
        if not line.amount:
            raise Invalid(f"lines[{place}].amount", "is nothing")


def _check_text(field: str, text: str) -> None:
    if not 1 <= len(text.strip()) <= LONGEST_TEXT or not text.isprintable():
        raise Invalid(field, f"one line of 1 to {LONGEST_TEXT} characters")
