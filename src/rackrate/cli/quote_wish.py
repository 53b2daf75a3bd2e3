"""What a quote asks for, put together from options and a file, as the server is asked for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rackrate.cli.client import Client, Row, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import instant
from rackrate.cli.quote_lines import file_body, line_body, ramp, read_line, read_quote
from rackrate.cli.wish import only_project


@dataclass(frozen=True, slots=True)
class Plain:
    """The line of nodes that the options name, and its ramp."""

    sku: str
    count: int | None
    start: str
    months: int | None
    end: str
    monthly: str
    total: str
    then: tuple[str, ...]
    same_block: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """All of it: options win over what the file says."""

    plain: Plain
    lines: tuple[str, ...]
    file: Path | None
    customer: str
    project: str


def asked(client: Client, wish: Wish) -> tuple[Row, str]:
    """The request, and the buyer's time zone."""
    plain = wish.plain
    _check(plain, wish)
    document = read_quote(wish.file) if wish.file else {}
    customer = wish.customer or str(document.get("customer", ""))
    project = wish.project or ("" if wish.customer else str(document.get("project", "")))
    buyer = _buyer(client, customer, project)
    zone, currency = str(buyer["time_zone"]), str(buyer["currency"])
    file_zone = str(document.get("time_zone", zone))
    in_file = partial(_instant, file_zone)
    name = str(wish.file)
    body = file_body(document, name, currency, in_file)
    body |= _plain(plain, zone, currency)
    body |= {"customer": customer or None, "project": project or buyer["project"]}
    lines = [
        line_body(line, f"{name}: line {number}", currency, in_file)
        for number, line in enumerate(document.get("lines", ()), 1)
    ]
    if plain.then:
        lines += ramp(plain.sku, plain.count or 0, body["start"], plain.then, _at(zone))
    lines += [line_body(read_line(text), "--line", currency, _at(zone)) for text in wish.lines]
    if lines:
        _check_length(plain, body, lines)
        body["lines"] = lines
    return body, zone


def _check_length(plain: Plain, body: Row, lines: list[Row]) -> None:
    """What no line would take is refused, and not left out in silence."""
    given = plain.months is not None or plain.end
    if given and not body.get("sku") and all(line.keys() & {"months", "end"} for line in lines):
        option = "--until" if plain.end else "--months"
        raise Usage(f"{option} is for lines that say no length, and every line says its own")


def _check(plain: Plain, wish: Wish) -> None:
    alone = not wish.file and not wish.lines
    if plain.months is not None and plain.end:
        raise Usage("say --months or --until, one of the two")
    named = (bool(plain.sku), plain.count is not None)
    if named != (True, True) and (True in named or alone):
        raise Usage("say --sku and --count, or give the lines with -f FILE or --line")
    if plain.sku and not plain.start and not wish.file:
        raise Usage("say --from when")
    if plain.sku and plain.months is None and not plain.end and not wish.file:
        raise Usage("say --months or --until, one of the two")
    if plain.monthly and plain.total:
        raise Usage("say --monthly or --total, one of the two")
    price = "--total" if plain.total else "--monthly"
    if (plain.monthly or plain.total or plain.then) and not plain.sku:
        raise Usage(f"{price} and --then go with --sku and --count")
    if (plain.monthly or plain.total) and plain.then:
        raise Usage(f"{price} is the price of one line; name each line's with --line or -f FILE")
    if plain.then and not plain.start:
        raise Usage("say --from when the ramp begins")


def _plain(plain: Plain, zone: str, currency: str) -> Row:
    """The fields that the options name; where the plain line is a ramp, its lines have it."""
    body: Row = {}
    if plain.start:
        body["start"] = instant("--from", plain.start, zone)
    if plain.months is not None or plain.end:
        body["months"] = plain.months
        body["end"] = instant("--until", plain.end, zone) if plain.end else None
    if plain.same_block:
        body["same_block"] = True
    if plain.sku and not plain.then:
        body |= {"sku": plain.sku, "nodes": plain.count}
    for name, amount in (("monthly", plain.monthly), ("total", plain.total)):
        if amount:
            body[name] = {"amount": amount, "currency": currency}
    return body


def _buyer(client: Client, customer: str, project: str) -> Row:
    """Who it is for: zone and currency, and the project where only one can be meant."""
    if customer:
        return {**client.get(path("customers", customer)), "project": None}
    named = project or only_project(client)
    owner = client.get(path("projects", named))["customer"]
    return {**client.get(path("customers", owner)), "project": named}


def _at(zone: str) -> Callable[[str, str], str]:
    return partial(_instant, zone)


def _instant(zone: str, option: str, text: str) -> str:
    return instant(option, text, zone)
