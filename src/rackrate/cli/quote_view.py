"""How a quote and its answer are shown: facts for one line, a table beside them for several."""

from datetime import datetime
from decimal import Decimal

from rackrate.cli.client import Row
from rackrate.cli.moment import local
from rackrate.cli.quote_terms import terms_facts
from rackrate.cli.table import Column, Format, money, print_facts, print_json, print_table
from rackrate.core.words import counted, nodes_said

_WAYS = {"fewer": "fewer", "later": "later", "blocks": "over blocks", "other": "another"}


def _way(row: Row) -> str:
    share = row["pflops_percent"]
    if row["way"] == "other" and share is not None:
        return f"another, {share} % of the FLOPS asked for"
    return _WAYS[row["way"]]


def _what(row: Row) -> str:
    """The nodes of each line."""
    return " + ".join(each["what"] for each in row["lines"] if each["kind"] == "capacity")


ALTERNATIVES = (
    Column("INSTEAD", _way),
    Column("WHAT", _what),
    Column("AT", lambda row: row["site"], from_width=110),
    Column("BLOCKS", lambda row: row["blocks"], right=True, from_width=90),
    Column("FROM", lambda row: row["from"]),
    Column("UNTIL", lambda row: row["until"]),
    Column("A MONTH", lambda row: money(row["monthly"]) or "no price", right=True),
    Column("ALL OF IT", lambda row: money(row["value"]), right=True),
)


def _with_days(row: Row, zone: str) -> Row:
    during = row["during"]
    return {**row, "from": _day(during["start"], zone), "until": _day(during["end"], zone)}


def _day(text: str, zone: str) -> str:
    """The date; with the time where it is not midnight."""
    shown = local(text, zone)
    return shown[:10] if shown[11:19] == "00:00:00" else shown[:19]


def _short(given: Row, zone: str) -> str:
    several, line = len(given["lines"]) > 1, given["lines"][given["short"] - 1]
    where = " on one block" if line["same_block"] else ""
    possible = f"at most {given['possible']}" if given["possible"] else "none"
    said = f"line {line['number']}: " if several else ""
    said += (
        f"{nodes_said(line['nodes'])} of {line['sku']}{where} cannot be promised from "
        f"{_day(line['during']['start'], zone)} to {_day(line['during']['end'], zone)}: "
        f"{possible} can"
    )
    whole = "the whole quote" if several else "all of them"
    if given["earliest"]:
        return f"{said}; {whole} from {_day(given['earliest'], zone)}"
    return f"{said}; no date for {whole} within the calendar"


def print_answer(given: Row, zone: str, output: Format) -> None:
    """What a quote would say, and what would do instead."""
    if output is Format.JSON:
        print_json(given)
        return
    fits = ("Fits", "yes") if given["fits"] else ("Does not fit", _short(given, zone))
    print_facts([fits, *_price_facts(given, zone)])
    _print_lines(given, zone)
    if given["alternatives"]:
        print()
        print_table(ALTERNATIVES, [_with_days(row, zone) for row in given["alternatives"]])


def _tier(row: Row) -> str:
    tier, off = row["tier"], _against_list(row)
    if tier is None:
        return "by agreement"
    said = f"from {tier['months']} months, {tier['nodes']} nodes"
    return f"{said}, {off}" if off else said


def _against_list(row: Row) -> str:
    """By how much it is below the list, or above it; nothing where it is the list's."""
    percent = Decimal(row["discount_percent"])
    if not percent:
        return ""
    return f"{abs(percent):f} % {'off' if percent > 0 else 'above the list'}"


def _can(row: Row) -> str:
    """Where it does not fit: how many of the line would."""
    if row["kind"] not in ("capacity", "flex") or row.get("possible", row["nodes"]) >= row["nodes"]:
        return ""
    return f"{row['possible']} of {row['nodes']}"


def _line(row: Row) -> str:
    if row["kind"] != "use":
        return str(row["what"])
    return f"{row['what']}, {money(row['amount'])} a {row['use']['true_up']}"


LINES = (
    Column("LINE", lambda row: row["number"], right=True),
    Column("WHAT", _line),
    Column("AT", lambda row: row["site"] or "", from_width=120),
    Column("FROM", lambda row: row["from"]),
    Column("UNTIL", lambda row: "" if row["kind"] == "one_off" else row["until"]),
    Column("TAXED AS", lambda row: f"a {row['supply']}" if row["supply"] else "", from_width=110),
    Column("A NODE", lambda row: money(row["tier"]["amount"]) if row["tier"] else "", right=True),
    Column("TIER", _tier, from_width=100),
    Column(
        "A MONTH",
        lambda row: "" if row["kind"] in ("one_off", "use") else money(row["amount"]),
        right=True,
    ),
    Column(
        "ONCE", lambda row: money(row["amount"]) if row["kind"] == "one_off" else "", right=True
    ),
    Column("CAN", _can),
    Column("APPROVAL", lambda row: "needed" if row["needs_approval"] else ""),
)


def _print_lines(row: Row, zone: str) -> None:
    """What is agreed line by line, where there are several."""
    if len(row["lines"]) > 1:
        print()
        print_table(LINES, [_with_days(line, zone) for line in row["lines"]])


def _levels(row: Row, zone: str) -> str:
    """`16 from 2027-03-01, 64 from 2027-06-01`: nodes of all lines together."""
    lines = [line for line in row["lines"] if line["kind"] in ("capacity", "flex")]
    spans = [(_instants(line), int(line["nodes"])) for line in lines]
    cuts = sorted({at for (start, end), _ in spans for at in (start, end)})
    said, before = [], 0
    for at in cuts[:-1]:
        level = sum(nodes for (start, end), nodes in spans if start <= at < end)
        if level != before:
            said.append(f"{level} from {_day(at.isoformat(), zone)}")
        before = level
    return ", ".join(said)


def _instants(row: Row) -> tuple[datetime, datetime]:
    start, end = row["during"]["start"], row["during"]["end"]
    return datetime.fromisoformat(start), datetime.fromisoformat(end)


def _price_facts(row: Row, zone: str) -> list[tuple[str, object]]:
    tax = "tax inside" if row["tax_included"] else "before tax"
    return [
        *(_of_lines(row, zone) if len(row["lines"]) > 1 else _of_one(row)),
        ("From", local(row["during"]["start"], zone)),
        ("Until", local(row["during"]["end"], zone)),
        *_priced_by(row),
        ("A month", f"{money(row['monthly'])}{_off(row)}, {tax}"),
        ("All of it", money(row["value"])),
        ("Prepayment", money(row["prepayment"])),
        ("Instalments", _runs(row["instalments"])),
        ("Approval", _approval(row)),
        *terms_facts(row["terms"], zone),
    ]


def _of_one(row: Row) -> list[tuple[str, object]]:
    block = ", on one block" if row["lines"][0]["same_block"] else ""
    return [("What", f"{row['nodes']} x {row['sku']} at {row['site']}{block}")]


def _of_lines(row: Row, zone: str) -> list[tuple[str, object]]:
    block = ", all on one block" if row["same_block"] else ""
    return [("Nodes", f"{_levels(row, zone)}{block}")]


def _off(row: Row) -> str:
    if len(row["lines"]) > 1:
        return " at most"
    (line,) = row["lines"]
    off = _against_list(row)
    said = f", {off}" if off else ""
    if line["total"]:
        return f"{said}, a share of the total"
    return f"{said}, in a month of 730 hours" if line["hourly"] else said


def _priced_by(row: Row) -> list[tuple[str, object]]:
    """The price of the one line, or what the prices of several are for."""
    if len(row["lines"]) == 1:
        tier, listed = row["tier"], "by agreement"
        if tier is not None:
            listed = (
                f"{money(tier['amount'])} a node, from {counted(tier['months'], 'month')} and "
                f"{nodes_said(tier['nodes'])}"
            )
        return [("Price", listed), ("Basis", row["basis"])]
    bases: dict[str, list[str]] = {}
    for line in row["lines"]:
        bases.setdefault(line["basis"], []).append(str(line["number"]))
    return [
        ("Basis", f"line{'s' if len(of) > 1 else ''} {', '.join(of)}: {basis}")
        for basis, of in bases.items()
    ]


def _runs(instalments: list[Row]) -> str:
    """`36 x 44,000.00 CNY`; where they differ, each amount with its count, in their order."""
    counts: dict[str, int] = {}
    for part in _by_month(instalments):
        shown = money(part["due"])
        counts[shown] = counts.get(shown, 0) + int(part.get("count", 1))
    return ", ".join(f"{count} x {amount}" for amount, count in counts.items())


def _by_month(instalments: list[Row]) -> list[Row]:
    """Those of all lines of a month together."""
    months: dict[str, Row] = {}
    for place, part in enumerate(instalments):
        month = str(part.get("month", place))
        before = months.get(month)
        due = Decimal(part["due"]["amount"]) + (before["sum"] if before else 0)
        amount = {"amount": f"{due:f}", "currency": part["due"]["currency"]}
        months[month] = {**part, "sum": due, "due": amount}
    return list(months.values())


def _approval(row: Row) -> str:
    if not row["needs_approval"]:
        return ""
    who = row.get("approver")
    return f"given by {who}" if who else "a second person has to approve this before it is signed"


def print_quote(row: Row, zone: str, output: Format) -> None:
    """A quote as it is now."""
    if output is Format.JSON:
        print_json(row)
        return
    held = _held(row)
    print_facts(
        [
            ("Quote", f"{row['id']} {row['name']}".strip()),
            ("State", row["state"]),
            ("Customer", f"{row['customer']}, project {row['project']}"),
            *_price_facts(row, zone),
            ("Held", f"{held} until {local(row['expires'], zone)}" if held else "nothing"),
            ("Contract", row["contract"]),
            ("Author", row["author"]),
        ]
    )
    _print_lines(row, zone)
    if row["state"] == "open":
        todo = "approve" if row["needs_approval"] and not row["approver"] else "sign"
        print(f"\nNext: rackrate quote {todo} {row['id']}")


def _held(row: Row) -> str:
    """What is held where, line by line where there are several."""
    lines: dict[int, list[str]] = {}
    for each in row["pools"]:
        renewal = " for the right to renew" if each["renewal"] else ""
        lines.setdefault(each["line"], []).append(f"{each['nodes']} in {each['pool']}{renewal}")
    if len(row["lines"]) == 1:
        return ", ".join(part for parts in lines.values() for part in parts)
    return "; ".join(f"line {number}: {', '.join(lines[number])}" for number in sorted(lines))
