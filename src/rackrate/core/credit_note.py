"""Credit notes: which lines of an invoice are taken back, by how much, and with which tax."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rackrate.core.draft import DraftLine
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.invoice import (
    AGAIN,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    Line,
    LineKind,
    Totals,
    totals,
)
from rackrate.core.money import Money, split, total
from rackrate.core.tax import TaxPart, TaxRule, net_of

# What a contract gives back by itself, or has: no credit note takes it, too.
_OF_CONTRACT = frozenset(
    {LineKind.PREPAYMENT, LineKind.REFUND, LineKind.DRAWDOWN, LineKind.CREDITED}
)


def check_creditable(invoice: Invoice) -> None:
    if invoice.kind is InvoiceKind.CREDIT_NOTE:
        raise Refused(Reason.WRONG_STATE, f"{invoice.id} is a credit note itself")
    if invoice.voided is not None:
        raise Refused(Reason.WRONG_STATE, f"{invoice.id} is void: nothing of it is owed")


def left_to_credit(
    lines: Iterable[InvoiceLine], before: Iterable[Line], of_contracts: Sequence[Line] = ()
) -> dict[int, Money]:
    """What of each line, by its place and as it was priced, nothing has taken back yet: no credit
    note, nor the contract itself, all of whose lines are among these. Lines that only a contract
    gives back are left out.
    """
    taken: dict[str, list[Money]] = {}
    for credit in before:
        taken.setdefault(credit.credits, []).append(credit.asked)
    left: dict[int, Money] = {}
    for each in lines:
        if not _by_contract(each.line):
            back = total(taken.get(each.line.source, ()), each.line.net.currency)
            left[each.place] = each.line.asked + back
            if each.line.kind is LineKind.INSTALMENT:
                left[each.place] = _of_instalment(each.line, left[each.place], of_contracts)
    return left


def _by_contract(line: Line) -> bool:
    """Whether it goes back, or has gone back, by its contract: so no credit note touches it."""
    taken = line.kind is LineKind.INSTALMENT and line.asked.minor < 0
    return taken or line.kind in _OF_CONTRACT


def _of_instalment(line: Line, left: Money, of_contract: Iterable[Line]) -> Money:
    """What is left of it where its contract has taken a part of the month back: of what was asked
    for last, first.
    """
    month = [each for each in of_contract if _same_month(each, line)]
    asked = [each for each in month if each.kind is LineKind.INSTALMENT]
    moved = [each.asked for each in asked if each.asked.minor < 0]
    moved += [each.asked for each in month if each.kind is LineKind.CREDITED]
    gone = max(-total(moved, left.currency), Money.zero(left.currency))
    own = line.source.partition(AGAIN)[0]
    rising = (each for each in asked if each.asked.minor > 0)
    for each in sorted(rising, key=lambda one: (len(one.source), one.source), reverse=True):
        credits = (one.asked for one in month if one.credits.partition(AGAIN)[0] == each.source)
        room = each.asked + total(credits, left.currency)
        if each.source == own:
            return max(left - gone, Money.zero(left.currency))
        gone = gone - min(room, gone)
    return left


def _same_month(one: Line, other: Line) -> bool:
    """Whether both are of one month of a commitment."""
    same = one.contract == other.contract and one.commitment == other.commitment
    return same and one.month == other.month


def credited_before(change: Line, billed: Iterable[Line]) -> Line | None:
    """Beside a change that takes an instalment back: what a credit note has taken already is not
    taken again. The change clears what the contract owes in service; this clears the credit.
    """
    month = [each for each in billed if _same_month(each, change)]
    cause = f"{LineKind.INSTALMENT}/"
    credits = [one for one in month if one.credits.startswith(cause)]
    earlier = [one for one in month if one.kind is LineKind.CREDITED]
    currency = change.net.currency
    left = -total((one.asked for one in (*credits, *earlier)), currency)
    amount = min(left, -change.asked)
    if amount.minor <= 0:
        return None
    net = amount
    if change.gross is not None:
        whole = -total((one.net for one in (*credits, *earlier)), currency)
        net = -change.net if amount == -change.asked else whole
    of = f"{change.contract}/{change.commitment}/{change.month}/{len(earlier) + 1}"
    return replace(
        change,
        source=f"{LineKind.CREDITED}/{of}",
        kind=LineKind.CREDITED,
        description=f"Credited before: {credits[-1].description}",
        net=net,
        gross=None if change.gross is None else amount,
        drawn=None,
    )


def check_not_of_contract(
    lines: Iterable[InvoiceLine], named: Iterable[int], left: Mapping[int, Money]
) -> None:
    """Refused where a line is named that its contract gives back, or where there is no other."""
    others = {each.place: each.line for each in lines if each.place not in left}
    asked = [place for place in named if place in others]
    if not asked and (not others or any(money.minor > 0 for money in left.values())):
        return
    place = min(asked or others)
    line = others[place]
    most = total((money for money in left.values() if money.minor > 0), line.net.currency)
    if line.kind is LineKind.PREPAYMENT:
        said = (
            f"is a prepayment, and goes back by its contract: end or amend {line.contract}, and "
            "what is not drawn down goes back by itself"
        )
    else:
        said = f"has been settled by {line.contract} itself"
    raise Refused(
        Reason.WRONG_STATE,
        f"line {place} {said}; goodwill is a line by hand; {most} of other lines can be credited",
        {"left": str(most.amount), "currency": most.currency, "line": place},
    )


def everything(lines: Iterable[InvoiceLine], left: Mapping[int, Money]) -> dict[int, Money]:
    """What a credit of a whole invoice takes: all that is left, less what its other lines give."""
    gone = [each.line.asked for each in lines if each.place not in left]
    given = [amount for amount in gone if amount.minor < 0]
    if not given:
        return {place: money for place, money in left.items() if money}
    amount = total([*left.values(), *given], given[0].currency)
    return spread(amount, left)


def spread(amount: Money, left: Mapping[int, Money]) -> dict[int, Money]:
    """`amount` over what is left of the lines, in proportion; it adds up."""
    places = [place for place, money in left.items() if money.minor > 0]
    most = total((left[place] for place in places), amount.currency)
    if amount.minor <= 0:
        raise Invalid("amount", f"{amount} is not positive")
    if most < amount:
        raise Refused(
            Reason.TOO_MUCH_PAID,
            f"{most} of the lines can still be credited, less than {amount}",
            {"left": str(most.amount), "currency": most.currency},
        )
    shares = split(amount, [left[place].minor for place in places])
    return {place: share for place, share in zip(places, shares, strict=True) if share}


def check_lines(asked: Iterable[DraftLine], left: Mapping[int, Money]) -> None:
    """Refused where a line is not there, is named twice, or has less left than is asked."""
    seen: set[int] = set()
    for one in asked:
        if one.place not in left or one.place in seen:
            wrong = "is named twice" if one.place in seen else "is not on the invoice"
            raise Invalid("lines", f"line {one.place} {wrong}")
        seen.add(one.place)
        most = left[one.place]
        same_way = (one.amount.minor > 0) == (most.minor > 0)
        if not most or not same_way or abs(one.amount.minor) > abs(most.minor):
            raise Refused(
                Reason.TOO_MUCH_PAID,
                f"{most} of line {one.place} can still be credited, not {one.amount}",
                {"left": str(most.amount), "currency": most.currency, "line": one.place},
            )


def credited_lines(
    cause: str,
    lines: Iterable[InvoiceLine],
    asked: Sequence[DraftLine],
    before: Sequence[Line],
    invoice: Invoice,
) -> list[Line]:
    """The lines of a credit note: each names the source of what it takes back, and is negative."""
    places = {each.place: each for each in lines}
    made: list[Line] = []
    for one in asked:
        of = places[one.place]
        net, gross = _part(of.line, one.amount, before, invoice.rule_of(of.line))
        made.append(
            Line(
                f"{cause}/{one.place}",
                LineKind.CREDIT_NOTE,
                f"Line {one.place} of {of.invoice}: {one.description}",
                of.line.month,
                of.line.during,
                net,
                gross,
                lease=of.line.lease,
                contract=of.line.contract,
                sku=of.line.sku,
                klass=of.line.klass,
                commitment=of.line.commitment,
                credits=of.line.source,
                supply=of.line.supply,
                tax_rule=of.line.tax_rule,
            )
        )
    return made


def credit_totals(new: Sequence[Line], before: Sequence[Line], rule: TaxRule) -> Totals:
    """Sums of a credit note. Its tax is what all credits of the invoice come to, less what those
    before came to: so credits in parts take back neither more nor less tax than one for all.
    """
    currency = new[0].net.currency
    earlier = totals(_by_source(before), rule, currency).parts
    then = {part.rule: part for part in earlier if part.net or part.tax}
    parts: list[TaxPart] = []
    for part in totals(_by_source([*before, *new]), rule, currency).parts:
        known = then.get(part.rule)
        less = (
            part
            if known is None
            else TaxPart(part.rule, part.net - known.net, part.tax - known.tax)
        )
        if any((line.tax_rule or rule.id) == part.rule for line in new):
            parts.append(less)
    return Totals.of(parts, currency)


def _by_source(credits: Iterable[Line]) -> list[Line]:
    """One line for all that was taken from a line, for where tax is rounded line by line."""
    sums: dict[str, Line] = {}
    for each in credits:
        so_far = sums.get(each.credits)
        if so_far is None:
            sums[each.credits] = each
            continue
        gross = so_far.gross
        if gross is not None and each.gross is not None:
            gross = gross + each.gross
        sums[each.credits] = replace(so_far, net=so_far.net + each.net, gross=gross)
    return list(sums.values())


def check_whole(invoice: Invoice, sums: Totals, before: Iterable[Invoice]) -> None:
    """Refused where all credits together would come to more than the invoice, or to nothing."""
    left = invoice.gross + total((one.gross for one in before), invoice.gross.currency)
    if sums.gross.minor >= 0:
        raise Refused(Reason.INVALID, f"a credit of {-sums.gross} is not positive")
    if left < -sums.gross:
        raise Refused(
            Reason.TOO_MUCH_PAID,
            f"{left} of {invoice.id} can still be credited, less than {-sums.gross}",
            {"left": str(left.amount), "currency": left.currency},
        )


def _part(
    line: Line, amount: Money, before: Iterable[Line], rule: TaxRule
) -> tuple[Money, Money | None]:
    """(net, gross) of a part of a line, negative. The parts of a whole line are its net exactly."""
    if line.gross is None:
        return -amount, None
    if line.gross == line.net:  # under no tax
        return -amount, -amount
    earlier = [each for each in before if each.credits == line.source]
    zero = Money.zero(amount.currency)
    gross = amount - total((each.gross or zero for each in earlier), amount.currency)
    net = line.net if gross == line.gross else net_of(gross, rule)
    return -(net + total((each.net for each in earlier), amount.currency)), -amount
