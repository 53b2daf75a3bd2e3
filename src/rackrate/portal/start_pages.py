"""Starting a lease: price and stock in one place, the cost as it is filled in, one button."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from rackrate.app import catalogue, customers, leasing, sales
from rackrate.app.catalogue import Offering
from rackrate.core.access import Verb
from rackrate.core.contract import Contract
from rackrate.core.errors import Invalid, RackrateError
from rackrate.core.ids import ContractId, ProjectId, SkuId
from rackrate.core.lease import LeaseClass
from rackrate.core.parties import Project
from rackrate.core.pricing import Price
from rackrate.core.workload import Mount, Spec
from rackrate.portal import typed
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.page import Page, Posted, Same, Visited

router = APIRouter()
SPOT = "/spot"  # Beside a SKU where a contract's name would be, which this is not.


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that can be asked for: a SKU on demand, as spot, or under a contract."""

    offering: Offering
    contract: Contract | None
    price: Price | None
    free: int
    signed: int = 0  # nodes that the contract has now
    spot: bool = False
    waits: int = 0  # units that it could have once spot has made room; only where none is free

    @property
    def value(self) -> str:
        sku = self.offering.sku.id
        if self.spot:
            return f"{sku}@{SPOT}"
        return sku if self.contract is None else f"{sku}@{self.contract.id}"

    @property
    def open(self) -> bool:
        return self.free + self.waits > 0 and (self.contract is not None or self.price is not None)

    @property
    def gpus(self) -> int:
        return self.offering.sku.slots


@dataclass(frozen=True, slots=True)
class ChipRow:
    """A chip at a site, with what is sold of it."""

    offering: Offering
    small: tuple[Cell, ...]
    whole: tuple[Cell, ...]
    signed: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """The form as it was sent."""

    offer: str = ""
    count: str = "1"
    nodes: str = "1"
    project: str = ""
    name: str = ""
    image: str = ""
    command: str = ""
    env: str = ""
    volumes: str = ""


def chip_rows(
    offerings: Sequence[Offering],
    contracts: Sequence[Contract],
    used: Mapping[str, int],
    now: datetime,
) -> list[ChipRow]:
    """Rows in the order of site and chip: by the slot, by the node, and under a contract."""
    grouped: dict[tuple[str, str], list[Offering]] = {}
    for one in offerings:
        grouped.setdefault((one.site.id, one.chip.id), []).append(one)
    rows = []
    for _, group in sorted(grouped.items()):
        cells = [
            Cell(
                one,
                None,
                one.prices.get(LeaseClass.ON_DEMAND),
                one.stock.units,
                waits=one.after_spot,
            )
            for one in group
        ]
        cells += [
            Cell(one, None, one.prices[LeaseClass.SPOT], one.spot.units, spot=True)
            for one in group
            if one.spot is not None
        ]
        signed = tuple(
            Cell(one, contract, None, max(0, nodes - used.get(contract.id, 0)), nodes)
            for one in group
            for contract in contracts
            if (nodes := _nodes_of(contract, one, now))
        )
        small = tuple(cell for cell in cells if not cell.offering.sku.whole_node)
        whole = tuple(cell for cell in cells if cell.offering.sku.whole_node)
        rows.append(ChipRow(group[0], small, whole, signed))
    return rows


def _nodes_of(contract: Contract, offering: Offering, now: datetime) -> int:
    return sum(each.nodes for each in contract.capacity_at(now) if each.sku == offering.sku.id)


def choices(page: Page, wish: Wish) -> dict[str, Any]:
    """What `parts/start.html` shows: everything that is sold, and what the form says now."""
    offerings = catalogue.list_offerings(page.world, page.actor, page.organisation.currency)
    contracts: list[Contract] = []
    used: dict[str, int] = {}
    if page.may(Verb.CONTRACT_READ):
        found = sales.find(page.world, page.actor, page.organisation.customer)
        contracts = [one for one in found if one.during.contains(page.now)]
    if contracts:
        for lease in leasing.find(page.world, page.actor, leasing.Filter(live=True)):
            if lease.terms.account and lease.members:
                used[lease.terms.account] = used.get(lease.terms.account, 0) + lease.terms.nodes
    rows = chip_rows(offerings, contracts, used, page.now)
    cells = [cell for row in rows for cell in (*row.small, *row.whole, *row.signed)]
    chosen = next((cell for cell in cells if cell.value == wish.offer and cell.open), None)
    chosen = chosen or next((cell for cell in cells if cell.open), None)
    return {
        "chip_rows": rows,
        "chosen": chosen,
        "wish": wish,
        "projects": _projects(page),
        "quote": None if chosen is None else quote(chosen, wish),
        "form_key": page.form_key(),
        "any_signed": any(row.signed for row in rows),
    }


def _projects(page: Page) -> list[Project]:
    return customers.list_projects(page.world, page.actor, page.organisation.customer)


@dataclass(frozen=True, slots=True)
class Quote:
    """What the form asks for would cost an hour, and whether there is as much now."""

    cell: Cell
    count: int
    nodes: int
    hourly: Fraction | None
    enough: bool

    @property
    def daily(self) -> Fraction | None:
        return None if self.hourly is None else self.hourly * 24


def quote(cell: Cell, wish: Wish) -> Quote:
    sku = cell.offering.sku
    count = _whole(wish.count)
    nodes = 1 if sku.whole_node else _whole(wish.nodes)
    units = count * nodes
    hourly = None
    if cell.price is not None:
        hourly = cell.price.hourly * sku.slots * units
    return Quote(cell, count, nodes, hourly, units <= cell.free + cell.waits)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 else 1


def wish_of_query(request: Request) -> Wish:
    known = {name: request.query_params.get(name) for name in Wish.__dataclass_fields__}
    return Wish(**{name: value for name, value in known.items() if value is not None})


@router.get("/start")
def start(page: Visited) -> Response:
    """The form; `?part=quote` is what its last line says now."""
    wish = wish_of_query(page.request)
    values = choices(page, wish)
    if page.part == "quote":
        return HTMLResponse(page.render("parts/quote.html", **values))
    return page.show("start.html", same_of(values), **values)


def same_of(values: dict[str, Any]) -> Same | None:
    """The command and the request that the form as it stands would send."""
    asked: Quote | None = values["quote"]
    if asked is None:
        return None
    cell, projects = asked.cell, values["projects"]
    project = values["wish"].project or (projects[0].id if projects else "PROJECT")
    cli = f"rackrate lease start --sku {cell.offering.sku.id} --count {asked.count}"
    body = f'"project":"{project}","sku":"{cell.offering.sku.id}","count":{asked.count}'
    if asked.nodes > 1:
        cli += f" --nodes {asked.nodes}"
        body += f',"nodes":{asked.nodes}'
    if cell.spot:
        cli += " --class spot"
        body += ',"class":"spot"'
    if cell.contract is not None:
        cli += f" --contract {cell.contract.id}"
        body += f',"contract":"{cell.contract.id}"'
    return Same(f"{cli} --project {project}", f"POST /v1/leases {{{body}}}")


def wish_of_form(
    offer: Annotated[str, Form()] = "",
    count: Annotated[str, Form()] = "1",
    nodes: Annotated[str, Form()] = "1",
    project: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    image: Annotated[str, Form()] = "",
    command: Annotated[str, Form()] = "",
    env: Annotated[str, Form()] = "",
    volumes: Annotated[str, Form()] = "",
) -> Wish:
    return Wish(offer, count, nodes, project, name, image, command, env, volumes)


@router.post("/start")
def start_form(
    page: Posted,
    wish: Annotated[Wish, Depends(wish_of_form)],
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Promise the capacity, or say why not, with what was filled in still there."""
    try:
        asked = asked_for(wish)

        def carry_out() -> str:
            lease = leasing.start(page.world, page.actor, asked)
            return f"/leases/{lease.id}?done=started"

        return page.once(form_key, f"lease/start/{wish}", carry_out)
    except RackrateError as refused:
        values = choices(page, wish)
        values["refusal"] = refusal(page, refused)
        return page.show("start.html", same_of(values), status_of(refused), **values)


def asked_for(wish: Wish) -> leasing.Ask:
    """What the form asks for; Invalid where a field cannot be read."""
    sku, _, contract = wish.offer.partition("@")
    if not sku:
        raise Invalid("offer", "choose what to lease")
    klass = None if contract else LeaseClass.ON_DEMAND
    if contract == SPOT:
        klass = LeaseClass.SPOT
    try:
        command = tuple(shlex.split(wish.command))
    except ValueError as error:
        raise Invalid("command", f"{error}") from None
    spec = Spec(
        image=wish.image.strip(),
        command=command,
        env=_env(wish.env),
        volumes=_volumes(wish.volumes),
    )
    return leasing.Ask(
        ProjectId(wish.project),
        SkuId(sku),
        typed.whole("count", wish.count),
        typed.whole("nodes", wish.nodes),
        klass,
        ContractId(contract) if contract and klass is None else None,
        spec,
        wish.name.strip(),
    )


def _env(text: str) -> dict[str, str]:
    env: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, equals, value = line.partition("=")
        if not equals or not key:
            raise Invalid("env", f"{line!r} is not NAME=value")
        env[key] = value
    return env


def _volumes(text: str) -> tuple[Mount, ...]:
    mounts = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, rest = line.partition(":")
        path, sized, size = rest.rpartition(":")
        if not colon or (sized and not (size.isascii() and size.isdigit())):
            raise Invalid("volumes", f"{line!r} is not NAME:/path, or NAME:/path:GB")
        try:
            mounts.append(Mount(name, path, int(size)) if sized else Mount(name, rest))
        except ValueError as error:
            raise Invalid("volumes", str(error)) from None
    return tuple(mounts)
