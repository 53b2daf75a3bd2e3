"""What `rackrate quote create` asks for: a plain line, a ramp, further lines, or a file of them."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rackrate.cli.client import Row
from rackrate.cli.failure import Failure, Usage
from rackrate.cli.plan import read_yaml
from rackrate.cli.quote_terms import as_sent, sent_terms
from rackrate.cli.quote_use import NAMES, use_body

# As a file says it: beside these `terms`, and `lines` as those of a contract.
WHOLE = (
    "kind", "customer", "project", "title", "currency", "time_zone", "sku", "nodes", "start",
    "end", "months", "monthly", "total", "tax_included", "same_block", "prepayment_percent",
    "discount_percent", "terms", "lines",
)  # fmt: skip
LINE = (
    "kind", "title", "sku", "nodes", "start", "end", "months", "monthly", "amount", "total",
    "same_block", "discount_percent", "supply", *NAMES,
)  # fmt: skip
_STEP = re.compile(r"([0-9]{1,9})@(\S+)")
Instant = Callable[[str, str], str]


def read_quote(file: Path) -> Row:
    """The document of a file, its `lines` as they stand."""
    found = read_yaml(file)
    if not isinstance(found, dict):
        raise Failure(f"{file} is not a quote with `lines:` as those of a contract", "invalid")
    found = {str(name): part for name, part in found.items()}
    _known(found, WHOLE, str(file))
    if found.get("kind", "quote") != "quote":
        raise Failure(f"{file} is a {found['kind']}, and no quote", "invalid")
    lines = found.get("lines", [])
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise Failure(f"{file}: lines is not a list of lines", "invalid")
    if not isinstance(found.get("terms", {}), dict):
        raise Failure(f"{file}: terms is not a mapping", "invalid")
    return found


def read_line(text: str) -> Row:
    """`kind: service, title: Support, monthly: 5000` as a line of a file."""
    import yaml

    try:
        found = yaml.safe_load(text if text.lstrip().startswith("{") else f"{{{text}}}")
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict) or None in found.values():
        example = "kind: service, title: Support, monthly: 5000"
        raise Usage(f"--line {text!r} is not a line such as {example!r}")
    return {str(name): part for name, part in found.items()}


def line_body(line: Mapping[str, Any], where: str, currency: str, instant: Instant) -> Row:
    """A line as the server is asked for it: days as instants, amounts as money."""
    _known(line, LINE, where)
    priced = [name for name in ("monthly", "amount", "total") if name in line]
    if len(priced) > 1:
        raise Failure(f"{where}: say {' or '.join(priced)}, one of them", "invalid")
    used = use_body(line, where, currency)
    if priced and "amount" in used:
        raise Failure(f"{where}: {priced[0]} and what its use costs are two prices", "invalid")
    body = as_sent({n: part for n, part in line.items() if n not in (*priced, *NAMES)})
    assert isinstance(body, dict)
    body |= used
    for name in ("start", "end"):
        if isinstance(body.get(name), str):
            body[name] = instant(f"{where}: {name}", body[name])
    for name in priced:
        field = "total" if name == "total" else "amount"
        body[field] = {"amount": str(line[name]), "currency": currency}
    return body


def file_body(document: Row, where: str, currency: str, instant: Instant) -> Row:
    """What a file says of the quote as a whole, as the server is asked for it."""
    if document.get("currency", currency) != currency:
        raise Failure(f"{where}: the customer pays in {currency}", "invalid")
    left_out = ("kind", "title", "currency", "time_zone", "monthly", "total", "terms", "lines")
    body = as_sent({name: part for name, part in document.items() if name not in left_out})
    assert isinstance(body, dict)
    for name in ("start", "end"):
        if isinstance(body.get(name), str):
            body[name] = instant(f"{where}: {name}", body[name])
    for name in {"monthly", "total"} & document.keys():
        body[name] = {"amount": str(document[name]), "currency": currency}
    if "title" in document:
        body["name"] = str(document["title"])
    if "terms" in document:
        body["terms"] = sent_terms(document["terms"], lambda at: instant(where, at))
    return body


def ramp(sku: str, count: int, start: str, steps: Iterable[str], instant: Instant) -> list[Row]:
    """`--then 64@2027-06-01`: as many nodes from then on, as lines that add up to them.

    More nodes are a line from then on; of fewer, those end that came last.
    """
    lines: list[Row] = []
    open_now = [(start, count)]
    before, level = start, count
    for text in steps:
        then, at = _step(text, instant)
        if not datetime.fromisoformat(before) < datetime.fromisoformat(at):
            raise Usage(f"--then {text!r} is not after what is before it")
        if then > level:
            open_now.append((at, then - level))
        fewer = max(0, level - then)
        while fewer:
            since, nodes = open_now.pop()
            ended = min(nodes, fewer)
            lines.append({"sku": sku, "nodes": ended, "start": since, "end": at})
            if nodes > ended:
                open_now.append((since, nodes - ended))
            fewer -= ended
        before, level = at, then
    lines += [{"sku": sku, "nodes": nodes, "start": since} for since, nodes in open_now]
    return sorted(lines, key=lambda line: (datetime.fromisoformat(line["start"]), "end" in line))


def _step(text: str, instant: Instant) -> tuple[int, str]:
    match = _STEP.fullmatch(text)
    if match is None or not int(match[1]):
        raise Usage(f"--then {text!r} is not nodes from a day on, as 64@2027-06-01")
    return int(match[1]), instant("--then", match[2])


def _known(found: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = sorted(found.keys() - set(known))
    if unknown:
        names = ", ".join(name for name in known)
        raise Failure(f"{where}: {unknown[0]!r} is unknown; known are {names}", "invalid")
