"""What a contract commits to: quantities over intervals, and what each costs."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from rackrate.core.contract.use import Use
from rackrate.core.ids import SiteId, SkuId
from rackrate.core.interval import Interval, check_instant
from rackrate.core.money import Money
from rackrate.core.pricing import HIGHEST_AMOUNT
from rackrate.core.treatment import Supply


class CommitmentKind(StrEnum):
    CAPACITY = "capacity"  # whole nodes of a SKU, by the calendar month
    SERVICE = "service"  # anything else by the calendar month: support, networking
    ONE_OFF = "one_off"  # paid once, in the month in which it begins: integration, re-fitting
    FLEX = "flex"  # whole nodes of a SKU, held by the calendar month, and their use by the hour
    USE = "use"  # a minimum of use, by the month or the contract year: no nodes, no instalments


# Those that reserve nodes.
OF_NODES = frozenset({CommitmentKind.CAPACITY, CommitmentKind.FLEX})


@dataclass(frozen=True, slots=True)
class Commitment:
    """One quantity over one interval, as it was ordered: `during` and `amount` never change.

    `amount` is a calendar month's, or the whole of a one-off. An amendment that ends it early sets
    `ended`. `order` is the amendment that brought it, 0 the signature. `follows` is the commitment
    after which it goes on, 0 for none: with the same nodes, or with others where it is `anew`.
    `use` is at what rates its use is metered: flexible nodes have one, and a minimum of use, whose
    `amount` is the least of a month or a contract year.

    A `total` is agreed for all of `during`, `hourly` for a node and an hour of the calendar: then
    `amount` is what a month comes to, to be shown and compared. `since` is when an amount was
    agreed anew, from which it is indexed; None: at the signature. A one-off that `waits` is earned
    and invoiced when it is accepted.
    `supply` is what it is to the tax law, where not what its SKU is.
    """

    number: int
    kind: CommitmentKind
    title: str
    during: Interval
    amount: Money
    sku: SkuId | None = None
    site: SiteId | None = None
    nodes: int = 0
    same_block: bool = False
    order: int = 0
    follows: int = 0
    ended: datetime | None = None
    anew: bool = False
    use: Use | None = None
    total: Money | None = None
    hourly: Decimal | None = None
    since: datetime | None = None
    waits: bool = False
    supply: Supply | None = None

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"a commitment numbered {self.number}")
        if self.amount.minor < 0:
            raise ValueError(f"an amount of {self.amount}")
        if self.ended is not None:
            check_instant(self.ended)
        of_nodes = self.kind in OF_NODES
        if of_nodes and (self.nodes < 1 or self.sku is None):
            raise ValueError(f"a commitment over {self.nodes} nodes of {self.sku or 'nothing'}")
        if not of_nodes and (self.nodes or self.sku is not None):
            raise ValueError(f"{self.kind} commits to no nodes")
        self._check_use()
        self._check_price()

    def _check_price(self) -> None:
        if self.total is not None:
            if self.total.currency != self.amount.currency or self.total.minor < 0:
                raise ValueError(f"a total of {self.total}")
            if not self.monthly or not self.planned or self.hourly is not None:
                raise ValueError(f"{self.kind} is not agreed as a total")
        if self.hourly is not None:
            if not (self.hourly.is_finite() and 0 <= self.hourly < HIGHEST_AMOUNT):
                raise ValueError(f"{self.hourly} an hour")
            if not self.nodes:
                raise ValueError("by the hour are nodes, and nothing else")
        if self.since is not None:
            check_instant(self.since)
        if self.waits and self.monthly:
            raise ValueError("what is paid by the month waits for no acceptance of its own")

    def _check_use(self) -> None:
        metered = self.kind in (CommitmentKind.FLEX, CommitmentKind.USE)
        if metered != (self.use is not None):
            raise ValueError(f"{self.kind} has {'' if metered else 'no '}rates of use")
        if self.use is None:
            return
        named = self.use.rates.named
        if self.kind is CommitmentKind.FLEX and (not self.use.rates.rates or named != (self.sku,)):
            raise ValueError(f"flexible nodes of {self.sku} have one rate, of their own SKU")
        if not named:
            raise ValueError("a minimum of use names the SKUs that count")

    def __str__(self) -> str:
        when = f"{self.during.start:%Y-%m-%d %H:%M} to {self.during.end:%Y-%m-%d %H:%M} UTC"
        block = " in one block" if self.same_block else ""
        each = "once" if self.kind is CommitmentKind.ONE_OFF else "a month"
        if not self.planned and self.use is not None:
            each = f"a {self.use.true_up} at least"
        if self.hourly is not None:
            return f"{self.what}{block}, {when}, {self.hourly:f} a node and hour"
        amount = f"{self.amount} {each}" if self.total is None else f"{self.total} in all"
        return f"{self.what}{block}, {when}, {amount}"

    @property
    def what(self) -> str:
        """Its title, or what it is."""
        if self.kind in OF_NODES:
            flex = ", flexible" if self.kind is CommitmentKind.FLEX else ""
            return f"{self.nodes} x {self.sku}{flex}"
        if self.kind is CommitmentKind.USE:
            return self.title or "a minimum of use"
        return self.title or str(self.kind)

    @property
    def lasts(self) -> Interval | None:
        """From when to when it is in force; None where it was called off before it began."""
        if self.ended is None or self.ended >= self.during.end:
            return self.during
        return Interval(self.during.start, self.ended) if self.during.start < self.ended else None

    @property
    def monthly(self) -> bool:
        return self.kind is not CommitmentKind.ONE_OFF

    @property
    def planned(self) -> bool:
        """Whether it is paid by instalments; a minimum of use is what use has to come to."""
        return self.kind is not CommitmentKind.USE

    @property
    def brings_nodes(self) -> bool:
        """Whether nodes are delivered for it: it does not go on with those of another."""
        return bool(self.nodes) and (self.anew or not self.follows)

    def covers(self, instant: datetime) -> bool:
        lasts = self.lasts
        return lasts is not None and lasts.contains(instant)

    def as_ordered(self) -> "Commitment":
        return replace(self, ended=None)

    def cut(self, at: datetime) -> "Commitment":
        """It ends at `at`, if it would have gone on."""
        lasts = self.lasts
        return self if lasts is None or lasts.end <= at else replace(self, ended=at)


@dataclass(frozen=True, slots=True)
class Part:
    """`nodes` of a commitment that are paid for over an interval."""

    nodes: int
    during: Interval
