"""What invoices and contracts mean in the books: earned and invoiced are two calendars."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from rackrate.core.contract import Contract
from rackrate.core.ids import ContractId, CustomerId, EntryId, SkuId
from rackrate.core.instalment import Earned
from rackrate.core.interval import Interval, Month, months_over
from rackrate.core.invoice import Invoice, InvoiceKind, Line, LineKind
from rackrate.core.ledger import Account, Entry, Posting, reversed_entry, transfer
from rackrate.core.money import Money, split, total
from rackrate.core.payment import Allocation, Payment

_CREDITED: dict[LineKind, Account] = {
    LineKind.USAGE: Account.UNBILLED,
    LineKind.CORRECTION: Account.UNBILLED,
    LineKind.PREPAYMENT: Account.CONTRACT_LIABILITY,
    LineKind.INSTALMENT: Account.CONTRACT_LIABILITY,
    LineKind.REFUND: Account.CONTRACT_LIABILITY,
    LineKind.FEE: Account.CONTRACT_REVENUE,
    LineKind.CREDIT: Account.CONTRACT_REVENUE,
    LineKind.DAMAGES: Account.CONTRACT_REVENUE,
    LineKind.OPENING: Account.OPENING,
    LineKind.MANUAL: Account.OTHER_REVENUE,
    LineKind.INTEREST: Account.INTEREST,
    LineKind.SHORTFALL: Account.UNBILLED,
    LineKind.DRAWDOWN: Account.CONTRACT_LIABILITY,
    LineKind.CREDITED: Account.CONTRACT_REVENUE,
}
# What is earned in the months of its line, whenever that is invoiced.
_EARNED: dict[LineKind, Account] = {
    LineKind.USAGE: Account.USAGE_REVENUE,
    LineKind.CORRECTION: Account.USAGE_REVENUE,
    LineKind.SHORTFALL: Account.CONTRACT_REVENUE,
}
# A credit takes back what was earned, or will be: by the cause of the line that it takes from.
_TAKEN_BACK: dict[str, Account] = {
    "usage": Account.USAGE_REVENUE,
    "correction": Account.USAGE_REVENUE,
    "refund": Account.CONTRACT_LIABILITY,
    "opening": Account.OPENING,
    "manual": Account.OTHER_REVENUE,
    "interest": Account.INTEREST,
    "drawdown": Account.CONTRACT_LIABILITY,
}


def _account(line: Line, in_arrears: Collection[ContractId]) -> Account:
    if line.kind is LineKind.INSTALMENT and line.contract in in_arrears:
        return Account.UNBILLED
    if line.kind is LineKind.CREDIT_NOTE:
        cause = line.credits.partition("/")[0]
        rest = Account.USAGE_REVENUE if line.contract is None else Account.CONTRACT_REVENUE
        return _TAKEN_BACK.get(cause, rest)
    return _CREDITED[line.kind]


def invoiced(
    invoice: Invoice, lines: Iterable[Line], in_arrears: Collection[ContractId] = ()
) -> Entry | None:
    """Dr receivable, Cr unbilled or contract liability, Cr tax. None for an invoice of nothing.

    Instalments of the contracts `in_arrears` are for what was earned before.
    """
    by_account: dict[Account, list[Money]] = {}
    for line in lines:
        by_account.setdefault(_account(line, in_arrears), []).append(line.net)
    credits = {account: total(nets, invoice.net.currency) for account, nets in by_account.items()}
    postings = [Posting(Account.RECEIVABLE, invoice.gross, invoice.gross, invoice.customer)]
    postings += [
        Posting(account, -amount, -amount, invoice.customer)
        for account, amount in sorted(credits.items())
        if amount
    ]
    if invoice.tax:
        postings.append(Posting(Account.TAX, -invoice.tax, -invoice.tax, invoice.customer))
    if len(postings) < 2:
        return None
    what = "Credit note" if invoice.kind is InvoiceKind.CREDIT_NOTE else "Invoice"
    cause, said = issued_id(invoice), f"{what} {invoice.id}"
    return Entry(cause, invoice.entity, invoice.issued, said, tuple(postings))


def issued_id(invoice: Invoice) -> EntryId:
    """The entry that an invoice or credit note made when it was issued."""
    return EntryId(f"invoice/{invoice.id}")


def voided(invoice: Invoice, issued: Entry) -> Entry:
    """The entry of its issue, taken back. What was used stays earned, and is not invoiced yet."""
    assert invoice.voided is not None, invoice
    cause = EntryId(f"void/{invoice.id}")
    return reversed_entry(issued, cause, invoice.voided, f"{invoice.id} is void: {invoice.reason}")


def received(payment: Payment, allocations: Iterable[Allocation]) -> Entry:
    """Dr bank, Cr receivable as far as it is allocated at once, Cr unapplied cash for the rest."""
    to = [each for each in allocations if each.invoice is not None]
    used = total((each.amount for each in to), payment.amount.currency)
    credits = ((Account.RECEIVABLE, used), (Account.UNAPPLIED, payment.amount - used))
    postings = [Posting(Account.BANK, payment.amount, payment.amount, payment.customer)]
    postings += [
        Posting(account, -amount, -amount, payment.customer)
        for account, amount in credits
        if amount
    ]
    of = ", ".join(str(each.invoice) for each in to)
    memo = f"Payment of {of}" if of else f"Payment {payment.reference}"
    cause = EntryId(f"payment/{payment.id}")
    return Entry(cause, payment.entity, payment.at, memo, tuple(postings))


def allocated(allocation: Allocation) -> Entry:
    """Dr unapplied cash, Cr receivable; the other way round where it is taken back."""
    what = f"{allocation.source} to {allocation.invoice}"
    if allocation.amount.minor > 0:
        sides, memo = (Account.UNAPPLIED, Account.RECEIVABLE), f"Allocation of {what}"
    else:
        sides, memo = (Account.RECEIVABLE, Account.UNAPPLIED), f"No longer: {what}"
    amount = Money(abs(allocation.amount.minor), allocation.amount.currency)
    cause = EntryId(f"allocation/{allocation.id}")
    postings = transfer(*sides, amount, allocation.customer)
    return Entry(cause, allocation.entity, allocation.at, memo, postings)


def paid_back(allocation: Allocation, held: Account) -> Entry:
    """Dr unapplied cash or, for a credit note, receivable; Cr bank."""
    return Entry(
        EntryId(f"refund/{allocation.id}"),
        allocation.entity,
        allocation.at,
        f"Paid back of {allocation.source}",
        transfer(held, Account.BANK, allocation.amount, allocation.customer),
    )


def earned_by_month(line: Line, time_zone: str) -> list[tuple[Month, Money]]:
    """The line's net amount over the seller's calendar months, by seconds; it adds up."""
    parts = _months(line.during, time_zone)
    if len(parts) == 1:
        return [(parts[0][0], line.net)]
    shares = split(line.net, [part.seconds for _, part in parts])
    return [(month, share) for (month, _), share in zip(parts, shares, strict=True)]


@lru_cache(maxsize=256)
def _months(during: Interval, time_zone: str) -> tuple[tuple[Month, Interval], ...]:
    """The lines of an invoice are mostly of the same time."""
    return tuple(months_over(during, time_zone))


def usage_earned(
    invoice: Invoice, lines: Sequence[Line], time_zone: str, now: datetime
) -> list[Entry]:
    """Dr unbilled, Cr revenue for what was used, or missing to what had to be: one entry for each
    month of the seller's.
    """
    shares: dict[Month, dict[tuple[Account, str], list[Money]]] = {}
    for line in lines:
        account = _EARNED.get(line.kind)
        if account is None or line.again:
            continue
        for month, share in earned_by_month(line, time_zone):
            shares.setdefault(month, {}).setdefault((account, line.sku or ""), []).append(share)
    entries: list[Entry] = []
    for month, of_month in sorted(shares.items()):
        at = min(_last_second(month, time_zone), now)
        postings: tuple[Posting, ...] = ()
        for account in sorted({account for account, _ in of_month}):
            sums = {
                sku: total(parts, invoice.net.currency)
                for (of, sku), parts in of_month.items()
                if of is account
            }
            postings += _revenue(Account.UNBILLED, account, sums, invoice.customer)
        if postings:
            cause = EntryId(f"earned/{invoice.id}/{month}")
            entries.append(Entry(cause, invoice.entity, at, f"Usage in {month}", postings))
    return entries


def contract_earned(
    contract: Contract, month: Month, parts: Sequence[Earned], time_zone: str, now: datetime
) -> Entry | None:
    """Dr contract liability, Cr revenue: one month of service is done. None where it earned 0.

    Where instalments come in arrears, what was not prepaid is Dr unbilled until they do.
    """
    liability, revenue = Account.CONTRACT_LIABILITY, Account.CONTRACT_REVENUE
    if contract.terms.payment.in_arrears:
        drawn = _by_sku(contract, ((part.sku, part.drawn) for part in parts))
        rest = _by_sku(contract, ((part.sku, part.amount - part.drawn) for part in parts))
        postings = _revenue(liability, revenue, drawn, contract.customer)
        postings += _revenue(Account.UNBILLED, revenue, rest, contract.customer)
    else:
        sums = _by_sku(contract, ((part.sku, part.amount) for part in parts))
        postings = _revenue(liability, revenue, sums, contract.customer)
    if not postings:
        return None
    cause = EntryId(f"earned/{contract.id}/{month}")
    at = min(_last_second(month, time_zone), now)
    return Entry(cause, contract.entity, at, f"{contract.id} in {month}", postings)


def forfeited(
    contract: Contract, month: Month, left: Money, time_zone: str, now: datetime
) -> Entry | None:
    """Dr contract liability, Cr revenue: what was prepaid for use, and was never used. None where
    nothing was left.
    """
    postings = _revenue(
        Account.CONTRACT_LIABILITY, Account.CONTRACT_REVENUE, {"": left}, contract.customer
    )
    at, said = min(_last_second(month, time_zone), now), f"Balance of {contract.id} is forfeited"
    cause = EntryId(f"forfeited/{contract.id}")
    return Entry(cause, contract.entity, at, said, postings) if postings else None


def _by_sku(contract: Contract, amounts: Iterable[tuple[SkuId | None, Money]]) -> dict[str, Money]:
    by_sku: dict[str, list[Money]] = {}
    for sku, amount in amounts:
        by_sku.setdefault(sku or "", []).append(amount)
    return {sku: total(parts, contract.currency) for sku, parts in by_sku.items()}


def _revenue(
    debit: Account, credit: Account, by_sku: dict[str, Money], customer: CustomerId
) -> tuple[Posting, ...]:
    postings: list[Posting] = []
    for sku, amount in sorted(by_sku.items()):
        if amount:
            postings += transfer(debit, credit, amount, customer, SkuId(sku) if sku else None)
    return tuple(postings)


def _last_second(month: Month, time_zone: str) -> datetime:
    return month.interval(time_zone).end - timedelta(seconds=1)
