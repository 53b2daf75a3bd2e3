"""What use under a contract comes to when a month closes: shortfalls, and its prepaid balance."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

from rackrate.core.contract import Contract, Left, Period, Schedule, TrueUp, last_month, periods
from rackrate.core.contract.agreed import period_of
from rackrate.core.contract_tax import Pool, Taxing, pools_of
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import AGAIN, InvoiceLine, Line, LineKind, priced
from rackrate.core.money import Money, total
from rackrate.core.tax import tax_on, tax_rule
from rackrate.core.treatment import Supply

USED = frozenset({LineKind.USAGE, LineKind.CORRECTION})
_DRAWS = USED | {LineKind.SHORTFALL}


@dataclass(frozen=True, slots=True)
class Books:
    """A contract with its payment plan, and every line that was invoiced of it. `closed` is the
    month that is being closed, or the last that was.
    """

    contract: Contract
    plan: Schedule
    taxing: Taxing
    time_zone: str
    closed: Month
    billed: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """A period of a minimum of use: what it had to come to, and what was `used` of it.

    Amounts are as the contract was quoted: with tax where it has tax inside.
    """

    period: Period
    used: Money

    @property
    def shortfall(self) -> Money:
        missing = self.period.minimum - self.used
        return max(missing, Money.zero(missing.currency))


@dataclass(frozen=True, slots=True)
class Balance:
    """What was prepaid for use: `drawn` of it by what was used. `over`: nothing is drawn any more,
    and what was `left` then has gone back, or is forfeited.
    """

    prepaid: Money
    drawn: Money
    over: bool

    @property
    def left(self) -> Money:
        return self.prepaid - self.drawn

    def low(self, percent: Decimal) -> bool:
        """Whether so much of it, or less, is left."""
        return self.left.minor * 100 <= self.prepaid.minor * percent


def lines_of_use(books: Books, used: Iterable[Line]) -> list[Line]:
    """What a close adds to the lines of what was `used` under the contract: what is missing to its
    minimums, what the balance pays of all that, and what of it goes back at the end.
    """
    new = list(used)
    new += _shortfalls(books, new)
    drawn = list(_drawdowns(books, new))
    lines = [line for line in new if line.kind is LineKind.SHORTFALL] + drawn
    return [*lines, *_refund(books, drawn)]


def counted(books: Books, used: Iterable[Line] = ()) -> list[Counted]:
    """Every period that is over, with what was used of it. `used` are lines that are new."""
    contract = books.contract
    sums: dict[str, int] = {}
    for line in (*books.billed, *used):
        if line.kind in USED and line.commitment:
            key = _counts_to(line, contract)
            sums[key] = sums.get(key, 0) + quoted(line, contract).minor
    return [
        Counted(period, Money(sums.get(_key(period), 0), contract.currency))
        for each in contract.commitments
        for period in periods(each, books.time_zone)
        if period.last <= books.closed
    ]


def _counts_to(line: Line, contract: Contract) -> str:
    """To which period: the key of it, as `_key` makes it."""
    of = period_of(line.price, contract)
    return of if "." in of else f"{of}/{line.month}"


def _key(period: Period) -> str:
    """A contract year as the ids of its prices have it; a month, which all of them share."""
    by_month = period.true_up is TrueUp.MONTH
    return (
        f"{period.commitment}{'/' if by_month else '.'}{period.last if by_month else period.number}"
    )


def quoted(line: Line, contract: Contract) -> Money:
    """What a line comes to in the contract's terms: with tax where the contract has it inside."""
    if not contract.tax_included:
        return line.net
    if line.gross is not None or not line.tax_rule:
        return line.asked
    return line.net + tax_on(line.net, tax_rule(line.tax_rule))


def source_of(contract: Contract, period: Period) -> str:
    """The source of the first line that asks for what is missing."""
    return f"shortfall/{contract.id}/{period.commitment}/{period.name}"


def shortfall_lines(books: Books, period: Period) -> list[Line]:
    """What was asked for a period's shortfall until now."""
    source = source_of(books.contract, period)
    return [
        line
        for line in books.billed
        if line.kind is LineKind.SHORTFALL and (line.source + "/").startswith(source + "/")
    ]


def _shortfalls(books: Books, used: Sequence[Line]) -> Iterator[Line]:
    """What is missing, less what was asked for it: so what is learnt late changes it, too."""
    contract, taxing = books.contract, books.taxing
    for each in counted(books, used):
        period, before = each.period, shortfall_lines(books, each.period)
        source, commitment = source_of(contract, period), contract.commitment(period.commitment)
        assert commitment is not None, period
        supply = taxing.supply(commitment)
        rule = taxing.rule(source, supply, period.last)
        net, gross = priced(each.shortfall, contract.tax_included, rule)
        net = net - total((line.net for line in before), net.currency)
        if gross is not None:
            gross = gross - total((line.asked for line in before), net.currency)
        if not net and not gross:
            continue
        said = "Change of the shortfall" if before else "Shortfall"
        yield Line(
            source + (f"/{len(before)}" if before else ""),
            LineKind.SHORTFALL,
            f"{said} of {contract.id} in {period.said}: at least {period.minimum}, of which "
            f"{each.used} was used",
            period.last,
            _certain(period, books.time_zone),
            net,
            gross,
            contract=contract.id,
            commitment=period.commitment,
            supply=supply,
            tax_rule=rule.id,
        )


def _certain(period: Period, time_zone: str) -> Interval:
    """When a shortfall is earned: in the last month, at whose end no use can make it smaller."""
    inside = period.during.intersect(period.last.interval(time_zone))
    assert inside is not None, period
    return inside


def balance(books: Books) -> Balance | None:
    """How a prepaid balance stands by what was invoiced; None where there is none."""
    contract = books.contract
    if not contract.terms.payment.balance:
        return None
    drawn = total(
        (-quoted(line, contract) for line in books.billed if line.kind is LineKind.DRAWDOWN),
        contract.currency,
    )
    over = last_month(contract, books.time_zone) <= books.closed
    return Balance(books.plan.prepayment, drawn, over)


def _drawdowns(books: Books, new: Sequence[Line]) -> Iterator[Line]:
    """What the balance pays of the new lines: never more than is left; and what it has back of
    those that are negative, never more than it has paid.
    """
    contract, stands = books.contract, balance(books)
    if stands is None or _settled(books):
        return
    asked: dict[Supply, int] = {}
    for each in new:
        if each.kind in _DRAWS:
            asked[each.supply] = asked.get(each.supply, 0) + quoted(each, contract).minor
    amount = min(max(sum(asked.values()), -stands.drawn.minor), stands.left.minor)
    left = stands.left - Money(amount, contract.currency)
    for pool, before, after in _parts(books, asked, amount):
        net = Money(pool.net_of(before) - pool.net_of(after), contract.currency)
        taken = Money(before - after, contract.currency)
        back = "Given back to" if after < before else "Paid by"
        said = "" if pool.alone else f", {pool.supply}"
        yield _of_balance(
            books,
            pool,
            f"drawdown/{contract.id}/{books.closed}{_tail(pool, contract)}",
            f"{back} the prepaid balance of {contract.id}{said}, of which {left} is left",
            (LineKind.DRAWDOWN, net, taken),
        )


def _settled(books: Books) -> bool:
    """Whether what was left has gone back already, or was forfeited with an earlier close."""
    if books.contract.terms.payment.left is Left.REFUND:
        return any(line.kind is LineKind.REFUND for line in books.billed)
    return last_month(books.contract, books.time_zone) < books.closed


def _tail(pool: Pool, contract: Contract) -> str:
    """What tells it from the others, in the sources of lines."""
    return pool.source.removeprefix(f"{LineKind.PREPAYMENT}/{contract.id}")


def _pools(books: Books, drawn_now: Iterable[Line] = ()) -> list[tuple[Pool, int]]:
    """Each prepayment, in the order of their payment, with what is drawn of it."""
    contract = books.contract
    sums: dict[str, int] = {}
    for line in (*books.billed, *drawn_now):
        if line.kind is LineKind.DRAWDOWN:
            _, slash, rest = line.source.removeprefix(f"drawdown/{contract.id}/").partition("/")
            tail = slash + rest
            sums[tail] = sums.get(tail, 0) - quoted(line, contract).minor
    pools = pools_of(contract, books.plan, books.taxing)
    return [(pool, sums.get(_tail(pool, contract), 0)) for pool in pools]


def _parts(
    books: Books, asked: Mapping[Supply, int], amount: int
) -> Iterator[tuple[Pool, int, int]]:
    """Of which prepayment how much was drawn before, and after, where all of them pay `amount`.

    What is of a supply draws down what was prepaid for that, and then the rest.
    """
    pools = _pools(books)
    now, missing, rest = [drawn for _, drawn in pools], dict(asked), amount
    for back, own in product((True, False), repeat=2):  # What goes back is there to be drawn.
        places = range(len(pools))[:: -1 if back else 1]
        for supply, n in product(sorted(missing), places):
            pool, wanted = pools[n][0], missing[supply]
            if (wanted < 0) is not back or (pool.supply is supply) is not own:
                continue
            moved = max(wanted, -now[n]) if back else min(wanted, pool.amount.minor - now[n], rest)
            now[n], rest = now[n] + moved, rest - moved
            missing[supply] = wanted - moved
    for (pool, before), after in zip(pools, now, strict=True):
        if before != after:
            yield pool, before, after


def left_of(books: Books, drawn_now: Iterable[Line] = ()) -> list[tuple[Pool, Money, Money]]:
    """Of each prepayment what is left: as quoted, and net of tax."""
    if not books.contract.terms.payment.balance:
        return []
    currency = books.contract.currency
    found: list[tuple[Pool, Money, Money]] = []
    for pool, drawn in _pools(books, drawn_now):
        if drawn < pool.amount.minor:
            net = Money(pool.net.minor - pool.net_of(drawn), currency)
            found.append((pool, Money(pool.amount.minor - drawn, currency), net))
    return found


def _refund(books: Books, drawn_now: Sequence[Line]) -> Iterator[Line]:
    """What is left with the contract's last month goes back, where that was agreed."""
    contract = books.contract
    if contract.terms.payment.left is not Left.REFUND or _settled(books):
        return
    if last_month(contract, books.time_zone) > books.closed:
        return
    for pool, amount, net in left_of(books, drawn_now):
        yield _of_balance(
            books,
            pool,
            f"refund/{contract.id}{_tail(pool, contract)}",
            f"Prepaid balance of {contract.id} that was not used",
            (LineKind.REFUND, -net, -amount),
        )


def _of_balance(
    books: Books,
    pool: Pool,
    source: str,
    description: str,
    what: tuple[LineKind, Money, Money],
) -> Line:
    kind, net, amount = what
    return Line(
        source,
        kind,
        description,
        books.closed,
        books.closed.interval(books.time_zone),
        net,
        amount if books.contract.tax_included else None,
        contract=books.contract.id,
        supply=pool.supply,
        tax_rule=pool.rule.id,
    )


@dataclass(frozen=True, slots=True)
class Owing:
    """How a shortfall came about: what was used of its minimum by `rows`, and asked for `before`.

    `counted` is as it was known with its invoice. `matches`: that comes to the line.
    """

    counted: Counted
    rows: tuple[InvoiceLine, ...]
    before: tuple[InvoiceLine, ...]
    matches: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a balance was drawn down: `stands` is as it was before the line."""

    stands: Balance
    amount: Money

    @property
    def left(self) -> Money:
        return self.stands.left - self.amount


def owing(books: Books, row: InvoiceLine, known: Sequence[InvoiceLine]) -> Owing | None:
    """Of a shortfall; None for lines of another kind. `known` is what was invoiced up to it."""
    line, contract = row.line, books.contract
    source = line.source.partition(AGAIN)[0]
    then = replace(books, billed=[each.line for each in known if each.id != row.id])
    for each in counted(then):
        if line.kind is not LineKind.SHORTFALL:
            break
        if not (source + "/").startswith(source_of(contract, each.period) + "/"):
            continue
        asked = {before.source for before in shortfall_lines(then, each.period)}
        before = tuple(one for one in known if one.line.source in asked and one.id != row.id)
        rows = tuple(one for one in known if _counts(one.line, each.period, contract))
        so_far = total((quoted(one.line, contract) for one in before), contract.currency)
        matches = each.shortfall == so_far + quoted(line, contract)
        return Owing(each, rows, before, matches)
    return None


def drawn(books: Books, row: InvoiceLine, known: Sequence[InvoiceLine]) -> Drawn | None:
    """Of a drawdown; None for lines of another kind. `known` is as of `owing`, in order."""
    if row.line.kind is not LineKind.DRAWDOWN:
        return None
    ids = [each.id for each in known]
    earlier = [each.line for each in known[: ids.index(row.id)]]
    stands = balance(replace(books, billed=earlier))
    return None if stands is None else Drawn(stands, -quoted(row.line, books.contract))


def _counts(line: Line, period: Period, contract: Contract) -> bool:
    used = line.kind in USED and line.commitment == period.commitment
    return used and _counts_to(line, contract) == _key(period)
