"""What a contract may agree beside quantity and price; everything left out is not agreed."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from rackrate.core.contract.use import Left, Overage
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
    WALLET = "wallet"  # no months: it is a balance that use draws down, as far as it goes


class Broken(StrEnum):
    """By what a month that is not whole is cut."""

    SECOND = "second"
    DAY = "day"  # of the month, where the customer is
    THIRTY = "thirty"  # as if every month had thirty days


def _check_percent(what: str, percent: Decimal) -> None:
    if not 0 <= percent <= 100:
        raise ValueError(f"{what} of {percent} percent")


@dataclass(frozen=True, slots=True)
class PaymentTerm:
    """When instalments are invoiced: `every` month or quarter, in advance or in arrears.

    `prepaid` are the months that a prepayment pays for, `broken` how one that is not whole is cut.
    Of a prepayment that is a balance for use, `left` is what becomes of its rest, and the customer
    is told once `tell_percent` of it or less is there.
    """

    every: Every = Every.MONTH
    when: InvoicedIn = InvoicedIn.ADVANCE
    prepaid: Prepaid = Prepaid.EVENLY
    broken: Broken = Broken.SECOND
    left: Left = Left.REFUND
    tell_percent: Decimal = Decimal(20)

    def __post_init__(self) -> None:
        _check_percent("a level to be told at", self.tell_percent)

    def __str__(self) -> str:
        """Only what is not usual."""
        rhythm = "" if self.usual_rhythm else f"every {self.every}, in {self.when}"
        months = "" if self.prepaid is Prepaid.EVENLY else f"the {self.prepaid} months prepaid"
        if self.balance:
            months = f"prepaid as a balance for use, its rest is {self.left.said}"
        cut = "" if self.broken is Broken.SECOND else f"broken months by {self.broken}"
        return ", ".join(part for part in (rhythm, months, cut) if part)

    @property
    def usual_rhythm(self) -> bool:
        """Every month, in advance."""
        return (self.every, self.when) == (Every.MONTH, InvoicedIn.ADVANCE)

    @property
    def balance(self) -> bool:
        """Whether a prepayment is a balance that use draws down, and no months are prepaid."""
        return self.prepaid is Prepaid.WALLET

    @property
    def in_arrears(self) -> bool:
        return self.when is InvoicedIn.ARREARS


@dataclass(frozen=True, slots=True)
class Indexation:
    """`percent` more at each anniversary of the contract's first start, or `every_months`.

    It compounds, and what it comes to is never rounded before a month's value is. Within a year
    of the contract it is at most `cap_year_percent`, in all at most `cap_percent`.
    """

    percent: Decimal
    every_months: int = 12
    cap_year_percent: Decimal | None = None
    cap_percent: Decimal | None = None

    def __post_init__(self) -> None:
        if not -100 < self.percent <= 100:
            raise ValueError(f"an indexation of {self.percent} percent")
        if not 1 <= self.every_months <= 360:
            raise ValueError(f"an indexation every {self.every_months} months")
        for cap in (self.cap_year_percent, self.cap_percent):
            if cap is not None and not 0 <= cap <= 1000:
                raise ValueError(f"an indexation capped at {cap} percent")

    def __str__(self) -> str:
        caps = {"a year": self.cap_year_percent, "in all": self.cap_percent}
        said = (f", at most {cap:f} percent {of}" for of, cap in caps.items() if cap is not None)
        return f"{self.percent:f} percent every {self.every_months} months{''.join(said)}"


@dataclass(frozen=True, slots=True)
class Step:
    """From month `month` of the contract on, counted from 1, `percent` of what was agreed."""

    month: int
    percent: Decimal

    def __post_init__(self) -> None:
        if not 1 <= self.month <= 360:
            raise ValueError(f"a step in month {self.month}")
        if not 0 <= self.percent <= 1000:
            raise ValueError(f"a step to {self.percent} percent")

    def __str__(self) -> str:
        return f"{self.percent:f} percent from month {self.month}"


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
    indexation: Indexation | None = None
    steps: tuple[Step, ...] = ()
    overage: Overage | None = None

    def __post_init__(self) -> None:
        _check_percent("shrinking", self.may_shrink_percent)
        months = [step.month for step in self.steps]
        if months != sorted(set(months)):
            raise ValueError(f"steps come in the order of their months, each once: {months}")

    @property
    def waits(self) -> bool:
        """Whether anything is paid for from its acceptance on only."""
        return self.acceptance is not Acceptance.NONE

    def __str__(self) -> str:
        """Only what is agreed."""
        parts = {
            "acceptance": str(self.acceptance) if self.waits else "",
            "renewal": self.renewal,
            "early end": self.early_end,
            "damages": self.damages,
            "upgrade": self.upgrade,
            "may shrink, percent": self.may_shrink_percent,
            "only in": " ".join(self.jurisdiction),
            "dedicated": self.dedicated,
            "paid": str(self.payment),
            "indexed": self.indexation,
            "steps": ", ".join(map(str, self.steps)),
            "overage": "" if self.overage is None else str(self.overage),
        }
        return "; ".join(f"{name} {part}" for name, part in parts.items() if part) or "none"
