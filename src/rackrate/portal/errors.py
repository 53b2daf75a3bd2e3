"""What went wrong, as a page: why, the number that is needed next, and a stable reason."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from rackrate.core.errors import Forbidden, RackrateError, Reason
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Portal, SignedOut, look_of, page_of
from rackrate.portal.refusals import detail_of

STATUS: Mapping[Reason, int] = {
    Reason.INVALID: 422,
    Reason.MISSING: 404,
    Reason.NOT_ALLOWED: 403,
    Reason.UNAVAILABLE: 503,
    Reason.UNAUTHENTICATED: 401,
    Reason.KEY_REUSED: 422,
}
TITLES: Mapping[Reason, str] = {
    Reason.NO_CAPACITY: msg("There is not enough free for this"),
    Reason.NOT_PRICED: msg("There is no price for this"),
    Reason.NOT_STATED: msg("Nobody states this figure of the chip"),
    Reason.NO_RATE: msg("There is no rate for this currency"),
    Reason.UNLIKELY_RATE: msg("This rate is far from the one before"),
    Reason.WRONG_STATE: msg("Its state does not allow this"),
    Reason.NOT_ALLOWED: msg("You may not do this"),
    Reason.NOT_ELIGIBLE: msg("This chip may not be leased from this country"),
    Reason.NOT_ISOLATED: msg("This site does not keep customers apart"),
    Reason.BEYOND_CONTRACT: msg("The contract does not cover this"),
    Reason.NOT_AGREED: msg("The contract's terms do not allow this"),
    Reason.TOO_EARLY: msg("It is too early for this"),
    Reason.TOO_LATE: msg("It is too late for this"),
    Reason.NOT_CLOSED_YET: msg("This month cannot be closed yet"),
    Reason.ALREADY_PAID: msg("This has been paid already"),
    Reason.TOO_MUCH_PAID: msg("This is more than is owed"),
    Reason.KEY_REUSED: msg("This form was used for something else"),
    Reason.NOT_APPROVED: msg("A second person has to approve this first"),
    Reason.IN_USE: msg("This is in use"),
    Reason.NO_POWER: msg("There is not enough power for this"),
    Reason.CREDIT_LIMIT: msg("This is beyond the credit limit"),
    Reason.WALLET_TOO_LOW: msg("Too little is left in the wallet"),
    Reason.BREAKS_PROMISE: msg("This would break a promise"),
    Reason.INVALID: msg("Something in the form is not right"),
    Reason.MISSING: msg("There is nothing here"),
    Reason.CONFLICT: msg("Somebody else was faster"),
    Reason.UNAVAILABLE: msg("This cannot be reached now"),
    Reason.UNAUTHENTICATED: msg("This token is not valid"),
}
NEXT: Mapping[Reason, str] = {
    Reason.CREDIT_LIMIT: msg(
        "Of the limit of {limit} {currency}, {owed} is open, {used} used and {running_an_hour} "
        "running; this would cost {would_cost_an_hour} an hour. Pay {short} at least, or have the "
        "limit raised to {limit_needed}."
    ),
    Reason.WALLET_TOO_LOW: msg(
        "{left} {currency} is left; this would cost {would_cost_an_hour} an hour. "
        "Top it up by {short} at least."
    ),
    Reason.NO_CAPACITY: msg(
        "At most {one_node} are free on one node, {slots_free} in all; "
        "{nodes_free} whole nodes are free."
    ),
    Reason.BEYOND_CONTRACT: msg("The contract has room for {nodes_free} more nodes now."),
    Reason.NO_RATE: msg("Set one: 1 {currency} in {target}."),
    Reason.UNAVAILABLE: msg("Load the page again in a moment."),
    Reason.CONFLICT: msg("Load the page again and decide again."),
}


def status_of(error: RackrateError) -> int:
    return STATUS.get(error.reason, 409)


def next_step(page: Page, error: RackrateError) -> str:
    """The number that the asker needs next, in its language; nothing where none is known."""
    key = NEXT.get(error.reason, "")
    try:
        return page.say(key, **error.facts) if key else ""
    except KeyError:
        return ""


def refusal(page: Page, error: RackrateError) -> dict[str, Any]:
    """What `parts/refusal.html` shows."""
    return {
        "title": TITLES[error.reason],
        "next": next_step(page, error),
        "detail": detail_of(page.portal.catalogue, page.look.language, error),
        "reason": str(error.reason),
        "request": page.actor.request,
    }


async def error_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, RackrateError)
    return await run_in_threadpool(_render, request, error)


def _render(request: Request, error: RackrateError) -> Response:
    try:
        page = page_of(request)
    except (SignedOut, Forbidden):
        portal: Portal = request.app.state.portal
        template = portal.templates.get_template("outside.html")
        text = template.render(look=look_of(request), title=TITLES[error.reason], error=error)
        return HTMLResponse(text, status_of(error))
    shown = refusal(page, error)
    if request.headers.get("hx-request"):
        return HTMLResponse(page.render("parts/refused.html", refusal=shown), status_of(error))
    return page.show("error.html", None, status_of(error), refusal=shown)
