"""The terms of a quote: read from a file in the words of a contract document, and shown."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rackrate.cli.client import Row
from rackrate.cli.failure import Failure
from rackrate.cli.moment import day, local
from rackrate.cli.plan import read_yaml
from rackrate.cli.quote_use import rates_body
from rackrate.cli.use_words import rates
from rackrate.core.words import counted

DAYS = (("renewal", "decide_by"), ("early_end", "not_before"), ("upgrade", "not_before"))


def read_terms(file: Path, instant: Callable[[str], str]) -> dict[str, Any]:
    """What the file says, its days as instants; `terms:` around it may be there or not."""
    found = read_yaml(file)
    if isinstance(found, dict) and set(found) == {"terms"}:
        found = found["terms"]
    if not isinstance(found, dict):
        raise Failure(f"{file} is not terms such as `acceptance: health`", "invalid")
    return sent_terms(found, instant)


def sent_terms(found: dict[Any, Any], instant: Callable[[str], str]) -> dict[str, Any]:
    """Terms as they are written, as the server is asked for them."""
    terms = {str(name): as_sent(part) for name, part in found.items()}
    if isinstance(terms.get("overage"), dict):
        terms["overage"] = {"rates": rates_body(terms["overage"], "terms.overage")}
    for right, name in DAYS:
        inner = terms.get(right)
        if isinstance(inner, dict) and isinstance(inner.get(name), str):
            inner[name] = instant(inner[name])
    return terms


def as_sent(part: Any) -> Any:
    """As JSON has it; a number with a point as its text, so that it stays exact."""
    if isinstance(part, dict):
        return {str(name): as_sent(inner) for name, inner in part.items()}
    if isinstance(part, date | datetime):
        return part.isoformat()
    return str(part) if isinstance(part, float) else part


def terms_facts(terms: Row, zone: str) -> list[tuple[str, object]]:
    """Only what is agreed."""
    renewal, early, damages = terms["renewal"], terms["early_end"], terms["damages"]
    upgrade, shrink = terms["upgrade"], terms["may_shrink_percent"]
    return [
        ("Accepted by", "" if terms["acceptance"] == "none" else terms["acceptance"]),
        ("Renewal", renewal and _renewal(renewal, zone)),
        ("Early end", early and f"for {early['fee_percent']} %, {_notice(early, zone)}"),
        ("Late delivery", damages and _damages(damages)),
        ("Upgrade", upgrade and f"to {upgrade['chip']} from {day(upgrade['not_before'], zone)}"),
        ("May give back", f"{shrink} % of the nodes" if float(shrink) else ""),
        ("Delivered in", ", ".join(terms["jurisdiction"])),
        ("Blocks", "of its own" if terms["dedicated"] else ""),
        ("Invoiced", invoiced(terms["payment"])),
        ("Prepaid", prepaid(terms["payment"])),
        ("Beyond that", rates(terms["overage"]["rates"]) if terms["overage"] else ""),
        *changes(terms),
    ]


def changes(terms: Row) -> list[tuple[str, object]]:
    """By what a month's amount changes over the term, and how a broken one is cut."""
    broken = terms["payment"]["broken"]
    steps = (f"{plain(step['percent'])} % from month {step['month']}" for step in terms["steps"])
    return [
        ("Broken months", "" if broken == "second" else f"by {_CUT[broken]}"),
        ("Indexed", terms["indexation"] and _indexed(terms["indexation"])),
        ("Steps", ", ".join(steps)),
    ]


_CUT = {"day": "calendar days", "thirty": "thirtieths"}


def _indexed(agreed: Row) -> str:
    months = agreed["every_months"]
    each = "each year" if months == 12 else f"every {counted(months, 'month')}"
    caps = (("cap_year_percent", "a year"), ("cap_percent", "in all"))
    most = (f", at most {plain(agreed[cap])} % {of}" for cap, of in caps if agreed[cap])
    return f"{plain(agreed['percent'])} % {each}{''.join(most)}"


def plain(percent: str) -> str:
    """Without an exponent, and without zeros that say nothing."""
    return f"{Decimal(percent).normalize():f}"


def invoiced(payment: Row) -> str:
    """When instalments are invoiced, where it is not every month in advance."""
    usual = payment["every"] == "month" and payment["when"] == "advance"
    return "" if usual else f"every {payment['every']}, in {payment['when']}"


def prepaid(payment: Row) -> str:
    """Which months a prepayment pays for, where it is not a share of each."""
    if payment["prepaid"] == "wallet":
        return "as a balance for use"
    return "" if payment["prepaid"] == "evenly" else f"the {payment['prepaid']} months"


def _renewal(right: Row, zone: str) -> str:
    until = local(right["decide_by"], zone)
    free = "" if right["held"] else ", with what is free then: its nodes are not held"
    months = counted(right["months"], "month")
    return f"{months} at {right['price_percent']} %, to be decided by {until}{free}"


def _notice(right: Row, zone: str) -> str:
    first = f", not before {day(right['not_before'], zone)}" if right["not_before"] else ""
    return f"{right['notice_days']} days ahead{first}"


def _damages(agreed: Row) -> str:
    return f"{agreed['percent_per_day']} % of a month a day, at most {agreed['cap_percent']} %"
