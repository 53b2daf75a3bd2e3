"""The fleet: the map with its inspector, the table of nodes, one node, drain and return."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, JSONResponse, Response

from rackrate.app import catalogue, customers, fleet, sales, upkeep
from rackrate.core.access import Verb
from rackrate.core.errors import RackrateError
from rackrate.core.ids import NodeId, SiteId
from rackrate.core.inventory import NodeState
from rackrate.portal import fleet_view, typed
from rackrate.portal.broken_view import told_of
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.lease_view import CLASS_NAMES
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Posted, Same, Visited

router = APIRouter()
A_PAGE = 50
STATES = (
    ("", msg("All")),
    *((state.value, name) for state, (_, name) in fleet_view.NODE_STATES.items()),
)


@router.get("/fleet")
def fleet_map(page: Visited, node: str = "") -> Response:
    """Every site drawn node by node; without a script, block by block as a table."""
    maps = [
        fleet.site_map(page.world, page.actor, site.id)
        for site in fleet.list_sites(page.world, page.actor)
    ]
    everything = b"".join(found.slots for found in maps)
    values = {
        "sites": [
            {
                "site": found.site,
                "slots": len(found.slots),
                "nodes": len(found.nodes),
                "sold": fleet_view.sold_of(found.slots),
                "free": found.slots.count(fleet.SlotClass.FREE),
                "blocks": fleet_view.blocks_of(found),
            }
            for found in maps
        ],
        "counts": fleet_view.counts_of(everything),
        "slots": len(everything),
        "nodes": sum(len(found.nodes) for found in maps),
        "inspected": _inspected(page, NodeId(node)) if node else None,
        "asked": None,
    }
    return page.show("fleet.html", Same("rackrate node list", "GET /v1/nodes"), **values)


@router.get("/fleet/{site}.json")
def fleet_message(page: Visited, site: str) -> Response:
    """What the canvas of one site draws."""
    found = fleet.site_map(page.world, page.actor, SiteId(site))
    return JSONResponse(fleet_view.message(found, _holders(page, site)))


def _holders(page: Page, site: str) -> dict[str, str]:
    """The contracts whose nodes are promised in each block, where there are any."""
    if not page.may(Verb.CONTRACT_READ):
        return {}
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    skus = {sku.id: sku.chip for sku in catalogue.list_skus(page.world, page.actor)}
    signed = [one for one in sales.find(page.world, page.actor) if one.during.contains(page.now)]
    found = fleet.site_map(page.world, page.actor, SiteId(site))
    held: dict[str, str] = {}
    for pool in found.pools:
        mine = [
            one
            for one in signed
            for each in one.capacity_at(page.now)
            if each.site == site and each.sku is not None and skus.get(each.sku) == pool.chip
        ]
        if pool.promised and len({one.id for one in mine}) == 1:
            held[pool.block] = f"{mine[0].id} {names.get(mine[0].customer, '')}".strip()
    return held


@router.get("/nodes")
def nodes(page: Visited, site: str = "", state: str = "", after: str = "") -> Response:
    """Nodes by name, with what is on them."""
    wanted = NodeState(state) if state in frozenset(NodeState) else None
    found = fleet.list_nodes(
        page.world, page.actor, SiteId(site) if site else None, wanted, after, A_PAGE + 1
    )
    shown = found[:A_PAGE]
    values = {
        "views": shown,
        "following": shown[-1].node.id if len(found) > A_PAGE else "",
        "after": after,
        "site": site,
        "state": state,
        "states": STATES,
        "node_states": fleet_view.NODE_STATES,
        "bars": {
            view.node.id: fleet_view.pieces_of(fleet_view.counts_of(view.slots), len(view.slots))
            for view in shown
        },
        "sites": fleet.list_sites(page.world, page.actor),
        "chips": {one.id: one for one in catalogue.list_chips(page.world, page.actor)},
    }
    asked = [(name, value) for name, value in (("site", site), ("state", state)) if value]
    cli = "rackrate node list" + "".join(f" --{name} {value}" for name, value in asked)
    api = "GET /v1/nodes" + ("?" if asked else "") + "&".join(f"{n}={v}" for n, v in asked)
    return page.show("nodes.html", Same(cli, api), **values)


@router.get("/nodes/{id}")
def node(
    page: Visited,
    id: str,
    start: Annotated[str, Query(alias="from")] = "",
    until: str = "",
    note: str = "",
    act: str = "",
) -> Response:
    """One node. With `act=drain` it also says what draining it then would break."""
    asked = None
    if act == "drain":
        asked = {"start": start, "until": until, "note": note}
    return _node_page(page, NodeId(id), None, asked)


def _inspected(page: Page, id: NodeId) -> dict[str, Any]:
    """What the inspector and the page of a node show, its consequences included."""
    view = fleet.show_node(page.world, page.actor, id)
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    may_write = page.may(Verb.FLEET_WRITE)
    in_service = view.node.state == NodeState.IN_SERVICE
    would = None
    if may_write and in_service:
        would = fleet.drain(page.world, page.actor, id, "", dry_run=True)
    planned = in_service and view.node.drained is not None
    return {
        "view": view,
        "state": fleet_view.NODE_STATES[view.node.state],
        "fills": fleet_view.fills(view),
        "names": fleet_view.NAMES,
        "uses": list(view.slots),
        "class_names": CLASS_NAMES,
        "fill_of": fleet_view.FILLS,
        "chip": catalogue.show_chip(page.world, page.actor, view.node.chip),
        "site": next(
            one for one in fleet.list_sites(page.world, page.actor) if one.id == view.node.site
        ),
        "customers": names,
        "would": would,
        "may_return": may_write
        and (planned or view.node.state in (NodeState.DRAINING, NodeState.IN_REPAIR)),
        "form_key": page.form_key(),
    }


def _node_page(
    page: Page,
    id: NodeId,
    refused: RackrateError | None,
    asked: Mapping[str, str] | None = None,
) -> Response:
    values: dict[str, Any] = {"inspected": _inspected(page, id), "asked": None}
    same = Same(f"rackrate node show {id}", f"GET /v1/nodes/{id}")
    if page.part == "inspector":
        return HTMLResponse(page.render("parts/inspector.html", **values))
    if asked is not None:
        try:
            away = _away(page, asked["start"], asked["until"])
            would = fleet.drain(page.world, page.actor, id, asked["note"], True, away)
            values["asked"] = {**asked, **told_of(page, would.told)}
            same = _same(id, asked, away)
        except RackrateError as error:
            refused = error
    shown: dict[str, Any] = {"refusal": None if refused is None else refusal(page, refused)}
    status = 200 if refused is None else status_of(refused)
    return page.show("node.html", same, status, **values, **shown)


def _same(id: NodeId, asked: Mapping[str, str], away: fleet.Away) -> Same:
    """The same question from the command line and over HTTP."""
    days = (("--from", asked["start"]), ("--until", asked["until"]))
    said = "".join(f" {option} {day}" for option, day in days if day)
    body: dict[str, Any] = {"dry_run": True}
    for name, day in (("start", away.start), ("until", away.until)):
        if day is not None:
            body[name] = f"{day:%Y-%m-%dT%H:%M:%SZ}"
    api = f"POST /v1/nodes/{id}/drain {json.dumps(body)}"
    return Same(f"rackrate node drain {id}{said} --dry-run", api)


def _away(page: Page, start: str, until: str) -> fleet.Away:
    """The days that were typed; none: from now on, and nobody knows until when."""
    zone = page.organisation.time_zone
    return fleet.Away(
        typed.day("from", start, zone) if start else None,
        typed.day("until", until, zone) if until else None,
    )


@router.post("/nodes/{id}/drain")
def drain(
    page: Posted,
    id: str,
    note: Annotated[str, Form()] = "",
    start: Annotated[str, Form(alias="from")] = "",
    until: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def carry_out() -> str:
        away = _away(page, start, until)
        fleet.drain(page.world, page.actor, NodeId(id), note, away=away)
        return f"/nodes/{id}?done={'to-drain' if start else 'drained'}"

    try:
        return page.once(form_key, f"node/{id}/drain/{start}/{until}/{note}", carry_out)
    except RackrateError as refused:
        return _node_page(page, NodeId(id), refused)


@router.post("/nodes/{id}/return")
def give_back(page: Posted, id: str, form_key: Annotated[str, Form()] = "") -> Response:
    def carry_out() -> str:
        upkeep.return_node(page.world, page.actor, NodeId(id))
        return f"/nodes/{id}?done=returned"

    try:
        return page.once(form_key, f"node/{id}/return", carry_out)
    except RackrateError as refused:
        return _node_page(page, NodeId(id), refused)
