"""Receivables: who owes what and how late, what waits for a second person, what is unapplied."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from rackrate.app import books, customers, drafts, payments, receivables
from rackrate.core.access import Verb
from rackrate.core.draft import Draft, DraftState
from rackrate.core.errors import Missing, RackrateError
from rackrate.core.ids import EntityId
from rackrate.core.money import total
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.messages import msg
from rackrate.portal.money_pages import status_pill
from rackrate.portal.page import Page, Posted, Same, Visited

router = APIRouter()
A_PAGE = 100
KINDS = {"lines": msg("Lines by hand"), "credit": msg("Credit")}


@router.get("/receivables")
def receivable(page: Visited, entity: str = "") -> Response:
    return _shown(page, entity, None)


def _shown(page: Page, entity: str, refused: RackrateError | None) -> Response:
    """The ageing table, held against the ledger; beside it what somebody has to do."""
    entities = books.entities(page.world, page.actor)
    chosen = next((one for one in entities if one.id == entity), next(iter(entities), None))
    if chosen is None:
        raise Missing("entity", entity)
    world, actor, may_act = page.world, page.actor, page.may(Verb.INVOICE_WRITE)
    items = receivables.open_items(world, actor, chosen.id)
    held = payments.find(world, actor, limit=A_PAGE)
    waiting = drafts.find(world, actor, limit=A_PAGE) if may_act else []
    values: dict[str, Any] = {
        "entity": chosen,
        "entities": entities,
        "table": receivables.ageing(world, actor, chosen.id),
        "items": [(one, status_pill(page, one.invoice)) for one in items[:A_PAGE]],
        "drafts": [
            (one, KINDS[one.kind], total((line.amount for line in one.lines), _currency(one)))
            for one in waiting
            if one.entity == chosen.id and one.state is DraftState.WAITING
        ],
        "me": actor.principal,
        "unapplied": [one for one in held if one.payment.entity == chosen.id and one.left],
        "due": receivables.reminders_due(world, actor, chosen.id) if may_act else [],
        "names": {one.id: one.name for one in customers.list_customers(world, actor)},
        "may_act": may_act,
        "form_key": page.form_key(),
        "refusal": None if refused is None else refusal(page, refused),
    }
    option = f" --entity {chosen.id}" if len(entities) > 1 else ""
    api = f"GET /v1/receivables/ageing?entity={chosen.id}"
    status = 200 if refused is None else status_of(refused)
    return page.show(
        "receivables.html", Same(f"rackrate receivable age{option}", api), status, **values
    )


def _currency(draft: Draft) -> str:
    return draft.lines[0].amount.currency


@router.post("/drafts/{id}/approve")
def approve(page: Posted, id: str, form_key: Annotated[str, Form()] = "") -> Response:
    """A second person agrees."""

    def carry_out() -> str:
        done = drafts.approve(page.world, page.actor, id)
        return f"/receivables?entity={done.entity}&done=draft-approved"

    return _acted(page, form_key, f"approve/{id}", carry_out)


@router.post("/drafts/{id}/withdraw")
def withdraw(page: Posted, id: str, form_key: Annotated[str, Form()] = "") -> Response:
    def carry_out() -> str:
        done = drafts.withdraw(page.world, page.actor, id)
        return f"/receivables?entity={done.entity}&done=draft-withdrawn"

    return _acted(page, form_key, f"withdraw/{id}", carry_out)


@router.post("/receivables/remind")
def remind(
    page: Posted, entity: Annotated[str, Form()] = "", form_key: Annotated[str, Form()] = ""
) -> Response:
    """Everything that is due for a reminder."""

    def carry_out() -> str:
        receivables.remind(page.world, page.actor, EntityId(entity))
        return f"/receivables?entity={entity}&done=reminded"

    return _acted(page, form_key, f"remind/{entity}", carry_out)


def _acted(page: Page, form_key: str, what: str, carry_out: Any) -> Response:
    try:
        return page.once(form_key, what, carry_out)
    except Missing:
        raise
    except RackrateError as refused:
        return _shown(page, "", refused)
