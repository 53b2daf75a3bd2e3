"""The capacity calendar: what can be promised, from when, on which fabric, and why."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import Response

from rackrate.app import capacity, catalogue, fleet
from rackrate.core.contract_price import plus_months
from rackrate.core.errors import Invalid, RackrateError
from rackrate.core.ids import ChipId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Sku
from rackrate.portal import calendar_view
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Same, Visited

router = APIRouter()
UNITS = (
    (capacity.Unit.NODES, msg("Nodes")),
    (capacity.Unit.GPUS, msg("GPUs")),
    (capacity.Unit.PFLOPS, msg("PFLOPS")),
)
PERIODS = {"90d": msg("90 days"), "24m": msg("24 months"), "60m": msg("5 years")}
CHANGES = 40


@router.get("/capacity")
def calendar(
    page: Visited,
    what: str = "",
    site: str = "",
    start: str = "",
    period: str = "24m",
    unit: str = "nodes",
    after: str = "",
) -> Response:
    """`what` is `sku:ID` or `chip:ID`; left out: the first SKU of whole nodes."""
    skus = [sku for sku in catalogue.list_skus(page.world, page.actor) if sku.whole_node]
    chosen = what or (f"sku:{skus[0].id}" if skus else "")
    asked = {"what": chosen, "site": site, "start": start, "period": period, "unit": unit}
    values: dict[str, Any] = {
        "skus": skus,
        "chips": catalogue.list_chips(page.world, page.actor),
        "sites": fleet.list_sites(page.world, page.actor),
        "units": UNITS,
        "periods": PERIODS,
        "asked": asked,
        "link": partial(_link, asked),
        "found": None,
        "refusal": None,
    }
    if not chosen:
        return page.show("capacity.html", Same("rackrate sku list", "GET /v1/skus"), **values)
    try:
        question = _question(page, asked, skus)
        found = capacity.show(page.world, page.actor, question)
    except RackrateError as refused:
        values["refusal"] = refusal(page, refused)
        same = Same("rackrate sku list", "GET /v1/skus")
        return page.show("capacity.html", same, status_of(refused), **values)
    values |= _shown(page, found, after)
    return page.show("capacity.html", _same(question), **values)


def _link(asked: dict[str, str], name: str, value: str) -> str:
    """The same question with one thing changed."""
    given = {key: told for key, told in {**asked, name: value}.items() if told}
    return f"/capacity?{urlencode(given)}"


def _question(page: Page, asked: dict[str, str], skus: list[Sku]) -> capacity.Question:
    kind, _, id = asked["what"].partition(":")
    if kind not in ("sku", "chip") or not id:
        raise Invalid("what", f"{asked['what']!r} is neither sku:ID nor chip:ID")
    if asked["period"] not in PERIODS:
        raise Invalid("period", f"{asked['period']!r} is none of {', '.join(PERIODS)}")
    if asked["unit"] not in frozenset(capacity.Unit):
        raise Invalid("unit", f"{asked['unit']!r} is none of {', '.join(capacity.Unit)}")
    sold_at = {sku.id: sku.site for sku in skus}
    elsewhere = kind == "sku" and asked["site"] not in ("", sold_at.get(SkuId(id), ""))
    if elsewhere:
        raise Invalid("site", f"{id} is sold at {sold_at.get(SkuId(id))}, not at {asked['site']}")
    return capacity.Question(
        _window(page, asked["start"], asked["period"]),
        SkuId(id) if kind == "sku" else None,
        ChipId(id) if kind == "chip" else None,
        SiteId(asked["site"]) if asked["site"] and kind == "chip" else None,
        capacity.Unit(asked["unit"]),
    )


def _window(page: Page, start: str, period: str) -> Interval:
    """From midnight of a day on the clock of whoever looks; left out: from now."""
    zone = page.times.name
    first = page.now
    if start:
        try:
            first = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
        except ValueError:
            raise Invalid("start", f"{start!r} is not a day as 2027-01-01") from None
    first = first.astimezone(page.now.tzinfo).replace(microsecond=0)
    try:
        if period == "90d":
            return Interval(first, first + timedelta(days=90))
        return Interval(first, plus_months(first, int(period.removesuffix("m")), zone))
    except (OverflowError, ValueError):
        raise Invalid("start", f"{start} is too far away") from None


def _shown(page: Page, found: capacity.Calendar, after: str) -> dict[str, Any]:
    """What the page draws. Blocks come a page at a time: there may be hundreds."""
    voice, steps = calendar_view.Voice(page.say, page.times.name), calendar_view.steps(found)
    rest = [pool for pool in found.pools if pool.id > after]
    shown = rest[: calendar_view.LANES]
    marks = [(mark, calendar_view.say_mark(found, mark, voice)) for mark in found.marks[:CHANGES]]
    return {
        "found": found,
        "steps": steps,
        "uses": calendar_view.uses_of(found),
        "use_names": calendar_view.NAMES,
        "chart_data": calendar_view.chart(found, voice, steps),
        "lanes": calendar_view.lanes(found, shown, voice),
        "ticks": calendar_view.ticks(found, voice),
        "marks": marks,
        "more_marks": max(len(found.marks) - CHANGES, 0),
        "following": shown[-1].id if len(rest) > len(shown) else "",
        "nodes": sum(pool.nodes for pool in found.pools),
        "unit_name": dict(UNITS)[found.question.unit],
        "short": any(step.short for step in steps),
    }


def _same(question: capacity.Question) -> Same:
    window = question.window
    what = f"sku {question.sku}" if question.sku else f"chip {question.chip}"
    asked = [tuple(what.split(" ")), ("site", question.site or "")]
    asked += [("from", f"{window.start:%Y-%m-%dT%H:%M:%SZ}")]
    asked += [("until", f"{window.end:%Y-%m-%dT%H:%M:%SZ}"), ("unit", question.unit.value)]
    given = [(name, value) for name, value in asked if value]
    cli = "rackrate capacity show" + "".join(f" --{name} {value}" for name, value in given)
    return Same(cli, "GET /v1/capacity?" + "&".join(f"{n}={v}" for n, v in given))
