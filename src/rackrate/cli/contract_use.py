"""`rackrate contract sign-flex | sign-use`: flexible nodes, and minimums of use."""

from typing import Annotated, Any

import typer

from rackrate.cli.client import Client, connect, path
from rackrate.cli.contract import instant
from rackrate.cli.failure import Usage
from rackrate.cli.schedule import contract
from rackrate.cli.table import Format, Output, Row, print_done
from rackrate.cli.wish import only_project

__all__ = ["contract"]

UNITS = ("gpu_hour", "slot_hour")
From = Annotated[str, typer.Option("--from", metavar="DAY", help="First day, as 2027-01-01.")]
Until = Annotated[str, typer.Option("--until", metavar="DAY", help="First day after it.")]
Per = Annotated[str, typer.Option(help="Of what a rate is: gpu_hour or slot_hour.")]
Overage = Annotated[
    str, typer.Option(help="More than that on demand: at list, or at the contract's rates.")
]
Prepayment = Annotated[
    str, typer.Option(help="Percent of it all, due at signature, which use draws down.")
]
Left = Annotated[str, typer.Option(help="The rest of that at the end: refund or forfeit.")]
TaxIncluded = Annotated[bool, typer.Option("--tax-included/--tax-on-top")]
Project = Annotated[str, typer.Option(envvar="RACKRATE_PROJECT")]
Id = Annotated[str, typer.Option(help="Left out: one is made.")]


@contract.command("sign-flex")
def sign_flex(
    sku: Annotated[str, typer.Option(help="A SKU of whole nodes.")],
    nodes: Annotated[int, typer.Option(min=1)],
    start: From,
    end: Until,
    holding: Annotated[str, typer.Option(help="All nodes, a calendar month, used or not.")],
    rate: Annotated[str, typer.Option(help="An hour of a GPU in use, as 9.50")],
    per: Per = "gpu_hour",
    overage: Overage = "",
    prepayment: Prepayment = "0",
    left: Left = "refund",
    tax_included: TaxIncluded = False,
    project: Project = "",
    id: Id = "",
    output: Output = Format.TABLE,
) -> None:
    """Sign flexible nodes: held for the whole term, and used at a rate of their own."""
    client = connect()
    buyer, whose = _buyer(client, project)
    rates = {"rates": [{"sku": sku, "amount": rate, "unit": _unit(per)}]}
    commitment = {
        "kind": "flex",
        "sku": sku,
        "nodes": nodes,
        **_during(start, end, buyer),
        "amount": {"amount": holding, "currency": buyer["currency"]},
        "use": {"rates": rates},
    }
    body = _body(whose, commitment, overage, (prepayment, left), tax_included, id)
    row = client.post("/v1/contracts", body)
    said = f"{row['id']} is signed: {nodes} x {sku} held; use them with: rackrate lease start "
    print_done(row, output, f"{said}--sku {sku} --contract {row['id']}")


@contract.command("sign-use")
def sign_use(
    minimum: Annotated[str, typer.Option(help="What use comes to at least, as 50000.00")],
    start: From,
    end: Until,
    rate: Annotated[
        list[str] | None, typer.Option(metavar="SKU=AMOUNT", help="May be repeated.")
    ] = None,
    at_list: Annotated[
        list[str] | None, typer.Option(metavar="SKU", help="Counts at its list price.")
    ] = None,
    each: Annotated[str, typer.Option(help="The minimum's: month, or contract year.")] = "month",
    per: Per = "gpu_hour",
    overage: Overage = "",
    prepayment: Prepayment = "0",
    left: Left = "refund",
    tax_included: TaxIncluded = False,
    project: Project = "",
    id: Id = "",
    output: Output = Format.TABLE,
) -> None:
    """Sign a minimum of use: what is missing to it at its end is due, used or not."""
    if bool(rate) == bool(at_list):
        raise Usage("name what counts with --rate SKU=AMOUNT, or with --at-list SKU")
    if each not in ("month", "year"):
        raise Usage(f"--each {each!r} is neither month nor year")
    client = connect()
    buyer, whose = _buyer(client, project)
    rates: dict[str, Any] = {"rated": "list", "skus": at_list}
    if rate:
        rates = {"rates": [_rate(text, _unit(per)) for text in rate]}
    commitment = {
        "kind": "use",
        **_during(start, end, buyer),
        "amount": {"amount": minimum, "currency": buyer["currency"]},
        "use": {"rates": rates, "true_up": each},
    }
    body = _body(whose, commitment, overage, (prepayment, left), tax_included, id)
    row = client.post("/v1/contracts", body)
    said = f"{row['id']} is signed; what is started with --contract {row['id']} counts to it; "
    print_done(row, output, f"{said}how it stands: rackrate contract show {row['id']}")


def _buyer(client: Client, project: str) -> tuple[Row, str]:
    whose = project or only_project(client)
    customer = client.get(path("projects", whose))["customer"]
    return client.get(path("customers", customer)), whose


def _during(start: str, end: str, buyer: Row) -> dict[str, str]:
    zone = buyer["time_zone"]
    return {"start": instant("--from", start, zone), "end": instant("--until", end, zone)}


def _body(
    project: str,
    commitment: Row,
    overage: str,
    prepaid: tuple[str, str],
    tax_included: bool,
    id: str,
) -> dict[str, object]:
    (percent, left), terms = prepaid, dict[str, object]()
    if percent not in ("", "0"):
        terms["payment"] = {"prepaid": "wallet", "left": left}
    if overage:
        if overage not in ("list", "contract"):
            raise Usage(f"--overage {overage!r} is neither list nor contract")
        terms["overage"] = {"rates": {"rated": overage}}
    body: dict[str, object] = {
        "project": project,
        "commitments": [commitment],
        "prepayment_percent": percent or "0",
        "tax_included": tax_included,
        "terms": terms,
    }
    return body | ({"id": id} if id else {})


def _rate(text: str, unit: str) -> dict[str, str]:
    sku, equals, amount = text.partition("=")
    if not sku or not equals or not amount:
        raise Usage(f"--rate {text!r} is not SKU=AMOUNT as h100.1=9.50")
    return {"sku": sku, "amount": amount, "unit": unit}


def _unit(per: str) -> str:
    if per not in UNITS:
        raise Usage(f"--per {per!r} is neither gpu_hour nor slot_hour")
    return per
