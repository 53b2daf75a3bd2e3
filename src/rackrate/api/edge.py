"""The edge: a request gets its id, its asker and its limits before anything else is done."""

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from rackrate.api.asker import in_thread, signed_in
from rackrate.api.problems import Fault, problem, refused
from rackrate.app.world import World
from rackrate.core.errors import RackrateError, Unauthenticated

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX = "/v1/"
PUBLIC = frozenset({"/v1/health", "/v1/ready", "/v1/openapi.json"})
APPLY = "/v1/apply"
LARGEST_APPLY = 20_000_000
LARGEST = 1_000_000
SMALL = 64 * 1024
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = logging.getLogger("rackrate.api")


class Edge:
    """Around every request, in plain ASGI: anything thicker costs more than the work inside."""

    def __init__(self, app: App, world: World) -> None:
        self.app = app
        self.world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request = given if _GIVEN_ID.fullmatch(given) else self.world.ids.new("req")
        scope.setdefault("state", {})["request"] = request
        started = False

        async def marked(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["X-Request-Id"] = request
            await send(message)

        try:
            refusal, receive = await self._admit(scope, headers, receive, request)
            await (refusal or self.app)(scope, receive, marked)
        except Exception:
            log.exception("request %s failed: %s %s", request, scope["method"], scope["path"])
            if started:
                raise
            detail = f"something is wrong on our side; say {request} when you report it"
            await problem(Fault.INTERNAL, detail, request)(scope, receive, marked)

    async def _admit(
        self, scope: Scope, headers: Headers, receive: Receive, request: str
    ) -> tuple[Response | None, Receive]:
        """Why not, or None; and where the body now comes from."""
        path = scope["path"]
        if not path.startswith(PREFIX):
            return None, receive
        if path not in PUBLIC:
            state = scope["state"]
            try:
                state["secret"] = _bearer(headers)
                if not _is_small(headers):
                    await in_thread(signed_in, self.world, state)
            except RackrateError as error:
                return refused(error, request), receive
        return await _bounded(scope, headers, receive, request)


def _is_small(headers: Headers) -> bool:
    """Whether the body may be read before it is known who sends it."""
    length = headers.get("content-length", "0")
    return length.isdigit() and int(length) <= SMALL and "transfer-encoding" not in headers


def _bearer(headers: Headers) -> str:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("send a token, as `Authorization: Bearer rr_…`")
    return secret.strip()


async def _bounded(
    scope: Scope, headers: Headers, receive: Receive, request: str
) -> tuple[Response | None, Receive]:
    """The whole body in memory, if it is JSON and not too large."""
    if scope["method"] not in ("POST", "PUT", "PATCH"):
        return None, receive
    most = LARGEST_APPLY if scope["path"] == APPLY else LARGEST
    length = headers.get("content-length", "0")
    body = b"" if length.isdigit() and int(length) <= most else None
    while body is not None:
        message = await receive()
        if message["type"] != "http.request":
            return None, receive
        body += message.get("body", b"")
        if len(body) > most:
            body = None
        elif not message.get("more_body", False):
            break
    if body is None:
        detail = f"the body is larger than {most:,} bytes"
        return problem(Fault.TOO_LARGE, detail, request), receive
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        detail = "send JSON, with the header `Content-Type: application/json`"
        return problem(Fault.WRONG_MEDIA_TYPE, detail, request), receive
    return None, _replayed(body, receive)


def _replayed(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
