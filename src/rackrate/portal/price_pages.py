"""What things cost: prices with stock, the whole price book, contract prices, and what is wrong."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from rackrate.app import catalogue, customers
from rackrate.core.access import Verb
from rackrate.core.chips import Confidence
from rackrate.core.lease import LeaseClass
from rackrate.core.price_check import Finding
from rackrate.core.pricing import Price
from rackrate.exports import csv_table
from rackrate.portal.lease_view import CLASS_NAMES
from rackrate.portal.matrix import matrix_of
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Same, Visited
from rackrate.portal.price_view import ITEM_NAMES

router = APIRouter()
A_PAGE = 40
CONFIDENCE = {
    Confidence.DATASHEET: ("ok", msg("datasheet")),
    Confidence.SECONDARY: ("", msg("secondary source")),
    Confidence.DISPUTED: ("warn", msg("sources disagree")),
    Confidence.OPERATOR: ("", msg("told by the operator")),
}
IN_FORCE, COMING, OVER, SUPERSEDED = "in_force", "coming", "over", "superseded"
STATES = {
    IN_FORCE: ("ok", msg("In force")),
    COMING: ("wait", msg("To come")),
    OVER: ("", msg("Over")),
    SUPERSEDED: ("", msg("Superseded")),
}
# Without a wish what holds now or is to hold is shown.
WISHES = {
    "": msg("In force and to come"),
    "all": msg("All"),
    **{k: v[1] for k, v in STATES.items()},
}
FILTER_NAMES = {
    "item": msg("Item"),
    "class": msg("Class"),
    "currency": msg("Currency"),
    "site": msg("Site"),
    "customer": msg("Customer"),
}
COLUMNS = (
    "item", "class", "currency", "amount", "unit", "month_hours", "tax_included", "site",
    "customer", "from", "until", "rule", "basis", "notice_seconds", "state",
)  # fmt: skip


class Asked:
    """Which part of the price book is looked at."""

    def __init__(
        self,
        item: str = "",
        klass: Annotated[str, Query(alias="class")] = "",
        currency: str = "",
        site: str = "",
        customer: str = "",
        state: str = "",
        after: int = 0,
    ) -> None:
        self.given = {
            "item": item, "class": klass, "currency": currency, "site": site,
            "customer": customer, "state": state,
        }  # fmt: skip
        self.after = max(0, min(after, 1_000_000))

    @property
    def query(self) -> str:
        return "&".join(f"{name}={value}" for name, value in self.given.items() if value)

    def takes(self, price: Price, state: str) -> bool:
        wanted = self.given["state"]
        if not (state in (IN_FORCE, COMING) if not wanted else wanted in ("all", state)):
            return False
        own = {
            "item": price.item, "class": price.klass or "", "currency": price.currency,
            "site": price.site or "", "customer": price.customer or "",
        }  # fmt: skip
        return all(
            own[name] == value for name, value in self.given.items() if value and name in own
        )


Wanted = Annotated[Asked, Depends(Asked)]


@router.get("/prices")
def prices(page: Visited, asked: Wanted) -> Response:
    """What is in force with stock, what was and what is to come, and what the chips are."""
    book = _book(page)
    rows = [(price, state) for price, state in book if asked.takes(price, state)]
    shown = rows[asked.after : asked.after + A_PAGE]
    values = {
        "offerings": catalogue.list_offerings(page.world, page.actor, page.organisation.currency),
        "rows": [(price, STATES[state]) for price, state in shown],
        "count": len(rows),
        "whole": len(book),
        "following": asked.after + A_PAGE if len(rows) > asked.after + A_PAGE else 0,
        "asked": asked,
        "choices": _choices(page, [price for price, _ in book]),
        "wishes": WISHES,
        "filter_names": FILTER_NAMES,
        "item_names": ITEM_NAMES,
        "faults": _faults(page),
        "matrices": _matrices(page),
        "class_names": CLASS_NAMES,
        "chips": catalogue.list_chips(page.world, page.actor),
        "confidence": CONFIDENCE,
    }
    return page.show("prices.html", Same("rackrate price list", "GET /v1/prices"), **values)


@router.get("/prices.csv")
def prices_as_csv(page: Visited, asked: Wanted) -> Response:
    """The same rows, all of them."""
    rows = _csv_rows([(price, state) for price, state in _book(page) if asked.takes(price, state)])
    return page.file("prices.csv", csv_table.MEDIA, csv_table.write(COLUMNS, rows))


def _csv_rows(rows: Sequence[tuple[Price, str]]) -> Iterator[tuple[object, ...]]:
    for price, state in rows:
        yield (
            price.item, price.klass or "", price.currency, f"{price.amount:f}", price.unit.value,
            price.month_hours or "", "yes" if price.tax_included else "no", price.site or "",
            price.customer or "", _iso(price.effective), _iso(price.until), price.rule or "",
            csv_table.safe(price.basis), int(price.notice.total_seconds()), state,
        )  # fmt: skip


def _iso(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _book(page: Page) -> list[tuple[Price, str]]:
    """The whole book that the visitor may see, in the order in which one supersedes another."""
    now = {price.id for price in catalogue.list_prices(page.world, page.actor, page.now)}
    found = catalogue.list_prices(page.world, page.actor)
    return [
        (price, _state(page, price, now))
        for price in sorted(found, key=lambda price: (price.series, price.effective))
    ]


def _state(page: Page, price: Price, in_force: set[str]) -> str:
    if price.id in in_force:
        return IN_FORCE
    if price.effective > page.now:
        return COMING
    return OVER if price.until is not None and price.until <= page.now else SUPERSEDED


def _choices(page: Page, book: Sequence[Price]) -> dict[str, list[tuple[str, str]]]:
    """What each filter may be, where there is a choice."""
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    classes = [klass for klass in LeaseClass if any(price.klass is klass for price in book)]
    wide = page.organisation.customer is None
    found: dict[str, list[tuple[str, str]]] = {
        "item": [(item, item) for item in sorted({price.item for price in book})],
        "class": [(str(klass), page.say(CLASS_NAMES[klass])) for klass in classes],
        "currency": [(each, each) for each in sorted({price.currency for price in book})],
        "site": [(site, site) for site in sorted({p.site for p in book if p.site})],
        "customer": [
            (id, names.get(id, id)) for id in sorted({p.customer for p in book if p.customer})
        ],
    }
    return {
        name: choices
        for name, choices in found.items()
        if choices and (len(choices) > 1 or (wide and name in ("site", "customer")))
    }


def _matrices(page: Page) -> list[dict[str, Any]]:
    """Contract prices that hold, that are to come, and that were; the floor is for the seller."""
    now = {
        price.id for price in catalogue.list_contract_prices(page.world, page.actor, at=page.now)
    }
    found = catalogue.list_contract_prices(page.world, page.actor)
    order = sorted(found, key=lambda price: (price.sku, price.currency, price.effective))
    floors = page.organisation.customer is None
    return [
        {
            **matrix_of(price, floors=floors),
            "state": STATES[IN_FORCE if price.id in now else COMING],
            "old": price.id not in now and price.effective <= page.now,
        }
        for price in order
    ]


def _faults(page: Page) -> list[Finding] | None:
    """What is wrong with the price book, for those who work for the operator."""
    if page.organisation.customer is not None or not page.may(Verb.FLEET_READ):
        return None
    return catalogue.check_prices(page.world, page.actor)
