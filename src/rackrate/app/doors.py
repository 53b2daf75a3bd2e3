"""Who may enter a lease by its keys, and the way in: what the SSH gateway asks."""

import hashlib
from base64 import b64decode
from binascii import Error

from rackrate.app.world import World, acting
from rackrate.core.access import Actor, Grant, Role, Target, Verb
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import LeaseId, PrincipalId
from rackrate.core.lease import Lease, Phase
from rackrate.core.parties import SshKey
from rackrate.core.workload import Entry


def holder_of(world: World, lease: LeaseId, key: str) -> str | None:
    """The fingerprint under which this public key may enter the lease; None if it may not.

    `key` is an OpenSSH public key without its comment: the project's keys and the lease's own.
    """
    with world.store.transaction() as tx:
        row = tx.peek(Lease, lease)
        if row is None or row.phase is Phase.ENDED:
            return None
        keys = [known.public_key for known in tx.find(SshKey, project=row.project)]
        keys += row.terms.spec.keys
    if key not in {_bare(known) for known in keys}:
        return None
    return fingerprint(key)


def way_in(world: World, lease: LeaseId, rank: int, holder: str) -> Entry:
    """How to run a program inside a member of a running lease; Refused says what to do instead.

    `holder` is the fingerprint that `holder_of` answered: a key is a member of its project.
    """
    with world.store.transaction() as tx:
        row = tx.get(Lease, lease)
    principal = PrincipalId(f"key:{holder}")
    grant = Grant("key", principal, Role.MEMBER, row.customer, row.project)
    target = Target("lease", lease, row.customer, row.project)
    with acting(world, Actor(principal, (grant,)), Verb.LEASE_ENTER, target) as tx:
        row = tx.get(Lease, lease)
        if row.phase is not Phase.RUNNING:
            raise Refused(Reason.WRONG_STATE, _instead(row))
        if rank >= row.terms.nodes:
            raise Refused(Reason.INVALID, f"{lease} has members 0 to {row.terms.nodes - 1}")
    return world.engine(row.terms.site).entry(lease, rank)


def fingerprint(key: str) -> str:
    """The SHA-256 fingerprint of an OpenSSH public key, in hex."""
    try:
        return hashlib.sha256(b64decode(key.split()[1], validate=True)).hexdigest()
    except (IndexError, Error):
        return ""


def _bare(key: str) -> str:
    return " ".join(key.split()[:2])


def _instead(lease: Lease) -> str:
    what = {
        Phase.STOPPED: f"start it with: rackrate lease start {lease.id}",
        Phase.INTERRUPTED: f"see why with: rackrate lease show {lease.id}",
    }.get(lease.phase, "try again in a moment")
    return f"{lease.id} is {lease.phase}; {what}"
