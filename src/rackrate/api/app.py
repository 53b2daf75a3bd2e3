"""The API put together: routes, the edge around them, and one answer for every error."""

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import compile_path

from rackrate.api import openapi
from rackrate.api.asker import in_thread, signed_in
from rackrate.api.edge import Edge
from rackrate.api.problems import Fault, Stale, invalid, problem, refused
from rackrate.api.routes import (
    capacity,
    channels,
    contracts,
    credit,
    documents,
    drafts,
    fleet,
    indices,
    leases,
    metered,
    money,
    people,
    purchases,
    quotes,
    rates,
    receivables,
    system,
    wallets,
)
from rackrate.app.world import World
from rackrate.core.errors import RackrateError, Reason

PREFIX = "/v1"
NOUNS = (
    leases,
    capacity,
    fleet,
    indices,
    purchases,
    people,
    quotes,
    contracts,
    money,
    drafts,
    receivables,
    rates,
    credit,
    wallets,
    documents,
    channels,
    metered,
    system,
)
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
Handler = Callable[[Request, Any], Awaitable[Response]]


def create_app(world: World, routers: Iterable[APIRouter] = (), ssh_port: int = 2222) -> FastAPI:
    """The app that serves `world`. Other surfaces join with `routers`, or by `app.mount`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, strict_content_type=True)
    app.state.world = world
    app.state.ssh_port = ssh_port
    for noun in NOUNS:
        app.include_router(noun.router, prefix=PREFIX)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    app.add_route("/v1/openapi.json", _document, include_in_schema=False)
    app.add_route("/docs", _docs, include_in_schema=False)
    app.add_route("/v1/{rest:path}", _unknown, methods=list(VERBS), include_in_schema=False)
    for router in routers:
        app.include_router(router)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(Edge, world=world)
    return app


async def _document(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


async def _docs(request: Request) -> Response:
    headers = {"Content-Security-Policy": CONTENT_POLICY}
    return HTMLResponse(openapi.page(request.app.openapi()), headers=headers)


async def _unknown(request: Request) -> Response:
    """No such path; or one that takes other methods, and says which."""
    fitting = [
        (template.groups, verbs)
        for template, verbs in _takes().items()
        if template.fullmatch(request.scope["path"])
    ]
    # Of `/invoices/close` and `/invoices/{id}` the first is what was meant.
    nearest = min((groups for groups, _ in fitting), default=0)
    allowed = {verb for groups, verbs in fitting for verb in verbs if groups == nearest}
    if not allowed:
        return problem(Reason.MISSING, f"no such path: {request.scope['path']}", _id(request))
    detail = f"{request.method} is not for this path; it takes {', '.join(sorted(allowed))}"
    headers = {"Allow": ", ".join(sorted(allowed))}
    return problem(Fault.WRONG_METHOD, detail, _id(request), headers=headers)


@cache
def _takes() -> dict[re.Pattern[str], set[str]]:
    """The methods that each path takes."""
    found: dict[re.Pattern[str], set[str]] = {}
    for noun in NOUNS:
        for route in noun.router.routes:
            assert isinstance(route, APIRoute)
            found.setdefault(compile_path(PREFIX + route.path)[0], set()).update(
                route.methods or ()
            )
    return found


def _id(request: Request) -> str:
    return str(request.state.request)


async def _refused(request: Request, error: RackrateError) -> Response:
    return refused(error, _id(request))


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    try:
        await in_thread(signed_in, request.app.state.world, request.scope["state"])
    except RackrateError as stranger:
        return refused(stranger, _id(request))
    return invalid(error.errors(), _id(request))


async def _stale(request: Request, _: Stale) -> Response:
    detail = "it has changed since the version in If-Match; look again, and decide again"
    return problem(Fault.STALE, detail, _id(request))


async def _http(request: Request, error: HTTPException) -> Response:
    """What the framework itself refuses."""
    if error.status_code == 405:
        headers = dict(error.headers or {})
        return problem(Fault.WRONG_METHOD, "not for this path", _id(request), headers=headers)
    reason = Reason.MISSING if error.status_code == 404 else Reason.INVALID
    return problem(reason, str(error.detail), _id(request))


_HANDLERS: dict[type[Exception], Handler] = {
    RackrateError: _refused,
    RequestValidationError: _invalid,
    Stale: _stale,
    HTTPException: _http,
}
