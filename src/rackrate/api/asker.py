"""Who asks: signed in once for each request, in the thread that does the work."""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from rackrate.app import identity
from rackrate.app.world import World
from rackrate.core.access import Actor

THREADS = 32
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
T = TypeVar("T")
_POOL = ThreadPoolExecutor(THREADS, "rackrate-api")


async def in_thread(work: Callable[..., T], *args: Any, **named: Any) -> T:
    """Do it in a thread of the pool: at half the price of the framework's own way there."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_POOL, functools.partial(work, *args, **named))


def signed_in(world: World, state: Any) -> Actor:
    """The asker of a request. A token is looked up for every request, so revoking it is felt."""
    actor: Actor | None = state.get("actor")
    if actor is None:
        actor = state["actor"] = identity.sign_in(world, state["secret"], state["request"])
    return actor


class ThreadRoute(APIRoute):
    """A route whose synchronous handler runs in the pool."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if not inspect.iscoroutinefunction(endpoint):
            endpoint = _threaded(endpoint)
        options["response_description"] = "Done"
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        """A parameter that is not there is refused: a mistyped filter must not list everything."""
        handle = super().get_route_handler()
        known = _parameters(self.dependant)

        async def checked(request: Request) -> Response:
            if request.scope["query_string"]:
                unknown = [name for name in request.query_params if name not in known]
                if unknown:
                    takes = ", ".join(sorted(known)) or "none"
                    msg = f"there is no such parameter; this takes {takes}"
                    raise RequestValidationError([{"loc": ("query", unknown[0]), "msg": msg}])
            return await handle(request)

        return checked


def _parameters(dependant: Dependant) -> set[str]:
    """The names of all query parameters of a handler, and of what it depends on."""
    names = {field.alias for field in dependant.query_params}
    return names.union(*map(_parameters, dependant.dependencies))


def _threaded(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(endpoint)
    async def run(**named: Any) -> Any:
        return await in_thread(endpoint, **named)

    return run
