"""Rates between currencies as files declare them."""

from collections.abc import Mapping

from rackrate.app.manifest.documents.parts import Reader, rows
from rackrate.app.manifest.fields import Fields
from rackrate.core.currency import LEAST, LONGEST_SOURCE, MOST, CurrencyRate, new_rate


def _currency_rate(f: Fields) -> list[CurrencyRate]:
    currency, target = f.currency("currency"), f.currency("target")
    value = f.decimal("rate", LEAST, MOST)
    effective = f.instant("effective", f.time_zone("time_zone", ""))
    source, sure = f.text("source", longest=LONGEST_SOURCE), f.boolean("sure", False)
    return rows(f, lambda: new_rate((currency, target), effective, value, source, sure=sure))


READERS: Mapping[str, Reader] = {"currency_rate": Reader(CurrencyRate, _currency_rate)}
