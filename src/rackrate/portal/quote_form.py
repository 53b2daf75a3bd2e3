"""The form of a quote: its fields and lines, what they ask for, and links that fill them in."""

import json
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form, Request

from rackrate.app import customers
from rackrate.app.asking import MOST_LINES, Ask, Line
from rackrate.app.quote_prices import Offered
from rackrate.app.quoting import Answer
from rackrate.core.alternatives import AlternativeLine
from rackrate.core.contract import Acceptance, Commitment, CommitmentKind, Terms
from rackrate.core.contract_price import whole_months
from rackrate.core.errors import Invalid
from rackrate.core.ids import ProjectId, SkuId
from rackrate.core.interval import Month, zone
from rackrate.core.parties import Customer
from rackrate.portal import typed
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Same

# What a line can be, and what it is called where it is new.
KINDS: Mapping[str, tuple[str, str]] = {
    "capacity": (msg("More nodes"), ""),
    "service": (msg("A service by the month"), msg("Support")),
    "one_off": (msg("Something paid once"), msg("Set-up")),
}


@dataclass(frozen=True, slots=True)
class FilledLine:
    """A line beside the first, in the words of its fields. No dates: those of the quote."""

    kind: str = "capacity"
    sku: str = ""
    title: str = ""
    nodes: str = ""
    start: str = ""
    end: str = ""
    amount: str = ""


LINE = tuple(each.name for each in fields(FilledLine))


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it stands, in the words of its fields."""

    project: str = ""
    sku: str = ""
    nodes: str = "8"
    fabric: str = "one"
    start: str = ""
    months: str = "36"
    prepayment: str = "20"
    discount: str = "0"
    days: str = "14"
    name: str = ""
    acceptance: str = "none"
    blocks: str = "any"
    lines: tuple[FilledLine, ...] = ()

    @property
    def query(self) -> str:
        plain = [(name, value) for name, value in asdict(self).items() if name != "lines"]
        more = [(f"line_{name}", getattr(line, name)) for line in self.lines for name in LINE]
        return urlencode([*plain, *more])


Texts = Annotated[list[str], Form(default_factory=list)]


def _lines_of_form(
    line_kind: Texts,
    line_sku: Texts,
    line_title: Texts,
    line_nodes: Texts,
    line_start: Texts,
    line_end: Texts,
    line_amount: Texts,
) -> tuple[FilledLine, ...]:
    columns = (
        line_kind, line_sku, line_title, line_nodes, line_start, line_end, line_amount,
    )  # fmt: skip
    return _lines(columns)


def _lines(columns: Iterable[list[str]]) -> tuple[FilledLine, ...]:
    """Every line has every field; one more than may be asked for, so that too many are refused."""
    return tuple(FilledLine(*row) for row in zip(*columns, strict=False))[: MOST_LINES + 1]


def filled_of_form(
    lines: Annotated[tuple[FilledLine, ...], Depends(_lines_of_form)],
    project: Annotated[str, Form()] = "",
    sku: Annotated[str, Form()] = "",
    nodes: Annotated[str, Form()] = "",
    fabric: Annotated[str, Form()] = "any",
    start: Annotated[str, Form()] = "",
    months: Annotated[str, Form()] = "",
    prepayment: Annotated[str, Form()] = "0",
    discount: Annotated[str, Form()] = "0",
    days: Annotated[str, Form()] = "14",
    name: Annotated[str, Form()] = "",
    acceptance: Annotated[str, Form()] = "none",
    blocks: Annotated[str, Form()] = "any",
) -> Filled:
    plain = Filled(project, sku, nodes, fabric, start, months, prepayment, discount, days, name)
    return replace(plain, acceptance=acceptance, blocks=blocks, lines=lines)


InForm = Annotated[Filled, Depends(filled_of_form)]


def filled_of_query(page: Page, request: Request) -> Filled:
    """What a link filled in; else from the first of the month after next."""
    asked = request.query_params
    given: dict[str, Any] = {
        each.name: asked[each.name]
        for each in fields(Filled)
        if each.name in asked and each.name != "lines"
    }
    first = Month.of(page.now, page.organisation.time_zone).plus(2).first
    filled = Filled(**{"start": first.isoformat(), **given})
    return replace(filled, lines=_lines(asked.getlist(f"line_{name}") for name in LINE))


def changed(page: Page, filled: Filled, add: str, remove: str) -> Filled:
    """The form with one line more, or without one."""
    lines = list(filled.lines)
    if remove.isascii() and remove.isdigit() and int(remove) < len(lines):
        del lines[int(remove)]
    if add in KINDS:
        lines.append(_new(page, filled, add))
    return replace(filled, lines=tuple(lines))


def _new(page: Page, filled: Filled, kind: str) -> FilledLine:
    """A line that can be answered as it stands."""
    if kind == "capacity":
        return FilledLine(kind, filled.sku, nodes=filled.nodes, start=filled.start)
    return FilledLine(kind, title=page.say(KINDS[kind][1]), amount="0")


def asked_of(page: Page, filled: Filled) -> Ask:
    """Invalid where a field cannot be read."""
    project = customers.show_project(page.world, page.actor, ProjectId(filled.project))
    buyer = customers.show_customer(page.world, page.actor, project.customer)
    return Ask(
        SkuId(filled.sku),
        typed.whole("nodes", filled.nodes),
        typed.instant("start", filled.start, buyer.time_zone),
        typed.whole("months", filled.months),
        project=project.id,
        same_block=filled.fabric == "one",
        discount_percent=typed.percent("discount_percent", filled.discount),
        prepayment_percent=typed.percent("prepayment_percent", filled.prepayment),
        lasts=timedelta(days=typed.whole("days", filled.days)),
        name=filled.name.strip(),
        terms=_terms(filled),
        lines=tuple(_line(n, line, buyer) for n, line in enumerate(filled.lines, 2)),
    )


def _line(number: int, line: FilledLine, buyer: Customer) -> Line:
    if line.kind not in KINDS:
        raise Invalid(f"line {number}, kind", f"{line.kind!r} is not one of the list")
    kind, zone_name = CommitmentKind(line.kind), buyer.time_zone
    start = typed.instant(f"line {number}, start", line.start, zone_name) if line.start else None
    end = typed.instant(f"line {number}, end", line.end, zone_name) if line.end else None
    if kind is CommitmentKind.CAPACITY:
        nodes = typed.whole(f"line {number}, nodes", line.nodes)
        return Line(kind, SkuId(line.sku), nodes, start, end=end)
    amount = typed.money(f"line {number}, amount", line.amount, buyer.currency)
    return Line(kind, start=start, end=end, title=line.title, amount=amount)


def _terms(filled: Filled) -> Terms:
    if filled.acceptance not in list(Acceptance):
        raise Invalid("acceptance", f"{filled.acceptance!r} is not one of the list")
    return Terms(Acceptance(filled.acceptance), dedicated=filled.blocks == "own")


def instead_of(filled: Filled, given: Answer, one: Offered) -> dict[str, Any]:
    """An alternative with the link that fills it into the form."""
    zone_name = given.customer.time_zone
    first, *rest = one.what.lines
    by_number = {line.number: line for line in rest}
    moved = {each.number: each for each in one.commitments}
    lines = (
        _filled_line(line, by_number.get(number), moved.get(number), zone_name)
        for number, line in enumerate(filled.lines, 2)
        if line.kind != "capacity" or number in by_number
    )
    changed = replace(
        filled,
        sku=first.sku,
        nodes=str(first.nodes),
        fabric="one" if one.what.same_block else "any",
        start=_written(first.during.start, zone_name),
        months=str(whole_months(first.during, zone_name)),
        lines=tuple(lines),
    )
    return {"what": one.what, "monthly": one.monthly, "value": one.value, "query": changed.query}


def _filled_line(
    line: FilledLine, other: AlternativeLine | None, moved: Commitment | None, zone_name: str
) -> FilledLine:
    if other is not None:
        start, end = (_written(at, zone_name) for at in (other.during.start, other.during.end))
        return replace(line, sku=other.sku, nodes=str(other.nodes), start=start, end=end)
    if moved is None or not line.start:
        return line
    start, end = (_written(at, zone_name) for at in (moved.during.start, moved.during.end))
    return replace(line, start=start, end=end if line.end else "")


def _written(instant: datetime, zone_name: str) -> str:
    """As the form takes it: a day, or with its time where it is not midnight."""
    local = instant.astimezone(zone(zone_name)).replace(tzinfo=None)
    return local.date().isoformat() if local.time() == time() else local.isoformat()


def same_of(page: Page, filled: Filled) -> Same:
    """The command and the request that the form as it stands would send, without the hold."""
    block = " --same-block" if filled.fabric == "one" else ""
    agreed = " --terms FILE" if (filled.acceptance, filled.blocks) != ("none", "any") else ""
    further = "".join(f" --line {shlex.quote(_in_words(line))}" for line in filled.lines)
    cli = (
        f"rackrate quote create --project {filled.project or 'PROJECT'} --sku {filled.sku or 'SKU'}"
        f" --count {filled.nodes}{block} --from {filled.start} --months {filled.months}{further}"
        f" --prepayment {filled.prepayment} --discount {filled.discount}"
        f" --expires {filled.days}d{agreed} --dry-run"
    )
    zone_name, currency = page.organisation.time_zone, page.organisation.currency
    body = {
        "project": filled.project,
        "sku": filled.sku,
        "nodes": _count(filled.nodes),
        "start": _sent(filled.start, zone_name),
        "months": _count(filled.months),
        "same_block": filled.fabric == "one",
        "prepayment_percent": filled.prepayment,
        "discount_percent": filled.discount,
        "terms": {"acceptance": filled.acceptance, "dedicated": filled.blocks == "own"},
    }
    if filled.lines:
        body["lines"] = [_line_sent(line, zone_name, currency) for line in filled.lines]
    sent = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Same(cli, f"POST /v1/quotes/answer {sent}")


def _in_words(line: FilledLine) -> str:
    """As a line of a file."""
    said = {
        "kind": line.kind,
        "title": json.dumps(line.title, ensure_ascii=False) if line.title else "",
        "sku": line.sku,
        "nodes": line.nodes,
        "start": line.start,
        "end": line.end,
        "amount": line.amount.replace(",", ""),
    }
    if line.kind == "capacity":
        del said["kind"]
    return ", ".join(f"{name}: {value}" for name, value in said.items() if value)


def _line_sent(line: FilledLine, zone_name: str, currency: str) -> dict[str, object]:
    days = {"start": line.start, "end": line.end}
    sent: dict[str, object] = {name: _sent(text, zone_name) for name, text in days.items() if text}
    if line.kind == "capacity":
        return {"sku": line.sku, "nodes": _count(line.nodes), **sent}
    amount = {"amount": line.amount.replace(",", ""), "currency": currency}
    return {"kind": line.kind, "title": line.title, "amount": amount, **sent}


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _sent(text: str, zone_name: str) -> str:
    with suppress(Invalid):
        return f"{typed.instant('start', text, zone_name):%Y-%m-%dT%H:%M:%SZ}"
    return text
