"""SSH keys of a project: public keys only, checked to the last byte, each once."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from rackrate.app.ports import Tx
from rackrate.app.world import Locate, World, acting, confine, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.errors import Conflict, Invalid
from rackrate.core.ids import ProjectId
from rackrate.core.parties import Project, SshKey

LONGEST_KEY = 16_384
MOST_KEYS = 100
LEAST_RSA_BITS = 2048

# How many fields an OpenSSH public key of each type has after the name of the type.
_FIELDS = {
    "ssh-ed25519": 1,
    "ssh-rsa": 2,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
    "sk-ssh-ed25519@openssh.com": 2,
    "sk-ecdsa-sha2-nistp256@openssh.com": 3,
}
_PRIVATE = re.compile(r"PRIVATE KEY|PuTTY-User-Key-File|b3BlbnNzaC1rZXktdjE", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An OpenSSH public key: `text` is type and key, without options and comment."""

    text: str
    comment: str
    fingerprint: str


def parse_public_key(text: str) -> PublicKey:
    """The key in one line of OpenSSH; Invalid otherwise. A private key is never repeated back."""
    if _PRIVATE.search(text):
        raise Invalid(
            "public_key",
            "THIS IS A PRIVATE KEY. It was not stored, but treat it as known to others: make a "
            "new pair, and give the file that ends in .pub",
        )
    if len(text) > LONGEST_KEY or "\n" in text.strip():
        raise Invalid("public_key", "must be one line, as in the file that ends in .pub")
    kind, _, rest = text.strip().partition(" ")
    encoded, _, comment = rest.strip().partition(" ")
    if kind not in _FIELDS:
        raise Invalid("public_key", f"must begin with its type, one of: {', '.join(_FIELDS)}")
    try:
        blob = base64.b64decode(encoded, validate=True)
        parts = _parts(blob)
    except (binascii.Error, ValueError):
        raise Invalid("public_key", "is damaged: copy the whole line of the .pub file") from None
    if parts[0] != kind.encode() or len(parts) != 1 + _FIELDS[kind]:
        raise Invalid("public_key", f"is damaged: what it holds is not a key of type {kind}")
    _check_strength(kind, parts)
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    kept = "".join(char for char in comment if char.isprintable())[:100]
    return PublicKey(f"{kind} {encoded}", kept, f"SHA256:{digest}")


def add_key(
    world: World, actor: Actor, project: ProjectId, public_key: str, name: str = ""
) -> SshKey:
    """Let this key into the project's leases. The same key twice in a project is refused."""
    if len(name) > 100 or not all(char.isprintable() for char in name):
        raise Invalid("name", "a key's name is one line of at most 100 characters")
    with acting(world, actor, Verb.KEY_WRITE, _owner(project)) as tx:
        key = parse_public_key(public_key)
        row = tx.get(Project, project)
        kept = tx.find(SshKey, project=project)
        same = next((other for other in kept if other.fingerprint == key.fingerprint), None)
        if same is not None:
            raise Conflict(f"project {project} has this key already, as {same.name!r} ({same.id})")
        if len(kept) >= MOST_KEYS:
            raise Invalid("project", f"a project has at most {MOST_KEYS} keys; remove one first")
        called = name or key.comment or key.fingerprint
        now = world.clock.now()
        added = SshKey(
            world.ids.new("key"), row.customer, row.id, called, key.text, key.fingerprint, now
        )
        tx.add(added)
        return added


def remove_key(world: World, actor: Actor, id: str) -> SshKey:
    """From now on the key opens nothing of the project. Sessions that are open stay."""

    def owner(tx: Tx) -> Target:
        key = tx.get(SshKey, id)
        return Target("key", id, key.customer, key.project)

    with acting(world, actor, Verb.KEY_WRITE, owner) as tx:
        key = tx.get(SshKey, id)
        tx.remove(SshKey, id)
        return key


def list_keys(world: World, actor: Actor, project: ProjectId) -> list[SshKey]:
    with reading(world, actor, Verb.PROJECT_READ, _owner(project)) as tx:
        confine(tx, actor)
        return tx.find(SshKey, project=project)


def _owner(id: ProjectId) -> Locate:
    def locate(tx: Tx) -> Target:
        project = tx.get(Project, id)
        return Target("project", id, project.customer, id)

    return locate


def _parts(blob: bytes) -> list[bytes]:
    """The length-prefixed fields that a key's bytes are made of (RFC 4253)."""
    parts: list[bytes] = []
    at = 0
    while at < len(blob):
        length = int.from_bytes(blob[at : at + 4], "big")
        if at + 4 + length > len(blob):
            raise ValueError("cut off")
        parts.append(blob[at + 4 : at + 4 + length])
        at += 4 + length
    if not parts:
        raise ValueError("empty")
    return parts


def _check_strength(kind: str, parts: list[bytes]) -> None:
    if kind == "ssh-rsa":
        bits = int.from_bytes(parts[2], "big").bit_length()
        if bits < LEAST_RSA_BITS:
            raise Invalid(
                "public_key",
                f"an RSA key of {bits} bits is too weak; at least {LEAST_RSA_BITS}, or ed25519",
            )
    elif kind == "ssh-ed25519" and len(parts[1]) != 32:
        raise Invalid("public_key", "is damaged: an ed25519 key has 32 bytes")
