"""A quote: an offer at a price, with an expiry, and a hold on the calendar behind it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from fractions import Fraction

from rackrate.core.contract import OF_NODES, Commitment, Terms
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
from rackrate.core.money import Money, total
from rackrate.core.tax import TaxRule, net_of, tax_of

# However often it is extended, a hold keeps nodes from everybody else for no longer than this.
LONGEST_HOLD = timedelta(days=90)
HUNDRED = Decimal(100)
_SHOWN = Decimal("0.000001")
_EXACT = Context(prec=60)


class QuoteState(StrEnum):
    """What can still be done with it: only an open quote can be signed."""

    OPEN = "open"
    SIGNED = "signed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Priced:
    """What so many nodes cost a month. `price` and `tier`: where it comes from, where listed.

    A `total` was named for the whole term; `hourly` is what a node costs an hour of the calendar.
    `needs_approval`: it is below what one person may give alone, or nothing says what that is.
    """

    price: ContractPrice | None
    tier: Tier | None
    months: int
    listed: Money | None
    discount_percent: Decimal
    monthly: Money
    needs_approval: bool
    total: Money | None = None
    hourly: Decimal | None = None


def priced(
    price: ContractPrice,
    months: int,
    nodes: int,
    discount_percent: Decimal = Decimal(0),
    volume: int | None = None,
) -> Priced:
    """At the list, less a discount. Rounded once, half up: the whole monthly amount.

    `volume` is what the tier is looked up for, where it is more than these nodes.
    """
    if not 0 <= discount_percent <= HUNDRED:
        raise Invalid("discount_percent", f"{discount_percent} is not 0 to 100")
    tier = price.tier(months, volume or nodes)
    exact = price.node_month(tier) * nodes
    monthly, hour = _less(exact, discount_percent, price), price.node_hour(tier)
    if hour is not None:
        hour = _EXACT.multiply(hour, (HUNDRED - discount_percent) / 100)
    low = monthly < _floor(price, exact)
    listed = Money.rounded(exact, price.currency)
    return Priced(price, tier, months, listed, discount_percent, monthly, low, hourly=hour)


def priced_by_hand(
    price: ContractPrice | None, months: int, nodes: int, monthly: Money, volume: int | None = None
) -> Priced:
    """At an amount that somebody names: the discount is what that comes to."""
    if monthly.minor < 0:
        raise Invalid("monthly", f"{monthly} is negative")
    try:
        tier = None if price is None else price.tier(months, volume or nodes)
    except Refused:
        tier = None
    if price is None or tier is None:
        return Priced(None, None, months, None, Decimal(0), monthly, True)
    exact = price.node_month(tier) * nodes
    listed = Money.rounded(exact, price.currency)
    off = Fraction(0)
    if listed:
        off = Fraction(100 * (listed.minor - monthly.minor), listed.minor)
    shown = (Decimal(off.numerator) / off.denominator).quantize(_SHOWN, ROUND_HALF_UP)
    return Priced(price, tier, months, listed, shown, monthly, monthly < _floor(price, exact))


def lowest(price: ContractPrice, months: int, nodes: int, volume: int | None = None) -> Money:
    """What one person may sign alone. Less than the list begins at costs as where it begins."""
    tier = price.tier(max(months, price.months[0]), max(volume or nodes, price.volumes[0]))
    return _floor(price, price.node_month(tier) * nodes)


def as_listed(price: ContractPrice, amount: Money, tax_included: bool, rule: TaxRule) -> Money:
    """An amount with tax inside or not, as the price has it: to be compared with it."""
    if tax_included == price.tax_included:
        return amount
    if tax_included:
        return net_of(amount, rule)
    return amount + tax_of((amount,), rule, amount.currency)


def most_at_once(parts: Iterable[tuple[Interval, int]]) -> int:
    """The most nodes at any instant: what a ramp is priced for."""
    known = list(parts)
    starts = {during.start for during, _ in known}
    return max((sum(n for d, n in known if d.contains(at)) for at in starts), default=0)


def most_a_month(commitments: Iterable[Commitment]) -> Money:
    """What a calendar month costs while the most is in force; one-offs are no month's."""
    known = [each for each in commitments if each.monthly and each.planned]
    starts = {each.during.start for each in known}
    currency = known[0].amount.currency
    sums = (total((e.amount for e in known if e.during.contains(at)), currency) for at in starts)
    return max(sums, key=lambda amount: amount.minor)


def _less(exact: Fraction, percent: Decimal, price: ContractPrice) -> Money:
    return Money.rounded(exact * (1 - Fraction(percent) / 100), price.currency)


def _floor(price: ContractPrice, exact: Fraction) -> Money:
    return _less(exact, price.floor_percent, price)


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """What one line commits to, just as signing will, and by what it was priced.

    `price` is the matrix, `tier_months` and `tier_nodes` the cell that was applied for so many
    `months` and the `volume`, `per_node` its amount; empty and 0 where none was in force, and for
    what is no capacity.
    """

    commitment: Commitment
    price: str = ""
    tier_months: int = 0
    tier_nodes: int = 0
    per_node: Money | None = None
    basis: str = ""
    discount_percent: Decimal = Decimal(0)
    months: int = 0
    volume: int = 0
    needs_approval: bool = False

    @property
    def number(self) -> int:
        return self.commitment.number

    @property
    def during(self) -> Interval:
        return self.commitment.during


@dataclass(frozen=True, slots=True)
class Quote:
    """Lines of nodes, services and one-offs, offered, held, signed and ended together.

    `same_block`: nodes of one SKU share one block, whatever line they are of. `expires` is when
    its hold ends by itself. Signed, withdrawn, expired: the earliest of these is final.
    """

    id: QuoteId
    entity: EntityId
    customer: CustomerId
    project: ProjectId
    lines: tuple[QuoteLine, ...]
    same_block: bool
    dedicated: bool
    tax_included: bool
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
        if [line.number for line in self.lines] != list(range(1, len(self.lines) + 1)):
            raise ValueError(f"lines are numbered from 1: {[line.number for line in self.lines]}")
        if not self.capacity:
            raise ValueError("a quote of no nodes")
        if not 0 <= self.prepayment_percent <= 100:
            raise ValueError(f"a prepayment of {self.prepayment_percent} percent")
        if not self.created < self.expires <= self.created + LONGEST_HOLD:
            raise ValueError(f"a quote that expires at {self.expires:%Y-%m-%d %H:%M} UTC")

    @property
    def commitments(self) -> tuple[Commitment, ...]:
        return tuple(line.commitment for line in self.lines)

    @property
    def capacity(self) -> tuple[QuoteLine, ...]:
        return tuple(line for line in self.lines if line.commitment.kind in OF_NODES)

    @property
    def first(self) -> QuoteLine:
        """The first line of nodes."""
        return self.capacity[0]

    @property
    def sku(self) -> SkuId:
        """The first line's of nodes."""
        return self.first.commitment.sku or SkuId("")

    @property
    def nodes(self) -> int:
        """The most at any instant, of all SKUs."""
        return most_at_once((line.during, line.commitment.nodes) for line in self.capacity)

    @property
    def sites(self) -> tuple[SiteId, ...]:
        """Where it holds nodes, in the order in which locks are taken."""
        return tuple(sorted({c.site for c in self.commitments if c.site is not None}))

    @property
    def during(self) -> Interval:
        """From the first start to the last end."""
        ends = [line.during.end for line in self.lines]
        return Interval(min(line.during.start for line in self.lines), max(ends))

    @property
    def monthly(self) -> Money:
        """The most that a calendar month costs."""
        return most_a_month(self.commitments)

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
