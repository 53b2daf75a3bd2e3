"""What a quote is asked for: lines of nodes, services and one-offs, each read and checked."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.app.ports import Tx
from rackrate.app.sales import LONGEST, MOST_NODES, check_amount
from rackrate.core.contract import OF_NODES, Commitment, CommitmentKind, Terms, Use, with_month
from rackrate.core.contract_price import plus_months
from rackrate.core.errors import Invalid
from rackrate.core.ids import CustomerId, ProjectId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Sku
from rackrate.core.money import Money
from rackrate.core.parties import Customer, Project
from rackrate.core.quote import LONGEST_HOLD, most_at_once
from rackrate.core.treatment import Supply

METERED = (CommitmentKind.FLEX, CommitmentKind.USE)
BY_THE_MONTH = (CommitmentKind.CAPACITY, CommitmentKind.SERVICE)
FORTNIGHT = timedelta(days=14)
MOST_MONTHS = 360
MOST_LINES = 50
SHORTEST_HOLD = timedelta(minutes=1)
# Somebody who says "from today" means the day that has begun.
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: whole nodes of a SKU, a service by the month, something paid once, or what is paid
    by its `use`.

    Without dates of its own it has the quote's. `amount` names a line's price for a month, `total`
    for all of its time; nodes have the list's less a discount, the quote's where the line has none,
    unless one does.
    """

    kind: CommitmentKind = CommitmentKind.CAPACITY
    sku: SkuId | None = None
    nodes: int = 0
    start: datetime | None = None
    months: int | None = None
    end: datetime | None = None
    same_block: bool = False
    title: str = ""
    amount: Money | None = None
    discount_percent: Decimal | None = None
    total: Money | None = None
    supply: Supply | None = None
    use: Use | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Whole nodes of a SKU from `start` for so many months, or until `end`; and `lines` beside, or
    in place of them where no SKU is named.

    A customer with one project need not name it. `monthly` names the price instead of the list;
    `tax_included`: amounts have tax inside; left out, as the list has.
    `same_block`: all nodes of a SKU on one. `lasts` is how long the hold stands; `terms` are the
    contract's.
    """

    sku: SkuId | None = None
    nodes: int = 0
    start: datetime | None = None
    months: int | None = None
    end: datetime | None = None
    customer: CustomerId | None = None
    project: ProjectId | None = None
    same_block: bool = False
    discount_percent: Decimal = Decimal(0)
    prepayment_percent: Decimal = Decimal(0)
    monthly: Money | None = None
    lasts: timedelta = FORTNIGHT
    name: str = ""
    terms: Terms = field(default_factory=Terms)
    lines: tuple[Line, ...] = ()
    total: Money | None = None
    tax_included: bool | None = None

    @property
    def every_line(self) -> tuple[Line, ...]:
        if self.sku is None:
            return self.lines
        first = Line(sku=self.sku, nodes=self.nodes, amount=self.monthly, total=self.total)
        return (first, *self.lines)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line as it was read: what it commits to but for a price of the list, and its discount."""

    commitment: Commitment
    sku: Sku | None
    by_hand: Money | None
    discount_percent: Decimal


def project_of(tx: Tx, ask: Ask) -> Project:
    """The project that is asked for, or the customer's only one."""
    if ask.project is not None:
        project = tx.get(Project, ask.project)
        if ask.customer not in (None, project.customer):
            raise Invalid("project", f"{project.id} is not a project of {ask.customer}")
        return project
    if ask.customer is None:
        raise Invalid("customer", "say for which customer, or for which project")
    found = tx.find(Project, customer=tx.get(Customer, ask.customer).id)
    if len(found) != 1:
        named = ", ".join(project.id for project in found[:8]) or "none"
        raise Invalid("project", f"say for which project of {ask.customer}: {named}")
    return found[0]


def wanted(tx: Tx, ask: Ask, customer: Customer, now: datetime) -> tuple[Wanted, ...]:
    """Every line; Invalid, with the line named, where one cannot be meant."""
    _check(ask, customer)
    lines = ask.every_line
    if not 1 <= len(lines) <= MOST_LINES:
        raise Invalid("lines", f"{len(lines)} is not 1 to {MOST_LINES} lines")
    found = tuple(
        _wanted(tx, _Reading(ask, line, number, len(lines), customer), now)
        for number, line in enumerate(lines, 1)
    )
    capacity = [each.commitment for each in found if each.sku is not None]
    if not capacity:
        raise Invalid("lines", "a quote holds nodes: at least one line has to be of them")
    most = most_at_once((each.during, each.nodes) for each in capacity)
    if most > MOST_NODES:
        raise Invalid("lines", f"come to {most:,} nodes at one time; at most {MOST_NODES:,} can")
    return found


def line_name(number: int, of: int) -> str:
    """How a refusal names a line; where there is one only, not at all."""
    return f"line {number}" if of > 1 else ""


@dataclass(frozen=True, slots=True)
class _Reading:
    ask: Ask
    line: Line
    number: int
    of: int
    customer: Customer

    def wrong(self, field: str, what: str) -> Invalid:
        name = line_name(self.number, self.of)
        return Invalid(f"{name}, {field}" if name else field, what)


def _wanted(tx: Tx, read: _Reading, now: datetime) -> Wanted:
    line, ask = read.line, read.ask
    sku = _sku(tx, read)
    during = _during(read, now)
    _check_amount(read)
    _check_use(read)
    amount = line.total or line.amount or Money.zero(read.customer.currency)
    plain = Commitment(
        read.number,
        line.kind,
        line.title.strip(),
        during,
        amount,
        None if sku is None else sku.id,
        None if sku is None else sku.site,
        line.nodes,
        sku is not None and (line.same_block or ask.same_block),
        total=line.total,
        supply=line.supply,
        use=line.use,
    )
    commitment = with_month(plain, read.customer.time_zone, ask.terms.payment.broken)
    discount = ask.discount_percent if line.discount_percent is None else line.discount_percent
    named = line.amount is not None or line.total is not None
    by_hand = commitment.amount if named else None
    return Wanted(commitment, sku, by_hand, Decimal(0) if named else discount)


def _sku(tx: Tx, read: _Reading) -> Sku | None:
    line = read.line
    if line.kind not in OF_NODES:
        if line.sku is not None or line.nodes or line.same_block:
            raise read.wrong("kind", f"{line.kind} has no SKU and no nodes")
        if not line.title.strip() and line.kind is not CommitmentKind.USE:
            raise read.wrong("title", f"say what the {line.kind} is")
        return None
    if line.sku is None:
        raise read.wrong("sku", "say of what the nodes are")
    sku = tx.get(Sku, line.sku)
    if not sku.whole_node:
        raise read.wrong("sku", f"{sku.id} is not whole nodes, which is what contracts are for")
    if not 1 <= line.nodes <= MOST_NODES:
        raise read.wrong("nodes", f"{line.nodes} is not 1 to {MOST_NODES}")
    return sku


def _during(read: _Reading, now: datetime) -> Interval:
    start, months, end = _dates(read)
    if months is not None and not 1 <= months <= MOST_MONTHS:
        raise read.wrong("months", f"{months} is not 1 to {MOST_MONTHS}")
    try:
        end = end or plus_months(start, months or 0, read.customer.time_zone)
        during = Interval(start, end)
    except (ValueError, OverflowError):
        raise read.wrong("until", "is not after the start, or too far away") from None
    if during.end - during.start > LONGEST:
        raise read.wrong("until", "a contract runs for at most 30 years")
    if during.start > now + LONGEST:
        raise read.wrong("start", "is more than 30 years away")
    if during.start < now - A_DAY:
        raise read.wrong("start", f"{start:%Y-%m-%d %H:%M} UTC is over; quote from today on")
    return during


def _dates(read: _Reading) -> tuple[datetime, int | None, datetime | None]:
    """The line's own, or the quote's: a line that begins later ends when the quote does."""
    line, ask = read.line, read.ask
    start = line.start or ask.start
    if start is None:
        raise read.wrong("start", "say from when")
    if line.kind is CommitmentKind.ONE_OFF and line.months is None and line.end is None:
        return start, None, start + A_DAY
    months, end = line.months, line.end
    if months is None and end is None:
        months, end = ask.months, ask.end
        if line.start is not None and months is not None and ask.start is not None:
            months, end = None, _whole_end(read)
    if (months is None) == (end is None):
        raise read.wrong("months", "say for how many months, or until when: one of the two")
    return start, months, end


def _whole_end(read: _Reading) -> datetime:
    """When the quote as a whole ends that is for so many months."""
    ask = read.ask
    assert ask.start is not None and ask.months is not None
    try:
        return plus_months(ask.start, ask.months, read.customer.time_zone)
    except (ValueError, OverflowError):
        raise read.wrong("months", f"{ask.months} is not 1 to {MOST_MONTHS}") from None


def _check_amount(read: _Reading) -> None:
    line, amount = read.line, read.line.amount
    capacity = line.kind is CommitmentKind.CAPACITY
    named = "monthly" if capacity else "amount"
    if line.total is not None:
        if amount is not None or line.kind not in BY_THE_MONTH:
            raise read.wrong("total", "name one price: a month's, or all of it")
        amount, named = line.total, "total"
    if amount is None and not capacity:
        raise read.wrong(named, f"say what the {line.kind} costs")
    name = line_name(read.number, read.of)
    check_amount(f"{name}, {named}" if name else named, amount)
    if amount is not None and amount.currency != read.customer.currency:
        raise read.wrong("currency", f"{read.customer.id} pays in {read.customer.currency}")
    percent = line.discount_percent
    if percent is not None and not 0 <= percent <= 100:
        raise read.wrong("discount_percent", f"{percent} is not 0 to 100")
    if percent and (amount is not None or not capacity):
        raise read.wrong("discount_percent", "name the price or a discount, not both")


def _check_use(read: _Reading) -> None:
    line = read.line
    if (line.kind in METERED) != (line.use is not None):
        has = "say at which rates it is used" if line.use is None else "has no rates of use"
        raise read.wrong("use", has)
    if line.use is None:
        return
    named = line.use.rates.named
    if line.kind is CommitmentKind.FLEX and (not line.use.rates.rates or named != (line.sku,)):
        raise read.wrong("use", f"flexible nodes have one rate, of their own SKU, {line.sku}")
    if not named:
        raise read.wrong("use", "say which SKUs count")


def _check(ask: Ask, customer: Customer) -> None:
    if not SHORTEST_HOLD <= ask.lasts <= LONGEST_HOLD:
        raise Invalid("expires", f"a hold lasts from a minute to {LONGEST_HOLD.days} days")
    if not 0 <= ask.prepayment_percent <= 100:
        raise Invalid("prepayment_percent", f"{ask.prepayment_percent} is not 0 to 100")
    if not 0 <= ask.discount_percent <= 100:
        raise Invalid("discount_percent", f"{ask.discount_percent} is not 0 to 100")
    for price, named in (("monthly", ask.monthly), ("total", ask.total)):
        if named is not None and ask.sku is None:
            raise Invalid(price, "names the price of the first line; say it there")
        if named is not None and ask.discount_percent:
            raise Invalid(price, "name the price or a discount, not both")
        if named is not None and named.currency != customer.currency:
            raise Invalid("currency", f"{customer.id} pays in {customer.currency}")
