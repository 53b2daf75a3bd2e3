"""A quote: an offer at a price, with an expiry, and a hold on the calendar behind it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction

from rackrate.core.contract import Terms
from rackrate.core.contract_price import ContractPrice, Tier
from rackrate.core.errors import Forbidden, Invalid, Reason, Refused
from rackrate.core.ids import (
    ContractId,
    CustomerId,
    EntityId,
    PrincipalId,
    ProjectId,
    QuoteId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval
from rackrate.core.money import Money

# However often it is extended, a hold keeps nodes from everybody else for no longer than this.
LONGEST_HOLD = timedelta(days=90)
HUNDRED = Decimal(100)
_SHOWN = Decimal("0.000001")


class QuoteState(StrEnum):
    """What can still be done with it: only an open quote can be signed."""

    OPEN = "open"
    SIGNED = "signed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Priced:
    """What so many nodes cost a month. `price` and `tier`: where it comes from, where listed.

    `needs_approval`: it is below what one person may give alone, or nothing says what that is.
    """

    price: ContractPrice | None
    tier: Tier | None
    months: int
    listed: Money | None
    discount_percent: Decimal
    monthly: Money
    needs_approval: bool


def priced(
    price: ContractPrice, months: int, nodes: int, discount_percent: Decimal = Decimal(0)
) -> Priced:
    """At the list, less a discount. Rounded once, half up: the whole monthly amount."""
    if not 0 <= discount_percent <= HUNDRED:
        raise Invalid("discount_percent", f"{discount_percent} is not 0 to 100")
    tier = price.tier(months, nodes)
    listed = Money(tier.amount.minor * nodes, price.currency)
    monthly = _less(listed, discount_percent)
    return Priced(
        price, tier, months, listed, discount_percent, monthly, monthly < _floor(price, listed)
    )


def priced_by_hand(price: ContractPrice | None, months: int, nodes: int, monthly: Money) -> Priced:
    """At an amount that somebody names: the discount is what that comes to."""
    if monthly.minor < 0:
        raise Invalid("monthly", f"{monthly} is negative")
    try:
        tier = None if price is None else price.tier(months, nodes)
    except Refused:
        tier = None
    if price is None or tier is None:
        return Priced(None, None, months, None, Decimal(0), monthly, True)
    listed = Money(tier.amount.minor * nodes, price.currency)
    off = Fraction(0)
    if listed:
        off = Fraction(100 * (listed.minor - monthly.minor), listed.minor)
    shown = (Decimal(off.numerator) / off.denominator).quantize(_SHOWN, ROUND_HALF_UP)
    return Priced(price, tier, months, listed, shown, monthly, monthly < _floor(price, listed))


def lowest(price: ContractPrice, months: int, nodes: int) -> Money:
    """What one person may sign alone. Less than the list begins at costs as where it begins."""
    tier = price.tier(max(months, price.months[0]), max(nodes, price.volumes[0]))
    return _floor(price, Money(tier.amount.minor * nodes, price.currency))


def _less(listed: Money, percent: Decimal) -> Money:
    return Money.rounded(Fraction(listed.amount) * (1 - Fraction(percent) / 100), listed.currency)


def _floor(price: ContractPrice, listed: Money) -> Money:
    return _less(listed, price.floor_percent)


@dataclass(frozen=True, slots=True)
class Quote:
    """`nodes` whole nodes of a SKU over `during` for `monthly` a calendar month.

    `price` is the matrix that it was priced by, `tier_months` and `tier_nodes` the cell that was
    applied and `per_node` its amount; empty and 0 where none was in force. `expires` is when its
    hold ends by itself. Signed, withdrawn, expired: the earliest of these is final.
    """

    id: QuoteId
    entity: EntityId
    customer: CustomerId
    project: ProjectId
    site: SiteId
    sku: SkuId
    nodes: int
    same_block: bool
    dedicated: bool
    during: Interval
    price: str
    tier_months: int
    tier_nodes: int
    per_node: Money
    basis: str
    tax_included: bool
    discount_percent: Decimal
    monthly: Money
    prepayment_percent: Decimal
    needs_approval: bool
    author: PrincipalId
    created: datetime
    expires: datetime
    name: str = ""
    approver: PrincipalId | None = None
    approved: datetime | None = None
    signer: PrincipalId | None = None
    signed: datetime | None = None
    contract: ContractId | None = None
    withdrawn: datetime | None = None
    terms: Terms = field(default_factory=Terms)

    def __post_init__(self) -> None:
        if self.nodes < 1:
            raise ValueError(f"a quote of {self.nodes} nodes")
        if not 0 <= self.prepayment_percent <= 100:
            raise ValueError(f"a prepayment of {self.prepayment_percent} percent")
        if not self.created < self.expires <= self.created + LONGEST_HOLD:
            raise ValueError(f"a quote that expires at {self.expires:%Y-%m-%d %H:%M} UTC")

    def state(self, now: datetime) -> QuoteState:
        """What it is at `now`: no loop and no clock has to make it so."""
        if self.signed is not None:
            return QuoteState.SIGNED
        if self.withdrawn is not None:
            return QuoteState.WITHDRAWN
        return QuoteState.OPEN if now < self.expires else QuoteState.EXPIRED

    @property
    def waits_for_approval(self) -> bool:
        return self.needs_approval and self.approved is None

    def check_open(self, now: datetime, what: str) -> None:
        """Refused unless it is open: an answer that came too late changes nothing."""
        state = self.state(now)
        if state is QuoteState.OPEN:
            return
        since = {
            QuoteState.SIGNED: self.signed,
            QuoteState.WITHDRAWN: self.withdrawn,
            QuoteState.EXPIRED: self.expires,
        }[state]
        advice = "" if state is QuoteState.SIGNED else "; make a new quote"
        contract = f" as contract {self.contract}" if self.contract else ""
        raise Refused(
            Reason.WRONG_STATE,
            f"quote {self.id} cannot be {what}: it is {state}{contract} since "
            f"{since:%Y-%m-%d %H:%M:%S} UTC{advice}",
            {"state": str(state), "contract": self.contract},
        )

    def sign(self, who: PrincipalId, now: datetime, contract: ContractId) -> "Quote":
        self.check_open(now, "signed")
        if self.waits_for_approval:
            raise Refused(
                Reason.NOT_APPROVED,
                f"quote {self.id} is below what one person may give alone, and waits for a second "
                f"person; its nodes are held until {self.expires:%Y-%m-%d %H:%M:%S} UTC",
                {"expires": self.expires.isoformat()},
            )
        return replace(self, signer=who, signed=now, contract=contract)

    def approve(self, who: PrincipalId, now: datetime) -> "Quote":
        """A second person agrees to the discount. Approving twice is approving once."""
        self.check_open(now, "approved")
        if not self.needs_approval:
            raise Refused(Reason.WRONG_STATE, f"quote {self.id} needs nobody's approval")
        if who == self.author:
            raise Forbidden(f"{who} made quote {self.id}; somebody else has to approve it")
        return self if self.approved is not None else replace(self, approver=who, approved=now)

    def extend(self, until: datetime, now: datetime) -> "Quote":
        self.check_open(now, "extended")
        longest = self.created + LONGEST_HOLD
        if until < self.expires:
            raise Invalid(
                "until", f"is before {self.expires:%Y-%m-%d %H:%M:%S} UTC, until when it is held"
            )
        if until > longest:
            raise Invalid(
                "until",
                f"a hold lasts for at most {LONGEST_HOLD.days} days: that of {self.id} until "
                f"{longest:%Y-%m-%d %H:%M:%S} UTC",
            )
        return replace(self, expires=until)

    def withdraw(self, now: datetime) -> "Quote":
        """Taken back; again is fine."""
        if self.withdrawn is not None:
            return self
        self.check_open(now, "withdrawn")
        return replace(self, withdrawn=now)
