"""What runs already: `kind: lease` and `kind: open_invoice`, and the `opening` of a contract."""

import re
from collections.abc import Mapping
from decimal import Decimal

from rackrate.app.adopting import Adoption
from rackrate.app.manifest.documents.parts import Reader, rows
from rackrate.app.manifest.fields import Fields, shown
from rackrate.app.opening import OpenInvoice
from rackrate.app.sales import MOST_NODES, Offer
from rackrate.core.contract import Opening
from rackrate.core.ids import (
    BlockId,
    ContractId,
    CustomerId,
    InvoiceId,
    LeaseId,
    NodeId,
    ProjectId,
    SkuId,
)
from rackrate.core.interval import Month
from rackrate.core.inventory import Block, Node, Sku
from rackrate.core.money import MOST_AMOUNT, Money
from rackrate.core.parties import Customer, Project
from rackrate.core.slots import Slots
from rackrate.core.workload import Spec

MOST_MEMBERS = 10_000
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SLOTS = re.compile(r"[0-9]{1,6}(-[0-9]{1,6})?(,[0-9]{1,6}(-[0-9]{1,6})?)*")
HIGHEST_SLOT = 1_024_000


def opening(f: Fields, zone: str, currency: str) -> Opening | None:
    """How far the books of before took a contract; None where it is signed now."""
    inner = f.inner("opening")
    if inner is None:
        return None
    signed = inner.instant("signed", zone)
    invoiced, earned = month(inner, "invoiced"), month(inner, "earned")
    left = _money(inner, "prepayment_left", currency, "0.00")
    if not inner.ok or invoiced is None or earned is None or left is None:
        return None
    return inner.build(lambda: Opening(signed, invoiced, earned, left))


def blocks(f: Fields) -> tuple[tuple[BlockId, int], ...]:
    """In which blocks the nodes of the first line run."""
    if not f.has("blocks"):
        return ()
    found: list[tuple[BlockId, int]] = []
    for each in f.each("blocks", 1000):
        block = each.reference("block", Block)
        found.append((BlockId(block), each.whole("nodes", 1, MOST_NODES)))
        each.refuse_unknown()
        f.references += each.references
    return tuple(found)


def month(f: Fields, field: str) -> Month | None:
    text = f.text(field)
    try:
        return Month.parse(text)
    except ValueError as error:
        if text:
            f.wrong(field, str(error))
        return None


def _money(f: Fields, field: str, currency: str, default: str | None = None) -> Money | None:
    amount = f.decimal(field, Decimal(0), MOST_AMOUNT, None if default is None else Decimal(0))
    try:
        return Money.parse(f"{amount:f}", currency) if currency else None
    except ValueError as error:
        f.wrong(field, f"is wrong: {error}")
        return None


def _open_invoice(f: Fields) -> list[OpenInvoice]:
    number = f.text("number")
    if number and not _NUMBER.fullmatch(number):
        f.wrong("number", f"{shown(number)} is not 1 to 63 letters, digits, dots and dashes")
    customer, currency = f.reference("customer", Customer), f.currency("currency")
    zone, of = f.time_zone("time_zone", ""), month(f, "month")
    issued, due = f.instant("issued", zone), f.instant("due", zone)
    net, tax = _money(f, "net", currency), _money(f, "tax", currency)
    paid, title = _money(f, "paid", currency, "0.00"), f.text("title", "")
    if of is None or net is None or tax is None or paid is None:
        f.refuse_unknown()
        return []
    return rows(
        f,
        lambda: OpenInvoice(
            InvoiceId(number), CustomerId(customer), of, issued, due, net, tax, paid, title
        ),
    )


def _lease(f: Fields) -> list[Adoption]:
    id, project, sku = f.name("name"), f.reference("project", Project), f.reference("sku", Sku)
    contract = f.reference("contract", Offer, required=False)
    since = f.instant("since", f.time_zone("time_zone", ""))
    image, title = f.text("image", ""), f.text("title", "")
    nodes = [_member(f, each) for each in f.each("nodes", MOST_MEMBERS)]
    names = [node for node, _ in nodes]
    twice = next((node for node in names if names.count(node) > 1), None)
    if twice:
        f.wrong("nodes", f"{twice!r} is there twice; give all its slots in one entry")
    return rows(
        f,
        lambda: Adoption(
            LeaseId(id),
            ProjectId(project),
            SkuId(sku),
            tuple(nodes),
            since,
            ContractId(contract) if contract else None,
            Spec(image),
            title,
        ),
    )


def _member(f: Fields, each: Fields) -> tuple[NodeId, Slots | None]:
    node, text = each.reference("node", Node), each.text("slots", "")
    each.refuse_unknown()
    f.references += each.references
    slots = None
    if text:
        runs = [run.partition("-") for run in text.split(",")] if _SLOTS.fullmatch(text) else []
        bounds = [(int(first), int(last or first)) for first, _, last in runs]
        if not bounds or any(low > high or high > HIGHEST_SLOT for low, high in bounds):
            each.wrong("slots", f"{shown(text)} is not slots such as 0-3,7")
        else:
            slots = Slots.parse(text)
    return NodeId(node), slots


READERS: Mapping[str, Reader] = {
    "open_invoice": Reader(OpenInvoice, _open_invoice),
    "lease": Reader(Adoption, _lease),
}
