"""Coming in and going out: sign-in, sign-out, language and theme, static files, jumping."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from rackrate.app.identity import sign_in
from rackrate.core.errors import Missing, RackrateError, Unauthenticated
from rackrate.portal.errors import TITLES
from rackrate.portal.messages import LANGUAGES
from rackrate.portal.page import THEMES, Portal, Posted, look_of
from rackrate.portal.session import BEFORE, COOKIE, same

router = APIRouter()
A_YEAR = 365 * 86400


@router.get("/static/{name:path}")
def static(request: Request, name: str) -> Response:
    """A file under a name that changes with its content."""
    portal: Portal = request.app.state.portal
    asset = portal.assets.at(name)
    if asset is None:
        raise Missing("file", name)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.packed, headers=headers, media_type=asset.media_type)
    return Response(asset.body, headers=headers, media_type=asset.media_type)


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/") -> Response:
    return _sign_in_page(request, next, None, 200)


@router.post("/sign-in")
def sign_in_form(
    request: Request,
    token: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Open a session for whoever holds this token."""
    portal: Portal = request.app.state.portal
    if not same(csrf, request.cookies.get(BEFORE, "")):
        return _sign_in_page(request, next, None, 403)
    secret = token.strip()
    try:
        sign_in(portal.world, secret)
    except Unauthenticated as error:
        return _sign_in_page(request, next, error, 401)
    cookie, _ = portal.sessions.begin(secret, portal.world.clock.now())
    answer = RedirectResponse(local(next), 303)
    _set(answer, portal, COOKIE, cookie)
    answer.delete_cookie(BEFORE, path="/")
    return answer


@router.post("/sign-out")
def sign_out(page: Posted) -> Response:
    page.portal.sessions.end(page.session.key)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/look")
def look(request: Request, language: str = "", theme: str = "", next: str = "/") -> Response:
    """Keep how the visitor wants pages to look. It changes nothing else, so a link may do it."""
    answer = RedirectResponse(local(next), 303)
    portal: Portal = request.app.state.portal
    if language in LANGUAGES:
        _set(answer, portal, "rackrate_language", language, A_YEAR)
    if theme in THEMES:
        _set(answer, portal, "rackrate_theme", theme, A_YEAR)
    return answer


def local(address: str) -> str:
    """The address if it is one of ours, else the first page."""
    parts = urlsplit(address)
    ours = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if ours and not parts.netloc and "\n" not in address else "/"


def _sign_in_page(
    request: Request, next: str, error: RackrateError | None, status: int
) -> Response:
    portal: Portal = request.app.state.portal
    visit = portal.world.ids.secret()
    text = portal.templates.get_template("sign-in.html").render(
        look=look_of(request),
        options=portal.options,
        csrf=visit,
        next=local(next),
        error=error,
        title=None if error is None else TITLES[error.reason],
    )
    answer = HTMLResponse(text, status)
    _set(answer, portal, BEFORE, visit)
    return answer


def _set(
    answer: Response, portal: Portal, name: str, value: str, max_age: int | None = None
) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=max_age,
        path="/",
        httponly=True,
        secure=portal.options.secure,
        samesite="strict",
    )
