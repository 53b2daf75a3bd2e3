"""What invoices and contracts mean in the books: earned and invoiced are two calendars."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from rackrate.core.contract import Contract
from rackrate.core.ids import CustomerId, EntryId, SkuId
from rackrate.core.instalment import Earned
from rackrate.core.interval import Interval, Month, months_over
from rackrate.core.invoice import Invoice, Line, LineKind, Payment
from rackrate.core.ledger import Account, Entry, Posting, transfer
from rackrate.core.money import Money, split, total

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
}


def invoiced(invoice: Invoice, lines: Iterable[Line]) -> Entry | None:
    """Dr receivable, Cr unbilled or contract liability, Cr tax. None for an invoice of nothing."""
    by_account: dict[Account, list[Money]] = {}
    for line in lines:
        by_account.setdefault(_CREDITED[line.kind], []).append(line.net)
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
    cause = EntryId(f"invoice/{invoice.id}")
    return Entry(cause, invoice.entity, invoice.issued, f"Invoice {invoice.id}", tuple(postings))


def paid(invoice: Invoice, payment: Payment) -> Entry:
    """Dr bank, Cr receivable."""
    return Entry(
        EntryId(f"payment/{payment.id}"),
        invoice.entity,
        payment.at,
        f"Payment of {invoice.id}",
        transfer(Account.BANK, Account.RECEIVABLE, payment.amount, payment.customer),
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
    """Dr unbilled, Cr revenue for what was used: one entry for each month of the seller's."""
    shares: dict[Month, dict[str, list[Money]]] = {}
    for line in lines:
        if line.kind not in (LineKind.USAGE, LineKind.CORRECTION):
            continue
        for month, share in earned_by_month(line, time_zone):
            shares.setdefault(month, {}).setdefault(line.sku or "", []).append(share)
    entries: list[Entry] = []
    for month, of_month in sorted(shares.items()):
        by_sku = {sku: total(parts, invoice.net.currency) for sku, parts in of_month.items()}
        at = min(_last_second(month, time_zone), now)
        postings = _revenue(Account.UNBILLED, Account.USAGE_REVENUE, by_sku, invoice.customer)
        if postings:
            cause = EntryId(f"earned/{invoice.id}/{month}")
            entries.append(Entry(cause, invoice.entity, at, f"Usage in {month}", postings))
    return entries


def contract_earned(
    contract: Contract, month: Month, parts: Sequence[Earned], time_zone: str, now: datetime
) -> Entry | None:
    """Dr contract liability, Cr revenue: one month of service is done. None where it earned 0."""
    by_sku: dict[str, list[Money]] = {}
    for part in parts:
        by_sku.setdefault(part.sku or "", []).append(part.amount)
    sums = {sku: total(amounts, contract.currency) for sku, amounts in by_sku.items()}
    liability, revenue = Account.CONTRACT_LIABILITY, Account.CONTRACT_REVENUE
    postings = _revenue(liability, revenue, sums, contract.customer)
    if not postings:
        return None
    cause = EntryId(f"earned/{contract.id}/{month}")
    at = min(_last_second(month, time_zone), now)
    return Entry(cause, contract.entity, at, f"{contract.id} in {month}", postings)


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
