"""One call: who asks, which request it is, and how its answer is written down."""

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Path, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from starlette.responses import Response

from rackrate.api.asker import signed_in
from rackrate.api.problems import Stale
from rackrate.api.schemas.parts import NO_NUL, Page
from rackrate.app.once import once
from rackrate.app.world import World, together
from rackrate.core.access import Actor

JSON = "application/json"
# What may stand in a line that people paste into a shell.
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")
Tags = list[str | Enum]
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Call:
    """A signed-in request. Handlers run in threads, one call in each."""

    world: World
    request: Request

    @property
    def actor(self) -> Actor:
        return signed_in(self.world, self.request.scope["state"])

    def answer(self, body: BaseModel, status: int = 200) -> Response:
        return _written(_json(body), status)

    def tagged(self, body: BaseModel, version: int | None = None) -> Response:
        """With an ETag; 304 when the asker has this already. `version` is what If-Match names."""
        text = _json(body)
        digest = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
        tag = f'"{digest}"' if version is None else f'"{version}-{digest}"'
        known = self.request.headers.get("if-none-match", "")
        if known.strip() == "*" or tag in (
            each.strip().removeprefix("W/") for each in known.split(",")
        ):
            return Response(status_code=304, headers={"ETag": tag})
        return _written(text, 200, {"ETag": tag})

    def post(
        self, asked: BaseModel | None, act: Callable[[], BaseModel], status: int = 200
    ) -> Response:
        """Carry out a request, once for each Idempotency-Key."""
        return self.post_secret(asked, lambda: (body := act(), body), status)

    def post_secret(
        self,
        asked: BaseModel | None,
        act: Callable[[], tuple[BaseModel, BaseModel]],
        status: int = 200,
    ) -> Response:
        """`act` gives what is answered now, and what is kept for a repetition: no secrets."""
        key = self.request.headers.get("idempotency-key")
        if key is None:
            return self.answer(act()[0], status)
        now: list[BaseModel] = []

        def acted() -> tuple[int, str]:
            answer, kept = act()
            now.append(answer)
            return status, _json(kept)

        code, text, replayed = once(self.world, self.actor, key, self._fingerprint(asked), acted)
        headers = {"Idempotency-Replayed": "true"} if replayed else {}
        return _written(text if replayed else _json(now[0]), code, headers)

    def unchanged(self, act: Callable[[], T], version: Callable[[T], int]) -> T:
        """`act`, undone and Stale unless it changed just the version that If-Match names.

        `version` is that of the outcome: one more than of what it was made from.
        """
        expected = self.request.headers.get("if-match", "*").strip().removeprefix("W/")
        if expected == "*":
            return act()
        number = expected.strip('"').partition("-")[0]
        alone = self.request.headers.get("idempotency-key") is None
        with together(self.world) if alone else nullcontext():
            done = act()
            if number != str(version(done) - 1):
                raise Stale
            return done

    def ssh(self, lease: str) -> str:
        """The line that logs in to a lease, at the host by which the API was reached."""
        reached = _HOST.fullmatch(self.request.headers.get("host", ""))
        host = reached[1].strip("[]") if reached else "localhost"
        return f"ssh -p {self.request.app.state.ssh_port} {lease}@{host}"

    def _fingerprint(self, asked: BaseModel | None) -> str:
        scope = self.request.scope
        body = "" if asked is None else asked.model_dump_json()
        text = f"{scope['method']} {scope['path']}?{scope['query_string']!r}\n{body}"
        return hashlib.sha256(text.encode()).hexdigest()


def _json(body: BaseModel) -> str:
    return body.model_dump_json(by_alias=True)


def _written(text: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, {"Cache-Control": "no-store", **(headers or {})}, JSON)


_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="An API token: `rackrate token create` makes one. Shown once, stored hashed.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def _call(request: Request, _: Credentials) -> Call:
    return Call(request.app.state.world, request)


async def _keyed(
    request: Request,
    credentials: Credentials,
    _: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            pattern=r"^[\x20-\x7e]*$",
            description="The same key again answers the same, and does nothing again, for 7 days",
        ),
    ] = None,
) -> Call:
    return await _call(request, credentials)


async def _changing(
    call: Annotated[Call, Depends(_keyed)],
    _: Annotated[
        str | None,
        Header(
            alias="If-Match",
            max_length=200,
            pattern=r"^[\x20-\x7e]*$",
            description="An ETag: 412 unless it is still that version",
        ),
    ] = None,
) -> Call:
    return call


Caller = Annotated[Call, Depends(_call)]
Writer = Annotated[Call, Depends(_keyed)]
Changer = Annotated[Call, Depends(_changing)]
IdPath = Annotated[str, Path(min_length=1, max_length=200, pattern=NO_NUL)]
Named = Annotated[str | None, Query(max_length=200, pattern=NO_NUL)]
NeedsName = Annotated[str, Query(min_length=1, max_length=200, pattern=NO_NUL)]


def _id(row: Any) -> str:
    return str(row.id)


@dataclass(frozen=True, slots=True)
class Window:
    """Which page of a list is asked for."""

    limit: int
    after: str

    @property
    def probe(self) -> int:
        """One more than the page has room for, to see whether there is a next one."""
        return self.limit + 1

    def page(
        self, rows: Sequence[Row], render: Callable[[Row], M], key: Callable[[Row], str] = _id
    ) -> Page[M]:
        """A page of rows that begin after `after`, up to `probe` of them."""
        items = rows[: self.limit]
        following = key(items[-1]) if len(rows) > self.limit else None
        return Page[Any].model_construct(items=[render(row) for row in items], next=following)

    def cut(
        self, rows: Sequence[Row], render: Callable[[Row], M], key: Callable[[Row], str] = _id
    ) -> Page[M]:
        """A page of rows that are all there, in the order of their keys."""
        rest = [row for row in sorted(rows, key=key) if key(row) > self.after]
        return self.page(rest[: self.probe], render, key)


async def _window(
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many")] = 100,
    after: Annotated[
        str,
        Query(max_length=400, pattern=r"^[^\x00]*$", description="`next` of the page before"),
    ] = "",
) -> Window:
    return Window(limit, after)


Windowed = Annotated[Window, Depends(_window)]
