"""Who asks: signed in once for each request, in the thread that does the work."""

import asyncio
import functools
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi.routing import APIRoute

from rackrate.app import identity
from rackrate.app.world import World
from rackrate.core.access import Actor

THREADS = 32
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
        super().__init__(path, endpoint, **options)


def _threaded(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(endpoint)
    async def run(**named: Any) -> Any:
        return await in_thread(endpoint, **named)

    return run
