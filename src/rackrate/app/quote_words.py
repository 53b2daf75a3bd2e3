"""What a salesperson is told of a quote that does not fit: the line, the reason, what would do."""

from collections.abc import Iterable
from datetime import datetime

from rackrate.app.quote_prices import Offered
from rackrate.app.quoting import Answer
from rackrate.core.alternatives import Way
from rackrate.core.contract import Commitment
from rackrate.core.errors import Reason, Refused
from rackrate.core.interval import Interval, zone
from rackrate.core.money import Money
from rackrate.core.promise import kept_words
from rackrate.core.words import nodes_said


def refusal(given: Answer) -> Refused:
    """Why it does not fit, for people and for programs, with everything that would."""
    assert given.short is not None
    short, zone_name = given.short, given.customer.time_zone
    facts: dict[str, object] = {
        "nodes": short.nodes,
        "earliest": None if short.earliest is None else short.earliest.isoformat(),
        "alternatives": [
            {**_facts(each), "said": sentence(each, zone_name)} for each in given.alternatives
        ],
    }
    if len(given.lines) > 1:
        facts["line"] = short.number
    if given.kept:
        facts["nodes_kept"] = given.kept
    return Refused(Reason.NO_CAPACITY, why(given), facts)


def why(given: Answer) -> str:
    """Which line does not fit, how many nodes of it would, and from when all of it does."""
    assert given.short is not None
    short, zone_name, several = given.short, given.customer.time_zone, len(given.lines) > 1
    line = next(c for c in given.commitments if c.number == short.number)
    where = " on one block" if line.same_block else ""
    said = f"line {line.number}: " if several else ""
    said += (
        f"{nodes_said(line.nodes)} of {line.sku}{where} cannot be promised "
        f"{_when(line.during, zone_name)}"
    )
    said += _beside(given, line)
    said += f": {'none' if not short.nodes else f'at most {short.nodes}'} can"
    whole = "the whole quote" if several else "all of them"
    if short.earliest is not None:
        said += f"; {whole} from {_day(short.earliest, zone_name)}"
    else:
        said += f"; no date for {whole} within the calendar"
    return said + kept_words(given.kept)


def _beside(given: Answer, line: Commitment) -> str:
    """The lines before it that have nodes of the same SKU at the same time."""
    before = [
        each.number
        for each in given.commitments
        if each.number < line.number
        and each.sku == line.sku
        and each.during.intersect(line.during) is not None
    ]
    if not before:
        return ""
    return f" beside line{'s' if len(before) > 1 else ''} {_joined(map(str, before))}"


def sentence(offered: Offered, zone_name: str) -> str:
    """An alternative as a salesperson would say it."""
    one = offered.what
    blocks = {0: "", 1: " on one block"}.get(one.blocks, f" over {one.blocks} blocks")
    share = ""
    if one.way is Way.OTHER:
        share = " at the same time"
        if one.pflops_percent is not None:
            share += f", {one.pflops_percent} % of the dense FLOPS of what was asked for"
    cost = "no price in the book"
    if offered.value is not None:
        most = " at most" if len(offered.commitments) > 1 else ""
        cost = f"{offered.monthly} a month{most}, {offered.value} in all"
    if len(one.lines) == 1:
        line = one.lines[0]
        what = f"{line.nodes} x {line.sku} at {line.site}"
        return f"{what}{blocks} {_when(line.during, zone_name)}{share}: {cost}"
    what = _joined(
        f"{line.nodes} x {line.sku} at {line.site} {_when(line.during, zone_name)}"
        for line in one.lines
    )
    return f"{what},{blocks}{share}: {cost}"


def _facts(offered: Offered) -> dict[str, object]:
    one = offered.what
    return {
        "way": str(one.way),
        "sku": one.sku,
        "site": one.site,
        "nodes": one.nodes,
        "same_block": one.same_block,
        "blocks": one.blocks,
        "start": one.during.start.isoformat(),
        "end": one.during.end.isoformat(),
        "pflops_percent": one.pflops_percent,
        "monthly": _money(offered.monthly),
        "value": _money(offered.value),
        "lines": [_line_facts(each) for each in offered.commitments],
    }


def _line_facts(each: Commitment) -> dict[str, object]:
    return {
        "number": each.number,
        "kind": str(each.kind),
        "what": each.what,
        "sku": each.sku,
        "nodes": each.nodes,
        "same_block": each.same_block,
        "start": each.during.start.isoformat(),
        "end": each.during.end.isoformat(),
        "amount": _money(each.amount),
    }


def _money(amount: Money | None) -> dict[str, str] | None:
    if amount is None:
        return None
    return {"amount": f"{amount.amount:f}", "currency": amount.currency}


def _joined(parts: Iterable[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def _when(during: Interval, zone_name: str) -> str:
    return f"from {_day(during.start, zone_name)} to {_day(during.end, zone_name)}"


def _day(instant: datetime, zone_name: str) -> str:
    local = instant.astimezone(zone(zone_name))
    midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    return f"{local:%Y-%m-%d}" if midnight else f"{local:%Y-%m-%d %H:%M:%S}"
