"""The portal as an application: its routes, its errors, and the headers of every answer."""

from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rackrate.app.world import World
from rackrate.core.errors import Invalid, Missing, RackrateError
from rackrate.portal import (
    account_pages,
    billing_pages,
    calendar_pages,
    channel_pages,
    contract_pages,
    document_pages,
    door,
    fleet_pages,
    front_pages,
    lease_pages,
    money_pages,
    price_pages,
    purchase_pages,
    quote_pages,
    receivable_pages,
    sell_pages,
    start_pages,
)
from rackrate.portal.errors import error_page
from rackrate.portal.page import Options, SignedOut, portal_of

POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
LARGEST_FORM = 256 * 1024
PAGES = (
    door,
    front_pages,
    fleet_pages,
    purchase_pages,
    calendar_pages,
    lease_pages,
    start_pages,
    price_pages,
    sell_pages,
    contract_pages,
    quote_pages,
    money_pages,
    billing_pages,
    receivable_pages,
    document_pages,
    channel_pages,
    account_pages,
)


def create_portal(world: World, options: Options | None = None) -> FastAPI:
    """An application to be mounted at `/`, after what has other addresses."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, title="Rackrate portal")
    app.state.portal = portal_of(world, options or Options())
    for module in PAGES:
        app.include_router(module.router)
    app.add_exception_handler(SignedOut, _to_sign_in)
    app.add_exception_handler(RackrateError, error_page)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_middleware(Guarded)
    return app


async def _to_sign_in(request: Request, _: Exception) -> Response:
    address = request.url.path
    if request.url.query:
        address += f"?{request.url.query}"
    target = "/sign-in" if address == "/" else f"/sign-in?next={quote(address, safe='')}"
    if request.headers.get("hx-request"):
        return Response(status_code=200, headers={"HX-Redirect": "/sign-in"})
    if request.method != "GET":
        target = "/sign-in"
    return RedirectResponse(target, 303)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code in (404, 405):
        return await error_page(request, Missing("page", request.url.path))
    return await error_page(request, Invalid("", str(error.detail)))


async def _bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return await error_page(request, Invalid(where, str(first["msg"])))


class Guarded:
    """Adds the headers that protect a page, and refuses a body that no form of ours has."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = {name for name, _ in message["headers"]}
                added = [header for header in HEADERS if header[0] not in kept]
                if b"cache-control" not in kept:
                    added.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *added]
            await send(message)

        if scope["method"] not in ("GET", "HEAD"):
            length = dict(scope["headers"]).get(b"content-length", b"")
            if not length.isdigit() or int(length) > LARGEST_FORM:
                await Response("too large", 413)(scope, receive, guarded)
                return
        await self.app(scope, receive, guarded)
