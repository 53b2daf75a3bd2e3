"""`rackrate contract amend|renew|end|deliver|replace|accept`: a contract once it is signed."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from rackrate.cli.client import Client, connect, path
from rackrate.cli.contract import contract, held_for, instant
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, local
from rackrate.cli.table import Format, Output, Row, money, print_done, print_json

Contract = Annotated[str, typer.Argument(metavar="CONTRACT")]
Batch = Annotated[str, typer.Argument(metavar="DELIVERY", help="As 1/2: commitment and batch.")]
Note = Annotated[str, typer.Option(help="What is to be remembered of it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show it, and what would be due.")]


class Kind(StrEnum):
    MORE = "more"
    FEWER = "fewer"
    EXTEND = "extend"
    SWAP = "swap"


# What each kind needs, and what of the rest it may have.
NEEDS = {
    Kind.MORE: ({"sku", "nodes", "from", "until", "monthly"}, {"same_block"}),
    Kind.FEWER: ({"commitment", "nodes", "from"}, set[str]()),
    Kind.EXTEND: ({"commitment", "until"}, {"monthly"}),
    Kind.SWAP: ({"commitment", "sku", "monthly", "from"}, {"nodes", "same_block"}),
}


@contract.command()
def amend(
    id: Contract,
    kind: Annotated[Kind, typer.Argument(help="more, fewer, extend or swap")],
    commitment: Annotated[int, typer.Option(min=0, help="Its number, as show says.")] = 0,
    sku: Annotated[str, typer.Option(help="more, swap: the nodes that come.")] = "",
    nodes: Annotated[int, typer.Option(min=0)] = 0,
    start: Annotated[str, typer.Option("--from", metavar="DAY")] = "",
    end: Annotated[str, typer.Option("--until", metavar="DAY")] = "",
    monthly: Annotated[str, typer.Option(help="A calendar month's amount.")] = "",
    same_block: Annotated[bool, typer.Option("--same-block")] = False,
    note: Note = "",
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """More nodes, fewer, a longer term, or other nodes in their place."""
    given: dict[str, Any] = {
        "commitment": commitment,
        "sku": sku,
        "nodes": nodes,
        "from": start,
        "until": end,
        "monthly": monthly,
        "same_block": same_block,
    }
    _check(kind, {name for name, value in given.items() if value})
    client = connect()
    row = client.get(path("contracts", id))
    zone = _zone_of(client, row)
    body = _body(kind, given, row["currency"], zone)
    _amended(client, id, {**body, "note": note}, output, dry_run)


@contract.command()
def renew(
    id: Contract, note: Note = "", dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:
    """Use the right to renew, before its decision date."""
    _amended(connect(), id, {"kind": "renew", "note": note}, output, dry_run)


@contract.command()
def end(
    id: Contract,
    at: Annotated[str, typer.Option(metavar="DAY", help="The first day without it.")],
    note: Note = "",
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """End it early, for the fee of its terms."""
    client = connect()
    moment = instant("--at", at, _zone_of(client, client.get(path("contracts", id))))
    _amended(client, id, {"kind": "end", "at": moment, "note": note}, output, dry_run)


@contract.command()
def deliver(
    id: Contract,
    batch: Batch,
    node: Annotated[
        list[str], typer.Option(help="A node by name; none: the first that are free.")
    ] = [],  # noqa: B006 - Typer reads it, nobody writes it
    output: Output = Format.TABLE,
) -> None:
    """Hand over a batch of nodes, which are named, or work that waits for acceptance."""
    row = connect().post(_place(id, batch) + "/deliver", {"names": node})
    late = f", {row['days_late']} days late: {money(row['damages'])}" if row["days_late"] else ""
    named = f": {', '.join(row['names'])}" if row["names"] else ""
    print_done(row, output, f"{row['id']} is delivered{late}{named}")


@contract.command()
def replace(
    id: Contract,
    node: Annotated[str, typer.Argument(metavar="NODE", help="One that was handed over.")],
    by: Annotated[
        str, typer.Option("--with", metavar="NODE", help="Left out: the first that is free.")
    ] = "",
    output: Output = Format.TABLE,
) -> None:
    """Name a free, healthy node in the place of one that failed; acceptance and billing stay."""
    row = connect().post(path("contracts", id, "nodes", node, "replace"), {"by": by or None})
    said = f"{row['came']} is named in the place of {row['gone']} in {row['delivery']['id']}"
    print_done(row, output, said)


@contract.command()
def accept(id: Contract, batch: Batch, output: Output = Format.TABLE) -> None:
    """Accept what was handed over: nodes are billed from now on, or from their term on; what is
    paid once with this month.
    """
    client = connect()
    whole = client.get(path("contracts", id))
    row = client.post(_place(id, batch) + "/accept")
    if not row["nodes"]:
        said = f"{row['id']} is accepted; it is earned now, or where it begins if that is later"
        print_done(row, output, said)
        return
    number = row["commitment"]
    lasts = next(each["lasts"] for each in whole["commitments"] if each["number"] == number)
    begins = max(
        [row["accepted"], *([lasts["start"]] if lasts else [])], key=datetime.fromisoformat
    )
    since = local(begins, Zones(client).entity(whole["entity"]))
    print_done(row, output, f"{row['id']} is accepted; it is billed from {since} on")


def _check(kind: Kind, given: set[str]) -> None:
    needed, allowed = NEEDS[kind]
    missing, beyond = sorted(needed - given), sorted(given - needed - allowed)
    if missing:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise Usage(f"{kind} needs {options}")
    if beyond:
        raise Usage(f"{kind} takes no --{beyond[0].replace('_', '-')}")


def _body(kind: Kind, given: Row, currency: str, zone: str) -> Row:
    amount = {"amount": given["monthly"], "currency": currency} if given["monthly"] else None
    start = instant("--from", given["from"], zone) if given["from"] else None
    until = instant("--until", given["until"], zone) if given["until"] else None
    nodes, sku, same_block = given["nodes"] or None, given["sku"], given["same_block"]
    number = given["commitment"]
    if kind is Kind.MORE:
        wanted = {
            "sku": sku,
            "nodes": nodes,
            "start": start,
            "end": until,
            "amount": amount,
            "same_block": same_block,
        }
        return {"kind": "more", "commitments": [wanted]}
    if kind is Kind.FEWER:
        return {"kind": "fewer", "commitment": number, "nodes": nodes, "at": start}
    if kind is Kind.EXTEND:
        return {"kind": "extend", "commitment": number, "until": until, "amount": amount}
    return {
        "kind": "swap",
        "commitment": number,
        "sku": sku,
        "amount": amount,
        "at": start,
        "nodes": nodes,
        "same_block": same_block,
    }


def _amended(client: Client, id: str, body: Row, output: Format, dry_run: bool) -> None:
    if dry_run:
        answer = client.post(path("contracts", id, "amendments", "preview"), body)
        if output is Format.JSON:
            print_json(answer)
            return
        for line in _previewed(client, id, answer):
            print(line)
        return
    row = client.post(path("contracts", id, "amendments"), body)
    zone = Zones(client).entity(row["entity"])
    print_done(row, output, f"{id}, amendment {_said(row['amendments'][-1], zone)}")


def _previewed(client: Client, id: str, answer: Row) -> list[str]:
    """What it would be, line by line: what comes, what ends early, what is due, what is held."""
    zone = Zones(client).entity(client.get(path("contracts", id))["entity"])
    said = [f"{id} would have amendment {_said(answer['amendment'], zone)}"]
    said += [f"  ends early: {_ends(each, zone)}" for each in answer["ended"]]
    said += [f"  comes: {_comes(each, zone)}" for each in answer["added"]]
    said += [
        f"  due at once: {money(each['net'])}, {each['description']}" for each in answer["lines"]
    ]
    right = answer["right_to_renew"]
    if right is not None and right["state"] == "held":
        said.append(f"  held for the right to renew: {held_for(right, zone)}")
    return [*said, "Nothing is changed."]


def _ends(each: Row, zone: str) -> str:
    lasts = each["lasts"]
    when = f"at {local(lasts['end'], zone)}" if lasts else "called off before it begins"
    return f"commitment {each['number']}, {each['what']}, {when}"


def _comes(each: Row, zone: str) -> str:
    span = f"{local(each['during']['start'], zone)} to {local(each['during']['end'], zone)}"
    other = ", on other nodes, handed over anew" if each["anew"] else ""
    once = "once" if each["kind"] == "one_off" else "a month"
    said = f"commitment {each['number']}, {each['what']}, {span}, {money(each['amount'])} {once}"
    return said + other


def _said(amendment: Row, zone: str) -> str:
    when = local(amendment["effective"], zone)
    said = f"{amendment['number']}: {amendment['what']}, from {when}"
    for name in ("prepayment", "fee", "credit"):
        if any(digit in "123456789" for digit in amendment[name]["amount"]):
            said += f"; {name} {money(amendment[name])}"
    return said


def _zone_of(client: Client, row: Row) -> str:
    """The customer's, by whose calendar its months are."""
    return str(client.get(path("customers", row["customer"]))["time_zone"])


def _place(id: str, batch: str) -> str:
    commitment, slash, number = batch.partition("/")
    if not (slash and commitment.isdigit() and number.isdigit()):
        raise Usage(f"{batch!r} is not a delivery as 1/2; see: rackrate contract show {id}")
    return path("contracts", id, "deliveries", commitment, number)
