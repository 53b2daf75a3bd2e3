"""The journal in Beancount's language, for `bean-check` and any tool that reads it."""

import re
from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from rackrate.core.inventory import Entity
from rackrate.core.ledger import Entry, Posting


def export(entity: Entity, entries: Iterable[Entry]) -> str:
    """All entries, dated in the entity's time zone. `entries` are in order of time.

    Accounts are opened on the day of their first posting; ids and SKUs travel as metadata.
    """
    zone = ZoneInfo(entity.time_zone)
    journal = list(entries)
    return "".join(_document(entity, journal, zone))


def _document(entity: Entity, journal: list[Entry], zone: ZoneInfo) -> Iterator[str]:
    yield f'option "title" "{_text(entity.name)}"\n'
    yield f'option "operating_currency" "{entity.currency}"\n\n'
    opened: set[str] = set()
    for entry in journal:
        day = entry.at.astimezone(zone).date()
        for posting in entry.postings:
            account = _account(posting)
            if account not in opened:
                opened.add(account)
                yield f"{day} open {account}\n"
        yield f'\n{day} * "{_text(entry.memo)}"\n  id: "{_text(entry.id)}"\n'
        for posting in entry.postings:
            yield f"  {_account(posting)}  {posting.amount.amount} {posting.amount.currency}\n"
            if posting.sku:
                yield f'    sku: "{_text(posting.sku)}"\n'
        yield "\n"


def _account(posting: Posting) -> str:
    """Beancount's account names: parts begin with a capital and have letters, digits, dashes."""
    if posting.customer is None:
        return posting.account.value
    part = re.sub(r"[^A-Za-z0-9-]", "-", posting.customer)
    return f"{posting.account.value}:{part[:1].upper()}{part[1:]}"


def _text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
