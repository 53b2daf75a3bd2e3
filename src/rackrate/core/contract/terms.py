"""What a contract may agree beside quantity and price; everything left out is not agreed."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from rackrate.core.ids import ChipId


class Acceptance(StrEnum):
    """What billing of delivered nodes waits for."""

    NONE = "none"  # for nothing: it begins where the commitment does
    HEALTH = "health"  # for evidence that every named node is in service and its engine answers
    CUSTOMER = "customer"  # for the customer's word


class Every(StrEnum):
    """How many months come on one invoice."""

    MONTH = "month"
    QUARTER = "quarter"  # three calendar months, counted from the contract's first


class InvoicedIn(StrEnum):
    """Whether an instalment is invoiced before what it pays for, or after it."""

    ADVANCE = "advance"
    ARREARS = "arrears"


class Prepaid(StrEnum):
    """Which months a prepayment pays for."""

    EVENLY = "evenly"  # a share of each
    FIRST = "first"  # the first ones, as far as it goes
    LAST = "last"


@dataclass(frozen=True, slots=True)
class PaymentTerm:
    """When instalments are invoiced: `every` month or quarter, in advance or in arrears.

    `prepaid` are the months that a prepayment pays for.
    """

    every: Every = Every.MONTH
    when: InvoicedIn = InvoicedIn.ADVANCE
    prepaid: Prepaid = Prepaid.EVENLY

    def __str__(self) -> str:
        """Only what is not usual."""
        rhythm = "" if self.usual_rhythm else f"every {self.every}, in {self.when}"
        months = "" if self.prepaid is Prepaid.EVENLY else f"the {self.prepaid} months prepaid"
        return ", ".join(part for part in (rhythm, months) if part)

    @property
    def usual_rhythm(self) -> bool:
        """Every month, in advance."""
        return (self.every, self.when) == (Every.MONTH, InvoicedIn.ADVANCE)

    @property
    def in_arrears(self) -> bool:
        return self.when is InvoicedIn.ARREARS


@dataclass(frozen=True, slots=True)
class Renewal:
    """The right to go on for `months` more, at `price_percent` of what a month costs at the end.

    It lapses at `decide_by`. Until then its nodes are `held` on the calendar for it; not held, it
    is a right to what is free when it is used.
    """

    months: int
    decide_by: datetime
    price_percent: Decimal = Decimal(100)
    held: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.months <= 360:
            raise ValueError(f"a renewal of {self.months} months")
        if not 0 <= self.price_percent <= 1000:
            raise ValueError(f"a renewal at {self.price_percent} percent")


@dataclass(frozen=True, slots=True)
class EarlyEnd:
    """The right to end early: `notice_days` ahead, not before `not_before`, for a fee.

    The fee is a percentage of the value that is then not delivered any more, month by month,
    whatever of it was prepaid.
    """

    fee_percent: Decimal
    notice_days: int = 0
    not_before: datetime | None = None

    def __post_init__(self) -> None:
        _check_percent("an early end fee", self.fee_percent)
        if not 0 <= self.notice_days <= 3660:
            raise ValueError(f"a notice of {self.notice_days} days")


@dataclass(frozen=True, slots=True)
class Damages:
    """For each day begun that nodes are late: a percentage of their monthly amount, up to a cap."""

    percent_per_day: Decimal
    cap_percent: Decimal = Decimal(100)

    def __post_init__(self) -> None:
        _check_percent("damages a day", self.percent_per_day)
        if not 0 <= self.cap_percent <= 1000:
            raise ValueError(f"damages capped at {self.cap_percent} percent")


@dataclass(frozen=True, slots=True)
class UpgradeRight:
    """The right to swap to nodes of `chip` from `not_before` on.

    `credit_percent` of what the old nodes would still have cost is credited, whatever of it was
    prepaid.
    """

    chip: ChipId
    not_before: datetime
    credit_percent: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        _check_percent("an upgrade credit", self.credit_percent)


@dataclass(frozen=True, slots=True)
class Terms:
    """`jurisdiction` are the countries where it may be delivered; none: anywhere.

    `dedicated`: nobody else's promise or lease shares its blocks. `may_shrink_percent`: how much of
    a commitment's nodes the customer may give back.
    """

    acceptance: Acceptance = Acceptance.NONE
    renewal: Renewal | None = None
    early_end: EarlyEnd | None = None
    damages: Damages | None = None
    upgrade: UpgradeRight | None = None
    may_shrink_percent: Decimal = Decimal(0)
    jurisdiction: tuple[str, ...] = ()
    dedicated: bool = False
    payment: PaymentTerm = PaymentTerm()

    def __post_init__(self) -> None:
        _check_percent("shrinking", self.may_shrink_percent)

    def __str__(self) -> str:
        """Only what is agreed."""
        waits = self.acceptance is not Acceptance.NONE
        parts = {
            "acceptance": str(self.acceptance) if waits else "",
            "renewal": self.renewal,
            "early end": self.early_end,
            "damages": self.damages,
            "upgrade": self.upgrade,
            "may shrink, percent": self.may_shrink_percent,
            "only in": " ".join(self.jurisdiction),
            "dedicated": self.dedicated,
            "paid": str(self.payment),
        }
        return "; ".join(f"{name} {part}" for name, part in parts.items() if part) or "none"


def _check_percent(what: str, percent: Decimal) -> None:
    if not 0 <= percent <= 100:
        raise ValueError(f"{what} of {percent} percent")
