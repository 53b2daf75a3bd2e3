"""Doing a request once: the key, the request's fingerprint and the answer, in one transaction."""

from collections.abc import Callable
from datetime import timedelta

from rackrate.app.world import World, together
from rackrate.core.access import Actor
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.parties import Idempotency

KEPT = timedelta(days=7)
LONGEST_KEY = 255


def once(
    world: World,
    actor: Actor,
    key: str,
    fingerprint: str,
    act: Callable[[], tuple[int, str]],
) -> tuple[int, str, bool]:
    """Run `act`, which answers (status, body), unless this key was answered before.

    Returns (status, body, replayed). The same key with another request is Refused `key_reused`.
    A refusal is not kept: the next try decides again. `act` must keep secrets out of its body.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise Invalid("Idempotency-Key", f"1 to {LONGEST_KEY} printable characters")
    id = f"{actor.principal}:{key}"
    with together(world) as tx:
        kept = tx.peek(Idempotency, id)
        now = world.clock.now()
        if kept is not None and kept.at + KEPT > now:
            if kept.fingerprint != fingerprint:
                raise Refused(
                    Reason.KEY_REUSED,
                    f"key {key!r} was used for another request; make a new key for a new request",
                )
            return kept.status, kept.answer, True
        status, answer = act()
        row = Idempotency(id, fingerprint, now, status, answer)
        if kept is None:
            tx.add(row)
        else:
            tx.put(row)
        return status, answer, False
