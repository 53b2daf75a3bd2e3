"""What of a contract is due to be invoiced, and what its months earn: each to the cent, once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rackrate.core.contract import (
    Commitment,
    Contract,
    Delivery,
    Instalment,
    Rhythm,
    Schedule,
    damages_of,
    days_late_of,
    last_month,
)
from rackrate.core.contract_tax import Drawdown, Pool, Taxing, pools_of
from rackrate.core.credit_note import credited_before
from rackrate.core.ids import SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import Line, LineKind, priced
from rackrate.core.money import Money, total
from rackrate.core.tax import TaxRule, net_of
from rackrate.core.treatment import Supply
from rackrate.core.words import counted, nodes_said


@dataclass(frozen=True, slots=True)
class Due:
    """A contract as of `now`: its plan, its deliveries, and every line that was invoiced of it.

    Asked for is what is invoiced in months up to `until`; `closed` is the last that is over.
    """

    contract: Contract
    plan: Schedule
    taxing: Taxing
    time_zone: str
    until: Month
    now: datetime
    deliveries: Sequence[Delivery] = ()
    billed: Sequence[Line] = ()
    closed: Month | None = None


@dataclass(frozen=True, slots=True)
class Earned:
    """What a month of a commitment earns, net of tax: `drawn` of it was prepaid."""

    month: Month
    commitment: int
    sku: SkuId | None
    amount: Money
    drawn: Money


def lines_due(due: Due) -> list[Line]:
    """What should be invoiced and is not yet. Asking again after it was invoiced answers nothing.

    A month that was invoiced ahead and has changed since gets the difference, up or down.
    """
    billed = {line.source for line in due.billed}
    once = (*_prepayments(due), *_amendments(due), *_damages(due), *_refund(due))
    return [*(line for line in once if line.source not in billed), *_instalments(due)]


def earned(contract: Contract, plan: Schedule, taxing: Taxing) -> list[Earned]:
    """All months, net of tax: they add up to what all invoices are net, less what goes back."""
    prepaid = Drawdown(pools_of(contract, plan, taxing))
    months: list[Earned] = []
    for each, priced_as in _priced(contract, plan, taxing):
        commitment, (net, _) = priced_as.commitment, priced_as.amount
        drawn = prepaid.draw(each.drawdown, priced_as.supply)
        months.append(Earned(each.month, each.commitment, commitment.sku, net + drawn, drawn))
    return months


@dataclass(frozen=True, slots=True)
class _Priced:
    """An instalment's (net, gross), and what decides them."""

    commitment: Commitment
    supply: Supply
    rule: TaxRule
    amount: tuple[Money, Money | None]


def _priced(
    contract: Contract, plan: Schedule, taxing: Taxing
) -> Iterator[tuple[Instalment, _Priced]]:
    """Each instalment net of tax. Of a total with tax inside, months add up to the net of all."""
    asked: dict[tuple[int, str], Money] = {}
    for each in plan.instalments:
        commitment = contract.commitment(each.commitment)
        assert commitment is not None, each
        supply = taxing.supply(commitment)
        rule = taxing.rule(_instalment(contract, each.commitment, each.month), supply, each.month)
        amount = priced(each.due, contract.tax_included, rule)
        if commitment.total is not None and contract.tax_included:
            place = (each.commitment, rule.id)
            before = asked.get(place) or _prepaid_for(contract, plan, commitment)
            asked[place] = before + each.due
            amount = net_of(asked[place], rule) - net_of(before, rule), each.due
        yield each, _Priced(commitment, supply, rule, amount)


def _prepaid_for(contract: Contract, plan: Schedule, commitment: Commitment) -> Money:
    """The prepayment of its order, where that is for nothing else."""
    amounts = dict(plan.prepayments)
    alone = len(contract.ordered(commitment.order)) == 1
    zero = Money.zero(contract.currency)
    return amounts.get(commitment.order, zero) if alone else zero


def _instalment(contract: Contract, commitment: int, month: Month) -> str:
    """The source of the first line that asks for it."""
    return f"instalment/{contract.id}/{commitment}/{month}"


def _prepayments(due: Due) -> Iterator[Line]:
    contract = due.contract
    for pool in pools_of(contract, due.plan, due.taxing):
        order = pool.order
        at = contract.amendments[order - 1].at if order else contract.signed
        said = f" for amendment {order}" if order else ""
        said += "" if pool.alone else f", {pool.supply}"
        yield _line(
            due,
            pool.source,
            LineKind.PREPAYMENT,
            f"Prepayment {contract.prepayment_percent}% of {contract.id}{said}",
            at,
            pool.amount,
            _the_only(_of_supply(due, contract.ordered(order), pool)),
            pool.supply,
        )


def _of_supply(due: Due, commitments: Iterable[Commitment], pool: Pool) -> list[Commitment]:
    return [each for each in commitments if due.taxing.supply(each) is pool.supply]


def _amendments(due: Due) -> Iterator[Line]:
    contract = due.contract
    for each in contract.amendments:
        if each.fee:
            said = f"Fee for ending {contract.id} early: {each.what}"
            source = f"fee/{contract.id}/{each.number}"
            yield _line(due, source, LineKind.FEE, said, each.at, each.fee)
        if each.credit:
            said = f"Credit for {contract.id}: {each.what}"
            source = f"credit/{contract.id}/{each.number}"
            yield _line(due, source, LineKind.CREDIT, said, each.at, -each.credit)


def _damages(due: Due) -> Iterator[Line]:
    """For what came late; and for what never came, once the contract is over."""
    for each in due.deliveries:
        amount = damages_of(due.contract, each, due.now)
        if amount and (each.delivered is not None or _is_over(due)):
            days = days_late_of(due.contract, each, due.now)
            were = "was" if each.nodes == 1 else "were"
            said = (
                f"{nodes_said(each.nodes)} of {due.contract.id} {were} {counted(days, 'day')} late"
            )
            source, commitment = f"damages/{each.id}", due.contract.commitment(each.commitment)
            at = each.delivered or each.due
            yield _line(due, source, LineKind.DAMAGES, said, at, -amount, commitment)


def _is_over(due: Due) -> bool:
    return due.closed is not None and last_month(due.contract, due.time_zone) <= due.closed


def _waiting(due: Due) -> Iterator[Commitment]:
    """What is paid once and still to be accepted, which may be after the term."""
    accepted = {each.commitment for each in due.deliveries if each.accepted is not None}
    for each in due.contract.commitments:
        if each.waits and each.lasts is not None and each.number not in accepted:
            yield each


def _refund(due: Due) -> Iterator[Line]:
    """What was prepaid and is never drawn down goes back once the last month is over: under the
    rule under which it was asked for. What is still to be accepted may draw as much as it costs.
    """
    contract, plan = due.contract, due.plan
    if not plan.left or not _is_over(due) or contract.terms.payment.balance:
        return
    last = last_month(contract, due.time_zone)
    left = _never_drawn(due)
    before = [line for line in due.billed if line.kind is LineKind.REFUND]
    back = -total((line.asked for line in before), contract.currency)
    if back == total((part[1] for of in left.values() for part in of), contract.currency):
        return
    for rule, of in sorted(left.items()):
        earlier = [line for line in before if line.tax_rule in (rule, "")]
        quoted = total((amount for _, amount, _ in of), contract.currency)
        quoted += total((line.asked for line in earlier), contract.currency)
        net = total((part for _, _, part in of), contract.currency)
        net += total((line.net for line in earlier), contract.currency)
        if not quoted:
            continue
        tail = f"/{rule}" if before or len(left) > 1 else ""
        yield Line(
            f"refund/{contract.id}{tail}" + (f"/{len(before)}" if before else ""),
            LineKind.REFUND,
            f"Prepayment of {contract.id} that was not drawn down",
            last,
            last.interval(due.time_zone),
            -net,
            -quoted if contract.tax_included else None,
            contract=contract.id,
            supply=of[0][0].supply,
            tax_rule=rule,
        )


def _never_drawn(due: Due) -> dict[str, list[tuple[Pool, Money, Money]]]:
    """By tax rule what is left of the prepayments: as quoted, and net of tax."""
    contract, plan = due.contract, due.plan
    prepaid = Drawdown(pools_of(contract, plan, due.taxing))
    for each in plan.instalments:
        commitment = contract.commitment(each.commitment)
        assert commitment is not None, each
        prepaid.draw(each.drawdown, due.taxing.supply(commitment))
    for waiting in _waiting(due):
        prepaid.draw(waiting.amount, due.taxing.supply(waiting))
    left: dict[str, list[tuple[Pool, Money, Money]]] = {}
    for part in prepaid.left():
        left.setdefault(part[0].rule.id, []).append(part)
    return left


def _instalments(due: Due) -> Iterator[Line]:
    """A line for each month of a commitment that is to be invoiced by now, less what was."""
    contract, rhythm = due.contract, Rhythm.of(due.contract, due.time_zone)
    before: dict[tuple[Month, int], list[Line]] = {}
    for line in due.billed:
        if line.kind is LineKind.INSTALMENT:
            before.setdefault((line.month, line.commitment), []).append(line)
    prepaid = Drawdown(pools_of(contract, due.plan, due.taxing))
    planned = {
        (each.month, each.commitment): (
            each,
            as_priced,
            prepaid.draw(each.drawdown, as_priced.supply),
        )
        for each, as_priced in _priced(contract, due.plan, due.taxing)
    }
    for month, number in sorted({*planned, *before}):
        asked, as_priced, drawn = planned.get((month, number), (None, None, None))
        lines = before.get((month, number), [])
        commitment = contract.commitment(number)
        assert commitment is not None, lines
        if rhythm.asked(commitment, month) > due.until:
            continue
        if not lines and (asked is None or not asked.value):
            continue
        if as_priced is None:
            as_priced = _no_more(due, commitment, month)
        inside = asked.during if asked else lines[0].during
        net, gross = _less(as_priced.amount, lines)
        if not lines or net or gross:
            line = _asked(contract, as_priced, month, inside, (net, gross), len(lines))
            # What changes a month that is invoiced says what it changes, and no more.
            yield line if lines or not drawn else replace(line, drawn=drawn)
            credited = credited_before(line, due.billed) if lines else None
            if credited is not None:
                yield credited


def _no_more(due: Due, commitment: Commitment, month: Month) -> _Priced:
    """A month that was invoiced and does not come any more."""
    supply = due.taxing.supply(commitment)
    rule = due.taxing.rule(_instalment(due.contract, commitment.number, month), supply, month)
    nothing = priced(Money.zero(due.contract.currency), due.contract.tax_included, rule)
    return _Priced(commitment, supply, rule, nothing)


def _asked(
    contract: Contract,
    of: _Priced,
    month: Month,
    inside: Interval,
    amount: tuple[Money, Money | None],
    before: int,
) -> Line:
    source = _instalment(contract, of.commitment.number, month)
    return Line(
        f"{source}/{before}" if before else source,
        LineKind.INSTALMENT,
        f"{'Change of ' if before else ''}{of.commitment.what}, {month}",
        month,
        inside,
        *amount,
        contract=contract.id,
        sku=of.commitment.sku,
        commitment=of.commitment.number,
        supply=of.supply,
        tax_rule=of.rule.id,
    )


def _less(amount: tuple[Money, Money | None], lines: Sequence[Line]) -> tuple[Money, Money | None]:
    """(net, gross) without what these lines were."""
    net, gross = amount
    net = net - total((line.net for line in lines), net.currency)
    if gross is not None:
        gross = gross - total((line.gross or line.net for line in lines), net.currency)
    return net, gross


def _line(
    due: Due,
    source: str,
    kind: LineKind,
    description: str,
    at: datetime,
    amount: Money,
    commitment: Commitment | None = None,
    supply: Supply | None = None,
) -> Line:
    """A line that is invoiced once, of the month of `at`."""
    month, taxing = Month.of(at, due.time_zone), due.taxing
    if supply is None:
        supply = taxing.main(due.contract) if commitment is None else taxing.supply(commitment)
    rule = taxing.rule(source, supply, month)
    net, gross = priced(amount, due.contract.tax_included, rule)
    inside = due.contract.during if kind is LineKind.PREPAYMENT else month.interval(due.time_zone)
    return Line(
        source,
        kind,
        description,
        month,
        inside,
        net,
        gross,
        contract=due.contract.id,
        sku=None if commitment is None else commitment.sku,
        commitment=0 if commitment is None else commitment.number,
        supply=supply,
        tax_rule=rule.id,
    )


def _the_only(commitments: Sequence[Commitment]) -> Commitment | None:
    return commitments[0] if len(commitments) == 1 else None
